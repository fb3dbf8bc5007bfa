#pragma once

/* The one loop of every process: czmq's zloop with few descriptors. libmicrohttpd's epoll and
 * one epoll of curl's sockets nest in it as one descriptor each.
 *
 * Single thread. Handlers may add and remove anything, themselves included. */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"

struct loop;

typedef void loop_fn(void *arg);

AMO_MUSTCHECK int loop_new(struct loop **ret_loop);
void loop_free(struct loop *l);

/* Call @fn while @fd is readable. The descriptor stays the caller's. -ENOMEM. */
AMO_MUSTCHECK int loop_add_fd(struct loop *l, int fd, loop_fn *fn, void *arg);
void loop_remove_fd(struct loop *l, int fd);
/* Call @fn while @s has a frame to read. */
/* czmq's socket, for proto/bus/socket.c alone. */
AMO_MUSTCHECK int loop_add_handle(struct loop *l, void *handle, loop_fn *fn, void *arg);
void loop_remove_handle(struct loop *l, const void *handle);

/* Call @fn in @delay_ms, and every @delay_ms when @repeat. @ret_id > 0. */
AMO_MUSTCHECK int loop_add_timer(struct loop *l, int64_t delay_ms, bool repeat, loop_fn *fn,
                                 void *arg, int *ret_id);
/* Harmless with an id of 0 or one that has fired. */
void loop_remove_timer(struct loop *l, int id);

/* Work for the end of the present turn: after everything readable was read once. Embedded in its
 * owner; asking twice is asking once. loop_cancel before the owner is freed. */
struct loop_deferred {
    struct list link;
    loop_fn *fn;
    void *arg;
};
void loop_deferred_init(struct loop_deferred *d, loop_fn *fn, void *arg);
void loop_defer(struct loop *l, struct loop_deferred *d);
void loop_cancel(struct loop_deferred *d);

/* Until loop_stop(). 0, or -EIO when polling itself failed. */
AMO_MUSTCHECK int loop_run(struct loop *l);
void loop_stop(struct loop *l);
