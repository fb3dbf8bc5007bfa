#pragma once

/* What one address of the outside may do: connections at once, and requests that are not
 * verified. Verified requests are never counted. Behind a trusted proxy the address is the last
 * hop that is not trusted itself. Bounded by LIMIT_ADDRESSES; an IPv6 network of /64 counts as
 * one address. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/compiler.h"

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
bool guard_trusts(const struct guard *g, const struct address *a);
/* Who is behind a request that came from @peer with this X-Forwarded-For (VIEW_NONE: none). */
struct address guard_origin(const struct guard *g, const struct address *peer,
                            struct view forwarded);

/* A connection of @a begins: may it? Trusted proxies always may. True: guard_leave when it
 * ends. */
bool guard_enter(struct guard *g, const struct address *a);
void guard_leave(struct guard *g, const struct address *a);
/* A request of @a was not verified; true when that were too many in this second. */
bool guard_strike(struct guard *g, const struct address *a, int64_t mono_ms);
/* Is @a over its rate at the moment? Counts nothing. */
bool guard_is_struck(const struct guard *g, const struct address *a, int64_t mono_ms);
