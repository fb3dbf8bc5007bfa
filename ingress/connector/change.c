/* PATCH /v1/connectors/{name}/messages/{id}, POST …/reactions and …/typing: what happens to
 * messages after they were written, and before.
 *
 * From: the listener, a request.
 * To: the spool, an event; the answer is sent after the flush. Typing bypasses the spool: it is
 * sent to core at once, or never.
 * Holds: nothing after its return. */

#include "base/clock.h"
#include "base/json.h"
#include "ingress/accept/accept.h"
#include "ingress/connector/connector.h"
#include "ingress/connector/normalize.h"
#include "ingress/connector/repeat.h"
#include "ingress/http/request.h"
#include "ingress/spool/repeat.h"
#include "proto/foreign_id.h"

static void edit_whole(void *arg, struct request *x);
static void reaction_whole(void *arg, struct request *x);
static void typing_whole(void *arg, struct request *x);
static void edit_accept(struct ingress *in, struct request *x, struct event *e,
                        const struct service_warnings *warnings);
static void reaction_accept(struct ingress *in, struct request *x, struct event *e,
                            const struct service_warnings *warnings);
static void typing_accept(struct ingress *in, struct request *x, struct event *e,
                          const struct service_warnings *warnings);

void connector_route_edit(struct ingress *in, struct request *x)
{
    connector_head(in, x, BRINGS_REPORT, edit_whole);
}

void connector_route_reactions(struct ingress *in, struct request *x)
{
    connector_head(in, x, BRINGS_REPORT, reaction_whole);
}

void connector_route_typing(struct ingress *in, struct request *x)
{
    connector_head(in, x, BRINGS_NOTHING, typing_whole);
}

typedef void accept_fn(struct ingress *in, struct request *x, struct event *e,
                       const struct service_warnings *warnings);

/* Who asks, what it says, and then what is to be done with it. */
static void take(struct ingress *in, struct request *x, service_read_fn *read,
                 accept_fn *accept)
{
    struct service_fault fault = {0};
    struct service_normal n;
    int rc = 0;

    if (!connector_verified(in, x))
        return;
    rc = read(buf_view(&x->body), clock_unix_ms(), &n, &fault);
    if (rc) {
        request_about(x, view_of(n.refused_id));
        connector_fault(x, rc, &fault);
        return;
    }
    request_about(x, n.event.message_id);
    n.event.connector = x->name;
    accept(in, x, &n.event, &n.warnings);
    service_normal_fini(&n);
}

/* --- edits -------------------------------------------------------------------------------- */

static void edit_whole(void *arg, struct request *x)
{
    take(arg, x, service_edit, edit_accept);
}

/* A signature does not cover the path, so the body names the message: else whoever has seen one signed edit
 * could send it to every message of the connector. */
static bool edit_is_of_path(struct request *x, const struct event *e)
{
    if (view_empty(e->message_id) && x->signed_ms && !x->by_token) {
        request_fault(x, 422, "required", "a signed change names its message in the body",
                      "id");
        return false;
    }
    if (view_empty(e->message_id) || view_equal(e->message_id, x->id))
        return true;
    request_fault(x, 422, "invalid", "is not the id in the path", "id");
    return false;
}

/* Core knows the repeat by it, if this comes again by another ingress. */
static void take_webhook_id(const struct request *x, struct event *e)
{
    if (x->signed_ms)
        e->webhook_id = x->webhook_id;
}

/* Without a key of its own an edit can come twice: the second changes nothing. With one, the key
 * is one of this message's edits, so that it meets neither messages nor other messages' edits. */
static void edit_accept(struct ingress *in, struct request *x, struct event *e,
                        const struct service_warnings *warnings)
{
    const struct connector_words words = {"id", x->id, warnings};

    const struct repeat_name key = {REPEAT_EDIT_KEY, x->idempotency_key, x->id};

    if (!foreign_id_is_fine(x->id)) {
        request_fault(x, 422, "invalid", SERVICE_NAME_FAULT, "id");
        return;
    }
    if (!edit_is_of_path(x, e) || !connector_key_fits(x))
        return;
    e->message_id = x->id;
    e->dedup = x->idempotency_key;
    take_webhook_id(x, e);
    connector_append_once(in, x, e, view_empty(key.word) ? NULL : &key, &words);
}

/* --- reactions ---------------------------------------------------------------------------- */

static void reaction_whole(void *arg, struct request *x)
{
    take(arg, x, service_reaction, reaction_accept);
}

/* Setting what is set changes nothing, so a repeat does no harm. */
static void reaction_accept(struct ingress *in, struct request *x, struct event *e,
                            const struct service_warnings *warnings)
{
    take_webhook_id(x, e);
    connector_append_once(in, x, e, NULL, &(struct connector_words){.warnings = warnings});
}

/* --- typing ------------------------------------------------------------------------------- */

static void typing_whole(void *arg, struct request *x)
{
    take(arg, x, service_typing, typing_accept);
}

static void typing_accept(struct ingress *in, struct request *x, struct event *e,
                          const struct service_warnings *warnings)
{
    const struct connector_words words = {.warnings = warnings};
    struct repeat_entry webhook;
    int rc = 0;

    if (!connector_source_takes(in, x, e->source))
        return;
    rc = connector_webhook_check(in, x, &webhook);
    if (rc == REPEAT_E_SAME) {
        x->result = "duplicate";
        connector_answer(x, 200, &words, "duplicate");
    }
    if (rc)
        return;
    connector_webhook_seen(in, x, &webhook);
    e->expires_ms += clock_unix_ms(); /* so far it said how long */
    ingress_ephemeral(in, x, e);
    connector_answer(x, 202, &words, "accepted");
}
