/* One attempt in memory: its state, its place in the table and in the list of its state.
 *
 * From: transfer.c (until it has its result), report.c (until the result is taken).
 * To: the same. Holds: the command's bytes, then the result's. */

#include "egress/attempt.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/table.h"
#include "proto/session.h"

void batch_leave(struct transfers *ts, struct batch **batch_p)
{
    struct batch *b = *batch_p;

    *batch_p = NULL;
    if (!b || --b->n_users > 0)
        return;
    ts->batch_bytes -= b->len;
    mem_free(b);
}

int batch_new(struct transfers *ts, struct view body, struct batch **ret_batch)
{
    struct batch *b = mem_alloc(sizeof(*b) + body.len);

    if (!b)
        return -ENOMEM;
    b->n_users = 1;
    b->len = body.len;
    if (body.len)
        memcpy(b->bytes, body.ptr, body.len);
    ts->batch_bytes += b->len;
    *ret_batch = b;
    return 0;
}

/* --- by destination -------------------------------------------------------------------------- */

static struct view line_key(const struct line *l)
{
    return view_make(l->key, l->key_len);
}

int transfer_line_up(struct transfer *t)
{
    struct transfers *ts = t->ts;
    bool to_service = target_of_kind(t->command.kind) == TARGET_WEBHOOK;
    struct view name = to_service ? t->command.connector : t->command.scope;
    struct line *l = mem_zalloc(sizeof(*l) + name.len + 1);
    struct line *known = NULL;

    if (!l)
        return -ENOMEM;
    l->key_len = name.len + 1;
    l->key[0] = to_service ? 's' : 'a';
    if (name.len)
        memcpy(l->key + 1, name.ptr, name.len);
    list_init(&l->link);
    list_init(&l->queued);
    known = table_get(ts->by_destination, line_key(l));
    if (known || table_add(ts->by_destination, line_key(l), l)) {
        mem_free(l);
        l = known;
    }
    if (!l)
        return -ENOMEM;
    t->line = l;
    l->n_users++;
    list_add_tail(&l->queued, &t->in_line);
    if (list_is_empty(&l->link))
        list_add_tail(&ts->lines, &l->link);
    return 0;
}

static void leave_queue(struct transfer *t)
{
    list_remove(&t->in_line);
    if (t->line && list_is_empty(&t->line->queued))
        list_remove(&t->line->link);
}

static void leave_line(struct transfer *t)
{
    struct line *l = t->line;

    leave_queue(t);
    t->line = NULL;
    if (!l)
        return;
    if (t->state == TRANSFER_RUNNING)
        l->n_running--;
    if (--l->n_users > 0)
        return;
    (void)table_remove(t->ts->by_destination, line_key(l)); /* it is ours */
    mem_free(l);
}

struct transfer *transfers_next(struct transfers *ts)
{
    struct line *best = NULL;

    for (struct list *i = ts->lines.next; i != &ts->lines; i = i->next) {
        struct line *l = LIST_ENTRY(i, struct line, link);

        if (!best || l->n_running < best->n_running)
            best = l;
    }
    if (!best)
        return NULL;
    list_remove(&best->link);
    list_add_tail(&ts->lines, &best->link); /* its turn is over */
    return LIST_ENTRY(best->queued.next, struct transfer, in_line);
}

/* --- states ---------------------------------------------------------------------------------- */

static void list_of_state(struct transfer *t, enum transfer_state state)
{
    t->state = state;
    list_add_tail(&t->ts->lists[state], &t->link);
    t->ts->n[state]++;
}

const char *transfer_trace(const struct transfer *t, char ret[ID_TEXT_LEN + 1])
{
    id_format(&t->command.trace, ret);
    return ret;
}

static const char *state_name(enum transfer_state state)
{
    static const char *const names[TRANSFER_N_STATES] = {"QUEUED", "RUNNING", "KEPT", "SENT"};

    return names[state];
}

void transfer_move(struct transfer *t, enum transfer_state state)
{
    char trace[ID_TEXT_LEN + 1];

    if (log_enabled(LOG_LEVEL_DEBUG))
        log_line(LOG_LEVEL_DEBUG, "attempt.moved",
                 "trace=%s command=%" PRIu64 " attempt=%" PRIu64 " from=%s to=%s",
                 transfer_trace(t, trace), t->id, t->attempt, state_name(t->state),
                 state_name(state));
    t->ts->n[t->state]--;
    list_remove(&t->link);
    if (state == TRANSFER_RUNNING) {
        leave_queue(t);
        t->line->n_running++;
    } else {
        leave_line(t);
    }
    if (state == TRANSFER_KEPT)
        batch_leave(t->ts, &t->batch);
    list_of_state(t, state);
}

void transfer_free(struct transfer *t)
{
    struct transfers *ts = t->ts;

    ts->n[t->state]--;
    list_remove(&t->link);
    leave_line(t);
    (void)table_remove(ts->table, view_make(t->key, sizeof(t->key))); /* the value is ours */
    batch_leave(ts, &t->batch);
    if (t->result != t->small)
        mem_free(t->result);
    mem_free(t);
}

static void write_key(uint64_t id, uint64_t attempt, char ret[TRANSFER_KEY_LEN])
{
    char space[TRANSFER_KEY_LEN + 1] = ""; /* a buf ends what it holds with a NUL */
    struct buf b = {.ptr = space, .cap = TRANSFER_KEY_LEN, .max = TRANSFER_KEY_LEN};
    int rc = pairs_add(&b, id, attempt); /* 16 bytes: they fit */

    assert(rc == 0);
    memcpy(ret, space, TRANSFER_KEY_LEN);
}

int transfer_new(struct transfers *ts, uint64_t id, uint64_t attempt,
                 struct transfer **ret_transfer)
{
    struct transfer *t = mem_zalloc(sizeof(*t));
    int rc = -ENOMEM;

    if (!t)
        return -ENOMEM;
    t->ts = ts;
    t->id = id;
    t->attempt = attempt;
    list_init(&t->link);
    list_init(&t->in_line);
    write_key(id, attempt, t->key);
    rc = table_add(ts->table, view_make(t->key, sizeof(t->key)), t);
    if (rc) {
        mem_free(t);
        return rc;
    }
    list_of_state(t, TRANSFER_QUEUED);
    *ret_transfer = t;
    return 0;
}

bool transfer_is_held(struct transfers *ts, uint64_t id, uint64_t attempt)
{
    char key[TRANSFER_KEY_LEN];
    struct transfer *t = NULL;

    write_key(id, attempt, key);
    t = table_get(ts->table, view_make(key, sizeof(key)));
    if (t && t->state == TRANSFER_SENT) {
        transfer_move(t, TRANSFER_KEPT);
        loop_defer(ts->loop, &ts->push);
    }
    return t != NULL;
}

/* Encode into memory of its own; without memory, the part that has no texts into the room that
 * was made with the transfer. A result is never lost for want of memory. */
static void result_store(struct transfer *t, const struct result *r)
{
    struct buf *b = &t->ts->scratch;
    struct result bare = *r;
    struct buf fixed;
    int rc = 0;

    bare.kind = t->command.kind;
    bare.trace = t->command.trace;
    buf_reset(b);
    if (result_encode(&bare, b) == 0) {
        t->result_len = b->len;
        t->result = b->len <= RESULT_SMALL ? t->small : mem_alloc(b->len);
        if (t->result) {
            memcpy(t->result, b->ptr, b->len);
            return;
        }
    }
    memset(&bare.evidence, 0, sizeof(bare) - offsetof(struct result, evidence));
    /* what the texts would have taught is lost: it must not count as learnt */
    if (bare.outcome == OUTCOME_DONE)
        bare.outcome = OUTCOME_UNKNOWN;
    fixed = (struct buf){.ptr = t->small, .cap = RESULT_SMALL - 1, .max = RESULT_SMALL - 1};
    rc = result_encode(&bare, &fixed); /* numbers only: it fits */
    assert(rc == 0);
    t->result = t->small;
    t->result_len = fixed.len;
}

void transfer_keep(struct transfer *t, const struct result *r)
{
    result_store(t, r);
    transfer_move(t, TRANSFER_KEPT);
    loop_defer(t->ts->loop, &t->ts->push);
}
