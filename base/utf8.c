#include "base/utf8.h"

uint32_t utf8_first(struct view text, size_t *ret_len)
{
    unsigned char first = (unsigned char)text.ptr[0];
    size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t c = len == 1 ? first : first & (0xffU >> (len + 1));

    for (size_t i = 1; i < len && i < text.len; i++)
        c = c << 6 | ((unsigned char)text.ptr[i] & 0x3f);
    *ret_len = len < text.len ? len : text.len;
    return c;
}

bool utf8_is_variation(uint32_t c)
{
    return c == 0xfe0e || c == 0xfe0f;
}

bool utf8_extends(uint32_t c)
{
    return (c >= 0x300 && c <= 0x36f) || (c >= 0x1ab0 && c <= 0x1aff) ||
           (c >= 0x20d0 && c <= 0x20ff) || (c >= 0xfe00 && c <= 0xfe0f) ||
           (c >= 0xfe20 && c <= 0xfe2f) || (c >= 0x1f3fb && c <= 0x1f3ff) ||
           (c >= 0xe0020 && c <= 0xe007f) || c == UTF8_JOINER;
}

/* Two of them make a flag. */
static bool is_flag_half(uint32_t c)
{
    return c >= 0x1f1e6 && c <= 0x1f1ff;
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
    uint32_t c = 0;

    if (at == 0 || at >= text.len)
        return false;
    c = utf8_first(view_make(text.ptr + at, text.len - at), &len);
    if (utf8_extends(c) || before(text, at, &from) == UTF8_JOINER)
        return true;
    if (!is_flag_half(c))
        return false;
    for (from = at; is_flag_half(before(text, from, &from));)
        n_halves++;
    return n_halves % 2 == 1;
}

static bool is_blank(uint32_t c)
{
    return c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad || c == 0x1680 || c == 0x180e ||
           (c >= 0x2000 && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) ||
           (c >= 0x205f && c <= 0x206f) || c == 0x3000 || c == 0xfeff;
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
