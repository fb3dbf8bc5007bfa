#include "core/check.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MIB               ((int64_t)1 << 20)
#define ROOM_RED_BYTES    (256 * MIB)
#define ROOM_YELLOW_BYTES (2048 * MIB)
#define ROOM_RED          2 /* percent */
#define ROOM_YELLOW       5

enum light check_low(int64_t value, int64_t red, int64_t yellow)
{
    if (value < red)
        return LIGHT_RED;
    return value < yellow ? LIGHT_YELLOW : LIGHT_GREEN;
}

static const char *light_name(enum light light)
{
    switch (light) {
    case LIGHT_GREEN:
        return "green";
    case LIGHT_YELLOW:
        return "yellow";
    case LIGHT_RED:
        break;
    }
    return "red";
}

void check_add(struct json_writer *w, const struct check *c, const char *fmt, ...)
{
    char words[2048];
    va_list args;

    va_start(args, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start stands above */
    (void)vsnprintf(words, sizeof(words), fmt, args); /* a longer sentence is cut */
    va_end(args);
    json_open_object(w, NULL);
    json_add_text(w, "check", view_of(c->name));
    json_add_text(w, "subject", c->subject);
    json_add_text(w, "state", view_of(light_name(c->light)));
    json_add_text(w, "words", view_cut(view_of(words), sizeof(words)));
    json_add_text(w, "todo", c->light != LIGHT_GREEN ? view_of(c->todo) : VIEW_NONE);
    json_close_object(w);
}

void check_room(struct json_writer *w, const char *path, const struct statvfs *s)
{
    int64_t free_bytes = (int64_t)(s->f_bavail * s->f_frsize);
    int64_t percent = s->f_blocks ? (int64_t)(s->f_bavail * 100 / s->f_blocks) : 0;
    enum light bytes = check_low(free_bytes, ROOM_RED_BYTES, ROOM_YELLOW_BYTES);
    enum light part = check_low(percent, ROOM_RED, ROOM_YELLOW);
    struct check c = {.name = "disk",
                      .subject = view_of(path),
                      .light = bytes > part ? bytes : part,
                      .todo = "free the disk: without room nothing is accepted"};

    check_add(w, &c, "%" PRId64 " MiB free, %" PRId64 " %%", free_bytes / MIB, percent);
}

/* --- addresses ------------------------------------------------------------------------------ */

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

enum address check_address(struct view url)
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

bool check_is_below(struct view url, struct view base)
{
    while (base.len && base.ptr[base.len - 1] == '/')
        base.len--;
    return base.len > 0 && url.len >= base.len && memcmp(url.ptr, base.ptr, base.len) == 0 &&
           (url.len == base.len || strchr("/?#", url.ptr[base.len]));
}
