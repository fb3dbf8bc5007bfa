#pragma once

/* What passes, for people: one line for each step of a message, and for each thing that a process says of
 * itself. A step is made of one item of a frame and of what is remembered of the message; its line fits any
 * width from 40 columns on and is one line whatever is in it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "proto/envelope.h"
#include "tools/monitor/decode.h"
#include "tools/monitor/recall.h"
#include "tools/monitor/stories.h"

/* Texts are clean and masked. */
struct step {
    bool reveal; /* personal data as it is */
    int64_t unix_ms;
    struct buf process; /* who acted: ingress, egress, core */
    struct buf path;    /* "client>amo", "core>amo", … */
    struct buf where;   /* the source, else the connector or the account */
    struct buf who;  /* the conversation; a phone by its end, an id of amo's by its beginning */
    struct buf what; /* "text 37 chars", "status read" */
    struct buf outcome; /* "received", "done 5 ms", "refused 400" */
    struct buf account; /* 8 characters of the account's amojo id */
    struct buf trace;
};

void step_init(struct step *s, bool reveal);
void step_fini(struct step *s);
/* @process: who acted. @about and @story may be NULL: not known. Errors stick in the bufs. */
void step_make(struct step *s, struct view process, const struct envelope *env,
               const struct decode_item *item, const struct recall_about *about,
               const struct story *story);
/* Appends the line with its end: at most @width columns. What is too long is cut, the outcome last; on a
 * wide screen the account and the trace id are there when they fit as a whole. */
AMO_MUSTCHECK int step_line(const struct step *s, size_t width, struct buf *out);
