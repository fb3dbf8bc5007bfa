#pragma once

/* The map of the sandbox: its parts in the order a call meets them. One thread, one loop.
 *
 *   bridge --> exchange --> amojo_api / service_api --> faults --> amojo_store / service_store
 *   tester --> exchange --> control --> hooks / calls --> lanes (curl) --> bridge
 *
 * Everything that happened ends in journal, logs and counters; whoever waits for it is in
 * `waits`. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "tools/sandbox/amojo_store.h"
#include "tools/sandbox/calls.h"
#include "tools/sandbox/counters.h"
#include "tools/sandbox/exchange.h"
#include "tools/sandbox/faults.h"
#include "tools/sandbox/hooks.h"
#include "tools/sandbox/journal.h"
#include "tools/sandbox/lanes.h"
#include "tools/sandbox/service_store.h"
#include "tools/sandbox/settings.h"
#include "tools/sandbox/timers.h"
#include "tools/sandbox/waits.h"
#include "tools/sandbox/wire.h"

enum {
    SANDBOX_OBJECTS_MAX = 1000000, /* channels, scopes, users and chats together */
    SANDBOX_QUEUE_MAX = 1000000,   /* calls waiting to be sent, each way */
};

struct sandbox {
    struct settings settings;
    struct counters counters;
    struct timers timers;
    uint64_t seq; /* last number given to anything that happened */

    struct listener *listener;
    struct faults faults;
    struct amojo_store amojo;
    struct service_store service;
    struct journal journal;

    struct wire *wire;        /* curl */
    struct lanes *hook_lanes; /* one per chat */
    struct lanes *call_lanes; /* one per conversation */
    struct hooks hooks;
    struct calls calls;
    struct waits waits;

    bool stopping;
};

/* Time by the monotonic clock; microseconds for measuring. */
int64_t sandbox_mono_ms(void);
int64_t sandbox_mono_us(void);
/* Wall time with the offset of the settings. */
int64_t sandbox_unix_ms(const struct sandbox *s);
/* The next number. */
uint64_t sandbox_seq(struct sandbox *s);
/* True while @have is under @limit; otherwise counts and logs it: the caller answers 507. */
bool sandbox_has_room(struct sandbox *s, size_t have, size_t limit, const char *what);

/* How much of what to forget. */
enum sandbox_reset {
    RESET_LOGS,
    RESET_TRAFFIC,
    RESET_ALL
};
void sandbox_reset(struct sandbox *s, enum sandbox_reset what);

/* Log one line to stderr; never bodies, names, phones or secrets. */
void sandbox_say(const char *fmt, ...) AMO_PRINTF(1, 2);

/* Everything but the listener; -errno. */
AMO_MUSTCHECK int sandbox_init(struct sandbox *s);
/* Run until SIGTERM or SIGINT; -errno when the loop itself fails. */
AMO_MUSTCHECK int sandbox_run(struct sandbox *s);
void sandbox_fini(struct sandbox *s);
