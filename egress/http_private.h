#pragma once

/* What egress/http.c (multis, sockets, timers) and egress/http_call.c (one easy handle and its
 * callbacks) share. Private to them. */

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/list.h"
#include "egress/dns_gate.h"
#include "egress/http.h"
#include "proto/bus/loop.h"

#define HTTP_HOST_MAX 255

struct http_multi {
    struct http *http;
    CURLM *multi;
    int64_t due_ms; /* when curl wants to be called, monotonic; INT64_MAX: it does not */
    unsigned index; /* enum http_policy */
};

/* Names that did not resolve in time: a name server that swallows the question for IPv6 swallows
 * the answer to the one for IPv4 with it, which is then asked alone for a while. */
#define NAMES_MAX 64
struct names {
    struct {
        char host[HTTP_HOST_MAX + 1]; /* "" free */
        int64_t until_ms;
    } slots[NAMES_MAX];
    size_t next; /* taken when none is free */
};

struct http {
    struct loop *loop;
    int epoll_fd;
    int timer_fd;
    int64_t armed_ms; /* what timer_fd is set for; INT64_MAX: nothing */
    struct loop_deferred work;
    struct http_multi multis[HTTP_N_POLICIES];
    struct dns_gate gate;
    struct names names;
    struct list idle;   /* calls in the pool */
    struct list flying; /* calls in a multi */
    struct list parked; /* calls whose name is being resolved, or waits for its turn */
    int sweep_timer;    /* runs while something is parked */
    char *ca_file;
    int64_t connect_ms;
    uint64_t n_connects;
};

struct http_call {
    struct list link; /* idle, flying or parked; in none while the caller has it */
    struct http *http;
    CURL *easy;
    struct curl_slist *headers;
    struct http_request request;
    http_done_fn *done;
    void *arg;
    int64_t began_ms;
    int64_t deadline_ms;
    char host[HTTP_HOST_MAX + 1];
    bool literal; /* the host is an address: there is nothing to resolve */

    /* of the present flight */
    unsigned n_sent;     /* how often the request was sent */
    bool must_wait;      /* the gate said no: to be parked, not ended */
    bool head_is_whole;  /* the empty line behind the headers came */
    bool truncated;      /* the answer is longer than we read */
    bool html;           /* the answer calls itself so */
    const char *refused; /* the network that may not be dialled, NULL none */
    struct buf body;
    struct buf status_line;
    struct buf date;
    struct buf retry_after;
    char error[CURL_ERROR_SIZE];
};

AMO_MUSTCHECK int http_call_new(struct http *h, struct http_call **ret_call);
void http_call_free(struct http_call *c);
/* Set the easy handle up for the request with @left_ms to go. -ENOMEM, -EIO. */
AMO_MUSTCHECK int http_call_prepare(struct http_call *c, int64_t left_ms);
/* Forget the answer and everything else of a flight. */
void http_call_clear(struct http_call *c);
/* Its name was not resolved in time: IPv4 alone the next time, or both when it was that. */
void http_call_unresolved(const struct http_call *c);
/* What happened, from curl's result. */
void http_call_answer(struct http_call *c, CURLcode result, struct http_answer *ret);
