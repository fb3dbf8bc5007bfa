/* Verbs about what is under way, what died and what was not understood.
 *
 * From: control.c. To: the store and the queue. Holds: nothing. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "core/control.h"
#include "core/peers.h"
#include "proto/limits.h"

/* how long a service is asked to know the id of a call again (docs/connector.md) */
#define KNOWN_AGAIN_MS INT64_C(86400000)

static void add_time(struct json_writer *w, const char *key, int64_t unix_ms)
{
    char text[CLOCK_ISO_LEN + 1];

    clock_format_iso(unix_ms, text);
    json_add_text(w, key, unix_ms ? view_of(text) : VIEW_NONE);
}

static void peer_json(struct json_writer *w, const struct peer *p)
{
    json_open_object(w, NULL);
    json_add_text(w, "role", view_of(role_name(p->role)));
    json_add_text(w, "name", view_of(p->name));
    json_add_text(w, "version", view_of(p->version));
    json_add_bool(w, "alive", peer_is_alive(p, clock_mono_ms()));
    add_time(w, "since", p->since_unix_ms);
    json_add_int(w, "registry_version", (int64_t)p->registry_version);
    if (p->role == ROLE_INGRESS) {
        json_add_int(w, "spool_events", (int64_t)p->spool_events);
        json_add_int(w, "spool_bytes", (int64_t)p->spool_bytes);
    } else {
        json_add_int(w, "credit", (int64_t)p->credit);
        json_add_int(w, "in_flight", (int64_t)p->n_in_flight);
        json_add_int(w, "busy", (int64_t)p->busy);
    }
    json_close_object(w);
}

static void clock_json(struct control_ask *ask, const char *name)
{
    const struct core *c = ask->core;

    json_open_object(ask->w, name);
    json_add_bool(ask->w, "in_doubt", c->doubt.on);
    json_add_text(ask->w, "why", c->doubt.why ? view_of(c->doubt.why) : VIEW_NONE);
    add_time(ask->w, "trusted_until", c->doubt.trusted_ms);
    add_time(ask->w, "now", clock_unix_ms());
    json_add_int(ask->w, "skew_ms", c->skew_ms);
    json_close_object(ask->w);
}

int verb_clock_show(struct control_ask *ask)
{
    clock_json(ask, NULL);
    return EXIT_FINE;
}

int verb_clock_agree(struct control_ask *ask)
{
    int rc = doubt_agree(ask->core);

    if (rc)
        return rc;
    clock_json(ask, NULL);
    return EXIT_FINE;
}

int verb_status(struct control_ask *ask)
{
    struct core *c = ask->core;
    int64_t dead = 0;
    int64_t quarantine = 0;
    int64_t waiting = 0;
    int rc = store_counts(c->store, &dead, &quarantine, &waiting);

    if (rc)
        return rc;
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "version", VIEW_LIT(AMO_VERSION));
    json_add_int(ask->w, "uptime_s", (clock_mono_ms() - c->began_mono_ms) / 1000);
    json_add_int(ask->w, "registry_version", (int64_t)c->registry->version);
    json_add_int(ask->w, "channels", (int64_t)c->registry->n_channels);
    json_add_int(ask->w, "accounts", (int64_t)c->registry->n_scopes);
    json_add_int(ask->w, "connectors", (int64_t)c->registry->n_connectors);
    json_add_int(ask->w, "commands", (int64_t)queue_count(c->queue));
    json_add_int(ask->w, "dead_letters", dead);
    json_add_int(ask->w, "quarantine", quarantine);
    json_add_int(ask->w, "waiting_events", waiting);
    json_add_int(ask->w, "clock_skew_ms", c->skew_ms);
    clock_json(ask, "clock");
    json_open_array(ask->w, "peers");
    for (struct list *i = c->peers.next; i != &c->peers; i = i->next)
        peer_json(ask->w, LIST_ENTRY(i, struct peer, link));
    json_close_array(ask->w);
    json_close_object(ask->w);
    return EXIT_FINE;
}

int verb_queue(struct control_ask *ask)
{
    struct core *c = ask->core;
    struct core_command *cmd = NULL;
    struct dest *d = NULL;
    size_t iter = 0;

    json_open_array(ask->w, NULL);
    while ((d = table_next(c->queue->dests, &iter))) {
        int64_t oldest = 0;
        size_t inner = 0;

        if (d->n_waiting == 0 && !dest_is_held(d) && !d->paused)
            continue;
        while ((cmd = table_next(c->queue->commands, &inner))) {
            if (cmd->lane->dest == d && (!oldest || cmd->taken_ms < oldest))
                oldest = cmd->taken_ms;
        }
        json_open_object(ask->w, NULL);
        json_add_text(ask->w, "destination", view_of(d->key));
        json_add_int(ask->w, "waiting", (int64_t)d->n_waiting);
        json_add_int(ask->w, "oldest_s", oldest ? (clock_unix_ms() - oldest) / 1000 : 0);
        json_add_text(ask->w, "held",
                      dest_is_held(d) ? view_of(hold_reason_name(d->hold)) : VIEW_NONE);
        json_add_bool(ask->w, "paused", d->paused);
        json_close_object(ask->w);
    }
    json_close_array(ask->w);
    return EXIT_FINE;
}

int verb_conversation_list(struct control_ask *ask)
{
    struct view scope = control_arg(ask, "scope_id");
    int rc = 0;

    json_open_array(ask->w, NULL);
    rc = store_conversations_json(ask->core->store, scope.len ? scope : VIEW_NONE, ask->w);
    json_close_array(ask->w);
    return rc;
}

int control_id_of(struct control_ask *ask, const struct json_node *node, int64_t *ret)
{
    if (!json_int(node, ret) || *ret <= 0)
        return control_fail(ask, EXIT_USAGE, "the id is not a number");
    return 0;
}

int verb_dead_list(struct control_ask *ask)
{
    int rc = 0;

    json_open_array(ask->w, NULL);
    rc = store_dead_json(ask->core->store, 0, ask->w);
    json_close_array(ask->w);
    return rc;
}

int verb_dead_show(struct control_ask *ask)
{
    int64_t id = 0;
    int rc = control_id_of(ask, json_get(json_root(ask->args), "id"), &id);

    if (rc)
        return rc;
    json_open_object(ask->w, NULL);
    rc = store_dead_json(ask->core->store, id, ask->w);
    json_close_object(ask->w);
    return rc == STORE_E_NONE ? control_fail(ask, EXIT_FAILED, "no such dead letter") : rc;
}

static int dead_retry_one(struct control_ask *ask, int64_t id)
{
    struct command_row row;
    bool may_double = false;
    int rc = store_dead_may_double(ask->core->store, id, clock_unix_ms() - KNOWN_AGAIN_MS,
                                   &may_double);

    rc = rc ? rc : store_dead_retry(ask->core->store, id, clock_unix_ms(), &row);

    if (rc == STORE_E_NONE)
        return control_fail(ask, EXIT_FAILED, "no dead letter %lld", (long long)id);
    if (rc == 0 && row.message && command_is_message((enum command_kind)row.kind))
        rc = store_message_state(ask->core->store, row.message, "accepted", 0);
    rc = rc ? rc : core_enqueue(ask->core, &row);
    if (rc == 0) {
        queue_find(ask->core->queue, row.id)->tried = true; /* in its life before */
        ask->core->reach_due = true; /* its account may have left meanwhile */
        json_open_object(ask->w, NULL);
        json_add_int(ask->w, "dead", id);
        json_add_int(ask->w, "command", row.id);
        json_add_text(ask->w, "place", VIEW_LIT("tail of its lane"));
        if (row.kind == COMMAND_SERVICE_MESSAGE) /* amo has no status that says "sent" */
            json_add_text(ask->w, "card",
                          VIEW_LIT("shows -1 until the service says delivered or read"));
        if (may_double)
            json_add_text(ask->w, "warning",
                          VIEW_LIT("the client may get it twice: the service was called for it"
                                   " over a day ago and need not know the call again"));
        json_close_object(ask->w);
    }
    command_row_fini(&row);
    return rc;
}

static int dead_drop_one(struct control_ask *ask, int64_t id)
{
    int rc = store_dead_drop(ask->core->store, id);

    if (rc == STORE_E_NONE)
        return control_fail(ask, EXIT_FAILED, "no dead letter %lld", (long long)id);
    if (rc == 0)
        json_add_int(ask->w, NULL, id);
    return rc;
}

int control_each_id(struct control_ask *ask, const char *key,
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
    json_close_object(ask->w);
    return rc;
}

/* A service is asked to know its calls again for a day. After that a repeat of one that may have had
 * its effect is a second message at the client. */
static int dead_may_go(struct control_ask *ask, int64_t id)
{
    bool may_double = false;
    bool all_the_same = false;
    int rc = store_dead_may_double(ask->core->store, id, clock_unix_ms() - KNOWN_AGAIN_MS,
                                   &may_double);

    if (rc || !may_double ||
        (json_bool(json_get(json_root(ask->args), "may_double"), &all_the_same) &&
         all_the_same))
        return rc;
    return control_fail(ask, EXIT_FAILED,
                        "dead letter %lld may be at the client: the service was called for it"
                        " over a day ago and gave no clear answer, and need not know the call"
                        " again. Look there first; --may-double sends it all the same",
                        (long long)id);
}

/* All or none: which of them exist is asked before anything changes. */
static int dead_exist(struct control_ask *ask, bool retry)
{
    const struct json_node *ids = json_get(json_root(ask->args), "ids");

    if (json_array_len(ids) > LIMIT_LIST_ROWS)
        return control_fail(ask, EXIT_USAGE, "at most %u ids at once", LIMIT_LIST_ROWS);
    for (size_t i = 0; i < json_array_len(ids); i++) {
        struct json_writer w;
        struct buf sink;
        int64_t id = 0;
        int rc = control_id_of(ask, json_array_at(ids, i), &id);

        for (size_t j = 0; rc == 0 && j < i; j++) {
            int64_t other = 0;

            if (json_int(json_array_at(ids, j), &other) && other == id)
                rc = control_fail(ask, EXIT_USAGE, "%lld is named twice", (long long)id);
        }
        buf_init(&sink, 1 << 20);
        json_writer_init(&w, &sink);
        json_open_object(&w, NULL);
        rc = rc ? rc : store_dead_json(ask->core->store, id, &w);
        buf_fini(&sink);
        if (rc == STORE_E_NONE)
            return control_fail(ask, EXIT_FAILED, "no dead letter %lld", (long long)id);
        rc = rc ? rc : store_dead_whole(ask->core->store, id);
        if (rc == STORE_E_ERASED && retry)
            return control_fail(ask, EXIT_FAILED,
                                "dead letter %lld was erased with its person: there is nothing"
                                " to send",
                                (long long)id);
        if (rc && rc != STORE_E_ERASED)
            return rc;
        rc = retry ? dead_may_go(ask, id) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

int verb_dead_retry(struct control_ask *ask)
{
    int rc = dead_exist(ask, true);

    return rc ? rc : control_each_id(ask, "retried", dead_retry_one);
}

int verb_dead_drop(struct control_ask *ask)
{
    int rc = dead_exist(ask, false);

    return rc ? rc : control_each_id(ask, "dropped", dead_drop_one);
}

/* --- trace ---------------------------------------------------------------------------------- */

static const char *message_direction_name(int64_t direction)
{
    if (direction == MESSAGE_IMPORTED)
        return "imported";
    return direction == MESSAGE_OUTBOUND ? "outbound" : "inbound";
}

static void trace_message(struct json_writer *w, const struct message *m)
{
    char trace[ID_TEXT_LEN + 1];

    id_format(&m->trace, trace);
    json_add_text(w, "trace", view_of(trace));
    json_add_text(w, "mid", view_of(m->mid));
    json_add_text(w, "direction", view_of(message_direction_name(m->direction)));
    json_add_text(w, "scope_id", view_of(m->scope));
    json_add_text(w, "connector", view_of(m->connector));
    json_add_text(w, "amo_id", view_of(m->amo_id));
    json_add_text(w, "service_id", view_of(m->service_id));
    json_add_int(w, "conversation", m->conversation);
    json_add_text(w, "state", view_of(m->state));
    json_add_text_if(w, "reason", view_of(m->reason));
    json_add_int(w, "told", m->told == TOLD_DELAYED ? -1 : m->told);
    add_time(w, "taken_at", m->taken_ms);
    add_time(w, "settled_at", m->settled_ms);
    json_add_int(w, "ms", m->settled_ms ? m->settled_ms - m->taken_ms : 0);
}

static void trace_step(struct json_writer *w, int64_t at_ms, const char *what)
{
    json_open_object(w, NULL);
    add_time(w, "at", at_ms);
    json_add_text(w, "what", view_of(what));
    json_close_object(w);
}

static void trace_waiting(struct core *c, const struct message *m, struct json_writer *w)
{
    struct core_command *cmd = NULL;
    size_t iter = 0;

    json_open_array(w, "waiting");
    while ((cmd = table_next(c->queue->commands, &iter))) {
        const struct dest *d = cmd->lane->dest;

        if (cmd->message != m->id)
            continue;
        json_open_object(w, NULL);
        json_add_int(w, "command", cmd->id);
        json_add_text(w, "kind", view_of(command_kind_name((uint64_t)cmd->kind)));
        json_add_text(w, "state", view_of(command_state_name(cmd->state)));
        json_add_int(w, "attempts", cmd->attempts);
        json_add_text(w, "held",
                      dest_is_held(d) ? view_of(hold_reason_name(d->hold)) : VIEW_NONE);
        json_close_object(w);
    }
    json_close_array(w);
}

int verb_trace(struct control_ask *ask)
{
    struct message m = {0};
    struct view id = VIEW_NONE;
    int rc = control_need(ask, "id", &id);

    rc = rc ? rc : store_message_by_any(ask->core->store, id, &m);
    if (rc == STORE_E_NONE)
        return control_fail(ask, EXIT_FAILED, "no message is known by this id");
    if (rc)
        return rc;
    json_open_object(ask->w, NULL);
    json_open_object(ask->w, "message");
    trace_message(ask->w, &m);
    json_close_object(ask->w);
    json_open_array(ask->w, "journey");
    trace_step(ask->w, m.taken_ms, "taken at the door");
    rc = store_attempts_json(ask->core->store, 0, m.id, ask->w);
    if (m.settled_ms)
        trace_step(ask->w, m.settled_ms, m.state);
    json_close_array(ask->w);
    trace_waiting(ask->core, &m, ask->w);
    json_close_object(ask->w);
    message_fini(&m);
    return rc;
}
