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

/* 0: new. Otherwise the answer is decided. */
static int answer_repeat(struct ingress *in, struct exchange *x,
                         const struct repeat_entry *entry, const struct connector_words *words)
{
    int rc = repeat_check(in->repeat, entry);

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
                           struct view key, const struct connector_words *words)
{
    unsigned char aux[REPEAT_AUX_LEN];
    struct repeat_entry entry;

    if (repeat_entry_make(x->name, key, buf_view(&x->body), clock_unix_ms(), &entry)) {
        exchange_unavailable(x, "busy", "there is no memory for it now");
        return;
    }
    if (answer_repeat(in, x, &entry, words))
        return;
    repeat_entry_encode(&entry, aux);
    if (ingress_append(in, x, e, view_make(aux, sizeof(aux))))
        return;
    if (repeat_add(in->repeat, &entry))
        log_line(LOG_LEVEL_WARN, "repeat.no_memory", NULL); /* core will see the repeat */
    connector_answer(x, 202, words, "accepted");
}
