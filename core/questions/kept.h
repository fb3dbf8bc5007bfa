#pragma once

/* Events that are no messages, as rows among messages: what is in quarantine, waits, or is set aside. What `trace` finds
 * by an id is found here by whom it is about, and by its time. Only looks. */

#include <stdbool.h>

#include "core/store/kept.h"
#include "core/turn/turn.h"

struct json_writer;

/* X("word", "what is true of the event"): the states of docs/states.md. */
#define KEPT_STATES(X)                                                                         \
    X("quarantined", "it is kept for a person to look at")                                     \
    X("waiting", "it waits for its message, or until it is known whether it is an echo")       \
    X("set_aside", "it waits for room in the queue of its account")

/* What a row must be; VIEW_NONE, NULL and 0: anything. What is kept unread may be anything but a certain person's. */
struct kept_filter {
    struct view scope;
    struct view connector;
    struct view source;
    struct view state;
    struct view reason;
    int64_t direction; /* MESSAGE_INBOUND, or another for all that are none */
    const struct conversation *conversation;
    const struct kept_who *who; /* of it */
    bool reveal;                /* of those that fit texts, names and phones are shown */
};

/* Do events of @place have rows of this state? VIEW_NONE: yes. */
bool kept_has_state(enum kept_place place, struct view state);
/* Why something waits, for a filter: "unknown_message", "echo", "conversation", "room". By the row's key. */
const char *kept_waits_for(struct view key);
/* Adds one object to @w's open array if the row fits @f. Texts, names and phones are masked unless @f says otherwise. A row
 * that has gone does not fit. @w NULL: it is only asked whether it fits. */
AMO_MUSTCHECK int kept_json(struct core *c, enum kept_place place, int64_t id,
                            const struct kept_filter *f, struct json_writer *w, bool *ret_fits);
/* Members of @w's open object: how many are about a conversation, "quarantined" and "events_waiting"; those of so many at
 * most, and as far as the time goes. */
#define KEPT_COUNTED 100
AMO_MUSTCHECK int kept_counts_json(struct core *c, const struct conversation *conv,
                                   int64_t until_mono_us, struct json_writer *w);
