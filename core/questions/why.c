/* Words for what is waited for.
 *
 * From: the verbs that show something. To: the queue, the peers, the shares and the store, which are only read.
 * Holds: nothing. */

#include "core/questions/why_private.h"

#include "base/clock.h"
#include "base/num.h"
#include "core/deliver/moved.h"
#include "core/intake/intake.h"
#include "core/peers/peers.h"
#include "core/shares/shares.h"
#include "proto/limits.h"

/* of what a remote side answered */
#define ANSWER_MAX  160
/* length of "2026-11-30T01:45:11" */
#define ISO_SECONDS 19
/* of those that wait for a service, so many are looked at */
#define LOOKED_MAX  1000
/* a lane below it is no conversation's (core/model/command.h) */
#define LANE_FIRST  2

static int why_head(struct core *c, const struct core_command *cmd, struct buf *out);

/* --- parts of a line; errors stick in the buf ------------------------------------------------- */

/* One that is too long for its buf is cut. */
int why_line_error(const struct buf *out)
{
    int rc = buf_error(out);

    return rc == -ENOSPC ? 0 : rc;
}

void why_add_time(struct buf *out, int64_t unix_ms)
{
    char iso[CLOCK_ISO_LEN + 1];

    clock_format_iso(unix_ms, iso);
    (void)buf_add_f(out, "%.*sZ", ISO_SECONDS, iso);
}

static void add_since_mono(struct buf *out, int64_t mono_ms)
{
    (void)buf_add_str(out, " since ");
    why_add_time(out, clock_unix_ms() - (clock_mono_ms() - mono_ms));
}

/* Rounded up: what is nearly over is not over. */
static void add_span(struct buf *out, int64_t ms)
{
    long long s = ms > 0 ? (long long)((ms + 999) / 1000) : 0;

    if (s < 60)
        (void)buf_add_f(out, "%lld s", s);
    else if (s < 3600)
        (void)buf_add_f(out, "%lld min %lld s", s / 60, s % 60);
    else if (s < 86400)
        (void)buf_add_f(out, "%lld h %lld min", s / 3600, s / 60 % 60);
    else
        (void)buf_add_f(out, "%lld d %lld h", s / 86400, s / 3600 % 24);
}

static void add_dest(struct core *c, const struct dest *d, struct buf *out)
{
    const struct reg_scope *s = NULL;

    if (d->kind == DEST_CONNECTOR) {
        (void)buf_add_f(out, "service %s", d->name);
        return;
    }
    s = registry_scope(c->turn->registry, view_of(d->name));
    (void)buf_add_f(out, "account %s", s && s->title && s->title[0] ? s->title : d->name);
}

/* "HTTP/1.1 500 Internal Server Error: {…}" without what says nothing. */
static struct view answer_of(struct view evidence)
{
    if (view_starts(evidence, "HTTP/")) {
        const char *blank = view_find(evidence, " ");

        if (blank)
            evidence = view_make(blank + 1, evidence.len - (size_t)(blank + 1 - evidence.ptr));
    }
    return view_cut(evidence, ANSWER_MAX);
}

void why_add_attempt(const struct last_attempt *a, struct view evidence, struct buf *out)
{
    struct view answer = answer_of(evidence);

    (void)buf_add_str(out, a->status ? "last answer " : "last attempt: ");
    if (answer.len)
        (void)buf_add_view(out, answer);
    else if (a->status)
        (void)buf_add_f(out, "%lld", (long long)a->status);
    else
        (void)buf_add_str(out, cause_name((uint64_t)a->cause));
}

/* ", last answer …" of @command, or else of @other; nothing when no attempt is known. */
static int add_last(struct core *c, int64_t command, int64_t other, struct buf *out)
{
    struct last_attempt a;
    struct buf evidence;
    int rc = 0;

    buf_init(&evidence, LIMIT_EVIDENCE_BYTES + 16);
    rc = store_attempt_last(c->store, command, &a, &evidence);
    if (rc == STORE_E_NONE && other)
        rc = store_attempt_last(c->store, other, &a, &evidence);
    if (rc == 0) {
        (void)buf_add_str(out, ", ");
        why_add_attempt(&a, buf_view(&evidence), out);
    }
    buf_fini(&evidence);
    return rc == STORE_E_NONE ? 0 : rc;
}

/* --- what stops a destination ----------------------------------------------------------------- */

static int add_paused(struct core *c, const struct dest *scope, struct buf *out)
{
    struct view id = view_of(scope->name);
    int64_t since = 0;
    size_t from = 0;
    int rc = store_scope_paused_since(c->store, id, &since);

    if (rc < 0)
        return rc;
    if (scope->left_unix_ms) {
        (void)buf_add_str(out, "account disconnected since ");
        why_add_time(out, scope->left_unix_ms);
        return 0;
    }
    (void)buf_add_str(out, "account paused by ");
    from = out->len;
    rc = store_scope_paused_by(c->store, id, out);
    if (rc && rc != -ENOSPC)
        return rc;
    if (out->len == from)
        (void)buf_add_str(out, "an operator");
    if (since) {
        (void)buf_add_str(out, " since ");
        why_add_time(out, since);
    }
    return 0;
}

/* The number through which conversation @id is held, by which people know it; nothing of one that is gone. */
static int add_number(struct core *c, int64_t id, struct buf *out)
{
    struct conversation of = {0};
    int rc = 0;

    if (store_conversations_are_hurt(c->store))
        return 0; /* reading it would end core */
    rc = store_conversation(c->store, id, &of);
    if (rc == 0 && of.source[0])
        (void)buf_add_f(out, " (number %s)", of.source);
    conversation_fini(&of);
    return rc == STORE_E_NONE ? 0 : rc;
}

/* Whose failures it was that began a hold, as far as they are one conversation's and not everybody's. */
static int add_witnesses(struct core *c, const struct dest *d, struct buf *out)
{
    size_t n = 0;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && hold_is_doubtful(d->hold) && i < d->n_witnesses; i++) {
        int64_t id = d->witness[i] / 2;

        if (d->witness[i] < LANE_FIRST)
            continue;
        (void)buf_add_f(out, "%s%lld", n++ ? ", " : " because of conversation ", (long long)id);
        rc = add_number(c, id, out);
    }
    return rc;
}

/* The first of those that wait for @d whose account is not paused; NULL: none, among the first ones. */
static const struct core_command *first_not_paused(const struct dest *d)
{
    size_t looked = 0;

    for (const struct list *i = d->commands.next; i != &d->commands && looked < LOOKED_MAX;
         i = i->next, looked++) {
        const struct core_command *cmd = LIST_ENTRY_CONST(i, struct core_command, in_dest);

        if (!cmd->lane->scope || !cmd->lane->scope->paused)
            return cmd;
    }
    return NULL;
}

static void add_probe(const struct dest *d, struct buf *out)
{
    int64_t left_ms = d->hold_until_ms - clock_mono_ms();

    if (d->probing) {
        (void)buf_add_f(out, "; a probe is under way (command %lld)", (long long)d->probe);
    } else if (left_ms > 0) {
        (void)buf_add_str(out, "; next probe in ");
        add_span(out, left_ms);
    } else if (list_is_empty(&d->commands)) {
        (void)buf_add_str(out, "; the next call to it is a probe");
    } else if (!first_not_paused(d)) {
        (void)buf_add_str(out, "; no probe before an account that waits for it is resumed");
    } else {
        (void)buf_add_str(out, "; a probe is due");
    }
}

/* @command: what it was tried with, if it was; 0 none. */
static int add_hold(struct core *c, const struct dest *d, int64_t command, struct buf *out)
{
    int rc = 0;

    add_since_mono(out, d->hold_since_ms);
    rc = add_witnesses(c, d, out);
    (void)buf_add_f(out, ": %s", hold_reason_words(d->hold));
    rc = rc ? rc : add_last(c, command, d->last_failed, out);
    if (d->n_waiting > 1)
        (void)buf_add_f(out, "; commands that wait for it: %zu", d->n_waiting);
    if (d->hold == HOLD_GONE)
        (void)buf_add_f(out, "; it is tried again after amoctl %s resume %s",
                        d->kind == DEST_SCOPE ? "account" : "connector", d->name);
    else
        add_probe(d, out);
    return rc;
}

static int add_held(struct core *c, const struct dest *d, int64_t command, struct buf *out)
{
    add_dest(c, d, out);
    (void)buf_add_str(out, " is held");
    return add_hold(c, d, command, out);
}

int why_held(struct core *c, const struct dest *d, struct buf *ret_words)
{
    int rc = add_hold(c, d, 0, ret_words);

    return rc ? rc : why_line_error(ret_words);
}

/* Places, rate, workers: what is over as soon as others have had their turn. */
static void add_turn(struct core *c, const struct dest *d, struct buf *out)
{
    struct view what = view_of(dest_waits_for(d));

    if (view_is(what, "window")) {
        (void)buf_add_str(out, "over its share: ");
        add_dest(c, d, out);
        (void)buf_add_f(out, " has %zu calls under way, as many as it answers in time",
                        d->n_in_flight);
    } else if (view_is(what, "share")) {
        (void)buf_add_str(out, "over its share: ");
        add_dest(c, d, out);
        (void)buf_add_f(out,
                        " answers so slowly that it may not have more than %zu of the "
                        "workers' places",
                        d->n_in_flight);
    } else if (view_is(what, "rate")) {
        add_dest(c, d, out);
        (void)buf_add_f(out, " gets no more than %.1f calls a second", d->rate);
    } else if (view_is(what, "worker")) {
        (void)buf_add_str(out, "no worker has room for it now");
    }
}

/* What holds for a lane whatever stands in it, each cause named: a pause of @scope, that nobody is there to call,
 * and the hold of @d with which @command was tried (0 none). Who removes one of them shall not meet the next one
 * unwarned; but a hold alone is said by those who know the lane's state. */
static int why_stopped(struct core *c, const struct dest *scope, const struct dest *d,
                       int64_t command, struct buf *out)
{
    size_t from = out->len;
    int rc = 0;

    if (scope && scope->paused)
        rc = add_paused(c, scope, out);
    if (rc == 0 && !peers_have_worker(c, clock_mono_ms()))
        (void)buf_add_f(out, "%sno worker is connected", out->len == from ? "" : "; and ");
    if (rc || out->len == from || !dest_is_held(d))
        return rc;
    (void)buf_add_str(out, "; and ");
    return add_held(c, d, command, out);
}

static bool is_settling(const struct core *c, const struct core_command *cmd)
{
    return !command_is_message(cmd->kind) && clock_mono_ms() < c->peers->settling_until_ms &&
           !list_is_empty(&c->peers->known_workers);
}

/* Both directions: @d is a connector, or an account. */
static void add_over_share(struct core *c, const struct dest *d, struct buf *out)
{
    struct view scope = d->kind == DEST_SCOPE ? view_of(d->name) : VIEW_NONE;
    const struct reg_scope *s = registry_scope(c->turn->registry, scope);

    if (d->set_aside)
        (void)buf_add_str(out, "over its share: what amo sends is set aside until less of the "
                               "account waits");
    else if (d->kind == DEST_CONNECTOR)
        shares_words(c, view_of(d->name), VIEW_NONE, out);
    else if (s)
        shares_words(c, view_of(s->connector), scope, out);
}

/* What the first one waits for that might go. If all are of paused accounts, it is said of which. */
static int why_next(struct core *c, const struct dest *d, struct buf *out)
{
    const struct core_command *cmd = first_not_paused(d);

    if (cmd)
        return why_command(c, cmd, out);
    cmd = LIST_ENTRY_CONST(d->commands.next, struct core_command, in_dest);
    if (d->kind == DEST_CONNECTOR && cmd->lane->scope) {
        (void)buf_add_str(out, "what waits is of ");
        add_dest(c, cmd->lane->scope, out);
        (void)buf_add_str(out, ": ");
    }
    return why_command(c, cmd, out);
}

int why_destination(struct core *c, const struct dest *d, struct buf *ret_words)
{
    size_t from = ret_words->len;
    int rc = 0;

    if (d->paused || d->n_waiting)
        rc = why_stopped(c, d->kind == DEST_SCOPE ? d : NULL, d, 0, ret_words);
    if (rc == 0 && ret_words->len == from && dest_is_held(d))
        rc = add_held(c, d, 0, ret_words);
    if (rc == 0 && ret_words->len == from)
        add_turn(c, d, ret_words);
    if (rc == 0 && ret_words->len == from && !list_is_empty(&d->commands))
        rc = why_next(c, d, ret_words);
    if (rc == 0 && ret_words->len == from)
        add_over_share(c, d, ret_words);
    return rc ? rc : why_line_error(ret_words);
}

/* --- a command -------------------------------------------------------------------------------- */

static int why_ready(struct core *c, const struct core_command *cmd, struct buf *out)
{
    size_t from = out->len;

    if (dest_is_held(cmd->lane->dest))
        return add_held(c, cmd->lane->dest, cmd->id, out);
    if (is_settling(c, cmd)) {
        (void)buf_add_str(out, "core has started and waits for its workers: ");
        add_span(out, c->peers->settling_until_ms - clock_mono_ms());
        return 0;
    }
    add_turn(c, cmd->lane->dest, out);
    if (out->len == from)
        (void)buf_add_str(out, "it is sent next");
    return 0;
}

static int why_waits(struct core *c, const struct core_command *cmd, struct buf *out)
{
    (void)buf_add_str(out, "next attempt in ");
    add_span(out, cmd->due.mono_ms - clock_mono_ms());
    if (cmd->lost)
        (void)buf_add_f(out, ", alone, because %u workers were lost with it in hand",
                        cmd->lost);
    return add_last(c, cmd->id, 0, out);
}

static void why_in_flight(const struct core_command *cmd, struct buf *out)
{
    if (cmd->worker) {
        (void)buf_add_f(out, "worker %s is calling", cmd->worker->name);
        add_since_mono(out, cmd->lane->began_mono_ms);
        return;
    }
    (void)buf_add_str(out, "its worker is silent; sent again in ");
    add_span(out, cmd->due.mono_ms - clock_mono_ms());
}

/* The command of a lane that all others in it wait for; NULL: it is empty. Of a conversation that was merged with
 * another one it is that one's, as long as there is any. */
static const struct core_command *first_of(const struct lane *l)
{
    const struct lane *first = l;

    for (l = l->after; l; l = l->after) {
        if (!list_is_empty(&l->commands))
            first = l;
    }
    return list_is_empty(&first->commands)
               ? NULL
               : LIST_ENTRY_CONST(first->commands.next, struct core_command, in_lane);
}

static int why_queued(struct core *c, const struct core_command *cmd, struct buf *out)
{
    const struct core_command *first = first_of(cmd->lane);
    struct message m = {0};
    int rc = 0;

    if (!first || first == cmd)
        return why_head(c, cmd, out);
    rc = first->message ? store_message(c->store, first->message, &m) : STORE_E_NONE;
    if (rc < 0)
        return rc;
    (void)buf_add_f(out, "behind command %lld", (long long)first->id);
    if (rc == 0)
        (void)buf_add_f(out, " (%s of message %s)", command_kind_name((uint64_t)first->kind),
                        m.mid);
    (void)buf_add_str(out, " of the same conversation: ");
    message_fini(&m);
    return why_head(c, first, out);
}

static int why_checking(struct core *c, const struct core_command *cmd, struct buf *out)
{
    (void)buf_add_str(out, cmd->look_waits
                               ? "its outcome is unclear, and amo's history cannot be asked now"
                               : "its outcome is unclear: amo's history is being asked");
    return add_last(c, cmd->id, 0, out);
}

/* Its conversation has moved, and something of it is still under way to whom it has left. */
static int why_leaving(struct core *c, const struct core_command *cmd, struct buf *out)
{
    const struct core_command *one = reach_leaving_one(c, cmd->lane->id);

    one = one ? first_of(one->lane) : NULL; /* all else of that lane waits for it */
    (void)buf_add_str(out, "its conversation has moved, and ");
    if (!one) {
        (void)buf_add_str(out, "something of it is still under way to where it was before");
        return 0;
    }
    (void)buf_add_f(out, "command %lld (%s) is still under way to where it was before",
                    (long long)one->id, command_kind_name((uint64_t)one->kind));
    if (one->state != COMMAND_IN_FLIGHT && one->state != COMMAND_CHECKING)
        return 0;
    (void)buf_add_str(out, ": ");
    if (one->state == COMMAND_CHECKING)
        return why_checking(c, one, out);
    why_in_flight(one, out);
    return 0;
}

/* Of the first command of a lane. */
static int why_head(struct core *c, const struct core_command *cmd, struct buf *out)
{
    size_t from = out->len;
    int rc = 0;

    switch (cmd->state) {
    case COMMAND_IN_FLIGHT:
        why_in_flight(cmd, out);
        return 0;
    case COMMAND_QUEUED:
    case COMMAND_READY:
    case COMMAND_WAITING:
    case COMMAND_CHECKING:
        rc = why_stopped(c, cmd->lane->scope, cmd->lane->dest, cmd->id, out);
        break;
    case COMMAND_DONE:
    case COMMAND_DEAD:
        return 0; /* it is not in the queue any more */
    }
    if (rc || out->len != from)
        return rc;
    if (cmd->state != COMMAND_CHECKING && c->intake->leaving.len && reach_must_wait(c, cmd))
        return why_leaving(c, cmd, out);
    if (cmd->state == COMMAND_WAITING)
        return why_waits(c, cmd, out);
    if (cmd->state != COMMAND_CHECKING)
        return why_ready(c, cmd, out);
    return why_checking(c, cmd, out);
}

int why_command(struct core *c, const struct core_command *cmd, struct buf *ret_words)
{
    int rc = cmd->state == COMMAND_QUEUED ? why_queued(c, cmd, ret_words)
                                          : why_head(c, cmd, ret_words);

    return rc ? rc : why_line_error(ret_words);
}
