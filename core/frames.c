/* Frames of the edges: read, checked against their session, handed to their room.
 *
 * From: the two ROUTER sockets. To: intake.c (events), settle.c (results), peers.c (HELLO).
 * Holds: nothing. */

#include "core/frames.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/control/control.h"
#include "core/deliver/dispatch.h"
#include "core/deliver/settle.h"
#include "core/deliver/typing.h"
#include "core/erase/erase.h"
#include "core/intake/answer.h"
#include "core/intake/intake.h"
#include "core/intake/room.h"
#include "core/model/inject.h"
#include "core/peers/gate.h"
#include "core/peers/peers.h"
#include "core/peers/spools.h"
#include "core/shares/shares.h"
#include "core/store/erase.h"
#include "core/turn/deaths.h"
#include "proto/bus/callers.h"
#include "proto/bus/edge.h"
#include "proto/bus/socket.h"
#include "proto/limits.h"
#include "proto/session.h"

/* frame sets read before the turn is committed */
#define FRAMES_BATCH    64
/* a name whose holder was heard so lately is not given away: it says something every second */
#define NAME_HEARD_MS   1250
#define HELLOS_A_SECOND 8 /* of one connection */
/* a peer this long silent is forgotten; well above a heartbeat */
#define PEER_FORGET_MS  15000

static void frames_refuse(struct core *c, struct bus_socket *s, const struct bus_message *m,
                          const char *words);
static void peer_hello(struct core *c, struct bus_socket *s, const struct bus_message *m,
                       const struct envelope *env);
static void peer_frame(struct core *c, struct peer *p, const struct envelope *env,
                       struct view body);
static bool frame_begin(struct core *c, const struct envelope *env, struct deed *ret_outer);
static void session_frame(struct core *c, struct bus_socket *s, const struct bus_message *m,
                          const struct envelope *env);

static void frames_read(struct core *c, struct bus_socket *s, enum gate gate)
{
    const char *words = NULL;
    size_t bytes = 0;

    for (int i = 0; i < FRAMES_BATCH && bytes < LIMIT_TURN_BYTES; i++) {
        struct bus_message m;
        int rc = bus_recv(s, &m);

        if (rc == BUS_E_MALFORMED)
            continue;
        if (rc)
            break;
        bytes += m.body.len;
        if (gate_admits(c, gate, &m, &words))
            frames_take(c, s, &m);
        else
            frames_refuse(c, s, &m, words);
        bus_message_fini(&m);
    }
}

void frames_events_readable(void *arg)
{
    struct core *c = arg;

    frames_read(c, c->peers->events, GATE_EVENTS);
}

void frames_commands_readable(void *arg)
{
    struct core *c = arg;

    frames_read(c, c->peers->commands, GATE_COMMANDS);
}

static void reply(struct core *c, struct bus_socket *s, struct view route,
                  const struct envelope *env, enum msg_kind kind, struct view body)
{
    struct envelope answer = {.version = ENVELOPE_VERSION,
                              .kind = kind,
                              .edge_boot = env->edge_boot,
                              .core_boot = c->peers->boot,
                              .unix_ms = clock_unix_ms()};
    char head[ENVELOPE_MAX_LEN];
    size_t head_len = 0;

    envelope_encode(&answer, head, &head_len);
    /* the edge asks again when it hears nothing */
    (void)!bus_send(s, route, view_make(head, head_len), body);
}

static void frames_refuse(struct core *c, struct bus_socket *s, const struct bus_message *m,
                          const char *words)
{
    struct envelope env = {0};

    if (envelope_decode(m->head, &env) == 0)
        reply(c, s, m->peer, &env, MSG_REFUSED, view_of(words));
}

void frames_take(struct core *c, struct bus_socket *s, const struct bus_message *m)
{
    struct envelope env = {0};
    struct deed outer;
    int rc = envelope_decode(m->head, &env);

    if (rc == ENVELOPE_E_MALFORMED) {
        log_often(LOG_LEVEL_WARN, "frame.malformed", VIEW_NONE, NULL);
        return;
    }
    if (rc == ENVELOPE_E_VERSION || !msg_name(env.kind)) {
        reply(c, s, m->peer, &env, MSG_REFUSED,
              rc ? VIEW_LIT("version not spoken here") : VIEW_LIT("unknown kind"));
        return;
    }
    if (!frame_begin(c, &env, &outer)) {
        reply(c, s, m->peer, &env, MSG_REFUSED, VIEW_LIT("core has died of such a frame"));
        return;
    }
    if (env.kind == MSG_HELLO)
        peer_hello(c, s, m, &env);
    else
        session_frame(c, s, m, &env);
    deaths_end(c, &outer);
}

/* A process says again what has killed core, to each life of it. Events and results are counted one by one. */
static bool frame_begin(struct core *c, const struct envelope *env, struct deed *ret_outer)
{
    bool each = env->kind == MSG_EVENT_PUSH || env->kind == MSG_RESULT_PUSH;
    struct deed deed = {.kind = each ? DEED_NONE : DEED_FRAME, .key = {env->kind}};
    unsigned n_deaths = 0;

    memcpy(&deed.key[1], env->edge_boot.bytes, sizeof(env->edge_boot.bytes));
    n_deaths = deaths_begin(c, &deed, ret_outer);
    if (deaths_may_try(c, n_deaths, clock_mono_ms()))
        return true;
    deaths_pass(c, ret_outer);
    log_often(LOG_LEVEL_ERROR, "frame.unread", view_of(msg_name(env->kind)),
              "kind=%s deaths=%u", msg_name(env->kind), n_deaths);
    return false;
}

static void session_frame(struct core *c, struct bus_socket *s, const struct bus_message *m,
                          const struct envelope *env)
{
    struct peer *p = peer_find(c, m->peer, s);

    if (!p || p->ended || !id_equal(&p->boot, &env->edge_boot) ||
        !id_equal(&c->peers->boot, &env->core_boot)) {
        reply(c, s, m->peer, env, MSG_HELLO_AGAIN, VIEW_LIT("\x80"));
        return;
    }
    p->heard_mono_ms = clock_mono_ms();
    peer_frame(c, p, env, m->body);
}

/* --- HELLO ------------------------------------------------------------------------------------ */

/* Whoever has the name of this HELLO now; NULL nobody. */
static const struct peer *peer_named(const struct core *c, const struct hello *h)
{
    for (const struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next) {
        const struct peer *p = LIST_ENTRY_CONST(i, struct peer, link);

        if (p->role == (enum role)h->role && view_is(h->name, p->name))
            return p;
    }
    return NULL;
}

/* The name belongs to a process that lives: two of one name would take each other's work away and
 * call each other dead. Locks keep them apart in one folder only. */
static bool name_is_taken(const struct core *c, const struct hello *h, const struct id *boot)
{
    const struct peer *p = peer_named(c, h);

    return p && !id_equal(&p->boot, boot) && clock_mono_ms() - p->heard_mono_ms < NAME_HEARD_MS;
}

/* A boot id names one life of one process: it is no secret, and no other process may use it. */
static bool is_of_another_process(const struct core *c, const struct bus_message *m,
                                  const struct id *boot)
{
    struct caller who = bus_message_from(m);

    for (const struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next) {
        const struct peer *p = LIST_ENTRY_CONST(i, struct peer, link);

        if (!id_equal(&p->boot, boot) || !p->pid || !who.pid || p->pid == who.pid)
            continue;
        log_often(LOG_LEVEL_ERROR, "peer.imitated", view_of(p->name),
                  "name=%s uid=%lld pid=%lld", p->name, (long long)who.uid, (long long)who.pid);
        return true;
    }
    return false;
}

/* Said on a socket that its process has closed since: it came later than what was said after it. */
static bool is_overtaken(const struct core *c, const struct hello *h, const struct id *boot)
{
    const struct peer *p = peer_named(c, h);

    return p && id_equal(&p->boot, boot) && h->session && h->session < p->session;
}

/* The same process under a new session, or its successor: the old session ends. */
static void peer_replace(struct core *c, const struct hello *h, const struct id *boot)
{
    struct list *next = NULL;

    for (struct list *i = c->peers->list.next; i != &c->peers->list; i = next) {
        struct peer *p = LIST_ENTRY(i, struct peer, link);

        next = i->next;
        if (p->role != (enum role)h->role || !view_is(h->name, p->name))
            continue;
        if (p->role == ROLE_EGRESS) {
            if (id_equal(&p->boot, boot) && p->session && h->session > p->session)
                dispatch_unreceived(c, p, h->held);
            else if (id_equal(&p->boot, boot))
                dispatch_detach(c, p); /* still alive: what it holds comes with HELLO */
            else
                dispatch_lost(c, p);
        }
        peer_free(c, p);
    }
}

/* So that it is missed when it is away and a person is erased. */
static void ingress_seen(struct core *c, const struct peer *p)
{
    int rc = core_turn(c);

    spools_came(c, p->name);
    rc = rc ? rc
            : store_ingress_seen(c->store, view_of(p->name), &p->spool->id, clock_unix_ms());
    if (rc)
        core_row_failed(c, "ingresses", rc);
}

/* Leaves after the commit of this turn: an ingress forgets what `taken` names, and some of it may
 * have come in this very turn. */
static void peer_welcome(struct core *c, struct peer *p, const struct hello *h)
{
    struct welcome w = {.lease_ms = (int64_t)config_number(c->config, "core/lease_ms"),
                        .echo_ms = h->mono_ms,
                        .core_ms = clock_mono_ms()};
    struct buf registry;
    struct buf ranges;
    struct buf body;

    buf_init(&registry, LIMIT_FRAME_BYTES);
    buf_init(&ranges, 1 << 16);
    buf_init(&body, LIMIT_FRAME_BYTES);
    if (registry_encode(c->turn->registry, p->role, &registry))
        goto out; /* no memory: it says HELLO again */
    w.registry = buf_view(&registry);
    if (p->role == ROLE_INGRESS) {
        w.credit = LIMIT_CREDIT_EVENTS;
        w.credit_bytes = LIMIT_CREDIT_BYTES;
        w.spool = h->spool;
        taken_heed_low(&p->spool->taken, h->low);
        w.mark = p->spool->taken.mark;
        w.low = p->spool->taken.low;
        if (taken_encode_ranges(&p->spool->taken, &ranges))
            goto out;
        w.taken = buf_view(&ranges);
    }
    if (welcome_encode(&w, &body) == 0)
        (void)!peer_post(c, p, MSG_WELCOME, NULL, buf_view(&body)); /* no memory: as above */
    p->uncovered = true;
    p->told_mono_ms = clock_mono_ms();
out:
    buf_fini(&registry);
    buf_fini(&ranges);
    buf_fini(&body);
}

/* No session for this one: it takes a new spool id and says HELLO again. */
static void spool_refuse(struct core *c, struct bus_socket *s, const struct bus_message *m,
                         const struct envelope *env, const struct spool *spool, int why)
{
    const uint64_t low = taken_first_gap(&spool->taken);
    const struct spool_refused r = {
        .spool = spool->id, .low = low, .reason = view_of(spools_words(why))};
    const struct welcome w = {.spool = spool->id, .low = low, .mark = spool->taken.mark};
    struct buf body;

    buf_init(&body, 1024);
    /* a mark that it cannot have reached tells any version of ingress the same; no memory: it
     * asks again */
    if (why == SPOOLS_E_COPY && welcome_encode(&w, &body) == 0)
        reply(c, s, m->peer, env, MSG_WELCOME, buf_view(&body));
    else if (why != SPOOLS_E_COPY && spool_refused_encode(&r, &body) == 0)
        reply(c, s, m->peer, env, MSG_SPOOL_REFUSED, buf_view(&body));
    buf_fini(&body);
}

/* The spool that the process behind this HELLO may speak for. NULL: it was answered, or is to ask
 * again. */
static struct spool *spool_claimed(struct core *c, struct bus_socket *s,
                                   const struct bus_message *m, const struct envelope *env,
                                   const struct hello *h)
{
    struct spool *spool = spools_load(c, &h->spool);
    char space[LOG_VALUE_MAX];
    int why = spool ? spools_claim(c, spool, h, &env->edge_boot, clock_mono_ms()) : 0;

    if (why == 0 && spool && spool->name[0] && !view_is(h->name, spool->name))
        log_line(LOG_LEVEL_INFO, "spool.renamed", "name=%s was=%s", log_value(h->name, space),
                 spool->name);
    if (why == 0)
        return spool;
    log_often(LOG_LEVEL_WARN, "spool.refused", h->name,
              "name=%s reason=\"%s\" mark=%" PRIu64 " fresh=%" PRIu64,
              log_value(h->name, space), spools_words(why), spool->taken.mark, h->fresh);
    spool_refuse(c, s, m, env, spool, why);
    return NULL;
}

/* Whoever was told that more is taken than this store knows of was told so by a core with a later
 * store: what this one holds, and what it is sent now, may have been done since it was copied. */
static void note_forgotten(struct core *c, struct peer *p, const struct hello *h)
{
    struct core_command *cmd = NULL;
    size_t iter = 0;
    int rc = 0;

    p->forgets = h->known > p->spool->taken.mark;
    if (!p->forgets) {
        p->sends_from = h->low;
        return;
    }
    log_line(LOG_LEVEL_WARN, "store.put_back", "name=%s mark=%" PRIu64 " known=%" PRIu64,
             p->name, p->spool->taken.mark, h->known);
    while (c->turn->loaded && (cmd = table_next(c->queue->commands, &iter)))
        cmd->unsure = cmd->unsure || cmd->id <= c->turn->loaded;
    rc = core_turn(c);
    rc = rc ? rc : store_commands_unsure(c->store, c->turn->loaded);
    rc = rc ? rc : store_waiting_forgotten(c->store, c->intake->loaded);
    if (rc)
        core_row_failed(c, "forgotten", rc); /* known until the next start */
    else
        room_put_back(c);
    c->turn->loaded = 0; /* once is enough */
}

/* Each is answered with a registry, which waits in core's memory until it is read. An edge says it once a second
 * until it is answered, and again when it is told to. */
static bool says_hello_too_often(struct peer *p)
{
    int64_t now = clock_mono_ms();

    if (now - p->hellos.since_mono_ms >= 1000)
        p->hellos = (struct hellos){.since_mono_ms = now};
    return ++p->hellos.n > HELLOS_A_SECOND;
}

/* Why there is no session for this HELLO; NULL when nothing speaks against it. */
static const char *hello_refused(const struct core *c, enum role want,
                                 const struct bus_message *m, const struct hello *h,
                                 const struct id *boot)
{
    pid_t pid = bus_message_from(m).pid;

    if (pairs_count(h->held) > LIMIT_WORKER_CREDIT || h->role != (uint64_t)want)
        return "malformed hello";
    if (is_of_another_process(c, m, boot))
        return "this boot id is another process's";
    if (name_is_taken(c, h, boot))
        return "another process of this name is alive";
    if (peers_have_room(c, want, h->name, pid))
        return NULL;
    log_often(LOG_LEVEL_ERROR, "peers.full", view_of(role_name(want)), "role=%s pid=%lld",
              role_name(want), (long long)pid);
    return "no room for another process";
}

static void peer_hello(struct core *c, struct bus_socket *s, const struct bus_message *m,
                       const struct envelope *env)
{
    enum role want = s == c->peers->events ? ROLE_INGRESS : ROLE_EGRESS;
    struct peer *p = peer_find(c, m->peer, s);
    struct spool *spool = NULL;
    const char *refused = NULL;
    struct hellos said = {0};
    char space[LOG_VALUE_MAX];
    struct hello h;
    bool again = false;

    if (p && says_hello_too_often(p))
        return;
    if (p)
        said = p->hellos;
    if (hello_decode(m->body, &h)) {
        reply(c, s, m->peer, env, MSG_REFUSED, VIEW_LIT("malformed hello"));
        return;
    }
    inject_kill(h.name);
    if (is_overtaken(c, &h, &env->edge_boot))
        return;
    refused = hello_refused(c, want, m, &h, &env->edge_boot);
    if (refused) {
        reply(c, s, m->peer, env, MSG_REFUSED, view_of(refused));
        return;
    }
    if (want == ROLE_INGRESS && !(spool = spool_claimed(c, s, m, env, &h)))
        return;
    /* said again before the answer came: the session is the same */
    p = peer_find(c, m->peer, s);
    again = p && !p->ended && id_equal(&p->boot, &env->edge_boot);
    peer_replace(c, &h, &env->edge_boot);
    p = peer_new(c, s, m->peer, &h, &env->edge_boot);
    if (!p) {
        reply(c, s, m->peer, env, MSG_REFUSED, VIEW_LIT("no room for another process"));
        return;
    }
    p->pid = bus_message_from(m).pid;
    p->hellos = said;
    p->spool = spool;
    if (spool) { /* an ingress */
        p->sent_before = spools_sent_before(spool, &h, &env->edge_boot);
        p->held_before = h.next;
        p->n_again = p->sent_before > h.low ? p->sent_before - h.low : 0;
        ingress_seen(c, p);
        note_forgotten(c, p, &h);
    } else {
        dispatch_worker_joined(c, p, h.held);
    }
    if (!again)
        log_often(LOG_LEVEL_INFO, "peer.joined", view_of(p->name), "role=%s name=%s",
                  role_name(p->role), log_value(view_of(p->name), space));
    peer_welcome(c, p, &h);
    shares_tell(c, p);
    core_wake(c);
}

/* --- frames of a session -------------------------------------------------------------------- */

static void results_push(struct core *c, struct peer *p, const struct envelope *env,
                         struct view body)
{
    c->peers->frame_unix_ms = env->unix_ms;
    settle_push(c, p, body);
    c->peers->frame_unix_ms = 0;
}

/* It has stopped in order, and the frame at hand is its last. What it could not finish stays in flight until the
 * lease is over, as if it were silent. */
static void peer_left(struct core *c, struct peer *p)
{
    log_line(LOG_LEVEL_INFO, "peer.left", "role=%s name=%s under_way=%zu", role_name(p->role),
             p->name, p->n_in_flight);
    dispatch_detach(c, p);
    peer_free(c, p);
}

static bool says_it_leaves(const struct peer *p, struct view body)
{
    struct heartbeat hb;

    return p->role == ROLE_EGRESS && heartbeat_decode(body, &hb) == 0 && hb.leaving;
}

static void peer_figures(struct core *c, struct peer *p, struct view body)
{
    struct heartbeat hb;

    if (heartbeat_decode(body, &hb))
        return;
    p->registry_version = hb.registry_version;
    p->spool_events = hb.spool_events;
    p->spool_bytes = hb.spool_bytes;
    p->sends_from = hb.low ? hb.low : p->sends_from;
    peer_told_state(p, &hb, clock_unix_ms());
    buf_reset(&p->refused);
    (void)buf_add_view(&p->refused, hb.refused); /* longer than ours can be: none */
    if (p->role == ROLE_INGRESS && hb.refusals.len)
        trail_hear(c, p, hb.refusals);
    p->busy = hb.busy;
    if (p->role == ROLE_EGRESS) {
        peer_told_credit(p, hb.credit, hb.credit_bytes, hb.places);
        core_wake(c);
    }
    if (p->registry_version < c->turn->registry->version && !c->turn->registry_changed &&
        clock_mono_ms() - p->told_mono_ms >= EDGE_HEARTBEAT_MS / 2)
        peer_send_registry(c, p);     /* the frame that told it was lost */
    control_tick(c, clock_mono_ms()); /* a call may wait for this registry to be held */
}

/* libzmq gathers small frames in a buffer for each connection, on both sides, and leaves there what the
 * next ones do not overwrite: a secret, long after its time. So behind a registry one is large. */
static void peer_answer_heartbeat(struct core *c, struct peer *p, struct view body)
{
    static const char zeros[LIMIT_COVER_BYTES];
    struct heartbeat_answer a = {.core_ms = clock_mono_ms()};
    struct heartbeat hb;
    struct buf answer;

    if (heartbeat_decode(body, &hb) == 0)
        a.echo_ms = hb.mono_ms;
    if (p->uncovered)
        a.pad = view_make(zeros, sizeof(zeros));
    buf_init(&answer, 256 + LIMIT_COVER_BYTES);
    if (heartbeat_answer_encode(&a, &answer) == 0) {
        peer_send(c, p, MSG_HEARTBEAT_ANSWER, NULL, buf_view(&answer));
        p->uncovered = false;
    }
    buf_fini(&answer);
}

static void peer_frame(struct core *c, struct peer *p, const struct envelope *env,
                       struct view body)
{
    switch ((enum msg_kind)env->kind) {
    case MSG_EVENT_PUSH:
        if (p->role == ROLE_INGRESS)
            intake_push(c, p, body);
        return;
    case MSG_EVENT_EPHEMERAL:
        if (p->role == ROLE_INGRESS)
            ephemeral_take(c, body);
        return;
    case MSG_QUERY:
        if (p->role == ROLE_INGRESS)
            answer_query(c, p, body);
        return;
    case MSG_RESULT_PUSH:
        if (p->role == ROLE_EGRESS)
            results_push(c, p, env, body);
        return;
    case MSG_CREDIT:
        peer_figures(c, p, body);
        return;
    case MSG_HEARTBEAT:
        if (says_it_leaves(p, body)) {
            peer_left(c, p);
            return;
        }
        peer_figures(c, p, body);
        peer_answer_heartbeat(c, p, body);
        return;
    case MSG_SPOOL_ROTATED:
        if (p->role == ROLE_INGRESS)
            erase_turned(p, body);
        return;
    case MSG_EVENT_TAKEN:
    case MSG_COMMAND_PUSH:
    case MSG_RESULT_TAKEN:
    case MSG_HELLO:
    case MSG_WELCOME:
    case MSG_HELLO_AGAIN:
    case MSG_HEARTBEAT_ANSWER:
    case MSG_REGISTRY:
    case MSG_REFUSED:
    case MSG_CONTROL_CALL:
    case MSG_CONTROL_ANSWER:
    case MSG_GOING:
    case MSG_ANSWER:
    case MSG_REPLAY:
    case MSG_SPOOL_ROTATE:
    case MSG_SPOOL_REFUSED:
    case MSG_EVENT_LATER:
    case MSG_SHARES:
        log_often(LOG_LEVEL_WARN, "frame.unexpected", view_of(p->name), "kind=%s peer=%s",
                  msg_name(env->kind), p->name);
        return;
    }
}

/* --- silence -------------------------------------------------------------------------------- */

void frames_tick(struct core *c, int64_t now_mono_ms)
{
    struct list *next = NULL;

    for (struct list *i = c->peers->list.next; i != &c->peers->list; i = next) {
        struct peer *p = LIST_ENTRY(i, struct peer, link);

        next = i->next;
        if (now_mono_ms - p->heard_mono_ms < PEER_FORGET_MS)
            continue;
        log_line(LOG_LEVEL_WARN, "peer.silent", "role=%s name=%s", role_name(p->role), p->name);
        /* silence proves nothing: what it holds is dispatched again when its lease is over */
        if (p->role == ROLE_EGRESS)
            dispatch_silent(c, p);
        else
            ingress_seen(c, p);
        peer_free(c, p);
    }
    spools_tick(c, now_mono_ms);
}
