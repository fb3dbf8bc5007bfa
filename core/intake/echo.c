/* Events that may be our own words coming back.
 *
 * From: intake.c, a decision to wait for the echo. To: intake.c again, once the message is
 * settled or the time is over.
 * Holds: the events, in the store; how long they have waited, in memory. */

#include "core/intake/echo.h"

#include "base/clock.h"
#include "core/intake/apply.h"
#include "core/intake/deferred.h"
#include "core/intake/follow.h"
#include "core/intake/intake.h"
#include "core/intake/room.h"
#include "core/peers/peers.h"
#include "core/peers/spools.h"
#include "core/turn/deaths.h"
#include "proto/event.h"
#include "proto/limits.h"

/* applied for one conversation before other work gets its turn */
#define RUN_EVENTS   1000
/* conversations without a name at the service that are looked at for one report */
#define FIRST_MAX    200
/* conversations with webhooks that come again which are looked at for one report; among more it may be any's */
#define REPORTED_MAX 32

bool echo_waits_for_spools(const struct core *c)
{
    return echoes_find(c, ECHO_AMO, ECHO_NOBODYS) || echoes_find(c, ECHO_SERVICE, ECHO_NOBODYS);
}

/* --- what is waited for --------------------------------------------------------------------- */

static const struct lane *lane_of(struct core *c, enum echo_side side,
                                  const struct conversation *conv)
{
    struct dest *scope = queue_dest(c->queue, DEST_SCOPE, view_of(conv->scope));
    struct dest *d = side == ECHO_AMO
                         ? scope
                         : queue_dest(c->queue, DEST_CONNECTOR, view_of(conv->connector));

    return d && scope
               ? queue_lane_at(c->queue, command_lane_of(conv->id, side == ECHO_AMO), d, scope)
               : NULL;
}

/* The first of a lane, from @cmd on, that was done before by a core whose store is not ours any more
 * (core->turn->again): its echoes also come again, whatever stands in front of it. That may be what is new,
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

/* The message that the conversation's echoes would be of; NULL when none is unclear. What had been tried before
 * other conversations were merged with this one stands behind what was in theirs. Not @but, which is being settled and
 * still stands in its lane. */
static struct core_command *unclear_but(struct core *c, enum echo_side side,
                                        const struct conversation *conv, bool again,
                                        const struct core_command *but)
{
    enum command_kind kind = side == ECHO_AMO ? COMMAND_AMO_OUTGOING : COMMAND_SERVICE_MESSAGE;
    struct core_command *ret = NULL;

    for (const struct lane *l = lane_of(c, side, conv); l; l = l->after) {
        struct core_command *head =
            list_is_empty(&l->commands)
                ? NULL
                : LIST_ENTRY(l->commands.next, struct core_command, in_lane);
        struct core_command *one = head == but ? NULL : head;

        if (head && head == but && head->in_lane.next != &l->commands)
            one = done_again(c, LIST_ENTRY(head->in_lane.next, struct core_command, in_lane),
                             kind, again);
        else if (one && !is_unclear(one, kind))
            one = done_again(c, one, kind, again);
        ret = one ? one : ret;
    }
    return ret;
}

static struct core_command *unclear_one(struct core *c, enum echo_side side,
                                        const struct conversation *conv, bool again)
{
    return unclear_but(c, side, conv, again, NULL);
}

/* It went to another account, and what was tried for the one before is not over yet. */
static bool is_leaving(const struct core *c, enum echo_side side, int64_t conversation)
{
    return reach_is_leaving(c, command_lane_of(conversation, side == ECHO_AMO));
}

/* A webhook or report that may have to wait for one of the other side. */
struct second {
    enum echo_side side;
    int64_t conversation; /* 0 not known */
    uint64_t words;
    uint64_t chat; /* echoes_chat of a webhook; 0 it does not matter */
    struct stand stand;
    bool again; /* it may be one of two */
};

static bool is_first(const struct echo *e, const struct end *end, const struct second *second)
{
    if (second->side == ECHO_AMO && second->chat && second->chat == end->chat)
        return true;
    return second->again && e->again && !end->client &&
           (e->conversation == second->conversation || end->words == second->words);
}

/* What a forgotten core has done comes again as two: a webhook and the report that it brought about, or a
 * colleague's report and the webhook that it brought about. Of the two the one that ingress accepted later
 * waits until it is known what became of the first. It is that of its conversation, whatever the words
 * have become, or has the same words: it may wait under another one's first words, or under nobody's. And a
 * webhook of a chat that the store has forgotten waits for the report that begins it. Since whoever waits so
 * waits for what came before it, and the queues are in that order as well, nothing waits for itself in a circle.
 * NULL: there is no such one before @second. */
static const struct echo *first_of_two(const struct core *c, const struct second *second)
{
    for (const struct list *i = c->intake->echoes.next; i && i != &c->intake->echoes;
         i = i->next) {
        const struct echo *e = LIST_ENTRY_CONST(i, struct echo, link);

        if (e->side == second->side)
            continue;
        for (const struct list *j = e->ends.list.next; j != &e->ends.list; j = j->next) {
            const struct end *end = LIST_ENTRY_CONST(j, struct end, link);

            if (!stand_is_before(&end->stand, &second->stand))
                break;
            if (is_first(e, end, second))
                return e;
        }
    }
    return NULL;
}

int64_t echo_behind_other(const struct core *c, enum echo_side side, int64_t conversation,
                          const struct event *event)
{
    int64_t in_hand = c->intake->echo_in_hand;
    struct second second = {.side = side,
                            .conversation = conversation,
                            .words = echoes_words(event->content.text),
                            .stand = echoes_stand(c, event)};
    const struct echo *first = NULL;

    if (side == ECHO_AMO && !conversation)
        second.chat = echoes_chat(event);
    else if (side == ECHO_AMO)
        second.again = c->turn->again || c->turn->hand.held;
    else /* what has waited under its conversation was looked at before it came out */
        second.again = !in_hand || in_hand == ECHO_NOBODYS;
    first = first_of_two(c, &second);
    if (!first)
        return 0;
    return conversation ? conversation : first->conversation;
}

static int is_of_connector(struct core *c, int64_t conversation, struct view connector,
                           bool *ret)
{
    struct conversation conv = {0};
    int rc = store_conversation(c->store, conversation, &conv);

    *ret = rc == 0 && view_is(connector, conv.connector);
    conversation_fini(&conv);
    return rc == STORE_E_NONE ? 0 : rc;
}

int echo_may_be_reported(struct core *c, struct view connector, int64_t conversation, bool *ret)
{
    const struct echo *e = conversation ? echoes_find(c, ECHO_AMO, conversation) : NULL;
    size_t n = 0;
    int rc = 0;

    *ret = echoes_find(c, ECHO_AMO, ECHO_NOBODYS) || (e && e->again);
    if (conversation)
        return 0;
    for (const struct list *i = c->intake->echoes.next;
         rc == 0 && !*ret && i && i != &c->intake->echoes; i = i->next) {
        e = LIST_ENTRY_CONST(i, struct echo, link);
        if (e->side == ECHO_SERVICE || !e->again)
            continue;
        *ret = ++n > REPORTED_MAX;
        if (!*ret)
            rc = is_of_connector(c, e->conversation, connector, ret);
    }
    return rc;
}

/* What waits under nobody's conversation comes out in the order in which ingress accepted it, of both sides together. */
static bool is_before_nobodys(const struct core *c, enum echo_side side, const struct end *end)
{
    const struct echo *other =
        echoes_find(c, side == ECHO_AMO ? ECHO_SERVICE : ECHO_AMO, ECHO_NOBODYS);
    const struct end *first = other ? echoes_first(other) : NULL;

    return first && stand_is_before(&first->stand, &end->stand);
}

/* The one whose turn it is waits for one of the other side that waits itself. */
static bool is_behind_other(const struct core *c, const struct echo *e)
{
    const struct end *end = echoes_first(e);

    if (!end)
        return false;
    if (e->conversation == ECHO_NOBODYS)
        return is_before_nobodys(c, e->side, end);
    return !end->client &&
           first_of_two(c, &(struct second){.side = e->side,
                                            .conversation = e->conversation,
                                            .words = end->words,
                                            .chat = end->chat,
                                            .stand = end->stand,
                                            .again = e->side == ECHO_SERVICE || e->again});
}

int64_t echo_behind_spools(const struct core *c, enum echo_side side)
{
    int64_t now = clock_mono_ms();

    if (!c->turn->hand.spool)
        return 0; /* it has waited */
    /* What brought it about may be in a spool that has not come back. Its own ingress need never have sent it:
     * what came to a door while that had no session is new to every core. */
    return (side == ECHO_SERVICE && room_may_be_reported(c)) ||
                   ((c->turn->again || c->turn->hand.held) && spools_are_missed(c, now)) ||
                   spools_send_again(c, c->turn->hand.spool, now) ||
                   (side == ECHO_AMO && echoes_find(c, side, ECHO_NOBODYS))
               ? ECHO_NOBODYS
               : 0;
}

bool echo_is_tried(struct core *c, enum echo_side side, const struct conversation *conv)
{
    return is_leaving(c, side, conv->id) || unclear_one(c, side, conv, c->turn->again);
}

bool echo_is_pending(struct core *c, enum echo_side side, const struct conversation *conv)
{
    return echo_is_tried(c, side, conv) || echoes_wait(c, side, conv->id);
}

/* May the report be of the words that @conv begins with? */
static bool may_be_of(const struct conversation *conv, const struct event *e,
                      const struct phone *client)
{
    if (conv->source[0] && e->source.len && !view_is(e->source, conv->source))
        return false;
    return !client->key[0] || !conv->phone || strcmp(client->key, conv->phone) == 0;
}

int echo_first_words(struct core *c, const struct event *e, const struct phone *client,
                     echo_first_fn *fn, void *arg)
{
    int64_t ids[FIRST_MAX];
    struct conversation_ids unnamed = {.ids = ids, .max = FIRST_MAX};
    int rc = store_conversations_unnamed(c->store, e->connector, &unnamed);

    for (size_t i = 0; rc == 0 && i < unnamed.n; i++) {
        struct conversation conv = {0};

        rc = store_conversation(c->store, ids[i], &conv);
        if (rc == 0 && may_be_of(&conv, e, client))
            rc = fn(c, &conv, arg);
        conversation_fini(&conv);
        rc = rc == STORE_E_NONE ? 0 : rc;
    }
    return rc < 0 ? rc : 0;
}

static int first_is_pending(struct core *c, const struct conversation *conv, void *arg)
{
    int64_t *ret_conversation = arg;

    if (!echo_is_tried(c, ECHO_SERVICE, conv))
        return 0;
    *ret_conversation = conv->id;
    return 1;
}

int echo_pending_first(struct core *c, const struct event *e, const struct phone *client,
                       int64_t *ret_conversation)
{
    const struct dest *d = queue_dest(c->queue, DEST_CONNECTOR, e->connector);

    *ret_conversation = 0;
    if (!d || d->n_waiting == 0)
        return 0; /* it owes us no answer */
    return echo_first_words(c, e, client, first_is_pending, ret_conversation);
}

/* --- the end of the wait -------------------------------------------------------------------- */

/* Is another one of the lane, behind @cmd, of those that were done before? */
static bool another_behind(const struct core *c, const struct core_command *cmd, bool again)
{
    const struct list *next = cmd->in_lane.next;

    return next != &cmd->lane->commands &&
           done_again(c, LIST_ENTRY(cmd->in_lane.next, struct core_command, in_lane), cmd->kind,
                      again);
}

/* … or of the same conversation, in the lane that it has at another account since? What waits may be of that one. */
static bool another_elsewhere(struct core *c, const struct echo *e,
                              const struct core_command *cmd)
{
    struct conversation conv = {0};
    bool is = store_conversation(c->store, e->conversation, &conv) == 0 &&
              unclear_but(c, e->side, &conv, e->again, cmd);

    conversation_fini(&conv);
    return is; /* if it cannot be read the next tick says so */
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
    e = echoes_find(c, cmd->kind == COMMAND_AMO_OUTGOING ? ECHO_AMO : ECHO_SERVICE,
                    cmd->lane->id / 2);
    if (e && !another_behind(c, cmd, e->again) && !another_elsewhere(c, e, cmd))
        e->over = true;
}

/* It comes out, wherever it stands. */
static int echo_apply(struct core *c, struct echo *e, struct end *end, enum intake_how how)
{
    struct echo_row row = {0};
    struct buf event;
    int rc = core_turn(c);

    buf_init(&event, LIMIT_FRAME_BYTES);
    rc = rc ? rc : store_echo_take(c->store, end->row, e->key, &event, &row);
    if (rc == 0) {
        c->intake->n_deferred--;
        c->intake->echo_row_stand = end->stand;
        c->intake->echo_since_ms = end->since_ms;
        /* whether the spool of what may be an echo had sent it before is not asked: a look at amo too many
         * does no harm, one too few does */
        c->turn->again = !end->client || end->again;
        c->intake->forgotten = row.came.forgotten;
        c->intake->echo_row = &row;
        c->intake->echo_in_hand = e->conversation;
        echoes_remove(c, end);
        rc = deferred_apply(c, buf_view(&event), how);
        c->intake->echo_in_hand = 0;
        c->intake->echo_row = NULL;
        c->turn->again = c->intake->forgotten = false;
    } else if (rc == STORE_E_NONE) {
        echoes_remove(c, end); /* it was erased */
        rc = 0;
    }
    echo_row_fini(&row);
    buf_fini(&event);
    return rc;
}

/* The oldest one is applied. STORE_E_NONE: there is none, and @e is gone. */
static int echo_apply_one(struct core *c, struct echo *e, enum intake_how how)
{
    if (echoes_first(e))
        return echo_apply(c, e, echoes_first(e), how);
    echoes_drop(c, e);
    return STORE_E_NONE;
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

/* May what became of @head be known by now? While it is not its turn nobody asks: its destination may want few calls,
 * and others stand before it. */
static bool can_be_told(const struct core_command *head, int64_t now_mono_ms)
{
    switch (head->state) {
    case COMMAND_IN_FLIGHT:
        return head->worker && peer_tells(head->worker, now_mono_ms);
    case COMMAND_CHECKING:
        return !head->look_waits && !dest_is_held(head->lane->dest);
    case COMMAND_WAITING:
        return !dest_is_held(head->lane->dest);
    case COMMAND_QUEUED:
    case COMMAND_READY:
    case COMMAND_DONE:
    case COMMAND_DEAD:
        break;
    }
    return false;
}

/* @step_ms have passed with @head unclear. */
static void echo_pass(struct core *c, struct echo *e, const struct core_command *head,
                      int64_t step_ms, int64_t now_mono_ms)
{
    const struct lane *l = head->lane;

    if (!peers_have_worker(c, now_mono_ms) || l->dest->paused || (l->scope && l->scope->paused))
        return; /* nobody could tell */
    e->waited_ms += step_ms;
    if (can_be_told(head, now_mono_ms))
        e->counted_ms += step_ms;
}

/* Of what is under way to an account that the conversation has left: the first message that its echoes may be of, or
 * what stands there. NULL: it is over, or not known yet. */
static const struct core_command *leaving_one(const struct core *c, const struct echo *e)
{
    enum command_kind kind =
        e->side == ECHO_AMO ? COMMAND_AMO_OUTGOING : COMMAND_SERVICE_MESSAGE;
    const struct core_command *ret =
        reach_leaving_one(c, command_lane_of(e->conversation, e->side == ECHO_AMO));
    const struct lane *l = NULL;

    if (!ret)
        return NULL;
    l = ret->lane;
    for (const struct list *i = l->commands.next; i != &l->commands; i = i->next) {
        const struct core_command *one = LIST_ENTRY_CONST(i, struct core_command, in_lane);

        if (one->kind == kind)
            return one;
    }
    return ret;
}

/* What has waited long enough goes, in order. A report that has not holds up the reports behind it, and those
 * clients' messages that have still to wait for it. */
static int echo_let_go(struct core *c, struct echo *e)
{
    struct list *next = NULL;
    bool reports = true;
    int rc = 0;
    int n = 0;

    for (struct list *i = e->ends.list.next;
         rc == 0 && n < RUN_EVENTS && (reports || e->n_clients) && i != &e->ends.list;
         i = next) {
        struct end *end = LIST_ENTRY(i, struct end, link);
        bool due = end->client ? echoes_client_may_go(c, end)
                               : reports && (e->counted_ms >= end->counted_ms ||
                                             e->waited_ms >= end->waited_ms);

        next = i->next;
        reports = reports && (due || end->client);
        if (!due)
            continue;
        rc = echo_apply(c, e, end, INTAKE_LATE);
        n++;
    }
    return rc;
}

static int echo_tick_alive(struct core *c, struct echo *e, int64_t step_ms, int64_t now_mono_ms)
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
        if (e->side == ECHO_SERVICE && room_may_be_reported(c))
            return 0; /* which has an end: so many a second come out */
        e->over =
            !spools_are_missed(c, now_mono_ms) && !spools_send_again(c, NULL, now_mono_ms);
        if (e->over)
            return 0;
        e->waited_ms += step_ms;
        e->counted_ms += step_ms;
    } else if (is_behind_other(c, e)) {
        e->waited_ms += step_ms; /* that one has an end of its own */
    } else if (!head && is_leaving(c, e->side, e->conversation)) {
        head = leaving_one(c, e);
        if (head)
            echo_pass(c, e, head, step_ms, now_mono_ms);
        else
            e->waited_ms += step_ms; /* the next tick knows more */
    } else if (!head) {
        e->over = true; /* settled in an earlier life of core, or gone */
        return 0;
    } else {
        echo_pass(c, e, head, step_ms, now_mono_ms);
    }
    rc = echo_let_go(c, e);
    if (rc == 0 && list_is_empty(&e->ends.list))
        echoes_drop(c, e);
    return rc < 0 ? rc : 0;
}

/* Whatever is asked for it kills core: what waits goes without, each event for itself. */
static int echo_tick_one(struct core *c, struct echo *e, int64_t step_ms, int64_t now_mono_ms)
{
    struct deed deed = deed_of(DEED_ECHOES, e->conversation);
    struct deed outer;
    int rc = 0;

    deed.key[1] = (uint64_t)e->side;
    if (deaths_begin(c, &deed, &outer) >= DEATHS_MAX) {
        e->over = true;
        deaths_pass(c, &outer);
    } else {
        rc = echo_tick_alive(c, e, step_ms, now_mono_ms);
        deaths_end(c, &outer);
    }
    return rc;
}

void echo_tick(struct core *c, int64_t now_mono_ms)
{
    int64_t step = c->intake->echo_mono_ms ? now_mono_ms - c->intake->echo_mono_ms : 0;
    struct list *next = NULL;
    int rc = 0;

    c->intake->echo_mono_ms = now_mono_ms;
    if (step > ECHO_STEP_MAX_MS)
        step = ECHO_STEP_MAX_MS;
    c->intake->echo_ran_ms += step;
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
