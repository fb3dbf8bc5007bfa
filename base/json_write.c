/* Writing JSON into a buffer, piece by piece. Also two functions on raw text: one strips
 * comments from JSON, one tells whether text is well-formed UTF-8. */

#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"

void json_writer_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

/* Errors of the buf are sticky: the caller asks it once at the end, so nothing below looks. */

static void add_escape(struct buf *out, unsigned char c)
{
    switch (c) {
    case '"':
        (void)buf_add(out, "\\\"", 2);
        break;
    case '\\':
        (void)buf_add(out, "\\\\", 2);
        break;
    case '\n':
        (void)buf_add(out, "\\n", 2);
        break;
    case '\r':
        (void)buf_add(out, "\\r", 2);
        break;
    case '\t':
        (void)buf_add(out, "\\t", 2);
        break;
    default:
        (void)buf_add_f(out, "\\u%04x", c);
        break;
    }
}

static void add_string(struct buf *out, struct view text)
{
    size_t from = 0;

    (void)buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c >= ' ' && c != '"' && c != '\\')
            continue;
        (void)buf_add(out, text.ptr + from, i - from);
        add_escape(out, c);
        from = i + 1;
    }
    if (text.len > from)
        (void)buf_add(out, text.ptr + from, text.len - from);
    (void)buf_add_char(out, '"');
}

/* The comma before a value and, inside an object, its key. */
static void begin_value(struct json_writer *w, const char *key)
{
    if (w->comma)
        (void)buf_add_char(w->out, ',');
    w->comma = true;
    if (!key)
        return;
    add_string(w->out, view_of(key));
    (void)buf_add_char(w->out, ':');
}

static void open_value(struct json_writer *w, const char *key, char bracket)
{
    begin_value(w, key);
    (void)buf_add_char(w->out, bracket);
    w->comma = false;
}

static void close_value(struct json_writer *w, char bracket)
{
    (void)buf_add_char(w->out, bracket);
    w->comma = true;
}

void json_open_object(struct json_writer *w, const char *key)
{
    open_value(w, key, '{');
}

void json_close_object(struct json_writer *w)
{
    close_value(w, '}');
}

void json_open_array(struct json_writer *w, const char *key)
{
    open_value(w, key, '[');
}

void json_close_array(struct json_writer *w)
{
    close_value(w, ']');
}

void json_add_text(struct json_writer *w, const char *key, struct view text)
{
    if (!text.ptr) {
        json_add_null(w, key);
        return;
    }
    begin_value(w, key);
    add_string(w->out, text);
}

void json_add_text_if(struct json_writer *w, const char *key, struct view text)
{
    if (!view_empty(text))
        json_add_text(w, key, text);
}

void json_add_time(struct json_writer *w, const char *key, int64_t unix_ms)
{
    char text[CLOCK_ISO_LEN + 1];

    clock_format_iso(unix_ms, text);
    json_add_text(w, key, unix_ms > 0 ? view_of(text) : VIEW_NONE);
}

void json_add_int(struct json_writer *w, const char *key, int64_t value)
{
    begin_value(w, key);
    (void)buf_add_f(w->out, "%" PRId64, value);
}

void json_add_bool(struct json_writer *w, const char *key, bool value)
{
    begin_value(w, key);
    (void)buf_add_str(w->out, value ? "true" : "false");
}

void json_add_null(struct json_writer *w, const char *key)
{
    begin_value(w, key);
    (void)buf_add_str(w->out, "null");
}

void json_add_raw(struct json_writer *w, const char *key, struct view json)
{
    begin_value(w, key);
    (void)buf_add_view(w->out, json);
}

/* Bytes of the comment that begins at the start of @text; 0 when there is none. A block comment
 * that never ends gives -EINVAL. */
static int comment_len(struct view text, size_t *ret_len)
{
    const char *end = NULL;

    *ret_len = 0;
    if (view_starts(text, "//")) {
        end = memchr(text.ptr, '\n', text.len);
        *ret_len = end ? (size_t)(end - text.ptr) : text.len;
    } else if (view_starts(text, "/*")) {
        end = view_find(view_make(text.ptr + 2, text.len - 2), "*/");
        if (!end)
            return -EINVAL;
        *ret_len = (size_t)(end + 2 - text.ptr);
    }
    return 0;
}

int json_strip_comments(struct view text, struct buf *out)
{
    bool in_string = false;
    size_t skip = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (in_string && c == '\\' && i + 1 < text.len) {
            (void)buf_add(out, text.ptr + i, 2);
            i++;
            continue;
        }
        if (c == '"')
            in_string = !in_string;
        if (!in_string && c == '/') {
            if (comment_len(view_make(text.ptr + i, text.len - i), &skip))
                return -EINVAL;
            if (skip > 0) {
                (void)buf_add_char(out, ' '); /* still parts what stood around it */
                i += skip - 1;
                continue;
            }
        }
        (void)buf_add_char(out, c);
    }
    return buf_error(out);
}

static bool is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* Length of the one well-formed sequence at the start of @p (Unicode, table 3-7), 0 if none. */
static size_t sequence_len(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4) /* a tail byte, an overlong form, above U+10FFFF */
        return 0;
    if (p[0] < 0xe0)
        return left >= 2 && is_tail(p[1]) ? 2 : 0;
    if (p[0] < 0xf0) {
        if (left < 3 || !is_tail(p[1]) || !is_tail(p[2]))
            return 0;
        if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
            return 0; /* overlong; a surrogate */
        return 3;
    }
    if (left < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3]))
        return 0;
    if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0; /* overlong; above U+10FFFF */
    return 4;
}

bool json_utf8_valid(struct view text)
{
    const unsigned char *p = (const unsigned char *)text.ptr;
    size_t i = 0;

    while (i < text.len) {
        uint64_t eight = 0;
        size_t n = 0;

        if (text.len - i >= sizeof(eight)) {
            memcpy(&eight, p + i, sizeof(eight));
            if ((eight & 0x8080808080808080ULL) == 0) {
                i += sizeof(eight);
                continue;
            }
        }
        n = sequence_len(p + i, text.len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}
