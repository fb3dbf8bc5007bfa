/* What: what happened, as lists: oldest first, from a number on, filtered.
 * From: control.
 * To:   the tester.
 * Holds: nothing. */
#include "tools/sandbox/acts/list.h"

#include <stdio.h>
#include <string.h>

#include "tools/sandbox/acts/answer.h"
#include "tools/sandbox/amojo/show.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/http/request.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/vec.h"
#include "tools/sandbox/record/journal.h"
#include "tools/sandbox/record/world.h"
#include "tools/sandbox/service/store.h"

enum {
    LIST_DEFAULT = 1000,
    LIST_MAX = 10000
};

/* What the filters of a list ask for, by its keys; "" = any. */
struct list_filter {
    const char *by[5];
    const char *const *keys;
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

/* What a log holds is JSON: a filter asks for the member of its name, or that with _id behind. */
static bool entry_fits(const void *entry, const struct list_filter *f)
{
    struct json_object *o = ((const struct journal_entry *)entry)->o;
    bool fits = true;

    for (size_t i = 0; i < AMO_COUNT(f->by) && f->keys[i]; i++) {
        struct json_object *v = jread_get(o, f->keys[i]);
        char id[32];

        (void)snprintf(id, sizeof(id), "%s_id", f->keys[i]); /* keys are short */
        v = v ? v : jread_get(o, id);
        if (f->by[i][0])
            fits = fits && v && strcmp(json_object_get_string(v), f->by[i]) == 0;
    }
    return fits;
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
#define JOURNAL(log, path, ...) LIST(log, path, entry_fits, journal_entry_json, __VA_ARGS__)

static const struct list_kind kinds[] = {
    LIST(LOG_MESSAGES, "/amojo/messages", message_fits, amojo_message_json, "scope", "chat",
         "conversation", "msgid", "from"),
    LIST(LOG_CHATS, "/amojo/chats", chat_fits, chat_json, "scope", "conversation"),
    JOURNAL(LOG_STATUSES, "/amojo/statuses", "id", "scope"),
    JOURNAL(LOG_ACTIONS, "/amojo/actions", "kind", "id", "msgid", "conversation"),
    JOURNAL(LOG_GIVEN, "/service/messages", "connector", "conversation", "id"),
    JOURNAL(LOG_EVENTS, "/service/events", "connector", "type"),
    JOURNAL(LOG_HOOKS, "/webhooks", "scope", "chat", "id"),
    JOURNAL(LOG_CALLS, "/client/calls", "connector", "conversation", "kind", "id"),
    JOURNAL(LOG_JOURNAL, "/journal", "side", "kind", "verified"),
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
        [LOG_GIVEN] = &s->service->messages.entries,
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

void list_answer(const struct sandbox *s, struct request *x, const struct list_kind *k)
{
    int64_t limit = request_number(x, "limit", LIST_DEFAULT);
    int64_t since = request_number(x, "since", 0);
    struct list_filter f = {.keys = k->keys};
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
        f.by[n] = k->keys[n] ? request_argument(x, k->keys[n]) : "";
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
