/* Sessions and spools as core holds them: who is let in, who gets work, who may speak for a spool. */

#include "core/peers/peers.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "core/peers/spools.h"
#include "core/peers/worker.h"
#include "core/store/erase.h"
#include "core/testing/rig.h"
#include "proto/bus/edge.h"
#include "proto/limits.h"
#include "proto/session.h"

static const struct id boot_a = {{11}};
static const struct id boot_b = {{12}};

static struct hello hello_of(const char *name)
{
    return (struct hello){.role = ROLE_EGRESS,
                          .name = view_of(name),
                          .version = VIEW_LIT("1"),
                          .credit = 10,
                          .credit_bytes = 1000,
                          .registry_version = 3};
}

static struct peer *add(struct rig *r, const char *name, const char *route,
                        const struct id *boot)
{
    struct hello h = hello_of(name);

    return peer_new(&r->core, r->core.peers->commands, view_of(route), &h, boot);
}

static size_t n_parcels(const struct rig *r)
{
    size_t n = 0;

    for (const struct list *i = r->core.turn->parcels.next; i != &r->core.turn->parcels;
         i = i->next)
        n++;
    return n;
}

static size_t n_spools(const struct rig *r)
{
    size_t n = 0;

    for (const struct list *i = r->core.peers->spools.next; i != &r->core.peers->spools;
         i = i->next)
        n++;
    return n;
}

/* --- sessions ------------------------------------------------------------------------------- */

static void a_session_is_found_by_its_route_and_its_socket(void **state)
{
    struct rig *r = *state;
    struct peer *p = add(r, "two", "route", &boot_a);

    assert_non_null(p);
    assert_string_equal(p->name, "two");
    assert_int_equal(p->credit, 10);
    assert_int_equal(p->registry_version, 3);
    assert_ptr_equal(peer_find(&r->core, VIEW_LIT("route"), r->core.peers->commands), p);
    assert_null(peer_find(&r->core, VIEW_LIT("route"), r->core.peers->events));
    assert_null(peer_find(&r->core, VIEW_LIT("rout"), r->core.peers->commands));
    peer_free(&r->core, p);
    assert_null(peer_find(&r->core, VIEW_LIT("route"), r->core.peers->commands));
}

/* Places that nobody has would take shares of all others. */
static void what_a_worker_says_it_can_take_is_believed_up_to_a_limit(void **state)
{
    struct rig *r = *state;

    peer_told_credit(r->worker, UINT64_MAX, UINT64_MAX, UINT64_MAX);
    assert_int_equal(r->worker->credit, LIMIT_WORKER_CREDIT);
    assert_int_equal(r->worker->credit_bytes, LIMIT_WORKER_BYTES);
    assert_int_equal(r->worker->places, LIMIT_WORKER_CREDIT);
    peer_told_credit(r->worker, 7, 8, 9);
    assert_int_equal(r->worker->credit, 7);
    assert_int_equal(r->worker->credit_bytes, 8);
    assert_int_equal(r->worker->places, 9);
}

static void who_has_no_name_or_too_long_a_one_is_not_let_in(void **state)
{
    struct rig *r = *state;
    size_t before = r->core.peers->n;
    char longer[300];

    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_null(add(r, "", "route", &boot_a));
    assert_null(add(r, longer + sizeof(longer) - 65, "route", &boot_a));
    assert_null(add(r, "two", longer, &boot_a));
    assert_int_equal(r->core.peers->n, before);
    assert_non_null(add(r, longer + sizeof(longer) - 64, "route", &boot_a));
}

static void there_is_an_end_of_sessions(void **state)
{
    struct rig *r = *state;
    char route[16];

    for (int i = 0; r->core.peers->n < LIMIT_PEERS; i++) {
        (void)snprintf(route, sizeof(route), "r%d", i);
        assert_non_null(add(r, "many", route, &boot_a));
    }
    assert_null(add(r, "one more", "route", &boot_a));
    assert_int_equal(r->core.peers->n, LIMIT_PEERS);
}

static void one_process_or_one_role_does_not_take_all_places(void **state)
{
    struct rig *r = *state;
    char text[16];

    for (unsigned i = 0; i < LIMIT_PEERS_OF_ONE; i++) {
        struct peer *p = NULL;

        (void)snprintf(text, sizeof(text), "n%u", i);
        assert_true(peers_have_room(&r->core, ROLE_EGRESS, view_of(text), 77));
        p = add(r, text, text, &boot_a);
        assert_non_null(p);
        p->pid = 77;
    }
    assert_false(peers_have_room(&r->core, ROLE_EGRESS, VIEW_LIT("more"), 77));
    assert_true(
        peers_have_room(&r->core, ROLE_EGRESS, VIEW_LIT("n3"), 77)); /* it is replaced */
    assert_true(peers_have_room(&r->core, ROLE_EGRESS, VIEW_LIT("more"), 78));
    assert_true(peers_have_room(&r->core, ROLE_EGRESS, VIEW_LIT("more"), 0));
    for (unsigned i = 0; peers_have_room(&r->core, ROLE_EGRESS, VIEW_LIT("more"), 0); i++) {
        assert_true(i < LIMIT_PEERS / 2);
        (void)snprintf(text, sizeof(text), "m%u", i);
        assert_non_null(add(r, text, text, &boot_a));
    }
    assert_true(peers_have_room(&r->core, ROLE_INGRESS, VIEW_LIT("more"), 78));
}

static void a_session_for_which_there_is_no_memory_is_not_half_there(void **state)
{
    struct rig *r = *state;
    size_t before = r->core.peers->n;

    mem_fail_at(1);
    assert_null(add(r, "two", "route", &boot_a));
    mem_fail_at(0);
    assert_int_equal(r->core.peers->n, before);
    assert_null(peer_find(&r->core, VIEW_LIT("route"), r->core.peers->commands));
    assert_non_null(add(r, "two", "route", &boot_a));
}

/* --- workers -------------------------------------------------------------------------------- */

static void the_worker_with_most_room_is_picked(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_mono_ms();
    struct peer *two = rig_worker(r, "two", 3);

    r->worker->credit = two->credit =
        100; /* which is what they may be sent, not what they make at once */
    r->worker->places = 10;
    two->places = 12;
    assert_ptr_equal(peers_pick_worker(&r->core, 0, now), two);
    two->n_in_flight = 5;
    assert_ptr_equal(peers_pick_worker(&r->core, 0, now), r->worker);
    r->worker->n_in_flight = 9;
    two->n_in_flight = 12; /* full */
    assert_ptr_equal(peers_pick_worker(&r->core, 0, now), r->worker);
    r->worker->n_in_flight = 10;
    assert_null(peers_pick_worker(&r->core, 0, now));
    two->n_in_flight = 11;
    assert_ptr_equal(peers_pick_worker(&r->core, 0, now), two);
    assert_null(peers_pick_worker(&r->core, 0, now + EDGE_SILENCE_MS + 1)); /* both silent */
    r->worker->n_in_flight = two->n_in_flight = 0;
}

static void a_worker_has_no_more_places_than_calls_that_it_makes_at_once(void **state)
{
    struct rig *r = *state;

    r->worker->credit = 100;
    r->worker->places = 10;
    assert_int_equal(peer_places(r->worker), 10);
    r->worker->credit = 7; /* it has room for no more now */
    assert_int_equal(peer_places(r->worker), 7);
    r->worker->places = 0; /* an older one says only twice what it makes at once */
    assert_int_equal(peer_places(r->worker), 4);
    r->worker->credit = 64;
    assert_int_equal(peer_places(r->worker), 32);
}

static void one_large_command_may_travel_alone(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_mono_ms();

    r->worker->credit_bytes = 100;
    assert_ptr_equal(peers_pick_worker(&r->core, 5000, now), r->worker);
    r->worker->n_in_flight = 1;
    r->worker->bytes_in_flight = 60;
    assert_null(peers_pick_worker(&r->core, 5000, now));
    assert_null(peers_pick_worker(&r->core, 41, now));
    assert_ptr_equal(peers_pick_worker(&r->core, 40, now), r->worker);
    r->worker->n_in_flight = r->worker->bytes_in_flight = 0;
}

static void places_are_given_back_once(void **state)
{
    struct rig *r = *state;
    struct lane lane = {.dest = queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("s"))};
    struct core_command cmd = {.body_len = 30, .lane = &lane};

    list_init(&lane.link);
    worker_take(r->worker, &cmd);
    assert_int_equal(lane.dest->n_placed, 1);
    worker_take_call(r->worker);
    assert_int_equal(r->worker->n_in_flight, 2);
    assert_int_equal(r->worker->bytes_in_flight, 30);
    worker_landed(&cmd);
    worker_landed(&cmd); /* with nobody any more */
    worker_call_landed(r->worker);
    assert_int_equal(lane.dest->n_placed, 0);
    assert_int_equal(r->worker->n_in_flight, 0);
    assert_int_equal(r->worker->bytes_in_flight, 0);
}

static void only_live_ingresses_are_asked_for_the_registry(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_mono_ms();

    r->ingress->registry_version = 4;
    assert_true(peers_hold_registry(&r->core, 4, now));
    assert_false(peers_hold_registry(&r->core, 5, now));
    assert_true(peers_hold_registry(&r->core, 5, now + EDGE_SILENCE_MS + 1));
}

/* --- frames --------------------------------------------------------------------------------- */

static void a_frame_waits_whole_or_not_at_all(void **state)
{
    struct rig *r = *state;

    for (uint64_t n = 1; n <= 2; n++) {
        mem_fail_at(n);
        assert_int_equal(
            peer_post(&r->core, r->worker, MSG_RESULT_TAKEN, NULL, VIEW_LIT("body")), -ENOMEM);
        mem_fail_at(0);
        assert_int_equal(n_parcels(r), 0);
    }
    assert_int_equal(
        peer_post(&r->core, r->worker, MSG_RESULT_TAKEN, &boot_a, VIEW_LIT("body")), 0);
    assert_int_equal(n_parcels(r), 1);
    core_send_parcels(&r->core); /* nobody listens there: it is gone, and that is all right */
    assert_int_equal(n_parcels(r), 0);
}

static void a_session_ends_even_when_it_cannot_be_told(void **state)
{
    struct rig *r = *state;

    mem_fail_at(1);
    peer_end(&r->core, r->worker);
    mem_fail_at(0);
    assert_true(r->worker->ended);
    assert_int_equal(n_parcels(r), 0);
    peer_end(&r->core, r->ingress);
    assert_true(r->ingress->ended);
    assert_int_equal(n_parcels(r), 1);
    core_forget_parcels(&r->core);
}

/* Telling everybody needs memory for a moment; without it nothing else changes. */
static void what_cannot_be_told_now_is_left_out(void **state)
{
    struct rig *r = *state;
    size_t before = r->core.peers->n;

    for (uint64_t n = 1; n <= 6; n++) {
        mem_fail_at(n);
        peers_send_registry(&r->core);
        peers_say_going(&r->core, true);
        mem_fail_at(0);
        assert_int_equal(r->core.peers->n, before);
        assert_int_equal(r->core.turn->exit_code, 0);
    }
}

/* --- spools --------------------------------------------------------------------------------- */

static struct spool *claimed(struct rig *r, const struct hello *h, const struct id *boot,
                             int want)
{
    struct spool *s = spools_load(&r->core, &h->spool);

    assert_non_null(s);
    assert_int_equal(spools_claim(&r->core, s, h, boot, clock_mono_ms()), want);
    return s;
}

static void a_spool_is_known_again_after_a_restart(void **state)
{
    const struct id id = {{77}};
    struct rig *r = *state;
    struct spool *s = spools_load(&r->core, &id);

    assert_non_null(s);
    assert_ptr_equal(spools_load(&r->core, &id), s);
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(taken_add(&s->taken, 1), 0);
    assert_int_equal(taken_add(&s->taken, 2), 0);
    spools_took(s, &boot_a, "in");
    s->dirty = true;
    rig_commit(r);
    assert_false(s->dirty);
    rig_restart(r);
    s = spools_load(&r->core, &id);
    assert_int_equal(s->taken.mark, 2);
    assert_true(id_equal(&s->taker, &boot_a));
}

/* Either it is there as the store has it, or core ends and starts again: it must never be taken for
 * one of which nothing was taken. */
static void a_spool_that_cannot_be_read_is_not_taken_for_a_new_one(void **state)
{
    const struct id id = {{78}};
    struct rig *r = *state;
    unsigned n_failed = 0;
    struct spool *s = spools_load(&r->core, &id);

    assert_int_equal(core_turn(&r->core), 0);
    for (uint64_t i = 2; i < 40; i += 2) /* with gaps: there are ranges to be read */
        assert_int_equal(taken_add(&s->taken, i), 0);
    s->dirty = true;
    rig_commit(r);
    rig_restart(r);
    for (uint64_t n = 1; n <= 8; n++) {
        size_t before = n_spools(r);

        mem_fail_at(n);
        s = spools_load(&r->core, &id);
        mem_fail_at(0);
        if (s) {
            assert_int_equal(s->taken.mark, 38);
            assert_true(taken_has(&s->taken, 20));
        } else {
            assert_int_equal(n_spools(r), before);
            n_failed++;
        }
        rig_restart(r);
    }
    assert_true(n_failed >= 2);
}

static void what_was_taken_is_written_whole_or_stays_to_be_written(void **state)
{
    const struct id id = {{79}};
    struct rig *r = *state;
    struct spool *s = spools_load(&r->core, &id);

    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(taken_add(&s->taken, 7), 0);
    spools_took(s, &boot_a, "in");
    s->dirty = true;
    mem_fail_at(1);
    assert_int_equal(spools_write(&r->core), -ENOMEM);
    mem_fail_at(0);
    assert_true(s->dirty && s->taker_dirty);
    assert_int_equal(spools_write(&r->core), 0);
    assert_false(s->dirty || s->taker_dirty);
    rig_commit(r);
}

static void a_copy_of_a_folder_is_told_by_its_numbers(void **state)
{
    struct rig *r = *state;
    struct hello h = {.name = VIEW_LIT("in"), .spool = {{80}}, .next = 5};
    struct spool *s = claimed(r, &h, &boot_a, 0);

    assert_int_equal(taken_add(&s->taken, 5), 0);
    (void)claimed(r, &h, &boot_b, SPOOLS_E_COPY); /* it has not given number 5 yet */
    h.next = 9;
    h.fresh = 5;
    (void)claimed(r, &h, &boot_b, SPOOLS_E_COPY);
    h.fresh = 6;
    (void)claimed(r, &h, &boot_b, 0);
}

static void a_folder_that_its_last_taker_never_had_is_forked(void **state)
{
    struct rig *r = *state;
    struct hello h = {.name = VIEW_LIT("in"), .spool = {{81}}, .next = 5};
    struct spool *s = claimed(r, &h, &boot_a, 0);

    spools_took(s, &boot_a, "in");
    h.lives = id_view(&boot_b); /* who had it before: not the one that sent */
    (void)claimed(r, &h, &boot_b, SPOOLS_E_FORKED);
    h.lives = id_view(&boot_a);
    (void)claimed(r, &h, &boot_b, 0);
}

static void a_spool_belongs_to_the_name_that_brought_it(void **state)
{
    struct rig *r = *state;
    struct hello h = {.name = VIEW_LIT("in"), .spool = {{83}}, .next = 5};
    struct spool *s = claimed(r, &h, &boot_a, 0);

    h.name = VIEW_LIT("other");
    (void)claimed(r, &h, &boot_b, 0); /* nothing was taken: there is nothing to lose */
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(taken_add(&s->taken, 1), 0);
    spools_took(s, &boot_b, "other");
    s->dirty = true;
    rig_commit(r);
    rig_restart(r);
    r->core.peers->settling_until_ms = 0;
    h.name = VIEW_LIT("in");
    s = claimed(r, &h, &boot_a, SPOOLS_E_OWNED); /* it shows no folder */
    assert_string_equal(s->name, "other");
    h.lives = id_view(&boot_b);
    (void)claimed(r, &h, &boot_a, 0); /* renamed: it comes after that process */
    h.lives = VIEW_NONE;
    h.name = VIEW_LIT("other");
    (void)claimed(r, &h, &boot_a, 0); /* an older version of the owner says nothing of lives */
}

static void a_spool_waits_for_its_owner_after_a_start(void **state)
{
    struct rig *r = *state;
    struct hello h = {
        .name = VIEW_LIT("in"), .spool = {{84}}, .next = 5, .lives = id_view(&boot_a)};
    struct spool *s = claimed(r, &h, &boot_a, 0);

    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(taken_add(&s->taken, 1), 0);
    spools_took(s, &boot_a, "in");
    s->dirty = true;
    assert_int_equal(store_ingress_seen(r->core.store, VIEW_LIT("in"), &h.spool, 1), 0);
    rig_commit(r);
    rig_restart(r);
    h.name = VIEW_LIT("clone");
    (void)claimed(r, &h, &boot_b, SPOOLS_E_OWNED);
    spools_came(&r->core, "in"); /* and went: nobody waits for it any more */
    (void)claimed(r, &h, &boot_b, 0);
}

static int64_t n_rows(struct rig *r, const struct id *id, size_t n)
{
    int64_t found = 0;

    for (size_t i = 0; i < n; i++) {
        struct buf ranges;
        uint64_t mark = 0;
        uint64_t low = 0;

        buf_init(&ranges, 1 << 16);
        found += store_spool_get(r->core.store, &id[i], &mark, &low, &ranges) == 0;
        buf_fini(&ranges);
    }
    return found;
}

static void ever_new_spools_take_the_place_of_those_that_nobody_uses(void **state)
{
    struct rig *r = *state;
    static struct id ids[LIMIT_SPOOLS + 50];
    struct peer *honest = r->ingress;

    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(taken_add(&honest->spool->taken, 1), 0);
    spools_took(honest->spool, &honest->boot, honest->name);
    honest->spool->dirty = true;
    rig_commit(r); /* the oldest of all, and in use */
    for (size_t i = 0; i < AMO_COUNT(ids); i++) {
        struct spool *s = NULL;

        memset(ids[i].bytes, 0xee, sizeof(ids[i].bytes));
        ids[i].bytes[0] = (unsigned char)i;
        ids[i].bytes[1] = (unsigned char)(i >> 8);
        s = spools_load(&r->core, &ids[i]);
        assert_non_null(s);
        assert_int_equal(core_turn(&r->core), 0);
        assert_int_equal(taken_add(&s->taken, 1), 0);
        spools_took(s, &boot_a, "thief");
        s->dirty = true;
        rig_commit(r);
    }
    assert_true(n_spools(r) < 80);
    assert_int_equal(n_rows(r, ids, AMO_COUNT(ids)), LIMIT_SPOOLS - 1);
    assert_int_equal(n_rows(r, &honest->spool->id, 1), 1);
}

/* What a forgotten core may have had ends where this life of core begins, whoever of its line comes back. */
static void what_is_first_sent_in_this_life_was_sent_to_no_core_before(void **state)
{
    const struct id id = {{78}};
    struct rig *r = *state;
    struct spool *s = spools_load(&r->core, &id);
    struct hello h = hello_of("in");

    assert_non_null(s);
    h.next = 17;
    assert_int_equal(spools_sent_before(s, &h, &boot_a), 17);
    h.fresh = 40; /* it has sent some to this core meanwhile */
    assert_int_equal(spools_sent_before(s, &h, &boot_a), 17);
    h.lives = id_view(&boot_a); /* the next process with this folder */
    assert_int_equal(spools_sent_before(s, &h, &boot_b), 17);
    h.lives = VIEW_NONE; /* one that does not say whose folder it has */
    h.fresh = 60;
    assert_int_equal(spools_sent_before(s, &h, &boot_b), 60);
    h.fresh = 50;
    assert_int_equal(spools_sent_before(s, &h, &boot_a), 60);
}

static void a_spool_has_one_live_process(void **state)
{
    struct rig *r = *state;
    struct hello h = {.name = VIEW_LIT("in"), .spool = {{82}}, .next = 5};
    struct spool *s = claimed(r, &h, &boot_a, 0);
    struct peer *p = add(r, "in", "route", &boot_a);

    p->role = ROLE_INGRESS;
    p->spool = s;
    h.name = VIEW_LIT("other");
    (void)claimed(r, &h, &boot_b, SPOOLS_E_HELD);
    assert_ptr_equal(peer_find(&r->core, VIEW_LIT("route"), r->core.peers->commands), p);
    p->heard_mono_ms -= EDGE_SILENCE_MS + 1;
    (void)claimed(r, &h, &boot_b, 0); /* its session is over for good … */
    assert_null(peer_find(&r->core, VIEW_LIT("route"), r->core.peers->commands));
    h.name = VIEW_LIT("in");
    (void)claimed(r, &h, &boot_a, SPOOLS_E_ENDED); /* … and should it live, there are two */
}

static void every_refusal_has_words_of_its_own(void **state)
{
    (void)state;
    for (int a = SPOOLS_E_COPY; a <= SPOOLS_E_ENDED; a++) {
        for (int b = SPOOLS_E_COPY; b < a; b++)
            assert_string_not_equal(spools_words(a), spools_words(b));
    }
}

static void a_spool_nobody_speaks_for_is_forgotten_in_time(void **state)
{
    const struct id id = {{83}};
    struct rig *r = *state;
    int64_t now = clock_mono_ms();
    size_t before = n_spools(r);
    struct spool *s = spools_load(&r->core, &id);

    spools_tick(&r->core, now + 60000);
    assert_int_equal(n_spools(r), before + 1);
    s->dirty = true; /* not before it is written */
    spools_tick(&r->core, now + 3600000);
    assert_int_equal(n_spools(r), before + 1);
    s->dirty = false;
    spools_tick(&r->core, now + 7200000);
    assert_int_equal(n_spools(r), before); /* the rig's own is spoken for */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_a_worker_says_it_can_take_is_believed_up_to_a_limit, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_session_is_found_by_its_route_and_its_socket,
                                        rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(who_has_no_name_or_too_long_a_one_is_not_let_in,
                                        rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(there_is_an_end_of_sessions, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(one_process_or_one_role_does_not_take_all_places,
                                        rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            a_session_for_which_there_is_no_memory_is_not_half_there, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(the_worker_with_most_room_is_picked, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(one_large_command_may_travel_alone, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(
            a_worker_has_no_more_places_than_calls_that_it_makes_at_once, rig_setup,
            rig_teardown),
        cmocka_unit_test_setup_teardown(places_are_given_back_once, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(only_live_ingresses_are_asked_for_the_registry,
                                        rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_frame_waits_whole_or_not_at_all, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(a_session_ends_even_when_it_cannot_be_told, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_told_now_is_left_out, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(a_spool_is_known_again_after_a_restart, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(a_spool_that_cannot_be_read_is_not_taken_for_a_new_one,
                                        rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(what_was_taken_is_written_whole_or_stays_to_be_written,
                                        rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_copy_of_a_folder_is_told_by_its_numbers, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_its_last_taker_never_had_is_forked,
                                        rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_spool_belongs_to_the_name_that_brought_it, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(a_spool_waits_for_its_owner_after_a_start, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(
            ever_new_spools_take_the_place_of_those_that_nobody_uses, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            what_is_first_sent_in_this_life_was_sent_to_no_core_before, rig_setup,
            rig_teardown),
        cmocka_unit_test_setup_teardown(a_spool_has_one_live_process, rig_setup, rig_teardown),
        cmocka_unit_test(every_refusal_has_words_of_its_own),
        cmocka_unit_test_setup_teardown(a_spool_nobody_speaks_for_is_forgotten_in_time,
                                        rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
