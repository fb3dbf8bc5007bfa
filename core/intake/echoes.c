/* Where events wait that may be our own message coming back, and clients' messages behind them.
 *
 * From: intake.c, a decision to wait for the echo. To: echo.c, when the wait is over.
 * Holds: the events, in the store; their order and how long they have waited, in memory. */

#include "core/intake/echoes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/ids.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/table.h"
#include "core/intake/intake.h"
#include "core/model/router.h"
#include "core/peers/spools.h"
#include "core/store/store.h"
#include "core/turn/deaths.h"

/* While a destination is held the outcome stays unknown: a report or webhook waits this long for it, which is
 * as long as a manager's message needs to be shown as delayed. */
#define HELD_MAX_MS 600000

/* the side, then an id */
#define THREAD_NAME_ROOM (1 + ID_DERIVED_MAX + 1)

/* What waits in one thread of a service, or in one chat of amo. */
struct echo_thread {
    char name[THREAD_NAME_ROOM]; /* in core->intake->echo_threads */
    struct ends ends;
};

static char side_char(enum echo_side side)
{
    return side == ECHO_AMO ? 'e' : 'o';
}

static void echo_key(enum echo_side side, int64_t conversation, char ret[32])
{
    (void)snprintf(ret, 32, "%c%" PRId64, side_char(side), conversation); /* fits */
}

struct echo *echoes_find(const struct core *c, enum echo_side side, int64_t conversation)
{
    char key[32];

    echo_key(side, conversation, key);
    return c->intake->echo_keys ? table_get(c->intake->echo_keys, view_of(key)) : NULL;
}

struct end *echoes_first(const struct echo *e)
{
    return list_is_empty(&e->ends.list) ? NULL
                                        : LIST_ENTRY(e->ends.list.next, struct end, link);
}

bool echoes_wait(const struct core *c, enum echo_side side, int64_t conversation)
{
    const struct echo *e = echoes_find(c, side, conversation);

    return e && (e->n_clients == 0 || e->n_clients < e->n_ends);
}

/* --- order ---------------------------------------------------------------------------------- */

bool stand_is_before(const struct stand *one, const struct stand *other)
{
    return one->at_ms < other->at_ms ||
           (one->at_ms == other->at_ms && one->place < other->place);
}

struct stand echoes_stand(const struct core *c, const struct event *event)
{
    const struct hand *hand = &c->turn->hand;
    int64_t now = clock_unix_ms();
    struct stand ret = {.place = c->intake->echo_place};

    if (c->intake->echo_in_hand)
        return c->intake->echo_row_stand;
    if (now < c->intake->echo_last_ms)
        now = c->intake->echo_last_ms; /* the clock was put back */
    ret.at_ms = now;
    if ((c->turn->again || hand->held) && event->taken_ms < now)
        ret.at_ms = event->taken_ms;
    if (c->intake->aside_ms && c->intake->aside_ms < now)
        ret.at_ms = c->intake->aside_ms;
    if (hand->spool && hand->spool->echo_ms > ret.at_ms)
        ret.at_ms = hand->spool->echo_ms;
    return ret;
}

static void ends_init(struct ends *ends)
{
    list_init(&ends->list);
    ends->near = NULL;
}

static bool is_before(const struct list *i, bool in_thread, const struct stand *stand)
{
    const struct end *end = in_thread ? LIST_ENTRY_CONST(i, struct end, in_thread)
                                      : LIST_ENTRY_CONST(i, struct end, link);

    return stand_is_before(&end->stand, stand);
}

/* Before which of @ends @stand is; its head: behind all. Thousands may wait, and none of them is a reason to walk
 * along all the others: what comes stands at the end, what comes out again at the beginning, and what comes by a
 * second spool near the one that came before it. */
static struct list *ends_next(struct ends *ends, bool in_thread, const struct stand *stand)
{
    struct list *head = &ends->list;
    struct list *i = head->next;

    if (list_is_empty(head) || is_before(head->prev, in_thread, stand))
        return head;
    if (ends->near && is_before(i, in_thread, stand))
        i = ends->near;
    while (is_before(i, in_thread, stand))
        i = i->next; /* the last one is not */
    while (i->prev != head && !is_before(i->prev, in_thread, stand))
        i = i->prev;
    return i;
}

static void ends_insert(struct ends *ends, bool in_thread, struct end *end)
{
    struct list *link = in_thread ? &end->in_thread : &end->link;
    struct list *next = ends_next(ends, in_thread, &end->stand);

    list_insert_before(next, link);
    if (next != &ends->list)
        ends->near = link;
}

static void ends_remove(struct ends *ends, struct list *link)
{
    if (ends->near == link)
        ends->near = link->next == &ends->list ? NULL : link->next;
    list_remove(link);
}

/* --- threads -------------------------------------------------------------------------------- */

/* What distinguishes the threads of all services, and the chats of all accounts. A source may be named in one
 * event and not in the next: two threads of one name wait for each other, which does no harm. Empty: it names
 * none. */
static void thread_name(enum echo_side side, const struct event *e, char ret[THREAD_NAME_ROOM])
{
    int rc = side == ECHO_AMO ? id_derive(e->scope, VIEW_NONE, e->chat_id, ret + 1)
                              : id_derive(e->connector, VIEW_NONE, e->conversation, ret + 1);

    ret[0] = '\0';
    if (rc == 0)
        ret[0] = side_char(side);
}

static struct echo_thread *thread_find(const struct core *c, const char *name)
{
    return c->intake->echo_threads && name[0]
               ? table_get(c->intake->echo_threads, view_of(name))
               : NULL;
}

static int thread_of(struct core *c, const char *name, struct echo_thread **ret)
{
    struct echo_thread *t = thread_find(c, name);

    if (!t && name[0]) {
        t = mem_zalloc(sizeof(*t));
        if (!t)
            return -ENOMEM;
        (void)snprintf(t->name, sizeof(t->name), "%s", name); /* fits */
        ends_init(&t->ends);
        if ((!c->intake->echo_threads && table_new(&c->intake->echo_threads)) ||
            table_add(c->intake->echo_threads, view_of(t->name), t)) {
            mem_free(t);
            return -ENOMEM;
        }
    }
    *ret = t;
    return 0;
}

/* The last one of the thread that stands before @stand; NULL none. */
static struct end *thread_before(struct echo_thread *t, const struct stand *stand)
{
    struct list *i = ends_next(&t->ends, true, stand)->prev;

    return i == &t->ends.list ? NULL : LIST_ENTRY(i, struct end, in_thread);
}

static void thread_leave(struct core *c, struct end *end)
{
    struct echo_thread *t = end->thread;

    if (!t)
        return;
    ends_remove(&t->ends, &end->in_thread);
    end->thread = NULL;
    if (!list_is_empty(&t->ends.list))
        return;
    (void)table_remove(c->intake->echo_threads, view_of(t->name)); /* it is ours */
    mem_free(t);
}

static int64_t echo_ms(const struct core *c)
{
    return (int64_t)config_number(c->config, "core/echo_ms");
}

/* Until when what stands before @stand in the thread keeps a client's message waiting, by core->intake->echo_ran_ms: a
 * report for core/echo_ms since it came, another client's message for as long as that waits itself. It may be
 * over. 0: nothing of the thread waits. */
static int64_t thread_until(const struct core *c, struct echo_thread *t,
                            const struct stand *stand)
{
    struct end *before = thread_before(t, stand);
    const struct list *i = before ? &before->in_thread : &t->ends.list;
    int64_t ret = 0;

    for (; i != &t->ends.list; i = i->prev) {
        const struct end *end = LIST_ENTRY_CONST(i, struct end, in_thread);
        int64_t until = end->client ? end->until_ms : end->since_ms + echo_ms(c);

        ret = until > ret ? until : ret;
        if (end->client)
            break; /* it has counted what came before it */
    }
    return ret;
}

int64_t echoes_of_thread(const struct core *c, enum echo_side side, const struct event *event)
{
    bool client = side == ECHO_SERVICE && !event->outgoing;
    struct stand stand = echoes_stand(c, event);
    const struct end *before = NULL;
    struct echo_thread *t = NULL;
    char name[THREAD_NAME_ROOM];

    thread_name(side, event, name);
    t = thread_find(c, name);
    if (!t || (client && thread_until(c, t, &stand) <= c->intake->echo_ran_ms))
        return 0;
    before = thread_before(t, &stand);
    return before ? before->of->conversation : 0;
}

/* Those clients' messages of the thread that already wait behind @end, which has come by another spool, wait for it
 * as well. */
static void thread_raise(const struct core *c, const struct echo_thread *t,
                         const struct end *end)
{
    int64_t until = end->client ? end->until_ms : end->since_ms + echo_ms(c);

    for (struct list *i = end->in_thread.next; i != &t->ends.list; i = i->next) {
        struct end *behind = LIST_ENTRY(i, struct end, in_thread);

        if (!behind->client)
            continue;
        if (behind->until_ms >= until)
            return; /* and so do all behind it */
        behind->until_ms = until;
    }
}

static void thread_insert(const struct core *c, struct echo_thread *t, struct end *end)
{
    end->until_ms = end->client ? thread_until(c, t, &end->stand) : 0;
    ends_insert(&t->ends, true, end);
    end->thread = t;
    if (!c->intake->echo_in_hand) /* else it stood there before */
        thread_raise(c, t, end);
}

bool echoes_client_may_go(const struct core *c, const struct end *end)
{
    return end->until_ms <= c->intake->echo_ran_ms || !end->thread ||
           end->in_thread.prev == &end->thread->ends.list;
}

/* --- ids --------------------------------------------------------------------------------------- */

/* The sum of an id by which something that waits may be named: thousands of events may ask for theirs in one
 * tick, while thousands wait. */
struct echo_id {
    uint64_t sum; /* the key in core->intake->echo_ids */
    size_t n;     /* of ends that have it */
};

static struct view sum_key(const uint64_t *sum)
{
    return view_make((const char *)sum, sizeof(*sum));
}

static int id_hold(struct core *c, uint64_t sum)
{
    struct table **ids = &c->intake->echo_ids;
    struct echo_id *id = *ids ? table_get(*ids, sum_key(&sum)) : NULL;

    if (!id) {
        id = mem_zalloc(sizeof(*id));
        if (!id)
            return -ENOMEM;
        id->sum = sum;
        if ((!*ids && table_new(ids)) || table_add(*ids, sum_key(&id->sum), id)) {
            mem_free(id);
            return -ENOMEM;
        }
    }
    id->n++;
    return 0;
}

static void id_release(struct core *c, uint64_t sum)
{
    struct echo_id *id = table_get(c->intake->echo_ids, sum_key(&sum));

    if (id && --id->n == 0) {
        (void)table_remove(c->intake->echo_ids, sum_key(&sum)); /* it is ours */
        mem_free(id);
    }
}

static int ids_hold(struct core *c, const struct end *end)
{
    int rc = id_hold(c, end->ids[0]);

    if (rc)
        return rc;
    rc = id_hold(c, end->ids[1]);
    if (rc)
        id_release(c, end->ids[0]);
    return rc;
}

static void ids_release(struct core *c, const struct end *end)
{
    id_release(c, end->ids[0]);
    id_release(c, end->ids[1]);
}

bool echoes_have(const struct core *c, struct view id)
{
    uint64_t sum = echoes_words(id);

    return c->intake->echo_ids && table_get(c->intake->echo_ids, sum_key(&sum));
}

/* --- queues --------------------------------------------------------------------------------- */

void echoes_remove(struct core *c, struct end *end)
{
    end->of->n_ends--;
    end->of->n_clients -= end->client;
    thread_leave(c, end);
    ids_release(c, end);
    ends_remove(&end->of->ends, &end->link);
    mem_free(end);
}

void echoes_drop(struct core *c, struct echo *e)
{
    (void)table_remove(c->intake->echo_keys, view_of(e->key)); /* it is ours */
    while (echoes_first(e))
        echoes_remove(c, echoes_first(e));
    list_remove(&e->link);
    mem_free(e);
}

void echoes_free(struct core *c)
{
    while (!list_is_empty(&c->intake->echoes))
        echoes_drop(c, LIST_ENTRY(c->intake->echoes.next, struct echo, link));
    table_free(c->intake->echo_keys);
    table_free(c->intake->echo_ids);
    table_free(c->intake->echo_threads);
    c->intake->echo_keys = c->intake->echo_ids = c->intake->echo_threads = NULL;
}

static struct echo *echo_of(struct core *c, enum echo_side side, int64_t conversation)
{
    struct echo *e = echoes_find(c, side, conversation);

    if (e)
        return e;
    e = mem_zalloc(sizeof(*e));
    if (!e)
        return NULL;
    e->side = side;
    e->conversation = conversation;
    echo_key(side, conversation, e->key);
    list_init(&e->link);
    ends_init(&e->ends);
    if ((!c->intake->echo_keys && table_new(&c->intake->echo_keys)) ||
        table_add(c->intake->echo_keys, view_of(e->key), e)) {
        mem_free(e);
        return NULL;
    }
    list_add_tail(&c->intake->echoes, &e->link);
    return e;
}

/* FNV-1a. */
uint64_t echoes_words(struct view text)
{
    uint64_t sum = 14695981039346656037U;

    for (size_t i = 0; i < text.len; i++)
        sum = (sum ^ (unsigned char)text.ptr[i]) * 1099511628211U;
    return sum;
}

uint64_t echoes_chat(const struct event *event)
{
    char id[ID_DERIVED_MAX + 1];

    if (event->kind == EVENT_AMO_MESSAGE)
        return event->chat_client_id.len ? echoes_words(event->chat_client_id) : 0;
    return router_client_id(event->connector, event->source, event->conversation, id)
               ? 0
               : echoes_words(view_of(id));
}

static void end_into(struct echo *e, struct end *end)
{
    ends_insert(&e->ends, false, end);
    end->of = e;
    e->n_ends++;
    e->n_clients += end->client;
}

/* What @event says; @name becomes its thread's. */
static void end_read(const struct echo *e, struct end *end, const struct event *event,
                     char name[THREAD_NAME_ROOM])
{
    char mid[ID_DERIVED_MAX + 1];

    end->words = echoes_words(event->content.text);
    end->chat = echoes_chat(event);
    end->ids[0] = echoes_words(event->message_id);
    end->ids[1] = router_mid(event, mid) ? end->ids[0] : echoes_words(view_of(mid));
    end->client = e->side == ECHO_SERVICE && !event->outgoing;
    thread_name(e->side, event, name);
}

/* By core->intake->echo_ran_ms, which stands still between two ticks. */
static int64_t now_ran_ms(const struct core *c)
{
    int64_t since = c->intake->echo_mono_ms ? clock_mono_ms() - c->intake->echo_mono_ms : 0;

    if (since < 0)
        since = 0;
    return c->intake->echo_ran_ms + (since < ECHO_STEP_MAX_MS ? since : ECHO_STEP_MAX_MS);
}

/* How the event in hand came, and stands. */
static struct echo_came came_of(const struct core *c, const struct stand *stand)
{
    struct echo_came ret = {.at_ms = stand->at_ms, .forgotten = c->intake->forgotten};

    if (c->intake->echo_in_hand)
        ret.spool = c->intake->echo_row->came.spool;
    else if (c->turn->hand.spool)
        ret.spool = c->turn->hand.spool->id;
    return ret;
}

/* @end of @event, which stands at end->stand. */
static int echo_add_end(struct core *c, struct echo *e, const struct event *event,
                        struct end *end)
{
    char name[THREAD_NAME_ROOM];
    struct echo_thread *t = NULL;
    int rc = 0;

    end_read(e, end, event, name);
    rc = ids_hold(c, end);
    if (rc)
        return rc;
    rc = thread_of(c, name, &t);
    if (rc) {
        ids_release(c, end);
        return rc;
    }
    /* the next tick's whole step will be counted, also what is over of it */
    end->counted_ms = e->counted_ms + now_ran_ms(c) - c->intake->echo_ran_ms + echo_ms(c);
    end->waited_ms = e->waited_ms + HELD_MAX_MS;
    list_init(&end->link);
    list_init(&end->in_thread);
    end_into(e, end);
    if (t)
        thread_insert(c, t, end);
    if (end->stand.at_ms > c->intake->echo_last_ms)
        c->intake->echo_last_ms = end->stand.at_ms;
    return 0;
}

/* The end of the event in hand; NULL without memory. */
static struct end *echo_end_in_hand(struct core *c, struct echo *e, const struct event *event)
{
    struct end *end = mem_zalloc(sizeof(*end));
    struct spool *spool = c->turn->hand.spool;

    if (!end)
        return NULL;
    end->stand = echoes_stand(c, event);
    end->again = c->turn->again;
    if (c->intake->echo_in_hand) { /* it has waited before */
        end->since_ms = c->intake->echo_since_ms;
        end->row = c->intake->echo_row->place;
    } else {
        end->since_ms = now_ran_ms(c);
        c->intake->echo_place++;
    }
    if (echo_add_end(c, e, event, end)) {
        mem_free(end);
        return NULL;
    }
    if (spool && end->stand.at_ms > spool->echo_ms)
        spool->echo_ms = end->stand.at_ms;
    return end;
}

int echoes_put(struct core *c, enum echo_side side, int64_t conversation,
               const struct event *event, struct view bytes, const char *scope)
{
    struct echo *e = echo_of(c, side, conversation);
    /* where it waited: nothing is over */
    bool back = side == ECHO_SERVICE && conversation == c->intake->echo_in_hand;
    struct end *end = e ? echo_end_in_hand(c, e, event) : NULL;
    int rc = end ? 0 : -ENOMEM;

    if (end) {
        struct echo_came came = came_of(c, &end->stand);

        e->again = e->again || ((c->turn->again || c->turn->hand.held) && !end->client);
        e->over = e->over && !back;
        rc = store_echo_put(c->store, &end->row, e->key, bytes, c->intake->who, scope, &came);
        if (rc)
            echoes_remove(c, end);
    }
    if (e && list_is_empty(&e->ends.list) && !back) /* one in hand is still needed */
        echoes_drop(c, e);
    if (rc == 0)
        c->intake->n_deferred++;
    return rc;
}

/* Where one stands that waited before this start. */
static struct stand stand_loaded(struct core *c, const struct event *event,
                                 const struct echo_came *came)
{
    struct stand ret = {.at_ms = came->at_ms, .place = c->intake->echo_place++};
    int64_t now = clock_unix_ms();
    struct spool *spool = id_is_zero(&came->spool) ? NULL : spools_load(c, &came->spool);

    if (ret.at_ms ==
        0) { /* kept by an older version, and nothing that this one has kept is before it */
        ret.at_ms = event->taken_ms < now ? event->taken_ms : now;
        if (ret.at_ms < c->intake->echo_last_ms)
            ret.at_ms = c->intake->echo_last_ms;
    }
    if (spool && spool->echo_ms < ret.at_ms)
        spool->echo_ms = ret.at_ms;
    return ret;
}

static int load_one(void *arg, const char *key, struct view bytes, int64_t place,
                    const struct echo_came *came)
{
    struct deed deed = deed_of(DEED_WAITING_LOAD, place);
    struct end *end = NULL;
    struct core *c = arg;
    uint64_t conversation = 0;
    struct echo *e = NULL;
    struct event event;
    struct deed outer;
    bool killed = false;
    int rc = num_parse_u64(view_of(key + 1), &conversation);

    if (rc || conversation > INT64_MAX)
        return -EBADMSG; /* nobody but echoes_put writes such keys */
    killed = deaths_begin(c, &deed, &outer) >= DEATHS_MAX;
    if (killed || event_decode(bytes, &event))
        event = (struct event){0}; /* it will be kept for a person */
    (killed ? deaths_pass : deaths_end)(c, &outer);
    e = echo_of(c, key[0] == 'e' ? ECHO_AMO : ECHO_SERVICE, (int64_t)conversation);
    end = e ? mem_zalloc(sizeof(*end)) : NULL;
    if (!end)
        return -ENOMEM;
    end->stand = stand_loaded(c, &event, came);
    end->since_ms = now_ran_ms(c);
    end->row = place;
    end->again = e->again = true; /* whether it came again in that life is not known any more */
    rc = echo_add_end(c, e, &event, end);
    if (rc)
        mem_free(end);
    return rc;
}

int echoes_load(struct core *c)
{
    return store_echoes_walk(c->store, load_one, c);
}
