/* The whole of ingress on its own loop, between a client with HTTP and a core played by hand: what is
 * answered is on the disk, questions come back, and an end or a start without memory leaves nothing
 * half done. */

#include "ingress/ingress.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/config.h"
#include "base/crypto.h"
#include "base/net.h"
#include "base/process.h"
#include "base/testing.h"
#include "ingress/accept/push.h"
#include "ingress/accept/registry_copy.h"
#include "ingress/http/listener.h"
#include "ingress/spool/spool.h"
#include "proto/bus/testing/fake_core.h"
#include "proto/bus/testing/loops.h"
#include "proto/event.h"
#include "proto/query.h"
#include "proto/registry.h"

#define SECRET "channel secret"
#define WEBHOOK                                                                                \
    "{\"account_id\":\"acc\",\"time\":1767225661,\"message\":{\"receiver\":{\"id\":\"r\","     \
    "\"client_id\":\"c\"},\"sender\":{\"id\":\"s\"},\"conversation\":{\"id\":\"conv\","        \
    "\"client_id\":\"7900\"},\"timestamp\":1767225661,\"msec_timestamp\":1767225661000,"       \
    "\"message\":{\"id\":\"amo-1\",\"type\":\"text\",\"text\":\"hi\"}}}"

struct rig {
    char dir[32];
    struct config *config;
    struct process process;
    struct ingress in;
    bool open;
    bool (*done)(struct rig *r);
    unsigned step; /* of the case; its own */

    /* a client */
    int fd;
    char got[4096];
    size_t n_got;

    /* core */
    struct fake_core core;
    struct id spool_id;
    bool has_registry;
    bool silent; /* answers no question */
    bool knows;  /* … with a message */
    unsigned n_events;
    unsigned n_queries;
    uint64_t last_replay; /* of an event that came */
};

/* --- core ----------------------------------------------------------------------------------- */

static void registry_bytes(struct buf *out)
{
    struct registry *r = NULL;
    struct reg_channel *ch = NULL;
    struct reg_connector *c = NULL;

    assert_int_equal(registry_new(&r), 0);
    r->version = 1;
    ch = registry_add_channel(r);
    ch->id = mem_strdup("ch");
    assert_int_equal(secret_init(&ch->secrets[0], VIEW_LIT(SECRET)), 0);
    c = registry_add_connector(r);
    c->name = mem_strdup("svc");
    assert_int_equal(secret_init(&c->tokens[0], VIEW_LIT("good token")), 0);
    assert_int_equal(registry_encode(r, ROLE_INGRESS, out), 0);
    registry_free(r);
}

static void core_welcomes(struct rig *r, struct view hello)
{
    struct welcome w = {.credit = 100, .credit_bytes = 1 << 20};
    struct buf registry;
    struct hello h;

    assert_int_equal(hello_decode(hello, &h), 0);
    r->spool_id = h.spool;
    buf_init(&registry, 4096);
    if (r->has_registry && h.registry_version == 0) {
        registry_bytes(&registry);
        w.registry = buf_view(&registry);
    }
    fake_core_welcome(&r->core, &h, w);
    buf_fini(&registry);
}

static void core_takes(struct rig *r, struct view body)
{
    const msgpack_object *items = NULL;
    struct pack_doc d;
    size_t n = 0;

    assert_int_equal(pack_doc_open(&d, body), 0);
    n = pack_array(pack_doc_root(&d), "events", &items);
    for (size_t i = 0; i < n; i++) {
        const msgpack_object *parts = items[i].via.array.ptr;
        struct event e;

        assert_int_equal(event_decode(pack_text(&parts[1]), &e), 0);
        assert_int_equal(e.kind, EVENT_AMO_MESSAGE);
        r->last_replay = e.replay;
        r->n_events++;
        assert_int_equal(pairs_add(&r->core.pairs, pack_u64(&parts[0]), pack_u64(&parts[0])),
                         0);
    }
    pack_doc_close(&d);
    fake_core_takes(&r->core, &r->spool_id);
}

static void core_answers(struct rig *r, struct view body)
{
    struct answer a = {.found = r->knows,
                       .mid = VIEW_LIT("mid-1"),
                       .direction = VIEW_LIT("in"),
                       .state = VIEW_LIT("failed"),
                       .reason = VIEW_LIT("refused"),
                       .taken_ms = INT64_C(1767225661000)};
    struct fake_core *c = &r->core;
    struct query q;

    assert_int_equal(query_decode(body, &q), 0);
    assert_true(view_is(q.connector, "svc") && view_is(q.message_id, "m1"));
    r->n_queries++;
    if (r->silent)
        return;
    a.number = q.number;
    buf_reset(&c->out);
    assert_int_equal(answer_encode(&a, &c->out), 0);
    fake_core_say(c, MSG_ANSWER, buf_view(&c->out));
}

static void core_hears(void *arg, const struct envelope *e, struct view body)
{
    struct rig *r = arg;

    if (e->kind == MSG_HELLO)
        core_welcomes(r, body);
    else if (e->kind == MSG_EVENT_PUSH)
        core_takes(r, body);
    else if (e->kind == MSG_QUERY)
        core_answers(r, body);
}

/* --- a life --------------------------------------------------------------------------------- */

static const char config_form[] = "data_dir = \"%s\"\n"
                                  "run_dir = \"%s\"\n"
                                  "bus\n"
                                  "    events = \"%s\"\n"
                                  "    tap = \"%s-tap\"\n"
                                  "ingress\n"
                                  "    listen = \"127.0.0.1:0\"\n"
                                  "    admin_listen = \"127.0.0.1:0\"\n"
                                  "    spool = \"%s/spool\"\n";

static struct config *load(const struct rig *r)
{
    struct config *config = NULL;
    char text[900];
    struct buf why;

    buf_init(&why, 1024);
    (void)snprintf(text, sizeof(text), config_form, r->dir, r->dir, r->core.endpoint,
                   r->core.endpoint, r->dir); /* fits */
    if (config_load_text(view_of(text), "test", &why, &config))
        print_message("%s\n", buf_str(&why));
    buf_fini(&why);
    assert_non_null(config);
    return config;
}

static int begin(void **state)
{
    struct rig *r = mem_zalloc(sizeof(*r));

    assert_non_null(r);
    bus_init();
    r->fd = -1;
    r->has_registry = true;
    fake_core_init(&r->core, core_hears, r);
    (void)snprintf(r->dir, sizeof(r->dir), "ingress.XXXXXX"); /* fits */
    assert_non_null(mkdtemp(r->dir));
    r->config = load(r);
    r->process = (struct process){.config = r->config, .kind = "ingress", .name = "in"};
    *state = r;
    return 0;
}

static int end(void **state)
{
    struct rig *r = *state;

    fake_core_close(&r->core);
    if (r->open)
        ingress_close(&r->in);
    if (r->fd >= 0)
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
    assert_int_equal(ingress_open(&r->in, &r->process, NULL), 0);
    r->open = true;
    fake_core_open(&r->core, r->in.loop);
    assert_int_equal(ingress_connect(&r->in), 0);
}

static bool turn(void *arg)
{
    struct rig *r = arg;
    ssize_t n = 0;

    if (r->fd >= 0)
        n = recv(r->fd, r->got + r->n_got, sizeof(r->got) - 1 - r->n_got, MSG_DONTWAIT);
    if (n > 0)
        r->n_got += (size_t)n;
    r->got[r->n_got] = '\0';
    return r->done(r);
}

/* Until @done holds, or until ingress ends by itself; the exit code. */
static int run(struct rig *r, bool (*done)(struct rig *r))
{
    struct loops_wait w;
    int code = 0;

    r->done = done;
    loops_wait_begin(&w, r->in.loop, turn, r);
    code = ingress_run(&r->in);
    loops_wait_end(&w);
    return code;
}

static void send_request(struct rig *r, const char *text)
{
    if (r->fd < 0) {
        struct sockaddr_storage at;
        socklen_t len = 0;

        assert_int_equal(net_parse_address(listener_address(r->in.listener), &at, &len), 0);
        r->fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(r->fd, (struct sockaddr *)&at, len), 0);
    }
    r->n_got = 0;
    r->got[0] = '\0';
    assert_int_equal(send(r->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void post_webhook(struct rig *r)
{
    unsigned char mac[CRYPTO_SHA1_LEN];
    char signature[41];
    char text[1024];

    assert_int_equal(crypto_hmac_sha1(VIEW_LIT(SECRET), VIEW_LIT(WEBHOOK), mac), 0);
    crypto_hex(mac, sizeof(mac), signature);
    (void)snprintf(text, sizeof(text),
                   "POST /messages/ch_acc HTTP/1.1\r\nHost: a\r\nX-Signature: %s\r\n"
                   "Content-Length: %zu\r\n\r\n" WEBHOOK,
                   signature, sizeof(WEBHOOK) - 1); /* fits */
    send_request(r, text);
}

static void ask_for(struct rig *r, const char *path)
{
    char text[256];

    (void)snprintf(text, sizeof(text),
                   "GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good token\r\n\r\n",
                   path); /* fits */
    send_request(r, text);
}

static bool is_answered(const struct rig *r)
{
    const char *body = strstr(r->got, "\r\n\r\n");
    const char *length = strstr(r->got, "Content-Length: ");

    return body && length && strlen(body + 4) >= strtoul(length + 16, NULL, 10);
}

static uint64_t n_left(const struct rig *r)
{
    struct spool_stats f;

    spool_stats(r->in.spool, &f);
    return f.events;
}

/* The session is open and the registry has come. */
static bool is_up(const struct rig *r)
{
    return push_is_up(r->in.push) && registry_copy_get(r->in.registry);
}

/* --- messages ------------------------------------------------------------------------------- */

static bool webhook_is_taken(struct rig *r)
{
    if (r->step == 0 && is_up(r)) {
        r->step = 1;
        post_webhook(r);
    }
    return r->step == 1 && is_answered(r) && r->n_events == 1 && n_left(r) == 0;
}

static void a_webhook_is_answered_kept_and_taken(void **state)
{
    struct rig *r = *state;
    struct buf ready;

    open_all(r);
    assert_int_equal(run(r, webhook_is_taken), 0);
    assert_non_null(strstr(r->got, "HTTP/1.1 200"));
    buf_init(&ready, 4096);
    assert_true(ingress_ready(&r->in, &ready));
    assert_int_equal(ready.len, 0);
    ingress_describe(&r->in, &ready);
    assert_non_null(view_find(buf_view(&ready), "listen=127.0.0.1:"));
    buf_fini(&ready);
}

static bool webhook_is_answered(struct rig *r)
{
    return is_answered(r);
}

/* Nobody is there to take it: it is answered all the same, because it is on the disk. */
static void a_webhook_is_kept_while_core_is_away(void **state)
{
    struct rig *r = *state;
    struct buf bytes;

    assert_int_equal(ingress_open(&r->in, &r->process, NULL), 0);
    r->open = true;
    assert_int_equal(ingress_connect(&r->in), 0);
    buf_init(&bytes, 4096);
    registry_bytes(&bytes);
    assert_int_equal(registry_copy_update(r->in.registry, buf_view(&bytes)), 0);
    buf_fini(&bytes);
    post_webhook(r);
    assert_int_equal(run(r, webhook_is_answered), 0);
    assert_non_null(strstr(r->got, "HTTP/1.1 200"));
    assert_int_equal(n_left(r), 1);
    ingress_close(&r->in); /* and it is there after a restart */
    r->open = false;
    assert_int_equal(ingress_open(&r->in, &r->process, NULL), 0);
    r->open = true;
    assert_int_equal(n_left(r), 1);
}

static void before_there_is_a_registry_nobody_is_let_in(void **state)
{
    struct rig *r = *state;
    struct buf reasons;

    r->has_registry = false;
    open_all(r);
    post_webhook(r);
    assert_int_equal(run(r, webhook_is_answered), 0);
    assert_non_null(strstr(r->got, "HTTP/1.1 503"));
    assert_int_equal(n_left(r), 0);
    buf_init(&reasons, 4096);
    assert_false(ingress_ready(&r->in, &reasons));
    assert_true(view_starts(buf_view(&reasons), "no registry\n"));
    buf_fini(&reasons);
}

static bool replay_is_taken(struct rig *r)
{
    const struct replay again = {
        .number = 9, .scope = VIEW_LIT("ch_acc"), .raw = VIEW_LIT(WEBHOOK)};
    struct fake_core *c = &r->core;

    if (r->step == 0 && is_up(r)) {
        r->step = 1;
        buf_reset(&c->out);
        assert_int_equal(replay_encode(&again, &c->out), 0);
        fake_core_say(c, MSG_REPLAY, buf_view(&c->out));
    }
    return r->n_events == 1;
}

static void what_core_wants_read_again_comes_back_as_an_event(void **state)
{
    struct rig *r = *state;

    open_all(r);
    assert_int_equal(run(r, replay_is_taken), 0);
    assert_int_equal(r->last_replay, 9);
}

/* --- questions ------------------------------------------------------------------------------ */

static bool question_is_answered(struct rig *r)
{
    if (r->step == 0 && is_up(r)) {
        r->step = 1;
        ask_for(r, "/v1/connectors/svc/messages/m1");
    }
    return is_answered(r);
}

static void a_question_is_answered_by_core(void **state)
{
    struct rig *r = *state;

    r->knows = true;
    open_all(r);
    assert_int_equal(run(r, question_is_answered), 0);
    assert_non_null(strstr(r->got, "HTTP/1.1 200"));
    assert_non_null(strstr(r->got, "\"mid\":\"mid-1\""));
    assert_non_null(strstr(r->got, "\"code\":\"refused\""));
    assert_non_null(strstr(r->got, "2026-01-01T00:01:01"));
}

static void what_nobody_knows_is_404(void **state)
{
    struct rig *r = *state;

    open_all(r);
    assert_int_equal(run(r, question_is_answered), 0);
    assert_non_null(strstr(r->got, "HTTP/1.1 404"));
}

static bool core_leaves_with_the_question(struct rig *r)
{
    if (r->step == 1 && r->n_queries == 1) {
        r->step = 2;
        fake_core_say(&r->core, MSG_HELLO_AGAIN, VIEW_LIT(""));
    }
    return question_is_answered(r);
}

static void a_question_ends_with_the_session(void **state)
{
    struct rig *r = *state;

    r->silent = true;
    open_all(r);
    assert_int_equal(run(r, core_leaves_with_the_question), 0);
    assert_non_null(strstr(r->got, "HTTP/1.1 503"));
}

/* --- beginning and ending ------------------------------------------------------------------- */

static bool stops_when_up(struct rig *r)
{
    if (r->step == 0 && is_up(r)) {
        r->step = 1;
        post_webhook(r);
        ingress_stop(&r->in);
        ingress_stop(&r->in);
        assert_false(listener_is_open(r->in.listener));
    }
    return false; /* it ends by itself */
}

static void a_stop_answers_who_is_there_and_ends(void **state)
{
    struct rig *r = *state;

    open_all(r);
    assert_int_equal(run(r, stops_when_up), 0);
    (void)turn(r); /* reads what was answered last */
    assert_non_null(strstr(r->got, "HTTP/1.1 200"));
    assert_non_null(strstr(r->got, "Connection: close"));
}

static void a_spool_that_is_empty_is_drained_at_once(void **state)
{
    struct rig *r = *state;
    char spool[64];

    (void)snprintf(spool, sizeof(spool), "%s/none", r->dir); /* fits */
    assert_int_not_equal(ingress_open(&r->in, &r->process, spool), 0);
    ingress_close(&r->in);
    assert_int_equal(ingress_open(&r->in, &r->process, NULL), 0); /* makes the other one */
    ingress_close(&r->in);
    (void)snprintf(spool, sizeof(spool), "%s/spool", r->dir);
    assert_int_equal(ingress_open(&r->in, &r->process, spool), 0);
    r->open = true;
    assert_null(r->in.listener);
    assert_int_equal(ingress_run(&r->in), EXIT_FINE);
}

/* A start without memory says so by its code, and closing it leaves nothing behind: the next one
 * finds everything free. */
static void without_memory_a_start_fails_and_the_next_one_does_not(void **state)
{
    struct rig *r = *state;
    bool reached = true;
    uint64_t n = 1;

    for (; reached && n < 400; n++) {
        uint64_t before = mem_count();
        int code = 0;

        mem_fail_at(n);
        code = ingress_open(&r->in, &r->process, NULL);
        code = code ? code : ingress_connect(&r->in);
        reached = mem_count() - before >= n;
        mem_fail_at(0);
        if (code)
            assert_true(reached);
        ingress_close(&r->in);
    }
    assert_true(n > 20 && n < 400);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(a_webhook_is_answered_kept_and_taken),
        WITH_RIG(a_webhook_is_kept_while_core_is_away),
        WITH_RIG(before_there_is_a_registry_nobody_is_let_in),
        WITH_RIG(what_core_wants_read_again_comes_back_as_an_event),
        WITH_RIG(a_question_is_answered_by_core),
        WITH_RIG(what_nobody_knows_is_404),
        WITH_RIG(a_question_ends_with_the_session),
        WITH_RIG(a_stop_answers_who_is_there_and_ends),
        WITH_RIG(a_spool_that_is_empty_is_drained_at_once),
        WITH_RIG(without_memory_a_start_fails_and_the_next_one_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
