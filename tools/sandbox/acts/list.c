/* What: what happened, as lists: oldest first, from a number on, filtered.
 * From: control.
 * To:   the tester.
 * Holds: nothing. */
#include <string.h>

#include "tools/sandbox/acts/answer.h"
#include "tools/sandbox/acts/control.h"
#include "tools/sandbox/amojo/hooks.h"
#include "tools/sandbox/amojo/show.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/http/exchange.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/vec.h"
#include "tools/sandbox/record/journal.h"
#include "tools/sandbox/record/world.h"
#include "tools/sandbox/service/calls.h"
#include "tools/sandbox/service/store.h"

enum {
    LIST_DEFAULT = 1000,
    LIST_MAX = 10000
};

/* The filters of a list; "" = any. */
struct list_filter {
    const char *a;
    const char *b;
    const char *c;
    const char *d;
    const char *e;
};

typedef bool list_fits_fn(const void *entry, const struct list_filter *f);
typedef struct json_object *list_json_fn(const void *entry);

static bool list_is(const char *filter, const char *value)
{
    return !filter[0] || (value && strcmp(filter, value) == 0);
}

/* Every listed struct begins with its number. */
static uint64_t list_seq(const void *entry)
{
    return *(const uint64_t *)entry;
}

/* Index of the first entry after @since; entries are in order of their numbers. */
static size_t list_first(const struct vec *v, size_t low, uint64_t since)
{
    size_t high = v->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (list_seq(v->at[mid]) <= since)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void list_answer(const struct control_request *q, const struct vec *v, size_t first,
                        list_fits_fn *fits, const struct list_filter *f, list_json_fn *json)
{
    int64_t limit = exchange_number(q->x, "limit", LIST_DEFAULT);
    int64_t since = exchange_number(q->x, "since", 0);
    struct json_object *o = NULL;
    struct json_object *items = NULL;
    uint64_t last = 0;
    size_t i = 0;

    if (limit < 1 || limit > LIST_MAX || since < 0) {
        control_refuse(q->x, 400, "bad_value", "limit", "must be 1 to 10000");
        return;
    }
    o = json_object_new_object();
    items = json_object_new_array();
    for (i = list_first(v, first, (uint64_t)since); i < v->n && limit > 0; i++) {
        if (!fits(v->at[i], f))
            continue;
        json_object_array_add(items, json(v->at[i]));
        last = list_seq(v->at[i]);
        limit--;
    }
    json_object_object_add(o, "items", items);
    json_object_object_add(o, "next", i < v->n ? json_object_new_uint64(last) : NULL);
    control_answer(q->x, 200, o);
}

static void list_filter_read(const struct control_request *q, struct list_filter *f,
                             const char *const keys[5])
{
    const char **const places[5] = {&f->a, &f->b, &f->c, &f->d, &f->e};

    for (size_t i = 0; i < 5; i++)
        *places[i] = keys[i] ? exchange_argument(q->x, keys[i]) : "";
}

static bool message_fits(const void *entry, const struct list_filter *f)
{
    const struct amojo_message *m = entry;
    const char *from = f->e[0] ? f->e : "bridge";

    if (strcmp(from, "bridge") == 0 && m->from == FROM_MANAGER)
        return false;
    if (strcmp(from, "bridge") != 0 && strcmp(from, "all") != 0 &&
        strcmp(from, amojo_from_name(m->from)) != 0)
        return false;
    return list_is(f->a, m->chat->scope->id) && list_is(f->b, m->chat->id) &&
           list_is(f->c, m->chat->client_id) && list_is(f->d, m->client_id);
}

static struct json_object *message_json(const void *entry)
{
    return amojo_message_json(entry);
}

void control_list_amojo_messages(struct sandbox *s, const struct control_request *q)
{
    static const char *const keys[5] = {"scope", "chat", "conversation", "msgid", "from"};
    struct list_filter f;

    list_filter_read(q, &f, keys);
    list_answer(q, &s->amojo->messages, s->amojo->first_listed, message_fits, &f, message_json);
}

static bool action_fits(const void *entry, const struct list_filter *f)
{
    const struct amojo_action *a = entry;

    return list_is(f->a, amojo_action_name(a->kind)) &&
           list_is(f->b, a->message ? a->message->id : NULL) &&
           list_is(f->c, a->message ? a->message->client_id : NULL) &&
           list_is(f->d, a->chat ? a->chat->client_id : NULL);
}

static struct json_object *action_json(const void *entry)
{
    return amojo_action_json(entry);
}

void control_list_amojo_actions(struct sandbox *s, const struct control_request *q)
{
    static const char *const keys[5] = {"kind", "id", "msgid", "conversation", NULL};
    struct list_filter f;

    list_filter_read(q, &f, keys);
    list_answer(q, &s->amojo->actions, 0, action_fits, &f, action_json);
}

static bool chat_fits(const void *entry, const struct list_filter *f)
{
    const struct amojo_chat *chat = entry;

    return list_is(f->a, chat->scope->id) && list_is(f->b, chat->client_id);
}

/* Everybody who was ever named as its client. */
static struct json_object *chat_clients(const struct amojo_chat *chat)
{
    struct json_object *list = json_object_new_array();

    for (const struct name *e = names_first(&chat->clients); e;
         e = names_next(&chat->clients, e)) {
        const struct amojo_user *u = e->value;
        struct json_object *o = json_object_new_object();

        jread_add_str(o, "id", u->id);
        jread_add_str_or_null(o, "client_id", u->client_id);
        jread_add_str_or_null(o, "name", u->name);
        jread_add_str_or_null(o, "phone", u->phone);
        jread_add_str_or_null(o, "email", u->email);
        json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *chat_json(const void *entry)
{
    const struct amojo_chat *chat = entry;
    struct json_object *o = json_object_new_object();

    jread_add_uint(o, "seq", chat->seq);
    jread_add_str(o, "scope_id", chat->scope->id);
    jread_add_str(o, "chat", chat->id);
    jread_add_str_or_null(o, "conversation_id", chat->client_id);
    jread_add_str_or_null(o, "phone", chat->user ? chat->user->phone : NULL);
    jread_add_str_or_null(o, "source", chat->source);
    jread_add_uint(o, "messages", chat->messages.n);
    jread_add_bool(o, "write_first", chat->write_first);
    jread_add_bool(o, "lead", chat->lead);
    jread_add_bool(o, "linked", chat->client_id != NULL);
    jread_add_uint(o, "participants", chat->clients.n);
    json_object_object_add(o, "clients", chat_clients(chat));
    return o;
}

void control_list_amojo_chats(struct sandbox *s, const struct control_request *q)
{
    static const char *const keys[5] = {"scope", "conversation", NULL, NULL, NULL};
    struct list_filter f;

    list_filter_read(q, &f, keys);
    list_answer(q, &s->amojo->chats, 0, chat_fits, &f, chat_json);
}

static bool status_fits(const void *entry, const struct list_filter *f)
{
    const struct amojo_status *a = entry;

    return list_is(f->a, a->id) && list_is(f->b, a->scope->id);
}

static struct json_object *status_json(const void *entry)
{
    const struct amojo_status *a = entry;
    struct json_object *o = json_object_new_object();

    jread_add_uint(o, "seq", a->seq);
    jread_add_int(o, "at_ms", a->at_ms);
    jread_add_str(o, "scope_id", a->scope->id);
    jread_add_str(o, "id", a->id);
    jread_add_int(o, "status", a->status);
    json_object_object_add(o, "error_code",
                           a->error_code ? json_object_new_int64(a->error_code) : NULL);
    jread_add_str_or_null(o, "error", a->error);
    jread_add_bool(o, "backwards", a->backwards);
    jread_add_bool(o, "by_edit", a->by_edit);
    return o;
}

void control_list_amojo_statuses(struct sandbox *s, const struct control_request *q)
{
    static const char *const keys[5] = {"id", "scope", NULL, NULL, NULL};
    struct list_filter f;

    list_filter_read(q, &f, keys);
    list_answer(q, &s->amojo->statuses, 0, status_fits, &f, status_json);
}

static bool given_fits(const void *entry, const struct list_filter *f)
{
    const struct service_message *m = entry;

    return list_is(f->a, m->connector->name) && list_is(f->b, m->conversation) &&
           list_is(f->c, m->id);
}

static struct json_object *given_json(const void *entry)
{
    return service_message_json(entry);
}

void control_list_service_messages(struct sandbox *s, const struct control_request *q)
{
    static const char *const keys[5] = {"connector", "conversation", "id", NULL, NULL};
    struct list_filter f;

    list_filter_read(q, &f, keys);
    list_answer(q, &s->service->messages, s->service->first_listed, given_fits, &f, given_json);
}

static bool event_fits(const void *entry, const struct list_filter *f)
{
    const struct service_event *e = entry;

    return list_is(f->a, e->connector->name) && list_is(f->b, e->type);
}

static struct json_object *event_json(const void *entry)
{
    return service_event_json(entry);
}

void control_list_service_events(struct sandbox *s, const struct control_request *q)
{
    static const char *const keys[5] = {"connector", "type", NULL, NULL, NULL};
    struct list_filter f;

    list_filter_read(q, &f, keys);
    list_answer(q, &s->service->events, 0, event_fits, &f, event_json);
}

static bool hook_fits(const void *entry, const struct list_filter *f)
{
    const struct hook_entry *e = entry;

    return list_is(f->a, e->scope_id) && list_is(f->b, e->chat) && list_is(f->c, e->id);
}

static struct json_object *hook_json(const void *entry)
{
    return hook_entry_json(entry);
}

void control_list_webhooks(struct sandbox *s, const struct control_request *q)
{
    static const char *const keys[5] = {"scope", "chat", "id", NULL, NULL};
    struct list_filter f;

    list_filter_read(q, &f, keys);
    list_answer(q, &s->hooks->log, 0, hook_fits, &f, hook_json);
}

static bool call_fits(const void *entry, const struct list_filter *f)
{
    const struct call_entry *e = entry;

    return list_is(f->a, e->connector) && list_is(f->b, e->conversation) &&
           list_is(f->c, call_kind_name(e->kind)) && list_is(f->d, e->id);
}

static struct json_object *call_json(const void *entry)
{
    return call_entry_json(entry);
}

void control_list_client_calls(struct sandbox *s, const struct control_request *q)
{
    static const char *const keys[5] = {"connector", "conversation", "kind", "id", NULL};
    struct list_filter f;

    list_filter_read(q, &f, keys);
    list_answer(q, &s->calls->log, 0, call_fits, &f, call_json);
}

static bool entry_fits(const void *entry, const struct list_filter *f)
{
    const struct journal_entry *e = entry;

    return list_is(f->a, e->side) && list_is(f->b, e->kind) &&
           list_is(f->c, e->verified ? "true" : "false");
}

static struct json_object *entry_json(const void *entry)
{
    return journal_entry_json(entry);
}

void control_list_journal(struct sandbox *s, const struct control_request *q)
{
    static const char *const keys[5] = {"side", "kind", "verified", NULL, NULL};
    struct list_filter f;

    list_filter_read(q, &f, keys);
    list_answer(q, &s->journal.entries, 0, entry_fits, &f, entry_json);
}
