#pragma once

/* HTTP out: curl multi behind one descriptor. One request, at most one appearance on the
 * wire: curl is kept from repeating a request by itself on a connection that died, because
 * amojo sends a webhook once, whatever happens. */

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/timers.h"

struct wire;

struct wire_result {
    int status;             /* 0 = no answer */
    const char *error;      /* static words, NULL with an answer */
    int64_t retry_after_ms; /* -1 = none given */
    int64_t took_us;
    struct view answer; /* borrowed, cut at 64 KiB */
};

typedef void wire_done_fn(void *arg, const struct wire_result *result);

/* Header lines; all zero is none. One that could not be added is noted, and wire_send() refuses. */
struct wire_headers {
    struct curl_slist *list;
    bool failed;
};

struct wire_request {
    const char *method;
    const char *url;
    struct blob *body;           /* borrowed; the wire holds it; NULL = none */
    struct wire_headers headers; /* taken over, also on failure */
    int64_t timeout_ms;
    bool tls_verify;
    bool keep_alive;    /* may use a connection that is still open */
    wire_done_fn *done; /* called once, never from within wire_send */
    void *arg;
};

/* Add "Name: value", at most 511 bytes. */
void wire_header(struct wire_headers *h, const char *fmt, ...) AMO_PRINTF(2, 3);

AMO_MUSTCHECK int wire_new(struct wire **ret_wire, struct timers *timers);
/* Accepts NULL; aborts everything without a callback. */
void wire_free(struct wire *w);
/* -ENOMEM or -EINVAL (url); then @done is not called. */
AMO_MUSTCHECK int wire_send(struct wire *w, const struct wire_request *request);
/* Stop what is on the wire, without a callback. */
void wire_abort_all(struct wire *w);
/* Readable when wire_run() has something to do. */
int wire_fd(const struct wire *w);
void wire_run(struct wire *w);
