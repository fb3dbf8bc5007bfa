/* Looks an emoji up in the list of allowed reactions. Variation selectors are ignored; skin
 * tones are ignored only when there is no exact match. */

#include "core/model/reaction_list.h"

#include <stddef.h>
#include <stdint.h>

#include "base/utf8.h"

static bool is_colour(uint32_t c)
{
    return c >= 0x1f3fb && c <= 0x1f3ff;
}

/* The next character that makes a difference, 0 at the end. */
static uint32_t next_of(struct view *rest, bool colours)
{
    while (rest->len) {
        size_t len = 0;
        uint32_t c = utf8_first(*rest, &len);

        *rest = view_make(rest->ptr + len, rest->len - len);
        if (!utf8_is_variation(c) && (colours || !is_colour(c)))
            return c;
    }
    return 0;
}

/* @colours: those of @a count. */
static bool same(struct view a, struct view b, bool colours)
{
    uint32_t c = 0;

    do {
        c = next_of(&a, colours);
        if (c != next_of(&b, true))
            return false;
    } while (c);
    return true;
}

bool reaction_same(struct view a, struct view b)
{
    return same(a, b, true);
}

/* The sign that *rest begins with; the rest is what follows it. */
static struct view take_sign(struct view *rest)
{
    size_t end = 0;
    struct view sign;

    do {
        size_t len = 0;

        (void)utf8_first(view_make(rest->ptr + end, rest->len - end), &len); /* its length */
        end += len;
    } while (end < rest->len && utf8_is_inside(*rest, end));
    sign = view_make(rest->ptr, end);
    *rest = view_make(rest->ptr + end, rest->len - end);
    return sign;
}

static struct view find(struct view list, struct view emoji, bool colours)
{
    while (list.len) {
        struct view sign = take_sign(&list);

        if (same(emoji, sign, colours))
            return sign;
    }
    return VIEW_NONE;
}

struct view reaction_listed(struct view list, struct view emoji)
{
    struct view sign;

    if (!utf8_shows(emoji))
        return VIEW_NONE;
    sign = find(list, emoji, true);
    return sign.ptr ? sign : find(list, emoji, false);
}
