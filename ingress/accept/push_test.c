/* Events on their way to core: within its credit, in order, until it has them; and what becomes of
 * them when core dies, refuses the spool, or when there is no memory. Core is a ROUTER on the same
 * loop here. It asks for no memory of ours once it runs: the allocation that fails is the push's. */

#include "ingress/accept/push.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/testing.h"
#include "ingress/spool/spool.h"
#include "proto/bus/loop.h"
#include "proto/bus/testing/fake_core.h"
#include "proto/bus/testing/loops.h"
#include "proto/event.h"
#include "proto/query.h"

#define N_MAX 64

struct rig {
    char dir[32];
    struct loop *loop;
    struct spool *spool;
    struct push *push;
    struct id boot;
    uint64_t registry_version;
    bool (*done)(struct rig *r);
    unsigned step; /* of the case; its own */

    /* core */
    struct fake_core core;
    uint64_t credit;
    bool keeps_silent; /* takes nothing of what it gets */
    bool refuses;      /* the spool's first id */
    uint64_t mark;     /* said in the next WELCOME, once: the next id is not known to core */
    uint64_t low;
    struct id spool_id;  /* of the last HELLO */
    uint64_t got[N_MAX]; /* numbers, in order of coming */
    bool suspect[N_MAX];
    size_t n_got;
    size_t n_frames;
    size_t in_frame; /* events of the last one */
    unsigned n_ephemeral;

    /* what the push told */
    unsigned n_answers;
    unsigned n_replays;
    unsigned n_taken;
    unsigned n_lost;
};

/* --- core ----------------------------------------------------------------------------------- */

static const struct spool_writer amojo = {.alone = true};

static void core_welcomes(struct rig *r, const struct hello *h)
{
    fake_core_welcome(&r->core, h,
                      (struct welcome){.credit = r->credit,
                                       .credit_bytes = 1 << 20,
                                       .low = r->low,
                                       .mark = r->mark,
                                       .registry = VIEW_LIT("registry")});
    r->mark = r->low = 0;
}

static void core_hears_hello(struct rig *r, struct view body)
{
    const struct id first = r->spool_id;
    struct fake_core *c = &r->core;
    struct hello h;

    assert_int_equal(hello_decode(body, &h), 0);
    assert_int_equal(h.role, ROLE_INGRESS);
    assert_true(view_is(h.name, "in"));
    r->spool_id = h.spool;
    if (r->refuses && (id_is_zero(&first) || id_equal(&first, &h.spool))) {
        const struct spool_refused no = {.spool = h.spool, .low = 1, .reason = VIEW_LIT("no")};

        buf_reset(&c->out);
        assert_int_equal(spool_refused_encode(&no, &c->out), 0);
        fake_core_say(c, MSG_SPOOL_REFUSED, buf_view(&c->out));
        return;
    }
    core_welcomes(r, &h);
}

static void core_takes(struct rig *r, uint64_t low, uint64_t high)
{
    assert_int_equal(pairs_add(&r->core.pairs, low, high), 0);
    fake_core_takes(&r->core, &r->spool_id);
}

static void core_has_no_room(struct rig *r)
{
    struct fake_core *c = &r->core;

    buf_reset(&c->out);
    assert_int_equal(taken_encode(&r->spool_id, VIEW_NONE, &c->out), 0);
    fake_core_say(c, MSG_EVENT_LATER, buf_view(&c->out));
}

static void core_hears_events(struct rig *r, struct view body)
{
    const msgpack_object *items = NULL;
    struct pack_doc d;
    size_t n = 0;

    assert_int_equal(pack_doc_open(&d, body), 0);
    n = pack_array(pack_doc_root(&d), "events", &items);
    r->n_frames++;
    r->in_frame = n;
    for (size_t i = 0; i < n && r->n_got < N_MAX; i++) {
        const msgpack_object *parts = items[i].via.array.ptr;

        r->suspect[r->n_got] = pack_bool(&parts[2]);
        r->got[r->n_got++] = pack_u64(&parts[0]);
    }
    if (!r->keeps_silent)
        core_takes(r, pack_u64(&items[0].via.array.ptr[0]),
                   pack_u64(&items[n - 1].via.array.ptr[0]));
    pack_doc_close(&d);
}

static void core_hears_query(struct rig *r, struct view body)
{
    struct answer a = {.found = true, .mid = VIEW_LIT("mid")};
    const struct replay again = {
        .number = 4, .scope = VIEW_LIT("ch_acc"), .raw = VIEW_LIT("{}")};
    struct fake_core *c = &r->core;
    struct query q;

    assert_int_equal(query_decode(body, &q), 0);
    a.number = q.number;
    buf_reset(&c->out);
    assert_int_equal(answer_encode(&a, &c->out), 0);
    fake_core_say(c, MSG_ANSWER, buf_view(&c->out));
    fake_core_say(c, MSG_ANSWER, VIEW_LIT("no map")); /* logged and left */
    buf_reset(&c->out);
    assert_int_equal(replay_encode(&again, &c->out), 0);
    fake_core_say(c, MSG_REPLAY, buf_view(&c->out));
}

static void core_hears(void *arg, const struct envelope *e, struct view body)
{
    struct rig *r = arg;

    if (e->kind == MSG_HELLO)
        core_hears_hello(r, body);
    else if (e->kind == MSG_EVENT_PUSH)
        core_hears_events(r, body);
    else if (e->kind == MSG_QUERY)
        core_hears_query(r, body);
    else if (e->kind == MSG_EVENT_EPHEMERAL)
        r->n_ephemeral++;
}

/* --- the process ---------------------------------------------------------------------------- */

static uint64_t held_version(void *arg)
{
    struct rig *r = arg;

    return r->registry_version;
}

static void new_registry(void *arg, struct view bytes)
{
    struct rig *r = arg;

    assert_true(view_is(bytes, "registry"));
    r->registry_version++;
}

static void events_taken(void *arg)
{
    struct rig *r = arg;

    r->n_taken++;
}

static void answered(void *arg, const struct answer *a)
{
    struct rig *r = arg;

    assert_int_equal(a->number, 3);
    assert_true(a->found && view_is(a->mid, "mid"));
    r->n_answers++;
}

static void replayed(void *arg, const struct replay *again)
{
    struct rig *r = arg;

    assert_int_equal(again->number, 4);
    assert_true(view_is(again->raw, "{}"));
    r->n_replays++;
}

static void session_lost(void *arg)
{
    struct rig *r = arg;

    r->n_lost++;
}

/* --- a life --------------------------------------------------------------------------------- */

static int open_push(struct rig *r)
{
    const struct push_config config = {.loop = r->loop,
                                       .spool = r->spool,
                                       .endpoint = r->core.endpoint,
                                       .name = "in",
                                       .boot = &r->boot,
                                       .registry_version = held_version,
                                       .registry = new_registry,
                                       .taken = events_taken,
                                       .answer = answered,
                                       .replay = replayed,
                                       .lost = session_lost,
                                       .arg = r};

    return push_new(&config, &r->push);
}

static void begin(struct rig *r)
{
    struct spool_config config = {.max_bytes = 64 << 20, .boot = &r->boot, .dir = r->dir};

    *r = (struct rig){.boot = {{1}}, .credit = 100};
    (void)snprintf(r->dir, sizeof(r->dir), "spool.XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    assert_int_equal(spool_open(&config, &r->spool), 0);
    fake_core_init(&r->core, core_hears, r);
    assert_int_equal(loop_new(&r->loop), 0);
    fake_core_open(&r->core, r->loop);
}

static void end(struct rig *r)
{
    push_free(r->push);
    fake_core_close(&r->core);
    loop_free(r->loop);
    spool_close(r->spool);
    fake_core_fini(&r->core);
    testing_remove_folder(r->dir);
}

static int setup(void **state)
{
    static struct rig r;

    begin(&r);
    *state = &r;
    return 0;
}

static int teardown(void **state)
{
    end(*state);
    return 0;
}

static bool look(void *arg)
{
    struct rig *r = arg;

    return r->done(r);
}

/* Until @done holds. */
static void run(struct rig *r, bool (*done)(struct rig *r))
{
    r->done = done;
    loops_run(r->loop, look, r);
}

static void keep(struct rig *r, unsigned n)
{
    uint64_t number = 0;

    while (n--)
        assert_int_equal(spool_append(r->spool, &amojo, VIEW_NONE, VIEW_LIT("event"), &number),
                         0);
    assert_int_equal(spool_flush(r->spool), 0);
}

static uint64_t n_left(const struct rig *r)
{
    struct spool_stats f;

    spool_stats(r->spool, &f);
    return f.events;
}

static bool all_taken(struct rig *r)
{
    return r->n_got > 0 && n_left(r) == 0;
}

/* --- the way of an event -------------------------------------------------------------------- */

static void events_come_in_order_and_are_forgotten_once_taken(void **state)
{
    struct rig *r = *state;

    assert_int_equal(open_push(r), 0);
    assert_false(push_is_up(r->push));
    assert_false(push_is_up(NULL));
    keep(r, 5);
    push_wake(r->push); /* core is away: they wait */
    run(r, all_taken);
    assert_true(push_is_up(r->push));
    assert_string_equal(push_refused(r->push), "");
    assert_int_equal(r->n_got, 5);
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(r->got[i], i + 1);
    assert_int_equal(r->registry_version, 1);
    assert_true(r->n_taken >= 1);
}

static bool second_credit(struct rig *r)
{
    if (r->step == 0 && r->n_got == 2) {
        r->step = 1;
        assert_int_equal(n_left(r), 5);
        r->keeps_silent = false;
        core_takes(r, 1, 2);
    }
    return all_taken(r);
}

static void no_more_is_under_way_than_core_takes(void **state)
{
    struct rig *r = *state;

    r->credit = 2;
    r->keeps_silent = true;
    keep(r, 5);
    assert_int_equal(open_push(r), 0);
    run(r, second_credit);
    assert_int_equal(r->n_got, 5); /* none twice */
    assert_true(r->n_frames >= 3);
}

/* Core has no room for the first two that come, takes the next one, and dies before that. */
static bool has_room_again(struct rig *r)
{
    if (r->step < 2 && r->n_got == (r->step ? 4U : 3U)) {
        r->step++;
        assert_int_equal(push_waits(r->push), r->step == 2);
        core_has_no_room(r);
        core_has_no_room(r); /* of a second frame */
        r->keeps_silent = r->step < 2;
    }
    return all_taken(r);
}

static void what_core_has_no_room_for_is_asked_about_one_by_one(void **state)
{
    struct rig *r = *state;

    r->keeps_silent = true;
    keep(r, 3);
    assert_int_equal(open_push(r), 0);
    assert_false(push_waits(r->push));
    run(r, has_room_again);
    assert_false(push_waits(r->push));
    assert_int_equal(r->n_got,
                     7); /* all, one that is refused, one that is taken, and the rest */
    for (size_t i = 3; i < 7; i++)
        assert_int_equal(r->got[i], i < 5 ? 1 : i - 3);
}

/* Core dies again and again with its queue full. */
static bool has_died_full(struct rig *r)
{
    if (r->n_got == r->step)
        return n_left(r) == 0;
    r->step = (unsigned)r->n_got;
    if (r->core.n_hellos < 6) {
        core_has_no_room(r);
        fake_core_dies(&r->core, VIEW_NONE);
    } else {
        core_takes(r, 1, 2);
    }
    return false;
}

static void what_core_has_no_room_for_is_no_suspect(void **state)
{
    struct rig *r = *state;

    r->keeps_silent = true;
    keep(r, 2);
    assert_int_equal(open_push(r), 0);
    run(r, has_died_full);
    assert_int_equal(r->in_frame, 2); /* together to the last */
    for (size_t i = 0; i < r->n_got; i++)
        assert_false(r->suspect[i]);
}

/* The same, and each time with the event in hand that asks whether there is room again: a core that is dead is
 * asked, too, until its end is noticed. */
static bool has_died_when_asked(struct rig *r)
{
    if (r->n_got == r->step)
        return n_left(r) == 0;
    r->step = (unsigned)r->n_got;
    if (r->core.n_hellos == 6)
        core_takes(r, 1, 2);
    else if (push_waits(r->push))
        fake_core_dies(&r->core, VIEW_NONE);
    else
        core_has_no_room(r);
    return false;
}

static void what_asks_whether_there_is_room_is_no_suspect(void **state)
{
    struct rig *r = *state;

    r->keeps_silent = true;
    keep(r, 2);
    assert_int_equal(open_push(r), 0);
    run(r, has_died_when_asked);
    assert_int_equal(r->in_frame, 2); /* together to the last */
    assert_int_equal(r->n_got, 5 * 3 + 2);
    for (size_t i = 0; i < r->n_got; i++)
        assert_false(r->suspect[i]);
}

static bool has_died(struct rig *r)
{
    if (r->step == 0 && r->n_got == 3) {
        r->step = 1;
        r->keeps_silent = false;
        core_takes(r, 1, 1); /* the others are not known to be taken */
        fake_core_dies(&r->core, VIEW_NONE);
    }
    return r->step == 1 && n_left(r) == 0;
}

static void what_a_dead_core_has_not_named_goes_again(void **state)
{
    struct rig *r = *state;

    r->keeps_silent = true;
    keep(r, 3);
    assert_int_equal(open_push(r), 0);
    run(r, has_died);
    assert_int_equal(r->n_lost, 1);
    assert_int_equal(r->n_got, 5);
    assert_int_equal(r->got[3], 2);
    assert_int_equal(r->got[4], 3);
}

/* Core dies of whatever it gets. */
static bool dies_each_time(struct rig *r)
{
    if (r->n_got > r->step) {
        r->step = (unsigned)r->n_got;
        if (r->suspect[r->n_got - 1]) {
            core_takes(r, r->got[r->n_got - 1], r->got[r->n_got - 1]);
            r->keeps_silent = false;
        } else {
            fake_core_dies(&r->core, VIEW_NONE);
        }
    }
    return n_left(r) == 0;
}

static void an_event_that_core_dies_of_travels_alone_and_is_marked(void **state)
{
    struct rig *r = *state;

    r->keeps_silent = true;
    keep(r, 2);
    assert_int_equal(open_push(r), 0);
    run(r, dies_each_time);
    assert_int_equal(r->got[0], 1);
    assert_int_equal(r->got[1], 2); /* twice together … */
    assert_int_equal(r->got[2], 1);
    assert_int_equal(r->got[3], 2);
    for (size_t i = 4; i < 7; i++) /* … and then alone, the third time with the mark */
        assert_int_equal(r->got[i], 1);
    assert_false(r->suspect[5]);
    assert_true(r->suspect[6]);
}

static bool goes_in_order(struct rig *r)
{
    if (r->n_got > r->step && r->step < 12) {
        r->step = (unsigned)r->n_got;
        fake_core_dies(&r->core, VIEW_LIT("\x80")); /* a plain end */
    }
    r->keeps_silent = r->step < 12;
    return n_left(r) == 0;
}

static void a_core_that_ends_in_order_makes_nothing_suspect(void **state)
{
    struct rig *r = *state;

    r->keeps_silent = true;
    keep(r, 2);
    assert_int_equal(open_push(r), 0);
    run(r, goes_in_order);
    for (size_t i = 0; i < r->n_got; i++)
        assert_false(r->suspect[i]);
    assert_int_equal(r->in_frame, 2); /* together to the end */
}

/* --- the spool's id ------------------------------------------------------------------------- */

static void a_refused_spool_takes_a_new_id_and_sends_all(void **state)
{
    struct rig *r = *state;
    struct id before;

    before = *spool_id(r->spool);
    r->refuses = true;
    keep(r, 3);
    assert_int_equal(open_push(r), 0);
    run(r, all_taken);
    assert_false(id_equal(spool_id(r->spool), &before));
    assert_true(id_equal(spool_id(r->spool), &r->spool_id));
    assert_int_equal(r->n_got, 3);
}

/* Core has numbers that this spool has not given yet: it is an older state of itself. */
static void a_spool_that_was_put_back_takes_a_new_id(void **state)
{
    struct rig *r = *state;
    struct id before;

    before = *spool_id(r->spool);
    r->mark = 50;
    r->low = 51;
    keep(r, 2);
    assert_int_equal(open_push(r), 0);
    run(r, all_taken);
    assert_false(id_equal(spool_id(r->spool), &before));
    assert_int_equal(r->n_got, 2);
}

/* --- beside the spool ----------------------------------------------------------------------- */

static const struct event typing = {
    .kind = EVENT_AMO_TYPING, .scope = {"ch_acc", 6},
         .chat_id = {"chat",   4}
};
static const struct query question = {
    .number = 3, .connector = {"svc", 3},
         .message_id = {"m1",  2}
};

static bool is_replayed(struct rig *r)
{
    if (push_is_up(r->push) && r->step == 0) {
        r->step = 1;
        assert_true(push_ephemeral(r->push, &typing));
        assert_int_equal(push_query(r->push, &question), 0);
    }
    return r->n_replays == 1;
}

static void ephemeral_events_and_questions_go_at_once_or_not_at_all(void **state)
{
    struct rig *r = *state;

    assert_int_equal(open_push(r), 0);
    assert_false(push_ephemeral(r->push, &typing));
    assert_int_not_equal(push_query(r->push, &question), 0);
    assert_false(push_ephemeral(NULL, &typing));
    run(r, is_replayed);
    assert_int_equal(r->n_ephemeral, 1);
    assert_int_equal(r->n_answers, 1);
}

static bool ephemeral_without_memory(struct rig *r)
{
    if (!push_is_up(r->push) || r->step)
        return r->n_answers == 1;
    r->step = 1;
    for (uint64_t n = 1; n <= 2; n++) {
        mem_fail_at(n);
        assert_false(push_ephemeral(r->push, &typing));
        mem_fail_at(0);
    }
    mem_fail_at(1);
    assert_int_equal(push_query(r->push, &question), -ENOMEM);
    mem_fail_at(0);
    assert_int_equal(push_query(r->push, &question), 0);
    return false;
}

static void without_memory_a_hint_or_a_question_does_not_go(void **state)
{
    struct rig *r = *state;

    assert_int_equal(open_push(r), 0);
    run(r, ephemeral_without_memory);
    assert_int_equal(r->n_ephemeral, 0);
}

/* --- without memory ------------------------------------------------------------------------- */

static void a_push_that_had_no_memory_is_refused_or_sends_all(void **state)
{
    unsigned n_refused = 0;

    (void)state;
    for (uint64_t n = 1; n <= 8; n++) {
        struct rig r;
        int rc = 0;

        begin(&r);
        keep(&r, 2);
        mem_fail_at(n);
        rc = open_push(&r);
        mem_fail_at(0);
        assert_true(rc == 0 || rc == -ENOMEM);
        if (rc == 0)
            run(&r, all_taken);
        else
            assert_null(r.push);
        n_refused += rc != 0;
        end(&r);
    }
    assert_true(n_refused >= 5);
}

static uint64_t fails_at;
static uint64_t count_before;

/* The first event made what is made once; from the second push on one allocation fails. */
static bool more_come(struct rig *r)
{
    if (r->step == 0 && push_is_up(r->push) && all_taken(r)) {
        r->step = 1;
        keep(r, 5);
        count_before = mem_count();
        mem_fail_at(fails_at);
        push_wake(r->push);
    }
    return r->step == 1 && n_left(r) == 0;
}

static bool pushing_fails_at(uint64_t nth, unsigned first)
{
    bool reached = false;
    struct rig r;

    fails_at = nth;
    begin(&r);
    assert_int_equal(open_push(&r), 0);
    keep(&r, first);
    run(&r, more_come);
    reached = mem_count() - count_before >= nth;
    mem_fail_at(0);
    assert_int_equal(r.n_got, first + 5); /* each once: what failed had not gone */
    for (size_t i = 0; i < r.n_got; i++) {
        assert_int_equal(r.got[i], i + 1);
        assert_false(r.suspect[i]);
    }
    end(&r);
    return reached;
}

static void without_memory_events_go_later_and_none_twice(void **state)
{
    uint64_t n = 1;

    (void)state;
    while (n < 60 && pushing_fails_at(n, 1))
        n++;
    assert_true(n < 60);
}

/* The very first push makes room for all that is kept between pushes. */
static bool first_come(struct rig *r)
{
    if (r->step == 0 && push_is_up(r->push)) {
        r->step = 1;
        keep(r, 5);
        mem_fail_at(fails_at);
        push_wake(r->push);
        mem_fail_at(0); /* taking is another matter: below */
    }
    return r->step == 1 && n_left(r) == 0;
}

static void without_memory_the_first_push_is_made_up_for(void **state)
{
    (void)state;
    for (fails_at = 1; fails_at <= 6; fails_at++) {
        struct rig r;

        begin(&r);
        assert_int_equal(open_push(&r), 0);
        run(&r, first_come);
        assert_int_equal(r.n_got, 5);
        end(&r);
    }
}

static bool taken_without_memory(struct rig *r)
{
    if (r->step == 0 && r->n_got == 3) {
        r->step = 1;
        mem_fail_at(1);
        core_takes(r, 1, 3);
        fake_core_say(&r->core, MSG_REGISTRY,
                      VIEW_LIT("registry")); /* it is read behind the other */
    } else if (r->step == 1 && r->registry_version == 2) {
        r->step = 2;
        mem_fail_at(0);
        assert_int_equal(n_left(r), 3); /* not forgotten: it could not be written down */
        r->keeps_silent = false;
        fake_core_dies(&r->core, VIEW_LIT("\x80"));
    }
    return r->step == 2 && n_left(r) == 0;
}

static void what_could_not_be_marked_as_taken_goes_again(void **state)
{
    struct rig *r = *state;

    r->keeps_silent = true;
    keep(r, 3);
    assert_int_equal(open_push(r), 0);
    run(r, taken_without_memory);
    assert_int_equal(r->n_got, 6);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(events_come_in_order_and_are_forgotten_once_taken),
        CASE(no_more_is_under_way_than_core_takes),
        CASE(what_core_has_no_room_for_is_asked_about_one_by_one),
        CASE(what_core_has_no_room_for_is_no_suspect),
        CASE(what_asks_whether_there_is_room_is_no_suspect),
        CASE(what_a_dead_core_has_not_named_goes_again),
        CASE(an_event_that_core_dies_of_travels_alone_and_is_marked),
        CASE(a_core_that_ends_in_order_makes_nothing_suspect),
        CASE(a_refused_spool_takes_a_new_id_and_sends_all),
        CASE(a_spool_that_was_put_back_takes_a_new_id),
        CASE(ephemeral_events_and_questions_go_at_once_or_not_at_all),
        CASE(without_memory_a_hint_or_a_question_does_not_go),
        cmocka_unit_test(a_push_that_had_no_memory_is_refused_or_sends_all),
        cmocka_unit_test(without_memory_events_go_later_and_none_twice),
        cmocka_unit_test(without_memory_the_first_push_is_made_up_for),
        CASE(what_could_not_be_marked_as_taken_goes_again),
    };

    return cmocka_run_group_tests(tests, loops_begin, loops_end);
}
