/* Takes a number's digits from the JSON source. A number given as text that JSON would not allow
 * is printed again from its value. */

#include "ingress/read/digits.h"

#include <stdbool.h>

static size_t run_of_digits(struct view v, size_t from)
{
    size_t i = from;

    while (i < v.len && v.ptr[i] >= '0' && v.ptr[i] <= '9')
        i++;
    return i - from;
}

/* -?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)? */
static bool is_json_number(struct view v)
{
    size_t i = v.len && v.ptr[0] == '-';
    size_t n = run_of_digits(v, i);

    if (n == 0 || (n > 1 && v.ptr[i] == '0'))
        return false;
    i += n;
    if (i < v.len && v.ptr[i] == '.') {
        n = run_of_digits(v, i + 1);
        if (n == 0)
            return false;
        i += n + 1;
    }
    if (i < v.len && (v.ptr[i] == 'e' || v.ptr[i] == 'E')) {
        i++;
        i += i < v.len && (v.ptr[i] == '+' || v.ptr[i] == '-');
        n = run_of_digits(v, i);
        if (n == 0)
            return false;
        i += n;
    }
    return i == v.len;
}

int digits_read(struct json *doc, const struct json_node *n, struct buf *made, struct view *ret)
{
    struct view text = VIEW_NONE;
    double d = 0;
    size_t at = made->len;
    int rc = 0;

    *ret = VIEW_NONE;
    if (!json_double(n, &d))
        return 0;
    rc = json_text(doc, n, &text);
    if (rc)
        return rc;
    if (is_json_number(text)) {
        *ret = text;
        return 0;
    }
    if (!made->cap && !buf_reserve(made, (size_t)2 * DIGITS_ROOM))
        return buf_error(made);
    rc = buf_add_f(made, "%.17g", d); /* at most 24 bytes */
    if (rc)
        return rc;
    *ret = view_make(made->ptr + at, made->len - at);
    return 0;
}
