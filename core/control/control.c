/* Calls of amoctl, and their answers.
 *
 * From: amoctl (CONTROL_CALL). To: the verbs; CONTROL_ANSWER after the commit.
 * Holds: calls whose answer waits for a remote side or for the edges to know the registry. */

#include "core/control/control.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "core/control/moves.h"
#include "core/intake/room.h"
#include "core/model/brief.h"
#include "core/peers/audit.h"
#include "core/peers/gate.h"
#include "core/peers/peers.h"
#include "core/store/quarantine.h"
#include "proto/bus/callers.h"
#include "proto/bus/socket.h"
#include "proto/control.h"
#include "proto/event.h"
#include "proto/limits.h"

#define CONTROL_BATCH    16
#define CONTROL_WAIT_MS  20000
#define CONTROL_WAITS    64
#define CONTROL_GRACE_MS 5000

struct control_wait {
    struct list link;
    struct core *core;
    struct peer caller; /* route and boot only */
    int64_t until_mono_ms;
    uint64_t version; /* registry that must be held; 0: not there yet */
    int64_t order;    /* whose outcome is not known yet; 0: none */
    struct buf json;
    void *arg;
    void (*fini)(void *arg);
};

static void control_call(struct core *c, const struct bus_message *m);
static void control_answer(struct core *c, const struct peer *caller, int code,
                           struct view json, const char *error);
static void control_send(struct core *c, const struct peer *caller,
                         const struct control_answer *a);

void control_readable(void *arg)
{
    struct core *c = arg;

    for (int i = 0; i < CONTROL_BATCH && !c->turn->exit_code; i++) {
        struct bus_message m;
        int rc = bus_recv(c->control->socket, &m);

        if (rc == BUS_E_MALFORMED)
            continue;
        if (rc)
            return;
        control_call(c, &m);
        bus_message_fini(&m);
    }
}

/* Written down before it is done: what cannot be written down is not done either. */
static int order_begin(struct control_ask *ask)
{
    int rc = 0;

    if (!audit_is_kept(ask->audit->verb, ask->args))
        return 0;
    rc = audit_keep(ask->core->store, ask->audit, ask->args, &ask->order);
    /* it may be undone with the question, as if that had only read: core_asked() */
    ask->core->turn->asked_changes = store_changes(ask->core->store);
    return rc;
}

/* The word that was given may be a phone: whom it meant is written down by our number. */
static int order_names(struct control_ask *ask)
{
    char words[48];

    (void)snprintf(words, sizeof(words), "of conversation %lld",
                   (long long)ask->whose); /* fits */
    return audit_end(ask->core->store, ask->order, "done", view_of(words));
}

/* It was undone, with its row, or not even begun. */
static int order_refused(struct control_ask *ask)
{
    struct audit a = *ask->audit;
    struct buf words;
    int64_t id = 0;
    int rc = 0;

    a.result = "refused";
    if (!audit_is_kept(a.verb, ask->args))
        return 0;
    rc = core_turn(ask->core);
    rc = rc ? rc : audit_keep(ask->core->store, &a, ask->args, &id);
    buf_init(&words, 4096);
    audit_words(ask->args, buf_view(ask->error), &words);
    rc = rc ? rc : audit_end(ask->core->store, id, "refused", buf_view(&words));
    buf_fini(&words);
    return rc;
}

/* What a remote side was asked for is done now, or not. */
static void order_end(struct control_wait *w, const char *result, const char *words)
{
    int rc = w->order ? core_turn(w->core) : 0;

    if (!w->order)
        return;
    rc = rc ? rc
            : audit_end(w->core->store, w->order, result, words ? view_of(words) : VIEW_NONE);
    w->order = 0;
    if (rc)
        core_row_failed(w->core, "orders", rc);
}

/* Runs the verb inside the turn and under a savepoint, so that one that fails halfway leaves
 * nothing behind; nor does a dry run. */
static int verb_run(struct core *c, control_verb_fn *fn, struct control_ask *ask)
{
    bool dry_run = moves_flag(ask, "dry_run");
    uint64_t version = c->turn->registry->version;
    int rc = 0;

    core_ask(c);
    rc = core_turn(c);

    rc = rc ? rc : store_savepoint(c->store);
    if (rc)
        return rc;
    rc = order_begin(ask);
    rc = rc ? rc : fn(ask);
    if (rc == EXIT_FINE && ask->order && ask->whose && order_names(ask))
        return -EIO;
    if (rc == CONTROL_LATER && !ask->wait->version && ask->order) {
        ask->wait->order = ask->order;
        if (audit_end(c->store, ask->order, "asked", VIEW_NONE))
            return -EIO;
    }
    if ((rc == EXIT_FINE && !dry_run) || rc == CONTROL_LATER)
        return store_release(c->store) ? -EIO : rc;
    if (rc < 0 && core_is_trouble(rc))
        return rc;
    if (store_rollback_to(c->store))
        return -EIO;
    /* the registry in memory goes back with the one in the store */
    if (c->turn->registry->version != version && core_registry_reload(c))
        return -EIO;
    return rc;
}

/* Argument @key as it came, for verbs that take the id of an account or of a channel there. */
static int widen(struct control_ask *ask, const char *key, bool channel)
{
    const struct registry *r = ask->core->turn->registry;
    struct view word = control_arg(ask, key);
    const struct reg_scope *s = NULL;
    const struct reg_channel *ch = NULL;
    size_t n = 0;

    if (channel)
        ch = brief_channel(r, word, &n);
    else
        s = brief_scope(r, word, &n);
    if (n > 1)
        return control_fail(ask, EXIT_FAILED,
                            "the ids of %zu %s begin with %.*s; say more of it, as amoctl %s "
                            "list --json shows it",
                            n, channel ? "channels" : "accounts", (int)word.len, word.ptr,
                            channel ? "channel" : "account");
    if (!ch && !s)
        return 0; /* the verb says what it makes of that */
    ask->cut = key;
    return control_copy(view_of(ch ? ch->id : s->id), &ask->full);
}

static int widen_ids(struct control_ask *ask, struct view verb)
{
    if (view_is(verb, "account.connect") || /* its scope id may be a new one */
        view_is(verb, "refused"))
        return widen(ask, "channel", true);
    if (view_starts(verb, "channel."))
        return widen(ask, "id", true);
    return widen(ask, "scope_id", false);
}

static control_verb_fn *verb_find(const struct core *c, struct view name)
{
    for (size_t i = 0; i < c->control->n_verbs; i++) {
        if (view_is(name, c->control->verbs[i].name))
            return c->control->verbs[i].fn;
    }
    return NULL;
}

static int control_run(struct control_ask *ask, const struct control_call *call)
{
    control_verb_fn *fn = verb_find(ask->core, call->verb);
    int rc = 0;

    if (!fn)
        return control_fail(ask, EXIT_USAGE, "core does not know this verb (older version?)");
    if (json_parse(call->args.ptr ? call->args : VIEW_LIT("{}"), &ask->args) ||
        !json_is_object(json_root(ask->args)))
        return control_fail(ask, EXIT_USAGE, "the arguments are not a JSON object");
    if (moves_flag(ask, "dry_run") && control_kind_of(call->verb) != CONTROL_CHANGES)
        return control_fail(ask, EXIT_USAGE, "this verb changes nothing: it has no dry run");
    rc = widen_ids(ask, call->verb);
    return rc ? rc : verb_run(ask->core, fn, ask);
}

/* What came of it, so far: for the audit line. */
static const char *result_of(int rc, const struct control_wait *wait)
{
    if (rc == CONTROL_LATER)
        return wait->version ? "done" : "asked";
    if (rc == EXIT_FINE)
        return "done";
    return rc < 0 ? "failed" : "refused";
}

static void control_verb(struct core *c, const struct peer *caller, const struct caller *who,
                         const struct control_call *call)
{
    struct json_writer w;
    struct buf json;
    struct buf error;
    char user[AUDIT_USER_MAX] = "";
    struct audit audit = {.who = who, .user = user, .verb = call->verb, .result = "done"};
    struct control_ask ask = {
        .core = c, .w = &w, .error = &error, .user = user, .audit = &audit};
    int rc = 0;

    /* of a mere look it does not matter */
    if (!audit_only_looks(call->verb) || view_find(call->args, "reveal"))
        audit_user(who, user);
    buf_init(&json, LIMIT_CONTROL_BYTES);
    buf_init(&error, 4096);
    json_writer_init(&w, &json);
    rc = control_run(&ask, call);
    audit.result = result_of(rc, ask.wait);
    audit_write(&audit, ask.whose, ask.args);
    if (rc > 0 && rc != CONTROL_LATER && verb_find(c, call->verb)) {
        int kept = order_refused(&ask);

        rc = kept ? kept : rc;
    }
    c->turn->hand = (struct hand){.asked = true};
    if (core_asked(c, "control", rc)) {
        control_answer(c, caller, EXIT_FAILED, VIEW_NONE,
                       "it needs a damaged part of the store: amoctl explain"
                       " the-store-is-damaged");
    } else if (rc < 0 && core_is_trouble(rc)) {
        core_give_up(c, "control", rc);
    } else if (rc < 0) {
        control_answer(c, caller, EXIT_FAILED, VIEW_NONE,
                       "core could not do this; see its log");
        log_failed(LOG_LEVEL_ERROR, "control.failed", store_errno(rc), "sqlite=\"%s\"",
                   store_error(c->store, rc));
    } else if (rc == CONTROL_LATER) {
        ask.wait->caller = *caller;
        /* the document so far is the answer's; the writer's buffer is handed over */
        ask.wait->json = json;
        buf_init(&json, LIMIT_CONTROL_BYTES);
    } else if (buf_error(&json)) {
        control_answer(c, caller, EXIT_FAILED, VIEW_NONE, "the answer is larger than allowed");
    } else {
        /* half a document of what was undone would only mislead */
        bool worth = (rc == EXIT_FINE || ask.whole) && json.len;

        control_send(
            c, caller,
            &(struct control_answer){.code = (uint64_t)rc,
                                     .json = worth ? buf_view(&json) : VIEW_NONE,
                                     .error = error.len ? buf_view(&error) : VIEW_NONE,
                                     .next = ask.next[0] ? view_of(ask.next) : VIEW_NONE});
    }
    c->turn->hand = (struct hand){0};
    json_free(ask.args);
    mem_free(ask.full);
    buf_fini(&json);
    buf_fini(&error);
}

static void control_call(struct core *c, const struct bus_message *m)
{
    const char *words = NULL;
    struct peer caller = {.socket = c->control->socket};
    const struct caller who = bus_message_from(m);
    struct envelope env = {0};
    struct control_call call;
    int rc = envelope_decode(m->head, &env);

    if (rc == ENVELOPE_E_MALFORMED || m->peer.len > sizeof(caller.route))
        return; /* nobody of ours speaks like that */
    memcpy(caller.route, m->peer.ptr, m->peer.len);
    caller.route_len = m->peer.len;
    caller.boot = env.edge_boot;
    if (rc || env.kind != MSG_CONTROL_CALL) {
        /* no memory: as below */
        (void)!peer_post(c, &caller, MSG_REFUSED, NULL,
                         rc ? VIEW_LIT("version not spoken here") : VIEW_LIT("unknown kind"));
        return;
    }
    if (!gate_admits(c, GATE_CONTROL, m, &words))
        control_answer(c, &caller, EXIT_FAILED, VIEW_NONE, words);
    else if (control_call_decode(m->body, &call))
        control_answer(c, &caller, EXIT_USAGE, VIEW_NONE, "malformed call");
    else
        control_verb(c, &caller, &who, &call);
}

static void control_answer(struct core *c, const struct peer *caller, int code,
                           struct view json, const char *error)
{
    control_send(c, caller,
                 &(struct control_answer){
                     .code = (uint64_t)code, .json = json, .error = view_of(error)});
}

static void control_send(struct core *c, const struct peer *caller,
                         const struct control_answer *a)
{
    struct buf body;

    buf_init(&body, LIMIT_FRAME_BYTES);
    /* no memory: amoctl says that nobody answered */
    if (control_answer_encode(a, &body) == 0)
        (void)!peer_post(c, caller, MSG_CONTROL_ANSWER, NULL, buf_view(&body));
    buf_fini(&body);
}

/* --- for verbs ------------------------------------------------------------------------------ */

struct view control_arg(struct control_ask *ask, const char *key)
{
    struct view v = VIEW_NONE;

    if (ask->cut && strcmp(ask->cut, key) == 0)
        return view_of(ask->full);
    if (json_text(ask->args, json_get(json_root(ask->args), key), &v))
        return VIEW_LIT("");
    return v.ptr ? v : VIEW_LIT("");
}

int control_need(struct control_ask *ask, const char *key, struct view *ret)
{
    struct view v = control_arg(ask, key);

    if (v.len == 0)
        return control_fail(ask, EXIT_USAGE, "%s is missing", key);
    if (v.len > LIMIT_ID)
        return control_fail(ask, EXIT_USAGE, "%s is longer than %u bytes", key, LIMIT_ID);
    *ret = v;
    return 0;
}

bool control_page_is_full(struct control_page *p)
{
    int64_t now = clock_mono_us();

    if (p->n == 0)
        p->until_mono_us = now + CONTROL_PAGE_US;
    else if (p->n == CONTROL_PAGE_ROWS || now >= p->until_mono_us)
        return true;
    p->n++;
    return false;
}

void control_go_on(struct control_ask *ask, struct view place)
{
    if (view_copy(place, ask->next, sizeof(ask->next)) == 0) /* all names fit */
        (void)control_fail(ask, EXIT_FINE, "this is the first part of a longer list");
}

int control_fail(struct control_ask *ask, int code, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start stands above */
    (void)vsnprintf(text, sizeof(text), fmt, args); /* a longer sentence is cut */
    va_end(args);
    buf_reset(ask->error);
    (void)buf_add_str(ask->error, text); /* fits */
    return code;
}

int control_would(struct control_ask *ask, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start stands above */
    (void)vsnprintf(text, sizeof(text), fmt, args); /* a longer sentence is cut */
    va_end(args);
    json_add_bool(ask->w, "dry_run", true);
    json_add_text(ask->w, "would", view_cut(view_of(text), sizeof(text)));
    json_close_object(ask->w);
    return EXIT_FINE;
}

int control_unknown(struct control_ask *ask, enum near_what what, struct view word)
{
    static const char *const names[] = {
        [NEAR_ACCOUNT] = "account", [NEAR_CHANNEL] = "channel", [NEAR_CONNECTOR] = "connector"};
    struct buf near;
    int rc = 0;

    buf_init(&near, 512);
    near_words(ask->core->turn->registry, what, word, &near); /* none without memory */
    rc = control_fail(ask, EXIT_FAILED, "no such %s%s; see amoctl %s list", names[what],
                      buf_str(&near), names[what]);
    buf_fini(&near);
    return rc;
}

int control_copy(struct view v, char **ret)
{
    *ret = mem_strndup(v.ptr ? v.ptr : "", v.len);
    return *ret ? 0 : -ENOMEM;
}

const struct reg_scope *control_scope_named(struct control_ask *ask, int *ret_code)
{
    const struct reg_scope *s = NULL;
    struct view id = VIEW_NONE;

    *ret_code = control_need(ask, "scope_id", &id);
    if (*ret_code)
        return NULL;
    s = registry_scope(ask->core->turn->registry, id);
    if (!s)
        *ret_code = control_unknown(ask, NEAR_ACCOUNT, id);
    return s;
}

const struct reg_connector *control_connector_named(struct control_ask *ask, int *ret_code)
{
    const struct reg_connector *con = NULL;
    struct view name = VIEW_NONE;

    *ret_code = control_need(ask, "name", &name);
    if (*ret_code)
        return NULL;
    con = registry_connector(ask->core->turn->registry, name);
    if (!con)
        *ret_code = control_unknown(ask, NEAR_CONNECTOR, name);
    return con;
}

int control_id_of(struct control_ask *ask, const struct json_node *node, int64_t *ret)
{
    if (!json_int(node, ret) || *ret <= 0)
        return control_fail(ask, EXIT_USAGE, "the id is not a number");
    return 0;
}

int control_id_alone(struct control_ask *ask, int64_t id)
{
    json_add_int(ask->w, NULL, id);
    return 0;
}

int control_each_id(struct control_ask *ask, const char *key, const char *would,
                    int (*fn)(struct control_ask *ask, int64_t id))
{
    const struct json_node *ids = json_get(json_root(ask->args), "ids");
    int rc = json_array_len(ids) ? 0 : control_fail(ask, EXIT_USAGE, "no ids");

    if (rc)
        return rc;
    json_open_object(ask->w, NULL);
    json_open_array(ask->w, key);
    for (size_t i = 0; rc == 0 && i < json_array_len(ids); i++) {
        int64_t id = 0;

        rc = control_id_of(ask, json_array_at(ids, i), &id);
        rc = rc ? rc : fn(ask, id);
    }
    json_close_array(ask->w);
    if (rc == 0 && moves_flag(ask, "dry_run"))
        return control_would(ask, "%s: %zu", would, json_array_len(ids));
    json_close_object(ask->w);
    return rc;
}

/* --- waits ---------------------------------------------------------------------------------- */

struct control_wait *control_wait_new(struct core *c, void *arg, void (*fini)(void *arg))
{
    struct control_wait *w = NULL;
    size_t n = 0;

    for (struct list *i = c->control->waits.next; i != &c->control->waits; i = i->next)
        n++;
    w = n < CONTROL_WAITS ? mem_zalloc(sizeof(*w)) : NULL;
    if (!w)
        return NULL;
    w->core = c;
    w->until_mono_ms = clock_mono_ms() + CONTROL_WAIT_MS;
    /* the question it waits for ends first, and still knows @arg then */
    if (arg)
        w->until_mono_ms += CONTROL_GRACE_MS;
    w->arg = arg;
    w->fini = fini;
    buf_init(&w->json, LIMIT_CONTROL_BYTES);
    list_init(&w->link);
    list_add_tail(&c->control->waits, &w->link);
    return w;
}

void *control_wait_arg(struct control_wait *w)
{
    return w->arg;
}

static void control_wait_end(struct control_wait *w)
{
    list_remove(&w->link);
    if (w->fini)
        w->fini(w->arg);
    buf_fini(&w->json);
    mem_free(w);
}

int control_asked(struct control_ask *ask, struct control_wait *w, int rc)
{
    if (rc == 0) {
        ask->wait = w;
        return CONTROL_LATER;
    }
    ask->wait = NULL;
    control_wait_drop(w);
    return rc == -EBUSY ? control_fail(ask, EXIT_FAILED, CONTROL_TOO_MANY) : rc;
}

void control_wait_drop(struct control_wait *w)
{
    control_wait_end(w);
}

int control_wait_registry(struct control_ask *ask)
{
    struct control_wait *w = control_wait_new(ask->core, NULL, NULL);

    if (!w)
        return control_fail(ask, EXIT_FAILED, CONTROL_TOO_MANY);
    w->version = ask->core->turn->registry->version;
    ask->wait = w;
    return CONTROL_LATER;
}

void control_wait_done(struct control_wait *w, int code, struct view json, const char *error)
{
    if (code == EXIT_FINE) {
        order_end(w, "done", NULL);
        buf_reset(&w->json);
        (void)buf_add_view(&w->json, json); /* shorter than its limit */
        w->version = w->core->turn->registry->version;
        return; /* control_tick answers when the edges know */
    }
    control_wait_tell(w, code, json, error);
}

void control_wait_tell(struct control_wait *w, int code, struct view json, const char *error)
{
    order_end(w, code == EXIT_FINE ? "done" : "failed", error);
    control_answer(w->core, &w->caller, code, json, error);
    control_wait_end(w);
}

void control_tick(struct core *c, int64_t now_mono_ms)
{
    struct list *next = NULL;

    control_drop_on(c);
    for (struct list *i = c->control->waits.next; i != &c->control->waits; i = next) {
        struct control_wait *w = LIST_ENTRY(i, struct control_wait, link);

        next = i->next;
        if (w->version && peers_hold_registry(c, w->version, now_mono_ms)) {
            control_answer(c, &w->caller, EXIT_FINE, buf_view(&w->json), NULL);
            control_wait_end(w);
        } else if (now_mono_ms >= w->until_mono_ms) {
            order_end(w, "unanswered", NULL);
            /* what was made (a secret shown once, perhaps) must not be lost with the warning */
            control_answer(c, &w->caller, EXIT_FAILED,
                           w->json.len ? buf_view(&w->json) : VIEW_NONE,
                           w->version ? "stored, but not every ingress knows it yet"
                                      : "no answer within 20 seconds");
            control_wait_end(w);
        }
    }
}

int control_new(struct core *c, const struct control_verb *verbs, size_t n)
{
    struct control *ctl = mem_zalloc(sizeof(*ctl));

    if (!ctl)
        return -ENOMEM;
    c->control = ctl;
    ctl->verbs = verbs;
    ctl->n_verbs = n;
    list_init(&ctl->waits);
    ctl->began_mono_ms = clock_mono_ms();
    return 0;
}

void control_forget_waits(struct core *c)
{
    while (!list_is_empty(&c->control->waits))
        control_wait_end(LIST_ENTRY(c->control->waits.next, struct control_wait, link));
}

void control_free(struct core *c)
{
    if (!c->control)
        return;
    control_drop_abandon(c);
    control_forget_waits(c);
    bus_socket_free(c->control->socket);
    mem_free(c->control);
    c->control = NULL;
}
