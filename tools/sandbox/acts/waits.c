/* What: testers who wait; each wish is looked at when it comes and after every turn of the loop.
 * From: control.
 * To:   the stores and logs of both sides.
 * Holds: the request of who waits, until it is answered. */
#include "tools/sandbox/acts/waits.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tools/sandbox/acts/control.h"
#include "tools/sandbox/acts/list.h"
#include "tools/sandbox/amojo/show.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/http/lanes.h"
#include "tools/sandbox/http/request.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/vec.h"
#include "tools/sandbox/record/counters.h"
#include "tools/sandbox/record/world.h"
#include "tools/sandbox/service/store.h"

enum {
    WAITERS_MAX = 256,
    WAIT_MAX_MS = 600000,
    WAIT_DEFAULT_MS = 5000
};

struct wait_view;
struct wait;

/* What can be waited for: a look, and where it is one through a list, what fits there. */
struct wait_kind {
    const char *what;
    void (*look)(struct sandbox *s, struct wait *w, struct wait_view *ret);
    const char *list;
    bool (*fits)(const struct wait *w, const void *entry);
};

struct wait {
    struct list link;
    struct sandbox *sandbox;
    struct request *x;
    const struct wait_kind *kind; /* NULL: answered */
    const char *what; /* this and what follows: "" = any, borrowed from the request */
    const char *id;
    const char *text;
    const char *conversation;
    const char *type;
    int64_t count;
    int64_t status;
    uint64_t number;  /* of a webhook or call */
    int64_t since_ms; /* mono_ms */
    size_t looked;    /* messages before this index do not fit */
};

/* What a look found. */
struct wait_view {
    bool done;
    uint64_t value;
    struct json_object *item; /* owned */
};

/* Does @text (own copy, freed here) hold what is asked for? */
static bool wait_text_fits(const struct wait *w, char *text)
{
    bool fits = text && strstr(text, w->text);

    mem_free(text);
    return fits;
}

static void look_idle(struct sandbox *s, struct wait *w, struct wait_view *ret)
{
    (void)w;
    ret->value = lanes_count(s->hooks.lanes) + lanes_count(s->calls.lanes);
    ret->done = ret->value == 0;
}

static void look_status(struct sandbox *s, struct wait *w, struct wait_view *ret)
{
    const struct names *scopes = &s->amojo->scopes;

    for (const struct name *e = names_first(scopes); e && !ret->done;
         e = names_next(scopes, e)) {
        const struct amojo_scope *sc = e->value;
        const struct amojo_message *m = names_get(&sc->messages_by_id, w->id);

        if (m && m->has_status && m->status == w->status) {
            ret->done = true;
            ret->item = amojo_message_json(m);
        }
    }
}

/* The first of the log that fits. Only what is new since the last look: a name or a first text
 * never changes. */
static void look_through(struct sandbox *s, struct wait *w, struct wait_view *ret)
{
    const struct list_kind *list = list_find(w->kind->list);
    size_t first = 0;
    const struct vec *log = list_log(s, list, &first);
    size_t from = w->looked > log->n ? 0 : w->looked;

    for (size_t i = from < first ? first : from; i < log->n && !ret->done; i++) {
        ret->done = w->kind->fits(w, log->at[i]);
        ret->item = ret->done ? list->json(log->at[i]) : NULL;
        w->looked = ret->done ? i : i + 1;
    }
}

/* Nothing was asked for, or it is one of these names (NULL = none). */
static bool wait_is(const char *asked, const char *a, const char *b)
{
    return !asked[0] || (a && strcmp(a, asked) == 0) || (b && strcmp(b, asked) == 0);
}

static bool fits_amojo_message(const struct wait *w, const void *entry)
{
    const struct amojo_message *m = entry;

    return m->from != FROM_MANAGER && wait_is(w->conversation, m->chat->client_id, NULL) &&
           wait_is(w->id, m->client_id, NULL) &&
           (!w->text[0] || wait_text_fits(w, amojo_message_text(m)));
}

static bool fits_service_message(const struct wait *w, const void *entry)
{
    struct json_object *o = ((const struct journal_entry *)entry)->o;
    const char *text = jread_str(o, "text");

    return wait_is(w->conversation, jread_str(o, "conversation"), NULL) &&
           wait_is(w->id, jread_str(o, "id"), NULL) &&
           (!w->text[0] || (text && strstr(text, w->text)));
}

/* @what is "amojo." and the kind. */
static bool fits_action(const struct wait *w, const void *entry)
{
    struct json_object *o = ((const struct journal_entry *)entry)->o;
    const char *text = jread_str(o, "text");

    text = text ? text : jread_str(o, "emoji");
    return strcmp(w->what + strlen("amojo."), jread_str(o, "kind")) == 0 &&
           wait_is(w->conversation, jread_str(o, "conversation_id"), NULL) &&
           wait_is(w->id, jread_str(o, "id"), jread_str(o, "msgid")) &&
           (!w->text[0] || (text && strstr(text, w->text))) &&
           wait_is(w->type, jread_str(o, "type"), NULL);
}

/* The id of an event: its webhook-id, or what it is about. */
static bool fits_service_event(const struct wait *w, const void *entry)
{
    struct json_object *o = ((const struct journal_entry *)entry)->o;
    struct json_object *data = jread_object(o, "data");

    return wait_is(w->type, jread_str(o, "type"), NULL) &&
           (wait_is(w->id, jread_str(o, "webhook_id"), jread_str(data, "message_id")) ||
            wait_is(w->id, jread_str(data, "id"), jread_str(data, "mid")) ||
            wait_is(w->id, jread_str(data, "nonce"), NULL)) &&
           (!w->text[0] || strstr(jread_text(data), w->text));
}

static void look_sent(struct outbox_entry *e, struct wait_view *ret)
{
    ret->done = e && e->over;
    ret->item = ret->done ? journal_entry_json(e) : NULL;
}

static void look_webhook(struct sandbox *s, struct wait *w, struct wait_view *ret)
{
    look_sent(outbox_get(&s->hooks, w->number), ret);
}

static void look_call(struct sandbox *s, struct wait *w, struct wait_view *ret)
{
    look_sent(outbox_get(&s->calls, w->number), ret);
}

static void look_counter(struct sandbox *s, struct wait *w, struct wait_view *ret)
{
    const uint64_t *counter = counters_find(&s->counters, w->what);

    ret->value = counter ? *counter : 0;
    ret->done = ret->value >= (uint64_t)w->count;
}

static const struct wait_kind kinds[] = {
    {"idle",            look_idle,    NULL,                NULL                },
    {"status",          look_status,  NULL,                NULL                },
    {"amojo.message",   look_through, "/amojo/messages",   fits_amojo_message  },
    {"service.message", look_through, "/service/messages", fits_service_message},
    {"amojo.edit",      look_through, "/amojo/actions",    fits_action         },
    {"amojo.reaction",  look_through, "/amojo/actions",    fits_action         },
    {"amojo.typing",    look_through, "/amojo/actions",    fits_action         },
    {"service.event",   look_through, "/service/events",   fits_service_event  },
    {"webhook",         look_webhook, NULL,                NULL                },
    {"call",            look_call,    NULL,                NULL                },
};

/* NULL: nobody knows that word. */
static const struct wait_kind *wait_find(const struct sandbox *s, const char *what)
{
    static const struct wait_kind counter = {"", look_counter, NULL, NULL};

    for (size_t i = 0; i < AMO_COUNT(kinds); i++) {
        if (strcmp(kinds[i].what, what) == 0)
            return &kinds[i];
    }
    return counters_find(&s->counters, what) ? &counter : NULL;
}

static void wait_free(void *own)
{
    struct wait *w = own;

    list_remove(&w->link);
    w->sandbox->waits->n--;
    mem_free(w);
}

static void wait_answer(struct wait *w, struct wait_view *v)
{
    struct json_object *o = json_object_new_object();

    jread_add_bool(o, "done", v->done);
    jread_add_str(o, "what", w->what);
    jread_add_uint(o, "value", v->value);
    jread_add_int(o, "waited_ms", clock_mono_ms() - w->since_ms);
    if (v->item)
        json_object_object_add(o, "item", v->item);
    v->item = NULL;
    w->kind = NULL; /* the request frees it soon */
    control_answer(w->x, 200, o);
}

/* True when it was answered. */
static bool wait_try(struct wait *w, bool last)
{
    struct wait_view v = {0};

    if (!w->kind)
        return true;
    w->kind->look(w->sandbox, w, &v);
    if (v.done || last) {
        wait_answer(w, &v);
        return true;
    }
    json_object_put(v.item);
    return false;
}

static void wait_timeout(void *arg, struct request *x)
{
    (void)x;
    (void)wait_try(arg, true); /* answers in any case */
}

void waits_init(struct waits *w)
{
    list_init(&w->list);
}

void waits_check(struct sandbox *s)
{
    struct list *next = NULL;

    for (struct list *l = s->waits->list.next; l != &s->waits->list; l = next) {
        next = l->next;
        (void)wait_try(LIST_ENTRY(l, struct wait, link),
                       false); /* those that are not yet true stay */
    }
}

struct json_object *control_wait(struct control_request *q)
{
    struct sandbox *s = q->sandbox;
    struct request *x = q->x;
    int64_t timeout_ms = request_number(x, "timeout_ms", WAIT_DEFAULT_MS);
    const char *what = request_argument(x, "what");
    const char *msgid = request_argument(x, "msgid");
    const struct wait_kind *kind = wait_find(s, what);
    struct wait *w = NULL;

    if (!kind)
        return control_refuse(x, 400, "unknown", "what",
                              "is neither a counter nor one of the words");
    if (timeout_ms < 0 || timeout_ms > WAIT_MAX_MS)
        return control_refuse(x, 400, "bad_value", "timeout_ms", "must be 0 to 600000");
    w = s->waits->n < WAITERS_MAX ? mem_zalloc(sizeof(*w)) : NULL;
    if (!w)
        return control_refuse(x, 507, "sandbox_full", "wait", "too many are waiting");
    w->sandbox = s;
    w->x = x;
    w->kind = kind;
    w->what = what;
    w->id = msgid[0] ? msgid : request_argument(x, "id");
    w->text = request_argument(x, "text");
    w->conversation = request_argument(x, "conversation");
    w->type = request_argument(x, "type");
    w->count = request_number(x, "count", 1);
    w->status = request_number(x, "status", 1);
    w->number = (uint64_t)request_number(x, "webhook", request_number(x, "call", 0));
    w->since_ms = clock_mono_ms();
    list_add_tail(&s->waits->list, &w->link);
    s->waits->n++;
    request_attach(x, w, wait_free);
    if (!wait_try(w, false))
        request_later(x, timeout_ms, wait_timeout, w);
    return NULL;
}
