#pragma once

/* The public listener: HTTP by libmicrohttpd on the process's loop, without threads. It accepts
 * connections itself, so that the listener can be closed and opened again; collects whole
 * requests within limits of size, time and number; and hands them to the routes.
 *
 * What a request's route says: @waits, then the connection is put aside until listener_answer();
 * else the answer leaves at once. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct listener;
struct request;
struct metrics;
struct guard;
struct loop;

struct listener_config {
    struct loop *loop;
    const char *listen; /* "host:port"; port 0: any, kept when it is opened again */
    uint64_t max_connections;
    struct guard *guard;     /* borrowed */
    struct metrics *metrics; /* borrowed */
    /* The head of a request is there: decide the answer, or say which body is wanted. */
    void (*head)(void *arg, struct request *x);
    /* A whole request waits for listener_answer(). */
    void (*wait)(void *arg, struct request *x);
    /* Its answer, 400 or more, is about to leave. May be NULL. */
    void (*refused)(void *arg, const struct request *x);
    void *arg;
};

/* Listens at once. -EINVAL, -EADDRINUSE, -ENOMEM, -errno. */
AMO_MUSTCHECK int listener_new(const struct listener_config *config,
                               struct listener **ret_listener);
/* Every waiting request must have been answered. */
void listener_free(struct listener *d);
/* "host:port" with the real port. Borrowed. */
const char *listener_address(const struct listener *d);

/* Close the listener after taking in who is queued there; open it again. Both are harmless when
 * it is so already. -errno: still closed. */
void listener_close(struct listener *d);
AMO_MUSTCHECK int listener_open(struct listener *d);
bool listener_is_open(const struct listener *d);

/* The answer of a waiting request is decided; it leaves with the next listener_run(). */
void listener_answer(struct request *x);
/* Let libmicrohttpd work: after answers, so that they leave in the same turn. */
void listener_run(struct listener *d);

/* The process ends: no new connections, every answer closes its connection. */
void listener_drain(struct listener *d);
/* Connections that are in the middle of something. */
size_t listener_busy(const struct listener *d);
