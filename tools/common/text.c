#include "tools/common/text.h"

#include <stdbool.h>

#define REPLACEMENT 0xfffdU

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

/* Combining marks of the scripts that come up, joiners, variation selectors, skin tones. */
static const struct span narrow[] = {
    {0x0300,  0x036f },
    {0x0483,  0x0489 },
    {0x0591,  0x05bd },
    {0x0610,  0x061a },
    {0x064b,  0x065f },
    {0x0e34,  0x0e3a },
    {0x0e47,  0x0e4e },
    {0x1ab0,  0x1aff },
    {0x1dc0,  0x1dff },
    {0x200b,  0x200d },
    {0x20d0,  0x20ff },
    {0x302a,  0x302d },
    {0x3099,  0x309a },
    {0xfe00,  0xfe0f },
    {0xfe20,  0xfe2f },
    {0x1f3fb, 0x1f3ff},
};

/* East Asian wide and full width, and the pictures. */
static const struct span wide[] = {
    {0x1100,  0x115f },
    {0x231a,  0x231b },
    {0x2e80,  0x303e },
    {0x3041,  0x33ff },
    {0x3400,  0x4dbf },
    {0x4e00,  0x9fff },
    {0xa000,  0xa4cf },
    {0xac00,  0xd7a3 },
    {0xf900,  0xfaff },
    {0xfe30,  0xfe4f },
    {0xff00,  0xff60 },
    {0xffe0,  0xffe6 },
    {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff},
    {0x1f900, 0x1f9ff},
    {0x20000, 0x3fffd},
};

static bool is_in(uint32_t c, const struct span *spans, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (c >= spans[i].low && c <= spans[i].high)
            return true;
    }
    return false;
}

/* How many bytes the sequence that begins with @first has by its first byte; 0: none begins so. */
static size_t sequence_len(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first < 0xe0)
        return 2;
    if (first >= 0xe0 && first < 0xf0)
        return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

uint32_t text_next(struct view *rest)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    static const unsigned char keep[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const unsigned char *p = (const unsigned char *)rest->ptr;
    size_t n = sequence_len(p[0]);
    bool good = n > 0 && n <= rest->len;
    uint32_t c = good ? (uint32_t)(p[0] & keep[n]) : 0;

    for (size_t i = 1; good && i < n; i++) {
        good = (p[i] & 0xc0) == 0x80;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (!good || c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        n = 1;
        c = REPLACEMENT;
    }
    rest->ptr += n;
    rest->len -= n;
    return c;
}

/* One code point with its bytes @v, both forms below share it. */
static void put(uint32_t c, struct view v, struct buf *out)
{
    /* errors stick in the buf */
    if (c == REPLACEMENT)
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

    while (v.len > 0) {
        uint32_t c = text_next(&v);

        if (is_in(c, narrow, AMO_COUNT(narrow)))
            continue;
        n += is_in(c, wide, AMO_COUNT(wide)) ? 2 : 1;
    }
    return n;
}
