#pragma once

/* The ZeroMQ sockets of the project: ROUTER in core, DEALER at the edges, with every option set
 * here and every error of a call handled here. A frame set is an envelope and a body; at the
 * ROUTER the peer's routing id precedes them.
 *
 * A socket is not a store: what is sent is kept by the sender until the receiver has named it.
 * One thread, one socket. */

#include "base/buf.h"
#include "base/compiler.h"
#include "proto/bus/errors.h"
#include "proto/bus/loop.h"

struct bus_socket;
struct caller;
struct tap;

/* Once a process, before any socket; switches czmq's signal handlers off. */
void bus_init(void);
void bus_fini(void);

/* @endpoint "ipc:///path" or "tcp://…". The file of an ipc path is put in place whole, with mode 0660.
 * tcp needs keys and is refused with -EPROTONOSUPPORT until it has them. @tap may be NULL. -errno. */
AMO_MUSTCHECK int bus_router_bind(const char *endpoint, struct tap *tap,
                                  struct bus_socket **ret_socket);
AMO_MUSTCHECK int bus_dealer_connect(const char *endpoint, struct tap *tap,
                                     struct bus_socket **ret_socket);
/* To be called now and then: 0 when the file of the ROUTER @s is still its own. BUS_E_TAKEN: it was not, and
 * is again; who had connected still is. -errno: it is not. */
AMO_MUSTCHECK int bus_router_keep(struct bus_socket *s);
/* The file of a ROUTER; borrowed. */
const char *bus_router_path(const struct bus_socket *s);
void bus_socket_free(struct bus_socket *s);
/* @fn(@arg) runs on @l whenever there is something to read. -ENOMEM. */
AMO_MUSTCHECK int bus_socket_watch(struct bus_socket *s, struct loop *l, loop_fn *fn,
                                   void *arg);
void bus_socket_unwatch(struct bus_socket *s, struct loop *l);

/* One received frame set; owns its memory, the views borrow it. */
struct bus_message {
    struct view peer; /* ROUTER only: the sender's routing id */
    struct view head; /* envelope */
    struct view body;
    _Alignas(8) unsigned char parts[3][64]; /* zmq_msg_t each */
    int n_parts;
};

/* 0 (finish with bus_message_fini), BUS_E_EMPTY, BUS_E_MALFORMED, -errno. Never waits. */
AMO_MUSTCHECK int bus_recv(struct bus_socket *s, struct bus_message *ret);
/* Whose process sent it, as the kernel saw its connection made. Not known of one that was not received. */
struct caller bus_message_from(const struct bus_message *m);
void bus_message_fini(struct bus_message *m);

/* Copies. @peer is VIEW_NONE for a DEALER. 0, BUS_E_FULL, BUS_E_GONE, -errno. Never waits. */
AMO_MUSTCHECK int bus_send(struct bus_socket *s, struct view peer, struct view head,
                           struct view body);
