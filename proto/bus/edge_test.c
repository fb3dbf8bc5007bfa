/* The session of an edge with core: how it begins, what it hands on, how it ends and begins anew.
 * Core is a ROUTER on the same loop here, which does what each case says. */

#include "proto/bus/edge.h"

#include "base/clock.h"
#include "base/testing.h"
#include "proto/bus/loop.h"
#include "proto/bus/testing/fake_core.h"
#include "proto/bus/testing/loops.h"

struct rig {
    struct loop *loop;
    struct fake_core core;
    struct edge *edge;
    struct id edge_boot;
    bool refuses; /* core answers HELLO with a reason */
    bool (*done)(struct rig *r);

    struct hello hello; /* the last one; its texts are gone */
    unsigned n_pushes;
    unsigned n_welcomes;
    unsigned n_lost;
    unsigned n_messages;
    unsigned n_spool_refused;
    uint64_t last_kind;
};

/* --- core ----------------------------------------------------------------------------------- */

static void core_hears(void *arg, const struct envelope *e, struct view body)
{
    struct rig *r = arg;

    assert_true(id_equal(&e->edge_boot, &r->edge_boot));
    if (e->kind != MSG_HELLO) {
        r->n_pushes++;
        return;
    }
    assert_int_equal(hello_decode(body, &r->hello), 0);
    assert_true(view_is(r->hello.name, "one"));
    if (r->refuses)
        fake_core_say(&r->core, MSG_REFUSED, VIEW_LIT("another one has\nthis name"));
    else
        fake_core_welcome(&r->core, &r->hello,
                          (struct welcome){.credit = 10, .credit_bytes = 1000});
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

    return edge_new(r->loop, r->core.endpoint, &r->edge_boot, NULL, &handlers, &r->edge);
}

static void begin(struct rig *r)
{
    *r = (struct rig){.edge_boot = {{1}}};
    fake_core_init(&r->core, core_hears, r);
    assert_int_equal(loop_new(&r->loop), 0);
    fake_core_open(&r->core, r->loop);
}

static void end(struct rig *r)
{
    edge_free(r->edge);
    fake_core_close(&r->core);
    loop_free(r->loop);
    fake_core_fini(&r->core);
}

static int setup(void **state)
{
    static struct rig r;

    begin(&r);
    *state = &r;
    return open_edge(&r);
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

static void wait_for(struct rig *r, bool (*done)(struct rig *r))
{
    r->done = done;
    loops_run(r->loop, look, r);
}

static bool is_welcome(struct rig *r)
{
    return r->n_welcomes > 0;
}

static void a_session_opens_with_hello_and_welcome(void **state)
{
    struct rig *r = *state;

    assert_false(edge_is_up(r->edge));
    assert_int_equal(edge_send(r->edge, MSG_CREDIT, NULL, VIEW_LIT("x")), EDGE_E_AWAY);
    wait_for(r, is_welcome);
    assert_true(edge_is_up(r->edge));
    assert_true(id_equal(edge_core_boot(r->edge), &r->core.boot));
    assert_int_equal(r->hello.role, ROLE_EGRESS);
    assert_int_equal(r->hello.session, 1);
    assert_true(edge_heard_ms(r->edge) > 0);
    assert_string_equal(edge_refused(r->edge), "");
    assert_int_equal(edge_send(r->edge, MSG_CREDIT, &r->core.boot, VIEW_LIT("x")), 0);
}

static bool has_beaten(struct rig *r)
{
    return r->core.n_beats > 0;
}

static void an_open_session_is_kept_by_heartbeats(void **state)
{
    struct rig *r = *state;

    wait_for(r, has_beaten);
    assert_int_equal(r->core.busy, 7);
    assert_int_equal(r->core.n_hellos, 1);
    assert_int_equal(r->n_lost, 0);
}

/* Another session's frame, then one of this session; then what only HELLO can follow. */
static bool told_three(struct rig *r)
{
    struct fake_core *c = &r->core;
    const struct id boot = c->boot;

    if (r->n_welcomes == 1 && r->n_messages == 0 && r->n_pushes == 0) {
        r->n_pushes = 1;
        c->boot = (struct id){{9}};
        fake_core_say(c, MSG_COMMAND_PUSH, VIEW_LIT("x"));
        c->boot = boot;
        fake_core_say(c, MSG_RESULT_TAKEN, VIEW_LIT("x"));
        fake_core_say(c, MSG_SPOOL_REFUSED, VIEW_LIT("s"));
        fake_core_say(c, MSG_REGISTRY, VIEW_LIT("x"));
        fake_core_say(c, MSG_HELLO_AGAIN, VIEW_LIT(""));
    }
    return r->n_welcomes == 2;
}

static void only_frames_of_this_session_are_handed_on(void **state)
{
    struct rig *r = *state;

    wait_for(r, told_three);
    assert_int_equal(r->n_messages, 2);
    assert_int_equal(r->last_kind, MSG_REGISTRY);
    assert_int_equal(r->n_spool_refused, 1);
    assert_int_equal(r->core.n_beats, 1); /* a registry is answered at once */
    assert_int_equal(r->n_lost, 1);
    assert_int_equal(r->hello.session, 1); /* asked again on the same socket */
    assert_true(edge_is_up(r->edge));
}

static bool is_refused(struct rig *r)
{
    return edge_refused(r->edge)[0] != '\0';
}

static void a_refusal_is_kept_in_words_for_one_line(void **state)
{
    struct rig *r = *state;

    r->refuses = true;
    wait_for(r, is_refused);
    assert_false(edge_is_up(r->edge));
    assert_null(strchr(edge_refused(r->edge), '\n'));
    assert_non_null(strstr(edge_refused(r->edge), "another"));
}

static bool is_back(struct rig *r)
{
    if (r->n_welcomes == 1)
        r->core.deaf = r->n_lost == 0;
    return r->n_welcomes == 2;
}

static void a_silent_core_is_left_for_a_new_socket(void **state)
{
    struct rig *r = *state;

    wait_for(r, is_back);
    assert_int_equal(r->n_lost, 1);
    assert_int_equal(r->hello.session, 2);
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
    struct rig *r = *state;

    wait_for(r, has_restarted);
    assert_int_equal(r->n_lost, 1);
    assert_int_equal(r->hello.session, 2);
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
    struct rig *r = *state;

    wait_for(r, has_sent_without_memory);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_session_opens_with_hello_and_welcome),
        CASE(an_open_session_is_kept_by_heartbeats),
        CASE(only_frames_of_this_session_are_handed_on),
        CASE(a_refusal_is_kept_in_words_for_one_line),
        CASE(a_silent_core_is_left_for_a_new_socket),
        CASE(a_restart_asks_for_a_new_session),
        cmocka_unit_test(an_edge_that_had_no_memory_is_refused_or_comes_up),
        cmocka_unit_test(a_restart_without_memory_is_made_up_for_at_the_next_tick),
        CASE(a_frame_is_sent_while_there_is_no_memory),
    };

    return cmocka_run_group_tests(tests, loops_begin, loops_end);
}
