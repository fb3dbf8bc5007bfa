/* What all targets share: setting up and freeing requests, building URLs, and recognizing
 * whether an answer is a number, a word, a web page or nothing. */

#include "egress/target.h"

#include <string.h>

#include "base/url.h"
#include "proto/limits.h"

/* A request is made of one command, which fits a frame; JSON may double what it escapes. */
#define REQUEST_BODY_MAX   ((size_t)4 * LIMIT_FRAME_BYTES)
#define REQUEST_HEADER_MAX 8192U
#define REQUEST_URL_MAX    8192U
/* longer is no word */
#define WORD_MAX           32U

void http_request_init(struct http_request *q)
{
    *q = (struct http_request){.method = "POST"};
    buf_init(&q->url, REQUEST_URL_MAX);
    buf_init(&q->headers, REQUEST_HEADER_MAX);
    buf_init(&q->body, REQUEST_BODY_MAX);
}

void http_request_fini(struct http_request *q)
{
    buf_fini(&q->url);
    buf_fini(&q->headers);
    buf_fini(&q->body);
}

void http_request_reset(struct http_request *q)
{
    buf_reset(&q->url);
    buf_reset(&q->headers);
    buf_reset(&q->body);
    q->signature[0] = '\0';
    q->fresh = false;
}

void target_reading_fini(struct target_reading *r)
{
    json_free(r->doc);
    *r = (struct target_reading){0};
}

enum status_spelling status_spelling_of(const char *word)
{
    return strcmp(word, "old") == 0   ? STATUS_SPELLING_OLD
           : strcmp(word, "new") == 0 ? STATUS_SPELLING_NEW
                                      : STATUS_SPELLING_BOTH;
}

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '_' || c == '.' || c == '~';
}

int target_add_segment(struct buf *url, struct view segment)
{
    if (view_empty(segment) || view_is(segment, ".") || view_is(segment, ".."))
        return TARGET_E_IMPOSSIBLE;
    while (segment.len) {
        size_t n = 0;

        while (n < segment.len && is_unreserved((unsigned char)segment.ptr[n]))
            n++;
        (void)buf_add(url, segment.ptr, n); /* sticky, asked below */
        if (n < segment.len)
            (void)buf_add_f(url, "%%%02X", (unsigned char)segment.ptr[n++]);
        segment = view_make(segment.ptr + n, segment.len - n);
    }
    return buf_error(url);
}

bool target_url_is_fine(struct view url)
{
    return url.len <= LIMIT_URL && url_is_link(url);
}

static size_t n_digits(struct view v)
{
    size_t n = 0;

    while (n < v.len && v.ptr[n] >= '0' && v.ptr[n] <= '9')
        n++;
    return n;
}

static void skip(struct view *v, size_t n)
{
    *v = view_make(v->ptr + n, v->len - n);
}

static bool next_is_of(struct view v, const char *chars)
{
    return v.len && v.ptr[0] && strchr(chars, v.ptr[0]);
}

bool target_is_number(struct view text)
{
    size_t n = 0;

    if (next_is_of(text, "-"))
        skip(&text, 1);
    n = n_digits(text);
    if (n == 0 || (n > 1 && text.ptr[0] == '0'))
        return false;
    skip(&text, n);
    if (next_is_of(text, ".")) {
        skip(&text, 1);
        n = n_digits(text);
        if (n == 0)
            return false;
        skip(&text, n);
    }
    if (next_is_of(text, "eE")) {
        skip(&text, 1);
        if (next_is_of(text, "+-"))
            skip(&text, 1);
        n = n_digits(text);
        if (n == 0)
            return false;
        skip(&text, n);
    }
    return text.len == 0;
}

/* Without what may stand around a text. */
static struct view trimmed(struct view body)
{
    if (view_starts(body, "\xef\xbb\xbf"))
        skip(&body, 3);
    while (next_is_of(body, " \t\r\n"))
        skip(&body, 1);
    while (body.len && next_is_of(view_make(body.ptr + body.len - 1, 1), " \t\r\n"))
        body.len--;
    return body;
}

bool target_is_page(const struct http_answer *a)
{
    struct view body = trimmed(a->body);

    return next_is_of(body, "<") ||
           (a->html && !next_is_of(body, "{[\"") && !target_is_word(body));
}

bool target_is_word(struct view body)
{
    body = trimmed(body);
    for (size_t i = 0; i < body.len; i++) {
        if (!is_unreserved((unsigned char)body.ptr[i]) && body.ptr[i] != '!')
            return false;
    }
    return body.len <= WORD_MAX;
}

bool target_is_stale(const struct command *c, int64_t now_ms)
{
    return c->expires_ms != 0 && c->expires_ms <= now_ms;
}

struct view target_text(struct json *doc, const struct json_node *n)
{
    struct view v = VIEW_NONE;

    return json_text(doc, n, &v) ? VIEW_NONE : v;
}

enum answer_form target_form(const struct http_answer *a, bool own)
{
    if (own)
        return FORM_OWN;
    if (target_is_page(a))
        return FORM_PAGE;
    return a->body.len ? FORM_OTHER : FORM_EMPTY;
}

const struct json_node *target_root(const struct target_reading *r)
{
    return r->doc ? json_root(r->doc) : NULL;
}
