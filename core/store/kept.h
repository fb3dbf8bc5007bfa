#pragma once

/* What is no message, or not yet: events in quarantine, and events that wait in the store. How they are found, by their
 * ids and by whom they are about, and listed by their time. How they get there is in core/store/quarantine.h. Errors and
 * ownership: core/store/store.h. */

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "core/model/phone.h"
#include "core/model/rows.h"
#include "core/store/message.h"

struct json_writer;
struct store;

enum kept_place {
    KEPT_QUARANTINE,
    KEPT_WAITING,
};

/* By what an event is found wherever it is kept; borrowed of it. */
struct kept_names {
    struct view message_id;
    struct id trace_id;
    struct view trace; /* the same; VIEW_NONE none */
    struct view chat;  /* amo's id of the chat, or the service's of the conversation */
    char phone[PHONE_DIGITS + 1]; /* of the client, as read in the segment ru; "" none */
    int64_t taken_ms;             /* when ingress accepted it */
};
/* None of what cannot be decoded. */
void kept_names_read(struct view event, struct kept_names *ret);
/* For a column: VIEW_NONE none. */
struct view kept_names_phone(const struct kept_names *names);
/* Once: what a store of before holds is found by these from now on. */
AMO_MUSTCHECK int store_kept_name(struct store *s);

/* --- by an id --------------------------------------------------------------------------------- */
/* The newest entries whose event has this trace id, or was called @id by its sender, at most STORE_FOUND_MAX: JSON
 * objects {id, kind, reason, at} appended to @w's open array, and the number and reason of the first one. A
 * *ret_id of 0: there is none. */
#define STORE_FOUND_MAX 20
AMO_MUSTCHECK int store_quarantine_find(struct store *s, struct view id, struct json_writer *w,
                                        int64_t *ret_id, struct buf *ret_reason);

/* One of all that waits; borrowed. */
struct waiting_row {
    int64_t id;
    struct view
        key; /* what it waits for, and how: the first letter says (core/intake/deferred.h, echoes.h) */
    struct view event; /* packed */
    int64_t until_ms;  /* wall time; 0 the store does not say */
};
/* Those whose event has this trace id, was called @id by its sender, or is about what is called so: the first
 * STORE_FOUND_MAX of each. Another number than 0 ends the walk and comes back. */
typedef int store_waiting_fn(void *arg, const struct waiting_row *row);
AMO_MUSTCHECK int store_waiting_find(struct store *s, struct view id, store_waiting_fn *fn,
                                     void *arg);
/* At most @max rows above number @after, oldest first. The same. */
AMO_MUSTCHECK int store_waiting_walk(struct store *s, int64_t after, int64_t max,
                                     store_waiting_fn *fn, void *arg);

/* --- lists, newest first ------------------------------------------------------------------------ */
/* Whom they are about: by an id of the chat or conversation, or by a phone. */
#define KEPT_CHATS 32
struct kept_who {
    char *chats[KEPT_CHATS]; /* owned */
    size_t n;
    char phone[PHONE_DIGITS + 1]; /* as in struct kept_names; "" none */
};
/* All that a conversation is called, and its client's phone; or one word. -ENOMEM. */
AMO_MUSTCHECK int store_kept_who(struct store *s, const struct conversation *c,
                                 struct kept_who *ret);
AMO_MUSTCHECK int kept_who_word(struct view word, struct kept_who *ret);
void kept_who_fini(struct kept_who *w);
bool kept_who_has(const struct kept_who *w, struct view chat);

struct kept_range {
    enum kept_place place;
    const struct kept_who *who; /* NULL: about anybody */
    int64_t since_ms;           /* put into quarantine, or accepted, then or later */
    struct message_at before;   /* and before this; both INT64_MAX: from the newest on */
};
/* The newest @max of @range, along an index for each name. -ENOMEM. */
AMO_MUSTCHECK int store_kept_newest(struct store *s, const struct kept_range *range,
                                    struct message_at *ret, size_t max, size_t *ret_n);

/* One of either place; borrowed. */
struct kept_row {
    int64_t id;
    int64_t at_ms;
    uint64_t kind;         /* enum event_kind; 0: it is kept unread, or cannot be read */
    struct view name;      /* of the quarantine: the reason; of what waits: its key */
    struct view scope;     /* of the quarantine: as far as it is known */
    struct view connector; /* the same */
    struct view event;     /* packed; VIEW_NONE: its person was erased */
    int64_t until_ms;      /* as in struct waiting_row */
};
typedef int store_kept_fn(void *arg, const struct kept_row *row);
/* STORE_E_NONE; what @fn returns. */
AMO_MUSTCHECK int store_kept_row(struct store *s, enum kept_place place, int64_t id,
                                 store_kept_fn *fn, void *arg);
