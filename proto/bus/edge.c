/* One edge's session with core.
 *
 * From: the process (edge_send) and core (the DEALER).
 * To: core, and the process's handlers.
 * Holds: nothing of any message; only the session: boot ids, silence, the socket. */

#include "proto/bus/edge.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "proto/bus/callers.h"
#include "proto/bus/loop.h"
#include "proto/bus/socket.h"
#include "proto/limits.h"
#include "proto/sent.h"

struct edge {
    struct loop *loop;
    char *endpoint;
    struct id boot;
    struct id core_boot; /* of the present session */
    bool up;
    struct tap *tap;
    struct edge_handlers on;
    const struct callers *core; /* whose word counts; NULL anybody's */
    struct bus_socket *socket;
    struct stat file; /* core's socket when we connected, or had WELCOME */
    ino_t moved_to;   /* another one that has its name now; 0 none … */
    unsigned n_moved; /* … at so many looks */
    int timer;
    int64_t heard_ms;      /* when the last frame was read */
    int64_t sure_ms;       /* when core surely lived */
    uint64_t n_sockets;    /* opened so far */
    bool stamps;           /* this core stamps what it sends */
    int64_t frame_sent_ms; /* of the frame at hand, as its envelope tells */
    struct sent_clock sent;
    int64_t opened_ms;
    struct buf body;
    char refused
        [LOG_VALUE_MAX]; /* why there is no session, in core's words; "" it did not say */
    int64_t refused_ms;  /* since when it says so; 0 told as an error */
};

/* frames handled before the loop looks elsewhere */
#define EDGE_BATCH  64
/* what core says for longer than this is no quick restart, whose name is free after a second */
#define REFUSED_MS  2500
/* looks at which another file has the name of core's socket before we connect to that one: core, which
 * looks once a second, may be about to take its name back */
#define MOVED_LOOKS 3

static void edge_readable(void *arg);
static void edge_tick(void *arg);
static void edge_frame(struct edge *e, const struct bus_message *m);
static void edge_say_hello(struct edge *e);
static void edge_close(struct edge *e);

static bool look_at_file(const struct edge *e, struct stat *ret)
{
    return strncmp(e->endpoint, "ipc://", 6) == 0 && stat(e->endpoint + 6, ret) == 0;
}

static void note_file(struct edge *e)
{
    if (!look_at_file(e, &e->file))
        e->file = (struct stat){0}; /* not there yet */
    e->n_moved = 0;
}

/* Another listener has had the name for a while: ours is not reached any more, or was never core. */
static bool file_has_moved(struct edge *e)
{
    struct stat st;

    if (!look_at_file(e, &st) || !e->file.st_ino ||
        (st.st_ino == e->file.st_ino && st.st_dev == e->file.st_dev)) {
        e->n_moved = 0;
        return false;
    }
    e->n_moved = st.st_ino == e->moved_to ? e->n_moved + 1 : 1;
    e->moved_to = st.st_ino;
    return e->n_moved >= MOVED_LOOKS;
}

static int edge_open(struct edge *e)
{
    int rc = bus_dealer_connect(e->endpoint, e->tap, &e->socket);

    if (rc)
        return rc;
    e->opened_ms = clock_mono_ms();
    e->n_sockets++;
    note_file(e);
    rc = bus_socket_watch(e->socket, e->loop, edge_readable, e);
    if (rc == 0)
        edge_say_hello(e);
    else
        edge_close(e); /* nobody would read it: the next tick opens another */
    return rc;
}

static void edge_close(struct edge *e)
{
    if (!e->socket)
        return;
    bus_socket_unwatch(e->socket, e->loop);
    bus_socket_free(e->socket);
    e->socket = NULL;
}

int edge_new(struct loop *loop, const char *endpoint, const struct id *boot, struct tap *tap,
             const struct edge_handlers *handlers, struct edge **ret_edge)
{
    struct edge *e = mem_zalloc(sizeof(*e));
    int rc = -ENOMEM;

    if (!e)
        return -ENOMEM;
    buf_init(&e->body, LIMIT_FRAME_BYTES);
    e->loop = loop;
    e->boot = *boot;
    e->tap = tap;
    e->on = *handlers;
    e->endpoint = mem_strdup(endpoint);
    if (!e->endpoint)
        goto out;
    rc = edge_open(e);
    rc = rc ? rc : loop_add_timer(loop, EDGE_HEARTBEAT_MS, true, edge_tick, e, &e->timer);
    if (rc == 0) {
        *ret_edge = e;
        e = NULL;
    }
out:
    edge_free(e);
    return rc;
}

void edge_free(struct edge *e)
{
    if (!e)
        return;
    loop_remove_timer(e->loop, e->timer);
    edge_close(e);
    buf_fini(&e->body);
    mem_free(e->endpoint);
    mem_free(e);
}

static int edge_post(struct edge *e, enum msg_kind kind, const struct id *trace,
                     struct view body)
{
    struct envelope env = {.version = ENVELOPE_VERSION,
                           .kind = kind,
                           .edge_boot = e->boot,
                           .core_boot = e->core_boot,
                           .unix_ms = clock_unix_ms()};
    char head[ENVELOPE_MAX_LEN];
    size_t head_len = 0;
    int rc = 0;

    if (!e->socket)
        return EDGE_E_AWAY;
    if (trace)
        env.trace = *trace;
    envelope_encode(&env, head, &head_len);
    rc = bus_send(e->socket, VIEW_NONE, view_make(head, head_len), body);
    return rc == BUS_E_FULL || rc == BUS_E_GONE ? EDGE_E_FULL : rc;
}

int edge_send(struct edge *e, enum msg_kind kind, const struct id *trace, struct view body)
{
    return e->up ? edge_post(e, kind, trace, body) : EDGE_E_AWAY;
}

static void edge_say_hello(struct edge *e)
{
    struct hello h = {
        .version = VIEW_LIT(AMO_VERSION), .session = e->n_sockets, .mono_ms = clock_mono_ms()};

    if (*process_lacks())
        h.lacks = view_of(process_lacks());
    if (*process_strangers())
        h.strangers = view_of(process_strangers());
    e->on.hello(e->on.arg, &h);
    buf_reset(&e->body);
    /* not sent now is sent at the next tick */
    if (hello_encode(&h, &e->body) == 0)
        (void)edge_post(e, MSG_HELLO, NULL, buf_view(&e->body));
}

static void edge_lose(struct edge *e)
{
    bool was_up = e->up;

    e->up = false;
    e->stamps = false;
    sent_clock_forget(&e->sent);
    e->core_boot = (struct id){{0}};
    if (was_up) {
        log_line(LOG_LEVEL_WARN, "core.lost", NULL);
        e->on.lost(e->on.arg);
    }
}

void edge_restart(struct edge *e)
{
    edge_lose(e);
    edge_close(e);
    if (edge_open(e))
        log_line(LOG_LEVEL_ERROR, "core.connect_failed", NULL); /* edge_tick tries again */
}

static void edge_beat(struct edge *e, bool leaving)
{
    struct heartbeat hb = {0};

    e->on.heartbeat(e->on.arg, &hb);
    hb.mono_ms = clock_mono_ms();
    hb.leaving = leaving ? 1 : 0;
    buf_reset(&e->body);
    /* a missed heartbeat is made up for by the next */
    if (heartbeat_encode(&hb, &e->body) == 0)
        (void)!edge_post(e, MSG_HEARTBEAT, NULL, buf_view(&e->body));
}

void edge_leave(struct edge *e)
{
    if (e->up)
        edge_beat(e, true);
}

static void edge_tick(void *arg)
{
    struct edge *e = arg;
    int64_t now = clock_mono_ms();
    int64_t since = e->heard_ms > e->opened_ms ? e->heard_ms : e->opened_ms;

    log_often_flush(LOG_OFTEN_QUIET_MS);
    if (!e->socket || now - since > EDGE_SILENCE_MS || file_has_moved(e)) {
        edge_restart(e);
        return;
    }
    if (!e->up) {
        edge_say_hello(e);
        return;
    }
    edge_beat(e, false);
}

void edge_trust(struct edge *e, const struct callers *core)
{
    e->core = core;
}

/* Somebody else has the name of core's socket. What he says is nothing, so silence ends this. */
static bool is_stranger(const struct edge *e, const struct bus_message *m)
{
    struct caller who = {0};

    if (!e->core)
        return false;
    who = bus_message_from(m);
    if (callers_have(e->core, &who))
        return false;
    log_often(LOG_LEVEL_ERROR, "core.stranger", VIEW_LIT(""), "uid=%lld pid=%lld endpoint=%s",
              who.known ? (long long)who.uid : -1, (long long)who.pid, e->endpoint);
    return true;
}

static void edge_readable(void *arg)
{
    struct edge *e = arg;

    for (int i = 0; i < EDGE_BATCH && e->socket; i++) {
        struct bus_message m;
        int rc = bus_recv(e->socket, &m);

        if (rc == BUS_E_MALFORMED)
            continue;
        if (rc)
            break;
        if (!is_stranger(e, &m))
            edge_frame(e, &m);
        bus_message_fini(&m);
    }
}

/* Core lived at @own_ms of our time. */
static void edge_sure(struct edge *e, int64_t own_ms)
{
    if (own_ms > e->sure_ms)
        e->sure_ms = own_ms;
}

/* What we asked at @echo_ms core has answered, at its own @core_ms. */
static void edge_answered(struct edge *e, int64_t echo_ms, int64_t core_ms)
{
    if (!echo_ms || !core_ms) {
        edge_sure(e, e->frame_sent_ms);
        return;
    }
    e->stamps = true;
    sent_clock_answered(&e->sent, echo_ms, core_ms, e->heard_ms);
    edge_sure(e, echo_ms);
}

static void edge_welcome(struct edge *e, const struct envelope *env, struct view body)
{
    struct welcome w;

    if (welcome_decode(body, &w)) {
        log_line(LOG_LEVEL_ERROR, "core.welcome_malformed", NULL);
        return;
    }
    if (!e->up || !id_equal(&e->core_boot, &env->core_boot))
        log_line(LOG_LEVEL_INFO, "core.welcome", NULL); /* HELLO said twice is answered twice */
    e->refused[0] = '\0';
    if (!e->up)
        note_file(e);
    e->core_boot = env->core_boot;
    e->up = true;
    edge_answered(e, w.echo_ms, w.core_ms);
    e->on.welcome(e->on.arg, &w);
}

static void edge_heartbeat_answer(struct edge *e, struct view body)
{
    struct heartbeat_answer a;

    if (heartbeat_answer_decode(body, &a) == 0)
        edge_answered(e, a.echo_ms, a.core_ms);
}

/* It comes every second. */
static void edge_is_refused(struct edge *e, struct view reason)
{
    int64_t now = clock_mono_ms();
    char words[LOG_VALUE_MAX];

    if (strcmp(log_value(reason, words), e->refused) != 0) {
        log_line(LOG_LEVEL_WARN, "core.refused", "reason=%s", words);
        memcpy(e->refused, words, sizeof(words));
        e->refused_ms = now;
    } else if (e->refused_ms && now - e->refused_ms >= REFUSED_MS) {
        log_line(LOG_LEVEL_ERROR, "core.refused", "reason=%s for_ms=%lld", words,
                 (long long)(now - e->refused_ms));
        e->refused_ms = 0;
    }
}

static void edge_frame(struct edge *e, const struct bus_message *m)
{
    struct envelope env;

    if (envelope_decode(m->head, &env)) {
        log_often(LOG_LEVEL_WARN, "frame.malformed", VIEW_NONE, NULL);
        return;
    }
    if (!id_equal(&env.edge_boot, &e->boot))
        return; /* meant for an earlier life under this routing id */
    e->frame_sent_ms =
        sent_clock_frame(&e->sent, env.unix_ms, clock_unix_ms(), clock_mono_ms());
    if (env.kind == MSG_WELCOME) {
        e->heard_ms = clock_mono_ms();
        edge_welcome(e, &env, m->body);
        return;
    }
    if (env.kind == MSG_HELLO_AGAIN) {
        e->heard_ms = clock_mono_ms();
        edge_lose(e);
        edge_say_hello(e);
        return;
    }
    if (env.kind == MSG_SPOOL_REFUSED) {
        e->heard_ms = clock_mono_ms();
        if (e->on.spool_refused)
            e->on.spool_refused(e->on.arg, m->body);
        return;
    }
    if (env.kind == MSG_REFUSED) {
        edge_is_refused(e, m->body);
        return;
    }
    if (!e->up || !id_equal(&env.core_boot, &e->core_boot))
        return; /* another session's frame */
    e->heard_ms = clock_mono_ms();
    if (!e->stamps)
        edge_sure(e, e->frame_sent_ms);
    if (env.kind == MSG_HEARTBEAT_ANSWER)
        edge_heartbeat_answer(e, m->body);
    else
        e->on.message(e->on.arg, &env, m->body);
    if (env.kind == MSG_REGISTRY)
        edge_beat(e, false); /* somebody may be waiting to hear that it is held */
}

const char *edge_refused(const struct edge *e)
{
    return e->refused;
}

bool edge_is_up(const struct edge *e)
{
    return e->up;
}

const struct id *edge_core_boot(const struct edge *e)
{
    return &e->core_boot;
}

int64_t edge_heard_ms(const struct edge *e)
{
    return e->sure_ms;
}

int64_t edge_sent_ms(struct edge *e, int64_t core_ms)
{
    int64_t own = e->frame_sent_ms;

    if (core_ms && e->sent.tied) {
        own = sent_clock_own(&e->sent, core_ms, clock_mono_ms());
        edge_sure(e, own);
    }
    return own;
}
