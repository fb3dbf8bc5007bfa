/* The steps of an erasure.
 *
 * From: core/control/erase.c (who asks), the loop's timer and frames.c (SPOOL_ROTATED).
 * To: the store, the queue, ingresses (SPOOL_ROTATE), the checkpoint thread; the answer.
 * Holds: the one erasure under way, and with it what its person is known by. */

#include "core/erase/erase.h"

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "core/deliver/settle.h"
#include "core/intake/intake.h"
#include "core/peers/peers.h"
#include "core/store/checkpoint.h"
#include "proto/limits.h"
#include "proto/session.h"

/* one step of a walk each */
#define ERASE_STEP_MS   5
/* The verb has 20 s in all. */
#define ERASE_SPOOLS_MS 9000
#define ERASE_AGAIN_MS  4000
#define ERASE_CLEAN_MS  5000
/* an ingress that has not answered is asked again */
#define TURN_AGAIN_MS   1000

static void erase_timer(void *arg)
{
    struct core *c = arg;

    erase_tick(c, clock_mono_ms());
}

static const char *step_name(enum erase_step step)
{
    switch (step) {
#define STEP_CASE(name, meaning)                                                               \
    case ERASE_##name:                                                                         \
        return #name;
        ERASE_STEPS(STEP_CASE)
#undef STEP_CASE
    }
    return "?";
}

/* The one place where a step begins. */
static void enter(struct erasure *e, enum erase_step step)
{
    log_line(LOG_LEVEL_DEBUG, "erase.moved", "from=%s to=%s", step_name(e->step),
             step_name(step));
    e->step = step;
}

static void erase_end(struct erasure *e)
{
    struct core *c = e->core;

    if (e->asker.arg)
        e->asker.drop(e->asker.arg); /* core ends: nobody is answered any more */
    c->erase->running = NULL;
    loop_remove_timer(c->loop, e->timer);
    erase_person_fini(&e->person);
    buf_fini(&e->commands);
    buf_fini(&e->quarantine);
    buf_fini(&e->shared);
    buf_fini(&e->waiting);
    mem_free(e);
}

void erase_abandon(struct core *c)
{
    if (c->erase->running)
        erase_end(c->erase->running);
}

void erase_free(struct core *c)
{
    if (!c->erase)
        return;
    erase_abandon(c);
    mem_free(c->erase);
    c->erase = NULL;
}

int erase_new(struct core *c)
{
    c->erase = mem_zalloc(sizeof(*c->erase));
    if (!c->erase)
        return -ENOMEM;
    c->erase->rebuild_max_bytes = LIMIT_REBUILD_BYTES;
    return 0;
}

/* --- spools --------------------------------------------------------------------------------- */

static void spools_begin(struct erasure *e, int64_t now, int64_t ms)
{
    e->turn = ++e->core->turn->next_turn;
    e->until_mono_ms = now + ms;
    for (struct list *i = e->core->peers->list.next; i != &e->core->peers->list; i = i->next)
        LIST_ENTRY(i, struct peer, link)->turn_asked_mono_ms = 0;
}

static void spool_ask(struct erasure *e, struct peer *p, int64_t now)
{
    const struct spool_rotate t = {.number = e->turn};
    struct buf body;

    if (p->turn_asked_mono_ms && now - p->turn_asked_mono_ms < TURN_AGAIN_MS)
        return;
    p->turn_asked_mono_ms = now;
    buf_init(&body, 256);
    /* not sent: it is asked again */
    if (spool_rotate_encode(&t, &body) == 0)
        peer_send(e->core, p, MSG_SPOOL_ROTATE, NULL, buf_view(&body));
    buf_fini(&body);
}

/* All that are here have answered, or there is no more time. */
static bool spools_over(struct erasure *e, int64_t now)
{
    bool over = true;

    for (struct list *i = e->core->peers->list.next; i != &e->core->peers->list; i = i->next) {
        struct peer *p = LIST_ENTRY(i, struct peer, link);

        if (p->role != ROLE_INGRESS || p->turned == e->turn || !peer_is_alive(p, now))
            continue;
        spool_ask(e, p, now);
        over = false;
    }
    return over || now >= e->until_mono_ms;
}

void erase_turned(struct peer *p, struct view body)
{
    struct spool_rotate t;

    if (spool_rotate_decode(body, &t)) {
        log_line(LOG_LEVEL_ERROR, "spool.turned_malformed", "peer=%s", p->name);
        return;
    }
    p->turned = t.number;
    p->kept_files = t.kept;
}

/* --- applying ------------------------------------------------------------------------------- */

/* What a status or a failure says without anybody's words. */
static int command_without_words(struct erasure *e, struct core_command *cmd)
{
    struct command_row row = {0};
    struct command body;
    struct buf packed;
    int rc = store_command(e->core->store, cmd->id, &row);

    buf_init(&packed, LIMIT_FRAME_BYTES);
    if (rc == 0 && command_decode(view_make(row.body ? row.body : "", row.body_len), &body))
        rc = store_command_erase(e->core->store, cmd->id, VIEW_NONE);
    else if (rc == 0) {
        if (body.error_text.len)
            body.error_text =
                cmd->kind == COMMAND_AMO_STATUS ? VIEW_LIT("not delivered") : VIEW_NONE;
        rc = command_encode(&body, &packed);
        rc = rc ? rc : store_command_erase(e->core->store, cmd->id, buf_view(&packed));
    }
    buf_fini(&packed);
    command_row_fini(&row);
    return rc;
}

/* What is at a worker keeps its place until its result comes: it may be done by now. */
static int erase_command(struct erasure *e, struct core_command *cmd)
{
    int rc = 0;

    if (command_survives_erasure(cmd->kind)) {
        rc = command_without_words(e, cmd);
        cmd->erased = true;
        return rc;
    }
    if (cmd->state != COMMAND_IN_FLIGHT) {
        e->given_up++;
        settle_erased(e->core, cmd);
        return e->core->turn->exit_code ? -EIO : 0;
    }
    e->under_way++;
    cmd->erased = true;
    return store_command_erase(e->core->store, cmd->id, VIEW_NONE);
}

static void count_commands(struct erasure *e, const struct buf *ids)
{
    for (size_t i = 0; i < erase_ids(ids); i++) {
        const struct core_command *cmd = queue_find(e->core->queue, erase_id_at(ids, i));

        if (!cmd || command_survives_erasure(cmd->kind))
            continue;
        *(cmd->state == COMMAND_IN_FLIGHT ? &e->under_way : &e->given_up) += 1;
    }
}

static int erase_commands(struct erasure *e, const struct buf *ids)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < erase_ids(ids); i++) {
        struct core_command *cmd = queue_find(e->core->queue, erase_id_at(ids, i));

        if (cmd)
            rc = erase_command(e, cmd);
    }
    return rc;
}

static int erase_events_in(struct erasure *e, enum store_event_place place,
                           const struct buf *ids)
{
    const void *rows = ids->ptr; /* from the heap, of nothing but numbers */

    return erase_ids(ids) ? store_erase_events(e->core->store, place, rows, erase_ids(ids)) : 0;
}

static int erase_events(struct erasure *e)
{
    int rc = erase_events_in(e, STORE_EVENT_QUARANTINE, &e->quarantine);

    rc = rc ? rc : erase_events_in(e, STORE_EVENT_WAITING, &e->waiting);
    return rc || !erase_ids(&e->waiting) ? rc : intake_count(e->core);
}

/* In the same transaction: whoever dies before the cleaning is over finds the wish at the next
 * start. Of a large store the pages cannot be rewritten while everybody waits. */
static int wish_rebuild(struct erasure *e)
{
    int64_t size = 0;
    int rc = store_size(e->core->store, &size);

    e->rebuilds_later = rc == 0 && size > e->core->erase->rebuild_max_bytes;
    return rc ? rc : store_wish_rebuild(e->core->store);
}

/* Nothing is kept of the person; but an earlier erasure may have left traces behind. */
static int clean_up_after_others(struct erasure *e)
{
    int64_t size = 0;
    bool wished = false;
    int rc = store_rebuild_is_wished(e->core->store, &wished);

    enter(e, wished && !e->dry_run ? ERASE_CLEAN : ERASE_END);
    rc = rc ? rc : store_size(e->core->store, &size);
    e->rebuilds_later = wished && size > e->core->erase->rebuild_max_bytes;
    return rc;
}

static bool found_nothing(const struct erasure *e, const struct buf *commands)
{
    return e->person.n_conversations == 0 && commands->len == 0 && e->quarantine.len == 0 &&
           e->waiting.len == 0 && e->rows.dead == 0 && e->rows.evidence == 0;
}

static int write_report(struct erasure *e)
{
    struct buf report;
    bool complete = false;
    int rc = 0;

    buf_init(&report, LIMIT_CONTROL_BYTES);
    rc = erase_report(e, &report, &complete);
    if (rc == 0 && e->id)
        rc = store_erasure_report(e->core->store, e->id, buf_view(&report));
    else if (rc == 0)
        rc = store_erasure_add(e->core->store, clock_unix_ms(), buf_view(&report), &e->id);
    buf_fini(&report);
    return rc;
}

/* One transaction: all of it or nothing. What fails here ends core, which then knows what the
 * store knows. */
static int erase_apply(struct erasure *e)
{
    struct buf commands;
    int rc = erase_find_rest(e);

    buf_init(&commands, SIZE_MAX / 2);
    rc = rc ? rc : erase_find_commands(e, &commands);
    rc = rc ? rc : store_erase_count(e->core->store, &e->rows);
    if (rc)
        enter(e, ERASE_END);
    else if (found_nothing(e, &commands))
        rc = clean_up_after_others(e);
    else if (e->dry_run) {
        count_commands(e, &commands);
        e->id = -1;
        enter(e, ERASE_END);
    } else {
        rc = erase_commands(e, &commands);
        rc = rc ? rc : erase_events(e);
        rc = rc ? rc : store_erase_apply(e->core->store);
        rc = rc ? rc : wish_rebuild(e);
        rc = rc ? rc : write_report(e);
        e->commits = e->core->turn->commits;
        enter(e, ERASE_COMMITTING);
    }
    buf_fini(&commands);
    return rc;
}

/* --- the end -------------------------------------------------------------------------------- */

static void log_erased(const struct erasure *e)
{
    long long commands = e->given_up + e->under_way;
    struct buf numbers;

    buf_init(&numbers, 200);
    for (size_t i = 0; i < e->person.n_conversations; i++)
        (void)buf_add_f(&numbers, "%s%lld", i ? "," : "",
                        (long long)e->person.conversations[i].id); /* as far as they fit */
    log_line(LOG_LEVEL_INFO, "person.erased",
             "erasure=%lld conversations=%s messages=%lld commands=%lld dead=%lld"
             " quarantined=%zu waiting=%zu",
             (long long)e->id, buf_str(&numbers), (long long)e->rows.messages, commands,
             (long long)e->rows.dead, erase_ids(&e->quarantine), erase_ids(&e->waiting));
    buf_fini(&numbers);
}

static const char *words_of_nothing(const struct erasure *e, bool complete)
{
    if (e->not_clean)
        return "nothing of this person is kept here, but the store's log could not be emptied "
               "in"
               " time; run it again";
    if (!complete)
        return "nothing of this person is kept here, but not every ingress could be asked; see"
               " amoctl status";
    if (e->rebuilds_later)
        return "nothing of this person is kept here, but traces of what was erased before may "
               "lie"
               " in unused parts of the store's file until core is started the next time";
    return "nothing of this person is kept here";
}

static void tell(struct erasure *e, int code, struct view report, const char *words)
{
    if (e->asker.arg)
        e->asker.tell(e->asker.arg, code, report, words);
    e->asker.arg = NULL;
}

static int answer(struct erasure *e)
{
    struct buf report;
    bool complete = false;
    int rc = 0;

    buf_init(&report, LIMIT_CONTROL_BYTES);
    rc = erase_report(e, &report, &complete);
    if (rc == 0 && e->id == 0)
        tell(e, EXIT_FAILED, VIEW_NONE, words_of_nothing(e, complete));
    else if (rc == 0)
        tell(e, complete ? EXIT_FINE : EXIT_FAILED, buf_view(&report),
             complete ? NULL : "erased, but not everywhere yet: see the warnings");
    buf_fini(&report);
    return rc;
}

static int finish(struct erasure *e)
{
    int rc = 0;

    if (e->ticket && !e->not_clean && !e->rebuilds_later) {
        rc = core_turn(e->core);
        rc = rc ? rc : store_rebuild_is_done(e->core->store);
    }
    if (rc == 0 && e->id > 0) {
        rc = core_turn(e->core);
        rc = rc ? rc : write_report(e);
        if (rc == 0)
            log_erased(e);
    }
    rc = rc ? rc : answer(e);
    return rc;
}

/* --- the steps ------------------------------------------------------------------------------ */

static int clean_on(struct erasure *e, int64_t now)
{
    struct core *c = e->core;

    if (!e->ticket) {
        e->ticket = checkpoint_clean(c->turn->checkpoint, !e->rebuilds_later);
        e->until_mono_ms = now + ERASE_CLEAN_MS;
        return 0;
    }
    if (checkpoint_is_clean(c->turn->checkpoint, e->ticket)) {
        enter(e, ERASE_END);
    } else if (now >= e->until_mono_ms) {
        checkpoint_withdraw(c->turn->checkpoint);
        e->not_clean = true;
        enter(e, ERASE_END);
    }
    return 0;
}

static int erase_step(struct erasure *e, int64_t now)
{
    bool more = false;
    int rc = 0;

    switch (e->step) {
    case ERASE_SPOOLS:
        if (e->dry_run || spools_over(e, now))
            enter(e, ERASE_CONVERSATIONS);
        return 0;
    case ERASE_CONVERSATIONS:
    case ERASE_COMMANDS:
    case ERASE_MESSAGES:
    case ERASE_EVIDENCE:
        rc = erase_find(e, &more);
        if (rc == 0 && !more)
            enter(e, e->step + 1);
        return rc;
    case ERASE_APPLY:
        rc = core_row_begin(e->core);
        rc = rc ? rc : erase_apply(e);
        return core_row_end(e->core, "erase", rc);
    case ERASE_COMMITTING:
        if (e->core->turn->commits == e->commits)
            return 0;
        spools_begin(e, now, ERASE_AGAIN_MS);
        enter(e, ERASE_SPOOLS_AGAIN);
        return 0;
    case ERASE_SPOOLS_AGAIN:
        if (spools_over(e, now))
            enter(e, ERASE_CLEAN);
        return 0;
    case ERASE_CLEAN:
        return clean_on(e, now);
    case ERASE_END:
        break;
    }
    return 0;
}

void erase_tick(struct core *c, int64_t now_mono_ms)
{
    struct erasure *e = c->erase->running;
    int rc = 0;

    if (!e || c->turn->exit_code)
        return;
    c->turn->hand = (struct hand){.asked = true};
    rc = erase_step(e, now_mono_ms);
    if (rc == 0 && e->step == ERASE_END)
        rc = finish(e);
    if (rc)
        core_row_failed(c, "erase", rc);
    if (rc && !c->turn->exit_code)
        tell(e, EXIT_FAILED, VIEW_NONE, "core could not do this; see its log");
    if (rc || e->step == ERASE_END)
        erase_end(e);
    c->turn->hand = (struct hand){0};
}

int erase_start(struct core *c, struct erasure *e)
{
    int rc = 0;

    e->core = c;
    e->step = ERASE_SPOOLS;
    buf_init(&e->commands, SIZE_MAX / 2);
    buf_init(&e->quarantine, SIZE_MAX / 2);
    buf_init(&e->shared, SIZE_MAX / 2);
    buf_init(&e->waiting, SIZE_MAX / 2);
    c->erase->running = e;
    rc = store_erase_begin(c->store);
    for (size_t i = 0; rc == 0 && i < e->person.n_conversations; i++)
        rc = store_erase_add_conversation(c->store, e->person.conversations[i].id);
    rc = rc ? rc : loop_add_timer(c->loop, ERASE_STEP_MS, true, erase_timer, c, &e->timer);
    spools_begin(e, clock_mono_ms(), ERASE_SPOOLS_MS);
    if (rc)
        erase_end(e);
    return rc;
}
