/* Conversations of an older bridge: what is made of a row, what is refused, and what then goes to
 * either side. */

#include <stdio.h>
#include <string.h>

#include "base/process.h"
#include "core/deliver/resolve.h"
#include "core/store/db.h"
#include "core/testing/amoctl.h"

#define CHAT  "11111111-aaaa-4aaa-8aaa-000000000001"
#define CHAT2 "11111111-aaaa-4aaa-8aaa-000000000002"
#define USER  "22222222-bbbb-4bbb-8bbb-000000000001"
#define USER2 "22222222-bbbb-4bbb-8bbb-000000000002"

#define ROW(rest)  "{\"line\":2,\"connector\":\"svc\",\"source\":\"line1\"," rest "}"
#define ROWS(rows) "{\"rows\":[" rows "]}"
#define DRY(rows)  "{\"dry_run\":true,\"rows\":[" rows "]}"
/* The whole row of rig_client_text's thread. */
#define WHOLE                                                                                  \
    ROW("\"conversation\":\"thread\",\"client_id\":\"old-77\",\"chat_id\":\"" CHAT "\","       \
        "\"user_id\":\"old-user\",\"user_ref\":\"" USER "\",\"phone\":\"8 999 123-45-67\"")

/* Imports and compares the counts, as "created updated unchanged refused"; the first reason, when
 * there is one, has @words. */
static void import(struct rig *r, const char *args, const char *counts, const char *words)
{
    static const char *const keys[] = {"created", "updated", "unchanged", "refused"};
    struct reply reply = ctl_ask(r, "conversation.import", args);
    const struct json_node *root = json_root(reply.doc);
    struct view reason = VIEW_NONE;

    if (reply.code != EXIT_FINE)
        fail_msg("%s", reply.error);
    assert_int_equal(
        json_text(reply.doc, json_path(json_array_at(json_get(root, "refusals"), 0), "reason"),
                  &reason),
        0);
    for (size_t i = 0; i < AMO_COUNT(keys); i++) {
        if (ctl_int(root, keys[i]) != counts[i] - '0')
            fail_msg("%s: %lld, %.*s", keys[i], (long long)ctl_int(root, keys[i]),
                     (int)reason.len, reason.ptr ? reason.ptr : "");
    }
    if (words && !view_find(reason, words))
        fail_msg("%.*s", (int)reason.len, reason.ptr ? reason.ptr : "no reason");
    json_free(reply.doc);
}

/* What goes to amo when the client writes. */
static void client_writes(struct rig *r, struct resolved *ret)
{
    struct event e = rig_client_text("m1");

    rig_take(r, &e);
    rig_resolve(r, COMMAND_AMO_MESSAGE, ret);
}

static void an_imported_client_writes_into_the_chat_that_amo_has(void **state)
{
    struct rig *r = *state;
    struct resolved out;

    import(r, ROWS(WHOLE), "1000", NULL);
    client_writes(r, &out);
    assert_true(view_is(out.body.conversation_id, "old-77"));
    assert_true(view_is(out.body.conversation_ref_id, CHAT));
    assert_true(view_is(out.body.sender_id, "old-user"));
    assert_true(view_is(out.body.sender_ref_id, USER));
    assert_string_equal(out.conversation.phone, "79991234567");
    resolved_fini(&out);
}

static void without_our_old_id_of_the_client_amos_is_named_beside_a_new_one(void **state)
{
    struct rig *r = *state;
    struct resolved out;

    import(r,
           ROWS(ROW("\"conversation\":\"thread\",\"client_id\":\"old-77\",\"user_ref\":\"" USER
                    "\"")),
           "1000", NULL);
    client_writes(r, &out);
    assert_true(view_is(out.body.conversation_id, "old-77"));
    assert_true(view_empty(out.body.conversation_ref_id));
    assert_true(view_is(out.body.sender_id, "svc-thread"));
    assert_true(view_is(out.body.sender_ref_id, USER));
    resolved_fini(&out);
}

/* Neither side's id of the client was given: the first message of a manager teaches amo's. */
static void a_client_without_any_id_is_named_once_a_manager_wrote(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("a1");
    struct resolved out;

    import(r,
           ROWS(ROW("\"conversation\":\"thread\",\"client_id\":\"old-77\",\"chat_id\":\"" CHAT
                    "\"")),
           "1000", NULL);
    e.chat_id = VIEW_LIT(CHAT);
    e.chat_client_id = VIEW_LIT("old-77");
    e.receiver_id = VIEW_LIT(USER);
    rig_take(r, &e);
    client_writes(r, &out);
    assert_true(view_is(out.body.conversation_ref_id, CHAT));
    assert_true(view_is(out.body.sender_ref_id, USER));
    resolved_fini(&out);
}

static void a_chat_that_was_never_linked_is_linked_by_the_next_message(void **state)
{
    struct rig *r = *state;
    struct resolved out;

    import(r,
           ROWS(ROW("\"conversation\":\"thread\",\"chat_id\":\"" CHAT "\",\"user_ref\":\"" USER
                    "\"")),
           "1000", NULL);
    client_writes(r, &out);
    assert_true(view_is(out.body.conversation_id, "svc-line1-thread"));
    assert_true(view_is(out.body.conversation_ref_id, CHAT));
    assert_true(view_is(out.body.sender_ref_id, USER));
    assert_false(out.conversation.linked);
    resolved_fini(&out);
}

/* By amo's id of the chat, or by the older bridge's before amo's is known. */
static void a_manager_in_the_old_chat_reaches_the_services_conversation(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("a1");
    struct resolved out;

    e.chat_id = VIEW_LIT(CHAT);
    e.chat_client_id = VIEW_LIT("old-77");
    rig_take(r, &e);
    rig_assert_quarantined(r, "unknown_conversation"); /* as it is without the import */
    import(r, ROWS(ROW("\"conversation\":\"thread\",\"client_id\":\"old-77\"")), "1000", NULL);
    e = rig_manager_text("a2");
    e.chat_id = VIEW_LIT(CHAT);
    e.chat_client_id = VIEW_LIT("old-77");
    rig_take(r, &e);
    rig_resolve(r, COMMAND_SERVICE_MESSAGE, &out);
    assert_true(view_is(out.body.conversation, "thread"));
    assert_false(out.body.write_first);
    assert_string_equal(out.conversation.chat_id, CHAT);
    resolved_fini(&out);
}

static void a_second_import_finds_everything_unchanged(void **state)
{
    struct rig *r = *state;
    struct resolved out;

    import(r, ROWS(WHOLE "," WHOLE), "1010", NULL);
    import(r, ROWS(WHOLE), "0010", NULL);
    client_writes(r, &out);
    resolved_fini(&out);
    import(r, ROWS(WHOLE), "0010", NULL);
}

static void a_later_file_adds_what_the_first_did_not_know(void **state)
{
    struct rig *r = *state;
    struct conversation c;

    import(r, ROWS(ROW("\"conversation\":\"thread\",\"client_id\":\"old-77\"")), "1000", NULL);
    import(r, ROWS(WHOLE), "0100", NULL);
    c = rig_conversation(r);
    assert_string_equal(c.chat_id, CHAT);
    assert_string_equal(c.user_id, "old-user");
    assert_string_equal(c.user_ref, USER);
    assert_string_equal(c.phone, "79991234567");
    assert_true(c.linked && c.amo_born);
    conversation_fini(&c);
    import(r, ROWS(WHOLE), "0010", NULL);
}

static void a_dry_run_tells_the_same_and_changes_nothing(void **state)
{
    struct rig *r = *state;

    import(r,
           DRY(WHOLE "," WHOLE "," ROW("\"conversation\":\"other\",\"client_id\":\"old-77\"")),
           "1011", "already used");
    import(r, DRY(WHOLE), "1000", NULL);
    import(r, ROWS(WHOLE), "1000", NULL);
}

static void a_refused_row_stops_no_other(void **state)
{
    struct rig *r = *state;

    import(r,
           ROWS(ROW("\"conversation\":\"a\"") "," WHOLE
                                              "," ROW("\"phone\":\"x\",\"client_id\":\"c\"")),
           "1002", "amo would make a new chat");
    import(r, ROWS(WHOLE), "0010", NULL);
}

/* The client wrote before the import: amo has made a second chat of him. Where he writes stays;
 * the old chat's managers are heard. */
static void the_old_chat_of_a_client_who_wrote_already_is_added(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("a9");
    struct conversation c;
    struct resolved out;

    rig_client_message_done(r, "m1", "amo-1"); /* in "chat-1" */
    import(r, ROWS(WHOLE), "0100", NULL);
    import(r, ROWS(WHOLE), "0010", NULL);
    c = rig_conversation(r);
    assert_string_equal(c.chat_id, "chat-1");
    assert_string_equal(c.client_id, "svc-line1-thread");
    conversation_fini(&c);
    import(r, ROWS(ROW("\"conversation\":\"thread\",\"client_id\":\"old-77\"")), "0001",
           "names no chat_id");
    e.chat_id = VIEW_LIT(CHAT);
    e.chat_client_id = VIEW_LIT("old-77");
    rig_take(r, &e);
    rig_resolve(r, COMMAND_SERVICE_MESSAGE, &out);
    assert_true(view_is(out.body.conversation, "thread"));
    resolved_fini(&out);
}

/* He wrote, and nothing has reached amo yet: the old chat becomes his. */
static void a_conversation_that_amo_does_not_know_takes_the_rows_chat(void **state)
{
    struct rig *r = *state;
    struct resolved out;

    client_writes(r, &out);
    assert_true(view_is(out.body.conversation_id, "svc-line1-thread"));
    resolved_fini(&out);
    import(r, ROWS(WHOLE), "0100", NULL);
    rig_resolve(r, COMMAND_AMO_MESSAGE, &out);
    assert_true(view_is(out.body.conversation_id, "old-77"));
    assert_true(view_is(out.body.conversation_ref_id, CHAT));
    assert_true(view_is(out.body.sender_ref_id, USER));
    resolved_fini(&out);
}

/* A name is only shown: it costs no row. */
static void import_odd_names(struct rig *r)
{
    static const char *const names[] = {"\"a\\u0007\"", "[1]", "7", "{}", "true"};
    char args[2048];
    char name[1101];

    for (size_t i = 0; i < AMO_COUNT(names); i++) {
        (void)snprintf(
            args, sizeof(args),
            ROWS(ROW("\"conversation\":\"n%zu\",\"client_id\":\"n%zu\",\"name\":%s")), i, i,
            names[i]);
        import(r, args, "1000", NULL);
    }
    memset(name, 'x', 1100);
    name[1100] = '\0';
    (void)snprintf(args, sizeof(args),
                   ROWS(ROW("\"conversation\":\"n\",\"client_id\":\"n\",\"name\":\"%s\"")),
                   name);
    import(r, args, "1000", NULL);
    import(r, args, "0010", NULL);
}

static void what_contradicts_is_refused_in_words(void **state)
{
    static const struct {
        const char *row;
        const char *words;
    } cases[] = {
        {"{}",                                                                                   "connector is missing"    },
        {"{\"connector\":\"none\",\"conversation\":\"c\",\"client_id\":\"x\"}",
         "no connector none"                                                                                               },
        {ROW("\"client_id\":\"x\""),                                                             "neither conversation nor"},
        {ROW("\"conversation\":\"c\""),                                                          "amo would make a new"    },
        {ROW("\"conversation\":\"c\",\"chat_id\":\"" CHAT2 "\""),                                "amo would make a new"    },
        {ROW("\"conversation\":\"c\",\"client_id\":\"x\",\"chat_id\":\"12\""),
         "chat_id is no UUID"                                                                                              },
        {ROW("\"conversation\":\"c\",\"client_id\":\"x\",\"user_ref\":\"12\""),
         "user_ref is no UUID"                                                                                             },
        {ROW("\"conversation\":\"c\",\"client_id\":\"x\",\"phone\":\"7.90055500E+10\""),
         "E+10"                                                                                                            },
        {ROW("\"conversation\":\"7.9E+10\",\"client_id\":\"x\""),                                "rounded"                 },
        {ROW("\"conversation\":\"c\",\"client_id\":\"x\",\"phone\":\"none\""),                   "no number"               },
        {ROW("\"conversation\":\"c\\u0007\",\"client_id\":\"x\""),                               "control character"       },
        {ROW("\"conversation\":\"c\",\"client_id\":\"x\",\"scope\":\"no_no\""),
         "no account no_no"                                                                                                },
        {ROW("\"conversation\":\"c\",\"client_id\":\"x\",\"scope\":\"ch_two\""),
         "belong to account ch_acc"                                                                                        },
        {ROW("\"conversation\":\"c\",\"client_id\":\"old-77\""),
         "the service's conversation thread"                                                                               },
        {ROW("\"conversation\":\"c\",\"client_id\":\"x\",\"chat_id\":\"" CHAT "\""),
         "the service's conversation thread"                                                                               },
        {ROW("\"conversation\":\"thread\",\"client_id\":\"old-78\""),
         "already used by another"                                                                                         },
        {ROW("\"conversation\":\"thread\",\"client_id\":\"old-77\",\"user_ref\":\"" USER2 "\""),
         "user_ref is not the client"                                                                                      },
        {"{\"connector\":\"svc\",\"source\":\"line2\",\"conversation\":\"thread\","
         "\"client_id\":\"old-77\"}",                                                   "source line1"            },
    };
    struct rig *r = *state;
    char args[1024];
    char id[600];

    rig_register_second(r);
    import(r, ROWS(WHOLE "," ROW("\"conversation\":\"b\",\"client_id\":\"old-78\"")), "2000",
           NULL);
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        (void)snprintf(args, sizeof(args), ROWS("%s"), cases[i].row);
        import(r, args, "0001", cases[i].words);
    }
    memset(id, 'x', 513);
    id[513] = '\0';
    (void)snprintf(args, sizeof(args), ROWS(ROW("\"conversation\":\"c\",\"client_id\":\"%s\"")),
                   id);
    import(r, args, "0001", "longer than 512");
    import_odd_names(r);
    import(r, ROWS(WHOLE), "0010", NULL);
    ctl_sad(r, "conversation.import", "{}", EXIT_USAGE, "rows at once");
    ctl_sad(r, "conversation.import", "{\"rows\":[]}", EXIT_USAGE, "rows at once");
}

static void with_several_accounts_the_source_must_be_listed(void **state)
{
    struct rig *r = *state;

    ctl_fine(r, "account.connect",
             "{\"channel\":\"ch\",\"account\":\"acc2\",\"connector\":\"svc\","
             "\"scope_id\":\"ch_acc2\"}");
    import(r, ROWS(WHOLE), "0001", "source line1 is listed for no account");
    rig_register_source(r, "line1", "ch_acc2");
    import(r, ROWS(WHOLE), "1000", NULL);
    import(
        r,
        ROWS(ROW("\"conversation\":\"thread\",\"client_id\":\"old-77\",\"scope\":\"ch_acc\"")),
        "0001", "belong to account ch_acc2");
}

/* Whatever of the store fails, nothing of the rows is there afterwards. */
static void a_failing_store_leaves_nothing_half_done(void **state)
{
    struct rig *r = *state;

    for (uint64_t at = 1;; at++) {
        struct reply reply = {0};
        bool answered = false;

        ctl_ingress_holds_registry(r);
        db_fail_at(at);
        ctl_call(r, "conversation.import", ROWS(WHOLE));
        answered = ctl_wait(r, 20000, 0, &reply);
        db_fail_at(0);
        json_free(reply.doc);
        if (answered && reply.code == EXIT_FINE)
            break;
        rig_restart(r);
        assert_true(at < 100);
        import(r, DRY(WHOLE), "1000", NULL);
    }
    import(r, ROWS(WHOLE), "0010", NULL);
}

static void a_conversation_is_shown_by_any_of_its_ids(void **state)
{
    static const char *const names[] = {"1", "thread", "old-77", CHAT, "79991234567"};
    struct rig *r = *state;
    struct resolved out;
    struct reply reply;
    char args[128];

    import(r, ROWS(WHOLE), "1000", NULL);
    client_writes(r, &out);
    resolved_fini(&out);
    for (size_t i = 0; i < AMO_COUNT(names); i++) {
        (void)snprintf(args, sizeof(args), "{\"id\":\"%s\"}", names[i]);
        reply = ctl_ask(r, "conversation.show", args);
        assert_int_equal(reply.code, EXIT_FINE);
        ctl_text(&reply, json_root(reply.doc), "client_id", "old-77");
        ctl_text(&reply, json_root(reply.doc), "conversation", "thread");
        ctl_text(&reply, json_root(reply.doc), "user_ref", USER);
        assert_int_equal(json_array_len(json_get(json_root(reply.doc), "chats")), 1);
        assert_int_equal(ctl_int(json_root(reply.doc), "messages.inbound"), 1);
        assert_int_equal(ctl_int(json_root(reply.doc), "messages.outbound"), 0);
        assert_int_equal(json_array_len(json_get(json_root(reply.doc), "waiting")), 1);
        json_free(reply.doc);
    }
    ctl_sad(r, "conversation.show", "{\"id\":\"nobody\"}", EXIT_FAILED, "no conversation");
    ctl_sad(r, "conversation.show", "{}", EXIT_USAGE, "id is missing");
    import(r, ROWS(ROW("\"conversation\":\"old-77\",\"client_id\":\"y\"")), "1000", NULL);
    reply = ctl_ask(r, "conversation.show", "{\"id\":\"old-77\"}");
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_non_null(strstr(reply.error, "2 conversations"));
    assert_int_equal(json_array_len(json_get(json_root(reply.doc), "conversations")), 2);
    json_free(reply.doc);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_imported_client_writes_into_the_chat_that_amo_has),
        CASE(without_our_old_id_of_the_client_amos_is_named_beside_a_new_one),
        CASE(a_client_without_any_id_is_named_once_a_manager_wrote),
        CASE(a_chat_that_was_never_linked_is_linked_by_the_next_message),
        CASE(a_manager_in_the_old_chat_reaches_the_services_conversation),
        CASE(a_second_import_finds_everything_unchanged),
        CASE(a_later_file_adds_what_the_first_did_not_know),
        CASE(a_dry_run_tells_the_same_and_changes_nothing),
        CASE(a_refused_row_stops_no_other),
        CASE(the_old_chat_of_a_client_who_wrote_already_is_added),
        CASE(a_conversation_that_amo_does_not_know_takes_the_rows_chat),
        CASE(what_contradicts_is_refused_in_words),
        CASE(with_several_accounts_the_source_must_be_listed),
        CASE(a_failing_store_leaves_nothing_half_done),
        CASE(a_conversation_is_shown_by_any_of_its_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
