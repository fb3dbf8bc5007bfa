#include "tools/monitor/sides.h"

#include <string.h>

#include "base/testing.h"
#include "proto/command.h"
#include "proto/event.h"

/* An item with its bytes. */
struct made {
    struct buf bytes;
    struct pack_doc doc;
    struct decode_item item;
};

static void made_open(struct made *m, const char *what, const struct id *trace, int rc)
{
    assert_int_equal(rc, 0);
    assert_int_equal(pack_doc_open(&m->doc, buf_view(&m->bytes)), 0);
    m->item = (struct decode_item){.trace = *trace, .fields = pack_doc_root(&m->doc)};
    memcpy(m->item.what, what, strlen(what) + 1);
}

static void made_close(struct made *m)
{
    pack_doc_close(&m->doc);
    buf_fini(&m->bytes);
}

static bool has_event(struct sides *s, const struct event *e)
{
    struct made m;
    bool has = false;

    buf_init(&m.bytes, 4096);
    made_open(&m, "event", &e->trace, event_encode(e, &m.bytes));
    has = sides_have(s, &m.item, NULL);
    made_close(&m);
    return has;
}

static bool has_command(struct sides *s, const struct command *c)
{
    struct made m;
    bool has = false;

    buf_init(&m.bytes, 4096);
    made_open(&m, "command", &c->trace, command_encode(c, &m.bytes));
    has = sides_have(s, &m.item, NULL);
    made_close(&m);
    return has;
}

static struct event written(void)
{
    return (struct event){.kind = EVENT_SERVICE_MESSAGE,
                          .trace = {{1}},
                          .connector = VIEW_LIT("wa"),
                          .conversation = VIEW_LIT("7900"),
                          .message_id = VIEW_LIT("m1")};
}

static struct command sent(void)
{
    return (struct command){.kind = COMMAND_AMO_MESSAGE,
                            .id = 7,
                            .trace = {{1}},
                            .scope = VIEW_LIT("chan_acc"),
                            .conversation_id = VIEW_LIT("wa-7900")};
}

static struct event answered(void)
{
    return (struct event){.kind = EVENT_AMO_MESSAGE,
                          .trace = {{2}},
                          .scope = VIEW_LIT("chan_acc"),
                          .chat_id = VIEW_LIT("chat"),
                          .chat_client_id = VIEW_LIT("wa-7900")};
}

static void the_other_side_is_learnt_from_the_trace(void **state)
{
    const struct event theirs = written();
    const struct event ours = answered();
    const struct command command = sent();
    struct command elsewhere = sent();
    struct event neighbour = written();
    struct sides *s = NULL;

    (void)state;
    elsewhere.trace = (struct id){{9}};
    elsewhere.conversation_id = VIEW_LIT("wa-7901");
    neighbour.trace = (struct id){{8}};
    neighbour.connector = VIEW_LIT("tg");
    assert_int_equal(sides_new(&s), 0);
    sides_add(s, VIEW_NONE, VIEW_LIT("nothing"));
    assert_false(has_event(s, &theirs));
    sides_add(s, VIEW_LIT("wa"), VIEW_LIT("7900"));
    assert_true(has_event(s, &theirs));
    assert_false(has_event(s, &neighbour));
    assert_false(has_event(s, &ours));
    assert_true(has_command(s, &command));
    assert_true(has_event(s, &ours));
    assert_false(has_command(s, &elsewhere));
    sides_free(s);
    sides_free(NULL);
}

static void a_name_without_a_connector_is_of_any(void **state)
{
    const struct event theirs = written();
    struct sides *s = NULL;

    (void)state;
    assert_int_equal(sides_new(&s), 0);
    sides_add(s, VIEW_NONE, VIEW_LIT("7900"));
    assert_true(has_event(s, &theirs));
    for (int i = 0; i < 1000; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "n%d", i);
        sides_add(s, VIEW_NONE, view_of(name)); /* more than it keeps */
    }
    assert_true(has_event(s, &theirs));
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_other_side_is_learnt_from_the_trace),
        cmocka_unit_test(a_name_without_a_connector_is_of_any),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
