/* The calls under way.
 *
 * From: egress/transfer.c, a call filled in and signed.
 * To: curl, in one multi for each address policy; back to transfer.c through done.
 * Holds: each call from http_send until its done.
 *
 * curl tells which sockets it waits for and when it wants to be called next. Its sockets and one
 * timerfd sit in one epoll descriptor, which is a single descriptor to the loop:
 * the loop is linear in descriptors, epoll is not. */

#include "egress/http.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "egress/http_private.h"
#include "proto/bus/loop.h"

/* events handled before the loop looks elsewhere */
#define BATCH      128
/* how often parked calls are looked at for being out of time */
#define SWEEP_MS   100
/* how often in one turn curl may ask to be called at once */
#define ROUNDS     8
/* the timer's mark among the sockets' events */
#define TIMER_MARK UINT64_MAX

static_assert(DNS_GATE_SLOTS == HTTP_RESOLVES_MAX, "the gate holds what http.h promises");

static void http_readable(void *arg);
static void http_settle(struct http *h);
static void call_ended(struct http_call *c, CURLcode result);
static void call_finish(struct http_call *c, const struct http_answer *a);
static void http_sweep(void *arg);

static uint64_t event_mark(unsigned index, uint32_t fd)
{
    return (uint64_t)index << 32 | fd;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct http_multi *m = arg;
    struct epoll_event e = {.data.u64 = event_mark(m->index, (uint32_t)fd)};
    int op = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(m->http->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* closed is gone, too */
        return 0;
    }
    if (what & CURL_POLL_IN)
        e.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        e.events |= EPOLLOUT;
    op = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    /* Failing here would end every call of this multi for good; a socket that is not watched
     * ends one call by its time-out. */
    if (epoll_ctl(m->http->epoll_fd, op, fd, &e) < 0)
        (void)epoll_ctl(m->http->epoll_fd, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &e);
    (void)curl_multi_assign(m->multi, fd, m);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct http_multi *m = arg;

    (void)multi;
    m->due_ms = timeout_ms < 0 ? INT64_MAX : clock_mono_ms() + timeout_ms;
    return 0;
}

/* Setting a timerfd costs more than all else we do for a call, and curl changes its mind several
 * times a call: so it is set only for something earlier than it is set for already. It then goes
 * off too early now and again, which costs nothing. */
static void http_arm(struct http *h)
{
    struct itimerspec t = {0};
    int64_t due = INT64_MAX;

    for (unsigned i = 0; i < HTTP_N_POLICIES; i++) {
        if (h->multis[i].due_ms < due)
            due = h->multis[i].due_ms;
    }
    if (due >= h->armed_ms)
        return;
    h->armed_ms = due;
    t.it_value.tv_sec = due / 1000;
    t.it_value.tv_nsec = due % 1000 * 1000000 + 1; /* all zero would disarm it */
    (void)timerfd_settime(h->timer_fd, TFD_TIMER_ABSTIME, &t,
                          NULL); /* only bad arguments fail */
}

/* Let curl do what it wanted to do by now, hand out what has ended. */
static void http_work(void *arg)
{
    struct http *h = arg;
    int64_t now = clock_mono_ms();

    for (unsigned i = 0; i < HTTP_N_POLICIES; i++) {
        struct http_multi *m = &h->multis[i];
        int running = 0;

        /* curl asks for "at once" again and again while a call gets on its way */
        for (int round = 0; round < ROUNDS && m->due_ms <= now; round++) {
            m->due_ms = INT64_MAX;
            /* its calls report for themselves */
            (void)curl_multi_socket_action(m->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
    }
    http_settle(h);
    http_arm(h);
}

static int multi_open(struct http *h, unsigned index, const struct http_settings *s)
{
    struct http_multi *m = &h->multis[index];
    CURLMcode rc = CURLM_OK;

    m->http = h;
    m->index = index;
    m->due_ms = INT64_MAX;
    m->multi = curl_multi_init();
    if (!m->multi)
        return -ENOMEM;
    rc = curl_multi_setopt(m->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    if (rc == CURLM_OK)
        rc = curl_multi_setopt(m->multi, CURLMOPT_SOCKETDATA, m);
    if (rc == CURLM_OK)
        rc = curl_multi_setopt(m->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    if (rc == CURLM_OK)
        rc = curl_multi_setopt(m->multi, CURLMOPT_TIMERDATA, m);
    if (rc == CURLM_OK)
        rc = curl_multi_setopt(m->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    if (rc == CURLM_OK)
        rc = curl_multi_setopt(m->multi, CURLMOPT_MAXCONNECTS, (long)s->max_connections);
    return rc == CURLM_OK ? 0 : -EIO;
}

static int timer_open(struct http *h)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = TIMER_MARK};

    h->armed_ms = INT64_MAX;
    h->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (h->timer_fd < 0 || epoll_ctl(h->epoll_fd, EPOLL_CTL_ADD, h->timer_fd, &e) < 0)
        return -errno;
    return 0;
}

int http_new(struct loop *loop, const struct http_settings *s, struct http **ret_http)
{
    struct http *h = mem_zalloc(sizeof(*h));
    int rc = -ENOMEM;

    if (!h)
        return -ENOMEM;
    h->loop = loop;
    h->epoll_fd = -1;
    h->connect_ms = s->connect_ms;
    list_init(&h->idle);
    list_init(&h->flying);
    list_init(&h->parked);
    h->timer_fd = -1;
    loop_deferred_init(&h->work, http_work, h);
    h->ca_file = mem_strdup(s->ca_file);
    if (!h->ca_file)
        goto out;
    h->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    rc = h->epoll_fd < 0 ? -errno : timer_open(h);
    for (unsigned i = 0; i < HTTP_N_POLICIES && rc == 0; i++)
        rc = multi_open(h, i, s);
    rc = rc ? rc : loop_add_fd(loop, h->epoll_fd, http_readable, h);
    if (rc == 0) {
        *ret_http = h;
        h = NULL;
    }
out:
    http_free(h);
    return rc;
}

static void calls_free(struct http *h, struct list *calls)
{
    while (!list_is_empty(calls)) {
        struct http_call *c = LIST_ENTRY(calls->next, struct http_call, link);

        list_remove(&c->link);
        if (calls == &h->flying)
            (void)curl_multi_remove_handle(h->multis[c->request.policy].multi, c->easy);
        http_call_free(c);
    }
}

void http_free(struct http *h)
{
    if (!h)
        return;
    calls_free(h, &h->flying);
    calls_free(h, &h->parked);
    calls_free(h, &h->idle);
    loop_cancel(&h->work);
    loop_remove_timer(h->loop, h->sweep_timer);
    for (unsigned i = 0; i < HTTP_N_POLICIES; i++) {
        if (h->multis[i].multi)
            (void)curl_multi_cleanup(h->multis[i].multi); /* no handle is left in it */
    }
    if (h->timer_fd >= 0)
        (void)close(h->timer_fd);
    if (h->epoll_fd >= 0) {
        loop_remove_fd(h->loop, h->epoll_fd);
        (void)close(h->epoll_fd);
    }
    mem_free(h->ca_file);
    mem_free(h);
}

struct http_call *http_take(struct http *h)
{
    struct http_call *c = NULL;

    if (!list_is_empty(&h->idle)) {
        c = LIST_ENTRY(h->idle.next, struct http_call, link);
        list_remove(&c->link);
    } else if (http_call_new(h, &c)) {
        return NULL;
    }
    http_call_clear(c);
    http_request_reset(&c->request);
    return c;
}

void http_put(struct http_call *c)
{
    list_remove(&c->link);
    list_add_head(&c->http->idle, &c->link);
}

struct http_request *http_call_request(struct http_call *c)
{
    return &c->request;
}

/* Into the multi; on failure it is in no list. */
static int call_fly(struct http_call *c, int64_t now_ms)
{
    int rc = http_call_prepare(c, c->deadline_ms - now_ms);

    if (rc)
        return rc;
    if (curl_multi_add_handle(c->http->multis[c->request.policy].multi, c->easy) != CURLM_OK)
        return -ENOMEM;
    list_remove(&c->link);
    list_add_tail(&c->http->flying, &c->link);
    loop_defer(c->http->loop, &c->http->work);
    return 0;
}

int http_send(struct http_call *c, int64_t total_ms, http_done_fn *done, void *arg)
{
    c->began_ms = clock_mono_ms();
    c->deadline_ms = c->began_ms + total_ms;
    c->done = done;
    c->arg = arg;
    return call_fly(c, c->began_ms);
}

static void http_readable(void *arg)
{
    struct http *h = arg;
    struct epoll_event events[BATCH];
    int n = epoll_wait(h->epoll_fd, events, BATCH, 0);

    for (int i = 0; i < n; i++) {
        struct http_multi *m = NULL;
        uint32_t fd = (uint32_t)events[i].data.u64;
        int what = 0;
        int running = 0;

        if (events[i].data.u64 == TIMER_MARK) {
            uint64_t expired = 0;

            (void)!read(h->timer_fd, &expired, sizeof(expired)); /* only to silence it */
            h->armed_ms = INT64_MAX;
            continue;
        }
        m = &h->multis[events[i].data.u64 >> 32];
        if (events[i].events & EPOLLIN)
            what |= CURL_CSELECT_IN;
        if (events[i].events & EPOLLOUT)
            what |= CURL_CSELECT_OUT;
        if (events[i].events & (EPOLLERR | EPOLLHUP))
            what |= CURL_CSELECT_ERR;
        /* its calls report for themselves below */
        (void)curl_multi_socket_action(m->multi, (curl_socket_t)fd, what, &running);
    }
    http_work(h);
}

/* A slot was freed: whoever waits may try again, and is parked again if it must wait on. */
static void http_unpark(struct http *h)
{
    int64_t now = clock_mono_ms();
    struct list now_trying;

    h->gate.changed = false;
    list_init(&now_trying);
    while (!list_is_empty(&h->parked)) {
        struct list *i = h->parked.next;

        list_remove(i);
        list_add_tail(&now_trying, i);
    }
    while (!list_is_empty(&now_trying)) {
        struct http_call *c = LIST_ENTRY(now_trying.next, struct http_call, link);

        list_remove(&c->link);
        if (dns_gate_is_busy(&h->gate, c->request.policy, c->host))
            list_add_tail(&h->parked, &c->link);
        else if (c->deadline_ms <= now || call_fly(c, now))
            call_ended(c, CURLE_OPERATION_TIMEDOUT);
    }
}

/* Hand out what has ended, until nothing more has. */
static void http_settle(struct http *h)
{
    for (unsigned i = 0; i < HTTP_N_POLICIES; i++) {
        CURLM *multi = h->multis[i].multi;
        CURLMsg *msg = NULL;
        int left = 0;

        while ((msg = curl_multi_info_read(multi, &left))) {
            CURLcode result = msg->data.result;
            struct http_call *c = NULL;

            if (msg->msg != CURLMSG_DONE)
                continue;
            (void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&c);
            (void)curl_multi_remove_handle(multi, c->easy); /* msg is void from here on */
            call_ended(c, result);
        }
    }
    if (h->gate.changed && !list_is_empty(&h->parked))
        http_unpark(h);
}

static void call_park(struct http_call *c)
{
    struct http *h = c->http;

    list_remove(&c->link);
    list_add_tail(&h->parked, &c->link);
    if (h->sweep_timer == 0 &&
        loop_add_timer(h->loop, SWEEP_MS, true, http_sweep, h, &h->sweep_timer))
        h->sweep_timer = 0; /* the next to be parked tries again; slots freed wake it, too */
}

/* Whoever waited for the same name gets the same answer: it does not resolve. */
static void fail_waiting(struct http *h, unsigned policy, const char *host, const char *words)
{
    struct list same;
    struct list *next = NULL;

    list_init(&same);
    for (struct list *i = h->parked.next; i != &h->parked; i = next) {
        struct http_call *c = LIST_ENTRY(i, struct http_call, link);

        next = i->next;
        if (c->request.policy != policy || strcasecmp(c->host, host) != 0)
            continue;
        list_remove(&c->link);
        list_add_tail(&same, &c->link);
    }
    while (!list_is_empty(&same)) {
        struct http_call *c = LIST_ENTRY(same.next, struct http_call, link);
        struct http_answer a = {.end = HTTP_NOT_SENT, .stage = STAGE_DNS, .words = words};

        a.took_ms = clock_mono_ms() - c->began_ms;
        call_finish(c, &a);
    }
}

static void call_ended(struct http_call *c, CURLcode result)
{
    struct http *h = c->http;
    struct http_answer a;

    if (c->must_wait && c->n_sent == 0 && result != CURLE_OK) {
        http_call_clear(c);
        call_park(c);
        return;
    }
    http_call_answer(c, result, &a);
    if (a.end == HTTP_NOT_SENT && a.stage == STAGE_DNS && result == CURLE_OPERATION_TIMEDOUT)
        http_call_unresolved(c);
    if (dns_gate_leave(&h->gate, c) && a.end == HTTP_NOT_SENT) {
        char host[HTTP_HOST_MAX + 1];
        char words[CURL_ERROR_SIZE];
        unsigned policy = c->request.policy;

        memcpy(host, c->host, sizeof(host));
        if (view_copy(view_of(a.words), words, sizeof(words)))
            words[0] = '\0';
        call_finish(c, &a);
        fail_waiting(h, policy, host, words);
        return;
    }
    call_finish(c, &a);
}

static void call_finish(struct http_call *c, const struct http_answer *a)
{
    http_done_fn *done = c->done;
    void *arg = c->arg;

    list_remove(&c->link);
    done(arg, a); /* borrows the call's buffers; back to the pool only after it */
    http_put(c);
}

static void http_sweep(void *arg)
{
    struct http *h = arg;
    int64_t now = clock_mono_ms();
    struct list *next = NULL;

    for (struct list *i = h->parked.next; i != &h->parked; i = next) {
        struct http_call *c = LIST_ENTRY(i, struct http_call, link);
        struct http_answer a = {
            .end = HTTP_NOT_SENT, .stage = STAGE_DNS, .words = "too many names to resolve"};

        next = i->next;
        if (c->deadline_ms > now)
            continue;
        a.took_ms = now - c->began_ms;
        call_finish(c, &a);
        next = h->parked.next;
    }
    if (h->gate.changed)
        http_unpark(h);
    if (list_is_empty(&h->parked)) {
        loop_remove_timer(h->loop, h->sweep_timer);
        h->sweep_timer = 0;
    }
}

void http_abort(struct http *h)
{
    while (!list_is_empty(&h->flying)) {
        struct http_call *c = LIST_ENTRY(h->flying.next, struct http_call, link);
        struct http_answer a;

        (void)curl_multi_remove_handle(h->multis[c->request.policy].multi, c->easy);
        (void)dns_gate_leave(&h->gate, c);
        http_call_answer(c, CURLE_OPERATION_TIMEDOUT, &a);
        call_finish(c, &a);
    }
    while (!list_is_empty(&h->parked)) {
        struct http_call *c = LIST_ENTRY(h->parked.next, struct http_call, link);
        struct http_answer a = {.end = HTTP_NOT_SENT, .words = "stopping"};

        a.took_ms = clock_mono_ms() - c->began_ms;
        call_finish(c, &a);
    }
}

uint64_t http_n_connects(const struct http *h)
{
    return h->n_connects;
}
