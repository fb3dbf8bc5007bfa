/* Copies method, path and headers out of libmicrohttpd into a request, and builds the head of
 * the answer for libmicrohttpd. */

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

struct reading {
    struct request *x;
    struct listener_head *head;
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

/* libmicrohttpd leaves blanks behind a value, and tabs on either side; they belong to none. */
static struct view trim(const char *value)
{
    size_t n = 0;

    value += strspn(value, " \t");
    n = strlen(value);
    while (n && (value[n - 1] == ' ' || value[n - 1] == '\t'))
        n--;
    return view_make(value, n);
}

static enum MHD_Result read_header(void *arg, enum MHD_ValueKind kind, const char *key,
                                   const char *value)
{
    const struct reading *r = arg;
    struct listener_head *head = r->head;

    (void)kind;
    value = value ? value : "";
    head->bytes += strlen(key) + strlen(value) + HEADER_COST;
    if (strcasecmp(key, "Host") == 0) {
        head->n_hosts++;
    } else if (strcasecmp(key, "Content-Length") == 0) {
        head->n_lengths++;
        if (num_parse_u64(view_of(value), &head->length))
            head->broken = "Content-Length is not a number";
    } else if (strcasecmp(key, "Transfer-Encoding") == 0) {
        head->n_codings++;
        if (strcasecmp(value, "chunked") != 0)
            head->broken = "only chunked is known as Transfer-Encoding";
        head->chunked = true;
    } else if (strcasecmp(key, "X-Forwarded-For") == 0) {
        head->forwarded = trim(value); /* the last one: nearest to us */
    }
    for (size_t i = 0; i < AMO_COUNT(kept); i++) {
        if (strcasecmp(key, kept[i].name) == 0)
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

void listener_head_read(struct MHD_Connection *connection, const char *url, const char *method,
                        struct request *x, struct listener_head *ret)
{
    struct reading r = {.x = x, .head = ret};

    *ret = (struct listener_head){.bytes = strlen(url) + strlen(method)};
    x->method = method_of(method);
    x->path = request_path_of(view_of(url));
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, read_header,
                                    &r); /* how many */
    if (ret->broken)
        return;
    if (ret->n_hosts != 1)
        ret->broken = ret->n_hosts ? "more than one Host" : "Host is missing";
    else if (ret->n_lengths && ret->n_codings)
        ret->broken = "Content-Length and Transfer-Encoding together";
    else if (ret->n_lengths > 1 || ret->n_codings > 1)
        ret->broken = "the length is given twice";
    else if (ret->n_lengths == 0 && !ret->chunked)
        ret->length = 0;
    if (!ret->broken && request_path_is_escaped(x->path)) {
        if (request_path_plain(x->path, &x->path_buf) == 0)
            x->path = buf_view(&x->path_buf); /* else it is longer than allowed, or no memory */
    }
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
