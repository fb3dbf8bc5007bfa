/* What waits follows its conversation, when the registry has changed.
 *
 * From: dispatch.c, core.c. To: the store; the queue. Holds: nothing. */

#include "core/deliver/moved.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/deliver/calls.h"
#include "core/deliver/killer.h"
#include "core/deliver/look.h"
#include "core/deliver/parting.h"
#include "core/deliver/settle.h"
#include "core/intake/conversation.h"
#include "core/intake/follow.h"
#include "core/intake/intake.h"
#include "core/model/reach.h"
#include "core/store/erase.h"
#include "core/store/reach.h"
#include "proto/command.h"

/* conversations looked at in one tick: some ten milliseconds */
#define TICK_ROWS  5000
/* of them moved in one tick */
#define TICK_MOVES 500

#define WORDS_MOVED "the number belongs to another account now"
#define WORDS_UNCLEAR                                                                          \
    "the account that it was sent to before cannot be asked any more whether it has it"
#define WORDS_MAYBE "it may have reached the client; the number is not this account's any more"
#define WORDS_SERVICE                                                                          \
    "it may have reached the client by the service before, which gave no clear answer"
#define WORDS_NOBODY "the number belongs to no account now"

/* --- commands --------------------------------------------------------------------------------- */

/* It says something to the side that wrote the message it is about. */
static bool is_status_update(uint64_t kind)
{
    return kind == COMMAND_AMO_STATUS || kind == COMMAND_SERVICE_FAILED;
}

static bool is_registered(const struct core *c, const struct command_row *row)
{
    if (command_is_for_service((enum command_kind)row->kind))
        return row->connector && registry_connector(c->turn->registry, view_of(row->connector));
    return row->scope && registry_scope(c->turn->registry, view_of(row->scope));
}

bool reach_is_current(const struct core *c, const struct command_row *row,
                      const struct conversation *conv)
{
    struct view connector = view_of(row->connector);

    if (!is_registered(c, row))
        return false;
    if (is_status_update((uint64_t)row->kind) || !conv->id)
        return true;
    if (reach_of(c->turn->registry, conv).way != REACH_STAYS || !row->scope ||
        strcmp(row->scope, conv->scope) != 0)
        return false;
    return !command_is_for_service((enum command_kind)row->kind) ||
           view_is(connector, conv->connector);
}

/* Has this core sent it? What was sent before it began may be there already, whoever goes first now. */
static bool was_sent(const struct core_command *cmd)
{
    return cmd->attempts > 0 || cmd->attempt;
}

/* The first of its lane came after @cmd, and has not been sent: it goes behind it. */
static int let_pass(struct core *c, const struct core_command *cmd)
{
    struct core_command *head =
        LIST_ENTRY(cmd->lane->commands.next, struct core_command, in_lane);
    struct command_row row = {0};
    bool again = c->turn->again;
    bool first = head->first;
    int rc = 0;

    if (head->id <= cmd->id || was_sent(head) ||
        (head->state != COMMAND_READY && head->state != COMMAND_WAITING))
        return 0;
    rc = store_command(c->store, head->id, &row);
    if (rc == 0) {
        c->turn->again = head->again || head->tried; /* its echo may come, wherever it stands */
        queue_move(c->queue, head, COMMAND_DEAD, 0, clock_mono_ms());
        rc = core_enqueue(c, &row);
        c->turn->again = again;
        head = rc ? NULL : queue_find(c->queue, row.id);
    }
    if (rc == 0 && head) {
        head->first = first;
        queue_by_age(head);
    }
    command_row_fini(&row);
    return rc;
}

/* May it have been sent where it still goes? To the same service; or it may come back to where amo has it. */
static bool stays_tried(const struct core_command *cmd, const struct command_row *row,
                        const struct conversation *conv)
{
    return cmd->tried && (command_is_new_at_amo(cmd->kind) ||
                          (command_is_for_service(cmd->kind) && row->connector &&
                           strcmp(row->connector, conv->connector) == 0));
}

/* A manager's words that are to go by another service than before. */
static bool leaves_service(const struct command_row *row, const struct conversation *conv)
{
    return row->kind == COMMAND_SERVICE_MESSAGE && row->connector && conv->connector &&
           strcmp(row->connector, conv->connector) != 0;
}

/* The row of what goes along. */
static int redirect_row(struct core *c, struct command_row *row,
                        const struct conversation *conv)
{
    int rc = store_command_redirect(c->store, row->id, conv->scope,
                                    row->connector ? conv->connector : NULL);

    if (rc == 0 && command_is_message((enum command_kind)row->kind))
        rc = store_message_redirect(
            c->store, row->message,
            command_is_new_at_amo((enum command_kind)row->kind) ? conv->scope : NULL,
            conv->connector);
    rc = rc ? rc : text_set(&row->scope, view_of(conv->scope));
    if (row->connector)
        rc = rc ? rc : text_set(&row->connector, view_of(conv->connector));
    return rc;
}

/* Into the lane where it belongs now, before what came later. Its attempts begin again: the ones
 * before were somebody else's. Not so that there were any. */
static void redirect(struct core *c, struct core_command *cmd, struct command_row *row,
                     const struct conversation *conv)
{
    bool tried = stays_tried(cmd, row, conv);
    bool first = tried && cmd->first && command_is_for_service(cmd->kind);
    int rc = core_turn(c);

    rc = rc ? rc : redirect_row(c, row, conv);
    row->attempts = row->next_ms = row->lost = 0;
    row->unsure = false;
    if (rc == 0) {
        queue_move(c->queue, cmd, COMMAND_DEAD, 0, clock_mono_ms()); /* its old place alone */
        rc = core_enqueue(c, row);
        cmd = rc ? NULL : queue_find(c->queue, row->id);
    }
    if (rc == 0 && cmd) {
        cmd->tried = cmd->tried || tried;
        cmd->first = cmd->first || first;
        queue_by_age(cmd);
        rc = let_pass(c, cmd);
    }
    if (rc)
        core_give_up(c, "reach", rc);
}

/* Does it go along with its conversation? What a client wrote goes to whoever has the number now;
 * what a manager wrote, and what is about a message that another account has, does not. */
static bool goes_along(const struct command_row *row, const struct conversation *conv,
                       const struct message *m)
{
    bool same_account = row->scope && reach_is_same_account(row->scope, conv->scope);

    switch ((enum command_kind)row->kind) {
    case COMMAND_AMO_MESSAGE:
        return true;
    case COMMAND_AMO_OUTGOING:
        return same_account; /* its author is somebody's user */
    case COMMAND_AMO_EDIT:
    case COMMAND_AMO_REACTION: /* behind their message, which has gone along by now */
        return strcmp(m->scope, conv->scope) == 0;
    case COMMAND_SERVICE_MESSAGE:
        return same_account && reach_has_address(conv);
    case COMMAND_SERVICE_REACTION:
        return same_account && strcmp(m->connector, conv->connector) == 0;
    case COMMAND_AMO_STATUS:
    case COMMAND_SERVICE_FAILED:
    case COMMAND_AMO_CONNECT:
    case COMMAND_AMO_DISCONNECT:
    case COMMAND_AMO_CREATE_CHAT:
    case COMMAND_AMO_HISTORY:
    case COMMAND_AMO_TYPING:
    case COMMAND_SERVICE_TYPING:
    case COMMAND_SERVICE_TEST:
    case COMMAND_AMO_REACH:
    case COMMAND_AMO_HOOK:
        break; /* status updates stay, the others are never stored */
    }
    return false;
}

/* Something in the lane is to leave it, and cannot yet: what comes later to whom it reaches now waits. */
static int is_leaving(struct core *c, const struct core_command *cmd)
{
    struct lane *l = cmd->lane;

    if (l->leaving == c->intake->leaving_pass)
        return 0; /* it is known */
    l->leaving = c->intake->leaving_pass;
    return reach_note_leaving(c, l->id, cmd->id);
}

/* Its history is asked, once it is the first, and its lane holds up what comes later to whom it reaches now. */
static int ask_behind(struct core *c, struct core_command *cmd)
{
    int64_t now = clock_mono_ms();

    if (cmd->state == COMMAND_QUEUED) {
        c->turn->reach_due = true;
        return is_leaving(c, cmd);
    }
    if (cmd->state != COMMAND_READY)
        queue_move(c->queue, cmd, COMMAND_READY, 0, now);
    if (!cmd->parting_mono_ms)
        cmd->parting_mono_ms = now;
    look_begin(c, cmd, LOOK_LEAVING, VIEW_NONE);
    c->turn->reach_due = true;
    return is_leaving(c, cmd);
}

/* A manager's word is its account's own. Nobody can be asked whether the client has it. */
static int give_up(struct core *c, struct core_command *cmd, const char *reason,
                   const char *words)
{
    bool maybe = false;
    int rc =
        cmd->kind == COMMAND_SERVICE_MESSAGE ? parting_may_be_at_client(c, cmd, &maybe) : 0;

    if (rc)
        return rc;
    if (maybe)
        settle_dead(c, cmd, "unclear", VIEW_LIT(WORDS_MAYBE));
    else
        settle_dead(c, cmd, reason, view_of(words));
    return 0;
}

/* It goes along, unless it may be at its client by the service that it leaves: the other one would send it once
 * more, and knows nothing of the id. */
static int go_along(struct core *c, struct core_command *cmd, struct command_row *row,
                    const struct conversation *conv)
{
    bool maybe = false;
    int rc = 0;

    if (leaves_service(row, conv))
        rc = parting_may_be_at_old_service(c, cmd, &maybe);
    if (rc)
        return rc;
    if (maybe)
        settle_dead(c, cmd, "unclear", VIEW_LIT(WORDS_SERVICE));
    else
        redirect(c, cmd, row, conv);
    return 0;
}

/* The conversation went to an account that has left since: what follows it there waits, as does what
 * stood there already. */
static bool is_of_one_who_left(const struct core *c, const struct command_row *row,
                               const struct conversation *conv)
{
    const struct reg_scope *s =
        conv->scope ? registry_scope(c->turn->registry, view_of(conv->scope)) : NULL;

    return s && s->disconnected && row->scope && strcmp(row->scope, conv->scope) != 0;
}

/* @looked: the account that it leaves was asked, and does not have it. */
static int stray(struct core *c, struct core_command *cmd, bool looked, struct command_row *row,
                 struct message *m, struct conversation *conv)
{
    enum parting parting = PARTING_FREE;
    struct reach to;
    int rc = store_command(c->store, cmd->id, row);

    if (rc == 0 && row->message) {
        rc = store_message(c->store, row->message, m);
        rc = rc ? rc : store_conversation(c->store, m->conversation, conv);
    }
    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    if (!is_registered(c, row) && is_status_update((uint64_t)row->kind)) {
        settle_dead(c, cmd, "unregistered", VIEW_NONE);
        return 0;
    }
    if (!conv->id)
        return 0;
    to = reach_of(c->turn->registry, conv);
    if (to.way == REACH_FOLLOWS)
        rc = reach_follow(c, conv, &to);
    if (rc || reach_is_current(c, row, conv))
        return rc;
    call_cancel(c, cmd); /* what it asked was for the one before */
    rc = looked ? 0 : parting_of(c, cmd, row, &parting);
    if (rc || parting == PARTING_ASK)
        return rc ? rc : ask_behind(c, cmd);
    if (parting == PARTING_UNCLEAR) {
        settle_dead(c, cmd, "unclear", VIEW_LIT(WORDS_UNCLEAR));
        return 0;
    }
    if (to.way == REACH_NOBODY && !is_of_one_who_left(c, row, conv))
        rc = give_up(c, cmd, "nobody", WORDS_NOBODY);
    else if (goes_along(row, conv, m))
        rc = go_along(c, cmd, row, conv);
    else
        rc = give_up(c, cmd, "moved", WORDS_MOVED);
    return rc;
}

static void find_place(struct core *c, struct core_command *cmd, bool looked)
{
    struct conversation conv = {0};
    struct command_row row = {0};
    struct message m = {0};
    int64_t id = cmd->id;
    int rc = core_row_begin(c);

    rc = rc ? rc : stray(c, cmd, looked, &row, &m, &conv);
    rc = core_row_end(c, "reach", rc);
    cmd = rc && !c->turn->exit_code ? queue_find(c->queue, id) : NULL;
    if (cmd) /* nobody can say where it belongs: it must not be looked at for ever */
        settle_dead(c, cmd, "failed", VIEW_NONE);
    command_row_fini(&row);
    message_fini(&m);
    conversation_fini(&conv);
}

void reach_stray(struct core *c, struct core_command *cmd)
{
    find_place(c, cmd, false);
}

void reach_go_along(struct core *c, struct core_command *cmd)
{
    queue_move(c->queue, cmd, COMMAND_READY, 0, clock_mono_ms());
    find_place(c, cmd, true);
}

int reach_by_now(struct core *c, struct command_row *row, bool takes, bool *ret_leaves)
{
    struct conversation conv = {0};
    struct message m = {0};
    int rc = 0;

    *ret_leaves = false;
    if (row->kind != COMMAND_SERVICE_MESSAGE || !row->message)
        return 0;
    rc = store_message(c->store, row->message, &m);
    rc = rc ? rc : store_conversation(c->store, m.conversation, &conv);
    if (rc == 0 && leaves_service(row, &conv) && goes_along(row, &conv, &m)) {
        *ret_leaves = true;
        rc = takes ? redirect_row(c, row, &conv) : 0;
    }
    message_fini(&m);
    conversation_fini(&conv);
    return rc == STORE_E_NONE ? 0 : rc;
}

/* --- the registry has changed ----------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;

    return (*x > *y) - (*x < *y);
}

/* An account that left may come back, or its numbers may be given to somebody: until then, and for
 * as long as core/away_days, what waits for it keeps its place. */
static bool may_come_back(const struct core *c, const struct core_command *cmd)
{
    const struct reg_scope *s =
        cmd->lane->scope ? registry_scope(c->turn->registry, view_of(cmd->lane->scope->name))
                         : NULL;

    return s && s->disconnected;
}

/* What is at a worker, or being asked about, keeps its place and those behind it: they would
 * overtake it. Nobody is asked about what belongs to a paused account or one that left, nor for ever. */
static bool is_under_way(const struct core *c, const struct lane *l)
{
    const struct core_command *head =
        LIST_ENTRY_CONST(l->commands.next, struct core_command, in_lane);

    return head->state == COMMAND_IN_FLIGHT ||
           (head->state == COMMAND_CHECKING && !(l->scope && l->scope->paused) &&
            !parting_is_over(c, head));
}

/* Told to an account by a channel that it has left for another one: nobody could ever. */
static bool is_told_to_nobody(const struct core *c, const struct core_command *cmd)
{
    const char *scope = cmd->lane->dest->name;

    return cmd->kind == COMMAND_AMO_STATUS &&
           !registry_scope_connected(c->turn->registry, view_of(scope)) &&
           reach_home(c->turn->registry, scope);
}

/* What a service is told of its message's end does not wait for the account, which may never come back:
 * past what does, as apply_failure() begins it. */
static bool is_told_to_service(const struct core *c, const struct core_command *cmd)
{
    const struct dest *scope = cmd->lane->scope;

    return cmd->kind == COMMAND_SERVICE_FAILED && scope &&
           !registry_scope_connected(c->turn->registry, view_of(scope->name));
}

static int tell_past(struct core *c, struct core_command *cmd, struct command_row *row)
{
    int rc = core_turn(c);

    rc = rc ? rc : store_command_redirect(c->store, row->id, NULL, row->connector);
    if (rc)
        return rc;
    mem_free(row->scope);
    row->scope = NULL;
    row->attempts = row->next_ms = row->lost = 0;
    queue_move(c->queue, cmd, COMMAND_DEAD, 0, clock_mono_ms()); /* its old place alone */
    if (core_enqueue(c, row))
        core_give_up(c, "reach", -ENOMEM); /* it stands in the store and not in the queue */
    return 0;
}

bool reach_must_wait(const struct core *c, const struct core_command *cmd)
{
    /* what is to leave may stand behind it: it goes on */
    return cmd->lane->leaving != c->intake->leaving_pass && reach_is_leaving(c, cmd->lane->id);
}

/* Of @cmd: its row, its conversation, and whether it stays where it is. */
static int stays_put(struct core *c, const struct core_command *cmd, struct command_row *row,
                     struct conversation *conv, bool *ret)
{
    int rc = store_command(c->store, cmd->id, row);

    if (rc == 0 && cmd->lane->id > 1) {
        rc = store_conversation(c->store, cmd->lane->id / 2, conv);
        rc = rc == STORE_E_NONE ? 0 : rc;
    }
    if (rc == 0)
        *ret = reach_is_current(c, row, conv) ||
               (may_come_back(c, cmd) &&
                (!conv->id || reach_of(c->turn->registry, conv).way == REACH_NOBODY));
    return rc;
}

/* @ret_again: it is under way, or behind something that is, and has nowhere to go when that is over. */
static int look_at(struct core *c, struct core_command *cmd, bool *ret_again)
{
    struct conversation conv = {0};
    struct command_row row = {0};
    bool under_way = is_under_way(c, cmd->lane);
    bool stays = true;
    int rc = 0;

    if (under_way && (is_told_to_nobody(c, cmd) || is_told_to_service(c, cmd)))
        *ret_again = true;
    if (under_way && cmd->state == COMMAND_QUEUED &&
        cmd->lane->leaving == c->intake->leaving_pass)
        return 0; /* behind it */
    rc = stays_put(c, cmd, &row, &conv, &stays);
    if (rc == 0 && cmd->state == COMMAND_IN_FLIGHT && (!stays || may_come_back(c, cmd)))
        rc = parting_note(c, cmd);
    if (rc == 0 && under_way && !stays)
        rc = is_leaving(c, cmd);
    else if (rc == 0 && !under_way && is_told_to_nobody(c, cmd))
        settle_dead(c, cmd, "account_left", VIEW_NONE);
    else if (rc == 0 && !stays)
        reach_stray(c, cmd);
    else if (rc == 0 && !under_way && is_told_to_service(c, cmd))
        rc = tell_past(c, cmd, &row);
    command_row_fini(&row);
    conversation_fini(&conv);
    return rc == STORE_E_NONE ? 0 : rc;
}

void reach_queue(struct core *c)
{
    size_t cap = queue_count(c->queue);
    int64_t *ids = mem_zalloc_array(cap + 1, sizeof(*ids));
    struct core_command *cmd = NULL;
    struct deed outer;
    size_t iter = 0;
    size_t n = 0;
    bool again = false;
    int rc = ids && cap ? core_turn(c) : ids ? 0 : -ENOMEM;

    buf_reset(&c->intake->leaving);
    c->intake->leaving_pass++;
    while (rc == 0 && n < cap && (cmd = table_next(c->queue->commands, &iter)))
        ids[n++] = cmd->id;
    if (n)
        qsort(ids, n, sizeof(*ids), by_id); /* in the order in which they came */
    for (size_t i = 0; rc == 0 && i < n && !c->turn->exit_code; i++) {
        cmd = queue_find(c->queue, ids[i]);
        c->turn->hand.command = ids[i]; /* its rows may be those that are damaged */
        if (!cmd || !killer_begin(c, cmd, DEED_REACH, &outer))
            continue;
        rc = look_at(c, cmd, &again);
        if (rc)
            core_row_failed(c, "reach", rc); /* looked at again when it goes */
        deaths_end(c, &outer);
        rc = 0;
    }
    c->turn->hand = (struct hand){0};
    mem_free(ids);
    c->turn->reach_due =
        c->intake->leaving.len > 0 || again; /* looked at again at the next tick */
    if (rc)
        core_give_up(c, "reach", rc);
    core_wake(c);
}

struct moving {
    const struct registry *registry;
    int64_t ids[TICK_MOVES];
    size_t n;
};

static int note_moving(void *arg, const struct conversation *conv)
{
    struct moving *m = arg;

    if (m->n < AMO_COUNT(m->ids) && reach_of(m->registry, conv).way == REACH_FOLLOWS)
        m->ids[m->n++] = conv->id;
    return 0;
}

static int move_one(struct core *c, int64_t id)
{
    struct deed deed = deed_of(DEED_MOVE, id);
    struct conversation conv = {0};
    struct deed outer;
    int rc = 0;

    if (deaths_begin(c, &deed, &outer) >= DEATHS_MAX) {
        deaths_pass(c, &outer);
        return 0; /* it stays where it is */
    }
    rc = store_conversation(c->store, id, &conv);
    if (rc == 0)
        rc = reach_follow_found(c, &conv, NULL);
    conversation_fini(&conv);
    deaths_end(c, &outer);
    return rc;
}

void reach_tick(struct core *c)
{
    struct moving m = {.registry = c->turn->registry};
    int64_t at = c->turn->reach_at;
    bool more = false;
    int rc = 0;

    if (c->turn->reach_due)
        reach_queue(c);
    if (store_conversations_are_hurt(c->store))
        c->turn->reach_at =
            -1; /* it would end core at every start; each is followed when it is used */
    if (c->turn->reach_at < 0 || c->turn->exit_code)
        return;
    rc = store_conversations_walk(c->store, TICK_ROWS, note_moving, &m, &at, &more);
    if (rc) {
        core_row_failed(c, "reach", rc);
        return; /* nothing is lost: at the next tick */
    }
    rc = m.n ? core_turn(c) : 0;
    for (size_t i = 0; rc == 0 && i < m.n && !c->turn->exit_code; i++) {
        rc = core_row_begin(c);
        rc = rc ? rc : move_one(c, m.ids[i]);
        (void)!core_row_end(c, "reach", rc); /* told; it stays where it is */
        rc = 0;
    }
    if (rc || c->turn->exit_code)
        return;
    if (m.n == AMO_COUNT(m.ids))
        c->turn->reach_at = m.ids[m.n - 1]; /* there may be more behind it */
    else
        c->turn->reach_at = more ? at : -1;
}
