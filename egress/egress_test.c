/* The whole of egress on its own loop, between a service and a core played by hand: work comes within
 * credit, results go until they are named, and what a new session says of what is held is never less
 * than it is. */

#include "egress/egress.h"

#include <dirent.h>
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
#include "proto/bus/loop.h"
#include "proto/bus/socket.h"
#include "proto/command.h"
#include "proto/envelope.h"
#include "proto/messages.h"
#include "proto/registry.h"
#include "proto/session.h"

#define N_CONNS 4
#define DONE    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

struct rig {
    char dir[32];
    char endpoint[48];
    struct config *config;
    struct process process;
    struct egress *e;
    bool late;
    bool (*done)(struct rig *r);
    unsigned step; /* of the case; its own */

    /* the service */
    int fd;
    int conns[N_CONNS];
    bool silent;
    unsigned n_requests;

    /* core */
    struct bus_socket *core;
    struct id core_boot;
    struct id edge_boot;
    struct buf peer;
    struct buf out;
    uint64_t session; /* of the last HELLO */
    uint64_t credit;  /* said last */
    size_t n_held;    /* named in it */
    unsigned n_hellos;
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

static void core_say(struct rig *r, enum msg_kind kind, struct view body)
{
    struct envelope e = {.version = ENVELOPE_VERSION,
                         .kind = kind,
                         .edge_boot = r->edge_boot,
                         .core_boot = r->core_boot,
                         .unix_ms = clock_unix_ms()};
    char head[ENVELOPE_MAX_LEN];
    size_t len = 0;

    envelope_encode(&e, head, &len);
    (void)!bus_send(r->core, buf_view(&r->peer), view_make(head, len),
                    body); /* it may be gone */
}

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
    struct welcome w = {.lease_ms = 20000, .core_ms = clock_mono_ms()};
    struct buf registry;
    struct hello h;

    assert_int_equal(hello_decode(body, &h), 0);
    assert_int_equal(h.role, ROLE_EGRESS);
    r->n_hellos++;
    r->session = h.session;
    r->credit = h.credit;
    r->n_held = pairs_count(h.held);
    buf_init(&registry, 4096);
    if (h.registry_version == 0) {
        registry_bytes(r, &registry);
        w.registry = buf_view(&registry);
    }
    w.echo_ms = h.mono_ms;
    buf_reset(&r->out);
    assert_int_equal(welcome_encode(&w, &r->out), 0);
    core_say(r, MSG_WELCOME, buf_view(&r->out));
    buf_fini(&registry);
}

static void core_hears_results(struct rig *r, struct view body)
{
    const msgpack_object *items = NULL;
    struct pack_doc d;
    struct buf pairs;
    size_t n = 0;

    buf_init(&pairs, 4096);
    assert_int_equal(pack_doc_open(&d, body), 0);
    n = pack_array(pack_doc_root(&d), "results", &items);
    for (size_t i = 0; i < n; i++) {
        struct result result;

        assert_int_equal(result_decode_object(&items[i], &result), 0);
        r->outcome = result.outcome;
        r->n_results++;
        assert_int_equal(pairs_add(&pairs, result.id, result.attempt), 0);
    }
    pack_doc_close(&d);
    buf_reset(&r->out);
    assert_int_equal(taken_encode(NULL, buf_view(&pairs), &r->out), 0);
    if (!r->keeps_silent)
        core_say(r, MSG_RESULT_TAKEN, buf_view(&r->out));
    buf_fini(&pairs);
}

static void core_readable(void *arg)
{
    struct rig *r = arg;
    struct bus_message m;

    while (bus_recv(r->core, &m) == 0) {
        struct envelope e;
        struct heartbeat hb;

        assert_int_equal(envelope_decode(m.head, &e), 0);
        r->edge_boot = e.edge_boot;
        buf_reset(&r->peer);
        assert_int_equal(buf_add_view(&r->peer, m.peer), 0);
        if (e.kind == MSG_HELLO)
            core_hears_hello(r, m.body);
        else if (e.kind == MSG_RESULT_PUSH)
            core_hears_results(r, m.body);
        else if (e.kind == MSG_CREDIT && heartbeat_decode(m.body, &hb) == 0)
            r->credit = hb.credit;
        bus_message_fini(&m);
    }
}

static void core_gives(struct rig *r, uint64_t first, unsigned n)
{
    msgpack_packer pk;

    buf_reset(&r->out);
    pack_init(&pk, &r->out);
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

        assert_int_equal(command_encode(&c, &r->out), 0);
    }
    core_say(r, MSG_COMMAND_PUSH, buf_view(&r->out));
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
    static int n;
    struct rig *r = mem_zalloc(sizeof(*r));
    char text[700];
    struct buf why;

    assert_non_null(r);
    bus_init();
    r->core_boot = (struct id){{2}};
    buf_init(&r->peer, 64);
    buf_init(&r->out, 1 << 16);
    assert_true(buf_reserve(&r->peer, 64) && buf_reserve(&r->out, 1 << 15));
    for (int i = 0; i < N_CONNS; i++)
        r->conns[i] = -1;
    assert_int_equal(net_listen("127.0.0.1:0", 16, 0, &r->fd), 0);
    assert_int_equal(fcntl(r->fd, F_SETFL, O_NONBLOCK), 0);
    (void)snprintf(r->dir, sizeof(r->dir), "egress.XXXXXX"); /* fits */
    assert_non_null(mkdtemp(r->dir));
    (void)snprintf(r->endpoint, sizeof(r->endpoint), "ipc://%s/bus%d", r->dir, n++);
    (void)snprintf(text, sizeof(text), config_form, r->dir, r->dir, r->endpoint, r->endpoint);
    buf_init(&why, 1024);
    if (config_load_text(view_of(text), "test", &why, &r->config))
        print_message("%s\n", buf_str(&why));
    buf_fini(&why);
    assert_non_null(r->config);
    r->process = (struct process){.config = r->config, .kind = "egress", .name = "eg"};
    *state = r;
    return 0;
}

static void remove_folder(const char *path)
{
    DIR *d = opendir(path);
    const struct dirent *e = NULL;
    char name[512];

    while (d && (e = readdir(d))) { /* NOLINT(concurrency-mt-unsafe): tests have one thread */
        (void)snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
        (void)unlink(name); /* "." and ".." stay */
    }
    if (d)
        (void)closedir(d);
    (void)rmdir(path);
}

static int end(void **state)
{
    struct rig *r = *state;

    if (r->core && r->e)
        bus_socket_unwatch(r->core, r->e->loop);
    bus_socket_free(r->core);
    egress_close(r->e);
    for (int i = 0; i < N_CONNS; i++) {
        if (r->conns[i] >= 0)
            (void)close(r->conns[i]);
    }
    (void)close(r->fd);
    buf_fini(&r->peer);
    buf_fini(&r->out);
    config_free(r->config);
    remove_folder(r->dir);
    mem_free(r);
    bus_fini();
    return 0;
}

static void open_all(struct rig *r)
{
    assert_int_equal(egress_open(&r->process, &r->e), 0);
    assert_int_equal(bus_router_bind(r->endpoint, NULL, &r->core), 0);
    assert_int_equal(bus_socket_watch(r->core, r->e->loop, core_readable, r), 0);
    assert_int_equal(egress_connect(r->e), 0);
}

static void turn(void *arg)
{
    struct rig *r = arg;

    service_turn(r);
    if (r->done && r->done(r))
        loop_stop(r->e->loop);
}

static void give_up(void *arg)
{
    struct rig *r = arg;

    r->late = true;
    loop_stop(r->e->loop);
}

/* Until @done holds, or until egress ends by itself. A loop runs once. */
static void run(struct rig *r, bool (*done)(struct rig *r))
{
    r->done = done;
    assert_int_equal(loop_add_timer(r->e->loop, 2, true, turn, r, NULL), 0);
    assert_int_equal(loop_add_timer(r->e->loop, 8000, false, give_up, r, NULL), 0);
    assert_int_equal(egress_run(r->e), EXIT_FINE);
    assert_false(r->late);
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
        core_say(r, MSG_REGISTRY, VIEW_LIT("no map"));
        core_say(r, MSG_COMMAND_PUSH, VIEW_LIT("no map"));
        core_say(r, MSG_RESULT_TAKEN, VIEW_LIT("no map"));
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

static bool greeted_without_memory(struct rig *r)
{
    if (r->step == 0 && is_up(r)) {
        r->step = 1;
        core_gives(r, 1, 2);
    } else if (r->step == 1 && r->n_requests == 2) {
        r->step = 2;
        r->n_hellos = 0;
        mem_fail_at(fails_at);
        edge_restart(r->e->edge);
        mem_fail_at(0);
    }
    return r->step == 2 && r->n_hellos > 0;
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
        run(r, greeted_without_memory);
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
