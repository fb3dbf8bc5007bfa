/* The first of several equal requests becomes an event.
 *
 * From: connector_message.c and connector_change.c, an event.
 * To: the spool, with its entry of the index of repeats beside it.
 * Holds: nothing; the index does. */

#include "ingress/connector_repeat.h"

#include "base/clock.h"
#include "base/log.h"
#include "ingress/connector.h"
#include "ingress/exchange.h"
#include "ingress/ingress.h"
#include "ingress/repeat.h"
#include "ingress/spool.h"
#include "proto/event.h"

/* Was the very same request taken by a version of before? Another body under what it called the same
 * proves nothing: that may have been an id and a key. */
static bool was_taken_before(struct ingress *in, const struct exchange *x,
                             const struct repeat_name *name)
{
    const struct repeat_name before = {REPEAT_BEFORE, name->word, name->message};
    struct repeat_entry entry;

    return repeat_entry_make(x->name, &before, buf_view(&x->body), clock_unix_ms(), &entry) ==
               0 &&
           repeat_check(in->repeat, &entry) == REPEAT_E_SAME;
}

/* 0: new. Otherwise the answer is decided. */
static int answer_repeat(struct ingress *in, struct exchange *x, const struct repeat_name *name,
                         const struct repeat_entry *entry, const struct connector_words *words)
{
    int rc = repeat_check(in->repeat, entry);

    if (rc == 0 && was_taken_before(in, x, name))
        rc = REPEAT_E_SAME;
    if (rc == REPEAT_E_SAME) {
        x->result = "duplicate";
        connector_answer(x, 200, words, "duplicate");
        x->waits = spool_is_dirty(in->spool); /* its first may be in this very batch */
    } else if (rc == REPEAT_E_OTHER && view_empty(x->idempotency_key)) {
        exchange_fault(x, 409, "conflict", "this id came before with another body", "id");
    } else if (rc == REPEAT_E_OTHER) {
        exchange_fault(x, 409, "conflict", "this key came before with another body",
                       "Idempotency-Key");
    }
    return rc;
}

void connector_append_once(struct ingress *in, struct exchange *x, struct event *e,
                           const struct repeat_name *name, const struct connector_words *words)
{
    unsigned char aux[REPEAT_AUX_LEN];
    struct repeat_entry entry;

    if (repeat_entry_make(x->name, name, buf_view(&x->body), clock_unix_ms(), &entry)) {
        exchange_unavailable(x, "busy", "there is no memory for it now");
        return;
    }
    if (answer_repeat(in, x, name, &entry, words))
        return;
    repeat_entry_encode(&entry, aux);
    if (ingress_append(in, x, e, view_make(aux, sizeof(aux))))
        return;
    if (repeat_add(in->repeat, &entry))
        log_line(LOG_LEVEL_WARN, "repeat.no_memory", NULL); /* core will see the repeat */
    connector_answer(x, 202, words, "accepted");
}
