#pragma once

/* One request and its answer, between the listener (which speaks HTTP) and the routes (which know
 * what it means). Embedded in a connection; a new one for every request. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "ingress/http/guard.h"
#include "proto/limits.h"

enum method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PATCH,
    METHOD_OTHER,
};

/* Whom a request is counted for. */
enum source {
    SOURCE_NONE, /* health, unknown paths */
    SOURCE_AMOJO,
    SOURCE_CONNECTOR,
};

#define REQUEST_ABOUT 64U /* bytes of an id that are kept for the log */

struct request;
typedef void request_fn(void *arg, struct request *x);

struct request {
    /* the request; views borrow the connection until the answer is queued */
    enum method method;
    struct view path;      /* without scheme, host and query, and with no needless escapes */
    struct buf path_buf;   /* its text, when it had some */
    struct view signature; /* X-Signature */
    struct view authorization;
    struct view webhook_id;
    struct view webhook_timestamp;
    struct view webhook_signature;
    struct view idempotency_key;
    struct view content_type;
    struct address origin; /* who asks, behind trusted proxies */
    int64_t began_us;      /* monotonic, when the head was read */
    struct buf body;       /* whole when @whole is called */

    /* set by the route at the head */
    enum source source;
    struct view name; /* scope id or connector, out of the path */
    struct view id;   /* of a message, out of the path; may lie in id_buf */
    char id_buf[LIMIT_ID];
    size_t body_max;   /* bytes; more is 413 */
    request_fn *whole; /* what to do with the whole body; NULL: the answer is decided */
    int brings;        /* of a connector's call: enum connector_brings */
    bool trusted;      /* verified: not counted against the address */
    bool by_token;     /* … by a token, which covers the path and the headers, too */
    int64_t
        signed_ms; /* … by a signature of this wall time, which covers webhook_id and the body; 0: none */

    /* the answer; status 0 = not decided */
    unsigned status;
    bool ok;            /* the plain 200 "OK": has no body of its own */
    const char *result; /* for the metric; NULL: by the status */
    /* of a refusal, for the operator; constants, or NULL */
    const char *code;              /* error.code of the answer */
    const char *field;             /* error.field */
    const char *reason;            /* what the answer does not say: "signature" */
    bool logged;                   /* a line of its own has told it */
    char about[REQUEST_ABOUT + 1]; /* id of the message it is about, cut; "" not known */
    struct buf answer;             /* body */
    const char *type;              /* its Content-Type, NULL none */
    const char *allow;             /* with 405 */
    unsigned retry_after_s;        /* with 429 and 503 */
    bool warned;                   /* a part was cut or left out: counted */
    bool challenge;                /* WWW-Authenticate with 401 */
    bool close;                    /* the connection ends with it */
    bool waits;                    /* leaves after the flush, or with core's answer */
    struct list waiting;           /* in the batch, or among the questions */

    /* a question to core (ingress/connector/query.c) */
    bool asks;
    uint64_t query;         /* its number */
    int64_t query_until_ms; /* monotonic */
};

void request_init(struct request *x);
void request_fini(struct request *x);
/* For the next request of the connection; keeps small memory. */
void request_reset(struct request *x);
/* The body is not needed any more. */
void request_drop_body(struct request *x);

/* The answer nearly every webhook gets. */
void request_ok(struct request *x);
/* Decide the answer: plain text, or the error object of the API. The first decision stays. */
void request_answer(struct request *x, unsigned status, const char *text);
void request_fault(struct request *x, unsigned status, const char *code, const char *message,
                   const char *field);
/* Which message it is about, for the log: @id is copied. */
void request_about(struct request *x, struct view id);
/* The answer that was decided is not to be given after all: 503, try again. */
void request_unavailable(struct request *x, const char *code, const char *message);
/* The word of the metric. */
const char *request_result(const struct request *x);
