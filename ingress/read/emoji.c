/* The grammar of an emoji (Unicode Technical Standard 51, "ED-17"), a little wider: the variation
 * selectors may be missing, and what Unicode keeps free for new emoji counts as one. */

#include "ingress/read/emoji.h"

#include <stdint.h>

#include "base/utf8.h"

#define JOINER  0x200dU
#define FRAME   0x20e3U
#define TAG_END 0xe007fU

static uint32_t peek(struct view text)
{
    size_t len = 0;

    return text.len ? utf8_first(text, &len) : 0;
}

static void skip(struct view *text)
{
    size_t len = 0;

    (void)utf8_first(*text, &len); /* its length is wanted */
    *text = view_make(text->ptr + len, text->len - len);
}

/* Skips the next character when it is @c. */
static bool take(struct view *text, uint32_t c)
{
    bool is = text->len && peek(*text) == c;

    if (is)
        skip(text);
    return is;
}

/* The colour of skin or the variation behind a picture, the tags of a flag that has no code. */
static void take_looks(struct view *text)
{
    uint32_t c = peek(*text);

    if (utf8_is_skin(c) || utf8_is_variation(c))
        skip(text);
    for (c = peek(*text); c >= 0xe0020 && c <= TAG_END; c = peek(*text))
        skip(text);
}

/* What a joiner joins: a picture, a flag, a framed digit. */
static bool take_piece(struct view *text)
{
    uint32_t c = peek(*text);

    if (c == '#' || c == '*' || (c >= '0' && c <= '9')) {
        skip(text);
        (void)take(text, 0xfe0f); /* may be missing */
        return take(text, FRAME);
    }
    if (utf8_is_flag_half(c)) {
        skip(text);
        c = peek(*text);
        if (utf8_is_flag_half(c))
            skip(text);
        return utf8_is_flag_half(c);
    }
    if (!utf8_is_picture(c) && !utf8_is_skin(c))
        return false;
    skip(text);
    take_looks(text);
    return true;
}

bool emoji_is(struct view text)
{
    if (!text.len)
        return false;
    while (text.len) {
        do {
            if (!take_piece(&text))
                return false;
        } while (take(&text, JOINER));
    }
    return true;
}
