/* Verbs that end what is kept: what was signed but not understood, or could not be applied, and what waits for
 * something.
 *
 * From: control.c. To: the store, intake.c (an event that is tried again) and, for bodies that
 * only ingress can read, an ingress (REPLAY).
 * Holds: nothing. */

#include "base/clock.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/moves.h"
#include "core/control/verbs.h"
#include "core/intake/deferred.h"
#include "core/intake/intake.h"
#include "core/peers/peers.h"
#include "proto/event.h"
#include "proto/limits.h"
#include "proto/query.h"

/* --- again, or never ------------------------------------------------------------------------- */

static struct peer *any_ingress(struct core *c)
{
    for (struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next) {
        struct peer *p = LIST_ENTRY(i, struct peer, link);

        if (p->role == ROLE_INGRESS && peer_is_alive(p, clock_mono_ms()))
            return p;
    }
    return NULL;
}

/* A body that no normalizer of its day understood: ingress reads it again. The entry stays until
 * what it is now has come through the spool. */
static int replay_body(struct control_ask *ask, int64_t id, const struct event *e)
{
    const struct replay r = {.number = (uint64_t)id, .scope = e->scope, .raw = e->raw};
    struct peer *p = any_ingress(ask->core);
    struct buf body;
    int rc = 0;

    if (!p)
        return control_fail(ask, EXIT_UNREACHABLE, "no ingress is connected to read it again");
    buf_init(&body, LIMIT_FRAME_BYTES);
    rc = replay_encode(&r, &body);
    rc = rc ? rc : peer_post(ask->core, p, MSG_REPLAY, &e->trace, buf_view(&body));
    buf_fini(&body);
    if (rc)
        return rc;
    json_add_text(ask->w, "result", VIEW_LIT("handed to ingress"));
    return 0;
}

/* Its event, with a new life, as if it had come just now. */
static int replay_event(struct control_ask *ask, int64_t id, struct event *e)
{
    struct core *c = ask->core;
    struct buf again;
    struct buf reason;
    int64_t waiting = c->intake->n_deferred + c->intake->n_aside;
    int64_t before = 0;
    int64_t newest = 0;
    int rc = store_quarantine_drop(c->store, id);

    buf_init(&again, LIMIT_FRAME_BYTES);
    buf_init(&reason, LIMIT_ID);
    e->taken_ms = clock_unix_ms();
    rc = rc ? rc : store_quarantine_newest(c->store, &before, &reason);
    rc = rc ? rc : event_encode(e, &again);
    rc = rc ? rc : intake_event(c, buf_view(&again), INTAKE_REPLAYED);
    buf_reset(&reason);
    rc = rc ? rc : store_quarantine_newest(c->store, &newest, &reason);
    if (rc == 0 && newest > before && newest > id) {
        json_add_text(ask->w, "result", VIEW_LIT("quarantined again"));
        json_add_int(ask->w, "as", newest);
        json_add_text(ask->w, "reason", buf_view(&reason));
    } else if (rc == 0) {
        json_add_text(ask->w, "result",
                      c->intake->n_deferred + c->intake->n_aside > waiting
                          ? VIEW_LIT("waits")
                          : VIEW_LIT("applied"));
    }
    buf_fini(&again);
    buf_fini(&reason);
    return rc;
}

static int replay_one(struct control_ask *ask, int64_t id)
{
    struct buf bytes;
    struct event e;
    int rc = 0;

    buf_init(&bytes, LIMIT_FRAME_BYTES);
    rc = store_quarantine_event(ask->core->store, id, &bytes);
    json_open_object(ask->w, NULL);
    json_add_int(ask->w, "id", id);
    if (rc == 0 && event_decode(buf_view(&bytes), &e))
        rc = control_fail(ask, EXIT_FAILED, "entry %lld is no event any more", (long long)id);
    else if (rc == 0)
        rc = e.kind == EVENT_QUARANTINE ? replay_body(ask, id, &e) : replay_event(ask, id, &e);
    json_close_object(ask->w);
    buf_fini(&bytes);
    return rc == STORE_E_NONE ? control_fail(ask, EXIT_FAILED, "no entry %lld", (long long)id)
                              : rc;
}

static int drop_one(struct control_ask *ask, int64_t id)
{
    int rc = store_quarantine_drop(ask->core->store, id);

    if (rc == STORE_E_NONE)
        return control_fail(ask, EXIT_FAILED, "no entry %lld", (long long)id);
    if (rc == 0)
        json_add_int(ask->w, NULL, id);
    return rc;
}

/* Can this one be tried again? */
static int may_replay(struct control_ask *ask, int64_t id, struct view bytes)
{
    struct event e;

    if (event_decode(bytes, &e))
        return control_fail(ask, EXIT_FAILED, "entry %lld is no event", (long long)id);
    if (e.kind == EVENT_QUARANTINE && !any_ingress(ask->core))
        return control_fail(ask, EXIT_UNREACHABLE,
                            "no ingress is connected to read entry %lld again", (long long)id);
    return 0;
}

/* The entry is there, and can be tried again if it is to be. */
static int check_entry(struct control_ask *ask, int64_t id, bool replay)
{
    struct buf bytes;
    int rc = 0;

    buf_init(&bytes, LIMIT_FRAME_BYTES);
    rc = store_quarantine_event(ask->core->store, id, &bytes);
    if (rc == STORE_E_NONE)
        rc = control_fail(ask, EXIT_FAILED, "no entry %lld", (long long)id);
    else if (rc == STORE_E_ERASED)
        rc = replay ? control_fail(ask, EXIT_FAILED,
                                   "entry %lld was erased with its person: there is nothing to"
                                   " replay",
                                   (long long)id)
                    : 0;
    else if (rc == 0 && replay)
        rc = may_replay(ask, id, buf_view(&bytes));
    buf_fini(&bytes);
    return rc;
}

/* All or none: everything that could fail is asked before anything changes, because what enters
 * the queue does not go back with the store. */
static int check_entries(struct control_ask *ask, bool replay)
{
    const struct json_node *ids = json_get(json_root(ask->args), "ids");
    int rc = 0;

    if (json_array_len(ids) > LIMIT_LIST_ROWS)
        return control_fail(ask, EXIT_USAGE, "at most %u ids at once", LIMIT_LIST_ROWS);
    for (size_t i = 0; rc == 0 && i < json_array_len(ids); i++) {
        int64_t id = 0;

        rc = control_id_of(ask, json_array_at(ids, i), &id);
        for (size_t j = 0; rc == 0 && j < i; j++) {
            int64_t other = 0;

            if (json_int(json_array_at(ids, j), &other) && other == id)
                rc = control_fail(ask, EXIT_USAGE, "%lld is named twice", (long long)id);
        }
        rc = rc ? rc : check_entry(ask, id, replay);
    }
    return rc;
}

/* Of a dry run: it could be done. */
static int replay_named(struct control_ask *ask, int64_t id)
{
    json_open_object(ask->w, NULL);
    json_add_int(ask->w, "id", id);
    json_close_object(ask->w);
    return 0;
}

int verb_quarantine_replay(struct control_ask *ask)
{
    bool dry_run = moves_flag(ask, "dry_run");
    int rc = check_entries(ask, true);

    rc = rc ? rc
            : control_each_id(ask, "replayed", "apply entries as if they had just arrived",
                              dry_run ? replay_named : replay_one);
    if (rc == 0 && !dry_run)
        deferred_run(ask->core); /* what waited for one of them */
    return rc;
}

int verb_quarantine_drop(struct control_ask *ask)
{
    int rc = check_entries(ask, false);

    if (rc)
        return rc;
    return control_each_id(ask, "dropped", "delete entries for good",
                           moves_flag(ask, "dry_run") ? control_id_alone : drop_one);
}

/* --- what waits ------------------------------------------------------------------------------- */

struct waiting_found {
    int64_t id;
    bool is_there;
    enum deferred_why why;
    struct buf *event;
};

static int waiting_found(void *arg, const struct waiting_row *row)
{
    struct waiting_found *f = arg;

    if (row->id != f->id)
        return 0;
    f->is_there = true;
    f->why = deferred_why(row);
    return buf_add_view(f->event, row->event);
}

/* It waits for its message, and its bytes are in @event. The others end by themselves, in their order, or
 * with what they wait behind. */
static int waiting_droppable(struct control_ask *ask, int64_t id, struct buf *event)
{
    struct waiting_found f = {.id = id, .event = event};
    int rc = store_waiting_walk(ask->core->store, id - 1, 1, waiting_found, &f);

    if (rc)
        return rc;
    if (!f.is_there)
        return control_fail(ask, EXIT_FAILED, "nothing waits under number %lld", (long long)id);
    if (f.why == DEFERRED_ROOM)
        return control_fail(ask, EXIT_FAILED,
                            "%lld waits for room in the queue: amoctl queue drop --scope makes"
                            " that, and drops it once it is there",
                            (long long)id);
    if (f.why == DEFERRED_ECHO)
        return control_fail(ask, EXIT_FAILED,
                            "%lld waits until a message that is being sent is done, in its"
                            " order: amoctl queue drop --conversation ends that",
                            (long long)id);
    return 0;
}

/* What was accepted is not deleted here: it is kept as when its time is over, and quarantine drop deletes
 * it. */
static int waiting_drop_one(struct control_ask *ask, int64_t id)
{
    struct core *c = ask->core;
    struct buf event;
    int rc = 0;

    buf_init(&event, LIMIT_FRAME_BYTES);
    rc = waiting_droppable(ask, id, &event);
    if (rc == 0 && !moves_flag(ask, "dry_run")) {
        rc = store_deferred_remove(c->store, id);
        c->intake->n_deferred -= rc == 0;
        c->intake->meant[0] = '\0';
        rc = rc ? rc : intake_quarantine(c, buf_view(&event), "dropped");
    }
    if (rc == 0)
        json_add_int(ask->w, NULL, id);
    buf_fini(&event);
    return rc;
}

/* All or none. */
static int waiting_check(struct control_ask *ask)
{
    const struct json_node *ids = json_get(json_root(ask->args), "ids");
    int rc = 0;

    if (json_array_len(ids) > LIMIT_LIST_ROWS)
        return control_fail(ask, EXIT_USAGE, "at most %u ids at once", LIMIT_LIST_ROWS);
    for (size_t i = 0; rc == 0 && i < json_array_len(ids); i++) {
        struct buf event;
        int64_t id = 0;

        buf_init(&event, LIMIT_FRAME_BYTES);
        rc = control_id_of(ask, json_array_at(ids, i), &id);
        for (size_t j = 0; rc == 0 && j < i; j++) {
            int64_t other = 0;

            if (json_int(json_array_at(ids, j), &other) && other == id)
                rc = control_fail(ask, EXIT_USAGE, "%lld is named twice", (long long)id);
        }
        rc = rc ? rc : waiting_droppable(ask, id, &event);
        buf_fini(&event);
    }
    return rc;
}

int verb_waiting_drop(struct control_ask *ask)
{
    int64_t before = ask->core->intake->n_deferred;
    int rc = 0;

    if (store_deferred_is_hurt(ask->core->store))
        return control_fail(
            ask, EXIT_FAILED,
            "the part of the store that holds what waits is damaged: amoctl explain"
            " the-store-is-damaged");
    rc = waiting_check(ask);
    if (rc)
        return rc;
    rc = control_each_id(ask, "dropped", "end the wait and put into quarantine",
                         waiting_drop_one);
    if (rc)
        ask->core->intake->n_deferred = before; /* what was counted is undone with the rest */
    return rc;
}
