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
    const char *by[5];
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

static bool message_fits(const void *entry, const struct list_filter *f)
{
    const struct amojo_message *m = entry;
    const char *from = f->by[4][0] ? f->by[4] : "bridge";

    if (strcmp(from, "bridge") == 0 && m->from == FROM_MANAGER)
        return false;
    if (strcmp(from, "bridge") != 0 && strcmp(from, "all") != 0 &&
        strcmp(from, amojo_from_name(m->from)) != 0)
        return false;
    return list_is(f->by[0], m->chat->scope->id) && list_is(f->by[1], m->chat->id) &&
           list_is(f->by[2], m->chat->client_id) && list_is(f->by[3], m->client_id);
}

static struct json_object *message_json(const void *entry)
{
    return amojo_message_json(entry);
}

static bool action_fits(const void *entry, const struct list_filter *f)
{
    const struct amojo_action *a = entry;

    return list_is(f->by[0], amojo_action_name(a->kind)) &&
           list_is(f->by[1], a->message ? a->message->id : NULL) &&
           list_is(f->by[2], a->message ? a->message->client_id : NULL) &&
           list_is(f->by[3], a->chat ? a->chat->client_id : NULL);
}

static struct json_object *action_json(const void *entry)
{
    return amojo_action_json(entry);
}

static bool chat_fits(const void *entry, const struct list_filter *f)
{
    const struct amojo_chat *chat = entry;

    return list_is(f->by[0], chat->scope->id) && list_is(f->by[1], chat->client_id);
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

static bool status_fits(const void *entry, const struct list_filter *f)
{
    const struct amojo_status *a = entry;

    return list_is(f->by[0], a->id) && list_is(f->by[1], a->scope->id);
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

static bool given_fits(const void *entry, const struct list_filter *f)
{
    const struct service_message *m = entry;

    return list_is(f->by[0], m->connector->name) && list_is(f->by[1], m->conversation) &&
           list_is(f->by[2], m->id);
}

static struct json_object *given_json(const void *entry)
{
    return service_message_json(entry);
}

static bool event_fits(const void *entry, const struct list_filter *f)
{
    const struct service_event *e = entry;

    return list_is(f->by[0], e->connector->name) && list_is(f->by[1], e->type);
}

static struct json_object *event_json(const void *entry)
{
    return service_event_json(entry);
}

static bool hook_fits(const void *entry, const struct list_filter *f)
{
    const struct hook_entry *e = entry;

    return list_is(f->by[0], e->scope_id) && list_is(f->by[1], e->chat) &&
           list_is(f->by[2], e->id);
}

static struct json_object *hook_json(const void *entry)
{
    return hook_entry_json(entry);
}

static bool call_fits(const void *entry, const struct list_filter *f)
{
    const struct call_entry *e = entry;

    return list_is(f->by[0], e->connector) && list_is(f->by[1], e->conversation) &&
           list_is(f->by[2], call_kind_name(e->kind)) && list_is(f->by[3], e->id);
}

static struct json_object *call_json(const void *entry)
{
    return call_entry_json(entry);
}

static bool entry_fits(const void *entry, const struct list_filter *f)
{
    const struct journal_entry *e = entry;

    return list_is(f->by[0], e->side) && list_is(f->by[1], e->kind) &&
           list_is(f->by[2], e->verified ? "true" : "false");
}

static struct json_object *entry_json(const void *entry)
{
    return journal_entry_json(entry);
}

enum list_log {
    LOG_MESSAGES,
    LOG_CHATS,
    LOG_STATUSES,
    LOG_ACTIONS,
    LOG_GIVEN,
    LOG_EVENTS,
    LOG_HOOKS,
    LOG_CALLS,
    LOG_JOURNAL
};

static const struct list_kind {
    const char *path;
    enum list_log log;
    const char *keys[5]; /* of the filters */
    list_fits_fn *fits;
    list_json_fn *json;
} kinds[] = {
    {"/amojo/messages",
     LOG_MESSAGES,                      {"scope", "chat", "conversation", "msgid", "from"},
     message_fits,                                                                                       message_json},
    {"/amojo/chats",      LOG_CHATS,    {"scope", "conversation"},                          chat_fits,   chat_json   },
    {"/amojo/statuses",   LOG_STATUSES, {"id", "scope"},                                    status_fits, status_json },
    {"/amojo/actions",
     LOG_ACTIONS,                       {"kind", "id", "msgid", "conversation"},
     action_fits,                                                                                        action_json },
    {"/service/messages",
     LOG_GIVEN,                         {"connector", "conversation", "id"},
     given_fits,                                                                                         given_json  },
    {"/service/events",   LOG_EVENTS,   {"connector", "type"},                              event_fits,  event_json  },
    {"/webhooks",         LOG_HOOKS,    {"scope", "chat", "id"},                            hook_fits,   hook_json   },
    {"/client/calls",
     LOG_CALLS,                         {"connector", "conversation", "kind", "id"},
     call_fits,                                                                                          call_json   },
    {"/journal",          LOG_JOURNAL,  {"side", "kind", "verified"},                       entry_fits,  entry_json  },
};

/* What is listed of @kind, and from which entry on. */
static const struct vec *list_log(const struct sandbox *s, enum list_log log, size_t *ret_first)
{
    const struct vec *const logs[] = {
        [LOG_MESSAGES] = &s->amojo->messages, [LOG_CHATS] = &s->amojo->chats,
        [LOG_STATUSES] = &s->amojo->statuses, [LOG_ACTIONS] = &s->amojo->actions,
        [LOG_GIVEN] = &s->service->messages,  [LOG_EVENTS] = &s->service->events,
        [LOG_HOOKS] = &s->hooks->log,         [LOG_CALLS] = &s->calls->log,
        [LOG_JOURNAL] = &s->journal.entries,
    };

    *ret_first = log == LOG_MESSAGES ? s->amojo->first_listed
                 : log == LOG_GIVEN  ? s->service->first_listed
                                     : 0;
    return logs[log];
}

static void list_answer(const struct sandbox *s, struct exchange *x, const struct list_kind *k)
{
    int64_t limit = exchange_number(x, "limit", LIST_DEFAULT);
    int64_t since = exchange_number(x, "since", 0);
    struct list_filter f = {{NULL}};
    size_t first = 0;
    const struct vec *log = list_log(s, k->log, &first);
    struct json_object *o = NULL;
    struct json_object *items = NULL;
    uint64_t last = 0;
    size_t i = 0;

    if (limit < 1 || limit > LIST_MAX || since < 0) {
        control_refuse(x, 400, "bad_value", "limit", "must be 1 to 10000");
        return;
    }
    for (size_t n = 0; n < AMO_COUNT(f.by); n++)
        f.by[n] = k->keys[n] ? exchange_argument(x, k->keys[n]) : "";
    o = json_object_new_object();
    items = json_object_new_array();
    for (i = list_first(log, first, (uint64_t)since); i < log->n && limit > 0; i++) {
        if (!k->fits(log->at[i], &f))
            continue;
        json_object_array_add(items, k->json(log->at[i]));
        last = list_seq(log->at[i]);
        limit--;
    }
    json_object_object_add(o, "items", items);
    json_object_object_add(o, "next", i < log->n ? json_object_new_uint64(last) : NULL);
    control_answer(x, 200, o);
}

bool control_list(struct sandbox *s, struct exchange *x, const char *path)
{
    for (size_t i = 0; i < AMO_COUNT(kinds); i++) {
        if (strcmp(kinds[i].path, path) != 0)
            continue;
        if (strcmp(exchange_method(x), "GET") == 0)
            list_answer(s, x, &kinds[i]);
        else
            control_refuse(x, 405, "wrong_method", "", "not with this method");
        return true;
    }
    return false;
}
