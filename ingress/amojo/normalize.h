#pragma once

/* What an amojo webhook's body means, by the rules N1–N22 of docs/amojo.md, "Bodies". Pure: bytes
 * in, one event out; the signature was checked before. What the message says is read by
 * ingress/amojo/content.h. */

#include "base/buf.h"
#include "base/compiler.h"
#include "ingress/amojo/content.h"
#include "proto/event.h"

struct json;

enum amo_verdict {
    AMO_ACCEPT, /* 200; the event says what it was */
    AMO_IGNORE, /* 200; a kind we do not act on: the event is a quarantine event */
    AMO_REJECT, /* 400; against the rules: the event is a quarantine event */
};

struct amo_normal {
    enum amo_verdict verdict;
    /* Without trace and taken_ms, which the listener knows. Its texts borrow the body, the scope
     * and what is owned below. */
    struct event event;
    struct json *doc;       /* owned */
    struct buf dedup;       /* owned */
    struct amo_parts parts; /* owned */
};

/* @scope is the path's scope id, @now_ms the wall time: no time in a body is much later. 0 (amo_normal_fini when done), -ENOMEM (nothing to finish). *ret
 * is written in any case. The reason of a quarantine event is a constant. */
AMO_MUSTCHECK int amo_normalize(struct view body, struct view scope, int64_t now_ms,
                                struct amo_normal *ret);
/* After all it is one for quarantine, for that reason (a constant). */
void amo_normal_refuse(struct amo_normal *n, struct view body, const char *reason);
void amo_normal_fini(struct amo_normal *n);
