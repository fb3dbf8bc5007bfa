/* Runs a loop until a case has seen enough, or its deadline has passed. */

#include "proto/bus/testing/loops.h"

#include "base/testing.h"
#include "proto/bus/socket.h"

#define LOOK_MS 2
#define LIFE_MS 8000

int loops_begin(void **state)
{
    (void)state;
    bus_init();
    return 0;
}

int loops_end(void **state)
{
    (void)state;
    bus_fini();
    return 0;
}

static void look(void *arg)
{
    struct loops_wait *w = arg;

    if (w->done(w->arg))
        loop_stop(w->loop);
}

static void give_up(void *arg)
{
    struct loops_wait *w = arg;

    w->late = true;
    loop_stop(w->loop);
}

void loops_wait_begin(struct loops_wait *w, struct loop *loop, loops_done_fn *done, void *arg)
{
    *w = (struct loops_wait){.loop = loop, .done = done, .arg = arg};
    assert_int_equal(loop_add_timer(loop, LOOK_MS, true, look, w, NULL), 0);
    assert_int_equal(loop_add_timer(loop, LIFE_MS, false, give_up, w, NULL), 0);
}

void loops_wait_end(const struct loops_wait *w)
{
    assert_false(w->late);
}

void loops_run(struct loop *loop, loops_done_fn *done, void *arg)
{
    struct loops_wait w;

    loops_wait_begin(&w, loop, done, arg);
    assert_int_equal(loop_run(loop), 0);
    loops_wait_end(&w);
}
