#pragma once

/* Which addresses may a worker dial on behalf of a stranger's URL? One pure table of the
 * networks that are not the public internet: loopback, private, link-local (cloud metadata
 * lives there), shared, reserved, multicast, and IPv6 forms that carry an IPv4 address inside.
 *
 * Asked at connect time, with the address that is really dialled: a name that resolves
 * elsewhere between check and use gains nothing. No names, no sockets here. */

#include <stdbool.h>
#include <sys/socket.h>

/* Is @address out on the public internet? False for a private network, and for any family
 * other than IPv4 and IPv6. IPv4 inside IPv6 (mapped, NAT64, 6to4) is judged by the IPv4. */
bool address_is_public(const struct sockaddr *address);

/* What kind of network it is, for the evidence: "loopback", "private", …; "public". */
const char *address_network(const struct sockaddr *address);
