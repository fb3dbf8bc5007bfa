/* Events become conversations, messages and commands.
 *
 * From: an ingress's spool (EVENT_PUSH), by frames.c.
 * To: the store; then the queue, by core_commit_staged.
 * Holds: nothing; the spool keeps the event until EVENT_TAKEN, which leaves after the commit. */

#include "core/intake/intake.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stats.h"
#include "core/intake/apply.h"
#include "core/intake/conversation.h"
#include "core/intake/deferred.h"
#include "core/intake/echo.h"
#include "core/intake/follow.h"
#include "core/intake/given_up.h"
#include "core/intake/lookup.h"
#include "core/intake/room.h"
#include "core/intake/test_hook.h"
#include "core/model/inject.h"
#include "core/model/router.h"
#include "core/peers/peers.h"
#include "core/peers/spools.h"
#include "core/shares/shares.h"
#include "core/turn/deaths.h"
#include "proto/command.h"
#include "proto/event.h"
#include "proto/limits.h"
#include "proto/session.h"

/* so often a report may wait in vain for another one's first words */
#define ECHO_WAITS 3
#define DAY_MS     (24LL * 3600 * 1000)
/* an event has hardly ever lain in a spool for longer */
#define STAMP_DAYS 7

static bool is_for_later(struct core *c, struct peer *p, const msgpack_object *item);
static bool exceeds_credit(struct core *c, struct peer *p, const msgpack_object *item);
static int intake_one(struct core *c, struct peer *p, const msgpack_object *item);
/* What is said of it from now on, and what was said of it before this came, is said of this one. */
static int learn_given_up(struct core *c, const struct message *m, const struct event *e)
{
    bool to_amo = e->kind == EVENT_AMO_MESSAGE;
    int rc = to_amo ? store_message_learn_amo(c->store, m, e->message_id)
                    : store_message_learn_answer(c->store, m, e->message_id);

    if (rc == 0 && to_amo)
        deferred_wake_amo(c, m->scope, e->message_id);
    else if (rc == 0)
        deferred_wake_answered(c, m->connector, e->message_id);
    return rc;
}

static int intake_apply(struct core *c, struct view bytes, enum intake_how how);
static int apply_decision(struct core *c, const struct event *e, struct view bytes,
                          const struct message *named, const struct decision *p);
static int apply_refusal(struct core *c, const struct event *e, struct view bytes,
                         const struct decision *p);
static int quarantine_once(struct core *c, struct view bytes, const char *reason);

static const char *const status_words[] = {"sent", "delivered", "read"};

static struct stat_rows *count_status(struct core *c, const char *status, const char *code)
{
    char labels[64];

    (void)snprintf(labels, sizeof(labels), "status=\"%s\",code=\"%s\"", status,
                   code); /* fits */
    return stats_counter_rows(c->stats, "amo_statuses_total", labels, "connector",
                              "statuses of managers' messages that services reported");
}

static void count_statuses(struct core *c, struct intake *in)
{
    size_t n = AMO_COUNT(status_words);

    for (size_t i = 0; i < n; i++)
        in->n_statuses[i] = count_status(c, status_words[i], "");
    for (size_t i = n; i < INTAKE_STATUSES; i++)
        in->n_statuses[i] = count_status(
            c, "failed", fallback_error_word(FALLBACK_ERROR_FIRST + (int64_t)(i - n)));
}

void intake_count_status(struct core *c, const struct event *e, bool failed_before)
{
    static const enum fate fates[] = {FATE_SENT, FATE_DELIVERED, FATE_READ, FATE_FAILED};
    size_t i = 0;

    while (i < AMO_COUNT(status_words) && !view_is(e->status, status_words[i]))
        i++;
    if (i < AMO_COUNT(status_words) ||
        !failed_before) /* one message has failed, however often it is said */
        fates_note(c, e->connector, fates[i], e->error_code, clock_mono_ms(), clock_unix_ms());
    if (i == AMO_COUNT(status_words)) /* failed */
        i += (size_t)(fallback_error_code(e->error_code) - FALLBACK_ERROR_FIRST);
    stat_rows_add(c->intake->n_statuses[i], e->connector, 1);
}

int intake_new(struct core *c)
{
    struct intake *in = mem_zalloc(sizeof(*in));

    if (!in)
        return -ENOMEM;
    c->intake = in;
    list_init(&in->wakes);
    list_init(&in->echoes);
    list_init(&in->door_tests);
    buf_init(&in->leaving, (size_t)LIMIT_COMMANDS * sizeof(struct leaving));
    in->leaving_pass = 1;
    in->n_events = stats_counter(c->stats, "amo_events_total", "", "events taken from spools");
    in->n_repeats =
        stats_counter(c->stats, "amo_events_repeated_total", "", "events taken before");
    in->n_over_credit = stats_counter(c->stats, "amo_sessions_over_credit_total", "",
                                      "sessions ended for more events than their credit");
    in->n_quarantined =
        stats_counter(c->stats, "amo_quarantined_total", "", "events put into quarantine");
    in->n_reactions_off =
        stats_counter(c->stats, "amo_reactions_unsupported_total", "",
                      "clients' reactions that support has not switched on for the channel");
    count_statuses(c, in);
    return 0;
}

int intake_count(struct core *c)
{
    int64_t dead = 0;
    int64_t quarantine = 0;
    int rc = store_counts(c->store, &dead, &quarantine, &c->intake->n_deferred);

    return rc ? rc : room_count(c);
}

int intake_load(struct core *c)
{
    int rc = store_waiting_newest(c->store, &c->intake->loaded);

    rc = rc ? rc : intake_count(c);
    rc = rc ? rc : deferred_rekey(c);
    rc = rc ? rc : store_kept_name(c->store);
    return rc ? rc : echoes_load(c);
}

void intake_free(struct core *c)
{
    if (!c->intake)
        return;
    echoes_free(c);
    deferred_free(c);
    buf_fini(&c->intake->leaving);
    mem_free(c->intake);
    c->intake = NULL;
}

void intake_push(struct core *c, struct peer *p, struct view body)
{
    const msgpack_object *items = NULL;
    const msgpack_object *root = NULL;
    struct pack_doc d;
    bool later = false;
    struct id spool;
    size_t n = 0;
    int rc = 0;

    if (pack_doc_open(&d, body)) {
        log_often(LOG_LEVEL_ERROR, "event.push_malformed", view_of(p->name), "peer=%s",
                  p->name);
        return;
    }
    root = pack_doc_root(&d);
    if (id_from_view(pack_text(pack_get(root, "spool")), &spool) || !p->spool ||
        !id_equal(&spool, &p->spool->id)) {
        log_often(LOG_LEVEL_ERROR, "event.push_of_other_spool", view_of(p->name), "peer=%s",
                  p->name);
        goto out;
    }
    p->sends_from = pack_u64(pack_get(root, "low"));
    taken_heed_low(&p->spool->taken, p->sends_from);
    room_heed_low(p->spool, p->sends_from);
    n = pack_array(root, "events", &items);
    for (size_t i = 0; rc == 0 && !later && i < n; i++) {
        later = is_for_later(c, p, &items[i]);
        rc = !later && exceeds_credit(c, p, &items[i]) ? -E2BIG : 0;
        rc = later || rc ? rc : intake_one(c, p, &items[i]);
    }
    if (later)
        room_say_later(c, p);
    if (rc && core_is_trouble(rc))
        core_give_up(c, "intake", rc);
    else if (rc)
        peer_end(c, p); /* what is behind it must not overtake it: all of it comes again */
    c->turn->hand = (struct hand){0};
    shares_look(c, clock_mono_ms());
out:
    pack_doc_close(&d);
}

static bool is_numbered(const msgpack_object *item)
{
    return item->type == MSGPACK_OBJECT_ARRAY && item->via.array.size >= 2;
}

/* A repeat needs no room. */
static bool is_for_later(struct core *c, struct peer *p, const msgpack_object *item)
{
    uint64_t number = is_numbered(item) ? pack_u64(&item->via.array.ptr[0]) : 0;

    return is_numbered(item) && !taken_has(&p->spool->taken, number) &&
           !room_for_event(c, p->spool, number);
}

/* Counted as the ingress counts: an event that is larger than the whole credit travels alone. What was
 * taken before may come as often as it likes. */
static bool exceeds_credit(struct core *c, struct peer *p, const msgpack_object *item)
{
    if (!is_numbered(item) || taken_has(&p->spool->taken, pack_u64(&item->via.array.ptr[0])))
        return false;
    p->n_open++;
    p->bytes_open += pack_text(&item->via.array.ptr[1]).len;
    if (p->n_open <= LIMIT_CREDIT_EVENTS &&
        (p->bytes_open <= LIMIT_CREDIT_BYTES || p->n_open == 1))
        return false;
    stat_add(c->intake->n_over_credit, 1);
    log_often(LOG_LEVEL_ERROR, "session.over_credit", view_of(p->name),
              "peer=%s events=%zu bytes=%zu", p->name, p->n_open, p->bytes_open);
    return true;
}

static int intake_one(struct core *c, struct peer *p, const msgpack_object *item)
{
    const msgpack_object *o = item->via.array.ptr;
    enum intake_how how = INTAKE_FRESH;
    struct deed deed = {.kind = DEED_EVENT};
    struct deed outer;
    uint64_t number = 0;
    int rc = 0;

    if (!is_numbered(item)) {
        log_often(LOG_LEVEL_ERROR, "event.push_malformed", view_of(p->name), "peer=%s",
                  p->name);
        return 0;
    }
    number = pack_u64(&o[0]);
    rc = core_turn(c);
    if (rc)
        return rc;
    if (taken_has(&p->spool->taken, number)) {
        stat_add(c->intake->n_repeats, 1);
        if (spools_differ(p->spool, number, pack_text(&o[1])))
            log_often(LOG_LEVEL_ERROR, "spool.other_bytes", view_of(p->name),
                      "name=%s number=%" PRIu64, p->name, number);
        return pairs_add(&p->acks, number, number);
    }
    /* Marked first: what follows either stands or ends this process with the mark. */
    rc = taken_add(&p->spool->taken, number);
    if (rc) {
        log_often(LOG_LEVEL_ERROR, "event.too_many_gaps", view_of(p->name), "peer=%s", p->name);
        return rc;
    }
    deed.key[0] = number;
    memcpy(&deed.key[1], p->spool->id.bytes, sizeof(p->spool->id.bytes));
    c->turn->hand = (struct hand){.spool = p->spool,
                                  .number = number,
                                  .held = number < p->held_before,
                                  .event = pack_text(&o[1])};
    c->turn->again = number < p->sent_before;
    c->intake->forgotten = c->turn->again && p->forgets;
    if (deaths_begin(c, &deed, &outer) >= DEATHS_MAX ||
        (item->via.array.size > 2 && pack_bool(&o[2])))
        how = INTAKE_SUSPECT;
    rc = intake_event(c, pack_text(&o[1]), how);
    c->turn->again = c->intake->forgotten = false;
    if (rc && core_is_trouble(rc))
        return rc; /* it stays in hand: core ends, and this may be why */
    deaths_end(c, &outer);
    if (rc)
        return rc;
    deferred_run(c);
    p->spool->dirty = true;
    spools_took(p->spool, &p->boot, p->name);
    spools_note(p->spool, number, pack_text(&o[1]));
    stat_add(c->intake->n_events, 1);
    return pairs_add(&p->acks, number, number);
}

/* For the log; zeros when it cannot be decoded. */
static void event_trace(struct view bytes, char ret[ID_TEXT_LEN + 1])
{
    struct event e = {0};

    if (event_decode(bytes, &e))
        e.trace = (struct id){{0}};
    id_format(&e.trace, ret);
}

int intake_event(struct core *c, struct view bytes, enum intake_how how)
{
    char trace[ID_TEXT_LEN + 1];
    int rc = store_savepoint(c->store);

    c->intake->meant[0] = '\0';
    if (rc)
        return rc;
    rc = how == INTAKE_SUSPECT ? intake_quarantine(c, bytes, "suspect")
                               : intake_apply(c, bytes, how);
    if (rc == 0)
        rc = store_release(c->store);
    if (rc == 0) {
        /* what is stored must be in the queue: else start again from the store */
        return core_commit_staged(c) ? -EIO : 0;
    }
    core_drop_staged(c);
    if (core_is_trouble(rc))
        return rc;
    event_trace(bytes, trace);
    log_failed(LOG_LEVEL_ERROR, "event.failed", store_errno(rc), "trace=%s sqlite=\"%s\"",
               trace, store_error(c->store, rc));
    rc = store_rollback_to(c->store);
    return rc ? rc : intake_quarantine(c, bytes, "failed");
}

int intake_quarantine(struct core *c, struct view bytes, const char *reason)
{
    int rc = quarantine_once(c, bytes, reason);

    return rc == STORE_E_KNOWN ? 0 : rc;
}

/* What makes a repeat of the same webhook the same entry: a captured one sent over and over must not
 * fill the quarantine, whatever its sender may choose beside what is signed, as the account in the
 * path and his headers are. So it is what the event says, of its channel or, where that is known, its
 * account. VIEW_NONE when it has nothing of the kind. */
static int quarantine_key(struct core *c, const struct event *e, const char *reason,
                          unsigned char digest[CRYPTO_SHA256_LEN], struct view *ret)
{
    struct event said = *e;
    struct buf joined;
    int rc = 0;

    *ret = VIEW_NONE;
    if ((view_empty(e->dedup) && view_empty(e->raw)) || strcmp(reason, "failed") == 0)
        return 0;
    said.trace = (struct id){{0}};
    said.taken_ms = 0;
    said.replay = 0;
    said.dedup = VIEW_NONE;
    said.webhook_id = VIEW_NONE;
    said.reason = VIEW_NONE;
    if (e->kind == EVENT_QUARANTINE || !registry_scope(c->turn->registry, e->scope))
        said.scope = registry_scope_channel(e->scope);
    buf_init(&joined, LIMIT_FRAME_BYTES);
    rc = buf_add(&joined, reason, strlen(reason) + 1);
    rc = rc ? rc : event_encode(&said, &joined);
    rc = rc ? rc : crypto_sha256(buf_view(&joined), digest);
    buf_fini(&joined);
    if (rc == 0)
        *ret = view_make(digest, CRYPTO_SHA256_LEN);
    return rc;
}

/* Which account a service's event is about: what is kept of it for a person counts for that. */
static void note_meant(struct core *c, const struct event *e, const struct facts *m)
{
    const char *scope = m->scope ? m->scope->id : m->target ? m->target->scope : "";

    c->intake->meant[0] = '\0';
    if (e->connector.len && scope)
        (void)!view_copy(view_of(scope), c->intake->meant,
                         sizeof(c->intake->meant)); /* too long: not known */
}

/* STORE_E_KNOWN: it was kept before. */
static int quarantine_once(struct core *c, struct view bytes, const char *reason)
{
    unsigned char digest[CRYPTO_SHA256_LEN];
    unsigned char hash[CRYPTO_SHA256_LEN];
    struct view same = VIEW_NONE;
    struct view key_hash = VIEW_NONE;
    struct event e = {0};
    char trace[ID_TEXT_LEN + 1];
    int rc = 0;

    /* what cannot even be decoded, or killed us perhaps, is kept as bytes, unread */
    if (strcmp(reason, "suspect") == 0 || event_decode(bytes, &e))
        memset(&e, 0, sizeof(e));
    id_format(&e.trace, trace);
    log_often(LOG_LEVEL_WARN, "event.quarantined", e.connector.len ? e.connector : e.scope,
              "trace=%s kind=%s reason=%s", trace, event_kind_name(e.kind), reason);
    stat_add(c->intake->n_quarantined, 1);
    rc = quarantine_key(c, &e, reason, digest, &same);
    if (rc == 0 && e.kind == EVENT_SERVICE_MESSAGE)
        rc = lookup_hash(e.connector, e.message_id, hash, &key_hash);
    else if (rc == 0 && e.kind == EVENT_AMO_MESSAGE && c->intake->forgotten)
        rc = lookup_webhook_hash(c, &e, hash, &key_hash); /* its service may report it */
    return rc ? rc
              : store_quarantine_add(c->store, reason, bytes,
                                     e.connector.len ? view_of(c->intake->meant) : e.scope,
                                     e.connector, e.kind, &e.trace, same, key_hash,
                                     clock_unix_ms());
}

/* --- applying ------------------------------------------------------------------------------- */

/* An account that still sends webhooks of version 1: connected again, with version 2. */
static void intake_reconnect_v1(struct core *c, const struct event *e)
{
    struct dest *d = NULL;

    if (e->kind != EVENT_QUARANTINE || !view_starts(e->reason, "v1 ") ||
        !registry_scope_connected(c->turn->registry, e->scope))
        return;
    d = queue_dest(c->queue, DEST_SCOPE, e->scope);
    if (d)
        d->connect_wanted = true;
}

static int apply_wait(struct core *c, const struct event *e, struct view bytes,
                      const struct decision *p, const struct facts *m, enum intake_how how)
{
    char key[DEFERRED_KEY_MAX];
    char trace[ID_TEXT_LEN + 1];
    int rc = 0;

    if (how == INTAKE_LATE)
        return intake_quarantine(c, bytes, p->reason); /* it has waited */
    if (store_deferred_is_hurt(c->store))
        return intake_quarantine(c, bytes, INTAKE_DAMAGED);
    if (!shares_may_wait(c, c->intake->who, c->intake->n_deferred,
                         p->kind == DECISION_WAIT_ECHO))
        return intake_quarantine(c, bytes, "too_many_waiting");
    id_format(&e->trace, trace);
    log_line(LOG_LEVEL_DEBUG, "event.waits", "trace=%s kind=%s reason=%s conversation=%lld",
             trace, event_kind_name(e->kind), p->reason, (long long)m->echo_of);
    if (e->kind == EVENT_SERVICE_MESSAGE && !e->outgoing && m->conversation)
        rc = conversation_heard(c, e, m->conversation->id);
    if (rc)
        return rc;
    if (p->kind == DECISION_WAIT_ECHO)
        return e->kind == EVENT_AMO_MESSAGE
                   ? echoes_put(c, ECHO_AMO, m->echo_of, e, bytes,
                                NULL) /* it names its account */
                   : echoes_put(c, ECHO_SERVICE, m->echo_of, e, bytes,
                                m->came_for ? m->came_for : m->scope->id);
    rc = m->namesake ? deferred_thread_key(e, key) : deferred_key(e, key);
    return rc ? rc : deferred_put(c, key, bytes, command_life_ms(COMMAND_AMO_STATUS));
}

static int apply_decision(struct core *c, const struct event *e, struct view bytes,
                          const struct message *named, const struct decision *p)
{
    char trace[ID_TEXT_LEN + 1];

    switch (p->kind) {
    case DECISION_APPLY:
        return apply_message(c, e, p);
    case DECISION_NOTHING:
        id_format(&e->trace, trace);
        log_line(LOG_LEVEL_DEBUG, "event.nothing", "trace=%s kind=%s reason=%s", trace,
                 event_kind_name(e->kind), p->reason);
        return apply_status(c, e, named, p);
    case DECISION_STATUS:
        return apply_status(c, e, named, p);
    case DECISION_EDIT:
        return apply_edit(c, e, named);
    case DECISION_REACTION:
        return apply_reaction(c, e, named);
    case DECISION_QUARANTINE:
        intake_reconnect_v1(c, e);
        return intake_quarantine(c, bytes, p->reason);
    case DECISION_REFUSE:
        return apply_refusal(c, e, bytes, p);
    case DECISION_WAIT:
    case DECISION_WAIT_ECHO:
        break;
    }
    return -EINVAL;
}

/* Not for ever, and rather an echo than a manager's message that goes nowhere. First words that are
 * tried together: whose report it is shows when the last of them is answered. What waited for those
 * waits again for its own conversation's. */
static bool may_wait_as_echo(struct core *c, const struct facts *m, enum intake_how how)
{
    int64_t longest = ECHO_WAITS * (int64_t)config_number(c->config, "core/echo_ms");

    if (m->echo_of == 0 || how == INTAKE_LATE || store_deferred_is_hurt(c->store) ||
        !shares_may_wait(c, c->intake->who, c->intake->n_deferred, true))
        return false;
    return how != INTAKE_WOKEN ||
           (m->echo_again && c->intake->echo_ran_ms - c->intake->echo_since_ms < longest);
}

/* What was sent before cannot be recognised as a repeat any more. In doubt nothing is forgotten. */
static int64_t oldest_known(const struct core *c)
{
    int64_t days = (int64_t)config_number(c->config, "retention/messages_days");

    return c->turn->doubt.on ? 0 : clock_unix_ms() - days * DAY_MS;
}

/* Ingress has its own clock. A time that cannot be right is taken for now. */
static int64_t plausible(int64_t taken_ms)
{
    int64_t now = clock_unix_ms();

    return taken_ms > now || taken_ms < now - STAMP_DAYS * DAY_MS ? now : taken_ms;
}

/* What stands in quarantine is for a person to replay or to drop. A copied spool sends it again, perhaps when
 * whatever it was for is back: it would go behind what was written after it, and stand there as well. */
static int stands_in_quarantine(struct core *c, const struct event *e, struct view bytes,
                                enum intake_how how, bool *ret)
{
    char trace[ID_TEXT_LEN + 1];
    int rc = 0;

    *ret = false;
    if ((how != INTAKE_FRESH && how != INTAKE_BACK) || e->replay || id_is_zero(&e->trace))
        return 0;
    rc = store_quarantine_stands(c->store, &e->trace, bytes, ret);
    if (rc || !*ret)
        return rc;
    id_format(&e->trace, trace);
    log_line(LOG_LEVEL_DEBUG, "event.nothing", "trace=%s kind=%s reason=kept", trace,
             event_kind_name(e->kind));
    return 0;
}

/* What the event is, and what is decided about it. @e and @bytes are one. */
static int decide_and_apply(struct core *c, const struct event *e, struct view bytes,
                            enum intake_how how)
{
    struct lookup l = {0};
    struct decision p;
    int rc = lookup_event(c, e, &l);

    if (rc == 0)
        note_meant(c, e, &l.facts);
    rc = rc ? rc : reach_event(c, e, &l);
    if (!may_wait_as_echo(c, &l.facts, how))
        l.facts.echo_of = 0;
    if (how == INTAKE_LATE && l.facts.namesake == NAMESAKE_IS_TRIED)
        l.facts.namesake = NAMESAKE_NONE; /* it has waited for that one */
    rc = rc ? rc : router_route(e, &l.facts, oldest_known(c), &p);
    if (rc == 0 && (p.kind == DECISION_WAIT || p.kind == DECISION_WAIT_ECHO))
        rc = apply_wait(c, e, bytes, &p, &l.facts, how);
    else
        rc = rc ? rc : apply_decision(c, e, bytes, l.facts.target, &p);
    if (rc == 0 && l.facts.given_up)
        rc = learn_given_up(c, l.facts.duplicate, e);
    rc = rc ? rc : given_up_arrived(c, e, &l.facts, p.kind);
    lookup_fini(&l);
    return rc;
}

/* Is it to be decided now? Not what stands in quarantine, has been dropped from there, waits for its account's
 * room, or only tests the door: with those it ends here. */
static int ends_before(struct core *c, const struct event *e, struct view bytes,
                       enum intake_how how, bool *ret)
{
    int rc = stands_in_quarantine(c, e, bytes, how, ret);

    if (rc || *ret)
        return rc;
    if (how == INTAKE_FRESH)
        rc = room_sets_aside(c, e, ret);
    if (rc)
        return rc;
    if (*ret) {
        rc = room_set_aside(c, e, bytes);
        if (rc == 0)
            heard_note(c, e, clock_unix_ms());
        return rc;
    }
    *ret = e->kind == EVENT_DOOR_TEST;
    if (*ret)
        test_hook_came(c, e->message_id);
    else if (e->replay && e->replay <= INT64_MAX) /* this replays that quarantine entry */
        rc = store_quarantine_drop(c->store, (int64_t)e->replay);
    *ret = *ret || rc == STORE_E_NONE; /* it was replayed or dropped meanwhile */
    return rc == STORE_E_NONE ? 0 : rc;
}

static int intake_apply(struct core *c, struct view bytes, enum intake_how how)
{
    bool ends = false;
    struct event e;
    int rc = event_decode(bytes, &e);

    if (rc)
        return rc < 0 ? rc : -EBADMSG;
    if (how != INTAKE_FRESH)
        inject_kill(e.content.text); /* only once it has waited */
    e.taken_ms = plausible(e.taken_ms);
    shares_who(e.connector, e.scope, c->intake->who);
    rc = ends_before(c, &e, bytes, how, &ends);
    if (rc || ends)
        return rc;
    rc = decide_and_apply(c, &e, bytes, how);
    if (rc == 0 && how == INTAKE_FRESH && !e.replay)
        heard_note(c, &e, clock_unix_ms());
    return rc;
}

static int apply_refusal(struct core *c, const struct event *e, struct view bytes,
                         const struct decision *p)
{
    const struct status_update t = {.scope = e->scope,
                                    .amo_id = e->message_id,
                                    .code = p->status_code,
                                    .error_code = p->error_code,
                                    .error_text = p->error_text,
                                    .trace = e->trace,
                                    .taken_ms = e->taken_ms};
    int rc = quarantine_once(c, bytes, p->reason);

    if (rc)
        return rc == STORE_E_KNOWN ? 0 : rc; /* the manager was told then */
    return apply_status_update(c, &t);
}

/* --- new commands ----------------------------------------------------------------------------- */
