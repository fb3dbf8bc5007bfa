/* Verbs that change accounts (scopes): connected, paused, disconnected.
 *
 * From: control.c. To: the store, core_registry_changed, and calls.c for the call to amojo.
 * Holds: an account until amojo has answered. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/moves.h"
#include "core/control/verbs.h"
#include "core/deliver/calls.h"
#include "core/model/brief.h"
#include "core/model/channel_flags.h"
#include "core/store/reach.h"

/* the operator waits this long */
#define DISCONNECT_WAIT_MS 20000

/* An account whose call to amojo is under way. */
struct pending_account {
    struct control_wait *wait;
    char *scope; /* disconnect */
    char *channel;
    char *account;
    char *connector;
    char *title;
    bool window_off;
    int64_t moves; /* conversations that follow */
};

static void pending_free(void *arg)
{
    struct pending_account *p = arg;

    mem_free(p->scope);
    mem_free(p->channel);
    mem_free(p->account);
    mem_free(p->connector);
    mem_free(p->title);
    mem_free(p);
}

/* Connected, or connected again: a pause of its own it keeps, unless it had left. */
static int scope_store(struct core *c, struct view scope_id, const struct pending_account *p,
                       bool called)
{
    int64_t now = clock_unix_ms();
    struct registry *tmp = NULL;
    struct reg_scope *s = NULL;
    int rc = registry_new(&tmp);

    s = rc ? NULL : registry_add_scope(tmp);
    rc = s ? control_copy(scope_id, &s->id) : -ENOMEM;
    rc = rc ? rc : control_copy(view_of(p->channel), &s->channel);
    rc = rc ? rc : control_copy(view_of(p->account), &s->account);
    rc = rc ? rc : control_copy(view_of(p->connector), &s->connector);
    rc = rc ? rc : control_copy(view_of(p->title), &s->title);
    if (rc == 0) {
        s->window_off = p->window_off;
        s->connected_ms = called ? now : 0;
        rc = store_scope_put(c->store, s);
    }
    rc = rc ? rc : store_scope_come_back(c->store, scope_id, now);
    rc = rc ? rc : store_sources_follow(c->store, s);
    registry_free(tmp);
    return rc;
}

/* Connecting as a change of who is reached: see moves.h. */
struct connecting {
    struct view scope;
    const struct pending_account *account;
};

static int connect_make(struct control_ask *ask, void *arg)
{
    const struct connecting *what = arg;

    return scope_store(ask->core, what->scope, what->account, false);
}

/* Whom would it cut off, and whose conversations would it take? */
static int connect_counted(struct control_ask *ask, struct pending_account *p,
                           struct view scope, struct moves *m)
{
    char made[200];
    struct connecting what = {.scope = scope, .account = p};
    int rc = 0;

    (void)snprintf(made, sizeof(made), "%.64s_%.128s", p->channel,
                   p->account); /* amojo's own way of making it */
    if (scope.len == 0)
        what.scope = view_of(made);
    rc = moves_count(ask, connect_make, &what, m);
    rc = rc ? rc : moves_admitted(ask, m);
    rc = rc ? rc : moves_cut_admitted(ask, m);
    p->moves = m->moves;
    if (rc || !m->dry_run)
        return rc;
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "scope_id", what.scope);
    moves_end(m, ask,
              scope.len ? "connect the account without a call to amojo"
                        : "have amojo connect the account");
    return 0;
}

static void scope_json(struct json_writer *w, struct view scope_id, int64_t moves)
{
    json_open_object(w, NULL);
    json_add_text(w, "scope_id", scope_id);
    if (moves)
        json_add_int(w, "moves", moves);
    json_close_object(w);
}

/* amojo has done it, and core could not write it down; unless core ends, that is told. */
static void not_stored(struct core *c, struct control_wait *wait)
{
    if (c->turn->exit_code)
        return;
    if (core_registry_reload(c)) /* as the store has it */
        core_give_up(c, "registry", -EIO);
    else
        control_wait_done(wait, EXIT_FAILED, VIEW_NONE,
                          "core could not store this; see its log");
}

/* @what: "connect", "disconnect". */
static void call_failed(const struct core *c, struct control_wait *w, const char *what,
                        const struct result *r)
{
    struct buf text;

    buf_init(&text, 2048);
    if (!r)
        (void)buf_add_str(&text, call_unmade_words(c)); /* fits */
    else
        (void)buf_add_f(&text, "amojo did not %s: %s (status %llu) %.*s", what,
                        cause_name(r->cause), (unsigned long long)r->status,
                        (int)num_min(r->evidence.len, 512),
                        r->evidence.ptr ? r->evidence.ptr : "");
    control_wait_done(w, r ? EXIT_FAILED : EXIT_UNREACHABLE, VIEW_NONE, buf_str(&text));
    buf_fini(&text);
}

/* An account that exchanges messages with one connector does not move to another unless told to: its
 * conversations are the first one's. NULL: none. */
static const struct reg_scope *connected_elsewhere(const struct registry *r,
                                                   const struct pending_account *p)
{
    for (size_t i = 0; i < r->n_scopes; i++) {
        const struct reg_scope *s = &r->scopes[i];

        if (!s->disconnected && strcmp(s->channel, p->channel) == 0 &&
            strcmp(s->account, p->account) == 0 && strcmp(s->connector, p->connector) != 0)
            return s;
    }
    return NULL;
}

/* While amojo was asked, others may have given orders. NULL: nothing has changed. */
static const char *changed_meanwhile(const struct registry *r, const struct pending_account *p)
{
    if (!registry_channel(r, view_of(p->channel)))
        return "amojo has connected it, but the channel was removed meanwhile";
    if (!registry_connector(r, view_of(p->connector)))
        return "amojo has connected it, but the connector was removed meanwhile";
    if (connected_elsewhere(r, p))
        return "amojo has connected it, but meanwhile it was connected with another connector";
    return NULL;
}

static void connect_done(struct core *c, void *arg, const struct result *r)
{
    struct pending_account *p = arg;
    struct json_writer w;
    struct buf json;
    struct view scope;
    const char *objection = NULL;
    char made[200];
    int rc = 0;

    if (!r || r->outcome != OUTCOME_DONE) {
        call_failed(c, p->wait, "connect", r);
        return;
    }
    (void)snprintf(made, sizeof(made), "%.64s_%.128s", p->channel,
                   p->account); /* cut: refused */
    scope = r->scope_id.len ? r->scope_id : view_of(made);
    objection = changed_meanwhile(c->turn->registry, p);
    if (objection) {
        control_wait_done(p->wait, EXIT_FAILED, VIEW_NONE, objection);
        return;
    }
    rc = core_row_begin(c);
    rc = rc ? rc : scope_store(c, scope, p, true);
    rc = rc ? rc : core_registry_changed(c);
    if (core_row_end(c, "account", rc)) {
        not_stored(c, p->wait);
        return;
    }
    call_connected(c, queue_dest(c->queue, DEST_SCOPE, scope));
    buf_init(&json, 4096);
    json_writer_init(&w, &json);
    scope_json(&w, scope, p->moves);
    control_wait_done(p->wait, EXIT_FINE, buf_view(&json), NULL);
    buf_fini(&json);
}

/* The account's amojo id becomes part of ids and addresses. */
static int account_check(struct control_ask *ask, struct view account)
{
    size_t n_digits = 0;

    for (size_t i = 0; i < account.len; i++) {
        unsigned char c = (unsigned char)account.ptr[i];

        n_digits += isdigit(c) != 0;
        if (!isalnum(c) && c != '-')
            return control_fail(ask, EXIT_USAGE, "the account's amojo id is a UUID");
    }
    return n_digits == account.len
               ? control_fail(ask, EXIT_USAGE,
                              "this is the account's number; its amojo id is needed: GET "
                              "/api/v4/account?with=amojo_id tells it")
               : 0;
}

/* The first characters of a known account's id name it in other verbs, and would be a new account here. */
static int connect_whole(struct control_ask *ask, struct view account)
{
    size_t n = 0;
    const struct reg_scope *s = brief_scope(ask->core->turn->registry, account, &n);

    if (n > 1)
        return control_fail(ask, EXIT_FAILED,
                            "the ids of %zu accounts begin with %.*s: give the whole id of the"
                            " one that is meant",
                            n, (int)account.len, account.ptr);
    if (!s || view_is(account, s->account) || view_is(account, s->id))
        return 0;
    return control_fail(
        ask, EXIT_FAILED,
        "account %s begins with %.*s: give the whole id of the one that is meant", s->account,
        (int)account.len, account.ptr);
}

/* What the caller asked for; EXIT_USAGE, EXIT_FAILED with words. */
static int connect_read(struct control_ask *ask, struct pending_account *p)
{
    const struct reg_channel *ch = NULL;
    struct view channel = VIEW_NONE;
    struct view account = VIEW_NONE;
    struct view connector = VIEW_NONE;
    struct view title = control_arg(ask, "title");
    int rc = control_need(ask, "channel", &channel);

    rc = rc ? rc : control_need(ask, "account", &account);
    rc = rc ? rc : control_need(ask, "connector", &connector);
    if (rc)
        return rc;
    ch = registry_channel(ask->core->turn->registry, channel);
    if (!ch)
        return control_unknown(ask, NEAR_CHANNEL, channel);
    if (!registry_connector(ask->core->turn->registry, connector))
        return control_unknown(ask, NEAR_CONNECTOR, connector);
    if (title.len == 0)
        title = view_of(ch->name);
    if (!json_bool(json_get(json_root(ask->args), "no_time_window"), &p->window_off))
        p->window_off = false;
    rc = account_check(ask, account);
    rc = rc ? rc : connect_whole(ask, account);
    rc = rc ? rc : control_copy(channel, &p->channel);
    rc = rc ? rc : control_copy(account, &p->account);
    for (char *a = p->account; rc == 0 && *a; a++)
        *a = (char)tolower((unsigned char)*a); /* one account has one name */
    rc = rc ? rc : control_copy(connector, &p->connector);
    return rc ? rc : control_copy(title, &p->title);
}

/* Support's flags come first: amojo would only say 403. */
static int connect_admitted(struct control_ask *ask, const struct pending_account *p)
{
    struct buf kept;
    struct buf words;
    int rc = 0;

    buf_init(&kept, (size_t)1 << 16);
    buf_init(&words, 1024);
    rc = store_channel_answer(ask->core->store, view_of(p->channel), &kept);
    rc = rc ? rc : channel_flags_admit(buf_view(&kept), view_of(p->account), &words);
    if (rc == CHANNEL_FLAGS_E_OBJECTION)
        rc = control_fail(ask, EXIT_FAILED, "%s", buf_str(&words));
    buf_fini(&kept);
    buf_fini(&words);
    return rc;
}

static int connect_elsewhere(struct control_ask *ask, const struct pending_account *p)
{
    const struct reg_scope *s = connected_elsewhere(ask->core->turn->registry, p);

    return s ? control_fail(ask, EXIT_FAILED,
                            "the account is connected with connector %s: amoctl account "
                            "disconnect %s first",
                            s->connector, s->id)
             : 0;
}

static int connect_later(struct control_ask *ask, struct pending_account *p)
{
    struct connect_call what;
    int rc = 0;

    p->wait = control_wait_new(ask->core, p, pending_free);
    if (!p->wait) {
        pending_free(p);
        return control_fail(ask, EXIT_FAILED, CONTROL_TOO_MANY);
    }
    what = (struct connect_call){p->channel, p->account, p->title, p->window_off};
    rc = call_connect(ask->core, &what, connect_done, p);
    return control_asked(ask, p->wait, rc);
}

static int scope_id_fits(struct control_ask *ask, const struct pending_account *p,
                         struct view scope)
{
    if (scope.len == 0 || (view_is(registry_scope_channel(scope), p->channel) &&
                           view_is(registry_scope_account(scope), p->account)))
        return 0;
    return control_fail(ask, EXIT_USAGE, "the scope id is not <channel id>_<account id>");
}

static int connect_without_call(struct control_ask *ask, const struct pending_account *p,
                                struct view scope)
{
    struct dest *d = NULL;
    int rc = 0;

    rc = scope_store(ask->core, scope, p, false);
    rc = rc ? rc : core_registry_changed(ask->core);
    if (rc)
        return rc;
    d = queue_dest(ask->core->queue, DEST_SCOPE, scope);
    if (d)
        d->connected_once = true; /* no call means none, until core starts again */
    scope_json(ask->w, scope, p->moves);
    return control_wait_registry(ask);
}

int verb_account_connect(struct control_ask *ask)
{
    struct view scope = control_arg(ask, "scope_id");
    struct pending_account *p = mem_zalloc(sizeof(*p));
    struct moves m = {0};
    int rc = 0;

    if (!p)
        return -ENOMEM;
    rc = connect_read(ask, p);
    rc = rc ? rc : connect_admitted(ask, p);
    rc = rc ? rc : connect_elsewhere(ask, p);
    rc = rc ? rc : scope_id_fits(ask, p, scope);
    rc = rc ? rc : connect_counted(ask, p, scope, &m);
    moves_fini(&m);
    if (rc == 0 && !m.dry_run && scope.len == 0)
        return connect_later(ask, p);
    if (rc == 0 && !m.dry_run)
        rc = connect_without_call(ask, p, scope);
    pending_free(p);
    return rc;
}

/* --- disconnecting -------------------------------------------------------------------------- */

static void disconnected_json(struct json_writer *w, struct view scope, int64_t moves)
{
    json_open_object(w, NULL);
    json_add_text(w, "scope_id", scope);
    json_add_bool(w, "disconnected", true);
    if (moves)
        json_add_int(w, "moves", moves);
    json_close_object(w);
}

static int scope_leave(struct core *c, struct view scope)
{
    int rc = store_scope_leave(c->store, scope, clock_unix_ms());

    return rc ? rc : core_registry_changed(c);
}

static int leave_make(struct control_ask *ask, void *arg)
{
    const struct view *scope = arg;

    return store_scope_leave(ask->core->store, *scope, clock_unix_ms());
}

/* The account that is left alone on the connector may take its clients: not unless told to. */
static int leave_counted(struct control_ask *ask, struct view scope, struct moves *m)
{
    int rc = moves_count(ask, leave_make, &scope, m);

    rc = rc ? rc : moves_admitted(ask, m);
    if (rc || !m->dry_run)
        return rc;
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "scope_id", scope);
    moves_end(m, ask, "disconnect the account and pause what waits for it");
    return 0;
}

static void disconnect_done(struct core *c, void *arg, const struct result *r)
{
    struct pending_account *p = arg;
    struct json_writer w;
    struct buf json;
    int rc = 0;

    /* 404: it was not connected there, which is what was wanted */
    if (!r || (r->outcome != OUTCOME_DONE && r->cause != CAUSE_NOT_FOUND)) {
        call_failed(c, p->wait, "disconnect", r);
        return;
    }
    rc = core_row_begin(c);
    rc = rc ? rc : scope_leave(c, view_of(p->scope));
    if (core_row_end(c, "account", rc)) {
        not_stored(c, p->wait);
        return;
    }
    buf_init(&json, 4096);
    json_writer_init(&w, &json);
    disconnected_json(&w, view_of(p->scope), p->moves);
    control_wait_done(p->wait, EXIT_FINE, buf_view(&json), NULL);
    buf_fini(&json);
}

static int disconnect_later(struct control_ask *ask, const struct reg_scope *s, int64_t moves)
{
    struct core *c = ask->core;
    struct command body = {.kind = COMMAND_AMO_DISCONNECT,
                           .scope = view_of(s->channel),
                           .account = view_of(s->account)};
    struct pending_account *p = mem_zalloc(sizeof(*p));
    int rc = 0;

    if (!p)
        return -ENOMEM;
    p->moves = moves;
    rc = control_copy(view_of(s->id), &p->scope);
    rc = rc ? rc : id_uuid7(clock_unix_ms(), &body.trace);
    p->wait = rc ? NULL : control_wait_new(c, p, pending_free);
    if (!p->wait) {
        pending_free(p);
        return rc ? rc : control_fail(ask, EXIT_FAILED, CONTROL_TOO_MANY);
    }
    /* by no destination: a paused or held account can leave as well */
    rc = call_once(c, NULL, &body, clock_mono_ms() + DISCONNECT_WAIT_MS, disconnect_done, p);
    return control_asked(ask, p->wait, rc);
}

/* The account that argument `scope_id` names; NULL with words and @ret_code. */
int verb_account_disconnect(struct control_ask *ask)
{
    struct view id = control_arg(ask, "scope_id");
    struct moves m = {0};
    int rc = 0;
    const struct reg_scope *s = control_scope_named(ask, &rc);

    if (!s)
        return rc;
    if (s->disconnected)
        return control_fail(ask, EXIT_FAILED, "the account is disconnected already");
    rc = leave_counted(ask, id, &m);
    moves_fini(&m);
    if (rc || m.dry_run)
        return rc;
    if (!moves_flag(ask, "no_call"))
        return disconnect_later(ask, s, m.moves);
    disconnected_json(ask->w, id, m.moves);
    rc = scope_leave(ask->core, id);
    return rc ? rc : control_wait_registry(ask);
}

/* --- pausing -------------------------------------------------------------------------------- */

/* What a pause, or its end, would do. */
static int pause_tried(struct control_ask *ask, const struct reg_scope *s, bool paused)
{
    const struct dest *d = queue_dest(ask->core->queue, DEST_SCOPE, view_of(s->id));
    const struct dest *con =
        queue_dest(ask->core->queue, DEST_CONNECTOR, view_of(s->connector));
    bool held = (d && dest_is_held(d)) || (con && dest_is_held(con));
    size_t n = d ? d->n_account : 0;

    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "scope_id", view_of(s->id));
    json_add_bool(ask->w, "paused", paused);
    if (paused && s->paused)
        return control_would(ask, "change nothing: the account is paused");
    if (!paused && !s->paused && !held)
        return control_would(ask, "change nothing: the account is neither paused nor held");
    if (paused)
        return control_would(ask, "pause both directions; commands that would wait: %zu", n);
    return control_would(ask, "end the %s; commands that could go: %zu",
                         !s->paused ? "hold"
                         : held     ? "pause and the hold"
                                    : "pause",
                         n);
}

static int account_pause(struct control_ask *ask, bool paused)
{
    struct view id = control_arg(ask, "scope_id");
    int rc = 0;
    const struct reg_scope *s = control_scope_named(ask, &rc);

    if (!s)
        return rc;
    if (s->disconnected)
        return control_fail(
            ask, EXIT_FAILED,
            "the account is disconnected: amoctl account connect brings it back");
    if (moves_flag(ask, "dry_run"))
        return pause_tried(ask, s, paused);
    rc = paused ? store_scope_pause(ask->core->store, id, view_of(ask->user), clock_unix_ms())
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

static void release_held(struct dest *d)
{
    if (d && dest_is_held(d))
        dest_release(d, clock_mono_ms());
}

int verb_account_resume(struct control_ask *ask)
{
    struct core *c = ask->core;
    struct view id = control_arg(ask, "scope_id");
    int rc = account_pause(ask, false);
    const struct reg_scope *s = rc == EXIT_FINE && !moves_flag(ask, "dry_run")
                                    ? registry_scope(c->turn->registry, id)
                                    : NULL;

    /* an operator who resumes has fixed what was wrong, on either side of the account: no more
     * waiting for the slow probe, and a connector that answered 410 is tried again */
    if (s) {
        release_held(queue_dest(c->queue, DEST_SCOPE, id));
        release_held(queue_dest(c->queue, DEST_CONNECTOR, view_of(s->connector)));
        core_wake(c);
    }
    return rc;
}
