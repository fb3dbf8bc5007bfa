#pragma once

/* Heads of requests and answers, between libmicrohttpd's calls and a request. Part of the listener
 * (ingress/http/listener.h). */

#include <stdbool.h>
#include <stdint.h>

#include <microhttpd.h>

#include "base/buf.h"
#include "base/compiler.h"

struct request;

/* What the listener needs of a head beyond what the request keeps. */
struct listener_head {
    size_t bytes;       /* of memory that it takes, about */
    const char *broken; /* why the head is refused, NULL when it is in order */
    bool chunked;
    uint64_t length;       /* of the body, as far as the head says; 0 with chunked */
    struct view forwarded; /* X-Forwarded-For */
    unsigned n_hosts;
    unsigned n_lengths;
    unsigned n_codings;
};

/* The first line, in libmicrohttpd's memory, the rest of the head behind it. */
struct listener_line {
    const char *method;
    const char *url; /* without its query */
    const char *version;
};

/* Fills the request's part of @x. A head that two servers could read in two ways is broken:
 * Content-Length with Transfer-Encoding or twice, a coding that is not chunked, or in HTTP/1.0, no
 * Host or several, a name that is no token, a control character in a value, a folded value, a line
 * that does not end with CR LF, and what would end the head before its end. Of a broken head
 * nothing but method and path is to be used. */
void listener_head_read(struct MHD_Connection *connection, const struct listener_line *line,
                        struct request *x, struct listener_head *ret);
/* Is @target, query and all, free of blanks and control characters? */
bool listener_head_target_fits(const char *target);
/* The plain 200 "OK", made once. -ENOMEM. */
AMO_MUSTCHECK int listener_head_ok(struct MHD_Response **ret_response);
/* Queues the answer of @x; @ok is listener_head_ok's. MHD_NO: the connection must be closed. */
enum MHD_Result listener_head_answer(struct MHD_Connection *connection, const struct request *x,
                                     struct MHD_Response *ok);
