#pragma once

/* What every room above shares: one thread, one loop, one `struct sandbox`. It is the map of the
 * sandbox, its parts in the order a call meets them; what belongs to a room above is only named
 * here, and that room's header says what it is.
 *
 *   bridge --> http/request --> amojo/api, service/api --> record/gate --> amojo/store, service/store
 *   tester --> http/request --> acts/control --> amojo/hooks, service/calls --> http/lanes, http/wire --> bridge
 *
 * Everything that happened is in journal, logs and counters; testers who wait for something are in
 * `waits`. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/sandbox/kit/timers.h"
#include "tools/sandbox/record/counters.h"
#include "tools/sandbox/record/faults.h"
#include "tools/sandbox/record/journal.h"
#include "tools/sandbox/record/outbox.h"
#include "tools/sandbox/record/settings.h"

struct amojo_store;
struct listener;
struct service_store;
struct waits;
struct wire;

enum {
    SANDBOX_OBJECTS_MAX = 1000000, /* channels, scopes, users and chats together */
    SANDBOX_QUEUE_MAX = 1000000,   /* calls waiting to be sent, each way */
};

struct sandbox {
    struct settings settings;
    struct counters counters;
    struct timers timers;
    uint64_t seq;      /* last number given to anything that happened */
    size_t n_messages; /* kept on both sides; settings.max_messages limits them */

    struct listener *listener; /* http/request.h */
    struct faults faults;
    struct journal journal;

    struct amojo_store *amojo;     /* amojo/store.h */
    struct service_store *service; /* service/store.h */

    struct outbox hooks; /* amojo/hooks.h; a line per chat */
    struct outbox calls; /* service/calls.h; a line per conversation */
    struct wire *wire;   /* http/wire.h: curl */
    struct waits *waits; /* acts/waits.h */

    bool stopping;
};

/* Wall time with the offset of the settings. */
int64_t sandbox_unix_ms(const struct sandbox *s);
/* The next number. */
uint64_t sandbox_seq(struct sandbox *s);
/* A new entry of a log: its number and time. */
struct json_object *sandbox_entry(struct sandbox *s);
/* True while @have is under @limit; otherwise counts and logs it: the caller answers 507. */
bool sandbox_has_space(struct sandbox *s, size_t have, size_t limit, const char *what);
/* The same for messages of both sides together. */
bool sandbox_has_message_space(struct sandbox *s);
