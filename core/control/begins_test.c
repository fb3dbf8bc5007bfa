/* An id may be given by its beginning. */

#include <stdio.h>

#include "base/process.h"
#include "core/store/db.h"
#include "core/store/private.h"
#include "core/testing/amoctl.h"

#define BEGIN "9f8b2c11"

static void done(struct rig *r, const char *amo_id, const char *service_id)
{
    rig_manager_message_done(r, amo_id, service_id);
}

static void eight_characters_are_enough_where_they_are_unique(void **state)
{
    static const char *const whole = BEGIN "-aaaa-4000-8000-000000000001";
    struct rig *r = *state;
    struct reply reply;

    rig_client_message_done(r, "m1", "amo-1");
    done(r, whole, "wamid.HBgLNzkwMDU1NQ");
    reply = ctl_ask(r, "trace", "{\"id\":\"" BEGIN "\"}");
    assert_int_equal(reply.code, EXIT_FINE);
    ctl_text(&reply, json_root(reply.doc), "message.amo_id", whole);
    json_free(reply.doc);
    reply = ctl_ask(r, "trace", "{\"id\":\"wamid.HBgL\"}");
    assert_int_equal(reply.code, EXIT_FINE);
    ctl_text(&reply, json_root(reply.doc), "message.amo_id", whole);
    json_free(reply.doc);
    ctl_fine(r, "message.list", "{\"who\":\"" BEGIN "-aa\"}");
    ctl_fine(r, "conversation.show", "{\"id\":\"" BEGIN "\"}");
    ctl_sad(r, "message.retry", "{\"id\":\"" BEGIN "\"}", EXIT_FAILED, "nothing");
    ctl_sad(r, "trace", "{\"id\":\"9f8b2c1\"}", EXIT_FAILED, "no message"); /* seven */
    ctl_sad(r, "trace", "{\"id\":\"9f8b2c12\"}", EXIT_FAILED, "no message");
}

static void of_several_there_is_a_row_for_each(void **state)
{
    struct rig *r = *state;
    struct reply reply;
    const struct json_node *rows = NULL;

    rig_client_message_done(r, "m1", "amo-1");
    done(r, BEGIN "-aaaa-4000-8000-000000000001", "s-1");
    done(r, BEGIN "-aaaa-4000-8000-000000000002", "s-2");
    for (int i = 0; i < 2; i++) {
        static const char *const verbs[] = {"trace", "message.retry"};

        reply = ctl_ask(r, verbs[i], "{\"id\":\"" BEGIN "\"}");
        assert_int_equal(reply.code, EXIT_FAILED);
        assert_non_null(strstr(reply.error, "2 ids begin with " BEGIN));
        rows = json_get(json_root(reply.doc), "candidates");
        assert_int_equal(json_array_len(rows), 2);
        ctl_text(&reply, json_array_at(rows, 1), "id", BEGIN "-aaaa-4000-8000-000000000002");
        ctl_text(&reply, json_array_at(rows, 1), "state", "delivered_to_service");
        json_free(reply.doc);
    }
    ctl_fine(r, "trace", "{\"id\":\"" BEGIN "-aaaa-4000-8000-000000000002\"}");
}

static void what_is_kept_is_found_by_its_beginning_as_well(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("7c7c7c7c-amo");
    char trace[ID_TEXT_LEN + 1];
    char args[64];
    struct reply reply;

    id_format(&e.trace, trace);
    e.scope = VIEW_LIT("ch_stranger");
    rig_take(r, &e);
    e = rig_status("7c7c7c7d-theirs", "read");
    rig_take(r, &e);
    ctl_fine(r, "trace", "{\"id\":\"7c7c7c7c\"}");
    reply = ctl_ask(r, "trace", "{\"id\":\"7c7c7c7d\"}");
    assert_int_equal(reply.code, EXIT_FINE);
    assert_int_equal(json_array_len(json_get(json_root(reply.doc), "events")), 1);
    json_free(reply.doc);
    (void)snprintf(args, sizeof(args), "{\"id\":\"%.8s\"}", trace);
    ctl_fine(r, "trace", args);
}

/* However often one id is there, it is one; and of many it is not said how many. */
static void many_rows_of_one_id_are_one_and_many_ids_are_cut(void **state)
{
    struct rig *r = *state;
    struct reply reply;

    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(
        db_run(r->core.store->db,
               "/* test */ WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM k WHERE"
               " i<200) INSERT INTO quarantine(kind,reason,event,at_ms,message_id) SELECT"
               " 1,'failed',x'00',i,'onlyonehere' FROM k UNION ALL SELECT"
               " 1,'failed',x'00',i,'manythings-'||i FROM k",
               ""),
        0);
    rig_commit(r);
    ctl_fine(r, "trace", "{\"id\":\"onlyoneh\"}");
    reply = ctl_ask(r, "trace", "{\"id\":\"manything\"}");
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_non_null(strstr(reply.error, "at least 20 ids begin with manything"));
    assert_int_equal(json_array_len(json_get(json_root(reply.doc), "candidates")), 20);
    json_free(reply.doc);
}

/* Of two services, one message each. */
static void two_services_have(struct rig *r, const char *id)
{
    struct event e = rig_client_text(id);

    rig_register_second(r);
    rig_take(r, &e);
    e.connector = VIEW_LIT("two");
    e.scope = VIEW_LIT("ch_two");
    e.source = VIEW_LIT("line2");
    e.conversation = VIEW_LIT("other-person");
    e.sender_id = VIEW_LIT("other-client");
    e.sender_phone = VIEW_LIT("+79990000001");
    memset(e.trace.bytes, 77, sizeof(e.trace.bytes));
    rig_take(r, &e);
}

static void an_id_that_two_services_have_is_not_guessed(void **state)
{
    static const char *const verbs[] = {"trace", "message.retry", "queue.drop"};
    struct rig *r = *state;
    char args[100] = "";
    struct reply reply;

    two_services_have(r, "10000001-of-both");
    for (size_t i = 0; i < 2 * AMO_COUNT(verbs); i++) {
        /* the whole of it; and a beginning that no other id has */
        const struct json_node *rows = NULL;
        struct view id = VIEW_NONE;

        reply = ctl_ask(r, verbs[i / 2],
                        i % 2 ? "{\"id\":\"10000001\"}" : "{\"id\":\"10000001-of-both\"}");
        assert_int_equal(reply.code, EXIT_FAILED);
        assert_non_null(strstr(reply.error, "2 messages have the id 10000001-of-both"));
        rows = json_get(json_root(reply.doc), "candidates");
        assert_int_equal(json_array_len(rows), 2);
        ctl_text(&reply, json_array_at(rows, 0), "connector", "two");
        ctl_text(&reply, json_array_at(rows, 1), "scope_id", "ch_acc");
        assert_int_equal(json_text(reply.doc, json_get(json_array_at(rows, 1), "id"), &id), 0);
        (void)snprintf(args, sizeof(args), "{\"id\":\"%.*s\"}", (int)id.len, id.ptr);
        json_free(reply.doc);
    }
    assert_int_equal(rig_stored_commands(r), 2);
    reply = ctl_ask(r, "queue.drop", args); /* each has an id that is its own */
    assert_int_equal(reply.code, EXIT_FINE);
    assert_int_equal(ctl_int(json_root(reply.doc), "dropped"), 1);
    json_free(reply.doc);
}

static void its_conversations_are_there_to_choose_from(void **state)
{
    static const char *const asks[] = {"message.list", "{\"who\":\"10000001\"}",
                                       "conversation.show", "{\"id\":\"10000001\"}"};
    struct rig *r = *state;

    two_services_have(r, "10000001");
    for (size_t i = 0; i < AMO_COUNT(asks); i += 2) {
        struct reply reply = ctl_ask(r, asks[i], asks[i + 1]);

        assert_int_equal(reply.code, EXIT_FAILED);
        assert_int_equal(json_array_len(json_get(json_root(reply.doc), "conversations")), 2);
        json_free(reply.doc);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(eight_characters_are_enough_where_they_are_unique),
        CASE(of_several_there_is_a_row_for_each),
        CASE(what_is_kept_is_found_by_its_beginning_as_well),
        CASE(many_rows_of_one_id_are_one_and_many_ids_are_cut),
        CASE(an_id_that_two_services_have_is_not_guessed),
        CASE(its_conversations_are_there_to_choose_from),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
