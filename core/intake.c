/* Events become conversations, messages and commands.
 *
 * From: an ingress's spool (EVENT_PUSH), peers.c.
 * To: the store; then queue.c by way of core_enqueue.
 * Holds: nothing; the spool keeps the event until EVENT_TAKEN, which leaves after the commit. */

#include "core/intake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stats.h"
#include "core/lookup.h"
#include "core/router.h"
#include "proto/command.h"
#include "proto/event.h"
#include "proto/limits.h"
#include "proto/session.h"

struct fresh {
    struct list link;
    struct command_row row;
};

static int intake_one(struct core *c, struct peer *p, const msgpack_object *item);
static int intake_quarantine(struct core *c, struct view bytes, const char *reason);
static int apply_message(struct core *c, const struct event *e, const struct plan *p);
static int apply_status(struct core *c, const struct event *e, const struct lookup *l,
                        const struct plan *p);
static int apply_refusal(struct core *c, const struct event *e, struct view bytes,
                         const struct plan *p);

void intake_push(struct core *c, struct peer *p, const struct envelope *env, struct view body)
{
    const msgpack_object *items = NULL;
    const msgpack_object *root = NULL;
    struct pack_doc d;
    struct id spool;
    size_t n = 0;
    int rc = 0;

    (void)env;
    if (pack_doc_open(&d, body)) {
        log_line(LOG_LEVEL_ERROR, "event.push_malformed", "peer=%s", p->name);
        return;
    }
    root = pack_doc_root(&d);
    if (id_from_view(pack_text(pack_get(root, "spool")), &spool) || !p->spool ||
        !id_equal(&spool, &p->spool->id)) {
        log_line(LOG_LEVEL_ERROR, "event.push_of_other_spool", "peer=%s", p->name);
        goto out;
    }
    taken_raise_low(&p->spool->taken, pack_u64(pack_get(root, "low")));
    n = pack_array(root, "events", &items);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = intake_one(c, p, &items[i]);
    if (rc && core_is_trouble(rc))
        core_give_up(c, "intake", rc);
out:
    pack_doc_close(&d);
}

static int intake_one(struct core *c, struct peer *p, const msgpack_object *item)
{
    const msgpack_object *o = item->via.array.ptr;
    uint64_t number = 0;
    int rc = 0;

    if (item->type != MSGPACK_OBJECT_ARRAY || item->via.array.size < 2)
        return 0;
    number = pack_u64(&o[0]);
    rc = core_turn(c);
    if (rc)
        return rc;
    if (taken_has(&p->spool->taken, number)) {
        stat_add(c->n_repeats, 1);
        return pairs_add(&p->acks, number, number);
    }
    /* Marked first: what follows either stands or ends this process with the mark. */
    rc = taken_add(&p->spool->taken, number);
    if (rc) {
        log_line(LOG_LEVEL_ERROR, "event.too_many_gaps", "peer=%s", p->name);
        return rc; /* not taken: the spool sends it again when the gaps are filled */
    }
    rc = intake_event(c, pack_text(&o[1]), item->via.array.size > 2 && pack_bool(&o[2]));
    if (rc)
        return rc;
    p->spool->dirty = true;
    stat_add(c->n_events, 1);
    return pairs_add(&p->acks, number, number);
}

int intake_event(struct core *c, struct view bytes, bool suspect)
{
    int rc = store_savepoint(c->store);

    if (rc)
        return rc;
    rc = suspect ? intake_quarantine(c, bytes, "suspect") : intake_apply(c, bytes);
    if (rc == 0)
        rc = store_release(c->store);
    if (rc == 0) {
        /* what is stored must be in the queue: else start anew from the store */
        return intake_keep(c) ? -EIO : 0;
    }
    intake_forget(c);
    if (core_is_trouble(rc))
        return rc;
    log_line(LOG_LEVEL_ERROR, "event.failed", "error=%d", -rc);
    rc = store_rollback_to(c->store);
    return rc ? rc : intake_quarantine(c, bytes, "failed");
}

static int intake_quarantine(struct core *c, struct view bytes, const char *reason)
{
    struct event e = {0};
    char trace[ID_TEXT_LEN + 1];

    /* what cannot even be decoded, or killed us perhaps, is kept as bytes, unread */
    if (strcmp(reason, "suspect") == 0 || event_decode(bytes, &e))
        memset(&e, 0, sizeof(e));
    id_format(&e.trace, trace);
    log_line(LOG_LEVEL_WARN, "event.quarantined", "trace=%s kind=%s reason=%s", trace,
             event_kind_name(e.kind), reason);
    stat_add(c->n_quarantined, 1);
    return store_quarantine_add(c->store, reason, bytes, e.scope, e.connector, e.kind, &e.trace,
                                clock_unix_ms());
}

/* --- applying ------------------------------------------------------------------------------- */

static int apply_plan(struct core *c, const struct event *e, struct view bytes,
                      const struct lookup *l, const struct plan *p)
{
    char key[2 * LIMIT_ID];

    switch (p->verdict) {
    case VERDICT_APPLY:
        return apply_message(c, e, p);
    case VERDICT_NOTHING:
        log_line(LOG_LEVEL_DEBUG, "event.nothing", "kind=%s reason=%s",
                 event_kind_name(e->kind), p->reason);
        return apply_status(c, e, l, p);
    case VERDICT_STATUS:
        return apply_status(c, e, l, p);
    case VERDICT_WAIT:
        if (c->n_waiting_statuses >= LIMIT_WAITING_STATUS)
            return intake_quarantine(c, bytes, "too_many_waiting");
        if (snprintf(key, sizeof(key), "s%.*s/%.*s", (int)e->connector.len, e->connector.ptr,
                     (int)e->message_id.len, e->message_id.ptr) >= (int)sizeof(key))
            return -EINVAL;
        c->n_waiting_statuses++;
        return store_waiting_add(c->store, key, bytes,
                                 clock_unix_ms() + command_life_ms(COMMAND_AMO_STATUS));
    case VERDICT_QUARANTINE:
        return intake_quarantine(c, bytes, p->reason);
    case VERDICT_REFUSE:
        return apply_refusal(c, e, bytes, p);
    }
    return -EINVAL;
}

int intake_apply(struct core *c, struct view bytes)
{
    int64_t days = (int64_t)config_number(c->config, "retention/messages_days");
    struct lookup l = {0};
    struct event e;
    struct plan p;
    int rc = event_decode(bytes, &e);

    if (rc)
        return rc < 0 ? rc : -EBADMSG;
    rc = lookup_event(c, &e, &l);
    rc = rc ? rc : router_route(&e, &l.mapping, e.taken_ms - days * 24 * 3600 * 1000, &p);
    rc = rc ? rc : apply_plan(c, &e, bytes, &l, &p);
    lookup_fini(&l);
    return rc;
}

static int set_text(char **field, struct view v)
{
    char *copy = NULL;

    if (v.len == 0)
        return 0;
    copy = mem_strndup(v.ptr, v.len);
    if (!copy)
        return -ENOMEM;
    mem_free(*field);
    *field = copy;
    return 0;
}

/* The same for a conversation that may know it already: @changed tells whether a row must be
 * written, because each write touches indexes with random keys. */
static int learn_text(char **field, struct view v, bool *changed)
{
    if (v.len == 0 || (*field && view_is(v, *field)))
        return 0;
    *changed = true;
    return set_text(field, v);
}

static int learn_from_manager(struct conversation *conv, const struct event *e,
                              const struct plan *p, bool *changed)
{
    int rc = 0;

    if (p->new_chat || !conv->chat_id || !view_is(e->chat_id, conv->chat_id)) {
        /* answers go to the chat that was written to last; amo links it with the next
         * message from the client */
        rc = learn_text(&conv->chat_id, e->chat_id, changed);
        rc = rc ? rc : learn_text(&conv->user_ref, e->receiver_id, changed);
        conv->linked = e->chat_client_id.len > 0;
        *changed = true;
    }
    if (!conv->phone)
        rc = rc ? rc : learn_text(&conv->phone, view_of(p->phone), changed);
    if (!conv->name)
        rc = rc ? rc : learn_text(&conv->name, e->receiver_name, changed);
    return rc;
}

/* What an event newly says about its conversation. */
static int conversation_learn(struct conversation *conv, const struct event *e,
                              const struct plan *p, bool *changed)
{
    int rc = 0;

    if (e->kind == EVENT_AMO_MESSAGE)
        return learn_from_manager(conv, e, p, changed);
    if (p->adopt)
        rc = learn_text(&conv->service_id, e->conversation, changed);
    /* it is found by source and id: a source that was not known counts from now on */
    if (conv->source[0] == '\0')
        rc = rc ? rc : learn_text(&conv->source, p->source, changed);
    rc = rc ? rc : learn_text(&conv->contact, e->sender_id, changed);
    rc = rc ? rc : learn_text(&conv->name, e->sender_name, changed);
    return rc ? rc : learn_text(&conv->phone, view_of(p->phone), changed);
}

static int conversation_new(struct core *c, const struct event *e, const struct plan *p,
                            struct conversation *conv)
{
    bool from_amo = e->kind == EVENT_AMO_MESSAGE;
    const struct reg_scope *scope = NULL;
    bool changed = false;
    bool known = false;
    int rc = 0;

    scope = from_amo ? registry_scope(c->registry, e->scope)
                     : registry_scope_of_source(c->registry, e->connector, p->source, &known);
    if (!scope)
        return -EINVAL;
    rc = set_text(&conv->connector, view_of(scope->connector));
    conv->source = mem_strndup(p->source.ptr ? p->source.ptr : "", p->source.len);
    rc = conv->source ? rc : -ENOMEM;
    rc = rc ? rc : set_text(&conv->scope, view_of(scope->id));
    rc = rc ? rc : set_text(&conv->client_id, view_of(p->client_id));
    rc = rc ? rc : set_text(&conv->user_id, view_of(p->user_id));
    if (!from_amo)
        rc = rc ? rc : set_text(&conv->service_id, e->conversation);
    rc = rc ? rc : conversation_learn(conv, e, p, &changed);
    return rc ? rc : store_conversation_add(c->store, conv);
}

/* The conversation of the plan, made or brought up to date. */
static int conversation_for(struct core *c, const struct event *e, const struct plan *p,
                            struct conversation *conv)
{
    bool changed = false;
    int rc = 0;

    if (!p->conversation) {
        rc = conversation_new(c, e, p, conv);
        changed = true;
    } else {
        rc = store_conversation(c->store, p->conversation->id, conv);
        rc = rc == STORE_E_NONE ? -EINVAL : rc;
        rc = rc ? rc : conversation_learn(conv, e, p, &changed);
        if (rc == 0 && changed)
            rc = store_conversation_update(c->store, conv);
    }
    if (rc == 0 && changed && e->kind == EVENT_AMO_MESSAGE)
        rc = store_chat_put(c->store, e->scope, e->chat_id, conv->id);
    return rc;
}

/* Two lanes a conversation: towards amo and towards the service. */
static int64_t lane_of(int64_t conversation, bool to_amo)
{
    return conversation * 2 + (to_amo ? 0 : 1);
}

static int fresh_add(struct core *c, struct command_row *row, const struct command *body)
{
    struct fresh *f = mem_zalloc(sizeof(*f));
    struct buf packed;
    int rc = -ENOMEM;

    buf_init(&packed, LIMIT_FRAME_BYTES);
    if (f)
        rc = command_encode(body, &packed);
    if (rc == 0) {
        row->body = packed.ptr;
        row->body_len = packed.len;
        rc = store_command_add(c->store, row, &row->id);
        row->body = NULL;
    }
    buf_fini(&packed);
    if (rc) {
        command_row_fini(row);
        mem_free(f);
        return rc;
    }
    f->row = *row;
    list_init(&f->link);
    list_add_tail(&c->fresh, &f->link);
    return 0;
}

int intake_keep(struct core *c)
{
    int rc = 0;

    while (rc == 0 && !list_is_empty(&c->fresh)) {
        struct fresh *f = LIST_ENTRY(c->fresh.next, struct fresh, link);

        list_remove(&f->link);
        rc = core_enqueue(c, &f->row);
        command_row_fini(&f->row);
        mem_free(f);
    }
    intake_forget(c);
    return rc;
}

void intake_forget(struct core *c)
{
    while (!list_is_empty(&c->fresh)) {
        struct fresh *f = LIST_ENTRY(c->fresh.next, struct fresh, link);

        list_remove(&f->link);
        command_row_fini(&f->row);
        mem_free(f);
    }
}

/* What does not change until it is sent; ids are resolved when it is dispatched. */
static void message_body(const struct event *e, const struct plan *p, struct command *body)
{
    bool to_amo = e->kind == EVENT_SERVICE_MESSAGE;

    body->kind = to_amo ? COMMAND_AMO_MESSAGE : COMMAND_SERVICE_MESSAGE;
    body->trace = e->trace;
    body->key = view_of(p->mid);
    body->type = e->type;
    body->text = e->text;
    body->sent_ms = e->sent_ms ? e->sent_ms : e->taken_ms;
    body->silent = e->silent;
    body->source = p->source;
    if (to_amo) {
        body->sender_name = e->sender_name;
        body->sender_phone = e->sender_phone;
        body->sender_email = e->sender_email;
        body->sender_avatar = e->sender_avatar;
        body->sender_link = e->sender_link;
        return;
    }
    body->author = e->sender_id;
    body->receiver_name = e->receiver_name;
}

static int apply_message(struct core *c, const struct event *e, const struct plan *p)
{
    bool to_amo = e->kind == EVENT_SERVICE_MESSAGE;
    struct conversation conv = {0};
    struct command_row row = {0};
    struct command body = {0};
    struct message m = {0};
    char room[LOG_VALUE_MAX];
    char trace[ID_TEXT_LEN + 1];
    char state[] = "accepted";
    int rc = conversation_for(c, e, p, &conv);

    if (rc)
        goto out;
    m.direction = to_amo ? MESSAGE_INBOUND : MESSAGE_OUTBOUND;
    m.conversation = conv.id;
    m.mid = mem_strdup(p->mid);
    m.scope = conv.scope;
    m.connector = conv.connector;
    m.state = state;
    m.taken_ms = e->taken_ms;
    m.trace = e->trace;
    rc = m.mid ? set_text(to_amo ? &m.service_id : &m.amo_id, e->message_id) : -ENOMEM;
    rc = rc ? rc : store_message_add(c->store, &m, &row.message);
    mem_free(m.mid);
    mem_free(to_amo ? m.service_id : m.amo_id);
    if (rc)
        goto out;
    row.lane = lane_of(conv.id, to_amo);
    message_body(e, p, &body);
    row.kind = (int64_t)body.kind;
    row.taken_ms = e->taken_ms;
    row.scope = mem_strdup(conv.scope);
    row.connector = mem_strdup(conv.connector);
    if (row.scope && row.connector) {
        rc = fresh_add(c, &row, &body);
    } else {
        command_row_fini(&row);
        rc = -ENOMEM;
    }
    id_format(&e->trace, trace);
    if (rc == 0)
        log_line(LOG_LEVEL_INFO, "event.taken", "trace=%s kind=%s mid=%s", trace,
                 event_kind_name(e->kind), log_value(view_of(p->mid), room));
out:
    conversation_fini(&conv);
    return rc;
}

/* NOLINTNEXTLINE(readability-function-size): the arguments are the fields of one row */
int intake_tell_status(struct core *c, struct view scope, int64_t conversation, int64_t message,
                       struct view amo_id, int64_t code, int64_t error_code,
                       struct view error_text, const struct id *trace, int64_t taken_ms)
{
    struct command_row row = {.lane = conversation ? lane_of(conversation, true) : 0,
                              .kind = COMMAND_AMO_STATUS,
                              .message = message,
                              .taken_ms = taken_ms};
    struct command body = {.kind = COMMAND_AMO_STATUS,
                           .trace = *trace,
                           .message_id = amo_id,
                           .status_code = code,
                           .error_code = error_code,
                           .error_text = code == -1 ? error_text : VIEW_NONE};
    int rc = 0;

    if (amo_id.len == 0)
        return 0; /* amo never named it: nobody could be told */
    row.scope = mem_strndup(scope.ptr, scope.len);
    if (!row.scope)
        return -ENOMEM;
    rc = fresh_add(c, &row, &body);
    return rc || !message ? rc : store_message_told(c->store, message, code);
}

/* A status may also teach the conversation's id at the service. */
static int status_learn(struct core *c, const struct event *e, const struct message *named)
{
    struct conversation conv = {0};
    int rc = store_conversation(c->store, named->conversation, &conv);

    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    if (!conv.service_id) {
        rc = set_text(&conv.service_id, e->conversation);
        rc = rc ? rc : store_conversation_update(c->store, &conv);
        if (rc == -EEXIST)
            rc = 0; /* another conversation has that id: the client wrote before we learnt it */
    }
    conversation_fini(&conv);
    return rc;
}

static int apply_status(struct core *c, const struct event *e, const struct lookup *l,
                        const struct plan *p)
{
    const struct message *named = l->mapping.named;
    int rc = 0;

    if (named && p->adopt)
        rc = status_learn(c, e, named);
    if (rc || !named || p->verdict != VERDICT_STATUS)
        return rc;
    return intake_tell_status(c, view_of(named->scope), named->conversation, named->id,
                              view_of(named->amo_id), p->status_code, p->error_code,
                              p->error_text, &e->trace, e->taken_ms);
}

static int apply_refusal(struct core *c, const struct event *e, struct view bytes,
                         const struct plan *p)
{
    int rc = intake_quarantine(c, bytes, p->reason);

    return rc ? rc
              : intake_tell_status(c, e->scope, 0, 0, e->message_id, p->status_code,
                                   p->error_code, p->error_text, &e->trace, e->taken_ms);
}
