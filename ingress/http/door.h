#pragma once

/* The public listener: HTTP by libmicrohttpd on the process's loop, without threads. It accepts
 * connections itself, so that the listener can be closed and opened again; collects whole
 * requests within limits of size, time and number; and hands them to the routes.
 *
 * What an exchange's route says: @waits, then the connection is put aside until door_answer();
 * else the answer leaves at once. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct door;
struct exchange;
struct figures;
struct guard;
struct loop;

struct door_config {
    struct loop *loop;
    const char *listen; /* "host:port"; port 0: any, kept when it is opened again */
    uint64_t max_connections;
    struct guard *guard;     /* borrowed */
    struct figures *figures; /* borrowed */
    /* The head of a request is there: decide the answer, or say which body is wanted. */
    void (*head)(void *arg, struct exchange *x);
    /* A whole request waits for door_answer(). */
    void (*wait)(void *arg, struct exchange *x);
    void *arg;
};

/* Listens at once. -EINVAL, -EADDRINUSE, -ENOMEM, -errno. */
AMO_MUSTCHECK int door_new(const struct door_config *config, struct door **ret_door);
/* Every waiting exchange must have been answered. */
void door_free(struct door *d);
/* "host:port" with the real port. Borrowed. */
const char *door_address(const struct door *d);

/* Close the listener after taking in who is queued there; open it again. Both are harmless when
 * it is so already. -errno: still closed. */
void door_close(struct door *d);
AMO_MUSTCHECK int door_open(struct door *d);
bool door_is_open(const struct door *d);

/* The answer of a waiting exchange is decided; it leaves with the next door_run(). */
void door_answer(struct exchange *x);
/* Let libmicrohttpd work: after answers, so that they leave in the same turn. */
void door_run(struct door *d);

/* The process ends: no new connections, every answer closes its connection. */
void door_drain(struct door *d);
/* Connections that are in the middle of something. */
size_t door_busy(const struct door *d);
