#include "tools/monitor/filter.h"

#include "base/testing.h"
#include "proto/command.h"
#include "proto/messages.h"

static uint32_t kinds_of(const char *list)
{
    struct view word = VIEW_NONE;
    uint32_t kinds = 0;

    assert_int_equal(filter_parse_kinds(list, &kinds, &word), 0);
    return kinds;
}

static void kinds_are_named_by_word_or_by_frame(void **state)
{
    (void)state;
    assert_int_equal(kinds_of("event"), 1U << MSG_EVENT_PUSH | 1U << MSG_EVENT_EPHEMERAL);
    assert_int_equal(kinds_of("Event_Push,RESULT"),
                     1U << MSG_EVENT_PUSH | 1U << MSG_RESULT_PUSH);
    assert_int_equal(kinds_of("query"), 1U << MSG_QUERY | 1U << MSG_ANSWER);
    assert_int_equal(kinds_of("replay"), 1U << MSG_REPLAY);
    assert_int_equal(kinds_of("hello"), 1U << MSG_HELLO);
    assert_int_equal(kinds_of("command_push"), 1U << MSG_COMMAND_PUSH);
    assert_int_equal(kinds_of("all"), UINT32_MAX);
}

static void heartbeats_are_shown_when_asked_for(void **state)
{
    (void)state;
    assert_false(kinds_of(NULL) & 1U << MSG_HEARTBEAT);
    assert_true(kinds_of(NULL) & 1U << MSG_EVENT_PUSH);
    assert_true(kinds_of(NULL) & 1U); /* unknown kinds */
    assert_true(kinds_of("heartbeat") & 1U << MSG_HEARTBEAT_ANSWER);
}

static void an_unknown_kind_is_named(void **state)
{
    static const char *const lists[] = {"event,evnt", "", "event,", ",", "even"};
    static const char *const wrong[] = {"evnt", "", "", "", "even"};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(lists); i++) {
        struct view word = VIEW_NONE;
        uint32_t kinds = 0;

        assert_int_equal(filter_parse_kinds(lists[i], &kinds, &word), -EINVAL);
        assert_true(view_is(word, wrong[i]));
    }
}

/* A command and its result as they stand in frames. */
struct pair {
    struct buf bytes[2];
    struct pack_doc docs[2];
    struct decode_item command;
    struct decode_item result;
};

static void pair_open(struct pair *p)
{
    struct command c = {.kind = COMMAND_AMO_MESSAGE,
                        .id = 7,
                        .trace = {{1}},
                        .scope = VIEW_LIT("chan_acc"),
                        .conversation_id = VIEW_LIT("demo-5"),
                        .conversation_ref_id = VIEW_LIT("ref")};
    struct result r = {.id = 7, .attempt = 1, .outcome = OUTCOME_DONE};

    buf_init(&p->bytes[0], 4096);
    buf_init(&p->bytes[1], 4096);
    assert_int_equal(command_encode(&c, &p->bytes[0]), 0);
    assert_int_equal(result_encode(&r, &p->bytes[1]), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pack_doc_open(&p->docs[i], buf_view(&p->bytes[i])), 0);
    p->command = (struct decode_item){
        .what = "command", .trace = c.trace, .fields = pack_doc_root(&p->docs[0])};
    p->result = (struct decode_item){.what = "result", .fields = pack_doc_root(&p->docs[1])};
}

static void pair_close(struct pair *p)
{
    for (size_t i = 0; i < 2; i++) {
        pack_doc_close(&p->docs[i]);
        buf_fini(&p->bytes[i]);
    }
}

static void a_result_passes_with_its_command(void **state)
{
    static const struct filter filters[] = {
        {.kinds = UINT32_MAX, .scope = "chan_acc"},
        {.kinds = UINT32_MAX, .trace = {{1}}     },
    };
    struct recall *recall = NULL;
    struct pair p;

    (void)state;
    pair_open(&p);
    assert_int_equal(recall_new(&recall), 0);
    assert_null(recall_result(recall, p.result.fields));
    recall_command(recall, p.command.fields);
    for (size_t i = 0; i < AMO_COUNT(filters); i++) {
        const struct recall_about *about = recall_result(recall, p.result.fields);

        assert_non_null(about);
        assert_true(filter_passes(&filters[i], MSG_COMMAND_PUSH, &p.command, NULL));
        assert_false(filter_passes(&filters[i], MSG_RESULT_PUSH, &p.result, NULL));
        assert_true(filter_passes(&filters[i], MSG_RESULT_PUSH, &p.result, about));
    }
    recall_free(recall);
    pair_close(&p);
}

static void what_is_about_something_else_does_not_pass(void **state)
{
    /* clang-format 14 never settles on rows of uneven length */
    /* clang-format off */
    static const struct filter filters[] = {
        {.kinds = 1U << MSG_EVENT_PUSH},
        {.kinds = UINT32_MAX, .scope = "chan_other"},
        {.kinds = UINT32_MAX, .trace = {{2}}},
    };
    /* clang-format on */
    struct decode_item bare = {.what = "heartbeat"};
    struct pair p;

    (void)state;
    pair_open(&p);
    for (size_t i = 0; i < AMO_COUNT(filters); i++) {
        assert_false(filter_passes(&filters[i], MSG_COMMAND_PUSH, &p.command, NULL));
        assert_false(filter_passes(&filters[i], MSG_HEARTBEAT, &bare, NULL));
    }
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_named_by_word_or_by_frame),
        cmocka_unit_test(heartbeats_are_shown_when_asked_for),
        cmocka_unit_test(an_unknown_kind_is_named),
        cmocka_unit_test(a_result_passes_with_its_command),
        cmocka_unit_test(what_is_about_something_else_does_not_pass),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
