#pragma once

/* Addresses and listening sockets, as far as more than one room needs them. */

#include <sys/socket.h>

#include "base/buf.h"
#include "base/compiler.h"

/* Addresses that begin with these bits. IPv4 as in IPv6: ::ffff:10.0.0.0/104. */
struct net_network {
    unsigned char bytes[16];
    unsigned bits;
};

/* "127.0.0.1:8080", "[::1]:8080", ":8080" (all IPv4 addresses). Numbers only, no names.
 * -EINVAL. */
AMO_MUSTCHECK int net_parse_address(const char *text, struct sockaddr_storage *ret,
                                    socklen_t *ret_len);
/* "10.0.0.0/8", "fd00::/8", and an address alone, also "[::1]:443" or "10.0.0.1:80": the port does not
 * count. Numbers only. @ret may be NULL. -EINVAL. */
AMO_MUSTCHECK int net_parse_network(struct view text, struct net_network *ret);
/* A non-blocking, close-on-exec listening socket. @reuse_port lets parallel processes share it.
 * -EINVAL, -errno. */
AMO_MUSTCHECK int net_listen(const char *address, int backlog, int reuse_port, int *ret_fd);
/* The port a socket is bound to; 0 when unknown. */
unsigned net_port(int fd);
