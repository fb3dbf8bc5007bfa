/* Edits of a service: to whom they go, under which names, and what becomes of those that come too
 * early, too late or twice. */

#include <string.h>

#include "base/clock.h"
#include "core/deliver/resolve.h"
#include "core/intake/deferred.h"
#include "core/intake/intake.h"
#include "core/testing/rig.h"
#include "proto/limits.h"

#define HOUR_MS 3600000LL

static void take(struct rig *r, struct event e)
{
    rig_take(r, &e);
}

/* --- by which names ------------------------------------------------------------------------- */

static void a_clients_message_is_edited_by_our_id_of_it(void **state)
{
    struct rig *r = *state;
    struct conversation conv;
    struct resolved body;

    rig_client_message_done(r, "m1", "amo-1");
    conv = rig_conversation(r);
    take(r, rig_edit("m1", "hello, Bob"));
    rig_resolve(r, COMMAND_AMO_EDIT, &body);
    assert_true(view_is(body.body.message_client_id, "svc-m1"));
    assert_int_equal(body.body.message_id.len, 0);
    assert_true(view_is(body.body.conversation_id, conv.client_id));
    assert_null(body.body.conversation_ref_id.ptr);
    assert_true(view_is(body.body.scope, "ch_acc"));
    assert_true(view_is(body.body.content.text, "hello, Bob"));
    assert_true(view_is(body.body.content.type, "text"));
    assert_int_equal(body.body.status_code, 0);
    assert_true(body.body.sent_ms > 0);
    resolved_fini(&body);
    conversation_fini(&conv);
}

static void a_managers_message_is_edited_by_amos_id_and_learns_ours(void **state)
{
    struct rig *r = *state;
    struct message m;
    struct resolved body;

    rig_manager_message_done(r, "amo-1", "s-1");
    m = rig_message(r, "aamo-1");
    take(r, rig_edit("s-1", "mended"));
    rig_resolve(r, COMMAND_AMO_EDIT, &body);
    assert_true(view_is(body.body.message_id, "amo-1"));
    assert_true(view_is(body.body.message_client_id, m.mid));
    resolved_fini(&body);
    message_fini(&m);
}

static void our_own_id_names_a_message_as_well(void **state)
{
    struct rig *r = *state;
    struct message m;

    rig_manager_message_done(r, "amo-1", "s-1");
    rig_client_message_done(r, "m1", "amo-2");
    m = rig_message(r, "aamo-1");
    take(r, rig_edit(m.mid, "mended"));
    take(r, rig_edit("svc-m1", "mended"));
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 2);
    message_fini(&m);
}

static void an_edit_without_a_type_keeps_the_messages_own(void **state)
{
    struct rig *r = *state;
    struct event picture = rig_client_text("m1");
    struct event edit = rig_edit("m1", "a better caption");
    struct core_command *c = NULL;
    struct resolved body;

    picture.content.type = VIEW_LIT("picture");
    picture.content.media = VIEW_LIT("https://a/1.jpg");
    take(r, picture);
    rig_restart(r); /* the type is remembered */
    take(r, edit);
    rig_resolve(r, COMMAND_AMO_EDIT, &body);
    assert_true(view_is(body.body.content.type, "picture"));
    resolved_fini(&body);
    c = rig_command(r, COMMAND_AMO_EDIT);
    assert_int_equal(c->state, COMMAND_QUEUED); /* behind its message */
    assert_int_equal(command_life_ms(c->kind), 24 * HOUR_MS);
}

static void an_edit_may_bring_another_file(void **state)
{
    struct rig *r = *state;
    struct event edit = rig_edit("m1", NULL);
    struct resolved body;

    rig_client_message_done(r, "m1", "amo-1");
    edit.content.type = VIEW_LIT("file");
    edit.content.media = VIEW_LIT("https://a/2.pdf");
    edit.content.media_name = VIEW_LIT("2.pdf");
    edit.content.media_size = 77;
    take(r, edit);
    rig_resolve(r, COMMAND_AMO_EDIT, &body);
    assert_true(view_is(body.body.content.type, "file"));
    assert_true(view_is(body.body.content.media, "https://a/2.pdf"));
    assert_int_equal(body.body.content.media_size, 77);
    resolved_fini(&body);
}

/* --- deleted -------------------------------------------------------------------------------- */

static void a_deleted_message_says_so(void **state)
{
    struct rig *r = *state;
    struct event edit = rig_edit("m1", NULL);
    struct resolved body;

    r->more_config = "core\n    deleted_text = \"gone\"\n";
    rig_restart(r);
    rig_client_message_done(r, "m1", "amo-1");
    edit.deleted = true;
    edit.content.type = VIEW_LIT("picture"); /* whatever the caller adds */
    edit.content.media = VIEW_LIT("https://a/1.jpg");
    take(r, edit);
    rig_resolve(r, COMMAND_AMO_EDIT, &body);
    assert_true(view_is(body.body.content.type, "text"));
    assert_true(view_is(body.body.content.text, "gone"));
    assert_int_equal(body.body.content.media.len, 0);
    resolved_fini(&body);
}

static void a_deletion_nobody_wants_to_hear_of_makes_no_call(void **state)
{
    struct rig *r = *state;
    struct event edit = rig_edit("m1", NULL);

    r->more_config = "core\n    deleted_text = \"\"\n";
    rig_restart(r);
    rig_client_message_done(r, "m1", "amo-1");
    edit.deleted = true;
    take(r, edit);
    assert_int_equal(queue_count(r->core.queue), 0);
    assert_int_equal(rig_stored_commands(r), 0);
    rig_assert_counts(r, 0, 0, 0);
}

/* --- too early ------------------------------------------------------------------------------ */

static void an_edit_before_its_message_waits_and_stands_behind_it(void **state)
{
    struct rig *r = *state;
    struct core_command *message = NULL;
    struct core_command *edit = NULL;

    take(r, rig_edit("m1", "first"));
    take(r, rig_edit("m1", "second"));
    rig_assert_counts(r, 0, 0, 2);
    assert_int_equal(r->core.intake->n_deferred, 2);
    assert_int_equal(queue_count(r->core.queue), 0);
    take(r, rig_client_text("m2")); /* another one wakes nobody */
    rig_assert_counts(r, 0, 0, 2);
    take(r, rig_client_text("m1"));
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(r->core.intake->n_deferred, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 2);
    message = queue_find(r->core.queue, 2);
    edit = queue_find(r->core.queue, 3);
    assert_int_equal(message->kind, COMMAND_AMO_MESSAGE);
    assert_int_equal(edit->kind, COMMAND_AMO_EDIT);
    assert_ptr_equal(edit->lane, message->lane);
    assert_int_equal(edit->state, COMMAND_QUEUED);
}

static void edits_that_waited_keep_their_order(void **state)
{
    struct rig *r = *state;
    const char *const words[] = {"first", "second"};

    take(r, rig_edit("m1", words[0]));
    take(r, rig_edit("m1", words[1]));
    take(r, rig_client_text("m1"));
    for (int64_t i = 0; i < 2; i++) {
        struct core_command *c = queue_find(r->core.queue, 2 + i);
        struct resolved body;

        assert_non_null(c);
        assert_int_equal(resolve_command(&r->core, c, &body), 0);
        assert_true(view_is(body.body.content.text, words[i]));
        resolved_fini(&body);
    }
}

static void an_edit_by_our_id_before_the_message_waits_too(void **state)
{
    struct rig *r = *state;

    take(r, rig_edit("svc-m1", "by our id"));
    rig_assert_counts(r, 0, 0, 1);
    take(r, rig_client_text("m1"));
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 1);
}

static void an_edit_that_waited_through_a_restart_is_applied(void **state)
{
    struct rig *r = *state;

    take(r, rig_edit("m1", "first"));
    rig_restart(r);
    assert_int_equal(r->core.intake->n_deferred, 1);
    take(r, rig_client_text("m1"));
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 1);
    rig_assert_counts(r, 0, 0, 0);
}

static void an_edit_is_applied_in_the_frame_of_its_message(void **state)
{
    struct rig *r = *state;
    struct event edit = rig_edit("m1", "first");
    struct event message = rig_client_text("m1");

    (void)rig_push(r, &edit);
    (void)rig_push(r, &message); /* no commit between them */
    rig_commit(r);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 1);
    assert_int_equal(rig_stored_commands(r), 2);
}

static void an_edit_of_a_managers_message_waits_for_the_services_answer(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");

    take(r, rig_edit("s-1", "mended")); /* it knows its id before we do */
    rig_assert_counts(r, 0, 0, 1);
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE, .service_message_id = VIEW_LIT("s-1")});
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 1);
}

static void an_edit_whose_message_never_comes_is_kept_for_a_person(void **state)
{
    struct rig *r = *state;

    take(r, rig_edit("m1", "first"));
    deferred_overdue(&r->core, clock_unix_ms() + HOUR_MS - 60000);
    rig_assert_counts(r, 0, 0, 1);
    deferred_overdue(&r->core, clock_unix_ms() + HOUR_MS + 60000);
    rig_commit(r);
    rig_assert_counts(r, 0, 1, 0);
    rig_assert_quarantined(r, "unknown_message");
    assert_int_equal(r->core.intake->n_deferred, 0);
}

/* --- in vain -------------------------------------------------------------------------------- */

static void an_edit_of_a_message_that_died_dies_as_well(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");

    take(r, rig_edit("m1", "queued behind it"));
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DEAD, .cause = CAUSE_REFUSED});
    rig_commit(r);
    take(r, rig_edit("m1", "come later"));
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 2);
    for (int i = 0; i < 5; i++)
        rig_turn(r);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 0);
    rig_assert_counts(r, 3, 0, 0);
    rig_assert_dead(r, "parent");
}

static void an_edit_of_a_message_amo_has_in_spite_of_all_goes(void **state)
{
    struct rig *r = *state;
    struct message m;

    rig_client_message_done(r, "m1", "amo-1");
    m = rig_message(r, "msvc-m1");
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(store_message_failed(r->core.store, m.id, "life_time", VIEW_NONE, 1), 0);
    take(r, rig_edit("m1", "mended"));
    assert_int_equal(rig_resolve_code(r, COMMAND_AMO_EDIT), 0);
    message_fini(&m);
}

static void an_edit_of_anothers_message_is_kept_for_a_person(void **state)
{
    struct rig *r = *state;
    struct event edit = rig_edit("svc-m1", "not yours");

    rig_register_second(r);
    rig_client_message_done(r, "m1", "amo-1");
    edit.connector = VIEW_LIT("two");
    take(r, edit);
    rig_assert_quarantined(r, "foreign_message");
    edit.message_id = VIEW_LIT("m1"); /* an id of its own that we do not know yet */
    take(r, edit);
    rig_assert_counts(r, 0, 1, 1);
    assert_int_equal(queue_count(r->core.queue), 0);
}

/* A service counts what it sends and what it receives apart. What it wrote stands in quarantine, since its number
 * is nobody's yet; a manager's message has the same id there, of another client perhaps. */
static void an_edit_of_what_stands_in_quarantine_is_not_anothers(void **state)
{
    struct rig *r = *state;
    struct event client = rig_client_text("4");

    rig_register_account(r, "ch_two");
    rig_register_source(r, "line1", "ch_acc");
    rig_manager_message_done(r, "amo-1", "4");
    client.source = VIEW_LIT("line-of-nobody");
    take(r, client);
    rig_assert_counts(r, 0, 1, 0);
    take(r, rig_edit("4", "for somebody else"));
    rig_assert_counts(r, 0, 1, 1);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 0);
    deferred_overdue(&r->core, clock_unix_ms() + 2 * HOUR_MS);
    rig_commit(r);
    rig_assert_counts(r, 0, 2, 0);
    rig_assert_quarantined(r, "unknown_message");
    take(r, rig_status("4", "delivered")); /* this is the manager's in any case */
    assert_int_equal(rig_count(r, COMMAND_AMO_STATUS), 1);
}

static void an_edit_without_a_usable_id_is_kept_for_a_person(void **state)
{
    struct rig *r = *state;
    struct event edit = rig_edit("m1", "x");
    char id[LIMIT_ID + 1];

    memset(id, 'x', sizeof(id));
    edit.message_id = view_make(id, sizeof(id));
    take(r, edit);
    rig_assert_counts(r, 0, 1, 0);
    edit.message_id = VIEW_NONE;
    take(r, edit);
    rig_assert_counts(r, 0, 2, 0);
    edit.message_id = view_make(id, LIMIT_ID); /* the longest there is */
    take(r, edit);
    rig_assert_counts(r, 0, 2, 1);
}

static void a_huge_edit_goes_through_whole(void **state)
{
    struct rig *r = *state;
    struct event edit = rig_edit("m1", NULL);
    size_t len = 1U << 20;
    char *text = mem_zalloc(len + 1);
    struct resolved body;

    assert_non_null(text);
    memset(text, '\n', len);
    rig_client_message_done(r, "m1", "amo-1");
    edit.content.text = view_make(text, len);
    edit.sent_ms = INT64_MIN; /* the sender's clock is the sender's */
    take(r, edit);
    rig_resolve(r, COMMAND_AMO_EDIT, &body);
    assert_int_equal(body.body.content.text.len, len);
    assert_true(body.body.sent_ms > 0);
    resolved_fini(&body);
    rig_turn(r);
    assert_int_equal(rig_command(r, COMMAND_AMO_EDIT)->state, COMMAND_IN_FLIGHT);
    mem_free(text);
}

/* --- the store fails ------------------------------------------------------------------------ */

static void whatever_fails_no_half_edit_is_left(void **state)
{
    struct rig *r = *state;
    struct event edit = rig_edit("m1", "mended");

    rig_client_message_done(r, "m1", "amo-1");
    rig_take_with_faults(r, &edit, 1);
    rig_assert_counts(r, 0, 0, 0);
}

static void whatever_fails_no_half_wait_is_left(void **state)
{
    struct rig *r = *state;
    struct event edit = rig_edit("m1", "mended");
    struct event message = rig_client_text("m1");

    rig_take_with_faults(r, &edit, 0);
    rig_assert_counts(r, 0, 0, 1);
    assert_int_equal(r->core.intake->n_deferred, 1);
    take(r, message);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(r->core.intake->n_deferred, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_EDIT), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_clients_message_is_edited_by_our_id_of_it),
        CASE(a_managers_message_is_edited_by_amos_id_and_learns_ours),
        CASE(our_own_id_names_a_message_as_well),
        CASE(an_edit_without_a_type_keeps_the_messages_own),
        CASE(an_edit_may_bring_another_file),
        CASE(a_deleted_message_says_so),
        CASE(a_deletion_nobody_wants_to_hear_of_makes_no_call),
        CASE(an_edit_before_its_message_waits_and_stands_behind_it),
        CASE(edits_that_waited_keep_their_order),
        CASE(an_edit_by_our_id_before_the_message_waits_too),
        CASE(an_edit_that_waited_through_a_restart_is_applied),
        CASE(an_edit_is_applied_in_the_frame_of_its_message),
        CASE(an_edit_of_a_managers_message_waits_for_the_services_answer),
        CASE(an_edit_whose_message_never_comes_is_kept_for_a_person),
        CASE(an_edit_of_a_message_that_died_dies_as_well),
        CASE(an_edit_of_a_message_amo_has_in_spite_of_all_goes),
        CASE(an_edit_of_anothers_message_is_kept_for_a_person),
        CASE(an_edit_of_what_stands_in_quarantine_is_not_anothers),
        CASE(an_edit_without_a_usable_id_is_kept_for_a_person),
        CASE(a_huge_edit_goes_through_whole),
        CASE(whatever_fails_no_half_edit_is_left),
        CASE(whatever_fails_no_half_wait_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
