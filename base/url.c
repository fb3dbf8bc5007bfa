/* One splitter, and what each judge asks of the pieces. */

#include "base/url.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"

/* How long "https://" or "http://" is at the beginning of @text; 0: it is not there. */
static size_t scheme_len(struct view text)
{
    if (text.len >= 8 && strncasecmp(text.ptr, "https://", 8) == 0)
        return 8;
    return text.len >= 7 && strncasecmp(text.ptr, "http://", 7) == 0 ? 7 : 0;
}

static bool is_one_of(char c, const char *chars)
{
    return c && strchr(chars, c);
}

static struct view from(struct view v, size_t n)
{
    return view_make(v.ptr + n, v.len - n);
}

/* "host", "host:port", "[v6]:port": what stands between the brackets has colons of its own. */
static void split_host(struct view v, struct url *ret)
{
    size_t n = 0;

    if (view_starts(v, "["))
        while (n < v.len && v.ptr[n] != ']')
            n++;
    while (n < v.len && v.ptr[n] != ':')
        n++;
    ret->host = view_make(v.ptr, n);
    if (n < v.len)
        ret->port = from(v, n + 1);
}

bool url_split(struct view text, struct url *ret)
{
    size_t at = scheme_len(text);
    size_t end = at;
    size_t host = at;

    if (at == 0)
        return false;
    *ret = (struct url){.is_https = at == 8};
    for (; end < text.len && !is_one_of(text.ptr[end], "/?#"); end++) {
        if (text.ptr[end] == '@')
            host = end + 1;
    }
    if (host > at)
        ret->person = view_make(text.ptr + at, host - at - 1);
    split_host(view_make(text.ptr + host, end - host), ret);
    ret->rest = from(text, end);
    return true;
}

bool url_is_https(struct view text)
{
    return scheme_len(text) == 8;
}

bool url_is_link(struct view text)
{
    size_t at = scheme_len(text);

    if (at == 0 || at == text.len)
        return false;
    for (size_t i = at; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f)
            return false;
    }
    return true;
}

/* Printable ASCII, without the characters of @but. */
static bool is_ascii(struct view v, const char *but)
{
    for (size_t i = 0; i < v.len; i++) {
        if (v.ptr[i] <= ' ' || v.ptr[i] > '~' || is_one_of(v.ptr[i], but))
            return false;
    }
    return true;
}

bool url_is_plain(struct view text)
{
    size_t at = scheme_len(text);

    return at && at < text.len && text.ptr[at] != '/' && is_ascii(text, "");
}

/* Not its syntax in full. */
static bool host_is_fine(struct view host)
{
    if (!view_starts(host, "["))
        return host.len > 0;
    return host.len > 2 && memchr(host.ptr, ']', host.len) == host.ptr + host.len - 1;
}

bool url_is_callable(struct view text)
{
    struct url u;
    uint64_t port = 0;

    return url_split(text, &u) && is_ascii(text, "@#\\") && host_is_fine(u.host) &&
           (!u.port.ptr || num_parse_range(u.port, 1, 65535, &port) == 0);
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

enum address url_address(struct view text)
{
    struct url u;

    if (!url_split(text, &u))
        return ADDRESS_NONE;
    if (u.person.ptr)
        return ADDRESS_PERSON;
    if (u.host.len == 0)
        return ADDRESS_NONE;
    return u.is_https || is_this_host(u.host) ? ADDRESS_FINE : ADDRESS_OPEN;
}

bool url_is_below(struct view text, struct view base)
{
    while (base.len && base.ptr[base.len - 1] == '/')
        base.len--;
    return base.len > 0 && text.len >= base.len && memcmp(text.ptr, base.ptr, base.len) == 0 &&
           (text.len == base.len || is_one_of(text.ptr[base.len], "/?#"));
}
