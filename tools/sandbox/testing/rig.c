/* What: the sandbox, its tester and its bridge in one thread: every wait turns the one loop that
 * drives all three. */
#include "tools/sandbox/testing/rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/http/lanes.h"
#include "tools/sandbox/http/request.h"
#include "tools/sandbox/http/wire.h"
#include "tools/sandbox/kit/digest.h"
#include "tools/sandbox/kit/http_date.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/record/counters.h"
#include "tools/sandbox/record/verify.h"
#include "tools/sandbox/record/world.h"
#include "tools/sandbox/sandbox.h"
#include "tools/sandbox/service/store.h"
#include "tools/sandbox/testing/json.h"

enum {
    DEADLINE_MS = 10000,
    ANSWER_MAX = 16 * 1024 * 1024
};

static void on_sandbox(void *arg, struct request *x)
{
    struct rig *r = arg;

    sandbox_handle(&r->sandbox, x);
}

static int64_t on_clock(void *arg)
{
    const struct rig *r = arg;

    return sandbox_unix_ms(&r->sandbox);
}

static void bridge_answer(void *arg, struct request *x)
{
    const struct rig *r = arg;

    request_answer(x, r->bridge_status, "application/json", view_of(r->bridge_body));
}

static void seen_header(const struct request *x, const char *name, char *ret, size_t cap)
{
    const char *v = request_header(x, name);

    if (v)
        assert_true(snprintf(ret, cap, "%s", v) < (int)cap);
}

static void on_bridge(void *arg, struct request *x)
{
    struct rig *r = arg;
    struct view body = request_body(x);
    struct rig_seen *seen = &r->seen;
    unsigned n = seen->n + 1;

    json_object_put(seen->body);
    *seen = (struct rig_seen){.n = n};
    (void)snprintf(seen->method, sizeof(seen->method), "%s", request_method(x));
    (void)snprintf(seen->path, sizeof(seen->path), "%s", request_path(x));
    seen_header(x, "X-Signature", seen->signature, sizeof(seen->signature));
    seen_header(x, "webhook-signature", seen->signature, sizeof(seen->signature));
    seen_header(x, "webhook-id", seen->webhook_id, sizeof(seen->webhook_id));
    seen_header(x, "Idempotency-Key", seen->key, sizeof(seen->key));
    seen_header(x, "Authorization", seen->bearer, sizeof(seen->bearer));
    seen->body = jread_parse(body);
    if (body.len)
        seen->last_byte = body.ptr[body.len - 1];
    if (r->bridge_is_slow)
        request_later(x, 50, bridge_answer, r);
    else
        bridge_answer(r, x);
}

static struct listener *rig_listen(struct rig *r, request_fn *handle)
{
    struct listener_options o = {
        .address = "127.0.0.1:0", .handle = handle, .unix_ms = on_clock, .arg = r};
    struct listener *l = NULL;

    assert_int_equal(listener_open(&l, &r->sandbox.timers, &o), 0);
    return l;
}

/* The channel, account and connector every test begins with. */
static void rig_furnish(struct rig *r)
{
    unsigned port = listener_port(r->bridge);
    char body[512];

    (void)snprintf(body, sizeof(body),
                   "{'id':'ch','secret':'secret',"
                   "'webhook_url':'http://127.0.0.1:%u/messages/:scope_id'}",
                   port);
    rig_ask(r, 200, "POST /channels", body);
    rig_ask(r, 200, "POST /scopes", "{'channel_id':'ch','account_id':'acc'}");
    (void)snprintf(body, sizeof(body), "{'name':'wa','bridge_url':'http://127.0.0.1:%u'}",
                   port);
    rig_ask(r, 200, "POST /connectors", body);
}

int rig_setup(void **state)
{
    struct rig *r = mem_zalloc(sizeof(*r));

    assert_non_null(r);
    assert_int_equal(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
    assert_int_equal(sandbox_init(&r->sandbox), 0);
    r->bridge_status = 200;
    r->bridge_body = "{}";
    r->sandbox.listener = rig_listen(r, on_sandbox);
    r->bridge = rig_listen(r, on_bridge);
    rig_furnish(r);
    *state = r;
    return 0;
}

int rig_teardown(void **state)
{
    struct rig *r = *state;

    listener_close(r->bridge);
    sandbox_fini(&r->sandbox);
    json_object_put(r->answer);
    json_object_put(r->seen.body);
    mem_free(r);
    curl_global_cleanup();
    return 0;
}

void rig_turn(struct rig *r)
{
    struct pollfd fds[] = {
        {.fd = listener_fd(r->sandbox.listener), .events = POLLIN},
        {.fd = wire_fd(r->sandbox.wire),         .events = POLLIN},
        {.fd = listener_fd(r->bridge),           .events = POLLIN},
    };

    assert_true(poll(fds, AMO_COUNT(fds), 1) >= 0);
    sandbox_turn(&r->sandbox, true);
    listener_run(r->bridge);
}

void rig_await_calls(struct rig *r, unsigned n)
{
    int64_t until = clock_mono_ms() + DEADLINE_MS;

    while (r->seen.n < n) {
        assert_true(clock_mono_ms() < until);
        rig_turn(r);
    }
}

void rig_await_idle(struct rig *r)
{
    int64_t until = clock_mono_ms() + DEADLINE_MS;

    while (lanes_count(r->sandbox.hooks.lanes) + lanes_count(r->sandbox.calls.lanes) > 0) {
        assert_true(clock_mono_ms() < until);
        rig_turn(r);
    }
}

void rig_begin(struct rig *r, struct rig_client *c, const char *line, const char *headers,
               const char *body)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)listener_port(r->sandbox.listener)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct buf out;

    buf_init(&c->in, ANSWER_MAX);
    buf_init(&out, ANSWER_MAX);
    (void)buf_add_f(&out, "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", line);
    (void)buf_add_f(&out, "Content-Length: %zu\r\n%s\r\n%s", strlen(body), headers, body);
    assert_int_equal(buf_error(&out), 0);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    assert_int_equal(connect(c->fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    for (size_t sent = 0; sent < out.len;) {
        ssize_t n = send(c->fd, out.ptr + sent, out.len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

        assert_true(n > 0 || errno == EAGAIN);
        sent += n > 0 ? (size_t)n : 0;
        rig_turn(r);
    }
    buf_fini(&out);
}

/* Splits what came into status, headers and JSON. */
static void rig_read(struct rig *r, const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");

    json_object_put(r->answer);
    r->answer = NULL;
    r->status = 0;
    r->headers[0] = '\0';
    if (!end)
        return;
    assert_int_equal(strncmp(text, "HTTP/1.1 ", 9), 0);
    r->status = (int)strtol(text + 9, NULL, 10);
    assert_int_equal(
        view_copy(view_make(text, (size_t)(end - text)), r->headers, sizeof(r->headers)), 0);
    r->answer = jread_parse(view_of(end + 4));
}

void rig_end(struct rig *r, struct rig_client *c)
{
    int64_t until = clock_mono_ms() + DEADLINE_MS;
    char piece[4096];
    ssize_t n = 1;

    while (n != 0) {
        assert_true(clock_mono_ms() < until);
        rig_turn(r);
        n = recv(c->fd, piece, sizeof(piece), MSG_DONTWAIT);
        if (n > 0)
            assert_int_equal(buf_add(&c->in, piece, (size_t)n), 0);
        if (n < 0 && errno != EAGAIN)
            break; /* reset: cut, too */
    }
    assert_int_equal(close(c->fd), 0);
    rig_read(r, buf_str(&c->in));
    buf_fini(&c->in);
}

void rig_send(struct rig *r, const char *line, const char *headers, const char *body)
{
    struct rig_client c;

    rig_begin(r, &c, line, headers, body);
    rig_end(r, &c);
}

static void rig_check(const struct rig *r, int status, const char *line)
{
    if (r->status != status)
        fail_msg("%s: %d instead of %d: %s", line, r->status, status,
                 json_object_to_json_string(r->answer));
}

static char *rig_quoted(const char *text)
{
    struct json_object *o = testing_json(text);
    char *copy = mem_strdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));

    assert_non_null(copy);
    json_object_put(o);
    return copy;
}

/* "POST /x" becomes "POST @prefix/x". */
static void rig_line(const char *line, const char *prefix, char *ret, size_t cap)
{
    size_t n = strcspn(line, " ");

    assert_true(snprintf(ret, cap, "%.*s %s%s", (int)n, line, prefix, line + n + 1) < (int)cap);
}

void rig_ask(struct rig *r, int status, const char *line, const char *body)
{
    char *bytes = body ? rig_quoted(body) : NULL;
    char whole[512];

    rig_line(line, "/_sandbox", whole, sizeof(whole));
    rig_send(r, whole, "", bytes ? bytes : "");
    mem_free(bytes);
    rig_check(r, status, whole);
}

void rig_amojo_begin(struct rig *r, struct rig_client *c, const char *line, const char *body)
{
    char *bytes = body ? rig_quoted(body) : mem_strdup("");
    char whole[512];
    char headers[512];
    char date[HTTP_DATE_LEN + 1];
    char md5[DIGEST_MD5_HEX + 1];
    char signature[DIGEST_SHA1_HEX + 1];
    struct verify_call call = {.content_type = "application/json", .date = date};
    char method[16];

    assert_non_null(bytes);
    rig_line(line, "/v2/origin/custom/", whole, sizeof(whole));
    assert_int_equal(view_copy(view_make(whole, strcspn(whole, " ")), method, sizeof(method)),
                     0);
    http_date_format(sandbox_unix_ms(&r->sandbox) / 1000, date);
    assert_int_equal(digest_md5(bytes, strlen(bytes), md5), 0);
    call.method = method;
    call.path = whole + strlen(method) + 1;
    call.content_md5 = md5;
    assert_int_equal(verify_call_sign(&call, "secret", signature), 0);
    (void)snprintf(headers, sizeof(headers),
                   "Date: %s\r\nContent-Type: application/json\r\nContent-MD5: %s\r\n"
                   "X-Signature: %s\r\n",
                   date, md5, signature);
    rig_begin(r, c, whole, headers, bytes);
    mem_free(bytes);
}

void rig_amojo(struct rig *r, int status, const char *line, const char *body)
{
    struct rig_client c;

    rig_amojo_begin(r, &c, line, body);
    rig_end(r, &c);
    rig_check(r, status, line);
}

void rig_message(struct rig *r, int status, const char *event, const char *payload)
{
    char body[4096];

    assert_true(snprintf(body, sizeof(body),
                         "{'event_type':'%s','payload':{'timestamp':1700000000,"
                         "'msec_timestamp':1700000000250,%s}}",
                         event, payload) < (int)sizeof(body));
    rig_amojo(r, status, "POST ch_acc", body);
}

void rig_service(struct rig *r, int status, const char *webhook_id, const char *body)
{
    const struct service_connector *k = names_get(&r->sandbox.service->connectors, "wa");
    char *bytes = rig_quoted(body);
    char timestamp[24];
    char signature[DIGEST_SHA256_B64 + 4];
    char headers[512];

    assert_non_null(k);
    (void)snprintf(timestamp, sizeof(timestamp), "%lld",
                   (long long)sandbox_unix_ms(&r->sandbox) / 1000);
    assert_int_equal(
        verify_webhook_sign(k->secret, webhook_id, timestamp, bytes, strlen(bytes), signature),
        0);
    (void)snprintf(headers, sizeof(headers),
                   "webhook-id: %s\r\nwebhook-timestamp: %s\r\nwebhook-signature: %s\r\n",
                   webhook_id, timestamp, signature);
    rig_send(r, "POST /mobilon/wa", headers, bytes);
    mem_free(bytes);
    rig_check(r, status, webhook_id);
}

void rig_expect(struct rig *r, const char *path, const char *want)
{
    testing_assert_at(r->answer, path, want);
}

void rig_expect_seen(struct rig *r, const char *path, const char *want)
{
    testing_assert_at(r->seen.body, path, want);
}

uint64_t rig_count(struct rig *r, const char *counter)
{
    const uint64_t *n = counters_find(&r->sandbox.counters, counter);

    assert_non_null(n);
    return *n;
}

const char *rig_manager(struct rig *r)
{
    const struct amojo_scope *sc = names_get(&r->sandbox.amojo->scopes, "ch_acc");

    assert_non_null(sc);
    return sc->manager_id;
}
