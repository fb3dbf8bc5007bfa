/* Scans of JSON source text: finds integers beyond 64 bits, and writes out the escaped
 * surrogate pairs that json-c would decode wrongly. */

#include "base/json_source.h"

#include <string.h>

#include "base/crypto.h"
#include "base/num.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Such a run has at least 19 digits, so looking at every 19th byte finds them all. */
bool json_source_has_huge_integer(struct view text)
{
    enum {
        STEP = 19
    };

    for (size_t i = STEP - 1, next = 0; i < text.len; i = next) {
        size_t from = i;
        size_t to = i;
        uint64_t u = 0;
        int64_t s = 0;

        next = i + STEP;
        if (!is_digit(text.ptr[i]))
            continue;
        while (from > 0 && is_digit(text.ptr[from - 1]))
            from--;
        while (to < text.len && is_digit(text.ptr[to]))
            to++;
        if (from > 0 && text.ptr[from - 1] == '-') {
            if (num_parse_i64(view_make(text.ptr + from - 1, to - from + 1), &s))
                return true;
        } else if (num_parse_u64(view_make(text.ptr + from, to - from), &u)) {
            return true;
        }
        next = to + STEP; /* the next run begins behind this one */
    }
    return false;
}

/* The value of \uXXXX at the start of @text, -1 when there is none. */
static int escaped_unit(struct view text)
{
    unsigned char bytes[2];

    if (text.len < 6 || text.ptr[0] != '\\' || text.ptr[1] != 'u' ||
        crypto_unhex(view_make(text.ptr + 2, 4), bytes))
        return -1;
    return bytes[0] << 8 | bytes[1];
}

/* The code point of the escaped pair at the start of @text, if it is one that json-c spoils; else
 * 0. */
static unsigned spoilt_pair(struct view text)
{
    int high = escaped_unit(text);
    int low = 0;
    unsigned code = 0;

    if (high < 0xd800 || high > 0xdbff)
        return 0;
    low = escaped_unit(view_make(text.ptr + 6, text.len - 6));
    if (low < 0xdc00 || low > 0xdfff)
        return 0;
    code = 0x10000U + (((unsigned)high & 0x3ffU) << 10 | ((unsigned)low & 0x3ffU));
    return (code & 0xf800U) == 0xd800U ? code : 0;
}

int json_source_join_pairs(struct view text, struct buf *out)
{
    const char *end = text.ptr + text.len;
    const char *from = text.ptr;
    const char *p = text.ptr;

    while ((p = memchr(p, '\\', (size_t)(end - p)))) {
        unsigned code = spoilt_pair(view_make(p, (size_t)(end - p)));

        if (!code) {
            if (end - p < 2)
                break;
            p += 2; /* a backslash may hide another one */
            continue;
        }
        (void)buf_add(out, from, (size_t)(p - from)); /* asked once, below */
        (void)buf_add_char(out, (char)(0xf0U | code >> 18));
        (void)buf_add_char(out, (char)(0x80U | (code >> 12 & 0x3fU)));
        (void)buf_add_char(out, (char)(0x80U | (code >> 6 & 0x3fU)));
        (void)buf_add_char(out, (char)(0x80U | (code & 0x3fU)));
        p += 12;
        from = p;
    }
    return from == text.ptr ? 0 : buf_add(out, from, (size_t)(end - from));
}
