/* Leaves out or escapes the characters that must not reach a terminal, and counts characters
 * and columns. */

#include "tools/common/text.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

struct span {
    uint32_t low;
    uint32_t high;
};

/* C0, DEL and C1; line and paragraph separator; everything that turns the direction around; the
 * invisible tag characters. */
static const struct span hidden[] = {
    {0x0000,  0x001f },
    {0x007f,  0x009f },
    {0x061c,  0x061c },
    {0x200e,  0x200f },
    {0x2028,  0x202e },
    {0x2066,  0x2069 },
    {0xfeff,  0xfeff },
    {0xfff9,  0xfffb },
    {0xe0000, 0xe007f},
};

static bool is_in(uint32_t c, const struct span *spans, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (c >= spans[i].low && c <= spans[i].high)
            return true;
    }
    return false;
}

uint32_t text_next(struct view *rest)
{
    size_t len = 0;
    uint32_t c = utf8_first(*rest, &len);

    *rest = view_make(rest->ptr + len, rest->len - len);
    return c;
}

/* One code point with its bytes @v, both forms below share it. */
static void put(uint32_t c, struct view v, struct buf *out)
{
    /* errors stick in the buf */
    if (c == UTF8_REPLACEMENT)
        (void)buf_add_str(out, "\xef\xbf\xbd");
    else
        (void)buf_add_view(out, v);
}

void text_clean(struct view v, struct buf *out)
{
    while (v.len > 0) {
        struct view from = v;
        uint32_t c = text_next(&v);

        if (c == '\n' || c == '\t' || c == '\r')
            (void)buf_add_char(out, ' ');
        else if (!is_in(c, hidden, AMO_COUNT(hidden)))
            put(c, view_make(from.ptr, from.len - v.len), out);
    }
}

void text_clean_json(struct view json, struct buf *out)
{
    while (json.len > 0) {
        struct view from = json;
        uint32_t c = text_next(&json);

        if (c == '\n' || c == '\t' || c == '\r')
            (void)buf_add_char(out, ' '); /* between values; inside strings they are escapes */
        else if (!is_in(c, hidden, AMO_COUNT(hidden)))
            put(c, view_make(from.ptr, from.len - json.len), out);
        else if (c < 0x10000)
            (void)buf_add_f(out, "\\u%04x", (unsigned)c);
        else
            (void)buf_add_f(out, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (c >> 10)),
                            (unsigned)(0xdc00 + (c & 0x3ff)));
    }
}

size_t text_chars(struct view v)
{
    size_t n = 0;

    while (v.len > 0) {
        (void)text_next(&v);
        n++;
    }
    return n;
}

size_t text_width(struct view v)
{
    size_t n = 0;

    while (v.len > 0)
        n += utf8_columns(text_next(&v));
    return n;
}

struct view text_line(struct view *rest, size_t width)
{
    struct view v = *rest;
    struct view ahead = v;
    size_t blank = 0; /* bytes before the last blank; 0 none */
    size_t used = 0;  /* columns */
    size_t len = 0;   /* bytes that fit */

    while (ahead.len > 0) {
        struct view from = ahead;
        uint32_t c = text_next(&ahead);

        used += utf8_columns(c);
        if (c == ' ' && from.ptr > v.ptr)
            blank = (size_t)(from.ptr - v.ptr);
        if (used > width && len > 0 && c != ' ')
            break;
        len = (size_t)(ahead.ptr - v.ptr);
    }
    if (ahead.len > 0 || used > width)
        len = blank ? blank : len;
    *rest = view_make(v.ptr + len, v.len - len);
    while (rest->len > 0 && rest->ptr[0] == ' ')
        *rest = view_make(rest->ptr + 1, rest->len - 1);
    return view_trim(view_make(v.ptr, len), " ");
}

size_t text_widest_word(struct view v)
{
    size_t widest = 0;
    size_t width = 0;

    while (v.len > 0) {
        uint32_t c = text_next(&v);

        width = c == ' ' ? 0 : width + utf8_columns(c);
        widest = width > widest ? width : widest;
    }
    return widest;
}

static size_t first_word_width(struct view v)
{
    const char *blank = v.len ? memchr(v.ptr, ' ', v.len) : NULL;

    return text_width(view_make(v.ptr, blank ? (size_t)(blank - v.ptr) : v.len));
}

void text_fold(struct view v, size_t at, size_t indent, size_t width, struct buf *out)
{
    size_t first = first_word_width(v);

    /* not in the middle of a word that a line of its own has room for */
    if (at > indent && at + first > width && indent + first <= width) {
        (void)buf_add_f(out, "\n%*s", (int)indent, ""); /* as above */
        at = indent;
    }
    while (v.len > 0) {
        (void)buf_add_view(out, text_line(&v, width > at ? width - at : 1));
        if (v.len > 0)
            (void)buf_add_f(out, "\n%*s", (int)indent, "");
        at = indent;
    }
}
