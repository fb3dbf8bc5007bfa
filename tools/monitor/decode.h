#pragma once

/* A frame of a tap, taken apart: one item for every event (also an ephemeral one), command or result in it,
 * one item for a frame of any other kind. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "proto/bus/tap.h"
#include "proto/envelope.h"
#include "proto/pack.h"

#define DECODE_WHAT_MAX 32

struct decode_item {
    char what[DECODE_WHAT_MAX]; /* "event", "command", "result", else the frame's kind in lower
                                     case: "event_ephemeral", … */
    struct id trace;            /* of the item, else of the frame; zero: none */
    const msgpack_object *fields; /* a map; NULL when there is none */
    bool numbered;                /* event: */
    uint64_t number;              /* its place in the spool */
    bool suspect;                 /* pushed alone: core died over it before */
    struct view words;            /* a body that is no map: REFUSED's reason */
    bool malformed;               /* not what its kind asks for */
};

/* @item and @env are borrowed for the call. */
typedef void decode_fn(void *arg, const struct envelope *env, const struct decode_item *item);

/* Calls @fn at least once. -ENOMEM. */
AMO_MUSTCHECK int decode_frame(const struct tap_message *m, decode_fn *fn, void *arg);
