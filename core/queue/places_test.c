#include "core/queue/places.h"

#include <stdio.h>
#include <time.h>

#include "base/testing.h"
#include "core/queue/queue.h"

#define UNIX_MS 1700000000000LL
#define ALL     64

/* A queue with a clock of its own and workers that have ALL places. */
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
    return queue_new(0, 1, 1000, 300000, 12345, &r.q);
}

static int teardown(void **state)
{
    struct rig *r = *state;

    queue_free(r->q);
    return 0;
}

static struct core_command *add(struct rig *r, enum dest_kind kind, const char *name)
{
    char scope[64];
    char connector[64];
    struct core_command *c = NULL;
    struct command_row row = {.id = ++r->next_id,
                              .kind = kind == DEST_SCOPE ? COMMAND_AMO_MESSAGE
                                                         : COMMAND_SERVICE_MESSAGE,
                              .taken_ms = UNIX_MS + r->next_id,
                              .scope = scope};

    (void)snprintf(scope, sizeof(scope), "%s", kind == DEST_SCOPE ? name : "an account");
    (void)snprintf(connector, sizeof(connector), "%s", name);
    if (kind == DEST_CONNECTOR)
        row.connector = connector;
    assert_int_equal(queue_add(r->q, &row, r->now, UNIX_MS + r->next_id, &c), 0);
    return c;
}

static struct dest *dest_of(struct rig *r, enum dest_kind kind, const char *name)
{
    return queue_dest(r->q, kind, view_of(name));
}

/* The next one, with a place at a worker. */
static struct core_command *send_next(struct rig *r)
{
    struct core_command *c = queue_next(r->q, false, r->now);

    if (!c)
        return NULL;
    queue_move(r->q, c, COMMAND_IN_FLIGHT, r->now + 22000, r->now);
    queue_place_taken(c);
    return c;
}

/* All that may go in one run. */
static size_t send_all(struct rig *r)
{
    size_t n = 0;

    queue_run(r->q, ALL, r->now);
    while (send_next(r))
        n++;
    return n;
}

/* It was answered after so long. */
static void answered(struct rig *r, struct core_command *c, int64_t took_ms)
{
    queue_answered(c->lane->dest, true, c->lane->began_mono_ms, took_ms, r->now);
    queue_move(r->q, c, COMMAND_DONE, 0, r->now);
}

/* Everything under way at @d was answered. */
static void all_answered(struct rig *r, struct dest *d, int64_t took_ms)
{
    while (!list_is_empty(&d->running)) {
        struct lane *l = LIST_ENTRY(d->running.next, struct lane, link);

        answered(r, LIST_ENTRY(l->commands.next, struct core_command, in_lane), took_ms);
    }
}

/* So many destinations, each with so much to send. */
static void load(struct rig *r, enum dest_kind kind, const char *what, int n, int each)
{
    char name[32];

    for (int i = 0; i < n * each; i++) {
        (void)snprintf(name, sizeof(name), "%s-%d", what, i % n);
        (void)add(r, kind, name);
    }
}

/* It has just answered, within @took_ms. */
static void trust(struct rig *r, enum dest_kind kind, const char *name, int64_t took_ms)
{
    queue_answered(dest_of(r, kind, name), true, r->now - took_ms, took_ms, r->now);
}

static size_t taken(const struct rig *r, enum dest_kind kind)
{
    size_t n = 0;

    for (int c = 0; c < DEST_N_CLASSES; c++)
        n += r->q->places.of[kind][c];
    return n;
}

static void one_alone_has_nearly_all_of_its_direction(void **state)
{
    struct rig *r = *state;
    struct dest *d = dest_of(r, DEST_CONNECTOR, "one");

    for (int i = 0; i < 1000; i++)
        (void)add(r, DEST_CONNECTOR, "one");
    assert_int_equal(send_all(r), WINDOW_FIRST);
    for (int i = 0; i < 6; i++) {
        r->now += 10;
        all_answered(r, d, 10);
        (void)send_all(r);
    }
    assert_int_equal(d->n_in_flight, ALL * 3 / 4 - ALL / 32);
    (void)add(r, DEST_CONNECTOR, "two"); /* who comes finds a place at once */
    assert_int_equal(send_all(r), 1);
}

/* A destination that answers after so long and always has something to send. */
struct server {
    struct dest *d;
    const char *name;
    int64_t took_ms;
    bool idle;
    double window;     /* it takes so many at once; 0: as many as it gets */
    size_t n_answered; /* since this was reset */
    size_t held;       /* calls under way, added up over the milliseconds */
};

static void serve_one(struct rig *r, struct server *s)
{
    while (!list_is_empty(&s->d->running)) {
        struct lane *l = LIST_ENTRY(s->d->running.next, struct lane, link);

        if (r->now - l->began_mono_ms < s->took_ms)
            break;
        answered(r, LIST_ENTRY(l->commands.next, struct core_command, in_lane), s->took_ms);
        s->n_answered++;
    }
    while (!s->idle && s->d->n_waiting < s->d->n_in_flight + 4)
        (void)add(r, DEST_CONNECTOR, s->name);
    if (s->window > 0)
        s->d->window.size = s->window;
}

static void serve(struct rig *r, struct server *servers, size_t n, int64_t ms)
{
    for (size_t i = 0; i < n; i++) {
        servers[i].d = dest_of(r, DEST_CONNECTOR, servers[i].name);
        servers[i].n_answered = servers[i].held = 0;
    }
    for (int64_t at = 0; at < ms; at++) {
        for (size_t i = 0; i < n; i++)
            serve_one(r, &servers[i]);
        (void)send_all(r);
        for (size_t i = 0; i < n; i++)
            servers[i].held += servers[i].d->n_in_flight;
        r->now++;
    }
}

/* What one direction has for those who have a call under way. */
#define SHARED (ALL * 3 / 4 - ALL / 32)

static void places_are_even_however_quickly_one_answers(void **state)
{
    static const int64_t took_ms[][2] = {
        {20, 200 },
        {20, 1500},
        {50, 800 },
        {5,  50  }
    };
    struct rig *r = *state;

    for (size_t i = 0; i < AMO_COUNT(took_ms); i++) {
        char names[2][16];
        struct server both[2];

        for (size_t n = 0; n < 2; n++) {
            (void)snprintf(names[n], sizeof(names[n]), "one-%zu-%zu", i, n);
            both[n] = (struct server){.name = names[n], .took_ms = took_ms[i][n]};
        }
        serve(r, both, 2, 30000); /* windows grow with the answers */
        serve(r, both, 2, 10000);
        for (size_t n = 0; n < 2; n++)
            assert_in_range(both[n].held / 10000, SHARED / 2 - 4, SHARED / 2 + 4);
        both[0].idle = both[1].idle = true;
        serve(r, both, 2, 5000);
    }
}

static void what_one_does_not_use_the_other_has(void **state)
{
    struct rig *r = *state;
    struct server both[] = {
        {.name = "quick",  .took_ms = 20 },
        {.name = "steady", .took_ms = 200}
    };

    both[0].idle = true;
    serve(r, both, 2, 5000);
    serve(r, both, 2, 1000);
    assert_int_equal(both[1].held, 1000 * SHARED);
    both[0].idle = false; /* he has his half after one round of the other's answers */
    serve(r, both, 2, 500);
    serve(r, both, 2, 1000);
    assert_in_range(both[0].held / 1000, SHARED / 2 - 2, SHARED / 2 + 1);
    both[0].window = 8; /* he may have no more, and the other has the rest */
    serve(r, both, 2, 1000);
    serve(r, both, 2, 1000);
    assert_in_range(both[0].held / 1000, 7, 8);
    assert_in_range(both[1].held / 1000, SHARED - 9, SHARED - 7);
    both[0].window = 0;
    both[0].d->rate = both[0].d->full_rate = 50; /* … or at no higher rate */
    both[0].d->burst = 1;
    serve(r, both, 2, 1000);
    serve(r, both, 2, 1000);
    assert_in_range(both[0].n_answered, 45, 51);
    assert_in_range(both[1].held / 1000, SHARED - 3, SHARED);
}

static void nobody_starves_among_more_than_there_are_places(void **state)
{
    struct rig *r = *state;
    static char names[100][16];
    struct server many[100];

    for (size_t i = 0; i < AMO_COUNT(many); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "one-%zu", i);
        many[i] = (struct server){.name = names[i], .took_ms = i % 2 ? 200 : 20};
    }
    serve(r, many, AMO_COUNT(many), 2000);
    for (int second = 0; second < 10; second++) {
        serve(r, many, AMO_COUNT(many), 1000);
        for (size_t i = 0; i < AMO_COUNT(many); i++) { /* who answers alike has as much */
            assert_in_range(many[i].n_answered, 2, 15);
            assert_in_range(many[i].n_answered, many[i % 2].n_answered - 3,
                            many[i % 2].n_answered + 3);
        }
    }
}

static void slow_ones_have_half_however_many_they_are(void **state)
{
    struct rig *r = *state;
    char name[32];

    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof(name), "slow-%d", i);
        trust(r, DEST_CONNECTOR, name, 14000);
    }
    load(r, DEST_CONNECTOR, "slow", 20, 10);
    assert_int_equal(send_all(r), ALL / 2);
    trust(r, DEST_CONNECTOR, "quick", 10);
    for (int i = 0; i < 50; i++) {
        (void)add(r, DEST_CONNECTOR, "quick");
        assert_int_equal(send_all(r), 1);
        r->now += 10;
        all_answered(r, dest_of(r, DEST_CONNECTOR, "quick"), 10);
    }
}

static void neither_direction_takes_the_last_quarter_of_the_other(void **state)
{
    struct rig *r = *state;

    for (int i = 0; i < 100; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "quick-%d", i);
        trust(r, DEST_SCOPE, name, 10);
        trust(r, DEST_CONNECTOR, name, 10);
    }
    load(r, DEST_SCOPE, "quick", 100, 2);
    (void)send_all(r);
    assert_int_equal(taken(r, DEST_SCOPE), ALL * 3 / 4);
    load(r, DEST_CONNECTOR, "quick", 100, 2);
    queue_run(r->q, ALL, r->now);
    for (int i = 0; i < ALL / 4; i++)
        assert_non_null(send_next(r));
    assert_int_equal(taken(r, DEST_CONNECTOR), ALL / 4);
}

/* A hundred accounts that were quick until now hang at once; who has answered since stays by himself. */
static void what_begins_to_hang_leaves_places_to_who_does_not(void **state)
{
    struct rig *r = *state;
    char name[32];
    size_t good = 0;

    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof(name), "bad-%d", i);
        trust(r, DEST_SCOPE, name, 10);
    }
    trust(r, DEST_SCOPE, "good", 10);
    for (int ms = 0; ms < 3000; ms += 10) {
        (void)snprintf(name, sizeof(name), "bad-%d", ms / 10 % 100);
        (void)add(r, DEST_SCOPE, name); /* a hundred in a second */
        if (ms % 50 == 0)
            (void)add(r, DEST_SCOPE, "good");
        (void)send_all(r);
        r->now += 10;
        good += dest_of(r, DEST_SCOPE, "good")->n_placed;
        all_answered(r, dest_of(r, DEST_SCOPE, "good"), 10);
    }
    assert_int_equal(good, 60);
    assert_int_equal(dest_of(r, DEST_SCOPE, "good")->n_waiting, 0);
    assert_in_range(taken(r, DEST_SCOPE), ALL / 4, ALL * 5 / 8 + ALL / 32);
}

/* The same within less time than shows that they hang: they have more places than is not known to be quick may
 * have, and who could say since that he does not hang must be asked. */
static void what_begins_to_hang_in_one_burst_leaves_places_to_who_does_not(void **state)
{
    struct rig *r = *state;
    struct dest *d = dest_of(r, DEST_SCOPE, "good");
    char name[32];
    size_t good = 0;

    for (int i = 0; i < 40; i++) {
        (void)snprintf(name, sizeof(name), "bad-%d", i);
        trust(r, DEST_SCOPE, name, 10);
    }
    trust(r, DEST_SCOPE, "good", 10);
    r->now += 10;
    load(r, DEST_SCOPE, "bad", 40, 3);
    /* one each: nearly all that one direction may have */
    assert_int_equal(send_all(r), 40);
    for (int ms = 0; ms < 3000; ms += 10) {
        if (ms >= 500 && ms % 50 == 0)
            (void)add(r, DEST_SCOPE, "good");
        (void)send_all(r);
        r->now += 10;
        good += d->n_placed;
        all_answered(r, d, 10);
    }
    assert_int_equal(good, 50);
    assert_int_equal(r->q->places.n_shown[DEST_SCOPE], 0);
    load(r, DEST_SCOPE, "new", 40, 3); /* of which nothing is known at all */
    assert_int_equal(send_all(r), 0);
}

/* Some are late when others are not yet: together they leave a place to who has not answered for a while. */
static void what_begins_to_hang_in_two_bursts_leaves_places_to_who_is_not_known(void **state)
{
    struct rig *r = *state;
    char name[32];

    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof(name), "bad-%d", i);
        trust(r, DEST_SCOPE, name, 10);
        (void)snprintf(name, sizeof(name), "worse-%d", i);
        trust(r, DEST_SCOPE, name, 10);
    }
    r->now += 10;
    load(r, DEST_SCOPE, "bad", 10, 6);
    (void)send_all(r);
    r->now += 100;
    load(r, DEST_SCOPE, "worse", 12, 6);
    (void)send_all(r);
    for (int ms = 0; ms < 1000; ms += 10) {
        r->now += 10;
        (void)send_all(r);
    }
    assert_in_range(taken(r, DEST_SCOPE), ALL / 4, ALL / 2);
    (void)add(r, DEST_SCOPE, "good");
    assert_int_equal(send_all(r), 1);
}

static void who_is_not_known_can_show_what_he_is_beside_the_slow(void **state)
{
    struct rig *r = *state;
    char name[32];

    for (int i = 0; i < 50; i++) {
        (void)snprintf(name, sizeof(name), "slow-%d", i);
        trust(r, DEST_SCOPE, name, 14000);
    }
    load(r, DEST_SCOPE, "slow", 50, 2);
    (void)send_all(r);
    (void)add(r, DEST_SCOPE, "new");
    assert_int_equal(send_all(r), 1);
}

static void what_hangs_in_one_direction_leaves_the_other_its_own(void **state)
{
    struct rig *r = *state;

    load(r, DEST_SCOPE, "new", 100, 3);
    assert_int_equal(send_all(r), ALL * 5 / 8);
    load(r, DEST_CONNECTOR, "new", 20, 1);
    assert_int_equal(send_all(r), ALL / 8);
}

static void probes_have_a_small_pool(void **state)
{
    struct rig *r = *state;
    struct dest *d = NULL;
    char name[32];
    bool probing = false;

    load(r, DEST_SCOPE, "held", 50, 3);
    for (int i = 0; i < 50; i++) {
        (void)snprintf(name, sizeof(name), "held-%d", i);
        dest_hold(r->q, dest_of(r, DEST_SCOPE, name), HOLD_BREAKER, 0, 0, r->now);
    }
    r->now += 60000;
    assert_int_equal(send_all(r), ALL / 8);
    d = dest_of(r, DEST_CONNECTOR, "asked");
    assert_false(queue_admits_call(d, &probing, r->now)); /* it is the same pool */
    assert_int_equal(r->q->places.n_probing, ALL / 8);
    for (int i = 0; i < 50; i++) {
        (void)snprintf(name, sizeof(name), "held-%d", i);
        all_answered(r, dest_of(r, DEST_SCOPE, name), 10);
    }
    assert_int_equal(r->q->places.n_probing, 0);
    assert_true(queue_admits_call(d, &probing, r->now));
    for (int i = 0; i < ALL / 16; i++)
        queue_call_begins(d, r->now);
    assert_false(queue_admits_call(d, &probing, r->now)); /* one has half of it */
    assert_true(queue_admits_call(dest_of(r, DEST_CONNECTOR, "other"), &probing, r->now));
    for (int i = 0; i < ALL / 16; i++)
        queue_call_ends(d);
    assert_int_equal(r->q->places.calls[DEST_CONNECTOR], 0);
}

static void a_history_that_fails_is_asked_one_at_a_time(void **state)
{
    struct rig *r = *state;
    struct dest *d = dest_of(r, DEST_SCOPE, "s");
    bool probing = false;

    queue_run(r->q, ALL, r->now);
    for (int i = 0; i < 3; i++)
        dest_looked(r->q, d, false, r->now);
    assert_false(queue_admits_call(d, &probing, r->now));
    r->now += 1000; /* the first back-off is no longer */
    assert_true(queue_admits_call(d, &probing, r->now));
    queue_call_begins(d, r->now);
    assert_false(queue_admits_call(d, &probing, r->now));
    (void)add(r, DEST_SCOPE, "s");
    assert_int_equal(send_all(r), 1); /* messages are another matter */
    dest_looked(r->q, d, true, r->now);
    assert_true(queue_admits_call(d, &probing, r->now));
    queue_call_ends(d);
}

static void what_a_silent_worker_holds_takes_no_place_of_the_others(void **state)
{
    struct rig *r = *state;
    struct core_command *c[WINDOW_FIRST];

    load(r, DEST_SCOPE, "s", 1, 10);
    queue_run(r->q, ALL, r->now);
    for (int i = 0; i < WINDOW_FIRST; i++) {
        assert_non_null(c[i] = send_next(r));
        queue_place_left(c[i]);
        queue_place_left(c[i]); /* twice is once */
    }
    assert_int_equal(taken(r, DEST_SCOPE), 0);
    assert_null(send_next(r)); /* as far as is known they are under way all the same */
    r->now += 20000;
    queue_run(r->q, ALL, r->now);
    assert_int_equal(c[0]->lane->dest->class,
                     DEST_FRESH); /* and say nothing of the destination */
    queue_place_taken(c[0]);      /* it is back */
    assert_int_equal(taken(r, DEST_SCOPE), 1);
    for (int i = 0; i < WINDOW_FIRST; i++)
        queue_move(r->q, c[i], COMMAND_READY, 0, r->now);
    assert_int_equal(taken(r, DEST_SCOPE), 0);
    assert_int_equal(send_all(r), WINDOW_FIRST);
}

static void a_worker_with_few_places_serves_both_directions(void **state)
{
    struct rig *r = *state;

    for (size_t all = 1; all < 20; all++) {
        load(r, DEST_SCOPE, "a", 3, 10);
        load(r, DEST_CONNECTOR, "c", 3, 10);
        for (int i = 0; i < 1000 && queue_count(r->q); i++) {
            struct core_command *sent[20];
            size_t n = 0;

            queue_run(r->q, all, r->now);
            while (n < all && (sent[n] = send_next(r)))
                n++;
            assert_true(n > 0);
            r->now += 10;
            while (n)
                answered(r, sent[--n], 10);
        }
        assert_int_equal(queue_count(r->q), 0);
    }
}

static void the_oldest_is_known_without_a_walk(void **state)
{
    struct rig *r = *state;
    struct dest *d = dest_of(r, DEST_SCOPE, "s");
    const int64_t ages[] = {50, 10, 90, 20, 70, 5, 60};
    int64_t last = 0;
    char scope[] = "s";

    for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
        struct core_command *c = NULL;
        struct command_row row = {.id = ++r->next_id,
                                  .kind = COMMAND_AMO_MESSAGE,
                                  .taken_ms = UNIX_MS - ages[i],
                                  .scope = scope};

        assert_int_equal(queue_add(r->q, &row, r->now, UNIX_MS, &c), 0);
    }
    for (const struct list *i = d->commands.next; i != &d->commands; i = i->next) {
        const struct core_command *c = LIST_ENTRY_CONST(i, struct core_command, in_dest);

        assert_true(c->taken_ms >= last);
        last = c->taken_ms;
    }
    assert_int_equal(last, UNIX_MS - 5);
}

/* Processor time of sending @n commands of as many destinations, while others stand there that may not go. */
static clock_t sending(struct rig *r, int n, int others)
{
    clock_t began = 0;
    int sent = 0;

    (void)teardown((void **)&r);
    assert_int_equal(queue_new(0, 1, 1000, 300000, 12345, &r->q), 0);
    for (int i = 0; i < others; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "slow-%d", i);
        trust(r, DEST_SCOPE, name, 14000);
        (void)add(r, DEST_SCOPE, name);
        (void)add(r, DEST_SCOPE, name);
    }
    trust(r, DEST_SCOPE, "quick", 10);
    (void)send_all(r);
    began = clock();
    for (sent = 0; sent < n; sent++) {
        struct core_command *c = add(r, DEST_SCOPE, "quick");

        queue_run(r->q, ALL, r->now);
        assert_ptr_equal(send_next(r), c);
        assert_null(send_next(r));
        (void)queue_next_due(r->q);
        r->now += 1;
        answered(r, c, 1);
    }
    return clock() - began;
}

static void the_next_one_is_found_among_many_destinations(void **state)
{
    struct rig *r = *state;
    clock_t few = 0;
    clock_t many = 0;

    for (int i = 0; i < 3; i++) { /* the machine is shared: the best of three */
        clock_t a = sending(r, 2000, 50);
        clock_t b = sending(r, 2000, 5000);

        few = i == 0 || a < few ? a : few;
        many = i == 0 || b < many ? b : many;
    }
    print_message("2000 commands beside 50 and 5000 destinations: %ld and %ld us\n", (long)few,
                  (long)many);
    assert_true(many < 4 * (few + CLOCKS_PER_SEC / 1000));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(one_alone_has_nearly_all_of_its_direction),
        CASE(places_are_even_however_quickly_one_answers),
        CASE(what_one_does_not_use_the_other_has),
        CASE(nobody_starves_among_more_than_there_are_places),
        CASE(slow_ones_have_half_however_many_they_are),
        CASE(neither_direction_takes_the_last_quarter_of_the_other),
        CASE(what_begins_to_hang_leaves_places_to_who_does_not),
        CASE(what_begins_to_hang_in_one_burst_leaves_places_to_who_does_not),
        CASE(what_begins_to_hang_in_two_bursts_leaves_places_to_who_is_not_known),
        CASE(who_is_not_known_can_show_what_he_is_beside_the_slow),
        CASE(what_hangs_in_one_direction_leaves_the_other_its_own),
        CASE(probes_have_a_small_pool),
        CASE(a_history_that_fails_is_asked_one_at_a_time),
        CASE(what_a_silent_worker_holds_takes_no_place_of_the_others),
        CASE(a_worker_with_few_places_serves_both_directions),
        CASE(the_oldest_is_known_without_a_walk),
        CASE(the_next_one_is_found_among_many_destinations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
