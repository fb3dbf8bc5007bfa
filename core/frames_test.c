#include "core/peers/peers.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "core/deliver/dispatch.h"
#include "core/frames.h"
#include "core/store/db.h"
#include "core/store/quarantine.h"
#include "core/testing/rig.h"
#include "proto/bus/socket.h"
#include "proto/session.h"

/* An edge of flesh: a DEALER whose frames are written and read by hand. */
struct edge_rig {
    struct rig *rig;
    struct bus_socket *socket;
    struct id boot;
    uint64_t session;
    void (*readable)(void *arg);
};

/* Not heard for two seconds: its name may be another's. */
static void fall_silent(struct peer *p)
{
    p->heard_mono_ms -= 2000;
}

static void edge_open(struct edge_rig *e, struct rig *r, enum role role, unsigned char boot)
{
    char endpoint[128];

    (void)snprintf(endpoint, sizeof(endpoint), "ipc://%s/%s", r->dir,
                   role == ROLE_INGRESS ? "events" : "commands");
    assert_int_equal(bus_dealer_connect(endpoint, NULL, &e->socket), 0);
    e->rig = r;
    e->session = 0;
    fall_silent(role == ROLE_INGRESS ? r->ingress : r->worker);
    e->readable = role == ROLE_INGRESS ? frames_events_readable : frames_commands_readable;
    memset(e->boot.bytes, boot, sizeof(e->boot.bytes));
}

static void edge_send(struct edge_rig *e, enum msg_kind kind, const struct id *core_boot,
                      struct view body)
{
    struct envelope env = {.version = ENVELOPE_VERSION, .kind = kind, .edge_boot = e->boot};
    char head[ENVELOPE_MAX_LEN];
    size_t n = 0;

    if (core_boot)
        env.core_boot = *core_boot;
    envelope_encode(&env, head, &n);
    assert_int_equal(bus_send(e->socket, VIEW_NONE, view_make(head, n), body), 0);
}

static void nap(void)
{
    const struct timespec ms = {0, 1000000};

    (void)nanosleep(&ms, NULL); /* between looks; what is waited for has a deadline */
}

/* Reads until a frame of @kind comes; false when none came within @ms. Core reads meanwhile. */
static bool edge_wait(struct edge_rig *e, enum msg_kind kind, int ms, struct buf *ret_body)
{
    int64_t until = clock_mono_ms() + ms;

    do {
        struct bus_message m;
        struct envelope env;

        e->readable(&e->rig->core);
        if (bus_recv(e->socket, &m) == 0) {
            bool hit = envelope_decode(m.head, &env) == 0 && env.kind == kind;

            if (hit && ret_body)
                assert_int_equal(buf_add_view(ret_body, m.body), 0);
            bus_message_fini(&m);
            if (hit)
                return true;
        } else {
            nap();
        }
    } while (clock_mono_ms() < until);
    return false;
}

static void send_hello(struct edge_rig *e, enum role role, const char *name, struct view held)
{
    struct hello h = {.role = role,
                      .name = view_of(name),
                      .version = VIEW_LIT("1"),
                      .spool = e->rig->spool,
                      .low = 1,
                      .next = e->rig->next_number,
                      .credit = 64,
                      .places = 64,
                      .credit_bytes = 1 << 20,
                      .held = held,
                      .session = e->session};
    struct buf body;

    buf_init(&body, 1 << 16);
    assert_int_equal(hello_encode(&h, &body), 0);
    edge_send(e, MSG_HELLO, NULL, buf_view(&body));
    buf_fini(&body);
}

static struct peer *wait_peer(struct edge_rig *e, const char *name)
{
    int64_t until = clock_mono_ms() + 5000;

    while (clock_mono_ms() < until) {
        e->readable(&e->rig->core);
        for (struct list *i = e->rig->core.peers->list.next; i != &e->rig->core.peers->list;
             i = i->next) {
            struct peer *p = LIST_ENTRY(i, struct peer, link);

            if (strcmp(p->name, name) == 0 && id_equal(&p->boot, &e->boot))
                return p;
        }
        nap();
    }
    fail_msg("%s did not join", name);
    return NULL;
}

static void hello_is_answered_with_the_registry_and_the_credit(void **state)
{
    struct rig *r = *state;
    struct edge_rig e;
    struct welcome w;
    struct buf body;

    edge_open(&e, r, ROLE_INGRESS, 7);
    buf_init(&body, 1 << 20);
    r->spool.bytes[0] ^= 1; /* its own */
    send_hello(&e, ROLE_INGRESS, "ingress-7", VIEW_NONE);
    r->spool.bytes[0] ^= 1;
    (void)wait_peer(&e, "ingress-7");
    rig_turn(r);
    assert_true(edge_wait(&e, MSG_WELCOME, 5000, &body));
    assert_int_equal(welcome_decode(buf_view(&body), &w), 0);
    assert_true(w.credit > 0 && w.credit_bytes > 0);
    assert_true(w.registry.len > 0);
    assert_int_equal(w.mark, 0);
    assert_int_equal(w.lease_ms, 20000);
    buf_fini(&body);
    bus_socket_free(e.socket);
}

static void a_spool_of_a_live_process_is_refused_to_another_in_words(void **state)
{
    struct rig *r = *state;
    struct spool_refused refused;
    struct edge_rig e;
    struct buf body;

    edge_open(&e, r, ROLE_INGRESS, 7);
    buf_init(&body, 1 << 20);
    send_hello(&e, ROLE_INGRESS, "thief", VIEW_NONE); /* while r->ingress has it */
    assert_true(edge_wait(&e, MSG_SPOOL_REFUSED, 5000, &body));
    assert_int_equal(spool_refused_decode(buf_view(&body), &refused), 0);
    assert_true(id_equal(&refused.spool, &r->spool));
    assert_true(refused.reason.len > 20);
    assert_int_equal(r->core.peers->n, 2); /* nobody joined, nobody was put out */
    buf_fini(&body);
    bus_socket_free(e.socket);
}

static void whoever_was_taken_for_dead_and_lives_takes_a_new_spool_id(void **state)
{
    struct rig *r = *state;
    struct edge_rig first;
    struct edge_rig second;

    edge_open(&first, r, ROLE_INGRESS, 7);
    edge_open(&second, r, ROLE_INGRESS, 8);
    send_hello(&first, ROLE_INGRESS, "ingress", VIEW_NONE);
    fall_silent(wait_peer(&first, "ingress"));
    send_hello(&second, ROLE_INGRESS, "ingress", VIEW_NONE); /* as a restart would */
    r->ingress = wait_peer(&second, "ingress");
    fall_silent(r->ingress);
    send_hello(&first, ROLE_INGRESS, "ingress", VIEW_NONE);
    assert_true(edge_wait(&first, MSG_SPOOL_REFUSED, 5000, NULL));
    assert_int_equal(r->core.peers->n, 2);
    bus_socket_free(first.socket);
    bus_socket_free(second.socket);
}

/* Under a new id core knows of nothing that was taken under the one before, but nothing of it is sent again. */
static void a_spool_that_sends_nothing_again_is_not_waited_for(void **state)
{
    struct rig *r = *state;
    struct hello h = {.role = ROLE_INGRESS,
                      .name = VIEW_LIT("copy"),
                      .version = VIEW_LIT("1"),
                      .spool = {{200}},
                      .low = 17,
                      .next = 17};
    struct heartbeat hb = {.low = 17};
    struct edge_rig e;
    struct peer *p = NULL;
    struct buf body;

    edge_open(&e, r, ROLE_INGRESS, 7);
    buf_init(&body, 1 << 16);
    assert_int_equal(hello_encode(&h, &body), 0);
    edge_send(&e, MSG_HELLO, NULL, buf_view(&body));
    p = wait_peer(&e, "copy");
    assert_false(spools_send_again(&r->core, NULL, clock_mono_ms()));
    p->sends_from = 15; /* as if HELLO had said that two are still there */
    assert_true(spools_send_again(&r->core, NULL, clock_mono_ms()));
    assert_int_equal(taken_add(&p->spool->taken, 15), 0);
    assert_true(spools_send_again(&r->core, NULL, clock_mono_ms()));
    buf_reset(&body);
    assert_int_equal(heartbeat_encode(&hb, &body), 0);
    edge_send(&e, MSG_HEARTBEAT, &r->core.peers->boot,
              buf_view(&body)); /* the other one was lost on its disk */
    for (int i = 0; i < 500 && p->sends_from != 17; i++) {
        e.readable(&r->core);
        nap();
    }
    assert_false(spools_send_again(&r->core, NULL, clock_mono_ms()));
    buf_fini(&body);
    bus_socket_free(e.socket);
}

/* As a process does that was taken over and owns the spool. */
static void a_spool_gives_up_no_number_that_core_never_saw(void **state)
{
    struct rig *r = *state;
    struct hello h = {.role = ROLE_INGRESS,
                      .name = VIEW_LIT("liar"),
                      .version = VIEW_LIT("1"),
                      .spool = {{200}},
                      .low = 100,
                      .next = 100};
    struct edge_rig e;
    struct peer *p = NULL;
    struct welcome w;
    struct buf body;

    edge_open(&e, r, ROLE_INGRESS, 7);
    buf_init(&body, 1 << 20);
    assert_int_equal(hello_encode(&h, &body), 0);
    edge_send(&e, MSG_HELLO, NULL, buf_view(&body));
    p = wait_peer(&e, "liar");
    rig_turn(r);
    buf_reset(&body);
    assert_true(edge_wait(&e, MSG_WELCOME, 5000, &body));
    assert_int_equal(welcome_decode(buf_view(&body), &w), 0);
    assert_int_equal(w.low, 1);
    assert_false(taken_has(&p->spool->taken, 1));
    buf_fini(&body);
    bus_socket_free(e.socket);
}

/* It was told more than this store has: what it holds may all come again. */
static void a_spool_that_knows_more_than_the_store_is_waited_for(void **state)
{
    struct rig *r = *state;
    struct hello h = {.role = ROLE_INGRESS,
                      .name = VIEW_LIT("copy"),
                      .version = VIEW_LIT("1"),
                      .spool = {{200}},
                      .low = 17,
                      .next = 17,
                      .known = 16};
    struct aside_row aside = {.at_ms = 1};
    struct edge_rig e;
    struct buf body;

    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(
        store_aside_add(r->core.store, VIEW_LIT("ch_acc"), VIEW_LIT("words"), &aside), 0);
    rig_commit(r);
    rig_restart(r);
    edge_open(&e, r, ROLE_INGRESS, 7);
    buf_init(&body, 1 << 16);
    assert_int_equal(hello_encode(&h, &body), 0);
    edge_send(&e, MSG_HELLO, NULL, buf_view(&body));
    (void)wait_peer(&e, "copy");
    assert_true(spools_send_again(&r->core, NULL, clock_mono_ms()));
    /* and what was set aside in the store may have been sent */
    buf_reset(&body);
    assert_int_equal(store_aside_first(r->core.store, VIEW_LIT("ch_acc"), &body, &aside), 0);
    assert_true(aside.forgotten);
    buf_fini(&body);
    bus_socket_free(e.socket);
}

static void spools_that_come_and_go_leave_nothing_in_memory(void **state)
{
    struct rig *r = *state;
    const struct id own = r->spool;
    struct edge_rig e;
    size_t n = 0;

    edge_open(&e, r, ROLE_INGRESS, 7);
    for (unsigned char i = 1; i <= 100;
         i++) { /* as one that is started again without an event */
        r->spool.bytes[0] = (unsigned char)(own.bytes[0] + i);
        send_hello(&e, ROLE_INGRESS, "restless", VIEW_NONE);
        while (!id_equal(&wait_peer(&e, "restless")->spool->id, &r->spool))
            e.readable(&r->core);
        wait_peer(&e, "restless")->hellos.n = 0; /* as a second later */
    }
    r->spool = own;
    frames_tick(&r->core, clock_mono_ms());
    for (struct list *i = r->core.peers->spools.next; i != &r->core.peers->spools; i = i->next)
        n++;
    assert_true(n <= 66);
    frames_tick(&r->core, clock_mono_ms() + 3600 * 1000LL); /* silent ones are forgotten … */
    frames_tick(&r->core, clock_mono_ms() + 7200 * 1000LL); /* … and so are their spools */
    assert_true(list_is_empty(&r->core.peers->spools));
    r->ingress = NULL;
    r->worker = NULL;
    bus_socket_free(e.socket);
}

/* Each would be answered with a registry, which nobody need read. */
static void hello_without_end_is_not_answered_without_end(void **state)
{
    struct rig *r = *state;
    struct edge_rig e;
    int answers = 0;

    edge_open(&e, r, ROLE_EGRESS, 7);
    send_hello(&e, ROLE_EGRESS, "again", VIEW_NONE);
    wait_peer(&e, "again")->hellos.since_mono_ms += 60000; /* the second does not end */
    for (int i = 0; i < 50; i++)
        send_hello(&e, ROLE_EGRESS, "again", VIEW_NONE);
    while (wait_peer(&e, "again")->hellos.n < 50)
        nap();
    rig_turn(r);
    while (edge_wait(&e, MSG_WELCOME, 1000, NULL))
        answers++;
    assert_int_equal(answers, 9); /* the first, and eight in one second */
    wait_peer(&e, "again")->hellos.since_mono_ms -= 120000;
    send_hello(&e, ROLE_EGRESS, "again", VIEW_NONE);
    while (wait_peer(&e, "again")->hellos.n != 1)
        nap();
    rig_turn(r);
    assert_true(edge_wait(&e, MSG_WELCOME, 5000, NULL));
    bus_socket_free(e.socket);
}

static void a_worker_that_says_that_it_leaves_is_gone_at_once(void **state)
{
    struct rig *r = *state;
    struct heartbeat hb = {.leaving = 1};
    struct edge_rig e;
    struct buf body;
    size_t n = 0;

    edge_open(&e, r, ROLE_EGRESS, 7);
    send_hello(&e, ROLE_EGRESS, "leaves", VIEW_NONE);
    (void)wait_peer(&e, "leaves");
    rig_turn(r);
    assert_true(edge_wait(&e, MSG_WELCOME, 5000, NULL));
    n = r->core.peers->n;
    buf_init(&body, 4096);
    assert_int_equal(heartbeat_encode(&hb, &body), 0);
    edge_send(&e, MSG_HEARTBEAT, &r->core.peers->boot, buf_view(&body));
    for (int i = 0; i < 500 && r->core.peers->n == n; i++) {
        e.readable(&r->core);
        nap();
    }
    assert_int_equal(r->core.peers->n, n - 1);
    /* what it says afterwards is of no session */
    hb.leaving = 0;
    buf_reset(&body);
    assert_int_equal(heartbeat_encode(&hb, &body), 0);
    edge_send(&e, MSG_HEARTBEAT, &r->core.peers->boot, buf_view(&body));
    assert_true(edge_wait(&e, MSG_HELLO_AGAIN, 5000, NULL));
    buf_fini(&body);
    bus_socket_free(e.socket);
}

/* It waits in core's memory, too, until it is read. */
static void a_registry_is_not_sent_with_each_heartbeat_that_names_an_older_one(void **state)
{
    struct rig *r = *state;
    struct heartbeat hb = {.low = 1};
    struct edge_rig e;
    struct peer *p = NULL;
    int64_t told = 0;
    struct buf body;

    edge_open(&e, r, ROLE_EGRESS, 7);
    send_hello(&e, ROLE_EGRESS, "behind", VIEW_NONE);
    p = wait_peer(&e, "behind");
    rig_turn(r);
    assert_true(edge_wait(&e, MSG_WELCOME, 5000, NULL));
    r->core.turn->registry->version += 2;
    buf_init(&body, 4096);
    assert_int_equal(heartbeat_encode(&hb, &body), 0);
    told = p->told_mono_ms += 60000; /* the time until the next does not end */
    for (int i = 0; i < 20; i++)
        edge_send(&e, MSG_HEARTBEAT, &r->core.peers->boot, buf_view(&body));
    for (int i = 0; i < 20; i++)
        assert_true(edge_wait(&e, MSG_HEARTBEAT_ANSWER, 5000, NULL));
    assert_int_equal(p->told_mono_ms, told);
    p->told_mono_ms -= 120000; /* it has ended */
    for (int i = 0; i < 2; i++)
        edge_send(&e, MSG_HEARTBEAT, &r->core.peers->boot, buf_view(&body));
    assert_true(edge_wait(&e, MSG_REGISTRY, 5000, NULL));
    assert_true(p->told_mono_ms > clock_mono_ms() - 30000);
    buf_fini(&body);
    bus_socket_free(e.socket);
}

static void hello_said_twice_is_one_session_and_one_line(void **state)
{
    struct rig *r = *state;
    struct event event = rig_client_text("m1");
    struct edge_rig e;

    edge_open(&e, r, ROLE_INGRESS, 7);
    send_hello(&e, ROLE_INGRESS, "ingress", VIEW_NONE);
    r->ingress = wait_peer(&e, "ingress");
    (void)rig_push(r, &event);
    send_hello(&e, ROLE_INGRESS, "ingress", VIEW_NONE); /* it came late */
    rig_turn(r);
    assert_true(edge_wait(&e, MSG_WELCOME, 5000, NULL));
    assert_int_equal(r->core.peers->n, 2);
    r->ingress = wait_peer(&e, "ingress");
    bus_socket_free(e.socket);
}

static void what_was_taken_in_this_turn_is_told_only_after_its_commit(void **state)
{
    struct rig *r = *state;
    struct event event = rig_client_text("m1");
    struct edge_rig e;
    struct welcome w;
    struct buf body;

    (void)rig_push(r, &event); /* not committed */
    edge_open(&e, r, ROLE_INGRESS, 7);
    buf_init(&body, 1 << 20);
    send_hello(&e, ROLE_INGRESS, "ingress", VIEW_NONE); /* its new session, in the same turn */
    r->ingress = wait_peer(&e, "ingress");
    assert_false(edge_wait(&e, MSG_WELCOME, 50, NULL));
    rig_turn(r);
    assert_true(edge_wait(&e, MSG_WELCOME, 5000, &body));
    assert_int_equal(welcome_decode(buf_view(&body), &w), 0);
    assert_int_equal(w.mark, 1);
    assert_int_equal(pairs_count(w.taken), 1);
    buf_fini(&body);
    bus_socket_free(e.socket);
}

static void a_commit_that_fails_welcomes_nobody(void **state)
{
    struct rig *r = *state;
    struct event event = rig_client_text("m1");
    struct edge_rig e;

    (void)rig_push(r, &event);
    edge_open(&e, r, ROLE_INGRESS, 7);
    send_hello(&e, ROLE_INGRESS, "ingress", VIEW_NONE);
    r->ingress = wait_peer(&e, "ingress");
    db_fail_at(1);
    rig_turn(r);
    db_fail_at(0);
    assert_int_equal(r->core.turn->exit_code, 75);
    assert_false(edge_wait(&e, MSG_WELCOME, 50, NULL));
    bus_socket_free(e.socket);
}

static void a_frame_of_an_unknown_session_is_not_acted_upon(void **state)
{
    struct rig *r = *state;
    struct event event = rig_client_text("m1");
    struct edge_rig e;
    struct buf bytes;
    struct buf body;

    edge_open(&e, r, ROLE_INGRESS, 7);
    buf_init(&bytes, 1 << 16);
    buf_init(&body, 1 << 16);
    assert_int_equal(event_encode(&event, &bytes), 0);
    assert_int_equal(event_push_begin(&body, &r->spool, 1, 1), 0);
    assert_int_equal(event_push_add(&body, 1, buf_view(&bytes), 0), 0);
    edge_send(&e, MSG_EVENT_PUSH, &r->core.peers->boot, buf_view(&body)); /* no HELLO yet */
    assert_true(edge_wait(&e, MSG_HELLO_AGAIN, 5000, NULL));
    send_hello(&e, ROLE_INGRESS, "ingress", VIEW_NONE);
    r->ingress = wait_peer(&e, "ingress");
    edge_send(&e, MSG_EVENT_PUSH, &e.boot, buf_view(&body)); /* of another core's life */
    assert_true(edge_wait(&e, MSG_HELLO_AGAIN, 5000, NULL));
    rig_turn(r);
    assert_int_equal(rig_stored_commands(r), 0);
    buf_fini(&bytes);
    buf_fini(&body);
    bus_socket_free(e.socket);
}

static void a_new_boot_of_a_worker_gives_back_what_the_old_one_held(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct edge_rig e;

    edge_open(&e, r, ROLE_EGRESS, 8);
    send_hello(&e, ROLE_EGRESS, "egress", VIEW_NONE); /* the name of r->worker */
    r->worker = wait_peer(&e, "egress");
    assert_int_equal(c->state, COMMAND_READY);
    assert_int_equal(c->lost, 1);
    rig_turn(r);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_ptr_equal(c->worker, r->worker);
    assert_true(edge_wait(&e, MSG_COMMAND_PUSH, 5000, NULL));
    rig_assert_accounts(r);
    bus_socket_free(e.socket);
}

static void a_name_whose_holder_lives_is_given_to_nobody_else(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct edge_rig e;
    struct buf body;

    buf_init(&body, 1000);
    edge_open(&e, r, ROLE_EGRESS, 8);
    r->worker->heard_mono_ms = clock_mono_ms();
    send_hello(&e, ROLE_EGRESS, "egress", VIEW_NONE);
    assert_true(edge_wait(&e, MSG_REFUSED, 5000, &body));
    assert_non_null(strstr(buf_str(&body), "alive"));
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_int_equal(c->lost, 0);
    buf_fini(&body);
    bus_socket_free(e.socket);
}

static void say_session(struct edge_rig *e, uint64_t session, struct view held)
{
    e->session = session;
    send_hello(e, ROLE_EGRESS, "egress", held);
}

/* What a HELLO over a later socket does not name was never received. */
static void what_a_later_socket_does_not_name_goes_again_at_once(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    uint64_t attempt = c->attempt;
    struct edge_rig e;

    r->worker->session = 3;
    edge_open(&e, r, ROLE_EGRESS, 2); /* the boot of r->worker */
    say_session(&e, 2, VIEW_NONE);    /* of a socket closed before: nothing is proven */
    for (int i = 0; i < 20; i++) {
        e.readable(&r->core);
        nap();
    }
    assert_int_equal(c->attempt, attempt);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_int_equal(r->worker->session, 3);
    say_session(&e, 4, VIEW_NONE);
    for (int64_t until = clock_mono_ms() + 5000; clock_mono_ms() < until;) {
        e.readable(&r->core);
        r->worker = LIST_ENTRY(r->core.peers->list.prev, struct peer, link);
        if (r->worker->session == 4)
            break;
        nap();
    }
    assert_int_equal(c->state, COMMAND_READY);
    assert_int_equal(c->lost, 0);
    rig_turn(r);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_true(c->attempt != attempt);
    rig_assert_accounts(r);
    attempt = c->attempt;
    say_session(&e, 4,
                VIEW_NONE); /* said twice on one socket: it may have crossed the command */
    for (int i = 0; i < 20; i++) {
        e.readable(&r->core);
        nap();
    }
    r->worker = LIST_ENTRY(r->core.peers->list.prev, struct peer, link);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_int_equal(c->attempt, attempt);
    bus_socket_free(e.socket);
}

static void a_new_session_of_the_same_boot_keeps_what_it_holds(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct edge_rig e;
    struct buf held;

    buf_init(&held, 100);
    assert_int_equal(pairs_add(&held, (uint64_t)c->id, c->attempt), 0);
    edge_open(&e, r, ROLE_EGRESS, 2); /* the boot of r->worker */
    send_hello(&e, ROLE_EGRESS, "egress", buf_view(&held));
    for (int64_t until = clock_mono_ms() + 5000; clock_mono_ms() < until;) {
        e.readable(&r->core);
        r->worker = LIST_ENTRY(r->core.peers->list.prev, struct peer, link);
        if (strncmp((const char *)r->worker->route, "none-", 5) != 0)
            break; /* not the one made by hand any more */
        nap();
    }
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_ptr_equal(c->worker, r->worker);
    assert_int_equal(c->lost, 0);
    rig_turn(r);
    rig_assert_accounts(r);
    buf_fini(&held);
    bus_socket_free(e.socket);
}

static void a_silent_worker_is_forgotten_and_its_commands_stay(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");

    frames_tick(&r->core, clock_mono_ms() + 60000);
    assert_true(list_is_empty(&r->core.peers->list));
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_null(c->worker); /* nobody points at what was freed */
    dispatch_due(&r->core, c->due.mono_ms);
    assert_int_equal(c->state, COMMAND_READY);
    r->worker = rig_worker(r, "egress", 2);
}

static void a_worker_that_was_not_heard_lately_gets_nothing(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_mono_ms();

    assert_ptr_equal(peers_pick_worker(&r->core, 100, now), r->worker);
    assert_null(peers_pick_worker(&r->core, 100, now + 60000));
    r->worker->n_in_flight = r->worker->credit;
    assert_null(peers_pick_worker(&r->core, 100, now));
    r->worker->n_in_flight = 1;
    r->worker->bytes_in_flight = r->worker->credit_bytes;
    assert_null(peers_pick_worker(&r->core, 100, now));
    r->worker->n_in_flight = 0; /* one larger command may travel alone */
    r->worker->bytes_in_flight = 0;
    assert_ptr_equal(peers_pick_worker(&r->core, r->worker->credit_bytes + 1, now), r->worker);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

static void a_worker_that_is_silent_for_long_leaves_what_it_has_forsaken(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");

    r->worker->heard_mono_ms -= 20000;
    frames_tick(&r->core, clock_mono_ms());
    r->worker = NULL; /* it was forgotten */
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    assert_true(c->forsaken);
    dispatch_due(&r->core, c->due.mono_ms);
    assert_int_equal(c->lost, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(hello_is_answered_with_the_registry_and_the_credit),
        CASE(a_worker_that_is_silent_for_long_leaves_what_it_has_forsaken),
        CASE(a_spool_of_a_live_process_is_refused_to_another_in_words),
        CASE(whoever_was_taken_for_dead_and_lives_takes_a_new_spool_id),
        CASE(a_spool_that_sends_nothing_again_is_not_waited_for),
        CASE(a_spool_gives_up_no_number_that_core_never_saw),
        CASE(a_spool_that_knows_more_than_the_store_is_waited_for),
        CASE(spools_that_come_and_go_leave_nothing_in_memory),
        CASE(hello_without_end_is_not_answered_without_end),
        CASE(a_worker_that_says_that_it_leaves_is_gone_at_once),
        CASE(a_registry_is_not_sent_with_each_heartbeat_that_names_an_older_one),
        CASE(hello_said_twice_is_one_session_and_one_line),
        CASE(what_was_taken_in_this_turn_is_told_only_after_its_commit),
        CASE(a_commit_that_fails_welcomes_nobody),
        CASE(a_frame_of_an_unknown_session_is_not_acted_upon),
        CASE(a_new_boot_of_a_worker_gives_back_what_the_old_one_held),
        CASE(a_name_whose_holder_lives_is_given_to_nobody_else),
        CASE(what_a_later_socket_does_not_name_goes_again_at_once),
        CASE(a_new_session_of_the_same_boot_keeps_what_it_holds),
        CASE(a_silent_worker_is_forgotten_and_its_commands_stay),
        CASE(a_worker_that_was_not_heard_lately_gets_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
