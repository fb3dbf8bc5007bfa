#pragma once

/* Does this ingress take what comes, and if not, why: for its /readyz, and for core, which shows it to whoever asks
 * amoctl doctor. While it takes nothing, amojo's webhooks are lost, and mostly without an answer that would be
 * counted: the listener is closed. So the last time is kept in mind as long as the process runs. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct heartbeat;
struct ingress;

struct ready {
    bool begun;   /* what is before the first registry, and before it listens, is no closing */
    bool closed;  /* at the last look */
    char why[32]; /* the last time; "" there was none, as far as this process knows */
    int64_t from_ms; /* wall times of its first and its last moment so far */
    int64_t to_ms;
    struct buf state; /* for the heartbeat */
};

void ready_init(struct ready *r);
void ready_fini(struct ready *r);
/* Can it do its work? Adds lines of reasons, or of remarks. @stopping: it ends, as it was told. */
bool ready_say(const struct ingress *in, bool stopping, struct buf *reasons);
/* Whenever it closes, and every now and then, whether core is there or not. @now_ms: wall time. */
void ready_look(struct ingress *in, bool stopping, int64_t now_ms);
/* What core is told with each heartbeat; the texts are borrowed until the next call. */
void ready_tell(const struct ingress *in, bool stopping, struct heartbeat *ret);
