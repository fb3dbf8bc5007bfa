/* Events that may be our own words coming back.
 *
 * From: intake.c, a plan that says "wait for the echo". To: intake.c again, once the message is
 * settled or the time is over.
 * Holds: the events, in the store; how long they have waited, in memory. */

#include "core/intake/echo.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/ids.h"
#include "base/mem.h"
#include "base/num.h"
#include "core/intake/apply.h"
#include "core/intake/follow.h"
#include "core/intake/intake.h"
#include "core/intake/waiting.h"
#include "core/peers/peers.h"
#include "core/peers/spools.h"
#include "proto/event.h"
#include "proto/limits.h"

/* Behind a destination that is held the outcome stays unknown: a manager's words wait so long for
 * it, and no longer. As long as it takes until they would show as delayed. */
#define HELD_MAX_MS 600000
/* a tick that came later than that: core was not running */
#define STEP_MAX_MS 2000
/* applied for one conversation before other work gets its turn */
#define RUN_EVENTS  1000
/* conversations without a name at the service that are looked at for one report */
#define FIRST_MAX   200

/* When one event's time is over, by the clocks of its conversation. */
struct end {
    struct list link;
    int64_t counted_ms;
    int64_t waited_ms;
    char thread[ID_DERIVED_MAX + 1]; /* of a service's report; else empty */
    uint64_t words;                  /* a sum of them */
    int64_t since_mono_ms;           /* waits since then, for one thing after the other */
    int64_t came_ms; /* at its door; not before what stands in front of it here */
    uint64_t place;  /* among all that waits and came at the same time */
};

/* What waits in one conversation, of one side. */
struct echo {
    struct list link; /* core->intake->echoes */
    char key[32];     /* in core->intake->echo_keys, and in the store */
    enum echo_side side;
    int64_t conversation;
    int64_t counted_ms; /* so long could the outcome become known */
    int64_t waited_ms;  /* the same, and while the destination was held */
    struct list ends;   /* in the order of the events */
    bool again;         /* some of it may be the echo of anything that core has loaded */
    bool over;          /* nothing is waited for any more */
};

static void echo_key(enum echo_side side, int64_t conversation, char ret[32])
{
    (void)snprintf(ret, 32, "%c%" PRId64, side == ECHO_AMO ? 'e' : 'o',
                   conversation); /* fits */
}

static struct echo *echo_find(const struct core *c, enum echo_side side, int64_t conversation)
{
    char key[32];

    echo_key(side, conversation, key);
    return c->intake->echo_keys ? table_get(c->intake->echo_keys, view_of(key)) : NULL;
}

static void end_free(struct end *end)
{
    list_remove(&end->link);
    mem_free(end);
}

static void echo_drop(struct core *c, struct echo *e)
{
    (void)table_remove(c->intake->echo_keys, view_of(e->key)); /* it is ours */
    while (!list_is_empty(&e->ends))
        end_free(LIST_ENTRY(e->ends.next, struct end, link));
    list_remove(&e->link);
    mem_free(e);
}

void echo_free(struct core *c)
{
    while (!list_is_empty(&c->intake->echoes))
        echo_drop(c, LIST_ENTRY(c->intake->echoes.next, struct echo, link));
    table_free(c->intake->echo_keys);
    c->intake->echo_keys = NULL;
}

static struct echo *echo_of(struct core *c, enum echo_side side, int64_t conversation)
{
    struct echo *e = echo_find(c, side, conversation);

    if (e)
        return e;
    e = mem_zalloc(sizeof(*e));
    if (!e)
        return NULL;
    e->side = side;
    e->conversation = conversation;
    echo_key(side, conversation, e->key);
    list_init(&e->link);
    list_init(&e->ends);
    if ((!c->intake->echo_keys && table_new(&c->intake->echo_keys)) ||
        table_add(c->intake->echo_keys, view_of(e->key), e)) {
        mem_free(e);
        return NULL;
    }
    list_add_tail(&c->intake->echoes, &e->link);
    return e;
}

/* What tells the threads of all services apart. A source may be named in one report and not in the
 * next: two of the same name wait for each other, which does no harm. */
static void thread_of(const struct event *e, char ret[ID_DERIVED_MAX + 1])
{
    if (id_derive(e->connector, VIEW_NONE, e->conversation, ret))
        ret[0] = '\0'; /* it names none: nothing waits behind it */
}

/* FNV-1a. Two of the same sum wait for each other, which does no harm. */
static uint64_t words_sum(struct view words)
{
    uint64_t sum = 14695981039346656037U;

    for (size_t i = 0; i < words.len; i++)
        sum = (sum ^ (unsigned char)words.ptr[i]) * 1099511628211U;
    return sum;
}

/* In the order of their places; and what came to a door before one that stands in front of it here counts as
 * come with that one. */
static void end_into(struct echo *e, struct end *end)
{
    struct list *next = &e->ends;

    while (next->prev != &e->ends &&
           LIST_ENTRY(next->prev, struct end, link)->place > end->place)
        next = next->prev;
    if (next != &e->ends && LIST_ENTRY(next, struct end, link)->came_ms < end->came_ms)
        end->came_ms = LIST_ENTRY(next, struct end, link)->came_ms;
    if (next->prev != &e->ends &&
        LIST_ENTRY(next->prev, struct end, link)->came_ms > end->came_ms)
        end->came_ms = LIST_ENTRY(next->prev, struct end, link)->came_ms;
    list_insert_before(next, &end->link);
}

/* @waited: it has waited before, and keeps its place among all. */
static int echo_add_end(struct core *c, struct echo *e, struct view bytes, bool waited,
                        struct end **ret_end)
{
    struct end *end = mem_zalloc(sizeof(*end));
    int64_t now = clock_unix_ms();
    struct event event;

    if (!end)
        return -ENOMEM;
    if (event_decode(bytes, &event) == 0) {
        end->words = words_sum(event.content.text);
        end->came_ms = event.taken_ms < now ? event.taken_ms : now;
        if (e->side == ECHO_SERVICE)
            thread_of(&event, end->thread);
    }
    end->counted_ms = e->counted_ms + (int64_t)config_number(c->config, "core/echo_ms");
    end->waited_ms = e->waited_ms + HELD_MAX_MS;
    end->since_mono_ms =
        c->intake->echo_since_mono_ms ? c->intake->echo_since_mono_ms : clock_mono_ms();
    end->place = waited ? c->intake->echo_row_place : c->intake->echo_place++;
    list_init(&end->link);
    end_into(e, end);
    *ret_end = end;
    return 0;
}

bool echo_waits_for_spools(const struct core *c)
{
    return echo_find(c, ECHO_AMO, ECHO_NOBODYS) || echo_find(c, ECHO_SERVICE, ECHO_NOBODYS);
}

int echo_put(struct core *c, enum echo_side side, int64_t conversation, struct view bytes,
             const char *scope)
{
    struct echo *e = echo_of(c, side, conversation);
    /* what waits again, for another one's words perhaps, passes by nothing and is passed by nothing */
    bool waited = c->intake->echo_in_hand != 0;
    /* where it waited: nothing is over */
    bool back = side == ECHO_SERVICE && conversation == c->intake->echo_in_hand;
    struct end *end = NULL;
    int rc = e ? echo_add_end(c, e, bytes, waited, &end) : -ENOMEM;

    if (rc == 0) {
        e->again = e->again || c->turn->again;
        e->over = e->over && !back;
        rc = store_echo_put(c->store, waited ? c->intake->echo_row->place : 0, e->key, bytes,
                            scope, c->intake->forgotten);
        if (rc)
            end_free(end);
    }
    if (e && list_is_empty(&e->ends) && !back) /* one in hand is still needed */
        echo_drop(c, e);
    if (rc == 0)
        c->intake->n_waiting++;
    return rc;
}

static int load_one(void *arg, const char *key, struct view bytes)
{
    struct end *end = NULL;
    struct core *c = arg;
    uint64_t conversation = 0;
    struct echo *e = NULL;
    int rc = num_parse_u64(view_of(key + 1), &conversation);

    if (rc || conversation > INT64_MAX)
        return -EBADMSG; /* nobody but echo_put writes such keys */
    e = echo_of(c, key[0] == 'e' ? ECHO_AMO : ECHO_SERVICE, (int64_t)conversation);
    if (!e)
        return -ENOMEM;
    e->again = true; /* whether it came again in that life is not known any more */
    return echo_add_end(c, e, bytes, false, &end);
}

int echo_load(struct core *c)
{
    return store_echoes_walk(c->store, load_one, c);
}

/* --- what is waited for --------------------------------------------------------------------- */

static struct core_command *lane_head(struct core *c, enum echo_side side,
                                      const struct conversation *conv)
{
    struct dest *scope = queue_dest(c->queue, DEST_SCOPE, view_of(conv->scope));
    struct dest *d = side == ECHO_AMO
                         ? scope
                         : queue_dest(c->queue, DEST_CONNECTOR, view_of(conv->connector));

    return d && scope
               ? queue_head(c->queue, command_lane_of(conv->id, side == ECHO_AMO), d, scope)
               : NULL;
}

/* The first of a lane, from @cmd on, that was done before by a core whose store is not ours any more
 * (core->turn->again): its echoes come again, too, whatever stands in front of it. That may be what is new,
 * since a report becomes a command when its own wait is over. To an event that comes again itself
 * (@again) all that was loaded may be such; that stands in front of all that is new. NULL: none. */
static struct core_command *done_again(const struct core *c, struct core_command *cmd,
                                       enum command_kind kind, bool again)
{
    const struct lane *l = cmd->lane;

    for (struct list *i = &cmd->in_lane; i != &l->commands; i = i->next) {
        struct core_command *one = LIST_ENTRY(i, struct core_command, in_lane);

        if (one->tried && (one->again || again) && one->kind == kind)
            return one;
        if (!one->tried && c->queue->n_again == 0)
            return NULL;
    }
    return NULL;
}

static bool is_unclear(const struct core_command *head, enum command_kind kind)
{
    return head->kind == kind &&
           (head->tried || head->state == COMMAND_IN_FLIGHT || head->state == COMMAND_CHECKING);
}

/* The message that the conversation's echoes would be of; NULL when none is unclear. */
static struct core_command *unclear_one(struct core *c, enum echo_side side,
                                        const struct conversation *conv, bool again)
{
    enum command_kind kind = side == ECHO_AMO ? COMMAND_AMO_OUTGOING : COMMAND_SERVICE_MESSAGE;
    struct core_command *head = lane_head(c, side, conv);

    if (!head)
        return NULL;
    return is_unclear(head, kind) ? head : done_again(c, head, kind, again);
}

/* It went to another account, and what was tried for the one before is not over yet. */
static bool is_leaving(const struct core *c, enum echo_side side, int64_t conversation)
{
    return reach_is_leaving(c, command_lane_of(conversation, side == ECHO_AMO));
}

/* What a forgotten core has done comes again as two: a webhook and the report that it brought about, or a
 * colleague's report and the webhook that it brought about. Of the two the one that came to its door later
 * waits until it is known what became of the first. It is that of its conversation, whatever the words
 * have become, or has the same words: it may wait under another one's first words, or under nobody's.
 * Since whoever waits so waits for what came before it, and the queues are in that order, too, nothing
 * waits for itself in a circle. NULL: there is no such one before @came_ms and @place. */
static const struct echo *first_of_two(const struct core *c, const struct echo *second,
                                       uint64_t words, int64_t came_ms, uint64_t place)
{
    for (const struct list *i = c->intake->echoes.next; i && i != &c->intake->echoes;
         i = i->next) {
        const struct echo *e = LIST_ENTRY_CONST(i, struct echo, link);

        if (e->side == second->side || !e->again)
            continue;
        for (const struct list *j = e->ends.next; j != &e->ends; j = j->next) {
            const struct end *end = LIST_ENTRY_CONST(j, struct end, link);

            if (end->came_ms > came_ms || (end->came_ms == came_ms && end->place >= place))
                break;
            if (e->conversation == second->conversation || end->words == words)
                return e;
        }
    }
    return NULL;
}

int64_t echo_behind_other(const struct core *c, enum echo_side side, int64_t conversation,
                          const struct event *event)
{
    const struct echo second = {.side = side, .conversation = conversation};
    const struct echo *first = NULL;

    /* what has waited under its conversation was looked at before it came out */
    if (side == ECHO_SERVICE
            ? !c->intake->echo_in_hand || c->intake->echo_in_hand == ECHO_NOBODYS
            : c->turn->again)
        first = first_of_two(c, &second, words_sum(event->content.text), event->taken_ms,
                             UINT64_MAX);
    if (!first)
        return 0;
    return conversation ? conversation : first->conversation;
}

static const struct end *echo_first(const struct echo *e)
{
    return list_is_empty(&e->ends) ? NULL : LIST_ENTRY_CONST(e->ends.next, struct end, link);
}

/* What waits under nobody's conversation comes out in the order of the doors, of both sides together. */
static bool is_before_nobodys(const struct core *c, enum echo_side side, const struct end *end)
{
    const struct echo *other =
        echo_find(c, side == ECHO_AMO ? ECHO_SERVICE : ECHO_AMO, ECHO_NOBODYS);
    const struct end *first = other ? echo_first(other) : NULL;

    return first && (first->came_ms < end->came_ms ||
                     (first->came_ms == end->came_ms && first->place < end->place));
}

/* The one whose turn it is waits for one of the other side that waits itself. */
static bool is_behind_other(const struct core *c, const struct echo *e)
{
    const struct end *end = echo_first(e);

    if (!end)
        return false;
    if (e->conversation == ECHO_NOBODYS)
        return is_before_nobodys(c, e->side, end);
    return (e->side == ECHO_SERVICE || e->again) &&
           first_of_two(c, e, end->words, end->came_ms, end->place);
}

int64_t echo_behind_spools(const struct core *c, enum echo_side side)
{
    int64_t now = clock_mono_ms();

    if (!c->turn->hand.spool)
        return 0; /* it has waited */
    return (c->turn->again && spools_are_missed(c, now)) ||
                   spools_send_again(c, c->turn->hand.spool, now) ||
                   (side == ECHO_AMO && echo_find(c, side, ECHO_NOBODYS))
               ? ECHO_NOBODYS
               : 0;
}

bool echo_is_pending(struct core *c, enum echo_side side, const struct conversation *conv)
{
    return is_leaving(c, side, conv->id) || unclear_one(c, side, conv, c->turn->again) ||
           echo_find(c, side, conv->id);
}

static bool echo_has_thread(const struct echo *e, const char *thread)
{
    for (const struct list *i = e->ends.next; i != &e->ends; i = i->next) {
        if (strcmp(LIST_ENTRY_CONST(i, struct end, link)->thread, thread) == 0)
            return true;
    }
    return false;
}

int64_t echo_of_thread(const struct core *c, const struct event *event)
{
    char thread[ID_DERIVED_MAX + 1];

    thread_of(event, thread);
    for (const struct list *i = c->intake->echoes.next; thread[0] && i != &c->intake->echoes;
         i = i->next) {
        const struct echo *e = LIST_ENTRY_CONST(i, struct echo, link);

        /* behind the one in hand stand only later ones */
        if (e->side == ECHO_SERVICE && e->conversation != c->intake->echo_in_hand &&
            echo_has_thread(e, thread))
            return e->conversation;
    }
    return 0;
}

/* May the report be of the words that @conv begins with? */
static bool may_be_of(const struct conversation *conv, const struct event *e,
                      const struct phone *client)
{
    if (conv->source[0] && e->source.len && !view_is(e->source, conv->source))
        return false;
    return !client->key[0] || !conv->phone || strcmp(client->key, conv->phone) == 0;
}

int echo_pending_first(struct core *c, const struct event *e, const struct phone *client,
                       int64_t *ret_conversation)
{
    int64_t ids[FIRST_MAX];
    struct conversation_ids unnamed = {.ids = ids, .max = FIRST_MAX};
    const struct dest *d = queue_dest(c->queue, DEST_CONNECTOR, e->connector);
    int rc = 0;

    *ret_conversation = 0;
    if (!d || d->n_waiting == 0)
        return 0; /* it owes us no answer */
    rc = store_conversations_unnamed(c->store, e->connector, &unnamed);
    for (size_t i = 0; rc == 0 && i < unnamed.n && !*ret_conversation; i++) {
        struct conversation conv = {0};

        rc = store_conversation(c->store, ids[i], &conv);
        if (rc == 0 && may_be_of(&conv, e, client) &&
            (is_leaving(c, ECHO_SERVICE, conv.id) ||
             unclear_one(c, ECHO_SERVICE, &conv, c->turn->again)))
            *ret_conversation = conv.id;
        conversation_fini(&conv);
        rc = rc == STORE_E_NONE ? 0 : rc;
    }
    return rc;
}

/* --- the end of the wait -------------------------------------------------------------------- */

/* Is another one of the lane, behind @cmd, of those that were done before? */
static bool another_again(const struct core *c, const struct core_command *cmd, bool again)
{
    const struct list *next = cmd->in_lane.next;

    return next != &cmd->lane->commands &&
           done_again(c, LIST_ENTRY(cmd->in_lane.next, struct core_command, in_lane), cmd->kind,
                      again);
}

void echo_settled(struct core *c, const struct core_command *cmd)
{
    struct echo *e = NULL;
    const struct core_command *head = NULL;

    if (cmd->kind != COMMAND_AMO_OUTGOING && cmd->kind != COMMAND_SERVICE_MESSAGE)
        return;
    head = LIST_ENTRY_CONST(cmd->lane->commands.next, struct core_command, in_lane);
    if (head != cmd && is_unclear(head, cmd->kind))
        return; /* it died of age behind the one that is waited for */
    e = echo_find(c, cmd->kind == COMMAND_AMO_OUTGOING ? ECHO_AMO : ECHO_SERVICE,
                  cmd->lane->id / 2);
    if (e && !another_again(c, cmd, e->again))
        e->over = true;
}

/* The oldest one is applied. STORE_E_NONE: there is none, and @e is gone. */
static int echo_apply_one(struct core *c, struct echo *e, enum intake_how how)
{
    struct echo_row row = {0};
    struct buf event;
    int rc = core_turn(c);

    buf_init(&event, LIMIT_FRAME_BYTES);
    rc = rc ? rc : store_echo_take(c->store, e->key, &event, &row);
    if (rc == 0) {
        c->intake->n_waiting--;
        if (!list_is_empty(&e->ends)) {
            struct end *end = LIST_ENTRY(e->ends.next, struct end, link);

            c->intake->echo_row_place = end->place;
            c->intake->echo_since_mono_ms = end->since_mono_ms;
            end_free(end);
        }
        /* whether its spool had sent it before is not written down: a look at amo too many does no
         * harm, one too few does */
        c->turn->again = true;
        c->intake->forgotten = row.forgotten;
        c->intake->echo_row = &row;
        c->intake->echo_in_hand =
            e->side == ECHO_SERVICE || e->conversation == ECHO_NOBODYS ? e->conversation : 0;
        rc = waiting_apply(c, buf_view(&event), how);
        c->intake->echo_in_hand = 0;
        c->intake->echo_since_mono_ms = 0;
        c->intake->echo_row = NULL;
        c->turn->again = c->intake->forgotten = false;
    } else if (rc == STORE_E_NONE) {
        echo_drop(c, e);
    }
    echo_row_fini(&row);
    buf_fini(&event);
    return rc;
}

/* Was anything applied? Then something else may have its turn. */
static bool echo_run_once(struct core *c, int *n)
{
    struct list *next = NULL;
    bool applied = false;

    for (struct list *i = c->intake->echoes.next;
         i != &c->intake->echoes && !c->turn->exit_code; i = next) {
        struct echo *e = LIST_ENTRY(i, struct echo, link);
        int rc = 0;

        next = i->next;
        while (rc == 0 && e->over) {
            if (*n == RUN_EVENTS)
                return false; /* the others after other work, at the next tick */
            if (is_behind_other(c, e)) {
                e->over = e->conversation == ECHO_NOBODYS;
                break;
            }
            ++*n;
            applied = true;
            rc = echo_apply_one(c, e, INTAKE_WOKEN); /* @e is gone when it was the last */
        }
        if (rc < 0)
            core_row_failed(c, "echo", rc);
    }
    return applied;
}

void echo_run(struct core *c)
{
    int n = 0;

    while (echo_run_once(c, &n))
        ;
}

/* @step_ms have passed with @head unclear. */
static void echo_pass(struct core *c, struct echo *e, const struct core_command *head,
                      int64_t step_ms, int64_t now_mono_ms)
{
    const struct lane *l = head->lane;
    bool told = head->state == COMMAND_IN_FLIGHT
                    ? head->worker && peer_is_alive(head->worker, now_mono_ms)
                    : !dest_is_held(l->dest);

    if (!peers_have_worker(c, now_mono_ms) || l->dest->paused || (l->scope && l->scope->paused))
        return; /* nobody could tell */
    e->waited_ms += step_ms;
    if (told)
        e->counted_ms += step_ms;
}

static bool echo_is_due(const struct echo *e)
{
    const struct end *first =
        list_is_empty(&e->ends) ? NULL : LIST_ENTRY_CONST(e->ends.next, struct end, link);

    return first && (e->counted_ms >= first->counted_ms || e->waited_ms >= first->waited_ms);
}

static int echo_tick_one(struct core *c, struct echo *e, int64_t step_ms, int64_t now_mono_ms)
{
    struct conversation conv = {0};
    const struct core_command *head = NULL;
    int rc = 0;

    core_ask(c);
    rc = store_conversation(c->store, e->conversation, &conv);
    if (rc == 0)
        head = unclear_one(c, e->side, &conv, e->again);
    conversation_fini(&conv);
    e->over = core_asked(c, "echo", rc) || e->over; /* each event is applied, and kept aside */
    if (rc < 0)
        return rc == STORE_DAMAGED && e->over ? 0 : rc;
    if (e->conversation == ECHO_NOBODYS) {
        e->over =
            !spools_are_missed(c, now_mono_ms) && !spools_send_again(c, NULL, now_mono_ms);
        if (e->over)
            return 0;
        e->waited_ms += step_ms;
        e->counted_ms += step_ms;
    } else if (is_behind_other(c, e)) {
        e->waited_ms += step_ms; /* that one has an end of its own */
    } else if (!head && is_leaving(c, e->side, e->conversation)) {
        e->waited_ms += step_ms;
        e->counted_ms += step_ms;
    } else if (!head) {
        e->over = true; /* settled in an earlier life of core, or gone */
        return 0;
    } else {
        echo_pass(c, e, head, step_ms, now_mono_ms);
    }
    rc = 0;
    for (int n = 0; rc == 0 && n < RUN_EVENTS && echo_is_due(e); n++)
        rc = echo_apply_one(c, e, INTAKE_LATE);
    if (rc == 0 && list_is_empty(&e->ends))
        echo_drop(c, e);
    return rc < 0 ? rc : 0;
}

void echo_tick(struct core *c, int64_t now_mono_ms)
{
    int64_t step = c->intake->echo_mono_ms ? now_mono_ms - c->intake->echo_mono_ms : 0;
    struct list *next = NULL;
    int rc = 0;

    c->intake->echo_mono_ms = now_mono_ms;
    if (step > STEP_MAX_MS)
        step = STEP_MAX_MS;
    for (struct list *i = c->intake->echoes.next; rc == 0 && i != &c->intake->echoes;
         i = next) {
        next = i->next;
        rc = echo_tick_one(c, LIST_ENTRY(i, struct echo, link), step, now_mono_ms);
    }
    if (rc)
        core_row_failed(c, "echo", rc);
    else
        echo_run(c);
}
