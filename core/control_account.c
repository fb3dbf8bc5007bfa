/* Verbs about accounts (scopes) and sources.
 *
 * From: control.c. To: the store, core_registry_changed, and inquiry.c for the connect call.
 * Holds: an account until amojo has answered its connect. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "core/control.h"
#include "core/inquiry.h"

static int string_of(struct view v, char **ret)
{
    *ret = mem_strndup(v.ptr ? v.ptr : "", v.len);
    return *ret ? 0 : -ENOMEM;
}

/* --- accounts ------------------------------------------------------------------------------- */

struct pending_account {
    struct control_wait *wait;
    char *channel;
    char *account;
    char *connector;
    char *title;
};

static void pending_free(void *arg)
{
    struct pending_account *p = arg;

    mem_free(p->channel);
    mem_free(p->account);
    mem_free(p->connector);
    mem_free(p->title);
    mem_free(p);
}

static int scope_store(struct core *c, struct view scope_id, const char *channel,
                       const char *account, const char *connector, const char *title)
{
    struct registry *tmp = NULL;
    struct reg_scope *s = NULL;
    int rc = registry_new(&tmp);

    s = rc ? NULL : registry_add_scope(tmp);
    rc = s ? string_of(scope_id, &s->id) : -ENOMEM;
    rc = rc ? rc : string_of(view_of(channel), &s->channel);
    rc = rc ? rc : string_of(view_of(account), &s->account);
    rc = rc ? rc : string_of(view_of(connector), &s->connector);
    rc = rc ? rc : string_of(view_of(title), &s->title);
    rc = rc ? rc : store_scope_put(c->store, s);
    rc = rc ? rc : core_registry_changed(c);
    registry_free(tmp);
    return rc;
}

static void scope_json(struct json_writer *w, struct view scope_id)
{
    json_open_object(w, NULL);
    json_add_text(w, "scope_id", scope_id);
    json_close_object(w);
}

static void connect_failed(struct control_wait *w, const struct result *r)
{
    struct buf text;

    buf_init(&text, 2048);
    if (!r)
        (void)buf_add_str(&text,
                          "no answer within 20 seconds: is an egress running?"); /* fits */
    else
        (void)buf_add_f(&text, "amojo did not connect: %s (status %llu) %.*s",
                        cause_name(r->cause), (unsigned long long)r->status,
                        (int)num_min(r->evidence.len, 512),
                        r->evidence.ptr ? r->evidence.ptr : "");
    control_wait_done(w, r ? EXIT_FAILED : EXIT_UNREACHABLE, VIEW_NONE, buf_str(&text));
    buf_fini(&text);
}

static void connect_done(struct core *c, void *arg, const struct result *r)
{
    struct pending_account *p = arg;
    struct json_writer w;
    struct buf json;
    struct view scope;
    char made[200];
    int rc = 0;

    if (!r || r->outcome != OUTCOME_DONE) {
        connect_failed(p->wait, r);
        return;
    }
    (void)snprintf(made, sizeof(made), "%.64s_%.128s", p->channel,
                   p->account); /* cut: refused */
    scope = r->scope_id.len ? r->scope_id : view_of(made);
    rc = core_turn(c);
    rc = rc ? rc : scope_store(c, scope, p->channel, p->account, p->connector, p->title);
    if (rc) {
        core_give_up(c, "control", rc);
        return;
    }
    buf_init(&json, 4096);
    json_writer_init(&w, &json);
    scope_json(&w, scope);
    control_wait_done(p->wait, EXIT_FINE, buf_view(&json), NULL);
    buf_fini(&json);
}

static int connect_later(struct control_ask *ask, struct view channel, struct view account,
                         struct view connector, struct view title)
{
    struct core *c = ask->core;
    struct pending_account *p = mem_zalloc(sizeof(*p));
    int rc = p ? string_of(channel, &p->channel) : -ENOMEM;

    if (!p)
        return rc;
    rc = rc ? rc : string_of(account, &p->account);
    rc = rc ? rc : string_of(connector, &p->connector);
    rc = rc ? rc : string_of(title, &p->title);
    p->wait = rc ? NULL : control_wait_new(c, p, pending_free);
    if (!p->wait) {
        pending_free(p);
        return rc ? rc
                  : control_fail(ask, EXIT_FAILED, "too many calls are waiting; try again");
    }
    ask->wait = p->wait;
    rc = inquiry_connect(c, channel, account, title, connect_done, p);
    return rc ? rc : CONTROL_LATER;
}

int verb_account_connect(struct control_ask *ask)
{
    const struct reg_channel *ch = NULL;
    struct view channel = VIEW_NONE;
    struct view account = VIEW_NONE;
    struct view connector = VIEW_NONE;
    struct view title = control_arg(ask, "title");
    struct view scope = control_arg(ask, "scope_id");
    int rc = control_need(ask, "channel", &channel);

    rc = rc ? rc : control_need(ask, "account", &account);
    rc = rc ? rc : control_need(ask, "connector", &connector);
    if (rc)
        return rc;
    ch = registry_channel(ask->core->registry, channel);
    if (!ch)
        return control_fail(ask, EXIT_FAILED, "no such channel; see amoctl channel list");
    if (!registry_connector(ask->core->registry, connector))
        return control_fail(ask, EXIT_FAILED, "no such connector; see amoctl connector list");
    if (title.len == 0)
        title = view_of(ch->name);
    if (scope.len == 0)
        return connect_later(ask, channel, account, connector, title);
    if (!view_equal(registry_scope_channel(scope), channel) ||
        !view_equal(registry_scope_account(scope), account))
        return control_fail(ask, EXIT_USAGE, "the scope id is not <channel id>_<account id>");
    rc = scope_store(ask->core, scope, ch->id, account.ptr, connector.ptr, title.ptr);
    if (rc)
        return rc;
    scope_json(ask->w, scope);
    return control_wait_registry(ask);
}

int verb_account_list(struct control_ask *ask)
{
    const struct registry *r = ask->core->registry;

    json_open_array(ask->w, NULL);
    for (size_t i = 0; i < r->n_scopes; i++) {
        const struct reg_scope *s = &r->scopes[i];
        const struct dest *d = queue_dest(ask->core->queue, true, view_of(s->id));

        json_open_object(ask->w, NULL);
        json_add_text(ask->w, "scope_id", view_of(s->id));
        json_add_text(ask->w, "channel", view_of(s->channel));
        json_add_text(ask->w, "account", view_of(s->account));
        json_add_text(ask->w, "connector", view_of(s->connector));
        json_add_text(ask->w, "title", view_of(s->title));
        json_add_bool(ask->w, "paused", s->paused);
        json_add_text(ask->w, "held",
                      d && dest_is_held(d) ? view_of(hold_reason_name(d->hold)) : VIEW_NONE);
        json_close_object(ask->w);
    }
    json_close_array(ask->w);
    return EXIT_FINE;
}

static int account_pause(struct control_ask *ask, bool paused)
{
    struct view id = VIEW_NONE;
    int rc = control_need(ask, "scope_id", &id);

    if (rc)
        return rc;
    if (!registry_scope(ask->core->registry, id))
        return control_fail(ask, EXIT_FAILED, "no such account; see amoctl account list");
    rc = paused ? store_scope_pause(ask->core->store, id, clock_unix_ms())
                : store_scope_resume(ask->core->store, id, clock_unix_ms());
    rc = rc ? rc : core_registry_changed(ask->core);
    if (rc)
        return rc;
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "scope_id", id);
    json_add_bool(ask->w, "paused", paused);
    json_close_object(ask->w);
    return EXIT_FINE;
}

int verb_account_pause(struct control_ask *ask)
{
    return account_pause(ask, true);
}

static void release_held(struct core *c, struct dest *d)
{
    if (d && dest_is_held(d))
        dest_release(c->queue, d, clock_mono_ms());
}

int verb_account_resume(struct control_ask *ask)
{
    struct core *c = ask->core;
    struct view id = control_arg(ask, "scope_id");
    int rc = account_pause(ask, false);
    const struct reg_scope *s = rc == EXIT_FINE ? registry_scope(c->registry, id) : NULL;

    /* an operator who resumes has mended what was wrong, on either side of the account: no more
     * waiting for the slow probe, and a connector that answered 410 is tried again */
    if (s) {
        release_held(c, queue_dest(c->queue, true, id));
        release_held(c, queue_dest(c->queue, false, view_of(s->connector)));
        core_wake(c);
    }
    return rc;
}

/* --- sources -------------------------------------------------------------------------------- */

int verb_source_add(struct control_ask *ask)
{
    const struct reg_scope *s = NULL;
    struct view connector = VIEW_NONE;
    struct view source = VIEW_NONE;
    struct view scope = VIEW_NONE;
    int rc = control_need(ask, "connector", &connector);

    rc = rc ? rc : control_need(ask, "source", &source);
    rc = rc ? rc : control_need(ask, "scope_id", &scope);
    if (rc)
        return rc;
    if (source.len > 36)
        return control_fail(ask, EXIT_USAGE, "amo takes source names of at most 36 characters");
    s = registry_scope(ask->core->registry, scope);
    if (!s || !view_is(connector, s->connector))
        return control_fail(ask, EXIT_FAILED, "this connector has no such account");
    rc = store_source_put(ask->core->store, connector, source, scope);
    rc = rc ? rc : core_registry_changed(ask->core);
    if (rc)
        return rc;
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "connector", connector);
    json_add_text(ask->w, "source", source);
    json_add_text(ask->w, "scope_id", scope);
    json_close_object(ask->w);
    return control_wait_registry(ask);
}

int verb_source_list(struct control_ask *ask)
{
    const struct registry *r = ask->core->registry;

    json_open_array(ask->w, NULL);
    for (size_t i = 0; i < r->n_sources; i++) {
        json_open_object(ask->w, NULL);
        json_add_text(ask->w, "connector", view_of(r->sources[i].connector));
        json_add_text(ask->w, "source", view_of(r->sources[i].source));
        json_add_text(ask->w, "scope_id", view_of(r->sources[i].scope));
        json_close_object(ask->w);
    }
    json_close_array(ask->w);
    return EXIT_FINE;
}
