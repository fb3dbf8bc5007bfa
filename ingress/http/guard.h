#pragma once

/* Who the addresses of the outside are to us: how many connections and bytes they hold, how often
 * they could not be verified, and whether they could lately. Behind a trusted proxy the address is
 * the last hop that is not trusted itself.
 *
 * An IPv6 network of /64 counts as one address, because one host may use all of it; the /48 around
 * it has LIMIT_SITE times the share of one. An address with a verified request is known for
 * LIMIT_KNOWN_MS: nothing here limits it. Bounded by LIMIT_ADDRESSES and LIMIT_KNOWN, and by the
 * connections there are; strangers never push out who is known. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/list.h"

struct guard;

/* IPv4 as ::ffff:a.b.c.d. */
struct address {
    unsigned char bytes[16];
};

/* @trusted: addresses or networks ("10.0.0.0/8"), separated by commas or spaces; "" for none.
 * -EINVAL when one cannot be read, -ENOMEM. */
AMO_MUSTCHECK int guard_new(const char *trusted, uint64_t max_connections,
                            struct guard **ret_guard);
void guard_free(struct guard *g);

/* The address of a peer; zeros when it is neither IPv4 nor IPv6. */
struct address address_of(const struct sockaddr *peer);
/* "1.2.3.4", "::1", "[::1]:80", "1.2.3.4:80". -EINVAL. */
AMO_MUSTCHECK int address_parse(struct view text, struct address *ret);
/* "1.2.3.4", "2001:db8::1". Returns @space. */
#define ADDRESS_TEXT 48U
const char *address_format(const struct address *a, char space[ADDRESS_TEXT]);
bool guard_trusts(const struct guard *g, const struct address *a);
/* Who is behind a request that came from @peer with this X-Forwarded-For (VIEW_NONE: none). */
struct address guard_origin(const struct guard *g, const struct address *peer,
                            struct view forwarded);

/* What is held at the moment. */
struct holding {
    int64_t connections; /* or, behind a proxy, requests that are being read */
    int64_t bytes;       /* of their bodies, as long as nothing about them is verified */
};

/* One address. Owned by the guard; at least as long as it holds a connection. */
struct visitor {
    struct list link; /* the guard's */
    struct address key;
    struct visitor *site; /* the /48 of an IPv6 address, which counts those of it that are not
                             known; else NULL */
    struct holding holds;
    bool known;          /* verified lately */
    int64_t verified_ms; /* monotonic, the last time */
    int64_t second;      /* monotonic second the strikes belong to */
    uint32_t n_strikes;
    uint32_t n_members; /* of a site: addresses remembered */
};

/* A connection of @a begins, or a request from @a behind a proxy. NULL: no memory. It ends with
 * guard_leave, after which @v may be gone. */
struct visitor *guard_enter(struct guard *g, const struct address *a);
void guard_leave(struct guard *g, struct visitor *v);
/* @bytes more of a body, or less. */
void guard_count_bytes(struct guard *g, struct visitor *v, int64_t bytes);
/* All that strangers hold: addresses that are not known. */
const struct holding *guard_strangers(const struct guard *g);
/* What of a stranger has more than its share, connections or bytes: @v, the network around it, or
 * NULL. */
const struct visitor *guard_crowded(const struct guard *g, const struct visitor *v);
const struct visitor *guard_heavy(const struct visitor *v);

/* A request of @v was verified: it is known from now on. */
void guard_prove(struct guard *g, struct visitor *v, int64_t mono_ms);
/* Those that have not verified anything for LIMIT_KNOWN_MS are strangers again. */
void guard_age(struct guard *g, int64_t mono_ms);

/* A request of @a was not verified; true when that were too many in this second. */
bool guard_strike(struct guard *g, const struct address *a, int64_t mono_ms);
/* Is @a over its rate at the moment? Counts nothing. */
bool guard_is_struck(const struct guard *g, const struct address *a, int64_t mono_ms);
/* The same, and it has proven nothing lately. */
bool guard_is_flooding(const struct guard *g, const struct address *a, int64_t mono_ms);
