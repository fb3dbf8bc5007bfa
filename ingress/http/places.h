#pragma once

/* Who has a place at the door: connections, and room for the bodies that are being read. When either
 * runs short nobody who comes is refused; somebody who has shown nothing is put out instead, the
 * one who holds most for longest. The order is that of places_over.
 *
 * Counts only: reads no socket and no clock. Part of the listener (ingress/http/listener.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"

struct address;
struct guard;
struct visitor;

enum place_use {
    PLACE_UNPROVEN,     /* nothing was verified: silent, or a request that is not whole */
    PLACE_TOKEN,        /* a request under way with a good token: its sender will repeat it */
    PLACE_BUSY,         /* a verified request is being answered: never put out */
    PLACE_IDLE_SERVICE, /* between requests; the last one verified was a service's */
    PLACE_IDLE, /* between requests; the last one verified was amojo's, or it is a proxy's */
};

enum place_reason {
    PLACE_FOR_ADDRESS,        /* its address had too many connections */
    PLACE_FOR_ROOM,           /* all connections together */
    PLACE_FOR_ADDRESS_BODIES, /* the bodies of its address were too large */
    PLACE_FOR_BODIES,         /* all bodies together */
    PLACE_FOR_TIME,           /* places were short, and it took longer than it then may */
    PLACE_N_REASONS,
};

/* Embedded in a connection. */
struct place {
    struct list link;    /* in no list when it was put out */
    struct visitor *who; /* counted there; NULL: a trusted proxy between requests */
    enum place_use use;
    int64_t since_ms; /* monotonic: that it has been so */
    size_t bytes;     /* of memory for a body */
    bool with_token;  /* they are counted among those behind a token */
};

struct places {
    struct guard *guard; /* borrowed */
    struct list all;     /* as they came */
    size_t max;
    size_t n;
    size_t body_bytes;  /* unverified */
    size_t token_bytes; /* behind good tokens */
};

void places_init(struct places *p, struct guard *guard, size_t max);
/* "address", "room", …: the label of the metric. */
const char *place_reason_name(enum place_reason reason);

/* A connection of @peer, or NULL for that of a trusted proxy. -ENOMEM. */
AMO_MUSTCHECK int places_enter(struct places *p, struct place *l, const struct address *peer,
                               int64_t mono_ms);
/* Harmless when it was put out before. */
void places_leave(struct places *p, struct place *l);
/* For whom it counts from now on; NULL: nobody. Without memory it stays as it was. */
void places_move(struct places *p, struct place *l, const struct address *origin);
void places_use(struct place *l, enum place_use use, int64_t mono_ms);
/* The memory of its body is @bytes from now on. places_drop_body: gone. */
void places_hold_body(struct places *p, struct place *l, size_t bytes);
void places_drop_body(struct places *p, struct place *l);

/* Whoever must go because of what @l took last; never @l itself. NULL: there is room, or nobody may
 * be put out. The caller ends that connection, calls places_leave, and asks again.
 *
 * First, within the share of the address: its own unproven place of longest standing. Then, of the
 * strangers (who verified nothing lately), the same of whoever holds most, those who have just come
 * last; they leave a quarter of
 * the connections and of the room to the others. Then, only when all is full: what others have
 * left unproven for more than a second, requests with a token, services' connections between
 * requests, amojo's and proxies', the younger requests last. */
struct place *places_over(const struct places *p, const struct place *l, int64_t mono_ms,
                          enum place_reason *ret_reason);
/* Places or room are getting short: strangers have less time. */
bool places_are_short(const struct places *p);
/* May it not stay any longer, for that reason? */
bool place_is_late(const struct place *l, int64_t mono_ms);
