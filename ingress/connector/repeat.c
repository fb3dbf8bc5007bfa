/* The first of several equal requests becomes an event.
 *
 * From: message.c and change.c, an event.
 * To: the spool, with its entries of the index of repeats beside it.
 * Holds: nothing; the indexes do. */

#include "ingress/connector/repeat.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ingress/accept/accept.h"
#include "ingress/connector/connector.h"
#include "ingress/http/request.h"
#include "ingress/spool/repeat.h"
#include "ingress/spool/spool.h"
#include "proto/event.h"

/* --- webhook-ids -------------------------------------------------------------------------- */

static int webhook_conflict(struct request *x, int rc)
{
    if (rc == REPEAT_E_OTHER)
        request_fault(x, 409, "conflict", "this webhook-id came before with another request",
                      "webhook-id");
    else if (rc == REPEAT_E_STALE)
        request_unavailable(x, "busy", "too much was signed since: sign it again");
    else
        request_unavailable(x, "busy", "there is no memory for it now");
    return rc;
}

int connector_webhook_check(struct ingress *in, struct request *x, struct repeat_entry *ret)
{
    const struct repeat_name name = {REPEAT_WEBHOOK, x->webhook_id, VIEW_NONE};
    int rc = 0;

    if (!x->signed_ms)
        return 0;
    rc = repeat_entry_make(x->name, &name, buf_view(&x->body), x->signed_ms, ret);
    rc = rc ? rc : repeat_check(in->webhooks, ret);
    return rc == 0 || rc == REPEAT_E_SAME ? rc : webhook_conflict(x, rc);
}

struct view connector_webhook_aux(const struct request *x, const struct repeat_entry *entry,
                                  unsigned char *space)
{
    if (!x->signed_ms)
        return VIEW_NONE;
    repeat_entry_encode(entry, space);
    return view_make(space, REPEAT_AUX_LEN);
}

void connector_webhook_seen(struct ingress *in, const struct request *x,
                            const struct repeat_entry *entry)
{
    if (x->signed_ms && repeat_add(in->webhooks, entry))
        log_often(LOG_LEVEL_WARN, "repeat.no_memory", VIEW_NONE, NULL);
}

bool connector_question_fits(struct ingress *in, struct request *x)
{
    const struct repeat_name name = {REPEAT_QUESTION, x->webhook_id, VIEW_NONE};
    struct repeat_entry entry;
    int rc = 0;

    if (!x->signed_ms || x->by_token)
        return true;
    rc = repeat_entry_make(x->name, &name, x->id, x->signed_ms, &entry);
    rc = rc ? rc : repeat_check(in->webhooks, &entry);
    if (rc && rc != REPEAT_E_SAME) {
        (void)webhook_conflict(x, rc);
        return false;
    }
    if (rc == 0)
        connector_webhook_seen(in, x, &entry);
    return true;
}

/* --- what leaves an event ----------------------------------------------------------------- */

/* What of the request comes again? @ret_field: what it is recognised by. @ret: an entry of its body. */
static int find_repeat(struct ingress *in, const struct request *x, const struct event *e,
                       const struct repeat_name *name, struct repeat_entry *ret,
                       const char **ret_field)
{
    /* a message is one by its id, too, under whichever key or none; the same words are core's to see */
    const struct repeat_name ids[] = {
        {REPEAT_MESSAGE_ID, e->message_id, VIEW_NONE      },
        {REPEAT_KEYED_ID,   e->message_id, e->conversation}
    };
    int rc = repeat_entry_make(x->name, name, buf_view(&x->body), clock_unix_ms(), ret);

    rc = rc ? rc : repeat_check(in->repeat, ret);
    *ret_field = view_empty(x->idempotency_key) ? "id" : "Idempotency-Key";
    for (size_t i = 0; rc == 0 && e->kind == EVENT_SERVICE_MESSAGE && i < AMO_COUNT(ids); i++) {
        rc = repeat_entry_rename(x->name, &ids[i], ret);
        rc = rc ? rc : repeat_check(in->repeat, ret);
        rc = rc == REPEAT_E_SAME ? 0 : rc;
        *ret_field = "id";
    }
    return rc;
}

/* Was the very same request taken by a version of before? Another body under what it called the same
 * proves nothing: that may have been an id and a key. */
static int find_before(struct ingress *in, const struct request *x,
                       const struct repeat_name *name, struct repeat_entry *e)
{
    const struct repeat_name before = {REPEAT_BEFORE, name->word, name->within};
    int rc = repeat_entry_rename(x->name, &before, e);

    rc = rc ? rc : repeat_check(in->repeat, e);
    return rc == REPEAT_E_OTHER ? 0 : rc;
}

static void answer_duplicate(struct ingress *in, struct request *x,
                             const struct connector_words *words)
{
    x->result = "duplicate";
    connector_answer(x, 200, words, "duplicate");
    x->waits = spool_is_dirty(in->spool); /* its first may be in this very batch */
}

/* 0: new. Otherwise the answer is decided. */
static int answer_repeat(struct ingress *in, struct request *x, const struct event *e,
                         const struct repeat_name *name, const struct connector_words *words)
{
    const char *field = NULL;
    struct repeat_entry entry;
    int rc = find_repeat(in, x, e, name, &entry, &field);

    rc = rc ? rc : find_before(in, x, name, &entry);
    if (rc == REPEAT_E_SAME) {
        answer_duplicate(in, x, words);
    } else if (rc == REPEAT_E_OTHER && strcmp(field, "id") == 0) {
        request_fault(x, 409, "conflict", "this id came before with another body", field);
    } else if (rc == REPEAT_E_OTHER) {
        request_fault(x, 409, "conflict", "this key came before with another body", field);
    } else if (rc) {
        request_unavailable(x, "busy", "there is no memory for it now");
    }
    return rc;
}

/* What the event is known by from now on: its name, and under a key its id, too. */
static int make_entries(const struct request *x, const struct event *e,
                        const struct repeat_name *name, struct repeat_entry ret[2],
                        size_t *ret_n)
{
    const struct repeat_name id = {REPEAT_KEYED_ID, e->message_id, e->conversation};
    int64_t now = clock_unix_ms();
    bool keyed = name && name->space == REPEAT_MESSAGE_KEY;
    int rc = 0;

    *ret_n = 0;
    if (!name)
        return 0;
    rc = repeat_entry_make(x->name, name, buf_view(&x->body), now, &ret[0]);
    *ret_n = keyed ? 2 : 1;
    if (rc || !keyed)
        return rc;
    ret[1] = ret[0];
    return repeat_entry_rename(x->name, &id, &ret[1]);
}

void connector_append_once(struct ingress *in, struct request *x, struct event *e,
                           const struct repeat_name *name, const struct connector_words *words)
{
    unsigned char aux[3 * REPEAT_AUX_LEN];
    struct repeat_entry entries[2];
    struct repeat_entry webhook;
    size_t n = 0;
    int rc = connector_webhook_check(in, x, &webhook);

    if (rc == REPEAT_E_SAME)
        answer_duplicate(in, x, words);
    if (rc || (name && answer_repeat(in, x, e, name, words)))
        return;
    if (make_entries(x, e, name, entries, &n)) {
        request_unavailable(x, "busy", "there is no memory for it now");
        return;
    }
    for (size_t i = 0; i < n; i++)
        repeat_entry_encode(&entries[i], aux + i * REPEAT_AUX_LEN);
    if (ingress_append(
            in, x, e,
            view_make(aux,
                      n * REPEAT_AUX_LEN +
                          connector_webhook_aux(x, &webhook, aux + n * REPEAT_AUX_LEN).len)))
        return;
    connector_webhook_seen(in, x, &webhook);
    for (size_t i = 0; i < n; i++) {
        if (repeat_add(in->repeat, &entries[i])) /* core will see the repeat */
            log_often(LOG_LEVEL_WARN, "repeat.no_memory", VIEW_NONE, NULL);
    }
    connector_answer(x, 202, words, "accepted");
}
