#include "ingress/read/emoji.h"

#include <stdint.h>

#include "base/utf8.h"

/* A keycap's base, a joiner, a variation, a sign; not a letter. */
static bool may_stand(uint32_t c)
{
    if (c < 0x80)
        return c == '#' || c == '*' || (c >= '0' && c <= '9');
    if (c < 0x200d)
        return c == 0xa9 || c == 0xae;
    /* kana, Han, Hangul and the private planes of scripts */
    return !(c >= 0x3040 && c <= 0x3296) && !(c >= 0x329a && c <= 0xd7ff) &&
           !(c >= 0xe000 && c <= 0xfdff) && !(c >= 0xfe10 && c <= 0xffff);
}

/* Seen by itself, or framing what is before it. */
static bool shows(uint32_t c)
{
    return c == 0xa9 || c == 0xae || c == 0x20e3 || (c >= 0x203c && c != 0xfe0f);
}

bool emoji_is(struct view text)
{
    bool seen = false;

    while (text.len) {
        size_t len = 0;
        uint32_t c = utf8_first(text, &len);

        if (!may_stand(c))
            return false;
        seen = seen || shows(c);
        text = view_make(text.ptr + len, text.len - len);
    }
    return seen;
}
