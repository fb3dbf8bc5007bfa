/* What: the answers of amojo, right and wrong. */
#include "tools/sandbox/amojo/calls.h"

#include <stdio.h>

#include "tools/sandbox/record/gate.h"

void amojo_reply_error(struct reply *r, int status, const char *words)
{
    static const struct {
        int status;
        const char *type;
    } types[] = {
        {400, "BAD_REQUEST"      },
        {403, "FORBIDDEN"        },
        {404, "NOT_FOUND"        },
        {429, "TOO_MANY_REQUESTS"},
    };
    const char *type = "SERVER_ERROR";

    for (size_t i = 0; i < AMO_COUNT(types); i++) {
        if (types[i].status == status)
            type = types[i].type;
    }
    r->status = status;
    r->json = json_object_new_object();
    jread_add_int(r->json, "error_code", status);
    jread_add_str(r->json, "error_type", type);
    jread_add_str(r->json, "error_description", words);
    (void)snprintf(r->reason, sizeof(r->reason), "%s", words); /* words may be cut */
}

int amojo_refuse(struct amojo_ask *q, int status, const char *words)
{
    amojo_reply_error(q->reply, status, words);
    return status;
}

int amojo_answer(struct amojo_ask *q, struct json_object *o)
{
    q->reply->json = o;
    return 200;
}

bool amojo_is_right(struct amojo_ask *q)
{
    if (!q->body)
        (void)amojo_refuse(q, 400, "body: is not JSON");
    else if (jcheck_bad(&q->check))
        (void)amojo_refuse(q, 400, q->check.words);
    return q->body && !jcheck_bad(&q->check);
}
