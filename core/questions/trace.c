/* `amoctl trace`: the way of one message. */

#include "base/process.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/deliver/resolve.h"
#include "core/peers/peers.h"

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
    json_add_text(w, "state", view_of(message_state_name(m->state)));
    json_add_text_if(w, "reason", view_of(m->reason));
    json_add_int(w, "told", m->reported_status == REPORTED_DELAYED ? -1 : m->reported_status);
    json_add_time(w, "taken_at", m->taken_ms);
    json_add_time(w, "settled_at", m->settled_ms);
    json_add_int(w, "ms", m->settled_ms ? m->settled_ms - m->taken_ms : 0);
}

static void trace_step(struct json_writer *w, int64_t at_ms, const char *what)
{
    json_open_object(w, NULL);
    json_add_time(w, "at", at_ms);
    json_add_text(w, "what", view_of(what));
    json_close_object(w);
}

static int trace_waiting(struct core *c, const struct message *m, struct json_writer *w)
{
    struct core_command *cmd = NULL;
    size_t iter = 0;
    int rc = 0;

    json_open_array(w, "waiting");
    while (rc == 0 && (cmd = table_next(c->queue->commands, &iter))) {
        const struct dest *d = cmd->lane->dest;
        int64_t status = 0;
        int64_t code = 0;

        if (cmd->message != m->id)
            continue;
        json_open_object(w, NULL);
        json_add_int(w, "command", cmd->id);
        json_add_text(w, "kind", view_of(command_kind_name((uint64_t)cmd->kind)));
        rc = resolve_tells(c, cmd, &status, &code);
        store_add_tells(w, status, code);
        json_add_text(w, "state", view_of(command_state_name(cmd->state)));
        json_add_int(w, "attempts", cmd->attempts);
        json_add_text(w, "held",
                      dest_is_held(d) ? view_of(hold_reason_name(d->hold)) : VIEW_NONE);
        json_close_object(w);
    }
    json_close_array(w);
    return rc;
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
    trace_step(ask->w, m.taken_ms, "accepted by ingress");
    rc = store_attempts_json(ask->core->store, 0, m.id, ask->w);
    if (m.settled_ms)
        trace_step(ask->w, m.settled_ms, message_state_name(m.state));
    json_close_array(ask->w);
    rc = rc ? rc : trace_waiting(ask->core, &m, ask->w);
    json_close_object(ask->w);
    message_fini(&m);
    return rc;
}
