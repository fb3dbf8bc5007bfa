#pragma once

/* What an answer means: one pure table from (target, kind of command, how the call ended, HTTP
 * status, whether the body taught what it must) to an outcome and its cause.
 *
 * Waiting, counting and giving up are core's; this says only what happened. Source:
 * docs/delivery.md "Outcomes"; docs/amojo.md "Answers"; docs/connector.md "Answers". */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/command.h"

enum target {
    TARGET_AMOJO = 1,
    TARGET_WEBHOOK = 2,
};

/* How an HTTP call ended. A failure before the request was sent is distinguished from one after it,
 * because only the latter can have had an effect. */
enum http_end {
    HTTP_ANSWERED = 1, /* a status came; a body over the limit is cut, and that is all right */
    HTTP_NOT_SENT,     /* DNS, TCP or TLS failed: nothing was sent */
    HTTP_PRIVATE,      /* the address is not public and the connector may not go there */
    HTTP_SENT_TIMEOUT, /* sent, no whole answer in time */
    HTTP_SENT_CUT,     /* sent, the connection broke before the answer was whole */
};

/* What the body of an answer looks like: the remote side's own, or that of something in
 * front of it. */
enum answer_form {
    FORM_EMPTY = 1, /* no body */
    FORM_OWN,   /* as the remote side writes: the documented error form of a service; any JSON
                       of amojo, whose form is not documented */
    FORM_OTHER, /* neither */
    FORM_PAGE,  /* a page for people's eyes; of a service whatever is no JSON */
};

struct judge_case {
    enum target target;
    uint64_t kind; /* enum command_kind */
    enum http_end end;
    unsigned status; /* 0 unless HTTP_ANSWERED */
    bool readable;   /* the body taught what this kind of command must learn, if anything */
    bool resent;     /* the same call may have been sent twice: a kept-alive connection died */
    enum answer_form form;
};

struct judge_row {
    unsigned targets; /* JUDGE_ON(target) bits */
    unsigned kinds;   /* JUDGE_ON(kind) bits; JUDGE_ANY */
    enum http_end end;
    unsigned low, high; /* status, both included; 0, 0 when not answered */
    int readable;       /* 1 readable, 0 not, -1 either */
    int resent;         /* the same */
    unsigned forms;     /* JUDGE_ON(form) bits; JUDGE_ANY */
    enum outcome outcome;
    enum cause cause;
    const char *why;
};
#define JUDGE_ON(n) (1U << (n))
#define JUDGE_ANY   (~0U)

/* The table itself, for its test and for docs; the first row that fits counts. */
extern const struct judge_row judge_table[];
extern const size_t judge_n_rows;

/* The row that fits; there always is one. */
const struct judge_row *judge(const struct judge_case *c);

/* Retry-After: whole seconds or an HTTP date, seen at @now_ms. Milliseconds to wait, at most
 * LIMIT_RETRY_AFTER_MS; 0 when absent, past or not understood. */
int64_t judge_retry_after(struct view text, int64_t now_ms);

/* Remote clock minus ours in ms, from a Date header and the wall time of the middle of the
 * attempt. False when it cannot be read. A Date has whole seconds: its middle is taken. */
bool judge_skew(struct view date, int64_t middle_ms, int64_t *ret_skew_ms);

/* "amojo", "webhook". */
const char *target_name(enum target t);
