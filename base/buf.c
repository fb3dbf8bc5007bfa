/* Views and growing buffers: comparing and searching text, cutting it without splitting a
 * character, and appending to a buffer within its limit. */

#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

struct view view_of(const char *s)
{
    return s ? (struct view){s, strlen(s)} : VIEW_NONE;
}

struct view view_make(const void *bytes, size_t len)
{
    return (struct view){bytes, len};
}

bool view_equal(struct view a, struct view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool view_is(struct view v, const char *s)
{
    return v.ptr && view_equal(v, view_of(s));
}

bool view_starts(struct view v, const char *prefix)
{
    size_t n = strlen(prefix);

    return v.len >= n && (n == 0 || memcmp(v.ptr, prefix, n) == 0);
}

const char *view_find(struct view v, const char *what)
{
    size_t n = strlen(what);
    const char *p = v.ptr;
    size_t left = v.len;

    assert(n > 0);
    while (left >= n && (p = memchr(p, what[0], left - n + 1))) {
        if (memcmp(p, what, n) == 0)
            return p;
        p++;
        left = v.len - (size_t)(p - v.ptr);
    }
    return NULL;
}

bool view_empty(struct view v)
{
    return v.len == 0;
}

int view_copy(struct view v, char *ret, size_t cap)
{
    if (v.len >= cap)
        return -ENOSPC;
    if (v.len)
        memcpy(ret, v.ptr, v.len);
    ret[v.len] = '\0';
    return 0;
}

/* Where the character begins that @at is in. */
static size_t character_at(struct view text, size_t at)
{
    while (at && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
        at--;
    return at;
}

/* bytes of one sign that a cut goes around; the longest of Unicode's emoji are two thirds of it */
#define SIGN_MAX 64U

static bool is_one_of(char c, const char *these)
{
    return c && strchr(these, c);
}

struct view view_trim(struct view v, const char *these)
{
    while (v.len && is_one_of(v.ptr[0], these))
        v = view_make(v.ptr + 1, v.len - 1);
    while (v.len && is_one_of(v.ptr[v.len - 1], these))
        v.len--;
    return v;
}

struct view view_cut(struct view text, size_t max)
{
    if (text.len <= max)
        return text;
    max = character_at(text, max);
    for (size_t at = max; max - at <= SIGN_MAX; at = character_at(text, at - 1)) {
        if (!utf8_is_inside(text, at))
            return view_make(text.ptr, at);
    }
    return view_make(text.ptr, max);
}

int view_compare(struct view a, struct view b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;

    if (c == 0)
        return (a.len > b.len) - (a.len < b.len);
    return c < 0 ? -1 : 1;
}

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
    mem_free(b->ptr);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->error = 0;
    if (b->ptr)
        b->ptr[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t n)
{
    size_t cap = b->cap;
    char *p = NULL;

    if (b->error)
        return NULL;
    if (n > b->max - b->len) {
        b->error = -ENOSPC;
        return NULL;
    }
    if (b->ptr && b->cap - b->len >= n)
        return b->ptr + b->len;
    if (cap < 64)
        cap = 64;
    while (cap < b->len + n)
        cap = cap > b->max / 2 ? b->max : cap * 2;
    p = mem_realloc(b->ptr, cap + 1);
    if (!p) {
        b->error = -ENOMEM;
        return NULL;
    }
    b->ptr = p;
    b->cap = cap;
    return b->ptr + b->len;
}

void buf_grow(struct buf *b, size_t n)
{
    assert(b->ptr && n <= b->cap - b->len);
    b->len += n;
    b->ptr[b->len] = '\0';
}

int buf_add(struct buf *b, const void *bytes, size_t n)
{
    char *p = buf_reserve(b, n);

    if (!p)
        return b->error;
    if (n)
        memcpy(p, bytes, n);
    buf_grow(b, n);
    return 0;
}

int buf_add_view(struct buf *b, struct view v)
{
    return buf_add(b, v.ptr, v.len);
}

int buf_add_str(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

int buf_add_char(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

int buf_add_f(struct buf *b, const char *fmt, ...)
{
    char small[256];
    va_list args;
    va_list again;
    char *p = NULL;
    int n = 0;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    if (n < 0) {
        b->error = b->error ? b->error : -EINVAL;
    } else if ((size_t)n < sizeof(small)) {
        (void)buf_add(b, small, (size_t)n); /* the error is sticky and returned below */
    } else {
        p = buf_reserve(b, (size_t)n);
        if (p) {
            (void)vsnprintf(p, (size_t)n + 1, fmt, again); /* the room was measured above */
            buf_grow(b, (size_t)n);
        }
    }
    va_end(again);
    return b->error;
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->len);
    if (n == 0)
        return;
    memmove(b->ptr, b->ptr + n, b->len - n);
    b->len -= n;
    b->ptr[b->len] = '\0';
}

int buf_error(const struct buf *b)
{
    return b->error;
}

struct view buf_view(const struct buf *b)
{
    return b->ptr ? (struct view){b->ptr, b->len} : VIEW_LIT("");
}

const char *buf_str(const struct buf *b)
{
    return b->ptr ? b->ptr : "";
}

char *buf_take(struct buf *b)
{
    char *p = b->len ? b->ptr : NULL;

    if (!p)
        mem_free(b->ptr);
    *b = (struct buf){.max = b->max};
    return p;
}
