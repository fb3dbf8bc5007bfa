/* Any bytes as what a stranger sends to the public port: they go through a socket, libmicrohttpd and the
 * listener, as they would. Whatever head the routes are shown was sent, whole, and can be read in one way only.
 *
 * What is done with the texts of a head afterwards is request's (fuzz_request.c). */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/net.h"
#include "ingress/http/guard.h"
#include "ingress/http/listener.h"
#include "ingress/http/metrics.h"
#include "ingress/http/request.h"
#include "proto/bus/loop.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX 16384 /* fits into the socket, so that one thread is enough */
#define BODY_MAX  256
#define STEPS     16 /* of the listener, for all requests of an input */

static struct {
    struct loop *loop;
    struct listener *listener;
    struct guard *guard;
    struct metrics metrics;
    struct view sent;
    size_t n_heads;
} f;

static void check_text(struct view v)
{
    for (size_t i = 0; i < v.len; i++) {
        unsigned char c = (unsigned char)v.ptr[i];

        FUZZ_MUST((c >= ' ' || c == '\t') && c != 0x7f);
    }
}

static void whole(void *arg, struct request *x)
{
    (void)arg;
    FUZZ_MUST(x->body.len <= BODY_MAX);
    request_ok(x);
}

static void head(void *arg, struct request *x)
{
    const struct view texts[] = {x->signature,         x->authorization,     x->webhook_id,
                                 x->webhook_timestamp, x->webhook_signature, x->idempotency_key,
                                 x->content_type};

    (void)arg;
    f.n_heads++;
    for (size_t i = 0; i < AMO_COUNT(texts); i++)
        check_text(texts[i]);
    check_text(x->path); /* nothing of an address without a path */
    FUZZ_MUST(!view_find(x->path, " ") && !view_find(x->path, "\t"));
    x->source = SOURCE_CONNECTOR;
    x->trusted = true; /* the fuzzer has one address, and is not to be put out for it */
    x->body_max = BODY_MAX;
    x->whole = whole;
}

static void waits(void *arg, struct request *x)
{
    (void)arg;
    FUZZ_MUST(!x); /* nothing waits here */
}

static void open_all(void)
{
    struct listener_config config = {.listen = "127.0.0.1:0",
                                     .max_connections = 64,
                                     .head = head,
                                     .wait = waits,
                                     .metrics = &f.metrics};

    if (!f.guard) {
        FUZZ_MUST(guard_new("127.0.0.0/8", 64, &f.guard) == 0);
        FUZZ_MUST(metrics_init(&f.metrics, "ingress") == 0);
    }
    FUZZ_MUST(loop_new(&f.loop) == 0);
    config.loop = f.loop;
    config.guard = f.guard;
    FUZZ_MUST(listener_new(&config, &f.listener) == 0);
}

/* Each head that is shown has a first line of its own. */
static size_t count_first_lines(struct view v)
{
    size_t n = 0;

    for (const char *at = NULL; (at = view_find(v, "HTTP/1.")); n++)
        v = view_make(at + 1, v.len - (size_t)(at + 1 - v.ptr));
    return n;
}

/* Everything of a loopback connection is there at once: the loop need not run. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct sockaddr_storage at;
    socklen_t at_len = 0;
    int fd = -1;

    if (len > INPUT_MAX)
        return 0;
    open_all();
    f.n_heads = 0;
    f.sent = view_make(bytes, len);
    FUZZ_MUST(net_parse_address(listener_address(f.listener), &at, &at_len) == 0);
    fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FUZZ_MUST(fd >= 0 && connect(fd, (struct sockaddr *)&at, at_len) == 0);
    FUZZ_MUST(send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len);
    listener_close(f.listener); /* takes in who is queued there */
    for (int i = 0; i < STEPS; i++)
        listener_run(f.listener);
    (void)close(fd); /* what is left of the answers does not matter */
    listener_run(f.listener);
    listener_free(f.listener);
    loop_free(f.loop);
    FUZZ_MUST(f.n_heads <= count_first_lines(f.sent));
    return 0;
}
