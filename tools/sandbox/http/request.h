#pragma once

/* The listener: whole HTTP requests in, whole answers out, over libmicrohttpd with external
 * epoll on the one thread.
 *
 * A request is a `struct request`. The handler gets it when its body is complete and answers it
 * now or later, exactly once: request_answer() or request_cut(). Until then the connection
 * sleeps. Everything it holds is freed when libmicrohttpd is done with it. */

#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "tools/sandbox/kit/timers.h"

struct request;
struct listener;

typedef void request_fn(void *arg, struct request *x);
/* The sandbox's own time for the Date header. */
typedef int64_t request_clock_fn(void *arg);

struct listener_options {
    const char *address; /* "127.0.0.1:9800", "[::1]:9800"; port 0 = any */
    const char *cert;    /* PEM text, NULL = plain HTTP */
    const char *key;
    request_fn *handle;
    request_clock_fn *unix_ms;
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
const char *request_method(const struct request *x);
/* Path as on the request line, without the query. */
const char *request_path(const struct request *x);
/* Query without '?', "" when there is none. */
const char *request_query(const struct request *x);
/* The decoded value of the first argument @key of the query; "" when absent. */
const char *request_argument(const struct request *x, const char *key);
/* The same as a number; @otherwise when absent or no number. */
int64_t request_number(const struct request *x, const char *key, int64_t otherwise);
/* Take the escapes (%2F) out of a piece of a path, in its place. */
void request_unescape(char *text);
struct view request_body(const struct request *x);
/* NULL when absent. */
const char *request_header(const struct request *x, const char *name);

/* Extra header of the answer that follows; copied. */
void request_retry_after(struct request *x, const char *value);
/* Answer; the bytes are copied. @type NULL = no Content-Type. */
void request_answer(struct request *x, int status, const char *type, struct view body);
/* Close the connection without an answer. */
void request_cut(struct request *x);
/* Call @fn(@arg, @x) after @ms; the request sleeps meanwhile. One at a time. */
void request_later(struct request *x, int64_t ms, request_fn *fn, void *arg);
/* A place for the handler's own pointer, freed with @free_fn when the request ends. */
void request_attach(struct request *x, void *own, void (*free_fn)(void *own));
