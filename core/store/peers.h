#pragma once

/* Spools and workers that core knows. Errors and ownership: core/store/store.h. */

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
