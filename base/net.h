#pragma once

/* Addresses and listening sockets, as far as more than one room needs them. */

#include <sys/socket.h>

#include "base/compiler.h"

/* "127.0.0.1:8080", "[::1]:8080", ":8080" (all IPv4 addresses). Numbers only, no names.
 * -EINVAL. */
AMO_MUSTCHECK int net_parse_address(const char *text, struct sockaddr_storage *ret,
                                    socklen_t *ret_len);
/* A non-blocking, close-on-exec listening socket. @reuse_port lets parallel processes share it.
 * -EINVAL, -errno. */
AMO_MUSTCHECK int net_listen(const char *address, int backlog, int reuse_port, int *ret_fd);
/* The port a socket is bound to; 0 when unknown. */
unsigned net_port(int fd);
