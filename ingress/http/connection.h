#pragma once

/* What listener.c (sockets coming and going, turns) and connection.c (what is said on one) share.
 * Part of the listener (ingress/http/listener.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <microhttpd.h>

#include "base/list.h"
#include "ingress/http/guard.h"
#include "ingress/http/listener.h"
#include "ingress/http/places.h"
#include "ingress/http/request.h"
#include "proto/bus/loop.h"

enum connection_state {
    CONNECTION_NEW,     /* connected, nothing read */
    CONNECTION_IDLE,    /* between requests */
    CONNECTION_HEAD,    /* the request line is there */
    CONNECTION_BODY,    /* the head is there */
    CONNECTION_WAITING, /* put aside until the flush */
    CONNECTION_ANSWERED,
};

/* One connection; embedded in it is the one request it can have. */
struct connection {
    struct list link;
    struct listener *listener;
    struct MHD_Connection *connection;
    int fd;
    struct address peer;
    bool of_proxy; /* the peer is trusted: somebody else asks */
    struct place place;
    enum place_use rest; /* what its place is worth between requests */
    enum connection_state state;
    int64_t until_ms;  /* monotonic; 0 never */
    size_t target_len; /* of the request target, its query and all */
    bool odd_target;   /* with blanks or control characters */
    size_t swallowed;
    bool cut;
    struct request x;
};

struct listener {
    struct listener_config config;
    struct MHD_Daemon *daemon;
    struct MHD_Response *ok; /* the one answer that is always the same */
    char address[128];       /* with the real port */
    int fd;                  /* listening, -1 closed */
    bool full;               /* not accepting: as many connections as we may or can have */
    struct list connections;
    size_t n_connections;       /* put out and not gone ones included */
    struct places places;       /* who holds them, and the bodies that are being read */
    struct address entering;    /* of the connection being handed to libmicrohttpd */
    struct connection *entered; /* and what became of it */
    int entering_fd;
    bool draining;
    int64_t drained_ms; /* monotonic: since when */
    bool told;          /* that places are short */
    int64_t short_ms;   /* monotonic: when they were so for the last time */
    int timer;
    struct loop_deferred again;
};

/* What libmicrohttpd calls; the first argument is the listener. */
void connection_on_notify(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code);
void *connection_on_line(void *arg, const char *uri, struct MHD_Connection *connection);
enum MHD_Result connection_on_request(void *arg, struct MHD_Connection *connection,
                                      const char *url, const char *method, const char *version,
                                      const char *data, size_t *size, void **context);
void connection_on_completed(void *arg, struct MHD_Connection *connection, void **context,
                             enum MHD_RequestTerminationCode why);

/* It ends: libmicrohttpd sees that in its next turn. */
void connection_cut(struct connection *g);
/* The same, and its place and its body are free at once. */
void connection_put_out(struct connection *g, enum place_reason reason);
/* After @g took a place or a piece of a body: somebody else goes if that was too much. */
void connection_make_room(const struct connection *g);

/* There is a place again: accept. */
void listener_go_on(struct listener *d);
