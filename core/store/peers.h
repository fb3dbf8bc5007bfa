#pragma once

/* Spools and workers that core knows, and what its operators ordered. Errors and ownership: core/store/store.h. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "core/model/rows.h"

struct store;

/* @ranges is session.h pairs. STORE_E_NONE for a new spool. */
AMO_MUSTCHECK int store_spool_get(struct store *s, const struct id *spool, uint64_t *ret_mark,
                                  uint64_t *ret_low, struct buf *ret_ranges);
AMO_MUSTCHECK int store_spool_put(struct store *s, const struct id *spool, uint64_t mark,
                                  uint64_t low, struct view ranges);
/* Of the process whose events were taken last: its boot id and its name; zero and nothing when that is not
 * known. */
AMO_MUSTCHECK int store_spool_taker(struct store *s, const struct id *spool,
                                    struct id *ret_boot, struct buf *ret_name);
AMO_MUSTCHECK int store_spool_taken_from(struct store *s, const struct id *spool,
                                         const struct id *boot, struct view name);
/* Somebody has it now. */
AMO_MUSTCHECK int store_spool_used(struct store *s, const struct id *spool, int64_t now_ms);
/* Forgets all but the @n that were used last. */
AMO_MUSTCHECK int store_spools_cap(struct store *s, size_t n);

/* Workers core knew, so that it waits for them after a restart. */
AMO_MUSTCHECK int store_worker_seen(struct store *s, struct view name, const struct id *boot,
                                    int64_t now_ms);
typedef void store_worker_fn(void *arg, struct view name, const struct id *boot);
AMO_MUSTCHECK int store_workers_walk(struct store *s, store_worker_fn *fn, void *arg);
AMO_MUSTCHECK int store_worker_forget(struct store *s, struct view name);

/* How much has come from whom (core/peers/heard.h). */
struct store_heard {
    struct view who;
    int64_t since_ms;
    int64_t last_ms;
    int64_t hour;
    struct view counts;
};
AMO_MUSTCHECK int store_heard_put(struct store *s, const struct store_heard *h);
/* Each row to @fn, which borrows it; ends when it returns other than 0, which is returned. */
typedef int store_heard_fn(void *arg, const struct store_heard *h);
AMO_MUSTCHECK int store_heard_walk(struct store *s, store_heard_fn *fn, void *arg);

/* What an operator had core do (core/peers/audit.h). */
struct store_order {
    int64_t id;
    int64_t at_ms;
    struct view user;
    struct view verb;
    struct view args;    /* "scope_id=… dry_run=yes": none that is secret */
    struct view outcome; /* a word */
    struct view words;   /* why it was refused or failed; VIEW_NONE */
    bool changes;        /* it changed something */
};
/* Keeps @o, which gets the number @ret_id, and the @most newest of those that change something, or of the others. */
AMO_MUSTCHECK int store_order_add(struct store *s, const struct store_order *o, int64_t most,
                                  int64_t *ret_id);
AMO_MUSTCHECK int store_order_end(struct store *s, int64_t id, const char *outcome,
                                  struct view words);
/* The newest first, from those before the number @before, @most of them; each to @fn, which borrows it. Ends when it
 * returns other than 0, which is returned. */
typedef int store_order_fn(void *arg, const struct store_order *o);
AMO_MUSTCHECK int store_orders_walk(struct store *s, int64_t before, int64_t most,
                                    store_order_fn *fn, void *arg);
/* The same of those alone that changed something. */
AMO_MUSTCHECK int store_orders_changed(struct store *s, int64_t most, store_order_fn *fn,
                                       void *arg);
