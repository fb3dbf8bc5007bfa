#pragma once

/* The listener: whole HTTP requests in, whole answers out, over libmicrohttpd with external
 * epoll on the one thread.
 *
 * A request is an `exchange`. The handler gets it when its body is complete and answers it
 * now or later, exactly once: exchange_answer() or exchange_cut(). Until then the connection
 * sleeps. Everything it holds is freed when libmicrohttpd is done with it. */

#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "tools/sandbox/kit/timers.h"

struct exchange;
struct listener;

typedef void exchange_fn(void *arg, struct exchange *x);
/* The sandbox's own time for the Date header. */
typedef int64_t exchange_clock_fn(void *arg);

struct listener_options {
    const char *address; /* "127.0.0.1:9800", "[::1]:9800"; port 0 = any */
    const char *cert;    /* PEM text, NULL = plain HTTP */
    const char *key;
    exchange_fn *handle;
    exchange_clock_fn *unix_ms;
    void *arg;
};

/* Listens at once. -EINVAL (address), -EADDRINUSE or another -errno of the socket, -EIO. */
AMO_MUSTCHECK int listener_open(struct listener **ret_listener, struct timers *timers,
                                const struct listener_options *options);
/* Cuts whatever sleeps. Accepts NULL. */
void listener_close(struct listener *l);
/* Descriptor to wait on (readable), and the longest wait (-1 = for ever). */
int listener_fd(const struct listener *l);
int64_t listener_wait_ms(const struct listener *l);
/* Do what is due. */
void listener_run(struct listener *l);
unsigned listener_port(const struct listener *l);

/* The request; borrowed, valid until it is answered. The body is closed with a NUL. */
const char *exchange_method(const struct exchange *x);
/* Path as on the request line, without the query. */
const char *exchange_path(const struct exchange *x);
/* Query without '?', "" when there is none. */
const char *exchange_query(const struct exchange *x);
/* The decoded value of the first argument @key of the query; "" when absent. */
const char *exchange_argument(const struct exchange *x, const char *key);
/* The same as a number; @otherwise when absent or no number. */
int64_t exchange_number(const struct exchange *x, const char *key, int64_t otherwise);
/* Take the escapes (%2F) out of a piece of a path, in its place. */
void exchange_unescape(char *text);
struct view exchange_body(const struct exchange *x);
/* NULL when absent. */
const char *exchange_header(const struct exchange *x, const char *name);

/* Extra header of the answer that follows; copied. */
void exchange_retry_after(struct exchange *x, const char *value);
/* Answer; the bytes are copied. @type NULL = no Content-Type. */
void exchange_answer(struct exchange *x, int status, const char *type, struct view body);
/* Close the connection without an answer. */
void exchange_cut(struct exchange *x);
/* Call @fn(@arg, @x) after @ms; the exchange sleeps meanwhile. One at a time. */
void exchange_later(struct exchange *x, int64_t ms, exchange_fn *fn, void *arg);
/* A place for the handler's own pointer, freed with @free_fn when the exchange ends. */
void exchange_attach(struct exchange *x, void *own, void (*free_fn)(void *own));
