/* What kills core whenever it is taken up is kept aside at the third start, and everything else goes on. */

#include "core/turn/deaths.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/deliver/calls.h"
#include "core/deliver/moved.h"
#include "core/deliver/settle.h"
#include "core/frames.h"
#include "core/intake/deferred.h"
#include "core/intake/echo.h"
#include "core/intake/echoes.h"
#include "core/intake/intake.h"
#include "core/intake/room.h"
#include "core/queue/queue.h"
#include "core/testing/rig.h"
#include "core/watch.h"
#include "proto/bus/socket.h"

static void dies_twice(struct rig *r, enum deed_kind kind, rig_life_fn *live, void *arg)
{
    for (int i = 0; i < DEATHS_MAX; i++)
        rig_dies(r, kind, live, arg);
}

static void take(struct rig *r, struct event e)
{
    rig_take(r, &e);
}

/* --- events --------------------------------------------------------------------------------- */

static void comes_out(struct rig *r, void *arg)
{
    (void)arg;
    room_tick(&r->core, clock_unix_ms());
}

static void
what_was_set_aside_and_kills_is_kept_unread_and_what_is_behind_it_comes_out(void **state)
{
    struct rig *r = *state;
    struct event one = rig_manager_text("w-1");
    struct event two = rig_manager_text("w-2");

    rig_client_message_done(r, "m0", "amo-0");
    one.chat_id = two.chat_id = VIEW_LIT("chat-1");
    queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("ch_acc"))->set_aside = true;
    take(r, one);
    take(r, two);
    assert_int_equal(r->core.intake->n_aside, 2);
    dies_twice(r, DEED_WAITING, comes_out, NULL);
    comes_out(r, NULL);
    rig_commit(r);
    assert_int_equal(r->core.intake->n_aside, 0);
    rig_assert_counts(r, 0, 1, 0);
    rig_assert_quarantined(r, "suspect");
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
    rig_restart(r);
    rig_assert_counts(r, 0, 1, 0); /* and that is the end of it */
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

static void is_answered(struct rig *r, void *arg)
{
    (void)arg;
    rig_turn(r);
    rig_outgoing_answered(r, "amo-1");
}

static void a_possible_echo_that_kills_is_kept_unread(void **state)
{
    struct rig *r = *state;
    struct event hook = rig_manager_text("amo-2");

    hook.chat_id = VIEW_LIT("chat-1");
    (void)rig_outgoing_in_flight(r, "o1");
    take(r, hook);
    rig_assert_counts(r, 0, 0, 1);
    dies_twice(r, DEED_WAITING, is_answered, NULL);
    is_answered(r, NULL);
    rig_commit(r);
    rig_assert_counts(r, 0, 1, 0);
    rig_assert_quarantined(r, "suspect");
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 0); /* its answer was taken */
}

static void is_overdue(struct rig *r, void *arg)
{
    (void)arg;
    deferred_overdue(&r->core, clock_unix_ms() + 2 * 3600000LL);
}

static void what_waits_for_its_message_and_kills_is_kept_unread(void **state)
{
    struct rig *r = *state;

    take(r, rig_status("nobody-knows", "read"));
    rig_assert_counts(r, 0, 0, 1);
    dies_twice(r, DEED_WAITING, is_overdue, NULL);
    is_overdue(r, NULL);
    rig_commit(r);
    rig_assert_counts(r, 0, 1, 0);
    rig_assert_quarantined(r, "suspect");
}

static void tick(struct rig *r, void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++)
        echo_tick(&r->core, clock_mono_ms() + (int64_t)i * 500);
}

static void what_is_asked_for_echoes_and_kills_is_not_asked(void **state)
{
    struct rig *r = *state;
    struct event hook = rig_manager_text("amo-2");

    hook.chat_id = VIEW_LIT("chat-1");
    (void)rig_outgoing_in_flight(r, "o1");
    take(r, hook);
    dies_twice(r, DEED_ECHOES, tick, NULL);
    tick(r, NULL);
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0); /* it came out without */
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

static void comes_by_spool(struct rig *r, void *arg)
{
    const struct event *e = arg;

    r->next_number = 7; /* again and again */
    (void)rig_push(r, e);
}

static void one_of_a_spool_is_counted_by_core_too_whichever_ingress_brings_it(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct event other = rig_client_text("m2");

    dies_twice(r, DEED_EVENT, comes_by_spool, &e);
    comes_by_spool(r, &e);
    take(r, other);
    rig_assert_counts(r, 0, 1, 0);
    rig_assert_quarantined(r, "suspect");
    assert_int_equal(rig_count(r, COMMAND_AMO_MESSAGE), 1);
}

/* What ingress reads again of the quarantine comes through its spool. */
static void a_replay_that_kills_is_kept_beside_what_it_was(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("amo-1");

    e.scope = VIEW_LIT("ch_two");
    take(r, e); /* nobody's */
    rig_assert_counts(r, 0, 1, 0);
    e.scope = VIEW_LIT("ch_acc");
    e.replay = 1;
    dies_twice(r, DEED_EVENT, comes_by_spool, &e);
    comes_by_spool(r, &e);
    rig_commit(r);
    rig_assert_counts(r, 0, 2, 0);
    rig_assert_quarantined(r, "suspect");
}

static void loads(struct rig *r, void *arg)
{
    (void)arg;
    (void)!echoes_load(&r->core);
}

static void one_that_kills_while_it_is_loaded_waits_unread(void **state)
{
    struct rig *r = *state;
    struct event hook = rig_manager_text("amo-2");

    hook.chat_id = VIEW_LIT("chat-1");
    (void)rig_outgoing_in_flight(r, "o1");
    take(r, hook);
    dies_twice(r, DEED_WAITING_LOAD, loads, NULL);
    rig_assert_counts(r, 0, 0, 1);
    is_answered(r, NULL);
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 1);
}

/* --- commands ------------------------------------------------------------------------------- */

static void turns(struct rig *r, void *arg)
{
    (void)arg;
    rig_turn(r);
}

static void two_wait(struct rig *r)
{
    struct event one = rig_client_text("m1");
    struct event two = rig_client_text("m2");

    take(r, one);
    take(r, two);
    assert_int_equal(rig_count(r, COMMAND_AMO_MESSAGE), 2);
}

static void a_command_that_kills_when_it_is_sent_is_given_up_and_the_next_goes(void **state)
{
    struct rig *r = *state;

    two_wait(r);
    dies_twice(r, DEED_SEND, turns, NULL);
    rig_turn(r);
    rig_assert_dead(r, "core_lost");
    assert_int_equal(rig_command(r, COMMAND_AMO_MESSAGE)->state, COMMAND_IN_FLIGHT);
    /* its service is told */
    assert_int_equal(rig_count(r, COMMAND_SERVICE_FAILED), 1);
}

static void one_whose_giving_up_kills_is_given_up_without_words(void **state)
{
    struct rig *r = *state;

    two_wait(r);
    dies_twice(r, DEED_SEND, turns, NULL);
    rig_dies(r, DEED_SEND, turns, NULL);
    rig_turn(r);
    rig_assert_dead(r, "core_lost");
    assert_int_equal(rig_command(r, COMMAND_AMO_MESSAGE)->state, COMMAND_IN_FLIGHT);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_FAILED), 0);
}

static void one_that_kills_even_then_does_not_enter_the_queue(void **state)
{
    struct rig *r = *state;

    two_wait(r);
    dies_twice(r, DEED_SEND, turns, NULL);
    dies_twice(r, DEED_SEND, turns, NULL);
    rig_assert_dead(r, "core_lost");
    assert_int_equal(rig_stored_commands(r), 1);
    rig_turn(r);
    assert_int_equal(rig_command(r, COMMAND_AMO_MESSAGE)->state, COMMAND_IN_FLIGHT);
}

static void is_told(struct rig *r, void *arg)
{
    const struct result *result = arg;
    struct core_command *cmd = NULL;
    size_t iter = 0;

    rig_turn(r);
    while ((cmd = table_next(r->core.queue->commands, &iter))) {
        if (cmd->state == COMMAND_IN_FLIGHT) {
            rig_result(r, r->worker, cmd, *result);
            return;
        }
    }
}

static void an_answer_that_kills_is_taken_unread_and_nobody_is_told_that_it_failed(void **state)
{
    struct rig *r = *state;
    struct result done = {.outcome = OUTCOME_DONE, .amo_message_id = VIEW_LIT("amo-1")};

    two_wait(r);
    dies_twice(r, DEED_RESULT, is_told, &done);
    is_told(r, &done);
    assert_int_equal(pairs_count(buf_view(&r->worker->acks)), 1); /* it does not come again */
    rig_commit(r);
    rig_assert_dead(r, "core_lost");
    assert_int_equal(rig_count(r, COMMAND_SERVICE_FAILED), 0);
    rig_assert_accounts(r);
    rig_turn(r);
    assert_int_equal(rig_command(r, COMMAND_AMO_MESSAGE)->state, COMMAND_IN_FLIGHT);
}

static void an_answer_that_kills_and_says_no_is_told(void **state)
{
    struct rig *r = *state;
    struct result no = {.outcome = OUTCOME_DEAD, .cause = CAUSE_REFUSED};
    struct event m = rig_manager_text("amo-1");

    rig_client_message_done(r, "m0", "amo-0");
    m.chat_id = VIEW_LIT("chat-1");
    take(r, m);
    dies_twice(r, DEED_RESULT, is_told, &no);
    is_told(r, &no);
    rig_commit(r);
    rig_assert_dead(r, "core_lost");
    assert_int_equal(rig_count(r, COMMAND_AMO_STATUS), 1); /* on the card */
    rig_assert_accounts(r);
}

static void an_answer_of_what_is_settled_is_taken_unread(void **state)
{
    struct rig *r = *state;
    struct result letter = {.id = 4711, .attempt = 3, .outcome = OUTCOME_DONE};

    for (int i = 0; i < DEATHS_MAX; i++) {
        struct deed deed = deed_of(DEED_RESULT, 4711);
        struct deed outer;

        r->counts_deaths = true;
        (void)deaths_begin(&r->core, &deed, &outer);
        rig_restart(r);
    }
    rig_result_raw(r, r->worker, &letter);
    assert_int_equal(pairs_count(buf_view(&r->worker->acks)), 1);
    rig_commit(r);
}

static void is_late(struct rig *r, void *arg)
{
    struct core_command *cmd = NULL;
    size_t iter = 0;

    (void)arg;
    while ((cmd = table_next(r->core.queue->commands, &iter)))
        cmd->taken_ms -= 90000000;
    for (int i = 0; i < 5; i++)
        watch_tick(&r->core);
}

static void one_that_kills_when_it_is_too_old_is_given_up_without_words(void **state)
{
    struct rig *r = *state;
    struct core_command *cmd = NULL;
    size_t iter = 0;

    two_wait(r);
    dies_twice(r, DEED_AGED, is_late, NULL);
    is_late(r, NULL);
    rig_commit(r);
    while ((cmd = table_next(r->core.queue->commands, &iter)))
        assert_int_not_equal(cmd->kind, COMMAND_AMO_MESSAGE);
    rig_assert_counts(r, 2, 0, 0);
}

static void is_asked_whom_it_reaches(struct rig *r, void *arg)
{
    (void)arg;
    reach_queue(&r->core);
}

static void one_that_kills_when_the_registry_changes_is_given_up(void **state)
{
    struct rig *r = *state;

    two_wait(r);
    dies_twice(r, DEED_REACH, is_asked_whom_it_reaches, NULL);
    is_asked_whom_it_reaches(r, NULL);
    rig_commit(r);
    rig_assert_dead(r, "core_lost");
    rig_assert_counts(r, 1, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_MESSAGE), 1);
}

/* --- frames --------------------------------------------------------------------------------- */

static void says_hello(struct rig *r, void *arg)
{
    struct envelope env = {.version = ENVELOPE_VERSION, .kind = MSG_HELLO};
    const char *const *name = arg;
    char head[ENVELOPE_MAX_LEN];
    struct bus_message m = {.peer = VIEW_LIT("nobody")};
    struct hello h = {.role = ROLE_EGRESS,
                      .name = view_of(*name),
                      .version = VIEW_LIT("1"),
                      .credit = 1,
                      .credit_bytes = 1,
                      .places = 1};
    struct buf body;
    size_t n = 0;

    memset(env.edge_boot.bytes, (*name)[0], sizeof(env.edge_boot.bytes));
    envelope_encode(&env, head, &n);
    buf_init(&body, 4096);
    assert_int_equal(hello_encode(&h, &body), 0);
    m.head = view_make(head, n);
    m.body = buf_view(&body);
    frames_take(&r->core, r->core.peers->commands, &m);
    buf_fini(&body);
}

static bool is_there(const struct rig *r, const char *name)
{
    for (const struct list *i = r->core.peers->list.next; i != &r->core.peers->list;
         i = i->next) {
        if (strcmp(LIST_ENTRY_CONST(i, struct peer, link)->name, name) == 0)
            return true;
    }
    return false;
}

static void a_hello_that_kills_is_not_read_for_a_while_and_others_are(void **state)
{
    struct rig *r = *state;
    const char *killer = "killer";
    const char *other = "other";

    dies_twice(r, DEED_FRAME, says_hello, &killer);
    says_hello(r, &killer);
    says_hello(r, &other);
    assert_false(is_there(r, "killer"));
    assert_true(is_there(r, "other"));
    assert_false(deaths_may_try(&r->core, 2, clock_mono_ms() + 50000));
    assert_true(deaths_may_try(&r->core, 2, clock_mono_ms() + 70000));
    assert_false(deaths_may_try(&r->core, 3, clock_mono_ms() + 70000));
    assert_true(deaths_may_try(&r->core, 300, clock_mono_ms() + 2 * 3600000LL));
}

/* --- counting ------------------------------------------------------------------------------- */

/* A life in which it is in hand for as long as that lasts; how many deaths were its own. */
static unsigned in_hand(struct rig *r, int64_t id)
{
    struct deed deed = deed_of(DEED_SEND, id);
    struct deed outer;

    r->counts_deaths = true;
    return deaths_begin(&r->core, &deed, &outer);
}

static void over(struct rig *r)
{
    struct deed none = {.kind = DEED_NONE};

    deaths_end(&r->core, &none);
}

static void what_is_over_has_killed_nobody(void **state)
{
    struct rig *r = *state;

    assert_int_equal(in_hand(r, 5), 0);
    rig_restart(r);
    assert_int_equal(in_hand(r, 6), 0);
    over(r);
    assert_int_equal(in_hand(r, 5), 1);
    over(r); /* the one death was chance */
    rig_restart(r);
    assert_int_equal(in_hand(r, 5), 0);
    over(r);
}

static void what_is_inside_is_what_is_in_hand(void **state)
{
    struct rig *r = *state;
    struct deed outer_deed = deed_of(DEED_RESULT, 1);
    struct deed inner_deed = deed_of(DEED_WAITING, 2);
    struct deed none;
    struct deed outer;

    r->counts_deaths = true;
    (void)deaths_begin(&r->core, &outer_deed, &none);
    (void)deaths_begin(&r->core, &inner_deed, &outer);
    deaths_end(&r->core, &outer);
    rig_restart(r); /* with the outer one */
    assert_int_equal(deaths_begin(&r->core, &inner_deed, &none), 0);
    deaths_end(&r->core, &none);
    assert_int_equal(deaths_begin(&r->core, &outer_deed, &none), 1);
    deaths_end(&r->core, &none);
}

static void ends_in_order_count_in_the_end_and_those_of_a_full_disk_never(void **state)
{
    struct rig *r = *state;

    for (int i = 0; i < 6; i++) {
        assert_true(in_hand(r, 5) < DEATHS_MAX);
        deaths_ending(r->core.turn->deaths, true);
        rig_restart(r);
        assert_int_equal(in_hand(r, 6), 0);
        deaths_ending(r->core.turn->deaths, false);
        rig_restart(r);
    }
    assert_int_equal(in_hand(r, 5), DEATHS_MAX);
    over(r);
}

static const char *file_of(const struct rig *r)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/core/core.db.deaths", r->dir);
    return path;
}

static void write_file(const struct rig *r, long at, const char *bytes, size_t n)
{
    FILE *f = fopen(file_of(r), "r+b");

    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void a_file_that_is_none_or_is_of_another_store_or_version_says_nothing(void **state)
{
    static const long parts[] = {0, 16, 64}; /* magic, version, the life that wrote it */
    struct rig *r = *state;

    for (size_t i = 0; i < AMO_COUNT(parts); i++) {
        assert_int_equal(in_hand(r, 5), 0);
        write_file(r, parts[i], "another", 7);
        rig_restart(r);
    }
    assert_int_equal(in_hand(r, 5), 0);
    assert_int_equal(truncate(file_of(r), 100), 0);
    rig_restart(r);
    assert_int_equal(in_hand(r, 5), 0);
    rig_restart(r);
    assert_int_equal(in_hand(r, 5), 1);
    over(r);
}

static void numbers_of_nonsense_in_the_file_do_no_harm(void **state)
{
    static char nonsense[3000];
    struct rig *r = *state;

    memset(nonsense, 0xfe, sizeof(nonsense));
    r->counts_deaths = true;
    write_file(r, 80, nonsense, sizeof(nonsense));
    rig_restart(r);
    assert_int_equal(in_hand(r, 5), 0);
    over(r);
    assert_true(strlen(deed_words((enum deed_kind)0xfe)) > 0);
}

static void without_the_file_core_works_and_counts_nothing(void **state)
{
    struct rig *r = *state;
    struct deaths_seen seen;

    assert_int_equal(unlink(file_of(r)), 0);
    assert_int_equal(mkdir(file_of(r), 0700), 0);
    r->counts_deaths = true;
    rig_restart(r);
    assert_int_equal(in_hand(r, 5), 0);
    rig_restart(r);
    assert_int_equal(in_hand(r, 5), 0);
    over(r);
    deaths_seen(&r->core, &seen);
    assert_int_equal(seen.n, 0);
    assert_int_equal(rmdir(file_of(r)), 0);
}

static void more_than_there_is_room_for_forgets_the_oldest(void **state)
{
    struct rig *r = *state;

    for (int i = 1; i <= 3; i++) {
        assert_int_equal(in_hand(r, i), 0);
        rig_restart(r);
    }
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(in_hand(r, i), 1);
        rig_restart(r);
    }
    assert_int_equal(in_hand(r, 2), 2);
    over(r);
    assert_int_equal(in_hand(r, 2), 0);
    over(r);
    assert_int_equal(deaths_of_command(&r->core, 1), 2);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        CASE(what_was_set_aside_and_kills_is_kept_unread_and_what_is_behind_it_comes_out),
        CASE(a_possible_echo_that_kills_is_kept_unread),
        CASE(what_waits_for_its_message_and_kills_is_kept_unread),
        CASE(what_is_asked_for_echoes_and_kills_is_not_asked),
        CASE(one_of_a_spool_is_counted_by_core_too_whichever_ingress_brings_it),
        CASE(a_replay_that_kills_is_kept_beside_what_it_was),
        CASE(one_that_kills_while_it_is_loaded_waits_unread),
        CASE(a_command_that_kills_when_it_is_sent_is_given_up_and_the_next_goes),
        CASE(one_whose_giving_up_kills_is_given_up_without_words),
        CASE(one_that_kills_even_then_does_not_enter_the_queue),
        CASE(an_answer_that_kills_is_taken_unread_and_nobody_is_told_that_it_failed),
        CASE(an_answer_that_kills_and_says_no_is_told),
        CASE(an_answer_of_what_is_settled_is_taken_unread),
        CASE(one_that_kills_when_it_is_too_old_is_given_up_without_words),
        CASE(one_that_kills_when_the_registry_changes_is_given_up),
        CASE(a_hello_that_kills_is_not_read_for_a_while_and_others_are),
        CASE(what_is_over_has_killed_nobody),
        CASE(what_is_inside_is_what_is_in_hand),
        CASE(ends_in_order_count_in_the_end_and_those_of_a_full_disk_never),
        CASE(a_file_that_is_none_or_is_of_another_store_or_version_says_nothing),
        CASE(numbers_of_nonsense_in_the_file_do_no_harm),
        CASE(without_the_file_core_works_and_counts_nothing),
        CASE(more_than_there_is_room_for_forgets_the_oldest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
