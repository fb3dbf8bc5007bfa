/* Looks for a message in amo's history.
 *
 * From: settle.c, an unclear outcome. To: calls.c, which asks; back to settle.c with the answer.
 * Holds: how far the looks have come; the command stays in the store, and after a restart is sent
 * again under its msgid. */

#include "core/deliver/look.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/deliver/blame.h"
#include "core/deliver/calls_private.h"
#include "core/deliver/moved.h"
#include "core/deliver/settle.h"
#include "proto/foreign_id.h"

/* three looks within a minute: amo shows an accepted message only after a while. These are parts of
 * core/looks_ms. */
static const int64_t look_after_parts[] = {1, 9, 30};

enum {
    LOOK_PARTS = 40
};

/* looks of a kind that settle it */
#define LOOKS     AMO_COUNT(look_after_parts)
/* pages of one chat in one look; behind them nothing is proven */
#define PAGES_MAX 40
/* chats of one conversation that are looked into */
#define CHATS_MAX 20
/* amo's times and ours, and those that services give: so much older is certainly older */
#define OLDER_MS  3600000

struct look_chat {
    char *scope;
    char *chat;
};

struct look {
    enum look_reason why;
    char *words;
    /* of the look under way */
    bool begun;
    bool own;   /* first amo's id of the chat that it knows by ours is asked for */
    bool blind; /* it cannot prove anything any more: a chat was refused, or has no end */
    struct view within; /* while chats are collected: of this account alone; VIEW_NONE any */
    struct look_chat chats[CHATS_MAX];
    size_t n_chats;
    size_t at;
    size_t pages;
    int64_t offset;
    /* of all */
    char *own_chat;  /* what amo said of it; NULL it was not asked */
    size_t n_absent; /* complete ones that did not show it */
    size_t n_blind;
    uint32_t failures; /* in a row: no answer to the question at all */
};

static void forget_chats(struct look *l)
{
    for (size_t i = 0; i < l->n_chats; i++) {
        mem_free(l->chats[i].scope);
        mem_free(l->chats[i].chat);
    }
    l->n_chats = 0;
}

void look_free(struct look *l)
{
    if (!l)
        return;
    forget_chats(l);
    mem_free(l->own_chat);
    mem_free(l->words);
    mem_free(l);
}

void look_begin(struct core *c, struct core_command *cmd, enum look_reason why,
                struct view words)
{
    int64_t now = clock_mono_ms();
    char trace[ID_TEXT_LEN + 1];
    struct call *q = call_new(c, CALL_LOOK, cmd->lane->dest);

    if (q)
        q->look = mem_zalloc(sizeof(*q->look));
    if (!q ||
        !q->look) { /* no memory now: it waits and is tried again, protected by its msgid */
        if (q)
            call_end(q);
        queue_move(c->queue, cmd, COMMAND_WAITING, now + 1000, now);
        return;
    }
    q->command = cmd->id;
    q->wanted_mono_ms = now;
    cmd->look_waits = false;
    q->look->why = why;
    q->look->words = words.len ? mem_strndup(words.ptr, words.len) : NULL;
    log_line(LOG_LEVEL_INFO, "command.checking", "trace=%s command=%lld",
             command_trace(cmd, trace), (long long)cmd->id);
    queue_move(c->queue, cmd, COMMAND_CHECKING, 0, now);
}

/* --- asking --------------------------------------------------------------------------------- */

static int add_chat(void *arg, struct view scope, struct view chat)
{
    struct look *l = arg;
    struct look_chat *to = &l->chats[l->n_chats];

    if (l->within.len && !view_equal(scope, l->within))
        return 0;
    for (size_t i = 0; i < l->n_chats; i++) {
        if (view_is(chat, l->chats[i].chat))
            return 0;
    }
    if (l->n_chats == CHATS_MAX) {
        l->blind = true;
        return 0;
    }
    to->scope = mem_strndup(scope.ptr, scope.len);
    to->chat = mem_strndup(chat.ptr, chat.len);
    l->n_chats++;
    return to->scope && to->chat ? 0 : -ENOMEM;
}

static bool has_chat_of(const struct look *l, const char *scope)
{
    for (size_t i = 0; i < l->n_chats; i++) {
        if (scope && strcmp(l->chats[i].scope, scope) == 0)
            return true;
    }
    return false;
}

/* Where the message may stand, as far as is known by now. When an attempt may have left it to amo to
 * find the chat by our id, and that chat need not be among those we know, amo tells its id first; likewise when the
 * attempt was of a core that this store knows nothing of, and when all that we know are chats with other accounts, where it came from.
 * Such a core may have led our id to a card that came later: the chat that it led to before has no name any more by
 * which it could be asked for, and not to find the message elsewhere proves nothing. Nor does it when it may have been
 * sent under the name of a conversation that was merged with this one since. */
static int look_start(struct core *c, struct look *l, const struct core_command *cmd,
                      const struct resolved *r)
{
    const struct conversation *conv = &r->conversation;
    bool unplaced = false;
    bool hidden = false;
    bool gone = false;
    int rc = 0;

    forget_chats(l);
    l->blind = false;
    l->at = 0;
    l->pages = 0;
    l->offset = 0;
    l->within = l->why == LOOK_LEAVING ? view_of(r->row.scope) : VIEW_NONE;
    rc = store_message_places(c->store, &r->message, add_chat, l);
    l->within = VIEW_NONE;
    rc = rc ? rc : store_message_unplaced(c->store, r->message.id, &unplaced);
    if (rc == 0 && (unplaced || cmd->again || cmd->unsure))
        rc = store_merged_unplaced(c->store, conv->id, view_of(conv->scope), &hidden);
    if (rc)
        return rc;
    l->blind = l->blind || hidden;
    l->own =
        !l->own_chat && (!has_chat_of(l, r->row.scope) || cmd->again || cmd->unsure ||
                         (unplaced && conv->amo_born && !conv->linked && conv->service_id));
    l->begun = true;
    if (!l->own_chat)
        return 0;
    rc = store_chat_took_name(c->store, &r->message, view_of(conv->scope), view_of(l->own_chat),
                              &gone);
    l->blind = l->blind || gone;
    return rc ? rc : add_chat(l, view_of(conv->scope), view_of(l->own_chat));
}

/* How old what is looked for can be at most: it was given this time, and was not sent before it was
 * taken. By a clock that is or was in doubt nothing is known of that. */
static int64_t oldest(const struct core *c, const struct core_command *cmd,
                      const struct command *body)
{
    int64_t at = body->sent_ms && body->sent_ms < cmd->taken_ms ? body->sent_ms : cmd->taken_ms;

    if (core_clock_doubtful(c) ||
        (cmd->taken_ms >= c->turn->doubt.low_ms && cmd->taken_ms <= c->turn->doubt.high_ms))
        return 0;
    return at > OLDER_MS ? at - OLDER_MS : 0;
}

int look_body(struct core *c, struct call *q, struct resolved *r)
{
    struct core_command *cmd = queue_find(c->queue, q->command);
    struct look *l = q->look;
    int rc = !cmd                     ? RESOLVE_E_PARENT
             : l->why == LOOK_LEAVING ? resolve_where_it_was(c, cmd, r)
                                      : resolve_command(c, cmd, r);

    if (rc == 0 && !l->begun)
        rc = look_start(c, l, cmd, r);
    if (rc)
        return rc;
    if (l->own) {
        resolve_client(r); /* whoever wrote the message: the chat is the client's */
        r->body.kind = COMMAND_AMO_CREATE_CHAT;
        r->body.chat_id = VIEW_NONE;
        return 0;
    }
    r->body.until_ms = oldest(c, cmd, &r->body);
    r->body.kind = COMMAND_AMO_HISTORY;
    r->body.scope = view_of(l->chats[l->at].scope);
    r->body.chat_id = view_of(l->chats[l->at].chat);
    r->body.offset = l->offset;
    return 0;
}

/* --- answers -------------------------------------------------------------------------------- */

/* The next question, @after_ms from now. */
static void look_again(struct core *c, struct call *q, int64_t after_ms)
{
    q->due_mono_ms = clock_mono_ms() + after_ms;
    q->wanted_mono_ms = q->due_mono_ms;
    core_wake(c);
}

/* It is settled that it is not there, or that nobody can tell. */
static void look_over(struct core *c, struct call *q, struct core_command *cmd, bool told)
{
    enum look_reason why = q->look->why;
    struct view words = view_of(q->look->words);
    const char *reason = "unclear";

    if (why == LOOK_LEAVING && told) {
        call_end(q);
        reach_go_along(c, cmd);
        return;
    }
    if (told && !cmd->unproven)
        reason = why == LOOK_REFUSED ? "refused" : "attempts";
    if (why == LOOK_UNPROVEN)
        blame_unproven(c, cmd);
    else
        settle_dead(c, cmd, reason, words);
    call_end(q);
}

/* One look has come to its end. */
static void look_ended(struct core *c, struct call *q, struct core_command *cmd)
{
    struct look *l = q->look;
    size_t n = 0;

    if (l->blind)
        l->n_blind++;
    else
        l->n_absent++;
    l->begun = false;
    if (l->n_absent == LOOKS || l->n_blind == LOOKS) {
        look_over(c, q, cmd, l->n_absent == LOOKS);
        return;
    }
    n = l->n_absent + l->n_blind;
    look_again(c, q,
               look_after_parts[n < LOOKS ? n : LOOKS - 1] *
                   (int64_t)config_number(c->config, "core/looks_ms") / LOOK_PARTS);
}

/* On to the next chat; behind the last one the look is over. */
static void look_next_chat(struct core *c, struct call *q, struct core_command *cmd)
{
    struct look *l = q->look;

    if (l->own)
        l->own = false;
    else
        l->at++;
    l->pages = 0;
    l->offset = 0;
    if (l->at < l->n_chats)
        look_again(c, q, 0);
    else
        look_ended(c, q, cmd);
}

static void look_failed(struct core *c, struct call *q, struct core_command *cmd,
                        const struct result *r);

/* Amo's id of the chat that it knows by ours. */
static void look_told_chat(struct core *c, struct call *q, struct core_command *cmd,
                           const struct result *r)
{
    struct look *l = q->look;

    if (foreign_id_is_fine(r->amo_chat_id))
        l->own_chat = mem_strndup(r->amo_chat_id.ptr, r->amo_chat_id.len);
    if (!l->own_chat) {
        look_failed(c, q, cmd, r);
        return;
    }
    l->own = false;
    l->begun = false; /* with this chat as well */
    look_again(c, q, 0);
}

static void look_told_page(struct core *c, struct call *q, struct core_command *cmd,
                           const struct result *r)
{
    struct look *l = q->look;

    if (r->found) {
        struct result learnt = *r;

        /* a chat of another account is none that its conversation has where it is now */
        if (strcmp(l->chats[l->at].scope, cmd->lane->dest->name) == 0)
            learnt.amo_chat_id = view_of(l->chats[l->at].chat);
        settle_done(c, cmd, &learnt);
        call_end(q);
        return;
    }
    if (r->next_offset > l->offset && ++l->pages < PAGES_MAX) {
        l->offset = r->next_offset;
        look_again(c, q, 0);
        return;
    }
    l->blind = l->blind || r->next_offset != 0;
    look_next_chat(c, q, cmd);
}

/* Refused: that is an answer, and this chat will have no other. */
static void look_refused(struct core *c, struct call *q, struct core_command *cmd)
{
    q->look->blind = true;
    look_next_chat(c, q, cmd);
}

/* No answer to the question. The destination may be at fault; if not, it has as many tries as a
 * command has. */
static void look_failed(struct core *c, struct call *q, struct core_command *cmd,
                        const struct result *r)
{
    struct look *l = q->look;
    int64_t wait = queue_backoff_ms(c->queue, l->failures);
    bool was_held = dest_is_held(cmd->lane->dest);

    dest_looked(c->queue, cmd->lane->dest, false, clock_mono_ms());
    if (dest_failure(c->queue, cmd->lane->dest, cmd->lane->id, r->retry_after_ms,
                     clock_mono_ms())) {
        if (!was_held)
            blame_tell_held(cmd, cmd->lane->dest->hold);
        look_again(c, q, 0); /* the destination waits, not it */
        return;
    }
    if (++l->failures >= config_number(c->config, "retry/attempts")) {
        look_over(c, q, cmd, false);
        return;
    }
    look_again(c, q, wait < r->retry_after_ms ? r->retry_after_ms : wait);
}

static void look_held(struct core *c, struct call *q, struct core_command *cmd,
                      const struct result *r)
{
    enum hold_reason why = blame_hold_reason(r->cause);
    bool was_held = false;

    if (r->cause == CAUSE_FORBIDDEN || r->cause == CAUSE_NOT_FOUND || r->cause == CAUSE_GONE) {
        look_refused(c, q, cmd); /* messages tell by themselves if it is the account's matter */
        return;
    }
    was_held = dest_is_held(cmd->lane->dest);
    dest_hold(c->queue, cmd->lane->dest, why, hold_is_doubtful(why) ? cmd->lane->id : 0,
              r->retry_after_ms, clock_mono_ms());
    if (!was_held)
        blame_tell_held(cmd, why);
    look_again(c, q, 0);
}

void look_answer(struct core *c, struct call *q, const struct result *r)
{
    struct core_command *cmd = queue_find(c->queue, q->command);
    bool readable =
        !q->look->own && r->complete && (!r->found || foreign_id_is_fine(r->amo_message_id));

    if (!cmd || cmd->state != COMMAND_CHECKING) {
        call_end(q);
        return;
    }
    switch ((enum outcome)r->outcome) {
    case OUTCOME_DONE:
        if (!q->look->own && !readable) {
            look_failed(c, q, cmd, r);
            return;
        }
        dest_success(cmd->lane->dest, cmd->lane->id, clock_mono_ms());
        dest_looked(c->queue, cmd->lane->dest, true, clock_mono_ms());
        q->look->failures = 0;
        if (q->look->own)
            look_told_chat(c, q, cmd, r);
        else
            look_told_page(c, q, cmd, r);
        return;
    case OUTCOME_DEAD:
        dest_success(cmd->lane->dest, cmd->lane->id, clock_mono_ms()); /* it answers */
        look_refused(c, q, cmd);
        return;
    case OUTCOME_HOLD:
        look_held(c, q, cmd, r);
        return;
    case OUTCOME_RETRY:
    case OUTCOME_UNKNOWN:
        look_failed(c, q, cmd, r);
        return;
    case OUTCOME_UNSTARTED:
        look_again(c, q, 200);
        return;
    }
}
