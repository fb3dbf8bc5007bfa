/* A queue that is full: its events wait in their spools, and all that empties it goes on. */

#include "core/intake/room.h"

#include "base/clock.h"
#include "base/process.h"
#include "base/stats.h"
#include "core/intake/intake.h"
#include "core/peers/peers.h"
#include "core/store/db.h"
#include "core/testing/amoctl.h"
#include "core/watch.h"
#include "proto/limits.h"
#include "proto/session.h"

/* One frame of @p with client's texts "m<number>" for the numbers from @first to @last. */
static void push(struct rig *r, struct peer *p, uint64_t low, uint64_t first, uint64_t last)
{
    struct buf event;
    struct buf body;

    buf_init(&event, 1 << 16);
    buf_init(&body, 1 << 16);
    assert_int_equal(event_push_begin(&body, &p->spool->id, low, last - first + 1), 0);
    for (uint64_t n = first; n <= last; n++) {
        char id[32];
        struct event e;

        (void)snprintf(id, sizeof(id), "m%s%d", p == r->ingress ? "" : "x", (int)n); /* fits */
        e = rig_client_text(id);
        buf_reset(&event);
        assert_int_equal(event_encode(&e, &event), 0);
        assert_int_equal(event_push_add(&body, n, buf_view(&event), false), 0);
    }
    intake_push(&r->core, p, buf_view(&body));
    buf_fini(&event);
    buf_fini(&body);
}

static size_t n_later(const struct rig *r)
{
    size_t n = 0;

    for (const struct list *i = r->core.turn->parcels.next; i != &r->core.turn->parcels;
         i = i->next)
        n += LIST_ENTRY_CONST(i, struct parcel, link)->envelope.kind == MSG_EVENT_LATER;
    return n;
}

/* The oldest message is delivered. */
static void deliver_one(struct rig *r, const char *amo_id)
{
    struct core_command *c = NULL;
    size_t iter = 0;

    rig_turn(r);
    while ((c = table_next(r->core.queue->commands, &iter)) && c->state != COMMAND_IN_FLIGHT)
        ;
    assert_non_null(c);
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE,
                               .amo_message_id = view_of(amo_id),
                               .amo_chat_id = VIEW_LIT("chat")});
    rig_commit(r);
}

static void from_the_bound_on_events_stay_in_the_spool(void **state)
{
    struct rig *r = *state;

    r->core.queue->max = 3;
    push(r, r->ingress, 1, 1, 5); /* in one frame: what fits is taken */
    assert_int_equal(pairs_count(buf_view(&r->ingress->acks)), 3);
    assert_int_equal(n_later(r), 1);
    rig_commit(r);
    assert_int_equal(n_later(r), 0); /* it left behind the commit */
    assert_int_equal(rig_stored_commands(r), 3);
    assert_true(taken_has(&r->ingress->spool->taken, 3));
    assert_false(taken_has(&r->ingress->spool->taken, 4));
    push(r, r->ingress, 4, 4, 4);
    assert_int_equal(n_later(r), 1);
    assert_false(r->core.turn->dirty); /* a spool that asks costs no commit */
    push(r, r->ingress, 4, 2, 2);      /* a repeat is named all the same */
    assert_int_equal(pairs_count(buf_view(&r->ingress->acks)), 1);
    rig_commit(r);
    deliver_one(r, "amo-1");
    push(r, r->ingress, 4, 4, 5); /* from the first one that stayed */
    rig_commit(r);
    assert_int_equal(queue_count(r->core.queue), 3);
    assert_true(taken_has(&r->ingress->spool->taken, 4));
    assert_false(taken_has(&r->ingress->spool->taken, 5));
    assert_int_equal(r->core.turn->exit_code, 0);
}

/* Frames that were under way when the first of them was refused come when there is room again. */
static void nothing_overtakes_what_had_to_stay(void **state)
{
    struct rig *r = *state;

    r->core.queue->max = 2;
    push(r, r->ingress, 1, 1, 2);
    push(r, r->ingress, 1, 3, 4);
    rig_commit(r);
    deliver_one(r, "amo-1");
    deliver_one(r, "amo-2");
    assert_int_equal(queue_count(r->core.queue), 0);
    push(r, r->ingress, 1, 5, 6);
    assert_int_equal(n_later(r), 1);
    rig_commit(r);
    assert_int_equal(queue_count(r->core.queue), 0);
    push(r, r->ingress, 3, 3, 4);
    rig_commit(r);
    assert_true(taken_has(&r->ingress->spool->taken, 4));
    deliver_one(r, "amo-3");
    push(r, r->ingress, 5, 5, 5);
    rig_commit(r);
    assert_true(taken_has(&r->ingress->spool->taken, 5));
}

static void one_that_was_lost_meanwhile_is_not_waited_for(void **state)
{
    struct rig *r = *state;

    r->core.queue->max = 1;
    push(r, r->ingress, 1, 1, 2);
    rig_commit(r);
    deliver_one(r, "amo-1");
    push(r, r->ingress, 3, 3, 3); /* the disk does not read the second one any more */
    rig_commit(r);
    assert_true(taken_has(&r->ingress->spool->taken, 3));
}

static void a_spool_whose_events_stay_stops_no_other(void **state)
{
    const struct id boot = {{31}};
    const struct id id = {{32}};
    const struct hello h = {.role = ROLE_INGRESS, .name = VIEW_LIT("two"), .spool = id};
    struct rig *r = *state;
    struct peer *two = peer_new(&r->core, r->core.peers->events, VIEW_LIT("two"), &h, &boot);

    assert_non_null(two);
    two->spool = spools_load(&r->core, &id);
    assert_non_null(two->spool);
    r->core.queue->max = 2;
    push(r, r->ingress, 1, 1, 3);
    push(r, two, 1, 1, 2);
    rig_commit(r);
    deliver_one(r, "amo-1");
    push(r, two, 1, 1, 2); /* it is the first to ask */
    rig_commit(r);
    assert_true(taken_has(&two->spool->taken, 1));
    assert_false(taken_has(&two->spool->taken, 2));
    deliver_one(r, "amo-2");
    push(r, r->ingress, 3, 3, 3);
    rig_commit(r);
    assert_true(taken_has(&r->ingress->spool->taken, 3));
}

static void a_start_with_more_than_the_bound_loses_nothing(void **state)
{
    struct rig *r = *state;

    push(r, r->ingress, 1, 1, 4);
    rig_commit(r);
    r->more_config = "core/commands_max = 2\n";
    rig_restart(r);
    assert_int_equal(queue_count(r->core.queue), 4);
    assert_false(room_is_there(&r->core));
    push(r, r->ingress, 5, 5, 5);
    rig_commit(r);
    assert_int_equal(queue_count(r->core.queue), 4);
    for (int i = 0; i < 3; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "amo-%d", i); /* fits */
        deliver_one(r, id);
    }
    push(r, r->ingress, 5, 5, 5);
    rig_commit(r);
    assert_true(taken_has(&r->ingress->spool->taken, 5));
    assert_int_equal(queue_count(r->core.queue), 2);
}

/* A result, the deferred status that it wakes, and an operator's verb. */
static void what_empties_the_queue_asks_for_no_room(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    struct event read = rig_status("svc-id", "read");

    rig_take(r, &read);
    rig_assert_counts(r, 0, 0, 1);
    push(r, r->ingress, 2, r->next_number, r->next_number + 1);
    rig_commit(r);
    r->core.queue->max = 1;
    assert_false(room_is_there(&r->core));
    rig_result(
        r, r->worker, c,
        (struct result){.outcome = OUTCOME_DONE, .service_message_id = VIEW_LIT("svc-id")});
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
    assert_non_null(rig_command(r, COMMAND_AMO_STATUS));
    assert_int_equal(queue_count(r->core.queue), 3);
    ctl_fine(r, "queue.drop", "{\"scope_id\":\"ch_acc\"}");
    rig_assert_counts(r, 2, 0, 0); /* what tells the manager stays */
    assert_int_equal(rig_count(r, COMMAND_AMO_MESSAGE), 0);
    ctl_fine(r, "dead.retry", "{\"ids\":[2]}");
    assert_int_equal(rig_count(r, COMMAND_AMO_MESSAGE), 1);
    watch_tick(&r->core);
    rig_commit(r);
    assert_int_equal(r->core.turn->exit_code, 0);
}

static void the_configured_bound_is_the_limit(void **state)
{
    struct rig *r = *state;

    assert_int_equal(r->core.queue->max, LIMIT_COMMANDS);
}

/* --- set aside ------------------------------------------------------------------------------ */

#define DAY_MS (24LL * 3600 * 1000)

/* An account may have four commands then, as long as there are no others. */
static void with_room_for_eight(struct rig *r)
{
    rig_client_message_done(r, "m1", "amo-1");
    r->core.queue->max = 8;
}

static void managers_write(struct rig *r, int from, int to)
{
    for (int i = from; i <= to; i++) {
        char id[32];
        struct event e;

        (void)snprintf(id, sizeof(id), "w-%d", i); /* fits */
        e = rig_manager_text(id);
        e.chat_id = VIEW_LIT("chat-1");
        rig_take(r, &e);
    }
}

static void tick(struct rig *r, int64_t later_ms)
{
    room_tick(&r->core, clock_unix_ms() + later_ms);
    rig_commit(r);
}

static void assert_aside(struct rig *r, size_t commands, int64_t aside)
{
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), commands);
    assert_int_equal(r->core.intake->n_aside, aside);
    assert_int_equal(room_n_aside(&r->core, VIEW_LIT("ch_acc")), aside);
    rig_assert_counts(r, 0, 0, 0); /* nobody else's room is taken */
    assert_int_equal(r->core.intake->n_deferred, 0);
}

static bool is_known(struct rig *r, int i)
{
    char word[32];

    (void)snprintf(word, sizeof(word), "aw-%d", i); /* fits */
    return rig_has_message(r, word);
}

static void what_amo_sends_above_half_of_the_queue_is_set_aside_and_comes_back(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m2");

    with_room_for_eight(r);
    managers_write(r, 1, 7);
    assert_aside(r, 4, 3);
    assert_false(is_known(r, 5));
    rig_take(r, &e); /* its client's message goes on */
    assert_int_equal(rig_count(r, COMMAND_AMO_MESSAGE), 1);
    assert_true(room_is_there(&r->core));
    tick(r, 0);
    assert_aside(r, 4, 3);
    r->core.queue->max = 20;
    managers_write(r, 8, 8); /* there is room, but not before the others */
    assert_aside(r, 4, 4);
    tick(r, 0);
    assert_aside(r, 8, 0);
    for (int i = 1; i < 8; i++) {
        char first[32];
        char second[32];

        (void)snprintf(first, sizeof(first), "aw-%d", i);       /* fits */
        (void)snprintf(second, sizeof(second), "aw-%d", i + 1); /* fits */
        rig_assert_before(r, first, second);
    }
    managers_write(r, 9, 9);
    assert_aside(r, 9, 0);
}

static void it_comes_back_once_part_of_the_share_is_free(void **state)
{
    struct rig *r = *state;

    with_room_for_eight(r);
    r->core.queue->max = 32;
    managers_write(r, 1, 40);
    assert_aside(r, 16, 24);
    r->core.queue->max = 34; /* 18 would fit, and less than an eighth of that is free */
    tick(r, 0);
    assert_aside(r, 16, 24);
    r->core.queue->max = 36;
    tick(r, 0);
    assert_aside(r, 17, 23);
}

static void several_accounts_leave_room_for_each_other(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("x-1");

    rig_register_second(r);
    with_room_for_eight(r);
    managers_write(r, 1, 9);
    e.scope = VIEW_LIT("ch_two");
    e.chat_client_id = VIEW_NONE;
    e.chat_id = VIEW_LIT("chat-2");
    e.receiver_phone = VIEW_LIT("79990001122");
    rig_take(r, &e);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 5);
    assert_int_equal(room_n_aside(&r->core, VIEW_LIT("ch_two")), 0);
    e.message_id = VIEW_LIT("x-2");
    rig_take(r, &e);
    e.message_id = VIEW_LIT("x-3");
    rig_take(r, &e);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 6); /* two each of what is left */
    assert_int_equal(room_n_aside(&r->core, VIEW_LIT("ch_two")), 1);
    assert_int_equal(r->core.intake->n_aside, 6);
    assert_true(room_is_there(&r->core));
}

static void reactions_stay_behind_what_they_are_about(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_reaction("w-5", "x");

    with_room_for_eight(r);
    managers_write(r, 1, 5);
    rig_take(r, &e);
    assert_aside(r, 4, 2);
    r->core.queue->max = 100;
    tick(r, 0);
    assert_aside(r, 5, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_REACTION), 1);
}

static void the_next_life_knows_what_is_set_aside(void **state)
{
    struct rig *r = *state;

    with_room_for_eight(r);
    managers_write(r, 1, 6);
    rig_restart(r);
    assert_aside(r, 4, 2);
    managers_write(r, 7, 7); /* there would be room */
    assert_aside(r, 4, 3);
    tick(r, 0);
    assert_aside(r, 7, 0);
    rig_assert_before(r, "aw-5", "aw-6");
    rig_assert_before(r, "aw-6", "aw-7");
}

/* What a core whose store was put back since may have sent. */
static void what_is_sent_again_to_a_restored_store_is_not_set_aside(void **state)
{
    struct rig *r = *state;

    with_room_for_eight(r);
    managers_write(r, 1, 4);
    r->ingress->sent_before = r->next_number + 1;
    r->ingress->forgets = true;
    managers_write(r, 5, 6);
    assert_aside(r, 5, 1); /* the first was */
}

static void what_was_known_of_it_when_it_came_is_known_when_it_comes_back(void **state)
{
    struct rig *r = *state;
    int64_t last = 0;

    with_room_for_eight(r);
    managers_write(r, 1, 5);
    r->ingress->sent_before = r->next_number + 1;
    r->ingress->forgets = true;
    managers_write(r, 6, 7);
    assert_aside(r, 4, 3);
    r->core.queue->max = 100;
    tick(r, 0);
    assert_aside(r, 7, 0);
    for (size_t iter = 0;;) {
        const struct core_command *cmd = table_next(r->core.queue->commands, &iter);

        if (!cmd)
            break;
        last = cmd->id > last ? cmd->id : last;
    }
    assert_false(queue_find(r->core.queue, last - 2)->again);
    assert_true(queue_find(r->core.queue, last - 1)->again);
    assert_true(queue_find(r->core.queue, last - 1)->unsure);
    assert_false(queue_find(r->core.queue, last)->again);
    assert_false(queue_find(r->core.queue, last)->unsure);
}

/* The last one, when it has come out of the store with a next life of core. */
static const struct core_command *last_back(struct rig *r, bool put_back)
{
    const struct core_command *ret = NULL;
    struct core_command *cmd = NULL;
    size_t iter = 0;

    with_room_for_eight(r);
    managers_write(r, 1, 5);
    rig_restart(r);
    assert_int_equal(core_turn(&r->core), 0);
    if (put_back) /* as an ingress shows that knows more */
        assert_int_equal(store_waiting_forgotten(r->core.store, r->core.intake->loaded), 0);
    tick(r, 0);
    assert_aside(r, 5, 0);
    while ((cmd = table_next(r->core.queue->commands, &iter)))
        ret = !ret || cmd->id > ret->id ? cmd : ret;
    return ret;
}

static void after_a_restart_it_is_known_that_nobody_has_sent_it(void **state)
{
    const struct core_command *last = last_back(*state, false);

    assert_false(last->again || last->tried || last->unsure);
}

static void in_a_store_that_was_put_back_it_may_have_been_sent(void **state)
{
    const struct core_command *last = last_back(*state, true);

    assert_true(last->again && last->tried && last->unsure);
}

/* The rows that were there are gone, and another ingress shows that it knows more. */
static void what_came_after_the_start_is_not_of_before(void **state)
{
    struct rig *r = *state;
    const struct core_command *last = NULL;
    struct core_command *cmd = NULL;
    int64_t loaded = 0;
    size_t iter = 0;

    with_room_for_eight(r);
    managers_write(r, 1, 5);
    rig_restart(r);
    loaded = r->core.intake->loaded;
    assert_true(loaded > 0);
    tick(r, 0);
    tick(r, 0);
    assert_aside(r, 5, 0);
    queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("ch_acc"))->set_aside = true;
    managers_write(r, 6, 6);
    assert_aside(r, 5, 1);
    for (int i = 0; i < 2; i++) { /* both are said again and again */
        assert_int_equal(core_turn(&r->core), 0);
        assert_int_equal(store_waiting_forgotten(r->core.store, loaded), 0);
        rig_commit(r);
    }
    rig_restart(r);
    tick(r, 0);
    while ((cmd = table_next(r->core.queue->commands, &iter)))
        last = !last || cmd->id > last->id ? cmd : last;
    assert_false(last->again || last->tried || last->unsure);
}

/* One who knows more says hello: that costs nothing for each row. */
static void
however_much_is_set_aside_little_is_written_when_the_store_was_put_back(void **state)
{
    static char words[2000];
    struct rig *r = *state;
    const struct aside_row row = {.at_ms = 1};
    int64_t before = 0;
    int64_t newest = 0;

    memset(words, 'x', sizeof(words));
    assert_int_equal(core_turn(&r->core), 0);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(store_aside_add(r->core.store, VIEW_LIT("ch_acc"),
                                         view_make(words, sizeof(words)), &row),
                         0);
    rig_commit(r);
    assert_int_equal(store_waiting_newest(r->core.store, &newest), 0);
    assert_true(newest >= 2000);
    before = store_log_bytes(r->core.store);
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(store_waiting_forgotten(r->core.store, newest), 0);
    rig_commit(r);
    assert_true(store_log_bytes(r->core.store) - before < 64 << 10);
}

static void a_death_on_the_way_back_loses_and_doubles_nothing(void **state)
{
    struct rig *r = *state;

    with_room_for_eight(r);
    managers_write(r, 1, 6);
    r->core.queue->max = 100;
    room_tick(&r->core, clock_unix_ms());
    assert_aside(r, 6, 0);
    rig_restart(r); /* not committed */
    assert_aside(r, 4, 2);
    tick(r, 0);
    assert_aside(r, 6, 0);
}

static void after_half_a_life_it_comes_out_all_the_same(void **state)
{
    struct rig *r = *state;

    with_room_for_eight(r);
    managers_write(r, 1, 6);
    tick(r, DAY_MS / 2 - 60000);
    assert_aside(r, 4, 2);
    ctl_fine(r, "account.pause", "{\"scope_id\":\"ch_acc\"}");
    tick(r, DAY_MS); /* a pause stops the clock */
    assert_aside(r, 4, 2);
    ctl_fine(r, "account.resume", "{\"scope_id\":\"ch_acc\"}");
    tick(r, DAY_MS);
    assert_aside(r, 6, 0);
}

static void an_account_that_left_has_what_came_before(void **state)
{
    struct rig *r = *state;

    with_room_for_eight(r);
    managers_write(r, 1, 6);
    ctl_fine(r, "account.disconnect", "{\"scope_id\":\"ch_acc\",\"no_call\":true}");
    r->core.queue->max = 100;
    tick(r, 0);
    assert_aside(r, 6, 0);
}

static void an_account_for_which_something_is_set_aside_cannot_be_removed(void **state)
{
    struct rig *r = *state;
    struct core_command *cmd = NULL;

    with_room_for_eight(r);
    r->core.queue->max = 2;
    managers_write(r, 1, 2);
    assert_aside(r, 1, 1);
    rig_turn(r);
    cmd = rig_command(r, COMMAND_SERVICE_MESSAGE);
    rig_result(
        r, r->worker, cmd,
        (struct result){.outcome = OUTCOME_DONE, .service_message_id = VIEW_LIT("svc-1")});
    rig_commit(r);
    assert_int_equal(queue_count(r->core.queue), 0);
    ctl_fine(r, "account.disconnect", "{\"scope_id\":\"ch_acc\",\"no_call\":true}");
    ctl_sad(r, "channel.remove", "{\"id\":\"ch\"}", EXIT_FAILED, "still wait");
    assert_aside(r, 0, 1);
}

static void so_much_on_the_disk_is_the_end(void **state)
{
    struct rig *r = *state;
    int64_t n = 0;

    with_room_for_eight(r);
    managers_write(r, 1, 5);
    n = r->core.intake->n_aside;
    r->core.intake->n_aside = 32;
    push(r, r->ingress, r->next_number, r->next_number, r->next_number);
    assert_int_equal(n_later(r), 1);
    r->core.intake->n_aside = n;
    push(r, r->ingress, r->next_number, r->next_number, r->next_number);
    rig_commit(r);
    assert_true(taken_has(&r->ingress->spool->taken, r->next_number));
}

static void what_is_shown(void **state)
{
    struct rig *r = *state;
    struct reply reply;

    with_room_for_eight(r);
    managers_write(r, 1, 6);
    reply = ctl_ask(r, "account.show", "{\"scope_id\":\"ch_acc\"}");
    assert_int_equal(reply.code, EXIT_FINE);
    assert_int_equal(ctl_int(json_root(reply.doc), "set_aside"), 2);
    json_free(reply.doc);
    watch_gauges(&r->core);
    assert_int_equal((int)stats_gauge(r->core.stats, "amo_set_aside_events", "", "")->value, 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(from_the_bound_on_events_stay_in_the_spool),
        CASE(nothing_overtakes_what_had_to_stay),
        CASE(one_that_was_lost_meanwhile_is_not_waited_for),
        CASE(a_spool_whose_events_stay_stops_no_other),
        CASE(a_start_with_more_than_the_bound_loses_nothing),
        CASE(what_empties_the_queue_asks_for_no_room),
        CASE(the_configured_bound_is_the_limit),
        CASE(what_amo_sends_above_half_of_the_queue_is_set_aside_and_comes_back),
        CASE(it_comes_back_once_part_of_the_share_is_free),
        CASE(several_accounts_leave_room_for_each_other),
        CASE(reactions_stay_behind_what_they_are_about),
        CASE(the_next_life_knows_what_is_set_aside),
        CASE(what_is_sent_again_to_a_restored_store_is_not_set_aside),
        CASE(what_was_known_of_it_when_it_came_is_known_when_it_comes_back),
        CASE(after_a_restart_it_is_known_that_nobody_has_sent_it),
        CASE(in_a_store_that_was_put_back_it_may_have_been_sent),
        CASE(what_came_after_the_start_is_not_of_before),
        CASE(however_much_is_set_aside_little_is_written_when_the_store_was_put_back),
        CASE(a_death_on_the_way_back_loses_and_doubles_nothing),
        CASE(after_half_a_life_it_comes_out_all_the_same),
        CASE(an_account_that_left_has_what_came_before),
        CASE(an_account_for_which_something_is_set_aside_cannot_be_removed),
        CASE(so_much_on_the_disk_is_the_end),
        CASE(what_is_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
