/* POST /messages/{scope_id}: amojo's webhook.
 *
 * From: the listener, a request.
 * To: the spool, an event; the answer is sent after the flush. Typing bypasses the spool: it is
 * sent to core at once, or never.
 * Holds: nothing after its return. */

#include "ingress/amojo/route.h"
#include "base/clock.h"
#include "ingress/accept/accept.h"
#include "ingress/accept/registry_copy.h"
#include "ingress/accept/share.h"
#include "ingress/amojo/normalize.h"
#include "ingress/http/metrics.h"
#include "ingress/http/request.h"
#include "proto/limits.h"
#include "proto/registry.h"
#include "proto/sign.h"

static void amo_whole(void *arg, struct request *x);
static void amo_accept(struct ingress *in, struct request *x, struct amo_normal *n);

/* a test of the front listener is for those who wait at this moment */
#define DOOR_TEST_MS 120000

/* Letters a scope id can have: two UUIDs and what lies between. */
static bool scope_plausible(struct view scope)
{
    for (size_t i = 0; i < scope.len; i++) {
        char c = scope.ptr[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '-' || c == '_' || c == '.'))
            return false;
    }
    return scope.len > 0 && scope.len <= LIMIT_ID;
}

void amo_route_head(struct ingress *in, struct request *x)
{
    const struct registry *r = registry_copy_get(in->registry);

    x->source = SOURCE_AMOJO;
    if (!r) {
        request_unavailable(x, "no_registry", "not set up yet");
        return;
    }
    if (!scope_plausible(x->name) || !registry_channel(r, registry_scope_channel(x->name))) {
        request_fault(x, 404, "unknown_channel", "no such channel", NULL);
        return;
    }
    if (view_empty(x->signature)) {
        x->reason = "no_signature";
        request_fault(x, 401, "unauthorized", "not verified", NULL);
        return;
    }
    if (!share_left(in, x))
        return;
    x->body_max = LIMIT_AMO_BODY;
    x->whole = amo_whole;
}

/* The present secret first: who still uses the one before is counted. */
static bool amo_verified(struct ingress *in, const struct reg_channel *channel,
                         const struct request *x)
{
    if (amojo_webhook_verify(channel->secrets, 1, buf_view(&x->body), x->signature))
        return true;
    if (!amojo_webhook_verify(channel->secrets + 1, AMO_COUNT(channel->secrets) - 1,
                              buf_view(&x->body), x->signature))
        return false;
    metrics_count_previous(in->metrics, "channel_secret", channel->id);
    return true;
}

/* The registry may have changed since the head: everything is looked up anew. */
static void amo_whole(void *arg, struct request *x)
{
    struct ingress *in = arg;
    const struct reg_channel *channel =
        registry_channel(registry_copy_get(in->registry), registry_scope_channel(x->name));
    struct amo_normal n;

    if (!channel || !amo_verified(in, channel, x)) {
        x->reason = channel ? "signature" : "unknown";
        request_fault(x, 401, "unauthorized", "not verified", NULL);
        return;
    }
    x->trusted = true;
    if (amo_normalize(buf_view(&x->body), x->name, clock_unix_ms(), &n)) {
        request_unavailable(x, "busy", "there is no memory for it now");
        return;
    }
    amo_accept(in, x, &n);
    amo_normal_fini(&n);
}

static bool is_stale_test(const struct event *e)
{
    int64_t now = clock_unix_ms();

    return e->sent_ms < now - DOOR_TEST_MS || e->sent_ms > now + DOOR_TEST_MS;
}

static void amo_accept(struct ingress *in, struct request *x, struct amo_normal *n)
{
    if (n->event.kind == EVENT_AMO_TYPING) {
        ingress_ephemeral(in, x, &n->event);
        request_ok(x);
        return;
    }
    if (n->event.kind == EVENT_DOOR_TEST && is_stale_test(&n->event)) {
        x->result = "ignored"; /* somebody sends again what was seen once */
        request_ok(x);
        return;
    }
    if (ingress_append(in, x, &n->event, VIEW_NONE))
        return;
    switch (n->verdict) {
    case AMO_ACCEPT:
        request_ok(x);
        break;
    case AMO_IGNORE:
        x->result = "ignored";
        request_ok(x);
        break;
    case AMO_REJECT:
        x->result = "quarantined";
        request_about(x, n->event.message_id);
        request_fault(x, 400, "not_understood", n->event.reason.ptr, NULL);
        break;
    }
}
