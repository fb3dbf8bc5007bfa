/* One connection of the listener: its place, its state, and the one request it can have.
 *
 * From: libmicrohttpd, a head, pieces of a body, the end.
 * To: the routes, as a whole request.
 * Holds: the body that is being read. */

#include "ingress/http/connection.h"

#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "ingress/http/listener_head.h"
#include "ingress/http/metrics.h"
#include "proto/limits.h"

#define LISTENER_SWALLOW (16U << 10) /* bytes read and dropped so that a refusal gets through */

static enum MHD_Result connection_head(struct connection *g, const struct listener_line *line);
static enum MHD_Result connection_body(struct connection *g, const char *data, size_t *size);
static enum MHD_Result connection_whole(struct connection *g);
static enum MHD_Result connection_answer(struct connection *g);

/* The one place where a state begins; it ends at @until_ms (monotonic, 0 never). */
static void connection_enter(struct connection *g, enum connection_state state,
                             int64_t until_ms)
{
    g->state = state;
    g->until_ms = until_ms;
}

/* --- a place ------------------------------------------------------------------------------ */

void connection_cut(struct connection *g)
{
    if (g->cut)
        return;
    g->cut = true;
    (void)shutdown(g->fd, SHUT_RDWR); /* libmicrohttpd sees the end and cleans up */
}

/* What it had sent is gone, and what it holds is no longer counted. */
static bool was_put_out(const struct connection *g)
{
    return list_is_empty(&g->place.link);
}

void connection_put_out(struct connection *g, enum place_reason reason)
{
    struct listener *d = g->listener;

    stat_add(d->config.metrics->put_out[reason], 1);
    connection_cut(g);
    /* at once: what it held is needed */
    places_leave(&d->places, &g->place);
    buf_fini(&g->x.body);
}

void connection_make_room(const struct connection *g)
{
    const struct places *p = &g->listener->places;
    enum place_reason reason = PLACE_FOR_ROOM;
    struct place *over = NULL;
    int64_t now = clock_mono_ms();

    while ((over = places_over(p, &g->place, now, &reason)))
        connection_put_out(LIST_ENTRY(over, struct connection, place), reason);
}

/* --- a connection ------------------------------------------------------------------------- */

void connection_on_notify(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct listener *d = arg;
    struct connection *g = *context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        g = mem_zalloc(sizeof(*g));
        if (!g)
            return; /* connection_on_request refuses who has no place here */
        list_init(&g->link);
        request_init(&g->x);
        g->listener = d;
        g->connection = connection;
        g->fd = d->entering_fd;
        g->peer = d->entering;
        g->of_proxy = guard_trusts(d->config.guard, &g->peer);
        g->rest = g->of_proxy ? PLACE_IDLE : PLACE_UNPROVEN;
        if (places_enter(&d->places, &g->place, g->of_proxy ? NULL : &g->peer,
                         clock_mono_ms())) {
            mem_free(g);
            return;
        }
        g->until_ms = clock_mono_ms() + LIMIT_REQUEST_MS;
        list_add_tail(&d->connections, &g->link);
        d->n_connections++;
        d->entered = g;
        *context = g;
        return;
    }
    if (!g)
        return;
    places_leave(&d->places, &g->place);
    list_remove(&g->link);
    d->n_connections--;
    request_fini(&g->x);
    mem_free(g);
    *context = NULL;
    listener_go_on(d);
}

static struct connection *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

void *connection_on_line(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct connection *g = connection_of(connection);

    (void)arg;
    if (g) {
        g->target_len = strlen(uri);
        g->odd_target = !listener_head_target_fits(uri);
        connection_enter(g, CONNECTION_HEAD, clock_mono_ms() + LIMIT_REQUEST_MS);
        places_use(&g->place, PLACE_UNPROVEN, clock_mono_ms());
    }
    return g;
}

void connection_on_completed(void *arg, struct MHD_Connection *connection, void **context,
                             enum MHD_RequestTerminationCode why)
{
    struct listener *d = arg;
    struct connection *g = connection_of(connection);

    (void)context;
    (void)why;
    if (!g)
        return;
    request_reset(&g->x);
    places_drop_body(&d->places, &g->place);
    if (g->of_proxy)
        places_move(&d->places, &g->place, NULL);
    places_use(&g->place, g->rest, clock_mono_ms());
    g->swallowed = 0;
    /* libmicrohttpd ends an idle connection; ours is for one that trickles its next head */
    connection_enter(g, CONNECTION_IDLE,
                     clock_mono_ms() + (int64_t)LIMIT_IDLE_S * 1000 + LIMIT_REQUEST_MS);
    if (d->draining)
        connection_cut(g);
}

/* --- a request ---------------------------------------------------------------------------- */

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd says which parameters */
enum MHD_Result connection_on_request(void *arg, struct MHD_Connection *connection,
                                      const char *url, const char *method, const char *version,
                                      const char *data, size_t *size, void **context)
{
    struct connection *g = *context;

    (void)arg;
    (void)connection;
    if (!g)
        return MHD_NO; /* there was no memory for it */
    switch (g->state) {
    case CONNECTION_NEW:
    case CONNECTION_IDLE:
    case CONNECTION_HEAD:
        return connection_head(g, &(struct listener_line){method, url, version});
    case CONNECTION_BODY:
        return *size ? connection_body(g, data, size) : connection_whole(g);
    case CONNECTION_WAITING:
    case CONNECTION_ANSWERED:
        return connection_answer(g);
    }
    return MHD_NO;
}

/* How much of a body is read only to be dropped. */
static bool swallows(const struct connection *g, const struct listener_head *head)
{
    if (head->broken)
        return false;
    return head->chunked ? g->x.status == 413 : head->length <= LISTENER_SWALLOW;
}

/* Its request was verified: by a token at the head, or by what it is signed with. */
static void connection_proven(struct connection *g)
{
    bool amojo = g->x.source == SOURCE_AMOJO;

    if (g->place.who)
        guard_prove(g->listener->config.guard, g->place.who, clock_mono_ms());
    if (!g->of_proxy)
        g->rest = amojo ? PLACE_IDLE : PLACE_IDLE_SERVICE;
}

/* The body of somebody who sends too much of what cannot be verified is not even read. What is
 * small is read anyway, for the answer to get through, and so it may still prove itself. */
static bool connection_floods(const struct connection *g, const struct listener_head *head)
{
    return !g->x.status && !g->x.trusted &&
           (head->chunked || head->length > LISTENER_SWALLOW) &&
           guard_is_flooding(g->listener->config.guard, &g->x.origin, clock_mono_ms());
}

static void request_too_many(struct request *x)
{
    x->status = 0;
    x->retry_after_s = 1;
    x->close = true;
    x->reason =
        NULL; /* whatever they lack: one kind of refusal, not one for each way to knock */
    request_fault(x, 429, "too_many", "too many requests that could not be verified", NULL);
}

/* Who asks, and what that is worth. */
static void connection_judge(struct connection *g, const struct listener_head *head)
{
    struct listener *d = g->listener;

    if (g->of_proxy)
        places_move(&d->places, &g->place, &g->x.origin);
    if (g->x.trusted) {
        connection_proven(g);
        places_use(&g->place, PLACE_TOKEN, clock_mono_ms());
    }
    if (connection_floods(g, head)) {
        stat_add(d->config.metrics->flooding, 1);
        request_too_many(&g->x);
    }
}

/* The memory of its body has grown: who must go for it? */
static void connection_hold_body(struct connection *g)
{
    places_hold_body(&g->listener->places, &g->place, g->x.body.cap);
    connection_make_room(g);
}

static enum MHD_Result connection_head(struct connection *g, const struct listener_line *line)
{
    struct request *x = &g->x;
    struct listener_head head;

    if (was_put_out(g))
        return MHD_NO;
    connection_enter(g, CONNECTION_BODY, g->until_ms); /* counted from the head on */
    listener_head_read(g->connection, line, x, &head);
    if (g->odd_target && !head.broken)
        head.broken = "the address holds a blank or a control character";
    x->began_us = clock_mono_us();
    x->origin = guard_origin(g->listener->config.guard, &g->peer, head.forwarded);
    x->close =
        head.chunked; /* the lines behind a chunked body can hide where it ends, unseen */
    if (head.broken) {
        stat_add(g->listener->config.metrics->malformed, 1);
        x->close = true;
        request_fault(x, 400, "bad_request", head.broken, NULL);
    } else if (head.bytes > LIMIT_HEADER_BYTES) {
        /* what is accepted must be answered, and the answer's head needs room beside it */
        x->close = true;
        request_fault(x, 431, "head_too_large", "the head is larger than allowed", NULL);
    } else if (g->target_len > LIMIT_URL) {
        request_fault(x, 414, "too_long", "the address is longer than allowed", NULL);
    } else if (buf_error(&x->path_buf)) {
        request_unavailable(x, "busy", "there is no memory for it now");
    } else {
        g->listener->config.head(g->listener->config.arg, x);
    }
    if (!x->status && !head.chunked && head.length > x->body_max)
        request_fault(x, 413, "too_large", "the body is larger than allowed", NULL);
    connection_judge(g, &head);
    if (x->status && !swallows(g, &head) && (head.length || head.chunked || head.broken)) {
        x->close = true;
        return connection_answer(g);
    }
    x->body.max = x->body_max;
    if (!x->status && head.length)
        (void)buf_reserve(&x->body,
                          num_min(head.length, LISTENER_SWALLOW)); /* or piece by piece */
    connection_hold_body(g);
    return MHD_YES;
}

/* An answer cannot be given inside a body: what comes is dropped, up to a limit, then cut. */
static enum MHD_Result connection_body(struct connection *g, const char *data, size_t *size)
{
    struct request *x = &g->x;
    size_t n = *size;

    *size = 0;
    if (was_put_out(g))
        return MHD_NO;
    if (!x->status && n > x->body_max - x->body.len)
        request_fault(x, 413, "too_large", "the body is larger than allowed", NULL);
    if (x->status) {
        buf_fini(&x->body);
        places_drop_body(&g->listener->places, &g->place);
        g->swallowed += n;
        return g->swallowed > num_max(x->body_max, LISTENER_SWALLOW) ? MHD_NO : MHD_YES;
    }
    if (buf_add(&x->body, data, n)) {
        request_fault(x, 503, "busy", "there is no memory for it now", NULL);
        return MHD_YES;
    }
    connection_hold_body(g);
    return MHD_YES;
}

static enum MHD_Result connection_whole(struct connection *g)
{
    struct request *x = &g->x;

    if (was_put_out(g))
        return MHD_NO;
    if (!x->status && x->whole)
        x->whole(g->listener->config.arg, x);
    /* what was to be kept of the body is in the spool by now */
    request_drop_body(x);
    places_drop_body(&g->listener->places, &g->place);
    if (x->trusted)
        connection_proven(g);
    if (!x->waits)
        return connection_answer(g);
    connection_enter(g, CONNECTION_WAITING, 0);
    places_use(&g->place, PLACE_BUSY, clock_mono_ms());
    MHD_suspend_connection(g->connection);
    g->listener->config.wait(g->listener->config.arg, x);
    return MHD_YES;
}

static enum MHD_Result connection_answer(struct connection *g)
{
    struct listener *d = g->listener;
    struct request *x = &g->x;

    if (g->state == CONNECTION_ANSWERED)
        return MHD_YES;
    connection_enter(g, CONNECTION_ANSWERED, clock_mono_ms() + LIMIT_REQUEST_MS);
    if (!x->status)
        request_unavailable(x, "internal", "no answer was decided");
    if (!x->trusted && x->status >= 400 && x->status != 503 &&
        guard_strike(d->config.guard, &x->origin, clock_mono_ms()))
        request_too_many(x);
    /* a service that does not read its answer holds a place with it */
    if (x->trusted)
        places_use(&g->place, x->source == SOURCE_AMOJO ? PLACE_BUSY : PLACE_TOKEN,
                   clock_mono_ms());
    metrics_count(d->config.metrics, x, clock_mono_us());
    if (x->status >= 400 && x->source != SOURCE_NONE && d->config.refused)
        d->config.refused(d->config.arg, x);
    x->close = x->close || d->draining;
    return listener_head_answer(g->connection, x, d->ok);
}
