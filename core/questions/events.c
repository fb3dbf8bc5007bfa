/* `amoctl waiting list`: events that core has accepted and that are not in the queue yet; `amoctl quarantine
 * list` and `show`: those that could not be understood or applied.
 *
 * From: control.c. To: the store, which is only read. Holds: nothing. */

#include "base/process.h"
#include "core/control/control.h"
#include "core/control/moves.h"
#include "core/control/verbs.h"
#include "core/intake/deferred.h"
#include "core/questions/mask.h"
#include "core/questions/why.h"
#include "core/store/quarantine.h"
#include "proto/event.h"
#include "proto/limits.h"

/* rows that one call looks through, and shows unless it is told how many */
#define WAITING_LOOKED 500
#define WAITING_SHOWN  100

struct waiting_list {
    struct json_writer *w;
    struct view connector; /* of this one alone */
    struct view scope;
    int64_t max;
    int64_t shown;
    int64_t looked;
    int64_t last;
};

static const char *waits_for(enum deferred_why why)
{
    switch (why) {
    case DEFERRED_MESSAGE:
        return "its message";
    case DEFERRED_ECHO:
        return "whether it is an echo";
    case DEFERRED_ROOM:
        return "room in the queue";
    }
    return "?";
}

static void waiting_json(struct json_writer *w, const struct waiting_row *row,
                         const struct event *e)
{
    enum deferred_why why = deferred_why(row);
    char trace[ID_TEXT_LEN + 1];
    struct buf words;

    id_format(&e->trace, trace);
    json_open_object(w, NULL);
    json_add_int(w, "id", row->id);
    json_add_text(w, "kind", view_of(event_kind_name(e->kind)));
    json_add_text(w, "waits_for", view_of(waits_for(why)));
    json_add_text(w, "message_id", e->message_id);
    json_add_text(w, "connector", e->connector);
    json_add_text(w, "scope_id", e->scope);
    json_add_time(w, "since", e->taken_ms);
    json_add_time(w, "until", why == DEFERRED_MESSAGE ? row->until_ms : 0);
    json_add_text(w, "trace", view_of(trace));
    buf_init(&words, WHY_MAX);
    why_waiting(row, &words);
    json_add_text(w, "why", buf_view(&words));
    buf_fini(&words);
    json_close_object(w);
}

static int waiting_one(void *arg, const struct waiting_row *row)
{
    struct waiting_list *l = arg;
    struct event e = {0};

    if (l->shown == l->max)
        return STORE_E_NONE; /* the page is full */
    l->looked++;
    l->last = row->id;
    if (event_decode(row->event, &e))
        e = (struct event){0}; /* it is there all the same */
    if ((l->connector.len && !view_equal(l->connector, e.connector)) ||
        (l->scope.len && !view_equal(l->scope, e.scope)))
        return 0;
    l->shown++;
    waiting_json(l->w, row, &e);
    return 0;
}

/* A number among the arguments, @most at most and @otherwise if it is absent. */
static int number_of(struct control_ask *ask, const char *key, int64_t most, int64_t otherwise,
                     int64_t *ret)
{
    const struct json_node *n = json_get(json_root(ask->args), key);

    *ret = otherwise;
    if (n && (!json_int(n, ret) || *ret < 0 || *ret > most))
        return control_fail(ask, EXIT_USAGE, "%s must be a number up to %lld", key,
                            (long long)most);
    return 0;
}

int verb_waiting_list(struct control_ask *ask)
{
    const struct registry *r = ask->core->turn->registry;
    struct waiting_list l = {.w = ask->w,
                             .connector = control_arg(ask, "connector"),
                             .scope = control_arg(ask, "scope_id")};
    int64_t after = 0;
    int rc = number_of(ask, "after", INT64_MAX, 0, &after);

    rc = rc ? rc : number_of(ask, "limit", LIMIT_LIST_ROWS, WAITING_SHOWN, &l.max);
    if (rc)
        return rc;
    if (l.connector.len && !registry_connector(r, l.connector))
        return control_unknown(ask, NEAR_CONNECTOR, l.connector);
    if (l.scope.len && !registry_scope(r, l.scope))
        return control_unknown(ask, NEAR_ACCOUNT, l.scope);
    json_open_object(ask->w, NULL);
    json_open_array(ask->w, "waiting");
    rc = store_waiting_walk(ask->core->store, after, WAITING_LOOKED, waiting_one, &l);
    json_close_array(ask->w);
    json_add_int(ask->w, "looked", l.looked);
    if (rc == STORE_E_NONE || l.looked == WAITING_LOOKED)
        json_add_int(ask->w, "next", l.last); /* for `after` */
    json_close_object(ask->w);
    return rc == STORE_E_NONE ? 0 : rc;
}

/* --- quarantine --------------------------------------------------------------------------------- */

int verb_quarantine_list(struct control_ask *ask)
{
    int rc = 0;

    json_open_array(ask->w, NULL);
    rc = store_quarantine_json(ask->core->store, 0, ask->w);
    json_close_array(ask->w);
    return rc;
}

/* What somebody wrote: how long it is, and the words only for whoever asks to have them revealed. */
static int text_json(struct control_ask *ask, int64_t id)
{
    struct json_writer *w = ask->w;
    struct buf bytes;
    struct event e;
    int rc = 0;

    buf_init(&bytes, LIMIT_FRAME_BYTES);
    rc = store_quarantine_event(ask->core->store, id, &bytes);
    if (rc == 0 && event_decode(buf_view(&bytes), &e) == 0) {
        if (e.content.text.len)
            json_add_int(w, "text_chars", (int64_t)mask_chars(e.content.text));
        if (moves_flag(ask, "reveal")) {
            json_add_text_if(w, "text", e.content.text);
            if (e.raw.ptr && json_utf8_valid(e.raw))
                json_add_text(w, "raw", e.raw);
        }
    }
    buf_fini(&bytes);
    return rc == STORE_E_ERASED ? 0 : rc;
}

int verb_quarantine_show(struct control_ask *ask)
{
    int64_t id = 0;
    int rc = control_id_of(ask, json_get(json_root(ask->args), "id"), &id);

    if (rc)
        return rc;
    json_open_object(ask->w, NULL);
    rc = store_quarantine_json(ask->core->store, id, ask->w);
    rc = rc ? rc : text_json(ask, id);
    json_close_object(ask->w);
    return rc == STORE_E_NONE ? control_fail(ask, EXIT_FAILED, "no such entry") : rc;
}
