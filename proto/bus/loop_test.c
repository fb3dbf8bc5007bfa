/* The loop: what it calls and when, and that a handler may take anything away. */

#include "proto/bus/loop.h"

#include <unistd.h>

#include "base/testing.h"
#include "proto/bus/socket.h"
#include "proto/bus/testing/loops.h"

struct tally {
    struct loop *loop;
    char order[32]; /* a letter for each call */
    size_t n;
    int fd;
    int timer;
    int stop_after; /* calls */
    struct loop_deferred deferred;
};

static void note(struct tally *t, char what)
{
    assert_true(t->n + 1 < sizeof(t->order));
    t->order[t->n++] = what;
    if (t->stop_after && t->n >= (size_t)t->stop_after)
        loop_stop(t->loop);
}

static void on_timer(void *arg)
{
    note(arg, 't');
}

static void on_stop(void *arg)
{
    struct tally *t = arg;

    loop_stop(t->loop);
}

static void on_deferred(void *arg)
{
    note(arg, 'd');
}

static void on_readable(void *arg)
{
    struct tally *t = arg;
    char byte = 0;

    assert_int_equal(read(t->fd, &byte, 1), 1);
    note(t, byte);
}

static void begin(struct tally *t)
{
    *t = (struct tally){.fd = -1};
    assert_int_equal(loop_new(&t->loop), 0);
    loop_deferred_init(&t->deferred, on_deferred, t);
}

/* Never longer than two seconds, whatever is wrong. */
static void run(struct tally *t)
{
    int id = 0;

    assert_int_equal(loop_add_timer(t->loop, 2000, false, on_stop, t, &id), 0);
    assert_int_equal(loop_run(t->loop), 0);
    loop_remove_timer(t->loop, id);
}

static void a_timer_fires_once_and_a_repeated_one_again(void **state)
{
    struct tally t;
    int id = 0;

    (void)state;
    begin(&t);
    assert_int_equal(loop_add_timer(t.loop, 1, false, on_timer, &t, &id), 0);
    assert_true(id > 0);
    assert_int_equal(loop_add_timer(t.loop, 2, true, on_timer, &t, NULL), 0);
    t.stop_after = 4;
    run(&t);
    assert_string_equal(t.order, "tttt");
    loop_remove_timer(t.loop, id); /* it has fired */
    loop_remove_timer(t.loop, 0);
    loop_free(t.loop);
}

static void a_removed_timer_does_not_fire(void **state)
{
    struct tally t;
    int id = 0;

    (void)state;
    begin(&t);
    assert_int_equal(loop_add_timer(t.loop, 1, true, on_timer, &t, &id), 0);
    loop_remove_timer(t.loop, id);
    assert_int_equal(loop_add_timer(t.loop, 20, false, on_stop, &t, NULL), 0);
    run(&t);
    assert_string_equal(t.order, "");
    loop_free(t.loop);
}

static void what_is_deferred_comes_after_all_that_was_readable(void **state)
{
    struct tally t;
    int fds[2];

    (void)state;
    begin(&t);
    assert_int_equal(pipe(fds), 0);
    t.fd = fds[0];
    assert_int_equal(write(fds[1], "ab", 2), 2);
    assert_int_equal(loop_add_fd(t.loop, fds[0], on_readable, &t), 0);
    loop_defer(t.loop, &t.deferred);
    loop_defer(t.loop, &t.deferred); /* asked twice is asked once */
    t.stop_after = 3;
    run(&t);
    assert_int_equal(t.n, 3);
    assert_int_equal(strchr(t.order, 'd') == strrchr(t.order, 'd'), 1);
    loop_remove_fd(t.loop, fds[0]);
    loop_free(t.loop);
    assert_int_equal(close(fds[0]) | close(fds[1]), 0);
}

static void what_was_cancelled_is_not_done(void **state)
{
    struct tally t;

    (void)state;
    begin(&t);
    loop_defer(t.loop, &t.deferred);
    loop_cancel(&t.deferred);
    loop_cancel(&t.deferred);
    assert_int_equal(loop_add_timer(t.loop, 5, false, on_stop, &t, NULL), 0);
    run(&t);
    assert_string_equal(t.order, "");
    loop_free(t.loop);
}

static void remove_both(void *arg)
{
    struct tally *t = arg;

    note(t, 'r');
    loop_remove_fd(t->loop, t->fd);
    loop_remove_timer(t->loop, t->timer);
}

static void a_handler_may_remove_itself_and_others(void **state)
{
    struct tally t;
    int fds[2];

    (void)state;
    begin(&t);
    assert_int_equal(pipe(fds), 0);
    t.fd = fds[0];
    assert_int_equal(write(fds[1], "a", 1), 1);
    assert_int_equal(loop_add_fd(t.loop, fds[0], remove_both, &t), 0);
    assert_int_equal(loop_add_timer(t.loop, 10, true, on_timer, &t, &t.timer), 0);
    assert_int_equal(loop_add_timer(t.loop, 60, false, on_stop, &t, NULL), 0);
    run(&t);
    assert_string_equal(t.order, "r"); /* the byte was not read: it would come for ever */
    loop_free(t.loop);
    assert_int_equal(close(fds[0]) | close(fds[1]), 0);
}

static void a_stopped_loop_does_not_run_on(void **state)
{
    struct tally t;

    (void)state;
    begin(&t);
    assert_int_equal(loop_add_timer(t.loop, 0, true, on_timer, &t, NULL), 0);
    loop_stop(t.loop);
    assert_int_equal(loop_run(t.loop), 0);
    assert_string_equal(t.order, "");
    loop_free(t.loop);
}

/* Everything that asks for memory, and the loop is used as far as it came. */
static int whole_life(void *arg)
{
    struct tally t = {.fd = *(int *)arg};
    int rc = loop_new(&t.loop);

    if (rc)
        return rc;
    loop_deferred_init(&t.deferred, on_deferred, &t);
    rc = loop_add_fd(t.loop, t.fd, on_readable, &t);
    rc = rc ? rc : loop_add_timer(t.loop, 60000, true, on_timer, &t, &t.timer);
    rc = rc ? rc : loop_add_timer(t.loop, 5, false, on_stop, &t, NULL);
    loop_defer(t.loop, &t.deferred); /* needs no memory: it is always done */
    if (rc == 0) {
        assert_int_equal(loop_run(t.loop), 0);
        assert_string_equal(t.order, "d");
    }
    loop_remove_timer(t.loop, t.timer);
    loop_remove_fd(t.loop, t.fd);
    loop_free(t.loop);
    return rc;
}

static void without_memory_nothing_is_watched_and_nothing_leaks(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    testing_fail_each_allocation(whole_life, &fds[0]);
    assert_int_equal(close(fds[0]) | close(fds[1]), 0);
}

/* What could not be added is not called, and what was there before goes on. */
static void a_refused_watch_leaves_the_others_alone(void **state)
{
    struct tally t;
    int fds[2];

    (void)state;
    begin(&t);
    assert_int_equal(pipe(fds), 0);
    t.fd = fds[0];
    t.timer = 0;
    assert_int_equal(write(fds[1], "a", 1), 1);
    assert_int_equal(loop_add_timer(t.loop, 5, false, on_timer, &t, NULL), 0);
    mem_fail_at(1);
    assert_int_equal(loop_add_fd(t.loop, fds[0], on_readable, &t), -ENOMEM);
    mem_fail_at(1);
    assert_int_equal(loop_add_timer(t.loop, 1, true, on_timer, &t, &t.timer), -ENOMEM);
    mem_fail_at(0);
    assert_int_equal(t.timer, 0);
    assert_int_equal(loop_add_timer(t.loop, 40, false, on_stop, &t, NULL), 0);
    run(&t);
    assert_string_equal(t.order, "t");
    loop_free(t.loop);
    assert_int_equal(close(fds[0]) | close(fds[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timer_fires_once_and_a_repeated_one_again),
        cmocka_unit_test(a_removed_timer_does_not_fire),
        cmocka_unit_test(what_is_deferred_comes_after_all_that_was_readable),
        cmocka_unit_test(what_was_cancelled_is_not_done),
        cmocka_unit_test(a_handler_may_remove_itself_and_others),
        cmocka_unit_test(a_stopped_loop_does_not_run_on),
        cmocka_unit_test(without_memory_nothing_is_watched_and_nothing_leaks),
        cmocka_unit_test(a_refused_watch_leaves_the_others_alone),
    };

    return cmocka_run_group_tests(tests, loops_begin, loops_end);
}
