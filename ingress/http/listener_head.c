/* Copies method, path and headers out of libmicrohttpd into a request, looks for what it passes over
 * in silence, and builds the head of the answer for it. */

#include "ingress/http/listener_head.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/request_path.h"
#include "ingress/http/request.h"

/* what libmicrohttpd takes for a header beside its text, and some more */
#define HEADER_COST 96

#define TWO_WAYS "the head can be read in two ways"

struct reading {
    struct request *x;
    struct listener_head *head;
    const char *at; /* where the next line must begin if nothing was left out before it */
};

/* Headers kept as they are, and where. */
static const struct {
    const char *name;
    size_t offset;
} kept[] = {
    {"X-Signature",       offsetof(struct request, signature)        },
    {"Authorization",     offsetof(struct request, authorization)    },
    {"webhook-id",        offsetof(struct request, webhook_id)       },
    {"webhook-timestamp", offsetof(struct request, webhook_timestamp)},
    {"webhook-signature", offsetof(struct request, webhook_signature)},
    {"Idempotency-Key",   offsetof(struct request, idempotency_key)  },
    {"Content-Type",      offsetof(struct request, content_type)     },
};

/* A name as RFC 9110 has it: libmicrohttpd takes any bytes up to the colon, none of them included. */
static bool is_token(struct view name)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c && strchr(marks, c))))
            return false;
    }
    return name.len > 0;
}

/* No control characters, except tabs. */
static bool is_text(struct view value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool is_blank(const char *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (from[i] != ' ' && from[i] != '\t')
            return false;
    }
    return true;
}

/* libmicrohttpd 0.9.75 ends a head at a line that begins with ':' or NUL, cuts a value at NUL, and
 * takes the first line of a folded value for the whole; what is behind would be a request of its
 * own. It says nothing of it, but keeps the head as it came: so a name that does not begin two
 * bytes (CR LF) behind the value before it tells that something was left out. Only NUL LF in the
 * place of CR LF looks the same. */
static bool is_next_line(const struct reading *r, struct view name, struct view value)
{
    size_t past = name.len + 1; /* the colon */

    return name.ptr == r->at && value.ptr >= name.ptr + past &&
           is_blank(name.ptr + past, (size_t)(value.ptr - name.ptr) - past);
}

/* libmicrohttpd leaves blanks behind a value, and tabs on either side; they belong to none. */
static struct view trim(struct view value)
{
    while (value.len > 0 && is_blank(value.ptr, 1))
        value = view_make(value.ptr + 1, value.len - 1);
    while (value.len > 0 && is_blank(value.ptr + value.len - 1, 1))
        value.len--;
    return value;
}

static bool name_is(struct view name, const char *word)
{
    return name.len == strlen(word) && strncasecmp(name.ptr, word, name.len) == 0;
}

/* What decides where the request ends, and who sent it. */
static void read_framing(struct listener_head *head, struct view name, struct view value)
{
    if (name_is(name, "Host")) {
        head->n_hosts++;
    } else if (name_is(name, "Content-Length")) {
        head->n_lengths++;
        if (num_parse_u64(value, &head->length))
            head->broken = "Content-Length is not a number";
    } else if (name_is(name, "Transfer-Encoding")) {
        head->n_codings++;
        if (!name_is(value, "chunked"))
            head->broken = "only chunked is known as Transfer-Encoding";
        head->chunked = true;
    } else if (name_is(name, "X-Forwarded-For")) {
        head->forwarded = trim(value); /* the last one: nearest to us */
    }
}

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd says which parameters */
static enum MHD_Result read_header(void *arg, enum MHD_ValueKind kind, const char *key,
                                   size_t key_len, const char *text, size_t text_len)
{
    struct reading *r = arg;
    struct view name = view_make(key, key_len);
    struct view value = view_make(text ? text : key + key_len, text_len);

    (void)kind;
    r->head->bytes += name.len + value.len + HEADER_COST;
    if (!is_token(name))
        r->head->broken = "a header's name is no token";
    else if (!is_text(value))
        r->head->broken = "a header's value holds a control character";
    else if (!is_next_line(r, name, value))
        r->head->broken = TWO_WAYS;
    else
        read_framing(r->head, name, value);
    if (r->head->broken)
        return MHD_NO;
    r->at = value.ptr + value.len + 2;
    for (size_t i = 0; i < AMO_COUNT(kept); i++) {
        if (name_is(name, kept[i].name))
            *(struct view *)(void *)((char *)r->x + kept[i].offset) = trim(value);
    }
    return MHD_YES;
}

static enum method method_of(const char *method)
{
    static const char *const names[] = {"GET", "HEAD", "POST", "PATCH"};
    static const enum method methods[] = {METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_PATCH};

    for (size_t i = 0; i < AMO_COUNT(names); i++) {
        if (strcmp(method, names[i]) == 0)
            return methods[i];
    }
    return METHOD_OTHER;
}

/* What is wrong with a head whose lines are in order, each for itself. */
static const char *head_fault(const struct listener_head *head,
                              const struct listener_line *line)
{
    if (head->n_hosts != 1)
        return head->n_hosts ? "more than one Host" : "Host is missing";
    if (head->n_lengths && head->n_codings)
        return "Content-Length and Transfer-Encoding together";
    if (head->n_lengths > 1 || head->n_codings > 1)
        return "the length is given twice";
    if (head->chunked && strcmp(line->version, "HTTP/1.0") == 0)
        return "HTTP/1.0 knows no Transfer-Encoding";
    return NULL;
}

/* Does the head end where libmicrohttpd says? */
static bool is_whole(struct MHD_Connection *connection, const struct listener_line *line,
                     const char *end)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    return info && line->method + info->header_size == end + 2;
}

void listener_head_read(struct MHD_Connection *connection, const struct listener_line *line,
                        struct request *x, struct listener_head *ret)
{
    struct reading r = {.x = x, .head = ret, .at = line->version + strlen(line->version) + 2};

    *ret = (struct listener_head){.bytes = strlen(line->url) + strlen(line->method)};
    x->method = method_of(line->method);
    x->path = request_path_of(view_of(line->url));
    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, read_header,
                                      &r); /* how many */
    if (!ret->broken && !is_whole(connection, line, r.at))
        ret->broken = TWO_WAYS;
    if (!ret->broken)
        ret->broken = head_fault(ret, line);
    if (!ret->broken && request_path_is_escaped(x->path)) {
        if (request_path_plain(x->path, &x->path_buf) == 0)
            x->path = buf_view(&x->path_buf); /* else it is longer than allowed, or no memory */
    }
}

bool listener_head_target_fits(const char *target)
{
    for (const char *p = target; *p; p++) {
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    }
    return true;
}

static bool add_header(struct MHD_Response *r, const char *name, const char *value)
{
    return !value || MHD_add_response_header(r, name, value) == MHD_YES;
}

int listener_head_ok(struct MHD_Response **ret_response)
{
    static char text[] = "OK";
    struct MHD_Response *r = MHD_create_response_from_buffer(2, text, MHD_RESPMEM_PERSISTENT);

    if (!r)
        return -ENOMEM;
    if (!add_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8")) {
        MHD_destroy_response(r);
        return -ENOMEM;
    }
    *ret_response = r;
    return 0;
}

enum MHD_Result listener_head_answer(struct MHD_Connection *connection, const struct request *x,
                                     struct MHD_Response *ok)
{
    struct view body = buf_view(&x->answer);
    /* MUST_COPY: it is not written to, in spite of the type */
    struct MHD_Response *r = NULL;
    enum MHD_Result rc = MHD_NO;
    char seconds[16];

    if (x->ok && !x->close)
        return MHD_queue_response(connection, x->status, ok);
    if (x->ok)
        body = VIEW_LIT("OK");
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): libmicrohttpd's type lacks the const */
    r = MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.ptr,
                                        MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    (void)snprintf(seconds, sizeof(seconds), "%u", x->retry_after_s); /* fits */
    if (add_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, x->type) &&
        add_header(r, MHD_HTTP_HEADER_ALLOW, x->allow) &&
        add_header(r, MHD_HTTP_HEADER_RETRY_AFTER, x->retry_after_s ? seconds : NULL) &&
        add_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, x->challenge ? "Bearer" : NULL) &&
        add_header(r, MHD_HTTP_HEADER_CONNECTION, x->close ? "close" : NULL))
        rc = MHD_queue_response(connection, x->status, r);
    MHD_destroy_response(r);
    return rc;
}
