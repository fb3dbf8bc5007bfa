/* Parsing numeric IPv4 and IPv6 addresses with a port, and opening listening sockets on them. */

#include "base/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"

static int parse_ipv4(struct view host, in_port_t port, struct sockaddr_storage *ret,
                      socklen_t *ret_len)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    char text[INET_ADDRSTRLEN];

    if (host.len == 0)
        in.sin_addr.s_addr = htonl(INADDR_ANY);
    else if (view_copy(host, text, sizeof(text)) || inet_pton(AF_INET, text, &in.sin_addr) != 1)
        return -EINVAL;
    *ret = (struct sockaddr_storage){0};
    memcpy(ret, &in, sizeof(in));
    *ret_len = sizeof(in);
    return 0;
}

static int parse_ipv6(struct view host, in_port_t port, struct sockaddr_storage *ret,
                      socklen_t *ret_len)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    char text[INET6_ADDRSTRLEN];

    if (view_copy(host, text, sizeof(text)) || inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
        return -EINVAL;
    *ret = (struct sockaddr_storage){0};
    memcpy(ret, &in6, sizeof(in6));
    *ret_len = sizeof(in6);
    return 0;
}

int net_parse_address(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len)
{
    const char *colon = strrchr(text, ':');
    struct view host;
    uint64_t port = 0;

    if (!colon || num_parse_range(view_of(colon + 1), 0, UINT16_MAX, &port))
        return -EINVAL;
    host = view_make(text, (size_t)(colon - text));
    if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        return parse_ipv6(view_make(host.ptr + 1, host.len - 2), (in_port_t)port, ret, ret_len);
    return parse_ipv4(host, (in_port_t)port, ret, ret_len);
}

/* Without brackets and port. */
static struct view bare_host(struct view text)
{
    const char *colon = text.len ? memchr(text.ptr, ':', text.len) : NULL;
    const char *close = NULL;

    if (text.len > 0 && text.ptr[0] == '[') {
        close = memchr(text.ptr, ']', text.len);
        return close ? view_make(text.ptr + 1, (size_t)(close - text.ptr) - 1) : text;
    }
    /* one colon is a port, more are an IPv6 address */
    if (colon && !memchr(colon + 1, ':', text.len - (size_t)(colon + 1 - text.ptr)))
        return view_make(text.ptr, (size_t)(colon - text.ptr));
    return text;
}

int net_parse_network(struct view text, struct net_network *ret)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const char *slash = text.len ? memchr(text.ptr, '/', text.len) : NULL;
    struct view host = slash ? view_make(text.ptr, (size_t)(slash - text.ptr)) : text;
    struct net_network n = {.bits = 128};
    char space[INET6_ADDRSTRLEN];
    unsigned char four[4];
    unsigned offset = 0;
    uint64_t bits = 0;

    if (view_copy(bare_host(host), space, sizeof(space)))
        return -EINVAL;
    if (inet_pton(AF_INET, space, four) == 1) {
        memcpy(n.bytes, mapped, sizeof(mapped));
        memcpy(n.bytes + sizeof(mapped), four, sizeof(four));
    } else if (inet_pton(AF_INET6, space, n.bytes) != 1) {
        return -EINVAL;
    }
    if (memcmp(n.bytes, mapped, sizeof(mapped)) == 0)
        offset = 96;
    if (slash &&
        num_parse_range(view_make(slash + 1, text.len - host.len - 1), 0, 128 - offset, &bits))
        return -EINVAL;
    if (slash)
        n.bits = (unsigned)bits + offset;
    if (ret)
        *ret = n;
    return 0;
}

int net_listen(const char *address, int backlog, int reuse_port, int *ret_fd)
{
    struct sockaddr_storage where;
    socklen_t len = 0;
    const int on = 1;
    int fd = -1;
    int rc = net_parse_address(address, &where, &len);

    if (rc)
        return rc;
    fd = socket(where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* a restart must not wait for the connections of the last run to time out */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
        (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on))) ||
        bind(fd, (const struct sockaddr *)&where, len) || listen(fd, backlog)) {
        rc = -errno;
        goto out;
    }
    *ret_fd = fd;
    fd = -1;
out:
    if (fd >= 0)
        (void)close(fd); /* nothing was written to it */
    return rc;
}

unsigned net_port(int fd)
{
    struct sockaddr_storage where = {0};
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    socklen_t len = sizeof(where);

    if (getsockname(fd, (struct sockaddr *)&where, &len))
        return 0;
    if (where.ss_family == AF_INET) {
        memcpy(&in, &where, sizeof(in));
        return ntohs(in.sin_port);
    }
    if (where.ss_family == AF_INET6) {
        memcpy(&in6, &where, sizeof(in6));
        return ntohs(in6.sin6_port);
    }
    return 0;
}
