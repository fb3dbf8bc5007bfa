/* Webhooks: signed, sent once, one at a time per chat, and kept in a log. */
#include "tools/sandbox/amojo/hooks.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tools/sandbox/amojo/hook_body.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/kit/digest.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/record/verify.h"
#include "tools/sandbox/testing/json.h"
#include "tools/sandbox/testing/rig.h"

static struct amojo_scope *scope(struct rig *r)
{
    return names_get(&r->sandbox.amojo->scopes, "ch_acc");
}

static const struct hook_entry *hook(struct rig *r, uint64_t number)
{
    return outbox_get(&r->sandbox.hooks, number);
}

static void assert_state(struct rig *r, uint64_t number, const char *state)
{
    assert_string_equal(jread_str(hook(r, number)->out.shown.o, "state"), state);
}

static int send_one(struct rig *r, const struct hook_send *how, uint64_t *ret_number)
{
    struct hook_send h = *how;

    h.kind = "message";
    h.scope = scope(r);
    if (!h.body.ptr)
        h.body = VIEW_LIT("{\"n\":1}");
    return hooks_send(&r->sandbox, &h, ret_number);
}

static void a_webhook_is_signed_over_its_body_alone(void **state)
{
    struct rig *r = *state;
    uint64_t number = 0;
    char want[DIGEST_SHA1_HEX + 1];

    assert_int_equal(send_one(r, &(struct hook_send){.newline = true}, &number), 0);
    rig_await_idle(r);
    assert_int_equal(verify_hook_sign("secret", "{\"n\":1}", 7, want), 0);
    assert_string_equal(r->seen.signature, want);
    assert_string_equal(r->seen.method, "POST");
    assert_string_equal(r->seen.path, "/messages/ch_acc");
    assert_int_equal(r->seen.last_byte, '\n');
    assert_int_equal(send_one(r, &(struct hook_send){.newline = false}, &number), 0);
    rig_await_idle(r);
    assert_int_equal(r->seen.last_byte, '}');
}

static void a_tester_may_sign_otherwise(void **state)
{
    struct rig *r = *state;
    uint64_t number = 0;
    char want[DIGEST_SHA1_HEX + 1];

    assert_int_equal(send_one(r, &(struct hook_send){.secret = "other"}, &number), 0);
    rig_await_idle(r);
    assert_int_equal(verify_hook_sign("other", "{\"n\":1}", 7, want), 0);
    assert_string_equal(r->seen.signature, want);
    assert_int_equal(send_one(r, &(struct hook_send){.signature = "made-up"}, &number), 0);
    rig_await_idle(r);
    assert_string_equal(r->seen.signature, "made-up");
    assert_int_equal(send_one(r, &(struct hook_send){.signature = ""}, &number), 0);
    rig_await_idle(r);
    assert_string_equal(r->seen.signature, "");
    assert_int_equal(r->seen.n, 3);
}

static void what_the_bridge_answers_is_logged_and_never_repeated(void **state)
{
    struct rig *r = *state;
    uint64_t number = 0;
    struct json_object *o = NULL;

    r->bridge_status = 503;
    assert_int_equal(send_one(r, &(struct hook_send){.chat = "c", .id = "m"}, &number), 0);
    assert_true(hooks_is_under_way(&r->sandbox, number));
    assert_state(r, number, "queued");
    rig_await_idle(r);
    assert_false(hooks_is_under_way(&r->sandbox, number));
    assert_int_equal(r->seen.n, 1);
    assert_int_equal(rig_count(r, "webhooks.refused"), 1);
    o = journal_entry_json(hook(r, number));
    testing_assert_at(o, "state", "'answered'");
    testing_assert_at(o, "status", "503");
    testing_assert_at(o, "scope_id", "'ch_acc'");
    testing_assert_at(o, "chat", "'c'");
    testing_assert_at(o, "id", "'m'");
    testing_assert_at(o, "error", "null");
    testing_assert_at(o, "body", "'{\\'n\\':1}'");
    json_object_put(o);
}

static void a_webhook_without_an_answer_is_lost(void **state)
{
    struct rig *r = *state;
    uint64_t number = 0;

    assert_int_equal(send_one(r, &(struct hook_send){.url = "http://127.0.0.1:1/x"}, &number),
                     0);
    rig_await_idle(r);
    assert_state(r, number, "lost");
    assert_non_null(jread_str(hook(r, number)->out.shown.o, "error"));
    assert_int_equal(rig_count(r, "webhooks.lost"), 1);
}

static void a_chat_has_one_webhook_on_the_wire(void **state)
{
    struct rig *r = *state;
    uint64_t n[3] = {0};

    r->bridge_is_slow = true;
    assert_int_equal(send_one(r, &(struct hook_send){.chat = "a"}, &n[0]), 0);
    assert_int_equal(send_one(r, &(struct hook_send){.chat = "a"}, &n[1]), 0);
    assert_int_equal(send_one(r, &(struct hook_send){.chat = "b"}, &n[2]), 0);
    rig_await_calls(r, 2);
    assert_state(r, n[0], "sent");
    assert_state(r, n[1], "queued");
    assert_state(r, n[2], "sent");
    rig_await_idle(r);
    assert_int_equal(rig_count(r, "webhooks.ok"), 3);
}

static void webhooks_are_sent_for_connected_accounts_only(void **state)
{
    struct rig *r = *state;
    uint64_t number = 0;

    scope(r)->connected = false;
    assert_int_equal(send_one(r, &(struct hook_send){.chat = "a"}, &number), -ENETDOWN);
    assert_int_equal(send_one(r, &(struct hook_send){.by_hand = true}, &number), 0);
    rig_await_idle(r);
    r->sandbox.settings.max_log = 1;
    assert_int_equal(send_one(r, &(struct hook_send){.by_hand = true}, &number), -ENOSPC);
}

static void numbers_go_on_after_a_reset_of_the_log(void **state)
{
    struct rig *r = *state;
    uint64_t first = 0;
    uint64_t second = 0;

    assert_int_equal(send_one(r, &(struct hook_send){.chat = "a"}, &first), 0);
    outbox_clear(&r->sandbox.hooks);
    assert_null(hook(r, first));
    assert_int_equal(send_one(r, &(struct hook_send){.chat = "a"}, &second), 0);
    assert_int_equal(second, first + 1);
    assert_non_null(hook(r, second));
    assert_null(hook(r, second + 1));
    rig_await_idle(r); /* the first one has no entry any more, and is sent as well */
    assert_int_equal(r->seen.n, 2);
}

/* A message of a manager in chat c1, as hook_body_* get it. */
static struct amojo_message *a_message(struct rig *r)
{
    struct amojo_store *st = r->sandbox.amojo;
    struct amojo_user *u = NULL;
    struct amojo_chat *chat = NULL;
    struct amojo_message *m = NULL;

    assert_int_equal(amojo_user_add(st, scope(r), "user", "u1", &u), 0);
    assert_int_equal(amojo_chat_add(st, scope(r), "chat", "c1", u, &chat), 0);
    assert_int_equal(amojo_message_add(st, chat, "msg", NULL, NULL, &m), 0);
    m->from = FROM_MANAGER;
    return m;
}

static void the_body_of_a_message_has_all_that_amojo_sends(void **state)
{
    struct rig *r = *state;
    const struct amojo_message *m = a_message(r);
    struct json_object *over = testing_json("{'type':'picture','media':'https://e.com/p'}");
    struct json_object *o = hook_body_message(&r->sandbox, m, "see", "line", over);

    testing_assert_at(o, "account_id", "'acc'");
    testing_assert_at(o, "message.receiver",
                      "{'id':'user','name':'','phone':'','client_id':'u1','email':''}");
    testing_assert_at(o, "message.conversation", "{'id':'chat','client_id':'c1'}");
    testing_assert_at(o, "message.source.external_id", "'line'");
    testing_assert_at(o, "message.message",
                      "{'id':'msg','type':'picture','text':'see','markup':null,'tag':'',"
                      "'media':'https://e.com/p','thumbnail':'','file_name':'','file_size':0}");
    json_object_put(o);
    o = hook_body_message(&r->sandbox, m, "see", NULL, NULL);
    testing_assert_at(o, "message.source", "null");
    testing_assert_at(o, "message.message.type", "'text'");
    json_object_put(o);
    json_object_put(over);
}

static void a_reaction_has_two_documented_forms(void **state)
{
    struct rig *r = *state;
    const struct amojo_message *m = a_message(r);
    struct json_object *act = testing_json("{'emoji':'x','manager':'m'}");
    struct json_object *o = hook_body_reaction(&r->sandbox, m, act);

    testing_assert_at(o, "action.reaction.type", "'react'");
    testing_assert_at(o, "action.reaction.user.id", "'m'");
    testing_assert_at(o, "action.reaction.message.id", "'msg'");
    json_object_put(o);
    json_object_put(act);
    act = testing_json("{'type':'unreact','form':'msgid'}");
    o = hook_body_reaction(&r->sandbox, m, act);
    testing_assert_at(o, "action.reaction.type", "'unreact'");
    testing_assert_at(o, "action.reaction.msgid", "'msg'");
    testing_assert_at(o, "action.reaction.message", "null");
    assert_string_equal(testing_text_at(o, "action.reaction.user.id"), rig_manager(r));
    json_object_put(o);
    json_object_put(act);
}

static void typing_names_its_user_in_one_of_two_places(void **state)
{
    struct rig *r = *state;
    const struct amojo_chat *chat = a_message(r)->chat;
    struct json_object *act = testing_json("{'manager':'m'}");
    struct json_object *o = hook_body_typing(&r->sandbox, chat, act);

    testing_assert_at(o, "action.typing.user.id", "'m'");
    testing_assert_at(o, "action.typing.conversation.client_id", "'c1'");
    json_object_put(o);
    json_object_put(act);
    act = testing_json("{'manager':'m','form':'action'}");
    o = hook_body_typing(&r->sandbox, chat, act);
    testing_assert_at(o, "action.user.id", "'m'");
    testing_assert_at(o, "action.typing.user", "null");
    json_object_put(o);
    json_object_put(act);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_webhook_is_signed_over_its_body_alone),
        RIG_TEST(a_tester_may_sign_otherwise),
        RIG_TEST(what_the_bridge_answers_is_logged_and_never_repeated),
        RIG_TEST(a_webhook_without_an_answer_is_lost),
        RIG_TEST(a_chat_has_one_webhook_on_the_wire),
        RIG_TEST(webhooks_are_sent_for_connected_accounts_only),
        RIG_TEST(numbers_go_on_after_a_reset_of_the_log),
        RIG_TEST(the_body_of_a_message_has_all_that_amojo_sends),
        RIG_TEST(a_reaction_has_two_documented_forms),
        RIG_TEST(typing_names_its_user_in_one_of_two_places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
