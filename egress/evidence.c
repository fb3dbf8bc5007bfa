/* Makes the text that is kept of an answer: cleans the bytes, masks our secrets, and cuts at a
 * character. */

#include "egress/evidence.h"

#include <string.h>

#include "egress/echoed.h"
#include "proto/limits.h"

/* Length of the UTF-8 character at the start of @v; 0 when it is none. */
static size_t char_len(struct view v)
{
    for (size_t n = 1; n <= 4 && n <= v.len; n++) {
        if (json_utf8_valid(view_make(v.ptr, n)))
            return n;
    }
    return 0;
}

static bool is_control(struct view c)
{
    unsigned char first = (unsigned char)c.ptr[0];

    return first < ' ' || first == 0x7f ||
           (c.len == 2 && first == 0xc2 && (unsigned char)c.ptr[1] < 0xa0);
}

/* Control characters become a space, broken bytes a question mark. */
static void add_clean(struct buf *out, struct view text)
{
    while (text.len) {
        size_t n = char_len(text);

        if (n == 0)
            (void)buf_add_char(out, '?'); /* sticky; the caller asks at the end */
        else if (is_control(view_make(text.ptr, n)))
            (void)buf_add_char(out, ' ');
        else
            (void)buf_add(out, text.ptr, n);
        n = n ? n : 1;
        text = view_make(text.ptr + n, text.len - n);
    }
}

static void mask(struct buf *b, size_t from, struct view secret)
{
    while (!view_empty(secret) && from + secret.len <= b->len) {
        if (memcmp(b->ptr + from, secret.ptr, secret.len) == 0)
            memset(b->ptr + from, '*', secret.len);
        from++;
    }
}

/* Cut what was added since @from to @max bytes, at a character. */
static void cut(struct buf *b, size_t from, size_t max)
{
    if (b->len - from <= max)
        return;
    b->len = from + view_cut(view_make(b->ptr + from, b->len - from), max).len;
    b->ptr[b->len] = '\0';
}

int evidence_add(struct buf *out, const struct http_answer *a, const struct view *masks,
                 size_t n_masks, const struct command *asked)
{
    size_t from = out->len;
    struct view body = a->body;
    int rc = 0;

    if (a->end == HTTP_ANSWERED) {
        add_clean(out, a->status_line);
        /* somewhat more than is kept, so that a secret at the edge is masked as a whole */
        if (body.len > (size_t)2 * LIMIT_EVIDENCE_BYTES)
            body.len = (size_t)2 * LIMIT_EVIDENCE_BYTES;
        if (body.len)
            (void)buf_add_str(out, ": ");
        add_clean(out, body);
    } else {
        add_clean(out, view_of(a->words));
    }
    if (buf_error(out))
        return buf_error(out);
    for (size_t i = 0; i < n_masks; i++)
        mask(out, from, masks[i]);
    rc = asked ? echoed_hide(out, from, asked) : 0;
    cut(out, from, LIMIT_EVIDENCE_BYTES);
    return rc;
}

int evidence_add_words(struct buf *out, struct view text, size_t max,
                       const struct command *asked)
{
    size_t from = out->len;
    int rc = 0;

    if (text.len > 4 * max)
        text.len = 4 * max;
    add_clean(out, text);
    if (buf_error(out))
        return buf_error(out);
    rc = asked ? echoed_hide(out, from, asked) : 0;
    cut(out, from, max);
    return rc;
}
