/* GET /v1/connectors/{name}/messages/{id}: where is this message?
 *
 * From: the listener, a request.
 * To: core, QUERY; its ANSWER becomes the answer.
 * Holds: the connections of those who ask, a few seconds each. */

#include "ingress/connector/query.h"

#include "base/clock.h"
#include "base/ids.h"
#include "base/json.h"
#include "ingress/accept/accept.h"
#include "ingress/accept/push.h"
#include "ingress/connector/connector.h"
#include "ingress/connector/read.h"
#include "ingress/connector/repeat.h"
#include "ingress/http/listener.h"
#include "ingress/http/request.h"
#include "ingress/spool/repeat.h"
#include "proto/foreign_id.h"
#include "proto/limits.h"
#include "proto/query.h"

static void query_whole(void *arg, struct request *x);
static void write_answer(struct request *x, const struct answer *a);
static void answer_unknown(struct ingress *in, struct request *x);

void queries_init(struct queries *q)
{
    *q = (struct queries){0};
    list_init(&q->waiting);
}

/* --- asking ------------------------------------------------------------------------------- */

void connector_route_query(struct ingress *in, struct request *x)
{
    connector_head(in, x, BRINGS_NOTHING, query_whole);
}

static void core_away(struct request *x)
{
    request_unavailable(x, "core_away", "the one who knows is away; ask again later");
}

/* A connector may have as many questions in the air as there are free places: alone half of them, so that others
 * can ask as well. They are few; counted because a connection that ends leaves the list by itself. */
static bool has_place(const struct queries *q, struct view connector)
{
    size_t n = 0;
    size_t own = 0;

    for (const struct list *i = q->waiting.next; i != &q->waiting; i = i->next) {
        n++;
        own += view_equal(LIST_ENTRY_CONST(i, struct request, waiting)->name, connector);
    }
    return n + own < LIMIT_QUERIES;
}

static void query_whole(void *arg, struct request *x)
{
    struct ingress *in = arg;
    struct query q = {.connector = x->name, .message_id = x->id};
    int rc = 0;

    if (!connector_verified(in, x))
        return;
    if (!foreign_id_is_fine(x->id)) {
        request_fault(x, 422, "invalid", SERVICE_NAME_FAULT, "id");
        return;
    }
    if (!connector_question_fits(in, x))
        return;
    if (!has_place(in->queries, x->name)) {
        request_unavailable(x, "busy", "too many questions at once");
        return;
    }
    q.number = ++in->queries->last;
    rc = push_query(in->push, &q);
    if (rc) {
        core_away(x);
        return;
    }
    x->asks = true;
    x->waits = true;
    x->query = q.number;
    x->query_until_ms = clock_mono_ms() + LIMIT_QUERY_MS;
}

void queries_wait(struct ingress *in, struct request *x)
{
    list_add_tail(&in->queries->waiting, &x->waiting);
}

/* --- answering ---------------------------------------------------------------------------- */

/* The answer is decided; it leaves at the end of the turn. */
static void let_go(struct ingress *in, struct request *x)
{
    list_remove(&x->waiting);
    listener_answer(x);
    loop_defer(in->loop, &in->accept->flush);
}

void queries_answer(struct ingress *in, const struct answer *a)
{
    for (struct list *i = in->queries->waiting.next; i != &in->queries->waiting; i = i->next) {
        struct request *x = LIST_ENTRY(i, struct request, waiting);

        if (x->query != a->number)
            continue;
        if (a->found)
            write_answer(x, a);
        else
            answer_unknown(in, x);
        let_go(in, x);
        return;
    }
}

void queries_expire(struct ingress *in, int64_t mono_ms)
{
    while (!list_is_empty(&in->queries->waiting)) {
        struct request *x = LIST_ENTRY(in->queries->waiting.next, struct request, waiting);

        if (x->query_until_ms > mono_ms)
            break;
        core_away(x);
        let_go(in, x);
    }
}

void queries_give_up(struct ingress *in)
{
    queries_expire(in, INT64_MAX);
}

static void write_answer(struct request *x, const struct answer *a)
{
    struct json_writer w;

    x->status = 200;
    x->result = "answered";
    x->type = "application/json";
    json_writer_init(&w, &x->answer);
    json_open_object(&w, NULL);
    json_add_text(&w, "id", x->id);
    json_add_text(&w, "mid", a->mid);
    json_add_text(&w, "direction", a->direction);
    json_add_text(&w, "status", a->state);
    json_add_text(&w, "amo_id", a->amo_id);
    json_add_text(&w, "service_id", a->service_id);
    json_add_time(&w, "accepted_at", a->taken_ms);
    json_add_time(&w, "settled_at", a->settled_ms);
    if (a->reported.len) {
        json_open_object(&w, "reported");
        json_add_text(&w, "status", a->reported);
        json_add_time(&w, "at", a->reported_ms);
        json_close_object(&w);
    }
    if (view_is(a->state, "failed")) {
        json_open_object(&w, "error");
        json_add_text(&w, "code", a->reason);
        json_add_text(&w, "message", a->words);
        json_close_object(&w);
    }
    json_close_object(&w);
    if (buf_error(&x->answer)) {
        buf_reset(&x->answer);
        request_unavailable(x, "busy", "there is no memory for it now");
    }
}

/* The service's own id of a message whose mid is @mid, when the one shows in the other. */
static struct view id_of_mid(struct view connector, struct view mid)
{
    size_t n = connector.len + 1;
    char again[ID_DERIVED_MAX + 1];
    struct view id;

    if (mid.len <= n || !view_equal(view_make(mid.ptr, connector.len), connector))
        return VIEW_NONE;
    id = view_make(mid.ptr + n, mid.len - n);
    return id_derive(connector, VIEW_NONE, id, again) == 0 && view_is(mid, again) ? id
                                                                                  : VIEW_NONE;
}

/* When a message of this id was taken: by this version, or by one before. */
static int find_sent(struct ingress *in, struct view connector, struct view id,
                     int64_t *ret_taken_ms)
{
    struct repeat_name name = {REPEAT_MESSAGE_ID, id, VIEW_NONE};
    int64_t now = clock_unix_ms();
    int rc = repeat_find(in->repeat, connector, &name, now, ret_taken_ms);

    if (rc != REPEAT_E_UNKNOWN)
        return rc;
    name.space = REPEAT_BEFORE;
    return repeat_find(in->repeat, connector, &name, now, ret_taken_ms);
}

/* Core does not know it; it may still lie in our spool. */
static void answer_unknown(struct ingress *in, struct request *x)
{
    struct answer a = {.direction = VIEW_LIT("in"), .state = VIEW_LIT("accepted")};
    struct view id = x->id;
    char mid[ID_DERIVED_MAX + 1];
    int rc = find_sent(in, x->name, id, &a.taken_ms);

    if (rc == REPEAT_E_UNKNOWN && id_of_mid(x->name, x->id).ptr) {
        id = id_of_mid(x->name, x->id);
        rc = find_sent(in, x->name, id, &a.taken_ms);
    }
    if (rc == 0)
        rc = id_derive(x->name, VIEW_NONE, id, mid);
    if (rc == 0) {
        a.mid = view_of(mid);
        a.service_id = id;
        write_answer(x, &a);
    } else if (rc == REPEAT_E_UNKNOWN) {
        request_fault(x, 404, "unknown_message", "no such message of this connector", NULL);
    } else {
        request_unavailable(x, "busy", "there is no memory for it now");
    }
}
