#include "core/model/url.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "proto/limits.h"

/* Without a port. */
static struct view host_of(struct view authority)
{
    bool six = view_starts(authority, "[");
    size_t n = 0;

    while (n < authority.len && authority.ptr[n] != (six ? ']' : ':'))
        n++;
    while (six && n < authority.len && authority.ptr[n] != ':')
        n++;
    authority.len = n;
    return authority;
}

/* The whole name: what only begins like one of ours is anybody's. */
static bool is_this_host(struct view host)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr four;

    if (view_copy(host, text, sizeof(text)))
        return false;
    if (inet_pton(AF_INET, text, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return strcmp(text, "[::1]") == 0 || strcasecmp(text, "localhost") == 0;
}

enum address url_address(struct view url)
{
    size_t scheme = view_starts(url, "https://") ? 8 : view_starts(url, "http://") ? 7 : 0;
    size_t n = scheme;
    struct view authority;
    struct view host;

    if (scheme == 0)
        return ADDRESS_NONE;
    while (n < url.len && !strchr("/?#", url.ptr[n]))
        n++;
    authority = view_make(url.ptr + scheme, n - scheme);
    if (authority.len && memchr(authority.ptr, '@', authority.len))
        return ADDRESS_PERSON;
    host = host_of(authority);
    if (host.len == 0)
        return ADDRESS_NONE;
    return scheme == 8 || is_this_host(host) ? ADDRESS_FINE : ADDRESS_OPEN;
}

bool url_is_below(struct view url, struct view base)
{
    while (base.len && base.ptr[base.len - 1] == '/')
        base.len--;
    return base.len > 0 && url.len >= base.len && memcmp(url.ptr, base.ptr, base.len) == 0 &&
           (url.len == base.len || strchr("/?#", url.ptr[base.len]));
}

/* ":1" to ":65535", or nothing. */
static bool port_is_fine(const char *at, const char *end)
{
    uint64_t n = 0;

    return at == end ||
           (*at == ':' &&
            num_parse_range(view_make(at + 1, (size_t)(end - at - 1)), 1, 65535, &n) == 0);
}

/* "host", "host:port", "[v6]:port"; not their syntax in full: curl has the last word. */
static bool host_is_fine(struct view host)
{
    const char *end = host.ptr + host.len;
    const char *stop = NULL;

    if (host.len == 0)
        return false;
    if (host.ptr[0] == '[') {
        stop = memchr(host.ptr, ']', host.len);
        return stop && stop > host.ptr + 1 && port_is_fine(stop + 1, end);
    }
    stop = memchr(host.ptr, ':', host.len);
    return stop != host.ptr && port_is_fine(stop ? stop : end, end);
}

bool url_is_callable(struct view url)
{
    size_t at = view_starts(url, "https://") ? 8 : view_starts(url, "http://") ? 7 : 0;
    size_t end = at;

    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~' || strchr("@#\\", url.ptr[i]))
            return false;
    }
    while (end < url.len && url.ptr[end] != '/' && url.ptr[end] != '?')
        end++;
    return at && host_is_fine(view_make(url.ptr + at, end - at)) && url.len < LIMIT_URL;
}
