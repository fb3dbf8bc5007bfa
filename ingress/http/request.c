/* Sets up and clears a request, and writes its answer: plain text, or an error as JSON. Also
 * the word under which the outcome is counted. */

#include "ingress/http/request.h"

#include <string.h>

#include "base/json.h"
#include "proto/limits.h"

#define ANSWER_MAX    (256U << 10) /* bytes: results of 100 statuses fit */
#define RETRY_AFTER_S 5

void request_init(struct request *x)
{
    *x = (struct request){0};
    buf_init(&x->path_buf, LIMIT_URL);
    buf_init(&x->body, 0);
    buf_init(&x->answer, ANSWER_MAX);
    list_init(&x->waiting);
}

void request_fini(struct request *x)
{
    list_remove(&x->waiting);
    buf_fini(&x->path_buf);
    buf_fini(&x->body);
    buf_fini(&x->answer);
}

#define BODY_KEEP 4096U /* bytes a connection keeps for its next request */

void request_drop_body(struct request *x)
{
    if (x->body.cap > BODY_KEEP)
        buf_fini(&x->body);
    else
        buf_reset(&x->body);
}

void request_reset(struct request *x)
{
    struct buf body;

    request_drop_body(x);
    body = x->body;
    buf_init(&x->body, 0);
    request_fini(x);
    request_init(x);
    x->body = body;
}

void request_ok(struct request *x)
{
    if (x->status)
        return;
    x->status = 200;
    x->type = "text/plain; charset=utf-8";
    x->ok = true;
}

void request_answer(struct request *x, unsigned status, const char *text)
{
    if (x->status)
        return;
    x->status = status;
    x->type = "text/plain; charset=utf-8";
    (void)buf_add_str(&x->answer, text); /* short; an empty body says the same */
}

void request_fault(struct request *x, unsigned status, const char *code, const char *message,
                   const char *field)
{
    struct json_writer w;

    if (x->status)
        return;
    x->status = status;
    x->code = code;
    x->field = field;
    x->type = "application/json";
    if ((status == 429 || status == 503) && !x->retry_after_s)
        x->retry_after_s = status == 429 ? 1 : RETRY_AFTER_S;
    buf_reset(&x->answer);
    json_writer_init(&w, &x->answer); /* without memory the status says it alone */
    json_open_object(&w, NULL);
    json_open_object(&w, "error");
    json_add_text(&w, "code", view_of(code));
    json_add_text(&w, "message", view_of(message));
    if (field)
        json_add_text(&w, "field", view_of(field));
    json_close_object(&w);
    json_close_object(&w);
}

void request_about(struct request *x, struct view id)
{
    id = view_cut(id, REQUEST_ABOUT);
    if (id.len)
        memcpy(x->about, id.ptr, id.len);
    x->about[id.len] = '\0';
}

void request_unavailable(struct request *x, const char *code, const char *message)
{
    x->status = 0;
    x->ok = false;
    x->result = NULL;
    x->reason = NULL;
    request_fault(x, 503, code, message, NULL);
}

const char *request_result(const struct request *x)
{
    if (x->result)
        return x->result;
    switch (x->status) {
    case 200:
    case 202:
        return "accepted";
    case 401:
    case 403:
        return "unauthorized";
    case 404:
    case 405:
        return "unknown";
    case 409:
        return "conflict";
    case 413:
        return "too_large";
    case 429:
        return "limited";
    case 503:
        return "unavailable";
    default:
        return "refused";
    }
}
