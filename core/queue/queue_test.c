#include "core/queue/queue.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/testing.h"
#include "proto/limits.h"

#define BASE_MS 1000
#define CAP_MS  300000
#define UNIX_MS 1700000000000LL

/* A queue with a clock of its own; ids are given in intake order. */
struct rig {
    struct queue *q;
    int64_t now;
    int64_t next_id;
};

static int setup(void **state)
{
    static struct rig r;

    r = (struct rig){.now = 5000000};
    *state = &r;
    return queue_new(0, 1, BASE_MS, CAP_MS, 12345, &r.q);
}

static int teardown(void **state)
{
    struct rig *r = *state;

    queue_free(r->q);
    return 0;
}

/* An empty queue, whose scopes have this rate; 0: none. */
static void rig_anew(struct rig *r, double rate, double burst)
{
    queue_free(r->q);
    assert_int_equal(queue_new(rate, burst, BASE_MS, CAP_MS, 12345, &r->q), 0);
}

static struct core_command *add_row(struct rig *r, int64_t lane, enum command_kind kind,
                                    const char *scope, const char *connector, int64_t next_ms)
{
    char scope_text[64];
    char connector_text[64];
    struct core_command *c = NULL;
    struct command_row row = {.id = ++r->next_id,
                              .lane = lane,
                              .kind = (int64_t)kind,
                              .taken_ms = UNIX_MS,
                              .next_ms = next_ms};

    (void)snprintf(scope_text, sizeof(scope_text), "%s", scope);
    (void)snprintf(connector_text, sizeof(connector_text), "%s", connector ? connector : "");
    row.scope = scope_text;
    row.connector = connector ? connector_text : NULL;
    assert_int_equal(queue_add(r->q, &row, r->now, UNIX_MS, &c), 0);
    assert_non_null(c);
    return c;
}

static struct core_command *add_message(struct rig *r, int64_t lane, const char *scope)
{
    return add_row(r, lane, COMMAND_AMO_MESSAGE, scope, NULL, 0);
}

static struct core_command *add_outbound(struct rig *r, int64_t lane, const char *scope,
                                         const char *connector)
{
    return add_row(r, lane, COMMAND_SERVICE_MESSAGE, scope, connector, 0);
}

/* The next one, on its way to a worker; NULL when none may go. */
static struct core_command *send_next(struct rig *r)
{
    struct core_command *c = queue_next(r->q, false, r->now);

    if (c)
        queue_move(r->q, c, COMMAND_IN_FLIGHT, r->now + 22000, r->now);
    return c;
}

static void finish(struct rig *r, struct core_command *c)
{
    queue_move(r->q, c, COMMAND_DONE, 0, r->now);
}

static struct dest *scope_of(struct rig *r, const char *scope)
{
    return queue_dest(r->q, DEST_SCOPE, view_of(scope));
}

/* --- order and isolation -------------------------------------------------------------------- */

static void one_command_of_a_lane_goes_at_a_time_in_intake_order(void **state)
{
    struct rig *r = *state;

    for (int i = 1; i <= 5; i++)
        add_message(r, 7, "s");
    for (int i = 1; i <= 5; i++) {
        struct core_command *c = send_next(r);

        assert_non_null(c);
        assert_int_equal(c->id, i);
        assert_null(send_next(r)); /* the others wait behind it */
        finish(r, c);
    }
    assert_int_equal(queue_count(r->q), 0);
    assert_null(send_next(r));
}

static void expect_next(struct rig *r, int64_t id)
{
    struct core_command *c = send_next(r);

    assert_non_null(c);
    assert_int_equal(c->id, id);
    finish(r, c);
}

/* Lanes 3, 5 and 9 become one: what comes after goes behind all that stood in them. */
static void what_comes_after_a_join_goes_behind_what_stood_there(void **state)
{
    struct rig *r = *state;
    struct core_command *slow = NULL;

    add_message(r, 3, "s"); /* 1 */
    add_message(r, 3, "s"); /* 2 */
    slow = send_next(r);
    assert_int_equal(slow->id, 1);
    assert_int_equal(queue_join(r->q, 3, 9), 0); /* 9 is empty */
    add_message(r, 9, "s");                      /* 3 */
    add_message(r, 5, "s");                      /* 4 */
    assert_int_equal(queue_join(r->q, 5, 9), 0);
    assert_int_equal(queue_join(r->q, 5, 9), 0); /* twice is once */
    add_message(r, 9, "s");                      /* 5 */
    add_outbound(r, 9, "s", "c");                /* 6: the other way is a lane of its own */
    expect_next(r, 6);                           /* nothing is under way there */
    expect_next(r, 4);
    assert_null(send_next(r)); /* 3 and 5 wait for 2, which waits for 1 */
    finish(r, slow);
    expect_next(r, 2);
    expect_next(r, 3);
    expect_next(r, 5);
    assert_int_equal(queue_count(r->q), 0);
    assert_int_equal(table_count(r->q->lanes), 0);
}

static void what_stood_in_the_lane_itself_does_not_wait_for_a_join(void **state)
{
    struct rig *r = *state;

    add_message(r, 9, "s");                                         /* 1 */
    add_row(r, 3, COMMAND_AMO_MESSAGE, "s", NULL, UNIX_MS + 60000); /* 2 backs off */
    assert_int_equal(queue_join(r->q, 3, 9), 0);
    add_message(r, 9, "s"); /* 3 */
    expect_next(r, 1);
    assert_null(send_next(r));
    r->now += 60000;
    queue_move(r->q, queue_due(r->q, r->now), COMMAND_READY, 0, r->now);
    expect_next(r, 2);
    expect_next(r, 3);
    assert_int_equal(table_count(r->q->lanes), 0);
}

static void order_of_a_lane_holds_through_retries_checks_and_holds(void **state)
{
    struct rig *r = *state;
    struct core_command *c = NULL;

    add_message(r, 7, "s");
    add_message(r, 7, "s");
    c = send_next(r);
    queue_move(r->q, c, COMMAND_WAITING, r->now + 1000, r->now); /* retry */
    assert_null(send_next(r));
    assert_null(queue_due(r->q, r->now + 999));
    r->now += 1000;
    assert_ptr_equal(queue_due(r->q, r->now), c);
    queue_move(r->q, c, COMMAND_READY, 0, r->now);
    assert_ptr_equal(send_next(r), c);
    dest_hold(r->q, c->lane->dest, HOLD_CONNECT, 0, 5000, r->now); /* hold */
    queue_move(r->q, c, COMMAND_READY, 0, r->now);
    assert_null(send_next(r));
    r->now += 5000;
    assert_ptr_equal(send_next(r), c);
    dest_success(c->lane->dest, 1, r->now);
    queue_move(r->q, c, COMMAND_CHECKING, 0, r->now); /* history */
    assert_null(send_next(r));
    finish(r, c);
    c = send_next(r);
    assert_int_equal(c->id, 2);
    finish(r, c);
}

static void a_lane_that_waits_holds_up_no_other(void **state)
{
    struct rig *r = *state;
    struct core_command *c = NULL;

    add_message(r, 1, "s");
    add_message(r, 2, "s");
    add_message(r, 2, "s");
    c = send_next(r);
    assert_int_equal(c->lane->id, 1);
    queue_move(r->q, c, COMMAND_WAITING, r->now + 100000, r->now);
    c = send_next(r);
    assert_int_equal(c->id, 2);
    finish(r, c);
    c = send_next(r);
    assert_int_equal(c->id, 3);
}

static void a_held_destination_holds_up_no_other(void **state)
{
    struct rig *r = *state;
    struct core_command *c = NULL;

    add_outbound(r, 1, "s", "dead-service");
    add_message(r, 2, "s"); /* the same scope, towards amo */
    add_message(r, 3, "other");
    dest_hold(r->q, queue_dest(r->q, DEST_CONNECTOR, VIEW_LIT("dead-service")), HOLD_CONNECT, 0,
              60000, r->now);
    c = send_next(r);
    assert_int_equal(c->id, 2);
    c = send_next(r);
    assert_int_equal(c->id, 3);
    assert_null(send_next(r));
}

static void a_destination_that_swallows_calls_leaves_room_for_others(void **state)
{
    struct rig *r = *state;
    struct core_command *c = NULL;

    queue_run(r->q, 64, r->now);
    for (int i = 1; i <= 10; i++)
        add_message(r, i, "deaf");
    for (int i = 0; i < WINDOW_FIRST; i++)
        assert_non_null(c = send_next(r));
    assert_null(send_next(r));
    add_message(r, 11, "other");
    assert_non_null(send_next(r)); /* at once, though the first one has more to send */
    assert_null(send_next(r));
    assert_true(queue_next_due(r->q) > r->now); /* and nobody spins for it */
    finish(r, c);
    assert_non_null(send_next(r));
    assert_null(send_next(r));
}

static void scopes_take_turns_whatever_their_load(void **state)
{
    struct rig *r = *state;
    int turns[2] = {0};

    for (int i = 0; i < 50; i++)
        add_message(r, 100 + i, "busy");
    for (int i = 0; i < 5; i++)
        add_message(r, 200 + i, "quiet");
    for (int i = 0; i < 10; i++) {
        struct core_command *c = send_next(r);

        turns[c->lane->id >= 200]++;
    }
    assert_int_equal(turns[0], 5);
    assert_int_equal(turns[1], 5);
}

static void a_command_without_a_lane_has_one_of_its_own(void **state)
{
    struct rig *r = *state;

    add_row(r, 0, COMMAND_AMO_STATUS, "s", NULL, 0);
    add_row(r, 0, COMMAND_AMO_STATUS, "s", NULL, 0);
    assert_non_null(send_next(r));
    assert_non_null(send_next(r));
}

static void a_conversation_that_moved_has_a_lane_for_each_account(void **state)
{
    struct rig *r = *state;

    dest_pause(r->q, scope_of(r, "old"), true, r->now);
    add_message(r, 2, "old");
    add_outbound(r, 3, "old", "wa");
    struct core_command *in = add_message(r, 2, "new");
    struct core_command *out = add_outbound(r, 3, "new", "wa");

    assert_ptr_equal(send_next(r), in); /* not held up by the pause of the other account */
    assert_ptr_equal(send_next(r), out);
    assert_null(send_next(r));
    assert_ptr_equal(in->lane->dest, scope_of(r, "new"));
    assert_ptr_equal(queue_lane_at(r->q, 2, in->lane->dest, in->lane->scope), in->lane);
    finish(r, in);
    finish(r, out);
    assert_int_equal(table_count(r->q->lanes), 2);
}

static void one_that_comes_from_another_lane_goes_before_the_younger_ones(void **state)
{
    struct rig *r = *state;
    static const int64_t came[] = {1, 3, 5, 2};
    static const int64_t order[] = {1, 2, 3, 5};

    for (size_t i = 0; i < AMO_COUNT(came); i++) {
        r->next_id = came[i] - 1;
        queue_by_age(add_message(r, 7, "s"));
    }
    for (size_t i = 0; i < AMO_COUNT(order); i++) {
        struct core_command *c = send_next(r);

        assert_non_null(c);
        assert_int_equal(c->id, order[i]);
        finish(r, c);
    }
    queue_by_age(NULL);
}

static void statuses_stay_when_only_messages_may_go(void **state)
{
    struct rig *r = *state;
    struct core_command *c = NULL;

    add_row(r, 1, COMMAND_AMO_STATUS, "s", NULL, 0);
    add_message(r, 2, "s");
    c = queue_next(r->q, true, r->now);
    assert_int_equal(c->id, 2);
    queue_move(r->q, c, COMMAND_IN_FLIGHT, r->now + 1, r->now);
    assert_null(queue_next(r->q, true, r->now));
    assert_int_equal(queue_next(r->q, false, r->now)->id, 1);
}

static void what_was_given_back_goes_first_and_has_its_token_again(void **state)
{
    struct rig *r = *state;
    struct core_command *c = NULL;

    rig_anew(r, 1, 1);
    add_message(r, 1, "s");
    add_message(r, 2, "s");
    c = queue_next(r->q, false, r->now);
    queue_give_back(r->q, c);
    assert_ptr_equal(queue_next(r->q, false, r->now), c);
}

static void there_is_room_again_when_an_eighth_has_gone(void **state)
{
    struct rig *r = *state;

    assert_int_equal(r->q->max, LIMIT_COMMANDS);
    r->q->max = 16;
    for (int i = 0; i < 16; i++) {
        assert_true(queue_has_room(r->q));
        add_message(r, i + 1, "s");
    }
    assert_false(queue_has_room(r->q));
    add_message(r, 17, "s"); /* what has to enter does */
    for (int i = 0; i < 2; i++)
        finish(r, send_next(r));
    assert_int_equal(queue_count(r->q), 15);
    assert_false(queue_has_room(r->q));
    finish(r, send_next(r));
    assert_true(queue_has_room(r->q));
    add_message(r, 18, "s");
    assert_true(queue_has_room(r->q)); /* until the bound is reached again */
    add_message(r, 19, "s");
    assert_false(queue_has_room(r->q));
    r->q->max = 0;
    assert_true(queue_has_room(r->q));
    r->q->max = 1; /* an eighth of it is nothing */
    assert_false(queue_has_room(r->q));
    while (queue_count(r->q) > 0)
        finish(r, send_next(r));
    assert_true(queue_has_room(r->q));
}

static void a_command_is_in_the_queue_once(void **state)
{
    struct rig *r = *state;
    struct core_command *c = NULL;
    struct command_row row = {.id = 1, .lane = 1, .kind = COMMAND_AMO_MESSAGE};

    assert_int_equal(queue_add(r->q, &row, r->now, UNIX_MS, &c), 0);
    assert_int_equal(queue_add(r->q, &row, r->now, UNIX_MS, &c), -EEXIST);
    assert_int_equal(queue_count(r->q), 1);
}

static void a_stored_wait_goes_on_after_a_restart_but_not_beyond_an_hour(void **state)
{
    struct rig *r = *state;
    struct core_command *c = NULL;

    c = add_row(r, 1, COMMAND_AMO_MESSAGE, "s", NULL, UNIX_MS + 4000);
    assert_int_equal(c->state, COMMAND_WAITING);
    assert_int_equal(c->due.mono_ms, r->now + 4000);
    c = add_row(r, 2, COMMAND_AMO_MESSAGE, "s", NULL, UNIX_MS + 50 * 60000);
    assert_int_equal(c->due.mono_ms, r->now + 50 * 60000); /* it was asked to */
    c = add_row(r, 3, COMMAND_AMO_MESSAGE, "s", NULL, UNIX_MS + 1000LL * 86400 * 365);
    assert_int_equal(c->due.mono_ms,
                     r->now + LIMIT_RETRY_AFTER_MS); /* nobody may ask for that */
    r->q->doubt = true; /* what was stored and what is now may be of two clocks */
    c = add_row(r, 4, COMMAND_AMO_MESSAGE, "s", NULL, UNIX_MS + 50 * 60000);
    assert_int_equal(c->due.mono_ms, r->now + CAP_MS);
    c = add_row(r, 5, COMMAND_AMO_MESSAGE, "s", NULL, UNIX_MS - 1);
    assert_int_equal(c->state, COMMAND_READY);
}

static void a_back_off_behind_another_command_counts_when_it_comes_forward(void **state)
{
    struct rig *r = *state;
    struct core_command *first = NULL;
    struct core_command *second = NULL;

    first = add_message(r, 1, "s");
    second = add_row(r, 1, COMMAND_AMO_MESSAGE, "s", NULL, UNIX_MS + 4000);
    assert_int_equal(second->state, COMMAND_QUEUED);
    assert_ptr_equal(send_next(r), first);
    finish(r, first);
    assert_int_equal(second->state, COMMAND_WAITING);
    assert_ptr_equal(queue_due(r->q, r->now + 4000), second);
}

static void the_dead_leave_the_middle_of_their_lane(void **state)
{
    struct rig *r = *state;
    struct core_command *c[3];

    for (int i = 0; i < 3; i++)
        c[i] = add_message(r, 1, "s");
    queue_move(r->q, c[1], COMMAND_DEAD, 0, r->now); /* its life ended while it was QUEUED */
    assert_ptr_equal(send_next(r), c[0]);
    finish(r, c[0]);
    assert_ptr_equal(send_next(r), c[2]);
}

/* --- rate ----------------------------------------------------------------------------------- */

static void the_bucket_gives_a_burst_then_the_rate(void **state)
{
    struct rig *r = *state;
    int sent = 0;

    rig_anew(r, 7, 7);
    for (int i = 0; i < 100; i++)
        add_message(r, 1 + i, "s");
    while (send_next(r))
        sent++;
    assert_int_equal(sent, 7);
    r->now += 142; /* a token takes 142.86 ms */
    assert_null(send_next(r));
    r->now += 1;
    assert_non_null(send_next(r));
    assert_null(send_next(r));
    sent = 0;
    for (int ms = 0; ms < 10000; ms += 10) {
        r->now += 10;
        while (send_next(r))
            sent++;
    }
    assert_in_range(sent, 69, 71);
}

static void an_idle_bucket_keeps_no_more_than_the_burst(void **state)
{
    struct rig *r = *state;
    int sent = 0;

    rig_anew(r, 7, 3);
    for (int i = 0; i < 20; i++)
        add_message(r, 1 + i, "s");
    r->now += 3600000;
    while (send_next(r))
        sent++;
    assert_int_equal(sent, 3);
}

static void connectors_have_no_rate(void **state)
{
    struct rig *r = *state;
    int sent = 0;

    rig_anew(r, 1, 1);
    for (int i = 0; i < 50; i++)
        add_outbound(r, 1 + i, "s", "c");
    while (send_next(r))
        sent++;
    assert_int_equal(sent, 50);
}

static void the_next_token_is_a_timer(void **state)
{
    struct rig *r = *state;

    rig_anew(r, 2, 1);
    assert_true(queue_next_due(r->q) == INT64_MAX);
    add_message(r, 1, "s");
    add_message(r, 2, "s");
    /* what may go now waits for no time: for credit, perhaps */
    assert_true(queue_next_due(r->q) == INT64_MAX);
    queue_move(r->q, send_next(r), COMMAND_DONE, 0, r->now);
    assert_null(send_next(r));
    assert_in_range(queue_next_due(r->q), r->now + 500, r->now + 501);
    r->now += 501;
    assert_non_null(send_next(r));
}

static void throttling_halves_the_rate_and_success_gives_it_back(void **state)
{
    struct rig *r = *state;
    struct dest *d = NULL;

    rig_anew(r, 8, 8);
    d = scope_of(r, "s");
    dest_hold(r->q, d, HOLD_THROTTLED, 0, 3000, r->now);
    assert_true(d->rate > 3.99 && d->rate < 4.01);
    assert_int_equal(d->hold_until_ms, r->now + 3000); /* Retry-After */
    r->now += 3000;
    for (int i = 0; i < 40; i++) { /* never below the floor */
        dest_hold(r->q, d, HOLD_THROTTLED, 0, 0, r->now);
        r->now = d->hold_until_ms;
    }
    assert_true(d->rate > 0.49 && d->rate < 0.51);
    for (int i = 0; i < 20; i++)
        dest_success(d, 1, r->now);
    assert_true(d->rate > 7.99 && d->rate < 8.01);
    assert_false(dest_is_held(d));
}

/* A service that takes so many calls a second; 429 to the rest. Deliveries and refusals in @seconds. */
struct limited {
    int per_second;
    int in_second;
    int64_t second;
    int taken;
    int refused;
};

static void send_to(struct rig *r, struct limited *s, int64_t seconds)
{
    struct dest *d = queue_dest(r->q, DEST_CONNECTOR, VIEW_LIT("c"));

    s->taken = s->refused = 0;
    for (int64_t end = r->now + seconds * 1000; r->now < end; r->now += 10) {
        struct core_command *c = NULL;

        queue_run(r->q, 64, r->now);
        while ((c = send_next(r))) {
            bool fine = false;

            if (s->second != r->now / 1000) {
                s->second = r->now / 1000;
                s->in_second = 0;
            }
            fine = s->in_second++ < s->per_second;
            queue_answered(d, fine, r->now, 5, r->now);
            if (fine) {
                s->taken++;
                dest_success(d, c->lane->id, r->now);
                finish(r, c);
            } else {
                s->refused++;
                dest_hold(r->q, d, HOLD_THROTTLED, 0, 1000, r->now);
                queue_move(r->q, c, COMMAND_READY, 0, r->now);
            }
        }
    }
}

static void a_rate_is_learnt_where_none_is_set(void **state)
{
    struct rig *r = *state;
    struct dest *d = queue_dest(r->q, DEST_CONNECTOR, VIEW_LIT("c"));
    struct limited s = {.per_second = 5};

    for (int i = 0; i < 60000; i++)
        add_outbound(r, 1 + i, "s", "c");
    send_to(r, &s, 60);
    print_message("5 a second: %d taken, %d refused in 60 s\n", s.taken, s.refused);
    assert_true(s.taken > 60 * 5 * 6 / 10);
    assert_true(s.refused * 20 < s.taken);
    s.per_second = 100000; /* it is not limited any more */
    send_to(r, &s, 400);
    assert_true(d->rate == 0);
}

/* It says nothing about a rate: two a second later fifty-five are no matter of minutes. */
static void a_429_in_a_quiet_moment_is_soon_forgotten(void **state)
{
    struct rig *r = *state;
    struct dest *d = queue_dest(r->q, DEST_CONNECTOR, VIEW_LIT("c"));
    struct limited s = {.per_second = 0};

    add_outbound(r, 1, "s", "c");
    send_to(r, &s, 1);
    assert_int_equal(s.refused, 1);
    assert_true(d->rate > 0 && d->rate < 1);
    s.per_second = 100000;
    for (int i = 0; i < 55; i++)
        add_outbound(r, 2 + i, "s", "c");
    send_to(r, &s, 15);
    assert_int_equal(s.taken, 56);
}

/* The probe of a hold is alone: that it is refused as well does not say that one a second is too much. */
static void probes_that_are_refused_teach_no_rate(void **state)
{
    struct rig *r = *state;
    struct dest *d = queue_dest(r->q, DEST_CONNECTOR, VIEW_LIT("c"));
    struct limited s = {.per_second = 4};

    for (int i = 0; i < 120; i++)
        add_outbound(r, 1 + i, "s", "c");
    send_to(r, &s, 1); /* some go, and one is refused */
    assert_true(s.taken >= 4);
    s.per_second = 0;
    for (int i = 0; i < 200 && s.refused < 3; i++)
        send_to(r, &s, 1);
    s.per_second = 100000;
    send_to(r, &s, 40);
    print_message("after refused probes: %d taken in 40 s, now %.1f a second\n", s.taken,
                  d->rate);
    assert_true(s.taken > 70);
}

/* Typing, that is: one 429 is not to end it for good. */
static void a_learnt_rate_has_something_to_spare(void **state)
{
    struct rig *r = *state;
    struct dest *d = NULL;

    rig_anew(r, 7, 7);
    d = queue_dest(r->q, DEST_CONNECTOR, VIEW_LIT("c"));
    dest_hold(r->q, d, HOLD_THROTTLED, 0, 1000, r->now);
    assert_true(d->rate > 0);
    assert_false(dest_take_spare_token(d, r->now));
    r->now += 60000;
    add_outbound(r, 1, "s", "c");
    assert_false(dest_take_spare_token(d, r->now)); /* a message is ready */
    dest_release(d, r->now);
    queue_move(r->q, queue_next(r->q, false, r->now), COMMAND_DONE, 0, r->now);
    assert_false(dest_take_spare_token(d, r->now));
    r->now += 60000;
    assert_true(dest_take_spare_token(d, r->now));
    assert_false(dest_take_spare_token(d, r->now));
}

/* A hundred a second an hour ago are no reason for seventy now. */
static void what_was_served_long_ago_teaches_no_rate(void **state)
{
    static const struct {
        int64_t later_ms;
        double rate;
    } cases[] = {
        {10,      70 },
        {1010,    70 },
        {2000,    0.5},
        {3600000, 0.5}
    };
    struct rig *r = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dest *d = NULL;

        rig_anew(r, 0, 1);
        d = queue_dest(r->q, DEST_CONNECTOR, VIEW_LIT("c"));
        for (int n = 0; n < 100; n++)
            dest_success(d, 1, r->now);
        dest_hold(r->q, d, HOLD_THROTTLED, 0, 0, r->now + cases[i].later_ms);
        assert_true(d->rate > cases[i].rate - 0.01 && d->rate < cases[i].rate + 0.01);
    }
}

/* --- holds, breaker, probes ----------------------------------------------------------------- */

static void the_breaker_opens_after_failures_in_a_row_of_several_lanes(void **state)
{
    struct rig *r = *state;
    struct dest *d = scope_of(r, "s");

    for (int i = 0; i < 4; i++)
        assert_false(dest_failure(r->q, d, 1 + i % 2, 0, r->now));
    dest_success(d, 1, r->now); /* in a row, or they do not count */
    for (int i = 0; i < 4; i++)
        assert_false(dest_failure(r->q, d, 1 + i % 2, 0, r->now));
    assert_false(dest_is_held(d));
    assert_true(dest_failure(r->q, d, 1, 0, r->now));
    assert_int_equal(d->hold, HOLD_BREAKER);
}

static void one_lane_that_fails_alone_opens_no_breaker(void **state)
{
    struct rig *r = *state;
    struct dest *d = scope_of(r, "s");

    for (int i = 0; i < 50; i++)
        assert_false(dest_failure(r->q, d, 1, 0, r->now));
    assert_true(dest_failure(r->q, d, 2, 0, r->now)); /* the second witness */
    assert_int_equal(d->hold, HOLD_BREAKER);
}

/* Who is asked while few have said so. */
static void a_hold_in_doubt_asks_other_lanes_one_at_a_time(void **state)
{
    static const enum hold_reason asked[] = {HOLD_FORBIDDEN, HOLD_NOT_FOUND, HOLD_PROXY};
    static const enum hold_reason sure[] = {HOLD_CONNECT, HOLD_THROTTLED, HOLD_PRIVATE};
    struct rig *r = *state;

    for (size_t i = 0; i < AMO_COUNT(asked) + AMO_COUNT(sure); i++) {
        bool is_asked = i < AMO_COUNT(asked);
        struct core_command *c[3];
        struct dest *d = NULL;

        rig_anew(r, 0, 1);
        d = scope_of(r, "s");
        for (int k = 0; k < 3; k++)
            c[k] = add_message(r, 1 + k, "s");
        assert_ptr_equal(send_next(r), c[0]);
        dest_hold(r->q, d, is_asked ? asked[i] : sure[i - AMO_COUNT(asked)], c[0]->lane->id,
                  is_asked ? 0 : 50000, r->now);
        queue_move(r->q, c[0], COMMAND_READY, 0, r->now);
        if (!is_asked) {
            assert_null(send_next(r));
            continue;
        }
        assert_ptr_equal(send_next(r), c[1]);
        assert_null(send_next(r)); /* one at a time */
        dest_hold(r->q, d, asked[i], c[1]->lane->id, 0, r->now);
        queue_move(r->q, c[1], COMMAND_READY, 0, r->now);
        assert_ptr_equal(send_next(r), c[2]);
        dest_success(d, c[2]->lane->id, r->now); /* it is not everybody's matter */
        assert_false(dest_is_held(d));
    }
}

static void three_lanes_are_believed(void **state)
{
    struct rig *r = *state;
    struct dest *d = scope_of(r, "s");

    for (int k = 0; k < 5; k++)
        add_message(r, 1 + k, "s");
    dest_hold(r->q, d, HOLD_FORBIDDEN, 901, 0, r->now);
    for (int k = 0; k < 2; k++) {
        struct core_command *c = send_next(r);

        assert_non_null(c);
        dest_hold(r->q, d, HOLD_FORBIDDEN, c->lane->id, 0, r->now);
        queue_move(r->q, c, COMMAND_READY, 0, r->now);
    }
    assert_null(send_next(r));
    assert_int_equal(queue_next_due(r->q), d->ask_ms); /* then one more may be asked */
    r->now = d->hold_until_ms;
    /* the slow probe is of one who has not failed, though others stand before it */
    assert_int_equal(send_next(r)->id, 3);
}

static void gone_is_believed_of_two_lanes(void **state)
{
    struct rig *r = *state;
    struct core_command *c = NULL;
    struct dest *d = scope_of(r, "s");

    add_message(r, 1, "s");
    add_message(r, 2, "s");
    dest_hold(r->q, d, HOLD_GONE, 901, 0, r->now);
    c = send_next(r);
    assert_non_null(c);
    dest_hold(r->q, d, HOLD_GONE, c->lane->id, 0, r->now);
    queue_move(r->q, c, COMMAND_READY, 0, r->now);
    r->now += 1000LL * 86400 * 365;
    assert_null(send_next(r));
}

static void not_before_is_obeyed_by_those_who_would_be_asked(void **state)
{
    struct rig *r = *state;
    struct dest *d = scope_of(r, "s");

    add_message(r, 1, "s");
    for (int i = 0; i < 5; i++)
        (void)dest_failure(r->q, d, 901 + i % 2, 30000, r->now); /* 503 with Retry-After */
    assert_int_equal(d->hold, HOLD_BREAKER);
    assert_null(send_next(r));
    dest_success(d, 901, r->now + 1); /* of one under way: the wish stands */
    assert_true(dest_is_held(d));
    r->now += 29999;
    assert_null(send_next(r));
    r->now += 1;
    assert_non_null(send_next(r));
}

static void exactly_one_probe_goes_when_a_hold_is_over(void **state)
{
    struct rig *r = *state;
    struct core_command *probe = NULL;
    struct dest *d = scope_of(r, "s");

    for (int i = 0; i < 4; i++)
        add_message(r, 1 + i, "s");
    dest_hold(r->q, d, HOLD_BREAKER, 0, 2000, r->now);
    assert_null(send_next(r));
    r->now = d->hold_until_ms;
    probe = send_next(r);
    assert_non_null(probe);
    assert_null(send_next(r));
    assert_true(dest_failure(r->q, d, 1, 0, r->now)); /* it fails: the next wait */
    queue_move(r->q, probe, COMMAND_READY, 0, r->now);
    assert_null(send_next(r));
    r->now = d->hold_until_ms;
    probe = send_next(r);
    assert_non_null(probe);
    dest_success(d, 1, r->now); /* it lives: all may go */
    finish(r, probe);
    for (int i = 0; i < 3; i++)
        assert_non_null(send_next(r));
}

static void one_under_way_since_before_the_hold_frees_no_second_probe(void **state)
{
    struct rig *r = *state;
    struct core_command *old = NULL;
    struct core_command *probe = NULL;
    struct dest *d = scope_of(r, "s");

    for (int i = 0; i < 4; i++)
        add_message(r, 1 + i, "s");
    old = send_next(r);
    dest_hold(r->q, d, HOLD_CONNECT, 0, 0, r->now);
    r->now = d->hold_until_ms;
    probe = send_next(r);
    assert_non_null(probe);
    queue_move(r->q, old, COMMAND_WAITING, r->now + 1, r->now);
    assert_null(send_next(r));
    queue_move(r->q, probe, COMMAND_READY, 0, r->now); /* handed back unstarted */
    assert_non_null(send_next(r));
    assert_null(send_next(r));
}

static void those_under_way_do_not_lengthen_a_hold(void **state)
{
    struct rig *r = *state;
    struct dest *d = scope_of(r, "s");
    int64_t until = 0;

    dest_hold(r->q, d, HOLD_CONNECT, 0, 1500, r->now);
    until = d->hold_until_ms;
    for (int i = 0; i < 64; i++)
        dest_hold(r->q, d, HOLD_CONNECT, 0, 0, r->now + 10);
    assert_int_equal(d->holds, 1);
    assert_int_equal(d->hold_until_ms, until);
    dest_hold(r->q, d, HOLD_THROTTLED, 0, 4000, r->now + 10); /* but "not before" is obeyed */
    assert_int_equal(d->hold_until_ms, r->now + 4010);
    assert_int_equal(d->holds, 1);
}

static void an_old_success_does_not_take_back_retry_after(void **state)
{
    struct rig *r = *state;
    struct dest *d = NULL;

    rig_anew(r, 7, 7);
    d = scope_of(r, "s");
    add_message(r, 1, "s");
    dest_hold(r->q, d, HOLD_THROTTLED, 0, 60000, r->now);
    dest_success(d, 1, r->now + 5);
    assert_true(dest_is_held(d));
    assert_null(send_next(r));
    r->now += 60000;
    assert_non_null(send_next(r)); /* the probe */
    dest_success(d, 1, r->now);
    assert_false(dest_is_held(d));
    dest_hold(r->q, d, HOLD_GONE, 0, 0, r->now);
    dest_success(d, 1, r->now + 1000000); /* a person must act */
    assert_true(dest_is_held(d));
    dest_release(d, r->now);
    dest_hold(r->q, d, HOLD_CONNECT, 0, 5000, r->now);
    dest_success(d, 1, r->now + 1); /* it can be reached, then */
    assert_false(dest_is_held(d));
}

static void holds_in_a_row_double_and_success_begins_anew(void **state)
{
    struct rig *r = *state;
    struct dest *d = scope_of(r, "s");
    int64_t longest = 0;

    for (uint32_t n = 0; n < 12; n++) {
        int64_t top = n < 9 ? (int64_t)BASE_MS << n : CAP_MS;
        int64_t wait = 0;

        dest_hold(r->q, d, HOLD_CONNECT, 0, 0, r->now);
        wait = d->hold_until_ms - r->now;
        assert_in_range(wait, 200, top < CAP_MS ? top : CAP_MS);
        longest = wait > longest ? wait : longest;
        r->now = d->hold_until_ms;
    }
    assert_true(longest > 10000);
    dest_success(d, 1, r->now);
    dest_hold(r->q, d, HOLD_CONNECT, 0, 0, r->now);
    assert_in_range(d->hold_until_ms - r->now, 200, BASE_MS);
}

static void what_a_person_must_mend_is_probed_slowly_and_gone_not_at_all(void **state)
{
    struct rig *r = *state;
    struct dest *d = scope_of(r, "s");

    add_message(r, 1, "s");
    dest_hold(r->q, d, HOLD_FORBIDDEN, 0, 0, r->now);
    assert_int_equal(d->hold_until_ms, r->now + 60000);
    dest_hold(r->q, d, HOLD_GONE, 0, 0, r->now); /* stronger, even while it is held */
    r->now += 1000LL * 86400 * 365;
    assert_null(send_next(r));
    assert_true(queue_next_due(r->q) == INT64_MAX);
    dest_release(d, r->now);
    assert_non_null(send_next(r));
}

static void held_time_is_measured(void **state)
{
    struct rig *r = *state;
    struct dest *d = scope_of(r, "s");

    assert_int_equal(dest_held_ms(d, r->now), 0);
    dest_hold(r->q, d, HOLD_CONNECT, 0, 0, r->now);
    assert_int_equal(dest_held_ms(d, r->now + 700), 700);
    dest_release(d, r->now + 1000);
    assert_int_equal(dest_held_ms(d, r->now + 9000), 1000);
    dest_hold(r->q, d, HOLD_CONNECT, 0, 0, r->now + 9000);
    assert_int_equal(dest_held_ms(d, r->now + 9500), 1500);
}

static void the_end_of_a_hold_is_a_timer(void **state)
{
    struct rig *r = *state;
    struct dest *d = scope_of(r, "s");

    add_message(r, 1, "s");
    dest_hold(r->q, d, HOLD_CONNECT, 0, 7000, r->now);
    assert_null(send_next(r));
    assert_int_equal(queue_next_due(r->q), r->now + 7000);
    r->now += 7000;
    assert_non_null(send_next(r)); /* while the probe is under way only its lease is a timer */
    assert_int_equal(queue_next_due(r->q), r->now + 22000);
}

/* --- pause ---------------------------------------------------------------------------------- */

static void a_pause_parks_both_directions_of_its_scope_alone(void **state)
{
    struct rig *r = *state;
    struct dest *d = scope_of(r, "s");
    int n = 0;

    add_message(r, 1, "s");
    add_outbound(r, 2, "s", "c"); /* ready before the pause */
    dest_pause(r->q, d, true, r->now);
    add_message(r, 3, "s");
    add_outbound(r, 4, "s", "c");
    add_outbound(r, 5, "other", "c"); /* the same connector, another account */
    assert_int_equal(send_next(r)->id, 5);
    assert_null(send_next(r));
    dest_pause(r->q, d, false, r->now);
    while (send_next(r))
        n++;
    assert_int_equal(n, 4);
}

static void a_destination_whose_lanes_are_all_parked_wakes_nobody(void **state)
{
    struct rig *r = *state;

    add_outbound(r, 2, "s", "c");
    dest_pause(r->q, scope_of(r, "s"), true, r->now);
    assert_null(send_next(r));
    assert_true(queue_next_due(r->q) == INT64_MAX);
}

static void the_clock_of_a_paused_command_stands_still(void **state)
{
    struct rig *r = *state;
    struct core_command *in = NULL;
    struct core_command *out = NULL;
    struct core_command *other = NULL;
    struct dest *d = scope_of(r, "s");

    in = add_message(r, 1, "s");
    out = add_outbound(r, 2, "s", "c");
    other = add_message(r, 3, "other");
    dest_pause(r->q, d, true, r->now);
    dest_pause(r->q, d, true, r->now + 500); /* twice is once */
    dest_pause(r->q, d, false, r->now + 90000);
    assert_int_equal(queue_paused_ms(in, r->now + 90000), 90000);
    assert_int_equal(queue_paused_ms(out, r->now + 90000), 90000);
    assert_int_equal(queue_paused_ms(other, r->now + 90000), 0);
    dest_pause(r->q, d, false, r->now + 95000);
    assert_int_equal(queue_paused_ms(in, r->now + 95000), 90000);
    /* who comes later was not there */
    assert_int_equal(queue_paused_ms(add_message(r, 4, "s"), r->now + 95000), 0);
    dest_pause(r->q, d, true, r->now + 100000);
    assert_int_equal(queue_paused_ms(in, r->now + 100500), 90500);
}

static void a_command_that_came_during_a_pause_is_credited_from_then_on(void **state)
{
    struct rig *r = *state;
    struct core_command *c = NULL;
    struct dest *d = scope_of(r, "s");
    struct command_row row = {
        .id = 50, .lane = 1, .kind = COMMAND_AMO_MESSAGE, .taken_ms = UNIX_MS - 300};
    char scope[] = "s";

    row.scope = scope;
    dest_pause(r->q, d, true, r->now - 10000);
    assert_int_equal(queue_add(r->q, &row, r->now, UNIX_MS, &c), 0); /* 300 ms old */
    dest_pause(r->q, d, false, r->now + 700);
    assert_int_equal(queue_paused_ms(c, r->now + 700), 1000);
}

static void what_comes_back_during_a_pause_waits_for_its_end(void **state)
{
    struct rig *r = *state;
    struct core_command *c = NULL;
    struct dest *d = scope_of(r, "s");

    add_message(r, 1, "s");
    add_message(r, 1, "s");
    c = send_next(r);
    dest_pause(r->q, d, true, r->now);
    queue_move(r->q, c, COMMAND_READY, 0, r->now);
    assert_null(send_next(r));
    queue_move(r->q, c, COMMAND_DEAD, 0, r->now); /* and may die meanwhile */
    assert_null(send_next(r));
    dest_pause(r->q, d, false, r->now);
    assert_int_equal(send_next(r)->id, 2);
}

/* --- jitter --------------------------------------------------------------------------------- */

static void back_off_is_full_jitter_within_its_bounds(void **state)
{
    struct rig *r = *state;

    for (uint32_t n = 0; n < 40; n++) {
        int64_t top = n < 9 ? (int64_t)BASE_MS << n : CAP_MS;
        int64_t low = INT64_MAX;
        int64_t high = 0;

        for (int i = 0; i < 300; i++) {
            int64_t ms = queue_backoff_ms(r->q, n);

            assert_in_range(ms, 200, top < CAP_MS ? top : CAP_MS);
            low = ms < low ? ms : low;
            high = ms > high ? ms : high;
        }
        assert_true(low < 200 + (top - 200) / 10); /* it does spread */
        assert_true(high > top - (top - 200) / 10);
    }
}

static void a_back_off_shorter_than_the_floor_is_taken_as_it_is(void **state)
{
    struct queue *q = NULL;

    (void)state;
    assert_int_equal(queue_new(0, 1, 20, 50, 1, &q), 0);
    assert_int_equal(queue_backoff_ms(q, 0), 20);
    assert_int_equal(queue_backoff_ms(q, 30), 50);
    queue_free(q);
}

/* --- the whole against a model -------------------------------------------------------------- */

#define LANES 40
#define DEPTH 64

struct model {
    int64_t lane[LANES][DEPTH]; /* ids not settled, in intake order */
    size_t n[LANES];
};

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

static void assert_heap(const struct queue *q)
{
    for (size_t i = 1; i <= q->timers.n; i++) {
        const struct core_command *c =
            LIST_ENTRY_CONST(q->timers.items[i], struct core_command, due);

        assert_int_equal(c->due.heap_at, i);
        assert_true(c->state == COMMAND_WAITING || c->state == COMMAND_IN_FLIGHT);
        if (i > 1)
            assert_true(q->timers.items[i / 2]->mono_ms <= q->timers.items[i]->mono_ms);
    }
}

static void assert_like_model(struct rig *r, const struct model *m)
{
    size_t timed = 0;
    size_t total = 0;

    for (size_t l = 0; l < LANES; l++) {
        for (size_t i = 0; i < m->n[l]; i++) {
            const struct core_command *c = queue_find(r->q, m->lane[l][i]);

            assert_non_null(c);
            assert_int_equal(c->lane->id, l + 1);
            assert_int_equal(c->state == COMMAND_QUEUED, i > 0); /* only the head moves */
            timed += c->state == COMMAND_WAITING || c->state == COMMAND_IN_FLIGHT;
        }
        total += m->n[l];
    }
    assert_int_equal(queue_count(r->q), total);
    assert_int_equal(r->q->timers.n, timed);
    assert_int_equal(table_count(r->q->commands), total);
    assert_heap(r->q);
}

static void model_remove(struct model *m, const struct core_command *c)
{
    size_t l = (size_t)c->lane->id - 1;
    size_t at = 0;

    while (m->lane[l][at] != c->id)
        at++;
    memmove(&m->lane[l][at], &m->lane[l][at + 1], (m->n[l] - at - 1) * sizeof(int64_t));
    m->n[l]--;
}

/* What may befall a command on its way, or at the end of it. */
static void random_end(struct rig *r, struct model *m, struct core_command *c, uint32_t *seed)
{
    static const enum command_state ends[] = {COMMAND_DONE,    COMMAND_DONE,  COMMAND_DONE,
                                              COMMAND_WAITING, COMMAND_READY, COMMAND_CHECKING,
                                              COMMAND_DEAD};
    enum command_state to = ends[next_random(seed) % (sizeof(ends) / sizeof(ends[0]))];

    if (to == COMMAND_DONE || to == COMMAND_DEAD)
        model_remove(m, c);
    queue_move(r->q, c, to, r->now + next_random(seed) % 500, r->now);
    if (to != COMMAND_CHECKING)
        return;
    to = next_random(seed) % 2 ? COMMAND_DONE : COMMAND_WAITING;
    if (to == COMMAND_DONE)
        model_remove(m, c);
    queue_move(r->q, c, to, r->now + 50, r->now);
}

static void random_step(struct rig *r, struct model *m, uint32_t *seed)
{
    size_t l = next_random(seed) % LANES;
    struct core_command *c = NULL;
    static const char *const scopes[] = {"a", "b", "c"};

    r->now += next_random(seed) % 20;
    switch (next_random(seed) % 8) {
    case 0:
    case 1:
        if (m->n[l] == DEPTH)
            return;
        c = l % 2 ? add_message(r, (int64_t)l + 1, scopes[l % 3])
                  : add_outbound(r, (int64_t)l + 1, scopes[l % 3], "k");
        m->lane[l][m->n[l]++] = c->id;
        return;
    case 2:
        c = m->n[l] > 1 ? queue_find(r->q, m->lane[l][m->n[l] / 2]) : NULL;
        if (c && c->state == COMMAND_QUEUED && next_random(seed) % 8 == 0) {
            model_remove(m, c);
            queue_move(r->q, c, COMMAND_DEAD, 0, r->now);
        }
        return;
    case 3:
        c = m->n[l] ? queue_find(r->q, m->lane[l][0]) : NULL;
        if (c && c->state == COMMAND_IN_FLIGHT)
            random_end(r, m, c, seed);
        return;
    case 4:
        dest_pause(r->q, scope_of(r, scopes[l % 3]), next_random(seed) % 3 == 0, r->now);
        return;
    default:
        c = queue_next(r->q, false, r->now);
        if (c) {
            /* the head of its lane, always */
            assert_int_equal(m->lane[c->lane->id - 1][0], c->id);
            assert_false(c->lane->scope->paused);
            queue_move(r->q, c, COMMAND_IN_FLIGHT, r->now + next_random(seed) % 300, r->now);
        }
        return;
    }
}

static void random_work_keeps_every_lane_in_order(void **state)
{
    struct rig *r = *state;
    static struct model m;
    uint32_t seed = 0;

    assert_int_equal(crypto_random(&seed, sizeof(seed)), 0);
    print_message("seed %u\n", seed);
    memset(&m, 0, sizeof(m));
    rig_anew(r, 50, 10);
    for (int step = 0; step < 30000; step++) {
        struct core_command *due = NULL;

        random_step(r, &m, &seed);
        while ((due = queue_due(r->q, r->now)))
            queue_move(r->q, due, COMMAND_READY, 0, r->now); /* back-off or lease is over */
        if (step % 50 == 0)
            assert_like_model(r, &m);
    }
    assert_like_model(r, &m);
}

static void timers_come_out_in_order(void **state)
{
    struct rig *r = *state;
    uint32_t seed = 7;
    int64_t last = 0;
    size_t n = 0;
    struct core_command *c = NULL;

    for (int i = 0; i < 3000; i++) {
        c = add_message(r, i + 1, "s");
        queue_move(r->q, c, COMMAND_IN_FLIGHT, 0, r->now);
        queue_move(r->q, c, COMMAND_WAITING, next_random(&seed) % 100000, r->now);
    }
    while ((c = queue_due(r->q, 100000))) {
        assert_true(c->due.mono_ms >= last);
        last = c->due.mono_ms;
        n++;
        queue_move(r->q, c, COMMAND_DEAD, 0, r->now);
    }
    assert_int_equal(n, 3000);
}

/* CPU time of a thousand messages that go while @statuses statuses of their destination must wait. */
static clock_t thousand_messages(struct rig *r, int statuses)
{
    clock_t began = 0;

    rig_anew(r, 0, 1);
    for (int i = 0; i < statuses; i++)
        (void)add_row(r, 1000000 + i, COMMAND_AMO_STATUS, "s", NULL, 0);
    for (int i = 0; i < 1000; i++)
        add_message(r, i + 1, "s");
    began = clock();
    for (int i = 0; i < 1000; i++) {
        struct core_command *c = queue_next(r->q, true, r->now);

        assert_non_null(c);
        queue_move(r->q, c, COMMAND_IN_FLIGHT, r->now + 22000, r->now);
        finish(r, c);
    }
    began = clock() - began;
    assert_null(queue_next(r->q, true, r->now));
    assert_int_equal(queue_count(r->q), (size_t)statuses);
    return began;
}

static void statuses_that_must_wait_cost_the_messages_nothing(void **state)
{
    struct rig *r = *state;
    clock_t few = 0;
    clock_t many = 0;

    for (int i = 0; i < 3; i++) { /* the machine is shared: the best of three */
        clock_t a = thousand_messages(r, 10);
        clock_t b = thousand_messages(r, 100000);

        few = i == 0 || a < few ? a : few;
        many = i == 0 || b < many ? b : many;
    }
    print_message("1000 messages: %ld and %ld us\n", (long)few, (long)many);
    /* to walk 100,000 of them for each message would be thousands of times as much */
    assert_true(many < 20 * (few + CLOCKS_PER_SEC / 1000));
}

/* --- what a bug would do, and no memory ----------------------------------------------------- */

static void an_illegal_move_stops_the_program(void **state)
{
    struct rig *r = *state;
    struct core_command *c = NULL;
    int status = 0;
    pid_t pid = 0;

    c = add_message(r, 1, "s");
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit none = {0, 0};

        (void)signal(SIGABRT, SIG_DFL);
        (void)setrlimit(RLIMIT_CORE, &none); /* no core file for a death that is wanted */
        (void)close(STDERR_FILENO);
        queue_move(r->q, c, COMMAND_QUEUED, 0, r->now);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static int fill_and_empty(void *arg)
{
    struct queue *q = NULL;
    char scope[] = "s";
    char connector[] = "c";
    int rc = queue_new(7, 7, BASE_MS, CAP_MS, 1, &q);

    (void)arg;
    for (int64_t i = 1; rc == 0 && i <= 100; i++) {
        struct command_row row = {.id = i,
                                  .lane = i % 7,
                                  .kind = i % 2 ? COMMAND_AMO_MESSAGE : COMMAND_SERVICE_MESSAGE,
                                  .scope = scope,
                                  .connector = connector};
        struct core_command *c = NULL;

        rc = queue_add(q, &row, 1000, UNIX_MS, &c);
        /* what was refused left nothing behind */
        assert_int_equal(queue_count(q), rc ? i - 1 : i);
    }
    for (int i = 0; q && i < 50; i++) {
        struct core_command *c = queue_next(q, false, 1000 + i * 1000);

        if (!c)
            break;
        queue_move(q, c, COMMAND_IN_FLIGHT, 0, 1000);
        queue_move(q, c, COMMAND_DONE, 0, 1000);
    }
    if (q)
        queue_free(q);
    return rc;
}

static void without_memory_a_command_is_refused_and_nothing_leaks(void **state)
{
    (void)state;
    testing_fail_each_allocation(fill_and_empty, NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(one_command_of_a_lane_goes_at_a_time_in_intake_order),
        CASE(what_comes_after_a_join_goes_behind_what_stood_there),
        CASE(what_stood_in_the_lane_itself_does_not_wait_for_a_join),
        CASE(order_of_a_lane_holds_through_retries_checks_and_holds),
        CASE(a_lane_that_waits_holds_up_no_other),
        CASE(a_held_destination_holds_up_no_other),
        CASE(a_destination_that_swallows_calls_leaves_room_for_others),
        CASE(scopes_take_turns_whatever_their_load),
        CASE(a_command_without_a_lane_has_one_of_its_own),
        CASE(a_conversation_that_moved_has_a_lane_for_each_account),
        CASE(one_that_comes_from_another_lane_goes_before_the_younger_ones),
        CASE(statuses_stay_when_only_messages_may_go),
        CASE(what_was_given_back_goes_first_and_has_its_token_again),
        CASE(there_is_room_again_when_an_eighth_has_gone),
        CASE(a_command_is_in_the_queue_once),
        CASE(a_stored_wait_goes_on_after_a_restart_but_not_beyond_an_hour),
        CASE(a_back_off_behind_another_command_counts_when_it_comes_forward),
        CASE(the_dead_leave_the_middle_of_their_lane),
        CASE(the_bucket_gives_a_burst_then_the_rate),
        CASE(an_idle_bucket_keeps_no_more_than_the_burst),
        CASE(connectors_have_no_rate),
        CASE(the_next_token_is_a_timer),
        CASE(throttling_halves_the_rate_and_success_gives_it_back),
        CASE(a_rate_is_learnt_where_none_is_set),
        CASE(a_429_in_a_quiet_moment_is_soon_forgotten),
        CASE(probes_that_are_refused_teach_no_rate),
        CASE(a_learnt_rate_has_something_to_spare),
        CASE(what_was_served_long_ago_teaches_no_rate),
        CASE(the_breaker_opens_after_failures_in_a_row_of_several_lanes),
        CASE(one_lane_that_fails_alone_opens_no_breaker),
        CASE(a_hold_in_doubt_asks_other_lanes_one_at_a_time),
        CASE(three_lanes_are_believed),
        CASE(gone_is_believed_of_two_lanes),
        CASE(not_before_is_obeyed_by_those_who_would_be_asked),
        CASE(exactly_one_probe_goes_when_a_hold_is_over),
        CASE(one_under_way_since_before_the_hold_frees_no_second_probe),
        CASE(those_under_way_do_not_lengthen_a_hold),
        CASE(an_old_success_does_not_take_back_retry_after),
        CASE(holds_in_a_row_double_and_success_begins_anew),
        CASE(what_a_person_must_mend_is_probed_slowly_and_gone_not_at_all),
        CASE(held_time_is_measured),
        CASE(the_end_of_a_hold_is_a_timer),
        CASE(a_pause_parks_both_directions_of_its_scope_alone),
        CASE(a_destination_whose_lanes_are_all_parked_wakes_nobody),
        CASE(the_clock_of_a_paused_command_stands_still),
        CASE(a_command_that_came_during_a_pause_is_credited_from_then_on),
        CASE(what_comes_back_during_a_pause_waits_for_its_end),
        CASE(back_off_is_full_jitter_within_its_bounds),
        cmocka_unit_test(a_back_off_shorter_than_the_floor_is_taken_as_it_is),
        CASE(random_work_keeps_every_lane_in_order),
        CASE(timers_come_out_in_order),
        CASE(statuses_that_must_wait_cost_the_messages_nothing),
        CASE(an_illegal_move_stops_the_program),
        cmocka_unit_test(without_memory_a_command_is_refused_and_nothing_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
