#include "core/queue/window.h"

#include "base/testing.h"

/* A remote side that serves so many calls at once, each in its time, and lets the others wait. */
struct server {
    size_t places;
    int64_t takes_ms;
    size_t quick_every; /* one in so many is answered in QUICK_MS; 0 none */
    size_t n;
    int64_t free_ms[64]; /* when each of them is free */
};

#define QUICK_MS 5

/* When a call that arrives now is answered. */
static int64_t serve(struct server *s, int64_t now)
{
    size_t best = 0;
    bool quick = s->quick_every && ++s->n % s->quick_every == 0;

    for (size_t i = 1; i < s->places; i++) {
        if (s->free_ms[i] < s->free_ms[best])
            best = i;
    }
    s->free_ms[best] =
        (s->free_ms[best] > now ? s->free_ms[best] : now) + (quick ? QUICK_MS : s->takes_ms);
    return s->free_ms[best];
}

/* A client with more to send than fits; how many were answered in @ms. */
struct client {
    struct window w;
    struct {
        int64_t began;
        int64_t ends;
    } calls[64];
    size_t n;
    int64_t now;
};

static size_t run(struct client *c, struct server *s, int64_t ms, double most)
{
    size_t answered = 0;

    for (int64_t end = c->now + ms; c->now < end; c->now++) {
        for (size_t i = 0; i < c->n;) {
            struct window_answer a = {true, c->now - c->calls[i].began, c->calls[i].began,
                                      most};

            if (c->calls[i].ends > c->now) {
                i++;
                continue;
            }
            window_answered(&c->w, &a, c->now);
            c->calls[i] = c->calls[--c->n];
            answered++;
        }
        while (window_has_place(&c->w, c->n)) {
            window_left(&c->w, c->n + 1, c->now);
            c->calls[c->n].began = c->now;
            c->calls[c->n++].ends = serve(s, c->now);
        }
    }
    return answered;
}

static struct client client_new(void)
{
    struct client c = {.now = 1000000};

    window_init(&c.w);
    return c;
}

static void a_quick_destination_has_everything_soon(void **state)
{
    struct server s = {.places = 64, .takes_ms = 50};
    struct client c = client_new();

    (void)state;
    run(&c, &s, 300, 44); /* 4, 8, 16, 32, 44 */
    assert_true(c.w.size > 43.9);
    assert_in_range(run(&c, &s, 10000, 44), 8500, 8800);
}

/* All calls leave at once and are answered at once: nothing leaves for longer than makes a window smaller that
 * is not used. */
static void who_answers_after_a_second_and_a_half_has_everything_as_well(void **state)
{
    struct server s = {.places = 64, .takes_ms = 1500};
    struct client c = client_new();

    (void)state;
    run(&c, &s, 7000, 44);
    assert_true(c.w.size > 43.9);
    assert_true(run(&c, &s, 15000, 44) >= 440);
}

/* What is given to it beyond what it can do waits there: a place of ours for nothing. */
static void who_answers_later_the_more_he_has_gets_less(void **state)
{
    struct server s = {.places = 4, .takes_ms = 100};
    struct client c = client_new();
    size_t n = 0;

    (void)state;
    run(&c, &s, 10000, 44);
    n = run(&c, &s, 10000, 44);
    print_message("4 at once: %zu of 400 in 10 s, window %.1f\n", n, c.w.size);
    assert_true(n >= 390);
    assert_true(c.w.size < 16);
}

static void who_is_far_away_is_no_worse(void **state)
{
    struct server s = {.places = 64, .takes_ms = 900};
    struct client c = client_new();

    (void)state;
    run(&c, &s, 20000, 44);
    assert_true(c.w.size > 43.9);
    assert_false(window_is_slow(&c.w));
}

/* A refusal is often quicker than what is done; the least time is that of a few then. */
static void who_answers_a_few_at_once_is_no_worse(void **state)
{
    static const size_t every[] = {25, 7, 2};
    struct server even = {.places = 64, .takes_ms = 250};
    struct client c = client_new();
    size_t n = 0;

    (void)state;
    run(&c, &even, 20000, 44);
    n = run(&c, &even, 60000, 44);
    for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
        struct server s = {.places = 64, .takes_ms = 250, .quick_every = every[i]};
        struct client mixed = client_new();
        size_t m = 0;

        run(&mixed, &s, 20000, 44);
        m = run(&mixed, &s, 60000, 44);
        print_message("one in %zu at once: %zu, none: %zu\n", every[i], m, n);
        assert_true(m * 10 >= n * 9);
    }
}

/* What was usual while it was slow is no measure of what it can do since. */
static void who_became_quick_is_measured_by_that(void **state)
{
    struct server s = {.places = 64, .takes_ms = 3000};
    struct client c = client_new();
    size_t n = 0;

    (void)state;
    run(&c, &s, 60000, 44);
    s.takes_ms = 100;
    run(&c, &s, 20000, 44);
    assert_true(c.w.size > 43.9);
    s.places = 4;
    run(&c, &s, 10000, 44);
    n = run(&c, &s, 10000, 44);
    print_message("4 at once: %zu of 400 in 10 s, window %.1f\n", n, c.w.size);
    assert_true(n >= 390);
    assert_true(c.w.size < 24);
}

static void the_slow_grow_slowly_and_are_called_so(void **state)
{
    struct server s = {.places = 64, .takes_ms = 14000};
    struct client c = client_new();

    (void)state;
    run(&c, &s, 60000, 44);
    assert_true(window_is_slow(&c.w));
    assert_true(c.w.size < 9);
    assert_int_equal(window_late_ms(&c.w), WINDOW_SLOW_MS);
    s.takes_ms = 20; /* and may become quick */
    run(&c, &s, 16000, 44);
    assert_false(window_is_slow(&c.w));
    assert_true(c.w.size > 43.9);
}

static void a_failure_halves_once_for_each_round(void **state)
{
    struct window w;
    struct window_answer a = {.fine = false, .took_ms = 30, .most = 44};

    (void)state;
    window_init(&w);
    w.size = 32;
    a.began_mono_ms = 4970;
    window_answered(&w, &a, 5000);
    window_answered(&w, &a, 5000); /* left before the first one was cut for */
    window_answered(&w, &a, 5010);
    assert_true(w.size > 15.9 && w.size < 16.1);
    a.began_mono_ms = 5000;
    window_answered(&w, &a, 5040); /* left since */
    assert_true(w.size > 7.9 && w.size < 8.1);
    for (int i = 0; i < 10; i++) {
        a.began_mono_ms = 5900 + 100 * i;
        window_answered(&w, &a, 6000 + 100 * i);
    }
    assert_true(window_has_place(&w, 0)); /* one is always left */
    assert_false(window_has_place(&w, 1));
}

static void what_is_not_used_does_not_grow_and_is_forgotten(void **state)
{
    struct window w;
    struct window_answer a = {.fine = true, .took_ms = 5, .most = 44};

    (void)state;
    window_init(&w);
    for (int i = 0; i < 100; i++) {
        window_left(&w, 1, 1000 + 10 * i);
        a.began_mono_ms = 1000 + 10 * i;
        window_answered(&w, &a, 1005 + 10 * i);
    }
    assert_true(w.size < WINDOW_FIRST + 1);
    w.size = 40;
    window_left(&w, 1, 4100); /* two seconds after the last one */
    assert_true(w.size > 9.9 && w.size < 10.1);
    window_left(&w, 1, 60000);
    assert_true(w.size >= WINDOW_FIRST && w.size < WINDOW_FIRST + 1);
}

static void after_a_hold_it_begins_with_one_and_doubles(void **state)
{
    struct server s = {.places = 64, .takes_ms = 50};
    struct client c = client_new();

    (void)state;
    c.w.size = 44;
    window_restart(&c.w);
    assert_true(window_has_place(&c.w, 0));
    assert_false(window_has_place(&c.w, 1));
    run(&c, &s, 160, 44); /* three rounds */
    assert_true(c.w.size > 7.9 && c.w.size < 8.1);
}

static void a_call_outlasts_what_is_usual(void **state)
{
    struct window w;
    struct window_answer a = {.fine = true, .took_ms = 200, .most = 44};

    (void)state;
    window_init(&w);
    assert_int_equal(window_late_ms(&w), 1000);
    window_answered(&w, &a, 1000);
    assert_int_equal(window_late_ms(&w), 800);
    a.took_ms = 1;
    for (int i = 0; i < 50; i++)
        window_answered(&w, &a, 1000);
    assert_int_equal(window_late_ms(&w), 150); /* a stall of ours is none of its */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quick_destination_has_everything_soon),
        cmocka_unit_test(who_answers_after_a_second_and_a_half_has_everything_as_well),
        cmocka_unit_test(who_answers_later_the_more_he_has_gets_less),
        cmocka_unit_test(who_is_far_away_is_no_worse),
        cmocka_unit_test(who_answers_a_few_at_once_is_no_worse),
        cmocka_unit_test(who_became_quick_is_measured_by_that),
        cmocka_unit_test(the_slow_grow_slowly_and_are_called_so),
        cmocka_unit_test(a_failure_halves_once_for_each_round),
        cmocka_unit_test(what_is_not_used_does_not_grow_and_is_forgotten),
        cmocka_unit_test(after_a_hold_it_begins_with_one_and_doubles),
        cmocka_unit_test(a_call_outlasts_what_is_usual),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
