/* Rows of events that are no messages, or not yet.
 *
 * From: the verbs that list messages. To: the store, which is only read. Holds: nothing. */

#include "core/questions/kept.h"

#include "base/clock.h"
#include "base/json.h"
#include "core/control/control.h"
#include "core/model/message.h"
#include "core/questions/mask.h"
#include "core/questions/named.h"
#include "core/questions/waiting.h"
#include "core/questions/why.h"
#include "proto/event.h"
#include "proto/limits.h"

struct looking {
    struct core *core;
    enum kept_place place;
    const struct kept_filter *filter;
    struct json_writer *w; /* NULL: it is only asked whether it fits */
    bool fits;
};

/* --- what it is --------------------------------------------------------------------------------- */

static const char *state_of(enum kept_place place, struct view name)
{
    if (place == KEPT_QUARANTINE)
        return "quarantined";
    return name.len && name.ptr[0] == 'b' ? "set_aside" : "waiting";
}

bool kept_has_state(enum kept_place place, struct view state)
{
    bool quarantined = view_is(state, "quarantined");

    if (!state.ptr)
        return true;
    return place == KEPT_QUARANTINE ? quarantined
                                    : view_is(state, "waiting") || view_is(state, "set_aside");
}

/* As why_waiting() has them in words. */
const char *kept_waits_for(struct view key)
{
    switch (key.len ? key.ptr[0] : '\0') {
    case 'b':
        return "room";
    case 'e':
    case 'o':
        return "echo";
    case 'n':
        return "conversation";
    default:
        return "unknown_message";
    }
}

static struct view reason_of(enum kept_place place, const struct kept_row *row)
{
    return place == KEPT_QUARANTINE ? row->name : view_of(kept_waits_for(row->name));
}

static bool is_from_amo(const struct event *e)
{
    return e->connector.len == 0;
}

/* Which way the message goes that it is, or is about; 0: it is not known. */
static int64_t direction_of(const struct event *e)
{
    switch ((enum event_kind)e->kind) {
    case EVENT_AMO_MESSAGE:
    case EVENT_AMO_REACTION:
    case EVENT_AMO_TYPING:
    case EVENT_SERVICE_STATUS:
        return MESSAGE_OUTBOUND;
    case EVENT_SERVICE_MESSAGE:
        return e->outgoing ? MESSAGE_IMPORTED : MESSAGE_INBOUND;
    case EVENT_SERVICE_EDIT:
    case EVENT_SERVICE_REACTION:
    case EVENT_SERVICE_TYPING:
        return MESSAGE_INBOUND;
    case EVENT_QUARANTINE:
        return is_from_amo(e) ? MESSAGE_OUTBOUND : MESSAGE_INBOUND;
    case EVENT_DOOR_TEST:
        break;
    }
    return 0;
}

/* A message's own, or what else it is. */
static struct view type_of(const struct event *e)
{
    switch ((enum event_kind)e->kind) {
    case EVENT_AMO_MESSAGE:
    case EVENT_SERVICE_MESSAGE:
        return e->content.type;
    case EVENT_AMO_REACTION:
    case EVENT_SERVICE_REACTION:
        return VIEW_LIT("reaction");
    case EVENT_AMO_TYPING:
    case EVENT_SERVICE_TYPING:
        return VIEW_LIT("typing");
    case EVENT_SERVICE_STATUS:
        return VIEW_LIT("status");
    case EVENT_SERVICE_EDIT:
        return VIEW_LIT("edit");
    case EVENT_QUARANTINE:
    case EVENT_DOOR_TEST:
        break;
    }
    return VIEW_NONE;
}

/* --- does it fit? ------------------------------------------------------------------------------- */

/* One that is not known is no other one. */
static bool is_other(struct view one, struct view other)
{
    return one.len && other.len && !view_equal(one, other);
}

/* It was found by a name that others may have as well: a phone, or a service's own number of a conversation. */
static bool is_of_conversation(const struct kept_filter *f, const struct event *e)
{
    const struct conversation *c = f->conversation;

    if (!is_from_amo(e))
        return view_is(e->connector, c->connector) && !is_other(e->source, view_of(c->source));
    if (kept_who_has(f->who, e->chat_id))
        return true; /* amo gives no id twice */
    return view_is(e->scope, c->scope) && !is_other(e->source, view_of(c->source));
}

/* What is known of one without its event, too. */
struct seen {
    const struct event *event; /* NULL: it is kept unread, or its person was erased */
    struct view scope;         /* VIEW_NONE: not known, or not looked for */
    struct view connector;     /* the same, or amo sent it */
    bool unread;
};

/* A service names no account: what core knew of it then, or would make of it now. */
static struct view scope_of(const struct core *c, const struct kept_row *row,
                            const struct event *e)
{
    const struct reg_scope *scope = NULL;
    bool known = false;

    if (e->scope.len)
        return e->scope;
    if (row->scope.len)
        return row->scope;
    scope = registry_scope_of_source(c->turn->registry, e->connector, e->source, &known);
    return scope ? view_of(scope->id) : VIEW_NONE;
}

static bool fits(const struct looking *l, const struct kept_row *row, const struct seen *seen)
{
    const struct kept_filter *f = l->filter;
    int64_t direction = seen->event ? direction_of(seen->event) : 0;

    if ((f->state.ptr && !view_is(f->state, state_of(l->place, row->name))) ||
        (f->reason.ptr && !view_equal(f->reason, reason_of(l->place, row))))
        return false;
    if (seen->unread)
        return !f->conversation;
    if ((f->scope.ptr && !view_equal(f->scope, seen->scope)) ||
        (f->connector.ptr && !view_equal(f->connector, seen->connector)) ||
        (f->source.ptr && seen->event && !view_equal(f->source, seen->event->source)))
        return false;
    if (f->direction && direction &&
        (direction == MESSAGE_INBOUND) != (f->direction == MESSAGE_INBOUND))
        return false;
    return !f->conversation || (seen->event && is_of_conversation(f, seen->event));
}

/* --- a row -------------------------------------------------------------------------------------- */

static void add_why(struct looking *l, const struct kept_row *row, struct buf *words)
{
    if (l->place == KEPT_QUARANTINE) {
        why_quarantined(row->id, row->name, words);
        if (!row->kind)
            (void)buf_add_str(words, "; it is kept unread, so nobody knows whose it is");
    } else {
        const struct waiting_row waiting = {
            .id = row->id, .key = row->name, .event = row->event, .until_ms = row->until_ms};

        why_waiting(&waiting, words);
    }
}

static int find_conversation(struct core *c, const struct event *e, struct conversation *ret)
{
    int rc = STORE_E_NONE;

    if (is_from_amo(e) && e->chat_id.len)
        rc = store_conversation_by_chat(c->store, e->scope, e->chat_id, ret);
    else if (!is_from_amo(e) && e->conversation.len)
        rc = store_conversation_by_service(c->store, e->connector, e->source, e->conversation,
                                           ret);
    return rc == STORE_E_NONE ? 0 : rc;
}

/* Of whoever has no conversation it is told as much as leads to him. */
static int person_json(struct looking *l, const struct event *e, struct json_writer *w)
{
    bool by_sender = !is_from_amo(e) && !e->outgoing;
    struct conversation c = {0};
    int rc = find_conversation(l->core, e, &c);

    if (rc == 0 && c.id) {
        json_add_int(w, "conversation", c.id);
    } else if (rc == 0) {
        json_add_null(w, "conversation");
        json_add_text_if(w, "chat_id", e->chat_id);
        mask_add_phone(w, "phone", by_sender ? e->sender_phone : e->receiver_phone,
                       l->filter->reveal);
        mask_add_name(w, "name", by_sender ? e->sender_name : e->receiver_name,
                      l->filter->reveal);
    }
    conversation_fini(&c);
    return rc;
}

static int event_json(struct looking *l, const struct event *e, struct view scope_id,
                      struct json_writer *w)
{
    const struct reg_scope *scope = registry_scope(l->core->turn->registry, scope_id);
    char trace[ID_TEXT_LEN + 1];
    int64_t direction = direction_of(e);
    int rc = 0;

    json_add_text(w, "kind", view_of(event_kind_name(e->kind)));
    if (direction)
        json_add_text(w, "direction", view_of(named_direction(direction)));
    json_add_text(w, "written_in", is_from_amo(e) ? VIEW_LIT("amo") : VIEW_LIT("service"));
    json_add_text(w, "type", type_of(e));
    json_add_time(w, "taken_at", e->taken_ms);
    if (e->content.text.len)
        json_add_int(w, "text_chars", (int64_t)mask_chars(e->content.text));
    if (l->filter->reveal)
        json_add_text_if(w, "text", e->content.text);
    rc = person_json(l, e, w);
    json_add_text(w, "connector", e->connector);
    json_add_text(w, "source", e->source);
    json_add_text(w, "scope_id", scope_id);
    json_add_text(w, "account", scope ? view_of(scope->title) : VIEW_NONE);
    json_add_text(w, is_from_amo(e) ? "amo_id" : "service_id", e->message_id);
    id_format(&e->trace, trace);
    json_add_text(w, "trace", id_is_zero(&e->trace) ? VIEW_NONE : view_of(trace));
    return rc;
}

static int row_json(struct looking *l, const struct kept_row *row, const struct seen *seen)
{
    struct json_writer *w = l->w;
    struct buf words;
    int rc = 0;

    json_open_object(w, NULL);
    json_add_time(w, "at", row->at_ms);
    json_add_text(w, "state", view_of(state_of(l->place, row->name)));
    json_add_text(w, "reason", reason_of(l->place, row));
    json_add_int(w, l->place == KEPT_QUARANTINE ? "entry" : "event", row->id);
    if (!row->event.ptr)
        json_add_bool(w, "erased", true);
    buf_init(&words, WHY_MAX);
    add_why(l, row, &words);
    rc = waiting_why(w, buf_error(&words), &words);
    if (rc == 0 && seen->event)
        rc = event_json(l, seen->event, seen->scope, w);
    json_close_object(w);
    return rc;
}

static int look_at(void *arg, const struct kept_row *row)
{
    struct looking *l = arg;
    struct seen seen = {.scope = row->scope, .connector = row->connector};
    struct event e = {0};
    int read = PACK_E_MALFORMED;

    if (row->event.ptr && (l->place == KEPT_WAITING || row->kind))
        read = event_decode(row->event, &e);
    seen.unread = read && row->event.ptr;
    if (read == 0) {
        seen.event = &e;
        seen.connector = e.connector;
        if (l->w || l->filter->scope.ptr)
            seen.scope = scope_of(l->core, row, &e);
    }
    l->fits = fits(l, row, &seen);
    return l->fits && l->w ? row_json(l, row, &seen) : 0;
}

int kept_json(struct core *c, enum kept_place place, int64_t id, const struct kept_filter *f,
              struct json_writer *w, bool *ret_fits)
{
    struct looking l = {.core = c, .place = place, .filter = f, .w = w};
    int rc = store_kept_row(c->store, place, id, look_at, &l);

    *ret_fits = l.fits;
    return rc == STORE_E_NONE ? 0 : rc;
}

/* --- how many ----------------------------------------------------------------------------------- */

static int count(struct core *c, enum kept_place place, const struct kept_filter *f,
                 int64_t until_mono_us, int64_t *ret_n)
{
    const struct kept_range range = {
        .place = place, .who = f->who, .before = {.taken_ms = INT64_MAX, .id = INT64_MAX}
    };
    struct message_at at[KEPT_COUNTED];
    size_t n = 0;
    int rc = store_kept_newest(c->store, &range, at, KEPT_COUNTED, &n);

    *ret_n = 0;
    for (size_t i = 0; rc == 0 && i < n && (i == 0 || clock_mono_us() < until_mono_us); i++) {
        bool is_one = false;

        rc = kept_json(c, place, at[i].id, f, NULL, &is_one);
        *ret_n += is_one;
    }
    return rc;
}

int kept_counts_json(struct core *c, const struct conversation *conv, int64_t until_mono_us,
                     struct json_writer *w)
{
    struct kept_who who = {.n = 0};
    const struct kept_filter f = {.conversation = conv, .who = &who};
    int64_t quarantined = 0;
    int64_t waiting = 0;
    int rc = store_kept_who(c->store, conv, &who);

    rc = rc ? rc : count(c, KEPT_QUARANTINE, &f, until_mono_us, &quarantined);
    rc = rc ? rc : count(c, KEPT_WAITING, &f, until_mono_us, &waiting);
    kept_who_fini(&who);
    if (rc == 0) {
        json_add_int(w, "quarantined", quarantined);
        json_add_int(w, "events_waiting", waiting);
    }
    return rc;
}
