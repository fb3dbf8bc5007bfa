/* The session of an edge with core: how it begins, what it hands on, how it ends and begins anew.
 * Core is a ROUTER on the same loop here, which does what each case says. */

#include "proto/bus/edge.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/testing.h"
#include "proto/bus/loop.h"
#include "proto/bus/socket.h"

#define LIFE_MS 8000

struct rig {
    char endpoint[32]; /* of its own: a socket that is gone may still deliver for a second */
    struct loop *loop;
    struct bus_socket *core;
    struct edge *edge;
    struct id edge_boot;
    struct id core_boot;
    struct buf peer; /* the edge's present routing id, as core knows it */
    bool deaf;       /* core reads and answers nothing */
    bool refuses;    /* core answers HELLO with a reason */
    bool (*done)(struct rig *r);
    bool late; /* … did not come */

    struct hello hello; /* the last one; its texts are gone */
    unsigned n_hellos;
    unsigned n_beats;
    unsigned n_pushes;
    unsigned n_welcomes;
    unsigned n_lost;
    unsigned n_messages;
    unsigned n_spool_refused;
    uint64_t last_kind;
};

/* --- core ----------------------------------------------------------------------------------- */

static void core_say(struct rig *r, enum msg_kind kind, const struct id *core_boot,
                     struct view body)
{
    struct envelope e = {.version = ENVELOPE_VERSION,
                         .kind = kind,
                         .edge_boot = r->edge_boot,
                         .core_boot = *core_boot,
                         .unix_ms = clock_unix_ms()};
    char head[ENVELOPE_MAX_LEN];
    size_t len = 0;

    envelope_encode(&e, head, &len);
    assert_int_equal(bus_send(r->core, buf_view(&r->peer), view_make(head, len), body), 0);
}

static void core_welcomes(struct rig *r)
{
    const struct welcome w = {.credit = 10,
                              .credit_bytes = 1000,
                              .echo_ms = r->hello.mono_ms,
                              .core_ms = clock_mono_ms()};
    struct buf body;

    buf_init(&body, 512);
    assert_int_equal(welcome_encode(&w, &body), 0);
    core_say(r, MSG_WELCOME, &r->core_boot, buf_view(&body));
    buf_fini(&body);
}

static void core_hears_hello(struct rig *r, struct view body)
{
    assert_int_equal(hello_decode(body, &r->hello), 0);
    assert_true(view_is(r->hello.name, "one"));
    r->n_hellos++;
    if (r->refuses)
        core_say(r, MSG_REFUSED, &r->core_boot, VIEW_LIT("another one has\nthis name"));
    else
        core_welcomes(r);
}

static void core_hears_beat(struct rig *r, struct view body)
{
    struct heartbeat hb;
    struct heartbeat_answer a = {.core_ms = clock_mono_ms()};
    struct buf out;

    assert_int_equal(heartbeat_decode(body, &hb), 0);
    assert_int_equal(hb.busy, 7);
    r->n_beats++;
    a.echo_ms = hb.mono_ms;
    buf_init(&out, 256);
    assert_int_equal(heartbeat_answer_encode(&a, &out), 0);
    core_say(r, MSG_HEARTBEAT_ANSWER, &r->core_boot, buf_view(&out));
    buf_fini(&out);
}

/* Core never runs out of memory here: the one that is to fail is the edge's. */
static void core_frame(struct rig *r, const struct bus_message *m)
{
    struct envelope e;

    assert_int_equal(envelope_decode(m->head, &e), 0);
    assert_true(id_equal(&e.edge_boot, &r->edge_boot));
    buf_reset(&r->peer);
    assert_int_equal(buf_add_view(&r->peer, m->peer), 0);
    if (e.kind == MSG_HELLO)
        core_hears_hello(r, m->body);
    else if (e.kind == MSG_HEARTBEAT)
        core_hears_beat(r, m->body);
    else
        r->n_pushes++;
}

static void core_readable(void *arg)
{
    struct rig *r = arg;
    struct bus_message m;

    while (bus_recv(r->core, &m) == 0) {
        if (!r->deaf)
            core_frame(r, &m);
        bus_message_fini(&m);
    }
}

/* --- the edge's process --------------------------------------------------------------------- */

static void on_hello(void *arg, struct hello *ret)
{
    (void)arg;
    ret->role = ROLE_EGRESS;
    ret->name = VIEW_LIT("one");
}

static void on_heartbeat(void *arg, struct heartbeat *ret)
{
    (void)arg;
    ret->busy = 7;
}

static void on_welcome(void *arg, const struct welcome *w)
{
    struct rig *r = arg;

    assert_int_equal(w->credit, 10);
    r->n_welcomes++;
}

static void on_message(void *arg, const struct envelope *e, struct view body)
{
    struct rig *r = arg;

    assert_true(view_is(body, "x"));
    r->last_kind = e->kind;
    r->n_messages++;
}

static void on_spool_refused(void *arg, struct view body)
{
    struct rig *r = arg;

    assert_true(view_is(body, "s"));
    r->n_spool_refused++;
}

static void on_lost(void *arg)
{
    struct rig *r = arg;

    r->n_lost++;
}

/* --- a life --------------------------------------------------------------------------------- */

static int open_edge(struct rig *r)
{
    const struct edge_handlers handlers = {.hello = on_hello,
                                           .heartbeat = on_heartbeat,
                                           .welcome = on_welcome,
                                           .message = on_message,
                                           .spool_refused = on_spool_refused,
                                           .lost = on_lost,
                                           .arg = r};

    return edge_new(r->loop, r->endpoint, &r->edge_boot, NULL, &handlers, &r->edge);
}

static void begin(struct rig *r)
{
    static int n;

    *r = (struct rig){.edge_boot = {{1}}, .core_boot = {{2}}};
    (void)snprintf(r->endpoint, sizeof(r->endpoint), "ipc://edge_test.%d", n++); /* fits */
    buf_init(&r->peer, 64);
    assert_non_null(buf_reserve(&r->peer, 64));
    assert_int_equal(loop_new(&r->loop), 0);
    assert_int_equal(bus_router_bind(r->endpoint, NULL, &r->core), 0);
    assert_int_equal(bus_socket_watch(r->core, r->loop, core_readable, r), 0);
}

static void end(struct rig *r)
{
    edge_free(r->edge);
    bus_socket_unwatch(r->core, r->loop);
    bus_socket_free(r->core);
    loop_free(r->loop);
    buf_fini(&r->peer);
}

static void look(void *arg)
{
    struct rig *r = arg;

    if (r->done(r))
        loop_stop(r->loop);
}

static void give_up(void *arg)
{
    struct rig *r = arg;

    r->late = true;
    loop_stop(r->loop);
}

/* Until @done holds; a loop runs once, so the rig has one wait. */
static void wait_for(struct rig *r, bool (*done)(struct rig *r))
{
    r->done = done;
    assert_int_equal(loop_add_timer(r->loop, 2, true, look, r, NULL), 0);
    assert_int_equal(loop_add_timer(r->loop, LIFE_MS, false, give_up, r, NULL), 0);
    assert_int_equal(loop_run(r->loop), 0);
    assert_false(r->late);
}

static bool is_welcome(struct rig *r)
{
    return r->n_welcomes > 0;
}

static void a_session_opens_with_hello_and_welcome(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    assert_int_equal(open_edge(&r), 0);
    assert_false(edge_is_up(r.edge));
    assert_int_equal(edge_send(r.edge, MSG_CREDIT, NULL, VIEW_LIT("x")), EDGE_E_AWAY);
    wait_for(&r, is_welcome);
    assert_true(edge_is_up(r.edge));
    assert_true(id_equal(edge_core_boot(r.edge), &r.core_boot));
    assert_int_equal(r.hello.role, ROLE_EGRESS);
    assert_int_equal(r.hello.session, 1);
    assert_true(edge_heard_ms(r.edge) > 0);
    assert_string_equal(edge_refused(r.edge), "");
    assert_int_equal(edge_send(r.edge, MSG_CREDIT, &r.core_boot, VIEW_LIT("x")), 0);
    end(&r);
}

static bool has_beaten(struct rig *r)
{
    return r->n_beats > 0;
}

static void an_open_session_is_kept_by_heartbeats(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    assert_int_equal(open_edge(&r), 0);
    wait_for(&r, has_beaten);
    assert_int_equal(r.n_hellos, 1);
    assert_int_equal(r.n_lost, 0);
    end(&r);
}

/* Another session's frame, then one of this session; then what only HELLO can follow. */
static bool told_three(struct rig *r)
{
    const struct id other = {{9}};

    if (r->n_welcomes == 1 && r->n_messages == 0 && r->n_pushes == 0) {
        r->n_pushes = 1;
        core_say(r, MSG_COMMAND_PUSH, &other, VIEW_LIT("x"));
        core_say(r, MSG_RESULT_TAKEN, &r->core_boot, VIEW_LIT("x"));
        core_say(r, MSG_SPOOL_REFUSED, &r->core_boot, VIEW_LIT("s"));
        core_say(r, MSG_REGISTRY, &r->core_boot, VIEW_LIT("x"));
        core_say(r, MSG_HELLO_AGAIN, &r->core_boot, VIEW_LIT(""));
    }
    return r->n_welcomes == 2;
}

static void only_frames_of_this_session_are_handed_on(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    assert_int_equal(open_edge(&r), 0);
    wait_for(&r, told_three);
    assert_int_equal(r.n_messages, 2);
    assert_int_equal(r.last_kind, MSG_REGISTRY);
    assert_int_equal(r.n_spool_refused, 1);
    assert_int_equal(r.n_beats, 1); /* a registry is answered at once */
    assert_int_equal(r.n_lost, 1);
    assert_int_equal(r.hello.session, 1); /* asked again on the same socket */
    assert_true(edge_is_up(r.edge));
    end(&r);
}

static bool is_refused(struct rig *r)
{
    return edge_refused(r->edge)[0] != '\0';
}

static void a_refusal_is_kept_in_words_for_one_line(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    r.refuses = true;
    assert_int_equal(open_edge(&r), 0);
    wait_for(&r, is_refused);
    assert_false(edge_is_up(r.edge));
    assert_null(strchr(edge_refused(r.edge), '\n'));
    assert_non_null(strstr(edge_refused(r.edge), "another"));
    end(&r);
}

static bool is_back(struct rig *r)
{

    if (r->n_welcomes == 1)
        r->deaf = r->n_lost == 0;
    return r->n_welcomes == 2;
}

static void a_silent_core_is_left_for_a_new_socket(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    assert_int_equal(open_edge(&r), 0);
    wait_for(&r, is_back);
    assert_int_equal(r.n_lost, 1);
    assert_int_equal(r.hello.session, 2);
    end(&r);
}

static bool has_restarted(struct rig *r)
{

    if (r->n_welcomes == 1 && r->n_lost == 0) {
        edge_restart(r->edge);
        assert_false(edge_is_up(r->edge));
        assert_int_equal(edge_send(r->edge, MSG_CREDIT, NULL, VIEW_LIT("x")), EDGE_E_AWAY);
    }
    return r->n_welcomes == 2;
}

static void a_restart_asks_for_a_new_session(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    assert_int_equal(open_edge(&r), 0);
    wait_for(&r, has_restarted);
    assert_int_equal(r.n_lost, 1);
    assert_int_equal(r.hello.session, 2);
    end(&r);
}

/* --- without memory ------------------------------------------------------------------------- */

/* How many allocations an edge makes when it is opened. */
static uint64_t opening_allocations(void)
{
    struct rig r;
    uint64_t before = 0;

    begin(&r);
    before = mem_count();
    assert_int_equal(open_edge(&r), 0);
    before = mem_count() - before;
    end(&r);
    return before;
}

/* Either nothing is left of it, or there is an edge that gets its session: a HELLO that had no
 * memory is said at the next tick. */
static void an_edge_that_had_no_memory_is_refused_or_comes_up(void **state)
{
    uint64_t n_all = opening_allocations();
    unsigned n_refused = 0;

    (void)state;
    assert_true(n_all > 4);
    for (uint64_t n = 1; n <= n_all; n++) {
        struct rig r;
        int rc = 0;

        begin(&r);
        mem_fail_at(n);
        rc = open_edge(&r);
        mem_fail_at(0);
        if (rc == 0) {
            wait_for(&r, is_welcome);
            assert_true(edge_is_up(r.edge));
        } else {
            assert_int_equal(rc, -ENOMEM);
            assert_null(r.edge);
            n_refused++;
        }
        end(&r);
    }
    assert_int_equal(n_refused, n_all - 1); /* all but the HELLO */
}

static uint64_t restart_fails_at;

static bool has_restarted_without_memory(struct rig *r)
{

    if (r->n_welcomes == 1 && r->n_lost == 0) {
        mem_fail_at(restart_fails_at);
        edge_restart(r->edge);
        mem_fail_at(0);
    }
    return r->n_welcomes == 2;
}

/* The next tick makes up for it: long before a core that says nothing would be given up. */
static void a_restart_without_memory_is_made_up_for_at_the_next_tick(void **state)
{
    (void)state;
    for (restart_fails_at = 1; restart_fails_at <= 3; restart_fails_at++) {
        int64_t began_ms = clock_mono_ms();
        struct rig r;

        begin(&r);
        assert_int_equal(open_edge(&r), 0);
        wait_for(&r, has_restarted_without_memory);
        assert_int_equal(r.n_lost, 1);
        assert_true(clock_mono_ms() - began_ms < EDGE_SILENCE_MS - EDGE_HEARTBEAT_MS);
        end(&r);
    }
}

static bool has_sent_without_memory(struct rig *r)
{

    if (r->n_welcomes == 1 && r->last_kind == 0) {
        r->last_kind = 1;
        mem_fail_at(1);
        assert_int_equal(edge_send(r->edge, MSG_RESULT_PUSH, NULL, VIEW_LIT("x")), 0);
        mem_fail_at(0);
    }
    return r->n_pushes == 1;
}

static void a_frame_is_sent_while_there_is_no_memory(void **state)
{
    struct rig r;

    (void)state;
    begin(&r);
    assert_int_equal(open_edge(&r), 0);
    wait_for(&r, has_sent_without_memory);
    end(&r);
}

static int begin_bus(void **state)
{
    (void)state;
    bus_init();
    return 0;
}

static int end_bus(void **state)
{
    (void)state;
    bus_fini();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_opens_with_hello_and_welcome),
        cmocka_unit_test(an_open_session_is_kept_by_heartbeats),
        cmocka_unit_test(only_frames_of_this_session_are_handed_on),
        cmocka_unit_test(a_refusal_is_kept_in_words_for_one_line),
        cmocka_unit_test(a_silent_core_is_left_for_a_new_socket),
        cmocka_unit_test(a_restart_asks_for_a_new_session),
        cmocka_unit_test(an_edge_that_had_no_memory_is_refused_or_comes_up),
        cmocka_unit_test(a_restart_without_memory_is_made_up_for_at_the_next_tick),
        cmocka_unit_test(a_frame_is_sent_while_there_is_no_memory),
    };

    return cmocka_run_group_tests(tests, begin_bus, end_bus);
}
