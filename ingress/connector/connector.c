/* What all calls of the connector API have in common: who asks, and whether the request is allowed.
 *
 * From: the listener, by routes.c, a head; then each call's own file, a whole body.
 * To: the call's file.
 * Holds: nothing. */

#include "ingress/connector/connector.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/num.h"
#include "ingress/accept/accept.h"
#include "ingress/accept/refused.h"
#include "ingress/accept/registry_copy.h"
#include "ingress/accept/share.h"
#include "ingress/connector/read.h"
#include "ingress/http/metrics.h"
#include "ingress/http/request.h"
#include "proto/limits.h"
#include "proto/registry.h"
#include "proto/sign.h"

/* The token of "Bearer …", VIEW_NONE when there is none. */
static struct view bearer(struct view authorization)
{
    size_t n = 7;

    if (authorization.len <= n || strncasecmp(authorization.ptr, "Bearer ", n) != 0)
        return VIEW_NONE;
    while (n < authorization.len && authorization.ptr[n] == ' ')
        n++;
    return view_make(authorization.ptr + n, authorization.len - n);
}

static bool token_fits(const struct reg_connector *c, struct view token)
{
    bool fits = false;

    for (size_t i = 0; i < AMO_COUNT(c->tokens); i++) {
        if (c->tokens[i].bytes && secret_equal(secret_view(&c->tokens[i]), token))
            fits = true;
    }
    return fits;
}

/* The answer does not say why; the log does. */
static void unauthorized(struct request *x, const char *reason)
{
    x->challenge = true;
    if (!x->status)
        x->reason = reason;
    request_fault(x, 401, "unauthorized", "not verified", NULL);
}

/* A token is judged at the head: without a good one no body is read. */
static bool token_in_order(const struct registry *r, const struct reg_connector *c,
                           struct request *x)
{
    struct view token = bearer(x->authorization);

    if (!token.ptr) {
        if (view_empty(x->authorization) && !view_empty(x->webhook_signature))
            return true;
        unauthorized(x, "no_proof");
        return false;
    }
    if (token_fits(c, token))
        return true;
    for (size_t i = 0; i < r->n_connectors; i++) {
        if (token_fits(&r->connectors[i], token)) {
            x->trusted = true;
            x->reason = "other_token";
            request_fault(x, 403, "forbidden", "the token belongs to another connector", NULL);
            return false;
        }
    }
    unauthorized(x, "token");
    return false;
}

/* "application/json", "application/something+json", with parameters or none. */
static bool content_is_json(struct view type)
{
    size_t len = 0;

    while (len < type.len && !strchr("; \t", type.ptr[len]))
        len++;
    return (len == 16 && strncasecmp(type.ptr, "application/json", 16) == 0) ||
           (len > 17 && strncasecmp(type.ptr, "application/", 12) == 0 &&
            strncasecmp(type.ptr + len - 5, "+json", 5) == 0);
}

/* A body that says that it is JSON, or says nothing; else 415 is decided. Of a question nothing is read. */
static bool type_in_order(struct request *x)
{
    if (x->method == METHOD_GET || x->method == METHOD_HEAD || view_empty(x->content_type) ||
        content_is_json(x->content_type))
        return true;
    request_fault(x, 415, "unsupported_media_type", "the body must be JSON", NULL);
    return false;
}

/* Is there room in core for what it brings? Who is known to be one that is over a share hears it before the
 * body is read: false, 429 is decided. */
static bool core_has_room(const struct ingress *in, struct request *x)
{
    int64_t now = clock_mono_ms();
    bool report = x->brings == BRINGS_REPORT;
    const struct over_row *over = x->brings == BRINGS_NOTHING || !x->trusted
                                      ? NULL
                                      : over_find(&in->accept->over, x->name, report, now);
    char words[128];

    if (!over)
        return true;
    (void)snprintf(words, sizeof(words),
                   "too much of this connector lies in the bridge (%s); send it again later",
                   over->share); /* fits */
    x->retry_after_s = over_retry_s(over, now);
    request_fault(x, 429, "over_share", words, NULL);
    return false;
}

void connector_head(struct ingress *in, struct request *x, enum connector_brings brings,
                    request_fn *whole)
{
    const struct registry *r = registry_copy_get(in->registry);
    const struct reg_connector *c = NULL;

    x->source = SOURCE_CONNECTOR;
    if (!r) {
        request_unavailable(x, "no_registry", "not set up yet");
        return;
    }
    c = registry_connector(r, x->name);
    if (!c) {
        request_fault(x, 404, "unknown_connector", "no such connector", NULL);
        return;
    }
    if (!token_in_order(r, c, x))
        return;
    x->trusted = bearer(x->authorization).ptr != NULL; /* what follows is no stranger's doing */
    if (x->trusted && !type_in_order(x))
        return; /* a signature is proof only with the whole body: 401 comes before 415 there as well */
    x->brings = (int)brings;
    if (!core_has_room(in, x) || (brings != BRINGS_NOTHING && !share_left(in, x)))
        return;
    x->body_max = LIMIT_CONNECTOR_BODY; /* of a GET, too: what it sends is not looked at */
    x->whole = whole;
}

static bool token_is_previous(const struct reg_connector *c, struct view token)
{
    return token.ptr && c->tokens[1].bytes && secret_equal(secret_view(&c->tokens[1]), token);
}

/* The present secret first: who signs with the one before alone is counted. */
static enum webhook_verdict signature_verdict(struct ingress *in, const struct reg_connector *c,
                                              const struct request *x)
{
    int64_t now_s = clock_unix_ms() / 1000;
    enum webhook_verdict verdict =
        webhook_verify(c->secrets, 1, x->webhook_id, x->webhook_timestamp, x->webhook_signature,
                       buf_view(&x->body), now_s);

    if (verdict != WEBHOOK_SIGNATURE || !c->secrets[1].bytes)
        return verdict;
    verdict = webhook_verify(c->secrets + 1, 1, x->webhook_id, x->webhook_timestamp,
                             x->webhook_signature, buf_view(&x->body), now_s);
    if (verdict == WEBHOOK_FITS)
        metrics_count_previous(in->metrics, "connector_secret", c->name);
    return verdict;
}

/* It fits, so its time is a number. */
static int64_t signed_at(const struct request *x)
{
    uint64_t s = 0;

    return num_parse_u64(x->webhook_timestamp, &s) ? clock_unix_ms() : (int64_t)s * 1000;
}

/* The registry may have changed since the head: everything is looked up anew. */
bool connector_verified(struct ingress *in, struct request *x)
{
    const struct registry *r = registry_copy_get(in->registry);
    const struct reg_connector *c = registry_connector(r, x->name);
    enum webhook_verdict verdict = WEBHOOK_FITS;

    if (!c || !token_in_order(r, c, x)) {
        unauthorized(x, "unknown"); /* unless the token's own refusal stands */
        return false;
    }
    if (!view_empty(x->webhook_signature))
        verdict = signature_verdict(in, c, x);
    if (verdict != WEBHOOK_FITS) {
        unauthorized(x, webhook_verdict_name(verdict));
        return false;
    }
    x->trusted = true;
    x->by_token = bearer(x->authorization).ptr != NULL;
    if (!view_empty(x->webhook_signature))
        x->signed_ms = signed_at(x);
    if (token_is_previous(c, bearer(x->authorization)))
        metrics_count_previous(in->metrics, "connector_token", c->name);
    if (!type_in_order(x))
        return false;
    return core_has_room(in, x); /* with a signature alone it was not known before who asks */
}

void connector_fault(struct request *x, int rc, const struct service_fault *fault)
{
    if (rc == SERVICE_E_FAULT)
        request_fault(x, (unsigned)fault->status, fault->code, fault->message, fault->field);
    else
        request_unavailable(x, "busy", "there is no memory for it now");
}

/* Is there room in core for what it brings for this account? What other accounts have left of the connector's share
 * is not held against it, nor what it has against them. */
static bool account_has_room(const struct ingress *in, struct request *x, const char *scope)
{
    int64_t now = clock_mono_ms();
    const struct over_row *over =
        x->brings == BRINGS_MESSAGE ? over_find_account(&in->accept->over, x->name, scope, now)
                                    : NULL;
    char words[400];

    if (!over)
        return true;
    (void)snprintf(words, sizeof(words),
                   "too much for the account of this source, %s, lies in the bridge (%s);"
                   " send it again later, and go on with other accounts",
                   over->scope, over->share); /* fits */
    x->retry_after_s = over_retry_s(over, now);
    request_fault(x, 429, "over_share", words, "source");
    return false;
}

bool connector_source_takes(struct ingress *in, struct request *x, struct view source)
{
    bool known = false;
    const struct reg_scope *scope =
        registry_scope_of_source(registry_copy_get(in->registry), x->name, source, &known);

    if (scope)
        return account_has_room(in, x, scope->id);
    refused_note(in->refused, x->name, source, clock_unix_ms());
    if (known)
        request_fault(x, 422, "no_account", "the connector has no account", NULL);
    else
        request_fault(x, 422, "unknown_source", "this source belongs to no account", "source");
    return false;
}

bool connector_key_fits(struct request *x)
{
    if (x->idempotency_key.len <= LIMIT_SERVICE_ID)
        return true;
    request_fault(x, 422, "too_long", "is longer than allowed", "Idempotency-Key");
    return false;
}

void connector_answer(struct request *x, unsigned status, const struct connector_words *words,
                      const char *word)
{
    struct json_writer w;

    x->status = status;
    x->type = "application/json";
    json_writer_init(&w, &x->answer); /* short; without memory the status says it alone */
    json_open_object(&w, NULL);
    if (words->name)
        json_add_text(&w, words->name, words->id);
    json_add_text(&w, "status", view_of(word));
    service_warnings_write(words->warnings, &w);
    json_close_object(&w);
    x->warned = words->warnings->n > 0;
}
