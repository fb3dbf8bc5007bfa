#pragma once

/* The tap: a live copy of every frame a process sends or receives, for amo-monitor. Encodes
 * nothing while there is no listener, and never blocks; its frames are numbered, so that a listener
 * sees what was dropped. Not a record: nothing is kept.
 *
 * A tap message is [name of the frame's kind][process name][8 bytes big-endian number]
 * [direction '<' or '>'][envelope][body]. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

struct callers;
struct loop;
struct tap;

/* Binds "<endpoint>-<name>", and sees to it that the name stays its own. Only @callers may listen,
 * whose list is copied; NULL: whoever may open the file. -errno. */
AMO_MUSTCHECK int tap_new(struct loop *loop, const char *endpoint, const char *name,
                          const struct callers *callers, struct tap **ret_tap);
void tap_free(struct tap *t);
/* Is there a listener? False for NULL. */
bool tap_wanted(const struct tap *t);
void tap_frame(struct tap *t, char direction, struct view head, struct view body);

/* The listening side, for the monitor. */
struct tap_reader;
struct tap_message {
    struct view kind;
    struct view process;
    uint64_t number;
    char direction;
    struct view head;
    struct view body;
    void *frames; /* owned */
};
/* Not connected to anything yet; @topics: kind names as prefixes, NULL-terminated; none = all. */
AMO_MUSTCHECK int tap_reader_new(const char *const *topics, struct tap_reader **ret_reader);
AMO_MUSTCHECK int tap_reader_connect(struct tap_reader *r, const char *endpoint);
void tap_reader_free(struct tap_reader *r);
/* Waits at most @timeout_ms. 0, BUS_E_EMPTY, BUS_E_MALFORMED. */
AMO_MUSTCHECK int tap_reader_next(struct tap_reader *r, int timeout_ms,
                                  struct tap_message *ret);
void tap_message_fini(struct tap_message *m);
