/* What: what happened, as lists: oldest first, from a number on, filtered.
 * From: control.
 * To:   the tester.
 * Holds: nothing. */
#include "tools/sandbox/acts/list.h"

#include <string.h>

#include "tools/sandbox/acts/answer.h"
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

/* What the filters of a list ask for, by its keys; "" = any. */
struct list_filter {
    const char *by[5];
};

/* Is each of the first @n filters met by its value (NULL = none)? */
static bool list_fits(const struct list_filter *f, size_t n, const char *const *values)
{
    bool fits = true;

    for (size_t i = 0; i < n; i++)
        fits = fits && (!f->by[i][0] || (values[i] && strcmp(f->by[i], values[i]) == 0));
    return fits;
}

#define LIST_FITS(f, ...)                                                                      \
    list_fits(f, AMO_COUNT(((const char *[]){__VA_ARGS__})), (const char *[]){__VA_ARGS__})

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
    return LIST_FITS(f, m->chat->scope->id, m->chat->id, m->chat->client_id, m->client_id);
}

static bool chat_fits(const void *entry, const struct list_filter *f)
{
    const struct amojo_chat *chat = entry;

    return LIST_FITS(f, chat->scope->id, chat->client_id);
}

/* Everybody who was ever named as its client. */
static void chat_add_clients(const struct amojo_chat *chat, struct json_object *list)
{
    for (const struct name *e = names_first(&chat->clients); e;
         e = names_next(&chat->clients, e)) {
        const struct amojo_user *u = e->value;
        struct json_object *o = jread_append_object(list);

        jread_add_str(o, "id", u->id);
        jread_add_str_or_null(o, "client_id", u->client_id);
        jread_add_str_or_null(o, "name", u->name);
        jread_add_str_or_null(o, "phone", u->phone);
        jread_add_str_or_null(o, "email", u->email);
    }
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
    chat_add_clients(chat, jread_add_array(o, "clients"));
    return o;
}

static bool given_fits(const void *entry, const struct list_filter *f)
{
    const struct service_message *m = entry;

    return LIST_FITS(f, m->connector->name, m->conversation, m->id);
}

static bool hook_fits(const void *entry, const struct list_filter *f)
{
    const struct hook_entry *e = entry;

    return LIST_FITS(f, e->scope_id, e->chat, e->id);
}

static bool call_fits(const void *entry, const struct list_filter *f)
{
    const struct call_entry *e = entry;

    return LIST_FITS(f, e->connector, e->conversation, call_kind_name(e->kind), e->id);
}

/* What a journal holds is JSON: the filters are its members. */
static bool status_fits(const void *entry, const struct list_filter *f)
{
    struct json_object *o = ((const struct journal_entry *)entry)->o;

    return LIST_FITS(f, jread_str(o, "id"), jread_str(o, "scope_id"));
}

static bool action_fits(const void *entry, const struct list_filter *f)
{
    struct json_object *o = ((const struct journal_entry *)entry)->o;

    return LIST_FITS(f, jread_str(o, "kind"), jread_str(o, "id"), jread_str(o, "msgid"),
                     jread_str(o, "conversation_id"));
}

static bool event_fits(const void *entry, const struct list_filter *f)
{
    struct json_object *o = ((const struct journal_entry *)entry)->o;

    return LIST_FITS(f, jread_str(o, "connector"), jread_str(o, "type"));
}

static bool entry_fits(const void *entry, const struct list_filter *f)
{
    struct json_object *o = ((const struct journal_entry *)entry)->o;

    return LIST_FITS(f, jread_str(o, "side"), jread_str(o, "kind"),
                     jread_bool(o, "verified", false) ? "true" : "false");
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

#define LIST(log, path, fits, json, ...)                                                       \
    {                                                                                          \
        path, {__VA_ARGS__}, fits, json, log                                                   \
    }

static const struct list_kind kinds[] = {
    LIST(LOG_MESSAGES, "/amojo/messages", message_fits, amojo_message_json, "scope", "chat",
         "conversation", "msgid", "from"),
    LIST(LOG_CHATS, "/amojo/chats", chat_fits, chat_json, "scope", "conversation"),
    LIST(LOG_STATUSES, "/amojo/statuses", status_fits, journal_entry_json, "id", "scope"),
    LIST(LOG_ACTIONS, "/amojo/actions", action_fits, journal_entry_json, "kind", "id", "msgid",
         "conversation"),
    LIST(LOG_GIVEN, "/service/messages", given_fits, service_message_json, "connector",
         "conversation", "id"),
    LIST(LOG_EVENTS, "/service/events", event_fits, journal_entry_json, "connector", "type"),
    LIST(LOG_HOOKS, "/webhooks", hook_fits, hook_entry_json, "scope", "chat", "id"),
    LIST(LOG_CALLS, "/client/calls", call_fits, call_entry_json, "connector", "conversation",
         "kind", "id"),
    LIST(LOG_JOURNAL, "/journal", entry_fits, journal_entry_json, "side", "kind", "verified"),
};

const struct list_kind *list_find(const char *path)
{
    for (size_t i = 0; i < AMO_COUNT(kinds); i++) {
        if (strcmp(kinds[i].path, path) == 0)
            return &kinds[i];
    }
    return NULL;
}

const struct vec *list_log(const struct sandbox *s, const struct list_kind *k,
                           size_t *ret_first)
{
    const struct vec *const logs[] = {
        [LOG_MESSAGES] = &s->amojo->messages,
        [LOG_CHATS] = &s->amojo->chats,
        [LOG_STATUSES] = &s->amojo->statuses.entries,
        [LOG_ACTIONS] = &s->amojo->actions.entries,
        [LOG_GIVEN] = &s->service->messages,
        [LOG_EVENTS] = &s->service->events.entries,
        [LOG_HOOKS] = &s->hooks.log,
        [LOG_CALLS] = &s->calls.log,
        [LOG_JOURNAL] = &s->journal.entries,
    };

    *ret_first = k->log == LOG_MESSAGES ? s->amojo->first_listed
                 : k->log == LOG_GIVEN  ? s->service->first_listed
                                        : 0;
    return logs[k->log];
}

void list_answer(const struct sandbox *s, struct exchange *x, const struct list_kind *k)
{
    int64_t limit = exchange_number(x, "limit", LIST_DEFAULT);
    int64_t since = exchange_number(x, "since", 0);
    struct list_filter f = {{NULL}};
    size_t first = 0;
    const struct vec *log = list_log(s, k, &first);
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
    items = jread_add_array(o, "items");
    for (i = list_first(log, first, (uint64_t)since); i < log->n && limit > 0; i++) {
        if (!k->fits(log->at[i], &f))
            continue;
        json_object_array_add(items, k->json(log->at[i]));
        last = list_seq(log->at[i]);
        limit--;
    }
    jread_add_int_or_null(o, "next", i < log->n, (int64_t)last);
    control_answer(x, 200, o);
}
