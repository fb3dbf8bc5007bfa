#include "tools/monitor/step.h"

#include <string.h>

#include "base/testing.h"
#include "proto/command.h"
#include "proto/event.h"
#include "proto/messages.h"
#include "tools/common/text.h"
#include "tools/monitor/edges.h"

#define PHONE  "79001234567"
#define SCOPE  "f90ba33d-c9d9-44da-b76c-c349b0ecbe41_2b13cae0-24f7-4058-b9ad-c13ee05e1b53"
#define DOOR   1763816400123 /* 13:00:00.123 */
#define LONG64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct id trace = {
    {1, 2, 3}
};

/* One packed map as an item. */
struct given {
    struct buf bytes;
    struct pack_doc doc;
    struct decode_item item;
    struct envelope env;
};

static void open_given(struct given *g, enum msg_kind kind, int64_t unix_ms)
{
    g->env = (struct envelope){.kind = kind, .unix_ms = unix_ms};
    assert_int_equal(pack_doc_open(&g->doc, buf_view(&g->bytes)), 0);
    g->item = (struct decode_item){.fields = pack_doc_root(&g->doc)};
    if (id_from_view(pack_text(pack_get(g->item.fields, "trace")), &g->item.trace))
        g->item.trace = (struct id){{0}};
}

static void give_event(struct given *g, const struct event *e)
{
    buf_init(&g->bytes, 1 << 16);
    assert_int_equal(event_encode(e, &g->bytes), 0);
    open_given(g, MSG_EVENT_PUSH, DOOR);
}

static void give_command(struct given *g, const struct command *c)
{
    buf_init(&g->bytes, 1 << 16);
    assert_int_equal(command_encode(c, &g->bytes), 0);
    open_given(g, MSG_COMMAND_PUSH, DOOR + 2);
}

static void give_result(struct given *g, const struct result *r)
{
    buf_init(&g->bytes, 1 << 16);
    assert_int_equal(result_encode(r, &g->bytes), 0);
    open_given(g, MSG_RESULT_PUSH, DOOR + 5);
}

static void given_fini(struct given *g)
{
    pack_doc_close(&g->doc);
    buf_fini(&g->bytes);
}

static void print(const struct given *g, const char *process, const struct recall_about *about,
                  const struct story *story, bool reveal, size_t width, struct buf *out)
{
    struct step s;

    step_init(&s, reveal);
    step_make(&s, view_of(process), &g->env, &g->item, about, story);
    buf_init(out, 1 << 16);
    assert_int_equal(step_line(&s, width, out), 0);
    step_fini(&s);
    assert_true(text_width(view_make(out->ptr, out->len - 1)) <= width);
    assert_ptr_equal(memchr(out->ptr, '\n', out->len), out->ptr + out->len - 1);
}

static void check(const struct given *g, const char *process, const struct recall_about *about,
                  const struct story *story, size_t width, const char *want)
{
    struct buf out;

    print(g, process, about, story, false, width, &out);
    assert_string_equal(buf_str(&out), want);
    buf_fini(&out);
}

static struct event from_client(void)
{
    return (struct event){.kind = EVENT_SERVICE_MESSAGE,
                          .trace = {{1, 2, 3}},
                          .taken_ms = DOOR,
                          .connector = VIEW_LIT("demo"),
                          .source = VIEW_LIT("wa1"),
                          .conversation = VIEW_LIT(PHONE),
                          .content.type = VIEW_LIT("text"),
                          .content.text = VIEW_LIT("Hello")};
}

static void a_message_is_received_and_done_in_a_line_each(void **state)
{
    const struct command c = {.kind = COMMAND_AMO_MESSAGE,
                              .id = 7,
                              .attempt = 2,
                              .trace = {{1, 2, 3}},
                              .scope = VIEW_LIT(SCOPE),
                              .conversation_id = VIEW_LIT("demo-wa1-" PHONE),
                              .content.type = VIEW_LIT("text"),
                              .content.text = VIEW_LIT("Hello")};
    const struct result r = {
        .id = 7, .attempt = 2, .outcome = OUTCOME_DONE, .status = 200, .took_ms = 3};
    struct stories *stories = NULL;
    struct recall *recall = NULL;
    struct event e = from_client();
    struct given g;

    (void)state;
    assert_int_equal(stories_new(&stories), 0);
    assert_int_equal(recall_new(&recall), 0);
    give_event(&g, &e);
    check(&g, "ingress-1", NULL, NULL, 80,
          "13:00:00 ingress-1  client>amo wa1 ***4567 text 5 chars received\n");
    stories_learn(stories, &g.item.trace, g.item.fields);
    given_fini(&g);
    give_command(&g, &c);
    recall_command(recall, g.item.fields);
    check(&g, "egress-1", NULL, stories_find(stories, &trace), 80,
          "13:00:00 egress-1   client>amo wa1 ***4567 text 5 chars begins\n");
    given_fini(&g);
    give_result(&g, &r);
    check(&g, "egress-1", recall_result(recall, g.item.fields), stories_find(stories, &trace),
          80, "13:00:00 egress-1   client>amo wa1 ***4567 text 5 chars done 5 ms\n");
    check(&g, "egress-1", recall_result(recall, g.item.fields), stories_find(stories, &trace),
          160,
          "13:00:00.128 egress-1   client>amo wa1 ***4567 text 5 chars done 5 ms  "
          "account 2b13cae0  trace 01020300-0000-0000-0000-000000000000\n");
    check(&g, "egress-1", recall_result(recall, g.item.fields), NULL, 80,
          "13:00:00 egress-1   client>amo demo-wa1-***4567 text 5 chars done (call 3 ms)\n");
    check(&g, "egress-1", NULL, NULL, 80,
          "13:00:00 egress-1   call       call done (call 3 ms)\n");
    given_fini(&g);
    recall_free(recall);
    stories_free(stories);
}

static void what_goes_wrong_is_said_in_words(void **state)
{
    const struct {
        struct result r;
        const char *want;
    } cases[] = {
        {{.outcome = OUTCOME_RETRY, .cause = CAUSE_SERVER, .status = 500}, "failed server 500"},
        {{.outcome = OUTCOME_HOLD, .cause = CAUSE_CONNECT},                "held connect"     },
        {{.outcome = OUTCOME_UNKNOWN, .cause = CAUSE_TIMEOUT},             "no answer timeout"},
        {{.outcome = OUTCOME_DEAD, .cause = CAUSE_REFUSED, .status = 400},
         "refused refused 400"                                                                },
        {{.outcome = OUTCOME_UNSTARTED},                                   "handed back"      },
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        struct given g;
        struct buf out;

        give_result(&g, &cases[i].r);
        print(&g, "egress", NULL, NULL, false, 80, &out);
        assert_non_null(strstr(buf_str(&out), cases[i].want));
        buf_fini(&out);
        given_fini(&g);
    }
}

static void each_kind_of_event_says_what_it_is(void **state)
{
    const struct {
        struct event e;
        const char *want;
    } cases[] = {
        {{.kind = EVENT_AMO_MESSAGE,
          .chat_id = VIEW_LIT("3ef70000-24f7-4058-b9ad-c13ee05e1b53")},
         "amo>client 3ef70000 message received"                                                                              },
        {{.kind = EVENT_AMO_TYPING},                                                             "amo>client typing received"},
        {{.kind = EVENT_SERVICE_STATUS, .connector = VIEW_LIT("d"), .status = VIEW_LIT("read")},
         "client>amo d status read received"                                                                                 },
        {{.kind = EVENT_SERVICE_EDIT, .connector = VIEW_LIT("d"), .deleted = true},
         "client>amo d deleted received"                                                                                     },
        {{.kind = EVENT_SERVICE_REACTION, .connector = VIEW_LIT("d"), .unset = true},
         "client>amo d reaction removed received"                                                                            },
        {{.kind = EVENT_SERVICE_MESSAGE, .connector = VIEW_LIT("d"), .outgoing = true},
         "service>amo d message received"                                                                                    },
        {{.kind = EVENT_QUARANTINE, .reason = VIEW_LIT("json")},
         "not understood: json received"                                                                                     },
        {{.kind = EVENT_DOOR_TEST},                                                              "test webhook received"     },
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        struct given g;
        struct buf out;

        give_event(&g, &cases[i].e);
        print(&g, "ingress", NULL, NULL, false, 80, &out);
        assert_non_null(strstr(buf_str(&out), cases[i].want));
        buf_fini(&out);
        given_fini(&g);
    }
}

static void the_longest_values_fit_every_width(void **state)
{
    struct event e = from_client();
    struct given g;

    (void)state;
    e.source = VIEW_LIT(LONG64);
    e.conversation = VIEW_LIT(LONG64 "-" LONG64);
    e.scope = VIEW_LIT(SCOPE);
    e.content.type = VIEW_LIT(LONG64);
    e.content.text = VIEW_LIT("\xe6\xbc\xa2\xe5\xad\x97 and \x1b[2J\n more " LONG64 LONG64);
    give_event(&g, &e);
    for (size_t width = 40; width <= 300; width++) {
        struct buf out;

        print(&g, LONG64, NULL, NULL, width % 2, width, &out);
        assert_true(width < 76 || strstr(buf_str(&out), "received"));
        assert_null(strchr(buf_str(&out), '\x1b'));
        buf_fini(&out);
    }
    given_fini(&g);
}

static void texts_and_phones_are_masked_unless_revealed(void **state)
{
    struct event e = from_client();
    struct given g;
    struct buf out;

    (void)state;
    give_event(&g, &e);
    print(&g, "ingress", NULL, NULL, true, 80, &out);
    assert_non_null(strstr(buf_str(&out), "wa1 " PHONE " text Hello received"));
    buf_fini(&out);
    print(&g, "ingress", NULL, NULL, false, 300, &out);
    assert_null(strstr(buf_str(&out), "Hello"));
    assert_null(strstr(buf_str(&out), "9001234"));
    buf_fini(&out);
    given_fini(&g);
}

static struct tap_message heard(const char *process, char direction, struct view head)
{
    return (struct tap_message){
        .process = view_of(process), .direction = direction, .head = head};
}

static void a_frame_is_told_once_and_named_by_who_is_not_core(void **state)
{
    struct envelope env = {.kind = MSG_EVENT_PUSH, .edge_boot = {{9}}};
    struct edges *edges = NULL;
    struct tap_message at_core = heard("core", '<', VIEW_LIT("head"));
    struct tap_message at_edge = heard("in-1", '>', VIEW_LIT("head"));

    (void)state;
    assert_int_equal(edges_new(&edges), 0);
    assert_true(view_is(edges_name(edges, &at_core, &env), "core"));
    assert_false(edges_have_told(edges, &at_core));
    assert_true(view_is(edges_name(edges, &at_edge, &env), "in-1"));
    assert_true(edges_have_told(edges, &at_edge));
    assert_true(view_is(edges_name(edges, &at_core, &env), "in-1"));
    assert_false(edges_have_told(edges, &at_core)); /* another one that is the same */
    assert_false(edges_have_told(edges, &at_core));
    edges_free(edges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_received_and_done_in_a_line_each),
        cmocka_unit_test(what_goes_wrong_is_said_in_words),
        cmocka_unit_test(each_kind_of_event_says_what_it_is),
        cmocka_unit_test(the_longest_values_fit_every_width),
        cmocka_unit_test(texts_and_phones_are_masked_unless_revealed),
        cmocka_unit_test(a_frame_is_told_once_and_named_by_who_is_not_core),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
