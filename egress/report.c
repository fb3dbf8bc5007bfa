/* Results, kept until core has them on disk.
 *
 * From: egress/transfer.c, an attempt with its result.
 * To: core, RESULT_PUSH: all results of one turn in one frame.
 * Holds: each result until RESULT_TAKEN names its command and attempt, also across lost sessions. */

#include "egress/transfer.h"

#include <errno.h>

#include "base/clock.h"
#include "base/table.h"
#include "egress/attempt.h"
#include "egress/report.h"
#include "proto/bus/edge.h"
#include "proto/limits.h"
#include "proto/pack.h"
#include "proto/session.h"

/* A frame of results: many, but far below what a frame may be. */
#define PUSH_RESULTS  256
#define PUSH_BYTES    (1U << 20)
/* core does not read: try again in a moment */
#define FULL_RETRY_MS 50

static void report_push(void *arg);

void report_init(struct transfers *ts)
{
    loop_deferred_init(&ts->push, report_push, ts);
    buf_init(&ts->frame, LIMIT_FRAME_BYTES);
    buf_init(&ts->scratch, LIMIT_ANSWER_BYTES);
}

void report_fini(struct transfers *ts)
{
    loop_cancel(&ts->push);
    loop_remove_timer(ts->loop, ts->push_timer);
    buf_fini(&ts->frame);
    buf_fini(&ts->scratch);
}

static size_t report_frame(struct transfers *ts)
{
    struct list *kept = &ts->lists[TRANSFER_KEPT];
    msgpack_packer pk;
    size_t bytes = 0;
    size_t n = 0;

    for (struct list *i = kept->next; i != kept && n < PUSH_RESULTS && bytes < PUSH_BYTES;
         i = i->next, n++)
        bytes += LIST_ENTRY(i, struct transfer, link)->result_len;
    buf_reset(&ts->frame);
    pack_init(&pk, &ts->frame);
    (void)msgpack_pack_map(&pk, 1); /* errors stick in the buf */
    pack_key(&pk, "results");
    (void)msgpack_pack_array(&pk, n);
    kept = kept->next;
    for (size_t i = 0; i < n; i++, kept = kept->next) {
        const struct transfer *t = LIST_ENTRY(kept, struct transfer, link);

        (void)buf_add(&ts->frame, t->result, t->result_len);
    }
    return buf_error(&ts->frame) ? 0 : n;
}

static void report_push_again(void *arg)
{
    struct transfers *ts = arg;

    ts->push_timer = 0;
    report_push(ts);
}

static void report_push(void *arg)
{
    struct transfers *ts = arg;
    struct list *kept = &ts->lists[TRANSFER_KEPT];

    while (!list_is_empty(kept)) {
        size_t n = report_frame(ts);
        int64_t now = clock_mono_ms();

        int rc = n ? ts->hooks.send(ts->hooks.arg, buf_view(&ts->frame)) : -ENOMEM;

        if (rc) {
            /* away: the next session asks for all; full, or no memory: soon */
            if (rc != EDGE_E_AWAY && ts->push_timer == 0 &&
                loop_add_timer(ts->loop, FULL_RETRY_MS, false, report_push_again, ts,
                               &ts->push_timer))
                ts->push_timer = 0;
            return;
        }
        for (size_t i = 0; i < n; i++) {
            struct transfer *t = LIST_ENTRY(kept->next, struct transfer, link);

            t->sent_ms = now;
            transfer_move(t, TRANSFER_SENT);
        }
    }
}

void transfers_taken(struct transfers *ts, struct view pairs)
{
    for (size_t i = 0; i < pairs_count(pairs); i++) {
        struct transfer *t =
            table_get(ts->table, view_make(pairs.ptr + i * TRANSFER_KEY_LEN, TRANSFER_KEY_LEN));

        if (t && (t->state == TRANSFER_SENT || t->state == TRANSFER_KEPT))
            transfer_free(t);
    }
    ts->hooks.changed(ts->hooks.arg);
}

static void report_again(struct transfers *ts, int64_t sent_before_ms)
{
    struct list *sent = &ts->lists[TRANSFER_SENT];
    struct list *next = NULL;

    for (struct list *i = sent->next; i != sent; i = next) {
        struct transfer *t = LIST_ENTRY(i, struct transfer, link);

        next = i->next;
        if (t->sent_ms < sent_before_ms)
            transfer_move(t, TRANSFER_KEPT);
    }
    if (!list_is_empty(&ts->lists[TRANSFER_KEPT]))
        loop_defer(ts->loop, &ts->push);
}

void transfers_resend(struct transfers *ts)
{
    report_again(ts, INT64_MAX);
}

void transfers_resend_older(struct transfers *ts, int64_t age_ms)
{
    report_again(ts, clock_mono_ms() - age_ms);
}
