#pragma once

/* HTTP calls out: one curl multi for each address policy, driven by the process's loop through
 * one epoll descriptor that holds every socket and timer of curl's.
 *
 * Connections are kept alive and never shared between policies (curl asks about an address only
 * when it opens a connection). Names are resolved in a bounded number at once, each name once,
 * so that a resolver that does not answer delays only the calls that need that name.
 *
 * Single thread. Knows nothing of commands. */

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "egress/target.h"

struct http;
struct http_call;
struct loop;

struct http_settings {
    const char *ca_file;    /* bundle of trusted authorities */
    int64_t connect_ms;     /* DNS, TCP and TLS together */
    size_t max_connections; /* kept alive, each policy */
};

/* Names being resolved at once; each costs a thread of the resolver's while it lasts. */
#define HTTP_RESOLVES_MAX 16

/* @a and what it shows is borrowed for the call. The call is over and may not be touched. */
typedef void http_done_fn(void *arg, const struct http_answer *a);

/* Borrows @s's texts only for the call. -ENOMEM, -EIO (curl), -errno. */
AMO_MUSTCHECK int http_new(struct loop *loop, const struct http_settings *s,
                           struct http **ret_http);
/* Calls under way end without a word. Accepts NULL. */
void http_free(struct http *h);

/* A call to be filled in: reused or new. NULL when there is no memory. Returned with
 * http_put(), or automatically after @done of http_send(). */
struct http_call *http_take(struct http *h);
void http_put(struct http_call *c);
/* To be filled in; freshly reset. */
struct http_request *http_call_request(struct http_call *c);
/* Begin; @done is called once, later, never from inside. @total_ms counts from now on and covers
 * everything. On failure nothing was sent and the call is still the caller's: -ENOMEM, -EIO. */
AMO_MUSTCHECK int http_send(struct http_call *c, int64_t total_ms, http_done_fn *done,
                            void *arg);

/* End every call now, each with its @done: what was sent as timed out, the rest as not sent. */
void http_abort(struct http *h);
/* Connections opened so far, for tests and metrics. */
uint64_t http_n_connects(const struct http *h);
