/* Reactions of both sides: whose, to what, told once. */

#include <string.h>

#include "base/clock.h"
#include "core/deliver/resolve.h"
#include "core/intake/deferred.h"
#include "core/testing/rig.h"

#define HOUR_MS 3600000LL
#define THUMB   "\xf0\x9f\x91\x8d"
#define HEART   "\xe2\x9d\xa4"

static void take(struct rig *r, struct event e)
{
    rig_take(r, &e);
}

/* As the normalizer makes it of one hook. */
static struct event hooked(const char *amo_id, const char *emoji, const char *dedup)
{
    struct event e = rig_manager_reaction(amo_id, emoji);

    e.dedup = view_of(dedup);
    return e;
}

/* The newest command of this kind settles as done. */
static void done(struct rig *r, enum command_kind kind)
{
    struct core_command *c = NULL;

    rig_turn(r);
    c = rig_command(r, kind);
    assert_non_null(c);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    rig_result(r, r->worker, c, (struct result){.outcome = OUTCOME_DONE});
    rig_commit(r);
}

/* --- of a manager --------------------------------------------------------------------------- */

static void a_managers_reaction_names_the_message_as_the_service_does(void **state)
{
    struct rig *r = *state;
    struct resolved body;

    rig_client_message_done(r, "m1", "amo-1");
    take(r, hooked("amo-1", THUMB, "r:1"));
    rig_resolve(r, COMMAND_SERVICE_REACTION, &body);
    assert_true(view_is(body.body.message_id, "m1"));
    assert_true(view_is(body.body.conversation, "thread"));
    assert_true(view_is(body.body.connector, "svc"));
    assert_true(view_is(body.body.emoji, THUMB));
    assert_false(body.body.unset);
    assert_true(view_is(body.body.author, "manager"));
    assert_true(view_starts(body.body.key, "svc-m1-reaction-"));
    assert_null(memchr(body.body.key.ptr, '.', body.body.key.len)); /* it is signed with dots */
    resolved_fini(&body);
}

static void a_message_the_service_gave_no_name_goes_by_ours(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    struct message m = rig_message(r, "aamo-1");
    struct resolved body;

    rig_result(r, r->worker, c, (struct result){.outcome = OUTCOME_DONE});
    rig_commit(r);
    take(r, hooked("amo-1", THUMB, "r:1"));
    rig_resolve(r, COMMAND_SERVICE_REACTION, &body);
    assert_true(view_is(body.body.message_id, m.mid));
    assert_true(view_starts(body.body.key, m.mid));
    resolved_fini(&body);
    message_fini(&m);
}

static void its_webhook_id_is_the_same_at_every_attempt(void **state)
{
    struct rig *r = *state;
    struct resolved body;
    char key[128];

    rig_client_message_done(r, "m1", "amo-1");
    take(r, hooked("amo-1", THUMB, "r:1"));
    rig_resolve(r, COMMAND_SERVICE_REACTION, &body);
    assert_int_equal(view_copy(body.body.key, key, sizeof(key)), 0);
    resolved_fini(&body);
    rig_turn(r);
    rig_result(r, r->worker, rig_command(r, COMMAND_SERVICE_REACTION),
               (struct result){.outcome = OUTCOME_UNKNOWN, .cause = CAUSE_TIMEOUT});
    rig_commit(r);
    rig_restart(r);
    rig_resolve(r, COMMAND_SERVICE_REACTION, &body);
    assert_true(view_is(body.body.key, key));
    resolved_fini(&body);
}

static void a_repeated_hook_makes_one_call(void **state)
{
    struct rig *r = *state;

    rig_client_message_done(r, "m1", "amo-1");
    take(r, hooked("amo-1", THUMB, "r:1"));
    take(r, hooked("amo-1", THUMB, "r:1"));
    assert_int_equal(rig_count(r, COMMAND_SERVICE_REACTION), 1);
    done(r, COMMAND_SERVICE_REACTION);
    rig_restart(r);
    take(r, hooked("amo-1", THUMB, "r:1")); /* and after it was told, too */
    assert_int_equal(rig_count(r, COMMAND_SERVICE_REACTION), 0);
    rig_assert_counts(r, 0, 0, 0);
}

static void the_same_emoji_at_another_time_is_another_reaction(void **state)
{
    struct rig *r = *state;
    struct resolved one;
    struct resolved two;
    struct core_command *c = NULL;

    rig_client_message_done(r, "m1", "amo-1");
    take(r, hooked("amo-1", THUMB, "r:1"));
    take(r, hooked("amo-1", THUMB, "r:2"));
    assert_int_equal(rig_count(r, COMMAND_SERVICE_REACTION), 2);
    c = queue_find(r->core.queue, 2);
    assert_int_equal(resolve_command(&r->core, c, &one), 0);
    c = queue_find(r->core.queue, 3);
    assert_int_equal(resolve_command(&r->core, c, &two), 0);
    assert_false(view_equal(one.body.key, two.body.key));
    resolved_fini(&one);
    resolved_fini(&two);
}

static void reactions_to_two_messages_share_no_key(void **state)
{
    struct rig *r = *state;

    rig_client_message_done(r, "m1", "amo-1");
    rig_client_message_done(r, "m2", "amo-2");
    take(r, hooked("amo-1", THUMB, "same"));
    take(r, hooked("amo-2", THUMB, "same"));
    assert_int_equal(rig_count(r, COMMAND_SERVICE_REACTION), 2);
}

static void a_reaction_taken_back_names_the_remembered_emoji(void **state)
{
    struct rig *r = *state;
    struct resolved body;

    rig_client_message_done(r, "m1", "amo-1");
    take(r, hooked("amo-1", THUMB, "r:1"));
    done(r, COMMAND_SERVICE_REACTION);
    take(r, hooked("amo-1", HEART, "r:2")); /* the last one counts */
    done(r, COMMAND_SERVICE_REACTION);
    rig_restart(r);
    take(r, hooked("amo-1", NULL, "r:3"));
    rig_resolve(r, COMMAND_SERVICE_REACTION, &body);
    assert_true(body.body.unset);
    assert_true(view_is(body.body.emoji, HEART));
    resolved_fini(&body);
    done(r, COMMAND_SERVICE_REACTION);
    take(r, hooked("amo-1", NULL, "r:4")); /* there is none any more */
    rig_resolve(r, COMMAND_SERVICE_REACTION, &body);
    assert_true(body.body.unset);
    assert_int_equal(body.body.emoji.len, 0);
    resolved_fini(&body);
}

static void a_repeat_does_not_bring_back_what_was_taken_away(void **state)
{
    struct rig *r = *state;
    struct message m;
    struct buf set;

    rig_client_message_done(r, "m1", "amo-1");
    take(r, hooked("amo-1", THUMB, "r:1"));
    take(r, hooked("amo-1", NULL, "r:2"));
    take(r, hooked("amo-1", THUMB, "r:1"));
    m = rig_message(r, "aamo-1");
    buf_init(&set, 100);
    assert_int_equal(store_reaction_get(r->core.store, m.id, VIEW_LIT("manager"), &set), 0);
    assert_int_equal(set.len, 0);
    buf_fini(&set);
    message_fini(&m);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_REACTION), 2);
}

/* --- too early, in vain --------------------------------------------------------------------- */

static void a_reaction_before_amos_answer_waits_for_it(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");

    take(r, hooked("amo-1", THUMB, "r:1"));
    rig_assert_counts(r, 0, 0, 1);
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE, .amo_message_id = VIEW_LIT("amo-1")});
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_REACTION), 1);
}

static void a_reaction_that_names_our_id_needs_no_waiting(void **state)
{
    struct rig *r = *state;
    struct event e = hooked("amo-1", THUMB, "r:1");

    (void)rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    e.message_client_id = VIEW_LIT("svc-m1");
    take(r, e);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_REACTION), 1);
}

static void a_reaction_waits_for_a_managers_message_that_waits_itself(void **state)
{
    struct rig *r = *state;
    struct event out = rig_outgoing_text("o1");
    struct event manager = rig_manager_text("amo-7");

    rig_client_message_done(r, "m1", "amo-1");
    (void)rig_push(r, &out);
    rig_turn(r);
    manager.chat_id = VIEW_LIT("chat-1");
    take(r, manager); /* perhaps the echo of o1 */
    take(r, hooked("amo-7", THUMB, "r:1"));
    rig_assert_counts(r, 0, 0, 2);
    rig_result(r, r->worker, rig_command(r, COMMAND_AMO_OUTGOING),
               (struct result){.outcome = OUTCOME_DONE, .amo_message_id = VIEW_LIT("amo-6")});
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_REACTION), 1);
}

static void a_reaction_whose_message_never_came_is_kept_for_a_person(void **state)
{
    struct rig *r = *state;

    take(r, hooked("amo-1", THUMB, "r:1"));
    deferred_overdue(&r->core, clock_unix_ms() + HOUR_MS + 60000);
    rig_commit(r);
    rig_assert_quarantined(r, "unknown_message");
}

static void a_reaction_to_a_message_the_service_never_got_dies(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DEAD, .cause = CAUSE_REFUSED});
    rig_commit(r);
    take(r, hooked("amo-1", THUMB, "r:1"));
    assert_int_equal(rig_resolve_code(r, COMMAND_SERVICE_REACTION), RESOLVE_E_PARENT);
    rig_turn(r);
    rig_commit(r);
    rig_assert_dead(r, "parent");
}

static void a_reaction_of_another_account_is_kept_for_a_person(void **state)
{
    struct rig *r = *state;
    struct event e = hooked("amo-1", THUMB, "r:1");

    rig_register_second(r);
    rig_client_message_done(r, "m1", "amo-1");
    e.scope = VIEW_LIT("ch_two");
    take(r, e); /* amo counts the other account's messages apart: its own may be on the way */
    rig_assert_counts(r, 0, 0, 1);
    e.message_client_id = VIEW_LIT("svc-m1");
    take(r, e);
    rig_assert_quarantined(r, "foreign_message");
    e.scope = VIEW_LIT("ch_none");
    take(r, e);
    rig_assert_quarantined(r, "unknown_scope");
    assert_int_equal(queue_count(r->core.queue), 0);
}

/* --- of the service's side ------------------------------------------------------------------ */

static void a_clients_reaction_is_his_own(void **state)
{
    struct rig *r = *state;
    struct conversation conv;
    struct resolved body;

    rig_client_message_done(r, "m1", "amo-1");
    rig_manager_message_done(r, "amo-2", "s-2");
    conv = rig_conversation(r);
    take(r, rig_client_reaction("s-2", THUMB));
    rig_resolve(r, COMMAND_AMO_REACTION, &body);
    assert_true(view_is(body.body.message_id, "amo-2"));
    assert_int_equal(body.body.message_client_id.len, 0);
    assert_true(view_is(body.body.sender_id, conv.user_id));
    assert_int_equal(body.body.sender_ref_id.len, 0);
    assert_true(view_is(body.body.emoji, THUMB));
    assert_false(body.body.unset);
    assert_int_equal(command_life_ms(COMMAND_AMO_REACTION), HOUR_MS);
    resolved_fini(&body);
    conversation_fini(&conv);
}

static void a_reaction_to_a_message_without_amos_id_names_ours(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct resolved body;

    rig_result(r, r->worker, c, (struct result){.outcome = OUTCOME_DONE});
    rig_commit(r);
    take(r, rig_client_reaction("m1", NULL));
    rig_resolve(r, COMMAND_AMO_REACTION, &body);
    assert_int_equal(body.body.message_id.len, 0);
    assert_true(view_is(body.body.message_client_id, "svc-m1"));
    assert_true(body.body.unset);
    resolved_fini(&body);
}

static void a_reaction_in_a_crm_users_name_is_not_the_clients(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_reaction("m1", THUMB);
    struct conversation conv;
    struct resolved body;

    rig_client_message_done(r, "m1", "amo-1");
    conv = rig_conversation(r);
    e.author = VIEW_LIT("crm-user");
    take(r, e);
    rig_resolve(r, COMMAND_AMO_REACTION, &body);
    assert_true(view_is(body.body.sender_ref_id, "crm-user"));
    assert_true(view_is(body.body.sender_id, "svc-crm-user"));
    resolved_fini(&body);
    rig_turn(r);
    rig_result(r, r->worker, rig_command(r, COMMAND_AMO_REACTION),
               (struct result){.outcome = OUTCOME_DONE});
    rig_commit(r);
    e = rig_client_reaction("m1", THUMB);
    e.author = VIEW_LIT("crm-user");
    e.sender_id = VIEW_LIT("operator-3"); /* or by the service's id of him */
    take(r, e);
    rig_resolve(r, COMMAND_AMO_REACTION, &body);
    assert_true(view_is(body.body.sender_id, "svc-operator-3"));
    assert_true(view_is(body.body.sender_ref_id, "crm-user"));
    resolved_fini(&body);
    conversation_fini(&conv);
}

/* amo learns our id of a chat that was begun there with the client's first message. */
static void a_chat_that_is_not_linked_is_named_by_amos_id(void **state)
{
    struct rig *r = *state;
    struct event reaction = rig_client_reaction("s-1", THUMB);
    struct resolved body;

    rig_manager_message_done(r, "amo-1", "s-1");
    take(r, reaction);
    rig_resolve(r, COMMAND_AMO_REACTION, &body);
    assert_int_equal(body.body.conversation_id.len, 0);
    assert_true(view_is(body.body.conversation_ref_id, "chat"));
    resolved_fini(&body);
    done(r, COMMAND_AMO_REACTION);
    rig_client_message_done(r, "m1", "amo-2");
    take(r, rig_client_reaction("s-1", THUMB));
    rig_resolve(r, COMMAND_AMO_REACTION, &body);
    assert_true(body.body.conversation_id.len > 0);
    resolved_fini(&body);
}

static void a_clients_reaction_to_what_amo_never_got_dies(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");

    take(r, rig_client_reaction("m1", THUMB));
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DEAD, .cause = CAUSE_REFUSED});
    rig_commit(r);
    assert_int_equal(rig_resolve_code(r, COMMAND_AMO_REACTION), RESOLVE_E_PARENT);
}

/* --- the store fails ------------------------------------------------------------------------ */

static void whatever_fails_a_reaction_is_told_once(void **state)
{
    struct rig *r = *state;
    struct event e = hooked("amo-1", THUMB, "r:1");

    rig_client_message_done(r, "m1", "amo-1");
    rig_take_with_faults(r, &e, 1); /* its "done once" went back with it each time */
    rig_assert_counts(r, 0, 0, 0);
    e = rig_client_reaction("m1", HEART);
    rig_take_with_faults(r, &e, 1);
    rig_assert_counts(r, 0, 0, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_managers_reaction_names_the_message_as_the_service_does),
        CASE(a_message_the_service_gave_no_name_goes_by_ours),
        CASE(its_webhook_id_is_the_same_at_every_attempt),
        CASE(a_repeated_hook_makes_one_call),
        CASE(the_same_emoji_at_another_time_is_another_reaction),
        CASE(reactions_to_two_messages_share_no_key),
        CASE(a_reaction_taken_back_names_the_remembered_emoji),
        CASE(a_repeat_does_not_bring_back_what_was_taken_away),
        CASE(a_reaction_before_amos_answer_waits_for_it),
        CASE(a_reaction_that_names_our_id_needs_no_waiting),
        CASE(a_reaction_waits_for_a_managers_message_that_waits_itself),
        CASE(a_reaction_whose_message_never_came_is_kept_for_a_person),
        CASE(a_reaction_to_a_message_the_service_never_got_dies),
        CASE(a_reaction_of_another_account_is_kept_for_a_person),
        CASE(a_clients_reaction_is_his_own),
        CASE(a_reaction_to_a_message_without_amos_id_names_ours),
        CASE(a_reaction_in_a_crm_users_name_is_not_the_clients),
        CASE(a_chat_that_is_not_linked_is_named_by_amos_id),
        CASE(a_clients_reaction_to_what_amo_never_got_dies),
        CASE(whatever_fails_a_reaction_is_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
