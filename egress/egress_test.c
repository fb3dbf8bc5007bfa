/* The whole of egress on its own loop, between a service and a core played by hand: work comes within
 * credit, results go until they are named, and what a new session says of what is held is never less
 * than it is. */

#include "egress/egress.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/net.h"
#include "base/testing.h"
#include "egress/transfer.h"
#include "proto/bus/edge.h"
#include "proto/bus/testing/fake_core.h"
#include "proto/bus/testing/loops.h"
#include "proto/command.h"
#include "proto/registry.h"

#define N_CONNS 4
#define DONE    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

struct rig {
    char dir[32];
    struct config *config;
    struct process process;
    struct egress *e;
    bool (*done)(struct rig *r);
    unsigned step; /* of the case; its own */

    /* the service */
    int fd;
    int conns[N_CONNS];
    bool silent;
    unsigned n_requests;

    /* core */
    struct fake_core core;
    uint64_t session; /* of the last HELLO */
    uint64_t credit;  /* said last */
    size_t n_held;    /* named in it */
    unsigned n_results;
    uint64_t outcome;  /* of the last one */
    bool keeps_silent; /* takes no result */
};

/* --- the service ---------------------------------------------------------------------------- */

static void service_turn(struct rig *r)
{
    char bytes[4096];

    for (int i = 0; i < N_CONNS; i++) {
        ssize_t n = 0;

        if (r->conns[i] < 0)
            r->conns[i] = accept(r->fd, NULL, NULL);
        if (r->conns[i] < 0)
            continue;
        n = recv(r->conns[i], bytes, sizeof(bytes), MSG_DONTWAIT);
        r->n_requests += n > 0;
        if (n > 0 && !r->silent)
            (void)!send(r->conns[i], DONE, strlen(DONE), MSG_NOSIGNAL); /* it may be gone */
    }
}

/* --- core ----------------------------------------------------------------------------------- */

static void registry_bytes(const struct rig *r, struct buf *out)
{
    struct registry *reg = NULL;
    struct reg_connector *c = NULL;
    char url[64];

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/hook", net_port(r->fd)); /* fits */
    assert_int_equal(registry_new(&reg), 0);
    reg->version = 1;
    c = registry_add_connector(reg);
    c->name = mem_strdup("svc");
    c->url = mem_strdup(url);
    c->allow_private = true;
    assert_int_equal(secret_init(&c->secrets[0], VIEW_LIT("a secret of 24 bytes, or")), 0);
    assert_int_equal(registry_encode(reg, ROLE_EGRESS, out), 0);
    registry_free(reg);
}

static void core_hears_hello(struct rig *r, struct view body)
{
    struct welcome w = {.lease_ms = 20000};
    struct buf registry;
    struct hello h;

    assert_int_equal(hello_decode(body, &h), 0);
    assert_int_equal(h.role, ROLE_EGRESS);
    r->session = h.session;
    r->credit = h.credit;
    r->n_held = pairs_count(h.held);
    buf_init(&registry, 4096);
    if (h.registry_version == 0) {
        registry_bytes(r, &registry);
        w.registry = buf_view(&registry);
    }
    fake_core_welcome(&r->core, &h, w);
    buf_fini(&registry);
}

static void core_hears_results(struct rig *r, struct view body)
{
    const msgpack_object *items = NULL;
    struct pack_doc d;
    size_t n = 0;

    assert_int_equal(pack_doc_open(&d, body), 0);
    n = pack_array(pack_doc_root(&d), "results", &items);
    for (size_t i = 0; i < n; i++) {
        struct result result;

        assert_int_equal(result_decode_object(&items[i], &result), 0);
        r->outcome = result.outcome;
        r->n_results++;
        if (!r->keeps_silent)
            assert_int_equal(pairs_add(&r->core.pairs, result.id, result.attempt), 0);
    }
    pack_doc_close(&d);
    if (!r->keeps_silent)
        fake_core_takes(&r->core, NULL);
}

static void core_hears(void *arg, const struct envelope *e, struct view body)
{
    struct rig *r = arg;
    struct heartbeat hb;

    if (e->kind == MSG_HELLO)
        core_hears_hello(r, body);
    else if (e->kind == MSG_RESULT_PUSH)
        core_hears_results(r, body);
    else if (e->kind == MSG_CREDIT && heartbeat_decode(body, &hb) == 0)
        r->credit = hb.credit;
}

static void core_gives(struct rig *r, uint64_t first, unsigned n)
{
    struct buf *out = &r->core.out;
    msgpack_packer pk;

    buf_reset(out);
    pack_init(&pk, out);
    (void)msgpack_pack_map(&pk, 2); /* asked below */
    pack_key(&pk, "core_ms");
    (void)msgpack_pack_int64(&pk, clock_mono_ms());
    pack_key(&pk, "commands");
    (void)msgpack_pack_array(&pk, n);
    for (unsigned i = 0; i < n; i++) {
        const struct command c = {.kind = COMMAND_SERVICE_MESSAGE,
                                  .id = first + i,
                                  .attempt = 1,
                                  .start_within_ms = 5000,
                                  .finish_within_ms = 5000,
                                  .key = VIEW_LIT("key"),
                                  .connector = VIEW_LIT("svc"),
                                  .content.type = VIEW_LIT("text"),
                                  .content.text = VIEW_LIT("hello")};

        assert_int_equal(command_encode(&c, out), 0);
    }
    fake_core_say(&r->core, MSG_COMMAND_PUSH, buf_view(out));
}

/* --- a life --------------------------------------------------------------------------------- */

static const char config_form[] = "data_dir = \"%s\"\n"
                                  "run_dir = \"%s\"\n"
                                  "drain_ms = 300\n"
                                  "bus\n"
                                  "    commands = \"%s\"\n"
                                  "    tap = \"%s-tap\"\n"
                                  "egress\n"
                                  "    admin_listen = \"127.0.0.1:0\"\n"
                                  "    concurrency = 2\n";

static int begin(void **state)
{
    struct rig *r = mem_zalloc(sizeof(*r));
    char text[700];
    struct buf why;

    assert_non_null(r);
    bus_init();
    fake_core_init(&r->core, core_hears, r);
    for (int i = 0; i < N_CONNS; i++)
        r->conns[i] = -1;
    assert_int_equal(net_listen("127.0.0.1:0", 16, 0, &r->fd), 0);
    assert_int_equal(fcntl(r->fd, F_SETFL, O_NONBLOCK), 0);
    (void)snprintf(r->dir, sizeof(r->dir), "egress.XXXXXX"); /* fits */
    assert_non_null(mkdtemp(r->dir));
    (void)snprintf(text, sizeof(text), config_form, r->dir, r->dir, r->core.endpoint,
                   r->core.endpoint);
    buf_init(&why, 1024);
    if (config_load_text(view_of(text), "test", &why, &r->config))
        print_message("%s\n", buf_str(&why));
    buf_fini(&why);
    assert_non_null(r->config);
    r->process = (struct process){.config = r->config, .kind = "egress", .name = "eg"};
    *state = r;
    return 0;
}

static int end(void **state)
{
    struct rig *r = *state;

    fake_core_close(&r->core);
    egress_close(r->e);
    for (int i = 0; i < N_CONNS; i++) {
        if (r->conns[i] >= 0)
            (void)close(r->conns[i]);
    }
    (void)close(r->fd);
    fake_core_fini(&r->core);
    config_free(r->config);
    testing_remove_folder(r->dir);
    mem_free(r);
    bus_fini();
    return 0;
}

static void open_all(struct rig *r)
{
    assert_int_equal(egress_open(&r->process, &r->e), 0);
    fake_core_open(&r->core, r->e->loop);
    assert_int_equal(egress_connect(r->e), 0);
}

static bool turn(void *arg)
{
    struct rig *r = arg;

    service_turn(r);
    return r->done(r);
}

/* Until @done holds, or until egress ends by itself. */
static void run(struct rig *r, bool (*done)(struct rig *r))
{
    struct loops_wait w;

    r->done = done;
    loops_wait_begin(&w, r->e->loop, turn, r);
    assert_int_equal(egress_run(r->e), EXIT_FINE);
    loops_wait_end(&w);
}

static bool is_up(const struct rig *r)
{
    return edge_is_up(r->e->edge) && r->e->registry;
}

static size_t n_all(const struct rig *r)
{
    return transfers_n_queued(r->e->transfers) + transfers_n_running(r->e->transfers) +
           transfers_n_kept(r->e->transfers);
}

/* --- work ----------------------------------------------------------------------------------- */

static bool three_are_taken(struct rig *r)
{
    if (r->step == 0 && is_up(r)) {
        r->step = 1;
        assert_int_equal(r->credit, 4); /* twice what runs at once */
        assert_int_equal(r->n_held, 0);
        core_gives(r, 1, 3);
    }
    return r->n_results == 3 && n_all(r) == 0;
}

static void commands_become_results_until_they_are_named(void **state)
{
    struct rig *r = *state;
    struct buf words;

    open_all(r);
    run(r, three_are_taken);
    assert_int_equal(r->outcome, OUTCOME_DONE);
    assert_int_equal(r->n_requests, 3);
    buf_init(&words, 128);
    egress_describe(r->e, &words);
    assert_true(view_starts(buf_view(&words), "admin=127.0.0.1:"));
    buf_fini(&words);
}

static bool resent_in_a_new_session(struct rig *r)
{
    if (r->step == 0 && is_up(r)) {
        r->step = 1;
        core_gives(r, 1, 1);
    } else if (r->step == 1 && r->n_results == 1) {
        r->step = 2;
        r->keeps_silent = false;
        edge_restart(r->e->edge);
    }
    return r->step == 2 && n_all(r) == 0;
}

static void a_result_core_has_not_named_goes_again(void **state)
{
    struct rig *r = *state;

    r->keeps_silent = true;
    open_all(r);
    run(r, resent_in_a_new_session);
    assert_int_equal(r->n_results, 2);
    assert_int_equal(r->n_requests, 1); /* the call was made once */
    assert_int_equal(r->session, 2);
    assert_int_equal(r->n_held, 1);
}

static bool strange_frames(struct rig *r)
{
    if (r->step == 0 && is_up(r)) {
        r->step = 1;
        fake_core_say(&r->core, MSG_REGISTRY, VIEW_LIT("no map"));
        fake_core_say(&r->core, MSG_COMMAND_PUSH, VIEW_LIT("no map"));
        fake_core_say(&r->core, MSG_RESULT_TAKEN, VIEW_LIT("no map"));
        core_gives(r, 1, 1);
    }
    return r->n_results == 1;
}

static void what_is_not_understood_changes_nothing(void **state)
{
    struct rig *r = *state;

    open_all(r);
    run(r, strange_frames);
    assert_int_equal(r->outcome, OUTCOME_DONE); /* with the registry of before */
}

/* --- stopping ------------------------------------------------------------------------------- */

static bool stops_with_one_under_way(struct rig *r)
{
    if (r->step == 0 && is_up(r)) {
        r->step = 1;
        core_gives(r, 1, 1);
    } else if (r->step == 1 && r->n_requests == 1) {
        r->step = 2;
        assert_int_equal(raise(SIGTERM), 0);
    }
    return false; /* it ends by itself */
}

static void a_stop_says_what_it_could_not_finish(void **state)
{
    struct rig *r = *state;
    sigset_t term;
    sigset_t before;

    assert_int_equal(sigemptyset(&term) | sigaddset(&term, SIGTERM), 0);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread */
    assert_int_equal(sigprocmask(SIG_BLOCK, &term, &before), 0);
    r->silent = true;
    open_all(r);
    run(r, stops_with_one_under_way);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): as above */
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
    assert_int_equal(r->n_results, 1);
    assert_int_equal(r->outcome, OUTCOME_UNKNOWN); /* the service has seen it */
    assert_int_equal(r->credit, 0);
    assert_int_equal(n_all(r), 0);
}

/* --- without memory ------------------------------------------------------------------------- */

static uint64_t fails_at;

static bool hello_without_memory(struct rig *r)
{
    if (r->step == 0 && is_up(r)) {
        r->step = 1;
        core_gives(r, 1, 2);
    } else if (r->step == 1 && r->n_requests == 2) {
        r->step = 2;
        r->core.n_hellos = 0;
        mem_fail_at(fails_at);
        edge_restart(r->e->edge);
        mem_fail_at(0);
    }
    return r->step == 2 && r->core.n_hellos > 0;
}

/* Core takes a HELLO of a later socket at its word: what it does not name was never received, and goes
 * again at once. So it names all, or does not say which socket it is. */
static void without_memory_a_hello_never_says_it_holds_less(void **state)
{
    struct rig *r = *state;
    unsigned n_unsaid = 0;

    for (fails_at = 1; fails_at <= 5; fails_at++) {
        r->silent = true;
        open_all(r);
        run(r, hello_without_memory);
        assert_true(r->n_held == 2 || r->session == 0);
        n_unsaid += r->session == 0;
        assert_int_equal(end(state) | begin(state), 0); /* with an endpoint of its own */
        r = *state;
    }
    assert_true(n_unsaid > 0);
}

static void without_memory_a_start_fails_and_the_next_one_does_not(void **state)
{
    struct rig *r = *state;
    bool reached = true;
    uint64_t n = 1;

    for (; reached && n < 400; n++) {
        uint64_t before = mem_count();
        int code = 0;

        mem_fail_at(n);
        code = egress_open(&r->process, &r->e);
        if (code)
            assert_null(r->e);
        code = code ? code : egress_connect(r->e);
        reached = mem_count() - before >= n;
        mem_fail_at(0);
        if (code)
            assert_true(reached);
        egress_close(r->e);
        r->e = NULL;
    }
    assert_true(n > 20 && n < 400);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(commands_become_results_until_they_are_named),
        WITH_RIG(a_result_core_has_not_named_goes_again),
        WITH_RIG(what_is_not_understood_changes_nothing),
        WITH_RIG(a_stop_says_what_it_could_not_finish),
        WITH_RIG(without_memory_a_hello_never_says_it_holds_less),
        WITH_RIG(without_memory_a_start_fails_and_the_next_one_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
