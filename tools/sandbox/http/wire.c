/* What: curl multi, driven by its sockets through one epoll and by one timer.
 * From: amojo/hooks, service/calls, through lanes.
 * To:   the bridge.
 * Holds: a transfer from wire_send() until it is done or aborted. */
#include "tools/sandbox/http/wire.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"

enum {
    ANSWER_MAX = 64 * 1024,
    EVENTS_A_TURN = 128,
    KEPT_CONNECTIONS = 256
};

struct transfer {
    struct list link; /* wire.running */
    CURL *easy;
    struct curl_slist *headers;
    struct blob *body;
    size_t sent;
    struct buf answer;
    int64_t started_us;
    wire_done_fn *done;
    void *arg;
};

struct wire {
    CURLM *multi;
    int epoll_fd;
    struct timers *timers;
    struct timer timer;
    struct list running;
};

/* curl says which sockets to watch. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct wire *w = arg;
    struct epoll_event ev = {.data.fd = fd};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* may be closed already */
        return 0;
    }
    ev.events |= (what & CURL_POLL_IN) ? (uint32_t)EPOLLIN : 0U;
    ev.events |= (what & CURL_POLL_OUT) ? (uint32_t)EPOLLOUT : 0U;
    if (epoll_ctl(w->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev) < 0 &&
        epoll_ctl(w->epoll_fd, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &ev) < 0)
        return -1;
    (void)curl_multi_assign(w->multi, fd, w); /* any pointer: it only says "known" */
    return 0;
}

static void wire_finish(struct wire *w);

static void on_timer(void *arg)
{
    struct wire *w = arg;
    int running = 0;

    (void)curl_multi_socket_action(w->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    wire_finish(w);
}

static int on_timeout(CURLM *multi, long ms, void *arg)
{
    struct wire *w = arg;

    (void)multi;
    if (ms < 0) {
        timers_disarm(&w->timer);
        return 0;
    }
    timers_arm(w->timers, &w->timer, clock_mono_ms() + ms, on_timer, w);
    return 0;
}

int wire_new(struct wire **ret_wire, struct timers *timers)
{
    struct wire *w = mem_zalloc(sizeof(*w));
    int rc = -ENOMEM;

    if (!w)
        goto out;
    list_init(&w->running);
    w->timers = timers;
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (w->epoll_fd < 0) {
        rc = -errno;
        goto out;
    }
    w->multi = curl_multi_init();
    if (!w->multi)
        goto out;
    (void)curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, on_socket); /* known options */
    (void)curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w);
    (void)curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    (void)curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, w);
    (void)curl_multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
    *ret_wire = w;
    w = NULL; /* handed over */
    rc = 0;
out:
    wire_free(w);
    return rc;
}

static void transfer_free(struct transfer *t)
{
    if (!t)
        return;
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    blob_drop(t->body);
    buf_fini(&t->answer);
    mem_free(t);
}

void wire_abort_all(struct wire *w)
{
    while (!list_is_empty(&w->running)) {
        struct transfer *t = LIST_ENTRY(w->running.next, struct transfer, link);

        list_remove(&t->link);
        (void)curl_multi_remove_handle(w->multi, t->easy); /* it is in there */
        transfer_free(t);
    }
}

void wire_free(struct wire *w)
{
    if (!w)
        return;
    if (w->multi)
        wire_abort_all(w);
    if (w->multi)
        (void)curl_multi_cleanup(w->multi); /* on the way out */
    timers_disarm(&w->timer);
    if (w->epoll_fd > 0)
        (void)close(w->epoll_fd); /* nothing was promised on it */
    mem_free(w);
}

/* The body goes out through a callback that cannot rewind: when a kept-alive connection dies
 * after bytes were sent, curl must then fail instead of sending the request again. */
static size_t on_read(char *to, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    size_t space = size * n;
    size_t left = t->body ? t->body->len - t->sent : 0;

    if (space > left)
        space = left;
    if (space)
        memcpy(to, t->body->bytes + t->sent, space);
    t->sent += space;
    return space;
}

static size_t on_answer(char *from, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;

    (void)buf_add(&t->answer, from, size * n); /* over the limit: the rest is not kept */
    return size * n;
}

#define WIRE_SET(easy, option, value)                                                          \
    ok = curl_easy_setopt(easy, option, value) == CURLE_OK && ok

static bool transfer_set(struct transfer *t, const struct wire_request *r)
{
    bool ok = true;

    WIRE_SET(t->easy, CURLOPT_URL, r->url);
    WIRE_SET(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    WIRE_SET(t->easy, CURLOPT_PROXY, "");
    WIRE_SET(t->easy, CURLOPT_NOSIGNAL, 1L);
    WIRE_SET(t->easy, CURLOPT_QUICK_EXIT, 1L);
    WIRE_SET(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    WIRE_SET(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
    WIRE_SET(t->easy, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
    WIRE_SET(t->easy, CURLOPT_SSL_VERIFYPEER, r->tls_verify ? 1L : 0L);
    WIRE_SET(t->easy, CURLOPT_SSL_VERIFYHOST, r->tls_verify ? 2L : 0L);
    WIRE_SET(t->easy, CURLOPT_FRESH_CONNECT, r->keep_alive ? 0L : 1L);
    WIRE_SET(t->easy, CURLOPT_CAPATH, NULL); /* the default one defeats curl's CA cache */
    WIRE_SET(t->easy, CURLOPT_HTTPHEADER, t->headers);
    WIRE_SET(t->easy, CURLOPT_WRITEFUNCTION, on_answer);
    WIRE_SET(t->easy, CURLOPT_WRITEDATA, t);
    WIRE_SET(t->easy, CURLOPT_PRIVATE, t);
    if (t->body) {
        WIRE_SET(t->easy, CURLOPT_POST, 1L);
        WIRE_SET(t->easy, CURLOPT_READFUNCTION, on_read);
        WIRE_SET(t->easy, CURLOPT_READDATA, t);
        WIRE_SET(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body->len);
    }
    WIRE_SET(t->easy, CURLOPT_CUSTOMREQUEST, r->method);
    return ok;
}

void wire_header(struct wire_headers *h, const char *fmt, ...)
{
    struct curl_slist *more = NULL;
    char line[512];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, args); /* may be cut */
    va_end(args);
    more = curl_slist_append(h->list, line);
    if (more)
        h->list = more;
    else
        h->failed = true;
}

int wire_send(struct wire *w, const struct wire_request *request)
{
    struct transfer *t = mem_zalloc(sizeof(*t));
    int rc = -ENOMEM;

    if (!t) {
        curl_slist_free_all(request->headers.list);
        return rc;
    }
    t->headers = request->headers.list;
    t->body = blob_hold(request->body);
    t->done = request->done;
    t->arg = request->arg;
    buf_init(&t->answer, ANSWER_MAX);
    t->easy = curl_easy_init();
    if (!t->easy || request->headers.failed)
        goto out;
    rc = -EINVAL;
    if (!transfer_set(t, request))
        goto out;
    t->started_us = clock_mono_us();
    if (curl_multi_add_handle(w->multi, t->easy) != CURLM_OK)
        goto out;
    list_add_tail(&w->running, &t->link);
    t = NULL; /* on its way */
    rc = 0;
out:
    transfer_free(t);
    return rc;
}

static void transfer_done(struct transfer *t, CURLcode code)
{
    struct wire_result r = {.retry_after_ms = -1};
    curl_off_t after_s = 0;
    long status = 0;

    r.took_us = clock_mono_us() - t->started_us;
    r.answer = buf_view(&t->answer);
    if (code == CURLE_OK &&
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
        r.status = (int)status;
    else
        r.error = curl_easy_strerror(code);
    if (r.status && curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &after_s) == CURLE_OK &&
        after_s > 0)
        r.retry_after_ms = (int64_t)after_s * 1000;
    t->done(t->arg, &r);
    transfer_free(t);
}

static void wire_finish(struct wire *w)
{
    CURLMsg *m = NULL;
    int left = 0;

    while ((m = curl_multi_info_read(w->multi, &left))) {
        CURLcode code = m->data.result;
        CURL *easy = m->easy_handle;
        char *private = NULL;
        struct transfer *t = NULL;

        if (m->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private); /* set for every one */
        t = (struct transfer *)(void *)private;
        (void)curl_multi_remove_handle(w->multi, easy); /* it is in there */
        list_remove(&t->link);
        transfer_done(t, code);
    }
}

int wire_fd(const struct wire *w)
{
    return w->epoll_fd;
}

void wire_run(struct wire *w)
{
    struct epoll_event events[EVENTS_A_TURN];
    int running = 0;
    int n = epoll_wait(w->epoll_fd, events, EVENTS_A_TURN, 0);

    for (int i = 0; i < n; i++) {
        int mask = 0;

        mask |= (events[i].events & EPOLLIN) ? CURL_CSELECT_IN : 0;
        mask |= (events[i].events & EPOLLOUT) ? CURL_CSELECT_OUT : 0;
        mask |= (events[i].events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0;
        (void)curl_multi_socket_action(w->multi, events[i].data.fd, mask, &running);
    }
    wire_finish(w);
}
