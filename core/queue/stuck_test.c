#include "core/queue/stuck.h"

#include <stdio.h>

#include "base/testing.h"
#include "core/queue/queue.h"

#define UNIX_MS  1800000000000LL
#define LIMIT_MS 600000LL

struct rig {
    struct queue *q;
    int64_t next_id;
    int64_t now;
};

static int setup(void **state)
{
    static struct rig r;

    r = (struct rig){.now = 5000000};
    *state = &r;
    return queue_new(0, 1, 1000, 300000, 12345, &r.q);
}

static int teardown(void **state)
{
    struct rig *r = *state;

    queue_free(r->q);
    return 0;
}

/* A client's message of @lane for the account @scope that came @age_ms ago. */
static struct core_command *add(struct rig *r, int64_t lane, const char *scope, int64_t age_ms)
{
    char name[16];
    struct core_command *c = NULL;
    struct command_row row = {.id = ++r->next_id,
                              .lane = lane,
                              .kind = COMMAND_AMO_MESSAGE,
                              .scope = name,
                              .taken_ms = UNIX_MS - age_ms};

    (void)snprintf(name, sizeof(name), "%s", scope); /* fits */
    assert_int_equal(queue_add(r->q, &row, r->now, UNIX_MS, &c), 0);
    return c;
}

/* All are looked at once: how many lanes are stuck, and which command is the oldest that they wait behind. */
static void assert_stuck(struct rig *r, size_t n, const struct core_command *oldest)
{
    struct core_command *c = NULL;
    size_t at = 0;

    while ((c = table_next(r->q->commands, &at)))
        stuck_look(&r->q->stuck, c, UNIX_MS, LIMIT_MS);
    stuck_end(&r->q->stuck);
    assert_int_equal(r->q->stuck.last.n, n);
    assert_int_equal(r->q->stuck.last.oldest, oldest ? oldest->id : 0);
}

static void a_lane_is_stuck_when_something_waits_behind_what_is_old(void **state)
{
    struct rig *r = *state;
    struct core_command *old = add(r, 10, "s", LIMIT_MS + 5000);
    struct core_command *older = NULL;

    assert_stuck(r, 0, NULL); /* nobody waits for it */
    add(r, 10, "s", 1);
    add(r, 12, "s", LIMIT_MS); /* not old enough */
    add(r, 12, "s", 1);
    assert_stuck(r, 1, old);
    assert_int_equal(r->q->stuck.last.since_ms, UNIX_MS - LIMIT_MS - 5000);
    older = add(r, 14, "s", LIMIT_MS + 6000);
    add(r, 14, "s", LIMIT_MS + 6000);
    assert_stuck(r, 2, older);
    queue_move(r->q, older, COMMAND_IN_FLIGHT, r->now + 22000, r->now);
    queue_move(r->q, older, COMMAND_DONE, 0, r->now);
    assert_stuck(r, 1, old);
}

static void what_is_paused_or_held_is_said_elsewhere(void **state)
{
    struct rig *r = *state;
    struct dest *s = queue_dest(r->q, DEST_SCOPE, VIEW_LIT("s"));
    struct dest *t = queue_dest(r->q, DEST_SCOPE, VIEW_LIT("t"));
    struct core_command *first = add(r, 10, "s", 2 * LIMIT_MS);
    struct core_command *other = add(r, 12, "t", 3 * LIMIT_MS);

    add(r, 10, "s", 1);
    add(r, 12, "t", 1);
    dest_pause(r->q, t, true, r->now);
    assert_stuck(r, 1, first);
    dest_hold(r->q, s, HOLD_CONNECT, 0, 0, r->now);
    assert_stuck(r, 0, NULL);
    dest_pause(r->q, t, false, r->now);
    assert_stuck(r, 1, other);
}

static void one_that_was_merged_is_waited_for_as_well(void **state)
{
    struct rig *r = *state;
    struct core_command *first = add(r, 10, "s", 2 * LIMIT_MS);

    add(r, 20, "s", 3 * LIMIT_MS); /* goes after it, however old */
    assert_int_equal(queue_join(r->q, 10, 20), 0);
    assert_stuck(r, 1, first);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_lane_is_stuck_when_something_waits_behind_what_is_old),
        CASE(what_is_paused_or_held_is_said_elsewhere),
        CASE(one_that_was_merged_is_waited_for_as_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
