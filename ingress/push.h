#pragma once

/* What ingress sends to core and hears from it: events from the spool within core's credit,
 * EVENT_TAKEN, the registry. Owns the session.
 *
 * An event that was in flight when core died twice travels alone from then on; if core dies with
 * it alone, it is marked suspect and core quarantines it unread. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"

struct loop;
struct push;
struct spool;
struct tap;

struct push_config {
    struct loop *loop;
    struct spool *spool; /* borrowed, outlives the push */
    const char *endpoint;
    const char *name; /* of this process */
    const struct id *boot;
    struct tap *tap; /* or NULL */
    /* The version held, and a newer one (registry_encode's bytes, borrowed). */
    uint64_t (*registry_version)(void *arg);
    void (*registry)(void *arg, struct view bytes);
    /* Core took events: there may be room again. May be NULL. */
    void (*taken)(void *arg);
    void *arg;
};

AMO_MUSTCHECK int push_new(const struct push_config *config, struct push **ret_push);
void push_free(struct push *p);
/* Events were flushed: send what credit allows. */
void push_wake(struct push *p);
/* A session with core is open. */
bool push_is_up(const struct push *p);
