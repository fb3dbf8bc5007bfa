/* What is shown of phones and names. */

#include "core/questions/mask.h"

#include <ctype.h>

#include "base/json.h"
#include "base/utf8.h"

#define SHOWN_DIGITS 4
#define LEAST_DIGITS 7 /* of fewer, four would be most of it */
#define SHOWN_WORDS  3
#define MASKED_MAX   ((size_t)64)

/* @out is what is left of @text. */
static void add_masked(struct json_writer *w, const char *key, struct view text, bool reveal,
                       const struct buf *out)
{
    if (!text.len)
        json_add_null(w, key);
    else
        json_add_text(w, key, reveal ? text : buf_view(out));
}

void mask_add_phone(struct json_writer *w, const char *key, struct view phone, bool reveal)
{
    size_t n = 0;
    size_t shown = 0;
    struct buf out;

    buf_init(&out, MASKED_MAX);
    for (size_t i = 0; i < phone.len; i++)
        n += isdigit((unsigned char)phone.ptr[i]) ? 1 : 0;
    (void)buf_add_str(&out, "***"); /* errors stick in the buf: then less is shown */
    for (size_t i = 0; n >= LEAST_DIGITS && i < phone.len; i++) {
        if (isdigit((unsigned char)phone.ptr[i]) && ++shown > n - SHOWN_DIGITS)
            (void)buf_add_char(&out, phone.ptr[i]);
    }
    add_masked(w, key, phone, reveal, &out);
    buf_fini(&out);
}

void mask_add_name(struct json_writer *w, const char *key, struct view name, bool reveal)
{
    struct view rest = name;
    bool begins = true;
    size_t words = 0;
    struct buf out;

    buf_init(&out, MASKED_MAX);
    while (rest.len && words < SHOWN_WORDS) {
        size_t len = 0;

        (void)utf8_first(rest, &len);
        if (begins && rest.ptr[0] != ' ') {
            /* errors stick in the buf: then less is shown */
            (void)buf_add_str(&out, words ? " " : "");
            (void)buf_add(&out, rest.ptr, len);
            (void)buf_add_char(&out, '.');
            words++;
        }
        begins = rest.ptr[0] == ' ';
        rest = view_make(rest.ptr + len, rest.len - len);
    }
    add_masked(w, key, name, reveal, &out);
    buf_fini(&out);
}

size_t mask_chars(struct view text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.ptr[i] & 0xc0U) != 0x80U ? 1 : 0;
    return n;
}
