/* amo-egress: what is wired to what.
 *
 * From: core, through the session (COMMAND_PUSH, RESULT_TAKEN, REGISTRY).
 * To: egress/transfer.c; back to core RESULT_PUSH, CREDIT, heartbeats.
 * Holds: nothing itself. */

#include "egress/egress.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#include "base/admin.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/stats.h"
#include "egress/http.h"
#include "egress/metrics.h"
#include "egress/transfer.h"
#include "proto/bus/edge.h"
#include "proto/bus/loop.h"
#include "proto/bus/socket.h"
#include "proto/bus/tap.h"
#include "proto/limits.h"
#include "proto/registry.h"

/* until the first WELCOME says */
#define LEASE_MS_DEFAULT 20000
/* a result not taken by then is sent again; core knows it by (id, attempt) */
#define RESEND_MS        10000
/* results core does not take, in multiples of the credit, before no more work is wanted */
#define KEPT_FACTOR      8U
/* what a stopping worker grants its last results to be taken */
#define LAST_RESULTS_MS  1000

static void on_hello(void *arg, struct hello *ret);
static void on_heartbeat(void *arg, struct heartbeat *ret);
static void on_welcome(void *arg, const struct welcome *w);
static void on_message(void *arg, const struct envelope *env, struct view body);
static void on_lost(void *arg);
static bool may_start(void *arg);
static int64_t sent_ms(void *arg, int64_t core_ms);
static int send_results(void *arg, struct view body);
static void on_changed(void *arg);
static void on_signal(void *arg);
static void on_admin(void *arg);
static bool is_ready(void *arg, struct buf *reasons);
static void refresh(void *arg);

static int open_bus(struct egress *e, const struct config *c)
{
    const struct edge_handlers on = {
        .hello = on_hello,
        .heartbeat = on_heartbeat,
        .welcome = on_welcome,
        .message = on_message,
        .lost = on_lost,
        .arg = e,
    };
    int rc = tap_new(e->loop, config_text(c, "bus/tap"), e->process->name, e->callers.operators,
                     &e->tap);

    if (rc) {
        log_failed(LOG_LEVEL_ERROR, "tap.failed", rc, "address=%s", config_text(c, "bus/tap"));
        return rc;
    }
    rc = edge_new(e->loop, config_text(c, "bus/commands"), &e->boot, e->tap, &on, &e->edge);
    if (rc)
        log_failed(LOG_LEVEL_ERROR, "core.connect_failed", rc, "address=%s",
                   config_text(c, "bus/commands"));
    else
        edge_trust(e->edge, e->callers.core);
    return rc;
}

static int open_admin(struct egress *e, const struct config *c)
{
    int rc = admin_new(config_text(c, "egress/admin_listen"), e->stats, is_ready, refresh, e,
                       &e->admin);

    if (rc) {
        log_failed(LOG_LEVEL_ERROR, "admin.failed", rc, "address=%s",
                   config_text(c, "egress/admin_listen"));
        return rc;
    }
    if (!e->admin)
        return 0;
    rc = loop_add_fd(e->loop, admin_fd(e->admin), on_admin, e->admin);
    return rc ? rc : loop_add_timer(e->loop, 1000, true, on_admin, e->admin, NULL);
}

static int open_calls(struct egress *e, const struct config *c)
{
    const size_t concurrency = (size_t)config_number(c, "egress/concurrency");
    const struct http_settings http = {
        .ca_file = config_text(c, "egress/ca_file"),
        .connect_ms = (int64_t)config_number(c, "egress/connect_ms"),
        .max_connections = concurrency,
    };
    const struct transfers_hooks hooks = {
        .may_start = may_start,
        .sent = sent_ms,
        .send = send_results,
        .changed = on_changed,
        .arg = e,
    };
    const struct transfers_settings settings = {
        .concurrency = concurrency,
        .credit = 2 * concurrency,
        .attempt_ms = (int64_t)config_number(c, "egress/attempt_ms"),
        .spelling = status_spelling_of(config_text(c, "egress/status_spelling")),
    };
    int rc = 0;

    if (access(http.ca_file, R_OK) < 0)
        log_failed(LOG_LEVEL_WARN, "ca_file.unreadable", -errno, "file=%s", http.ca_file);
    e->credit = settings.credit;
    e->places = concurrency;
    rc = http_new(e->loop, &http, &e->http);
    rc =
        rc ? rc : transfers_new(e->loop, e->http, e->metrics, &settings, &hooks, &e->transfers);
    if (rc)
        log_failed(LOG_LEVEL_ERROR, "http.failed", rc, NULL);
    return rc;
}

int egress_open(const struct process *p, struct egress **ret_egress)
{
    struct egress *e = mem_zalloc(sizeof(*e));
    int code = EXIT_FINE;
    int rc = -ENOMEM;

    if (!e)
        return EXIT_TEMPORARY;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        mem_free(e);
        return EXIT_FAILED;
    }
    e->process = p;
    e->signal_fd = -1;
    e->lease_ms = LEASE_MS_DEFAULT;
    buf_init(&e->held, LIMIT_FRAME_BYTES);
    buf_init(&e->scratch, LIMIT_FRAME_BYTES);
    rc = id_random(&e->boot);
    code = edge_callers_open(p->config, &e->callers);
    rc = code ? -EINVAL : rc;
    rc = rc ? rc : loop_new(&e->loop);
    rc = rc ? rc : stats_new(&e->stats);
    rc = rc ? rc : metrics_new(e->stats, &e->metrics);
    rc = rc ? rc : open_admin(e, p->config);
    rc = rc ? rc : open_calls(e, p->config);
    if (rc == 0) {
        *ret_egress = e;
        e = NULL;
    }
    egress_close(e);
    if (code)
        return code;
    return rc ? EXIT_FAILED : EXIT_FINE;
}

int egress_connect(struct egress *e)
{
    int rc = process_signal_fd(&e->signal_fd);

    rc = rc ? rc : loop_add_fd(e->loop, e->signal_fd, on_signal, e);
    rc = rc ? rc : open_bus(e, e->process->config);
    return rc ? EXIT_FAILED : EXIT_FINE;
}

void egress_describe(const struct egress *e, struct buf *out)
{
    (void)buf_add_f(out, "admin=127.0.0.1:%u", e->admin ? admin_port(e->admin) : 0); /* fits */
}

void egress_close(struct egress *e)
{
    if (!e)
        return;
    edge_free(e->edge);
    http_free(e->http);
    transfers_free(e->transfers);
    tap_free(e->tap);
    edge_callers_fini(&e->callers);
    if (e->admin && e->loop)
        loop_remove_fd(e->loop, admin_fd(e->admin));
    admin_free(e->admin);
    metrics_free(e->metrics);
    stats_free(e->stats);
    registry_free(e->registry);
    if (e->signal_fd >= 0) {
        loop_remove_fd(e->loop, e->signal_fd);
        (void)close(e->signal_fd);
    }
    loop_free(e->loop);
    buf_fini(&e->held);
    buf_fini(&e->scratch);
    mem_free(e);
    curl_global_cleanup();
}

int egress_run(struct egress *e)
{
    int rc = loop_run(e->loop);

    if (e->stopping)
        edge_leave(e->edge);
    return rc ? EXIT_FAILED : EXIT_FINE;
}

/* --- the session ------------------------------------------------------------------------- */

/* Attempts this worker can hold in all: nothing while it stops, or while core does not take
 * what it already has. */
static uint64_t credit_now(const struct egress *e)
{
    if (e->stopping || transfers_n_kept(e->transfers) > KEPT_FACTOR * e->credit)
        return 0;
    return e->credit;
}

static void on_hello(void *arg, struct hello *ret)
{
    struct egress *e = arg;

    ret->role = ROLE_EGRESS;
    ret->name = view_of(e->process->name);
    ret->registry_version = e->registry ? e->registry->version : 0;
    ret->credit = credit_now(e);
    ret->credit_bytes = ret->credit ? LIMIT_CREDIT_BYTES : 0;
    ret->places = e->places;
    e->credit_told = ret->credit;
    buf_reset(&e->held);
    if (transfers_held(e->transfers, &e->held)) {
        log_line(LOG_LEVEL_ERROR, "hello.no_memory", NULL);
        ret->session = 0; /* what it does not name may be here: core waits out the lease */
    }
    ret->held = buf_view(&e->held);
}

static void on_heartbeat(void *arg, struct heartbeat *ret)
{
    struct egress *e = arg;

    ret->registry_version = e->registry ? e->registry->version : 0;
    ret->credit = credit_now(e);
    ret->credit_bytes = ret->credit ? LIMIT_CREDIT_BYTES : 0;
    ret->places = e->places;
    ret->busy = transfers_n_running(e->transfers) + transfers_n_queued(e->transfers);
    e->credit_told = ret->credit;
    transfers_resend_older(e->transfers, RESEND_MS);
}

static void take_registry(struct egress *e, struct view bytes)
{
    struct registry *fresh = NULL;
    int rc = registry_decode(bytes, &fresh);

    if (rc) {
        /* the old one serves on; heartbeats tell core which version that is */
        log_failed(LOG_LEVEL_ERROR, "registry.malformed", rc, NULL);
        return;
    }
    transfers_set_registry(e->transfers, fresh);
    registry_free(e->registry);
    e->registry = fresh;
    log_line(LOG_LEVEL_INFO, "registry.taken",
             "version=%" PRIu64 " channels=%zu connectors=%zu scopes=%zu", fresh->version,
             fresh->n_channels, fresh->n_connectors, fresh->n_scopes);
}

static void on_welcome(void *arg, const struct welcome *w)
{
    struct egress *e = arg;

    e->lease_ms = w->lease_ms > 0 ? w->lease_ms : LEASE_MS_DEFAULT;
    if (w->registry.ptr)
        take_registry(e, w->registry);
    transfers_resend(e->transfers);
}

static void on_message(void *arg, const struct envelope *env, struct view body)
{
    struct egress *e = arg;
    struct id nothing;
    struct view pairs;
    int rc = 0;

    if (env->kind == MSG_COMMAND_PUSH)
        rc = transfers_accept(e->transfers, body);
    else if (env->kind == MSG_RESULT_TAKEN && taken_decode(body, &nothing, &pairs) == 0)
        transfers_taken(e->transfers, pairs);
    else if (env->kind == MSG_REGISTRY)
        take_registry(e, body);
    else
        rc = PACK_E_MALFORMED;
    if (rc)
        log_failed(LOG_LEVEL_ERROR, "frame.malformed", rc, "kind=%" PRIu64, env->kind);
}

static void on_lost(void *arg)
{
    /* what is under way goes on; results are kept for the next session */
    (void)arg;
}

/* Core silent for half a lease may have given our commands to another. */
static bool may_start(void *arg)
{
    const struct egress *e = arg;

    return clock_mono_ms() - edge_heard_ms(e->edge) <= e->lease_ms / 2;
}

static int64_t sent_ms(void *arg, int64_t core_ms)
{
    const struct egress *e = arg;

    return edge_sent_ms(e->edge, core_ms);
}

static int send_results(void *arg, struct view body)
{
    struct egress *e = arg;

    return edge_send(e->edge, MSG_RESULT_PUSH, NULL, body);
}

static void tell_credit(struct egress *e)
{
    struct heartbeat hb = {0};

    if (credit_now(e) == e->credit_told)
        return;
    on_heartbeat(e, &hb);
    buf_reset(&e->scratch);
    if (heartbeat_encode(&hb, &e->scratch) ||
        edge_send(e->edge, MSG_CREDIT, NULL, buf_view(&e->scratch)))
        log_line(LOG_LEVEL_DEBUG, "credit.untold", NULL); /* the next heartbeat says it */
}

/* --- stopping ---------------------------------------------------------------------------- */

static void stop_if_done(struct egress *e)
{
    if (!e->stopping)
        return;
    if (transfers_n_queued(e->transfers) + transfers_n_running(e->transfers) +
            transfers_n_kept(e->transfers) ==
        0)
        loop_stop(e->loop);
}

static void on_changed(void *arg)
{
    struct egress *e = arg;

    if (!e->edge)
        return;
    tell_credit(e);
    stop_if_done(e);
}

/* The drain's deadline, and, called again, the end. */
static void on_stop_timer(void *arg)
{
    struct egress *e = arg;

    e->stop_timer = 0;
    if (e->aborted ||
        loop_add_timer(e->loop, LAST_RESULTS_MS, false, on_stop_timer, e, &e->stop_timer)) {
        log_line(LOG_LEVEL_WARN, "stop.unreported", "results=%zu",
                 transfers_n_kept(e->transfers));
        loop_stop(e->loop);
        return;
    }
    log_line(LOG_LEVEL_WARN, "stop.deadline", "attempts=%zu",
             transfers_n_running(e->transfers));
    e->aborted = true;
    http_abort(e->http);
}

static void egress_stop(struct egress *e)
{
    if (e->stopping)
        return;
    log_line(LOG_LEVEL_INFO, "stopping", "attempts=%zu results=%zu",
             transfers_n_running(e->transfers), transfers_n_kept(e->transfers));
    e->stopping = true;
    transfers_stop(e->transfers);
    if (loop_add_timer(e->loop, (int64_t)config_number(e->process->config, "drain_ms"), false,
                       on_stop_timer, e, &e->stop_timer))
        loop_stop(e->loop);
}

static void on_signal(void *arg)
{
    struct egress *e = arg;
    int number = process_signal_next(e->signal_fd);

    if (number == SIGTERM || number == SIGINT)
        egress_stop(e);
    else if (number == SIGHUP)
        log_line(LOG_LEVEL_INFO, "reload.nothing", NULL); /* all it holds comes from core */
}

/* --- admin ------------------------------------------------------------------------------- */

static void on_admin(void *arg)
{
    admin_run(arg);
}

static bool is_ready(void *arg, struct buf *reasons)
{
    const struct egress *e = arg;

    /* a page that cannot be written says less, nothing more */
    if (e->stopping)
        (void)buf_add_str(reasons, "stopping\n");
    if (!edge_is_up(e->edge))
        (void)buf_add_str(reasons, "no core\n");
    return !e->stopping && edge_is_up(e->edge);
}

static void refresh(void *arg)
{
    struct egress *e = arg;

    metrics_now(e->metrics, transfers_n_queued(e->transfers), transfers_n_running(e->transfers),
                transfers_n_kept(e->transfers), http_n_connects(e->http));
}
