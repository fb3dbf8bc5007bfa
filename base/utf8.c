/* Characters and the signs they make, by Unicode's own tables: libutf8proc has them. */

#include "base/utf8.h"

#include <utf8proc.h>

#define JOINER 0x200dU /* makes one sign of those before and behind it */

uint32_t utf8_first(struct view text, size_t *ret_len)
{
    utf8proc_int32_t c = -1;
    /* four bytes are all it looks at */
    utf8proc_ssize_t len = utf8proc_iterate((const utf8proc_uint8_t *)text.ptr,
                                            text.len < 4 ? (utf8proc_ssize_t)text.len : 4, &c);

    *ret_len = len > 0 ? (size_t)len : 1;
    return len > 0 ? (uint32_t)c : UTF8_REPLACEMENT;
}

bool utf8_is_variation(uint32_t c)
{
    return c == 0xfe0e || c == 0xfe0f;
}

static unsigned boundclass(uint32_t c)
{
    return utf8proc_get_property((utf8proc_int32_t)c)->boundclass;
}

bool utf8_is_picture(uint32_t c)
{
    return boundclass(c) == UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC;
}

bool utf8_is_flag_half(uint32_t c)
{
    return boundclass(c) == UTF8PROC_BOUNDCLASS_REGIONAL_INDICATOR;
}

bool utf8_is_skin(uint32_t c)
{
    return c >= 0x1f3fb && c <= 0x1f3ff;
}

bool utf8_extends(uint32_t c)
{
    return boundclass(c) == UTF8PROC_BOUNDCLASS_EXTEND || c == JOINER;
}

/* The character before @at, and where it begins; 0 at the beginning. */
static uint32_t before(struct view text, size_t at, size_t *ret_at)
{
    size_t len = 0;

    if (at == 0)
        return 0;
    do
        at--;
    while (at && ((unsigned char)text.ptr[at] & 0xc0) == 0x80);
    *ret_at = at;
    return utf8_first(view_make(text.ptr + at, text.len - at), &len);
}

bool utf8_is_inside(struct view text, size_t at)
{
    size_t len = 0;
    size_t from = at;
    size_t n_halves = 0;
    uint32_t last = 0;
    uint32_t c = 0;

    if (at == 0 || at >= text.len)
        return false;
    c = utf8_first(view_make(text.ptr + at, text.len - at), &len);
    last = before(text, at, &from);
    if (last == JOINER)
        return true;
    if (!utf8_is_flag_half(c) || !utf8_is_flag_half(last))
        return !utf8proc_grapheme_break((utf8proc_int32_t)last, (utf8proc_int32_t)c);
    for (from = at; utf8_is_flag_half(before(text, from, &from));)
        n_halves++;
    return n_halves % 2 == 1;
}

static bool is_blank(uint32_t c)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);

    return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_ZS ||
           category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP ||
           /* a letter may also be empty: the fillers of Hangul */
           utf8proc_get_property((utf8proc_int32_t)c)->ignorable;
}

bool utf8_shows(struct view text)
{
    while (text.len) {
        size_t len = 0;
        uint32_t c = utf8_first(text, &len);

        if (!is_blank(c) && !utf8_extends(c))
            return true;
        text = view_make(text.ptr + len, text.len - len);
    }
    return false;
}

size_t utf8_columns(uint32_t c)
{
    /* alone a colour of skin would take two, but it stands behind what it colours */
    return utf8_is_skin(c) ? 0 : (size_t)utf8proc_charwidth((utf8proc_int32_t)c);
}

/* What names and words are mostly made of, without a look into tables; 0 for anything else. */
static uint32_t fold_usual(uint32_t c)
{
    if ((c >= 'a' && c <= 'z') || (c >= '!' && c <= '@'))
        return c;
    if (c >= 'A' && c <= 'Z')
        return c + 0x20;
    if (c == 0x419 || c == 0x439)
        return 0x438; /* й is и with a mark above it */
    if (c >= 0x430 && c <= 0x44f)
        return c;
    return c >= 0x410 && c <= 0x42f ? c + 0x20 : 0;
}

size_t utf8_fold(uint32_t c, uint32_t ret[UTF8_FOLDED_MAX])
{
    const utf8proc_option_t how =
        UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK | UTF8PROC_IGNORE;
    utf8proc_int32_t parts[UTF8_FOLDED_MAX];
    utf8proc_ssize_t n = 0;
    int last = 0;

    ret[0] = fold_usual(c);
    if (ret[0])
        return 1;
    if (utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_ZS || c == '\t' ||
        c == '\n') {
        ret[0] = ' ';
        return 1;
    }
    n = utf8proc_decompose_char((utf8proc_int32_t)c, parts, UTF8_FOLDED_MAX, how, &last);
    if (n < 0 || n > UTF8_FOLDED_MAX) {
        ret[0] = c; /* longer than any name's letter */
        return 1;
    }
    for (utf8proc_ssize_t i = 0; i < n; i++)
        ret[i] = (uint32_t)parts[i];
    return (size_t)n;
}
