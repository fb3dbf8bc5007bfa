/* What: keeps and finds connectors and what each was given.
 * Messages and events are owned by their logs, webhook-ids by their connector. */
#include "tools/sandbox/service/store.h"

#include <errno.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tools/sandbox/kit/digest.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/text.h"

const char *const service_auth_names[] = {"bearer", "signature", "both", NULL};
const char *const service_report_names[] = {"none", "delivered", "read", "failed", NULL};

static void connector_free(struct service_connector *k)
{
    if (!k)
        return;
    TEXTS_FREE(k->name, k->bridge_url, k->token, k->secret, k->secret_old, k->error_code,
               k->error_text, k->prefix);
    names_fini(&k->webhooks);
    names_fini(&k->messages);
    mem_free(k);
}

int service_connector_add(struct service_store *st, const char *name,
                          struct service_connector **ret)
{
    struct service_connector *k = mem_zalloc(sizeof(*k));
    char token[65];
    char secret[51];
    int rc = -ENOMEM;

    if (!k)
        goto out;
    digest_random_hex(32, token);
    digest_random_whsec(secret);
    k->name = mem_strdup(name);
    k->token = mem_strdup(token);
    k->secret = mem_strdup(secret);
    k->error_code = mem_strdup("not_on_channel");
    k->error_text = mem_strdup("no such number");
    k->answer_ids = true;
    if (!k->name || !k->token || !k->secret || !k->error_code || !k->error_text)
        goto out;
    rc = names_put(&st->connectors, name, k);
    if (rc)
        goto out;
    *ret = k;
    k = NULL; /* kept */
out:
    connector_free(k);
    return rc;
}

int service_webhook_add(struct service_connector *k, const char *webhook_id,
                        struct json_object *entry, struct blob *body)
{
    struct service_webhook *w = mem_zalloc(sizeof(*w));
    int rc = w ? names_put(&k->webhooks, webhook_id, w) : -ENOMEM;

    if (rc) {
        mem_free(w);
        return rc;
    }
    w->entry = json_object_get(entry);
    w->body = blob_hold(body);
    return 0;
}

struct json_object *service_connector_json(const void *connector)
{
    const struct service_connector *k = connector;
    struct json_object *o = json_object_new_object();
    struct json_object *error = jread_add_object(o, "report_error");

    jread_add_str(o, "name", k->name);
    jread_add_str_or_null(o, "bridge_url", k->bridge_url);
    jread_add_str(o, "token", k->token);
    jread_add_str(o, "secret", k->secret);
    jread_add_str_or_null(o, "secret_old", k->secret_old);
    jread_add_str(o, "auth", service_auth_names[k->auth]);
    jread_add_str(o, "report", service_report_names[k->report]);
    jread_add_str(error, "code", k->error_code);
    jread_add_str(error, "text", k->error_text);
    jread_add_str(o, "report_id", k->report_service_id ? "service" : "mid");
    jread_add_bool(o, "answer_ids", k->answer_ids);
    jread_add_str(o, "conversation_prefix", k->prefix ? k->prefix : "");
    return o;
}

void service_clear_logs(struct service_store *st)
{
    st->first_listed = st->messages.entries.n;
    journal_clear(&st->events); /* the webhook-ids stay known: repeats are still recognised */
}

/* Forget what was given to @k. */
static void connector_clear(struct service_connector *k)
{
    for (const struct name *e = names_first(&k->webhooks); e; e = names_next(&k->webhooks, e)) {
        struct service_webhook *w = e->value;

        json_object_put(w->entry);
        blob_drop(w->body);
        mem_free(w);
    }
    names_fini(&k->webhooks);
    names_fini(&k->messages);
}

void service_clear(struct service_store *st, bool all)
{
    service_clear_logs(st);
    for (const struct name *e = names_first(&st->connectors); e;
         e = names_next(&st->connectors, e)) {
        connector_clear(e->value);
        if (all)
            connector_free(e->value);
    }
    journal_clear(&st->messages);
    st->first_listed = 0;
    if (all)
        names_fini(&st->connectors);
}
