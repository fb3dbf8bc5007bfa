#pragma once

/* Quarantine, and events that wait: how they get there and away. How they are found: core/store/kept.h. Errors and
 * ownership: core/store/store.h. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "core/model/rows.h"
#include "core/store/shares.h"

struct json_writer;
struct store;

/* @same: what makes two entries one, VIEW_NONE none; STORE_E_KNOWN when it is there. @key_hash: a hash of the
 * key under which it would be found if it were a message, or of the words by which a report of it would be
 * (lookup_words_hash), VIEW_NONE none. */
AMO_MUSTCHECK int store_quarantine_add(struct store *s, const char *reason, struct view event,
                                       struct view scope, struct view connector, uint64_t kind,
                                       const struct id *trace, struct view same,
                                       struct view key_hash, int64_t now_ms);
AMO_MUSTCHECK int store_quarantine_has(struct store *s, struct view key_hash, bool *ret);
/* Is there an entry of this very @event, which a door took once under this @trace? Not of one that is like it, but also
 * when it was replayed in vain since. Of an erased one the trace alone says so. */
AMO_MUSTCHECK int store_quarantine_stands(struct store *s, const struct id *trace,
                                          struct view event, bool *ret);
/* The event's bytes. STORE_E_NONE, STORE_E_ERASED. */
AMO_MUSTCHECK int store_quarantine_event(struct store *s, int64_t id, struct buf *ret_event);
AMO_MUSTCHECK int store_quarantine_drop(struct store *s, int64_t id);
/* Number and reason of the newest entry; 0 when there is none. */
AMO_MUSTCHECK int store_quarantine_newest(struct store *s, int64_t *ret_id,
                                          struct buf *ret_reason);
/* A service's statuses from before @before_ms about messages that nobody knew. What is there for another
 * reason can be put right by a person, and stays. */
AMO_MUSTCHECK int store_quarantine_forget_statuses(struct store *s, int64_t before_ms);
AMO_MUSTCHECK int store_quarantine_json(struct store *s, int64_t id, struct json_writer *w);

/* @who caused it: as in core/store/shares.h. */
AMO_MUSTCHECK int store_deferred_add(struct store *s, const char *key, struct view event,
                                     const char *who, int64_t until_ms);
/* All up to this row may have been done by core before its store was put back (struct echo_came, aside_row); a row that
 * comes later has a higher number. One number is written, however many rows there are. */
AMO_MUSTCHECK int store_waiting_forgotten(struct store *s, int64_t id);
/* Take one waiting event of @key out. STORE_E_NONE. */
AMO_MUSTCHECK int store_deferred_take(struct store *s, const char *key, struct buf *ret_event);
AMO_MUSTCHECK int store_deferred_has(struct store *s, const char *key, bool *ret);
/* One that waits comes under another key. */
AMO_MUSTCHECK int store_deferred_move(struct store *s, int64_t id, const char *key);
/* Drop one that is exactly @event. */
AMO_MUSTCHECK int store_deferred_drop(struct store *s, struct view event);
/* One that is overdue; it stays where it is. STORE_E_NONE. */
AMO_MUSTCHECK int store_deferred_overdue(struct store *s, int64_t now_ms, int64_t *ret_id,
                                         struct buf *ret_event);
AMO_MUSTCHECK int store_deferred_remove(struct store *s, int64_t id);
/* It is not overdue before @until_ms, and keeps its place among those of its key. */
AMO_MUSTCHECK int store_deferred_put_off(struct store *s, int64_t id, int64_t until_ms);

/* --- what amo sends for an account that has its share of the queue (core/intake/room.h) ----------- */
/* One that was set aside. */
struct aside_row {
    int64_t id;
    int64_t at_ms; /* since then */
    bool again;    /* core->turn->again when it came, and core->intake->forgotten */
    bool forgotten;
    struct view
        same; /* what it is a repeat by; VIEW_NONE: of nothing. Not read back, borrowed */
};
/* Keep one for @scope, behind all others of it; ret->id is not given back. The account is no more held to have
 * waiting events for it than before. */
AMO_MUSTCHECK int store_aside_add(struct store *s, struct view scope, struct view event,
                                  const struct aside_row *row);
/* Is one there that is the same? */
AMO_MUSTCHECK int store_aside_has(struct store *s, struct view same, bool *ret);
/* The oldest one of @scope; it stays where it is (store_deferred_remove). STORE_E_NONE. */
AMO_MUSTCHECK int store_aside_first(struct store *s, struct view scope, struct buf *ret_event,
                                    struct aside_row *ret_row);
/* How many there are of each account that has some. The callback returns 0 or an error that ends the walk. */
typedef int store_aside_fn(void *arg, struct view scope, int64_t n);
AMO_MUSTCHECK int store_aside_walk(struct store *s, store_aside_fn *fn, void *arg);
/* How many there are of one, and how large. */
AMO_MUSTCHECK int store_aside_share(struct store *s, struct view scope,
                                    struct store_share *ret);
/* The newest row of all that waits; 0 none. */
AMO_MUSTCHECK int store_waiting_newest(struct store *s, int64_t *ret_id);

/* --- what may be an echo: how long it waits is not for the store to say -------------------------- */
/* How an event came. */
struct echo_came {
    struct id spool; /* by this one; zero: it is not known */
    int64_t at_ms;   /* its time among all that waits (core/intake/echoes.h); 0 not known */
    bool forgotten;  /* may have been done by core before its store was put back */
};
/* What was known of an event when it came, kept with it wherever it waits. */
struct echo_row {
    int64_t place; /* among all that waits */
    char *scope;   /* who had its number; NULL not known. Owned */
    struct echo_came came;
};
void echo_row_fini(struct echo_row *r);
/* Keep one. *place 0: behind all that waits, and *place becomes its place; an event that was taken out returns to
 * its own. @who as above. @scope may be NULL. */
AMO_MUSTCHECK int store_echo_put(struct store *s, int64_t *place, const char *key,
                                 struct view event, const char *who, const char *scope,
                                 const struct echo_came *came);
/* Take the one of @key at @place out. STORE_E_NONE: it was erased. */
AMO_MUSTCHECK int store_echo_take(struct store *s, int64_t place, const char *key,
                                  struct buf *ret_event, struct echo_row *ret_row);
/* The key, bytes and place of each one and how it came, in the order of the places. The callback returns 0 or an
 * error that ends the walk. */
typedef int store_echo_fn(void *arg, const char *key, struct view event, int64_t place,
                          const struct echo_came *came);
AMO_MUSTCHECK int store_echoes_walk(struct store *s, store_echo_fn *fn, void *arg);
