/* The process put together, and the one place where a turn's events become promises.
 *
 * From: the routes (ingress_append) and the listener (requests that wait).
 * To: the spool (one flush for all), then the waiting answers, then push.
 * Holds: the batch: requests whose events are appended and not flushed yet. */

#include "ingress/ingress.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/admin.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "ingress/accept/accept.h"
#include "ingress/accept/push.h"
#include "ingress/accept/ready.h"
#include "ingress/accept/refused.h"
#include "ingress/accept/registry_copy.h"
#include "ingress/accept/repeats.h"
#include "ingress/accept/share.h"
#include "ingress/accept/trail.h"
#include "ingress/amojo/normalize.h"
#include "ingress/connector/query.h"
#include "ingress/http/guard.h"
#include "ingress/http/listener.h"
#include "ingress/http/metrics.h"
#include "ingress/http/request.h"
#include "ingress/routes.h"
#include "ingress/spool/spool.h"
#include "proto/bus/callers.h"
#include "proto/bus/tap.h"
#include "proto/event.h"
#include "proto/limits.h"
#include "proto/query.h"

#define INGRESS_TICK_MS  100
#define INGRESS_ADMIN_MS 1000
#define INGRESS_TIDY_MS  1000
#define INGRESS_LEARN_BYTES                                                                    \
    ((size_t)4 << 20) /* read in one tick after a start: some milliseconds */

struct top {
    /* what ingress points to */
    struct metrics metrics;
    struct queries queries;
    struct refused refused;
    struct trail trail;
    struct ready ready;
    struct accept accept;

    const char *config_path; /* read again on SIGHUP; NULL none. Borrowed */
    int signal_fd;           /* -1 none yet */
    struct id boot;          /* of this process */
    struct edge_callers callers;
    struct tap *tap;
    struct admin *admin;
    const char *drain_spool; /* --drain: deliver this spool and end */
    bool stopping;
    int64_t stop_by_ms; /* monotonic */
    int repeat_rc;      /* why the repeat log was not written, logged once; 0 it was */
    int64_t tidied_ms;  /* monotonic */
    int exit_code;
};

static void on_wait(void *arg, struct request *x);
static void on_flush(void *arg);
static void on_tick(void *arg);
static void on_admin(void *arg);
static void on_taken(void *arg);
static void on_registry(void *arg, struct view bytes);
static void on_answer(void *arg, const struct answer *a);
static void on_replay(void *arg, const struct replay *r);
static void on_lost(void *arg);
static uint64_t registry_version(void *arg);
static struct view on_refused(void *arg);
static void on_heartbeat(void *arg, struct heartbeat *ret);
static void refresh(void *arg);
static int before_drop(void *arg);
static int keep_repeats(struct ingress *in);
static bool is_over(struct ingress *in);

/* --- start -------------------------------------------------------------------------------- */

static int start_failed(const char *what, const char *which, int rc)
{
    const char *why = "another process has it";

    if (rc == 0)
        return 0;
    if (rc < 0)
        why = strerror(-rc); /* NOLINT(concurrency-mt-unsafe): one thread */
    (void)fprintf(stderr, "amo-ingress: %s %s: %s\n", what, which, why);
    return rc == -EINVAL ? EXIT_USAGE : process_exit_code(rc);
}

static int open_spool(struct ingress *in)
{
    struct spool_config sc = {
        .dir = in->top->drain_spool ? in->top->drain_spool
                                    : config_text(in->config, "ingress/spool"),
        .max_bytes = config_number(in->config, "ingress/spool_max_bytes"),
        .max_events = config_number(in->config, "ingress/spool_max_events"),
        .boot = &in->top->boot,
        .before_drop = in->top->drain_spool ? NULL : before_drop,
        .writer = in->top->drain_spool ? NULL : share_writer_of,
        .arg = in};
    struct stat st;
    int rc = 0;

    if (in->top->drain_spool && stat(in->top->drain_spool, &st))
        return start_failed("no such spool", in->top->drain_spool, -errno);
    rc = spool_open(&sc, &in->spool);
    if (rc || in->top->drain_spool)
        return start_failed("cannot open the spool", sc.dir, rc);
    return start_failed("cannot read the spool, or what it knows of repeats, in", sc.dir,
                        repeats_open(in, sc.dir));
}

static int open_registry(struct ingress *in)
{
    struct buf dir;
    int rc = 0;

    buf_init(&dir, 4096);
    (void)buf_add_f(&dir, "%s/ingress", config_text(in->config, "data_dir"));
    rc = buf_error(&dir);
    rc = rc ? rc : process_make_dir(buf_str(&dir));
    rc = rc ? rc : registry_copy_open(buf_str(&dir), &in->registry);
    rc = start_failed("cannot use", buf_str(&dir), rc);
    buf_fini(&dir);
    return rc;
}

static int open_listener(struct ingress *in)
{
    const struct config *c = in->config;
    struct listener_config dc = {.loop = in->loop,
                                 .listen = config_text(c, "ingress/listen"),
                                 .max_connections = config_number(c, "ingress/max_connections"),
                                 .metrics = in->metrics,
                                 .head = routes_head,
                                 .wait = on_wait,
                                 .refused = trail_request,
                                 .arg = in};
    int rc = guard_new(config_text(c, "ingress/trusted_proxies"),
                       config_number(c, "ingress/max_connections_per_address"), &in->guard);

    if (rc)
        return start_failed("bad ingress/trusted_proxies",
                            config_text(c, "ingress/trusted_proxies"), rc);
    dc.guard = in->guard;
    return start_failed("cannot listen on", dc.listen, listener_new(&dc, &in->listener));
}

static int open_admin(struct ingress *in)
{
    const char *listen = config_text(in->config, "ingress/admin_listen");
    int rc = admin_new(listen, in->metrics->stats, ingress_ready, refresh, in, &in->top->admin);

    if (rc == 0 && in->top->admin)
        rc = loop_add_fd(in->loop, admin_fd(in->top->admin), on_admin, in);
    if (rc == 0 && in->top->admin)
        rc = loop_add_timer(in->loop, INGRESS_ADMIN_MS, true, on_admin, in, NULL);
    return start_failed("cannot listen on", listen, rc);
}

static int open_bus(struct ingress *in)
{
    const char *endpoint = config_text(in->config, "bus/events");
    struct push_config pc = {.loop = in->loop,
                             .spool = in->spool,
                             .endpoint = endpoint,
                             .core = in->top->callers.core,
                             .name = in->name,
                             .boot = &in->top->boot,
                             .registry_version = registry_version,
                             .refused = on_refused,
                             .refusals = trail_tell,
                             .heartbeat = on_heartbeat,
                             .over = &in->accept->over,
                             .registry = on_registry,
                             .taken = on_taken,
                             .answer = on_answer,
                             .replay = on_replay,
                             .lost = on_lost,
                             .arg = in};
    int rc = tap_new(in->loop, config_text(in->config, "bus/tap"), in->name,
                     in->top->callers.operators, &in->top->tap);

    if (rc)
        return start_failed("cannot bind", config_text(in->config, "bus/tap"), rc);
    pc.tap = in->top->tap;
    return start_failed("cannot connect to", endpoint, push_new(&pc, &in->push));
}

/* Of a new configuration only the log's level comes into force without a restart. */
static void reload(const struct ingress *in)
{
    enum log_level level = LOG_LEVEL_INFO;
    struct config *c = NULL;
    struct buf why;

    buf_init(&why, 4096);
    if (config_load(in->top->config_path, &why, &c)) {
        (void)fprintf(stderr, "amo-ingress: %s\n", buf_str(&why));
        log_line(LOG_LEVEL_ERROR, "config.not_reloaded", NULL);
    } else if (log_level_parse(view_of(config_text(c, "log/level")), &level) == 0) {
        log_setup(in->name, level, strcmp(config_text(c, "log/format"), "json") == 0);
        log_line(LOG_LEVEL_INFO, "config.reloaded", NULL);
    }
    config_free(c);
    buf_fini(&why);
}

static void on_signal(void *arg)
{
    struct ingress *in = arg;
    int number = 0;

    while ((number = process_signal_next(in->top->signal_fd))) {
        if (number == SIGHUP)
            reload(in);
        else
            ingress_stop(in);
    }
}

static int refuse_options(const struct ingress *in)
{
    if (!in->top->drain_spool || *in->top->drain_spool)
        return 0;
    (void)fprintf(stderr, "amo-ingress: --drain needs a spool\n");
    return EXIT_USAGE;
}

/* As many descriptors as the system gives: every connection is one. */
static void raise_limits(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
        r.rlim_cur = r.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &r); /* else fewer connections */
    }
}

static int make_top(struct ingress *in, const struct process *p, const char *drain_spool)
{
    struct top *top = mem_zalloc(sizeof(*top));

    *in = (struct ingress){.config = p->config, .name = p->name, .top = top};
    if (!top)
        return -ENOMEM;
    in->metrics = &top->metrics;
    in->queries = &top->queries;
    in->refused = &top->refused;
    in->trail = &top->trail;
    in->ready = &top->ready;
    in->accept = &top->accept;
    top->config_path = p->config_path;
    top->drain_spool = drain_spool;
    top->signal_fd = -1;
    queries_init(in->queries);
    refused_init(in->refused);
    trail_init(in->trail);
    ready_init(in->ready);
    accept_init(in->accept, on_flush, in);
    return 0;
}

int ingress_open(struct ingress *in, const struct process *p, const char *drain_spool)
{
    int rc = 0;

    rc = make_top(in, p, drain_spool);
    if (rc)
        return start_failed("cannot make", "its parts", rc);
    raise_limits();
    rc = refuse_options(in);
    rc = rc ? rc : edge_callers_open(in->config, &in->top->callers);
    rc = rc ? rc : start_failed("cannot make", "the loop", loop_new(&in->loop));
    rc = rc ? rc : start_failed("cannot make", "metrics", metrics_init(in->metrics, in->name));
    rc = rc ? rc : start_failed("cannot make", "a boot id", id_random(&in->top->boot));
    rc = rc ? rc : open_spool(in);
    if (!drain_spool) {
        rc = rc ? rc : open_registry(in);
        rc = rc ? rc : open_listener(in);
        rc = rc ? rc : open_admin(in);
    }
    return rc;
}

int ingress_connect(struct ingress *in)
{
    int rc = process_signal_fd(&in->top->signal_fd);

    rc = rc ? rc : loop_add_fd(in->loop, in->top->signal_fd, on_signal, in);
    rc = rc ? rc : loop_add_timer(in->loop, INGRESS_TICK_MS, true, on_tick, in, NULL);
    rc = start_failed("cannot make", "a timer", rc);
    return rc ? rc : open_bus(in);
}

int ingress_run(struct ingress *in)
{
    struct spool_stats f;

    spool_stats(in->spool, &f);
    if (in->top->drain_spool && f.events == 0)
        return EXIT_FINE;
    return loop_run(in->loop) ? EXIT_TEMPORARY : in->top->exit_code;
}

/* On shutdown every waiting request gets 503 instead of a dropped connection. */
static void answer_all(struct ingress *in)
{
    listener_drain(in->listener); /* so that nobody comes twice */
    do {
        queries_give_up(in);
        if (list_is_empty(&in->accept->batch))
            listener_run(in->listener);
        else
            on_flush(in);
    } while (!list_is_empty(&in->accept->batch) || !list_is_empty(&in->queries->waiting));
}

void ingress_close(struct ingress *in)
{
    if (!in->top)
        return;
    if (in->top->admin)
        loop_remove_fd(in->loop, admin_fd(in->top->admin));
    admin_free(in->top->admin);
    if (in->listener)
        answer_all(in);
    loop_cancel(&in->accept->flush);
    listener_free(in->listener);
    push_free(in->push);
    guard_free(in->guard);
    registry_copy_close(in->registry);
    if (repeats_are_open(in) && !spool_has_failed(in->spool))
        (void)!keep_repeats(in); /* read from the spool next time */
    repeats_close(in);
    spool_close(in->spool);
    tap_free(in->top->tap);
    edge_callers_fini(&in->top->callers);
    metrics_fini(in->metrics);
    refused_fini(in->refused);
    trail_fini(in->trail);
    ready_fini(in->ready);
    accept_fini(in->accept);
    loop_free(in->loop);
    if (in->top->signal_fd >= 0)
        (void)close(in->top->signal_fd); /* read only */
    mem_free(in->top);
    in->top = NULL;
}

void ingress_describe(const struct ingress *in, struct buf *out)
{
    const char *listen = config_text(in->config, "ingress/admin_listen");
    const char *colon = strrchr(listen, ':');

    if (in->listener)
        (void)buf_add_f(out, "listen=%s", listener_address(in->listener)); /* short */
    if (in->top->admin)
        (void)buf_add_f(out, " admin=%.*s:%u", colon ? (int)(colon - listen) : 0, listen,
                        admin_port(in->top->admin));
    if (in->top->drain_spool)
        (void)buf_add_str(out, "draining=1");
}

/* --- the batch ---------------------------------------------------------------------------- */

static void on_wait(void *arg, struct request *x)
{
    struct ingress *in = arg;

    if (x->asks) {
        queries_wait(in, x);
        return;
    }
    list_add_tail(&in->accept->batch, &x->waiting);
    loop_defer(in->loop, &in->accept->flush);
}

/* The end of a turn. No answer that promises anything has left before this. */
static void on_flush(void *arg)
{
    struct ingress *in = arg;
    uint64_t n = in->accept->n_batch;
    int rc = spool_flush(in->spool);

    in->accept->n_batch = 0; /* the listener may bring the next ones before this ends */
    if (rc == 0 && n > 0) {
        stat_add(in->metrics->flushes, 1);
        stat_add(in->metrics->flushed_events, n);
        repeats_confirm(in);
    }
    while (!list_is_empty(&in->accept->batch)) {
        struct request *x = LIST_ENTRY(in->accept->batch.next, struct request, waiting);

        list_remove(&x->waiting);
        if (rc)
            request_unavailable(x, "spool_failed", "it could not be kept; try again later");
        listener_answer(x);
    }
    if (rc || spool_space(in->spool, 0)) {
        listener_close(in->listener);
        ready_look(in, in->top->stopping,
                   clock_unix_ms()); /* it may be over before the next tick */
    }
    listener_run(in->listener);
    if (!is_over(in) && n > 0 && in->push)
        push_wake(in->push);
}

/* The one place that ends the process when the spool has failed, whoever noticed: a flush, a file
 * that was closed for an erasure, the next one that could not be made. */
static bool is_over(struct ingress *in)
{
    if (!spool_has_failed(in->spool))
        return false;
    in->top->exit_code = EXIT_TEMPORARY;
    if (in->listener)
        listener_close(in->listener);
    loop_stop(in->loop);
    return true;
}

/* --- core --------------------------------------------------------------------------------- */

static void try_open(struct ingress *in)
{
    if (!in->listener || in->top->stopping || listener_is_open(in->listener) ||
        !spool_reopen(in->spool))
        return;
    if (listener_open(in->listener))
        log_often(LOG_LEVEL_WARN, "listen.failed", VIEW_NONE, "address=%s",
                  listener_address(in->listener));
}

static void on_taken(void *arg)
{
    struct ingress *in = arg;
    struct spool_stats f;

    try_open(in);
    if (!in->top->drain_spool)
        return;
    spool_stats(in->spool, &f);
    if (f.events == 0) {
        log_line(LOG_LEVEL_INFO, "spool.drained", NULL);
        loop_stop(in->loop);
    }
}

static void on_registry(void *arg, struct view bytes)
{
    struct ingress *in = arg;
    int rc = in->registry ? registry_copy_update(in->registry, bytes) : 0;

    if (rc > 0)
        log_line(LOG_LEVEL_ERROR, "registry.malformed", NULL);
    else if (rc)
        log_failed(LOG_LEVEL_ERROR, "registry.not_saved", rc, NULL);
    else if (in->registry)
        log_line(LOG_LEVEL_INFO, "registry.new", "version=%" PRIu64,
                 registry_copy_version(in->registry));
}

static void on_answer(void *arg, const struct answer *a)
{
    queries_answer(arg, a);
}

static void on_lost(void *arg)
{
    struct ingress *in = arg;

    trail_again(in->trail); /* the next core may be another one */
    queries_give_up(in);
}

/* What core has in quarantine, as it reads today. It goes the way of a fresh webhook; core ends
 * its entry when it takes the event, so an event that is not kept here costs nothing. */
static void on_replay(void *arg, const struct replay *r)
{
    struct ingress *in = arg;
    struct amo_normal n;
    int rc = in->listener ? amo_normalize(r->raw, r->scope, clock_unix_ms(), &n) : -EAGAIN;

    if (rc == 0) {
        if (n.event.kind == EVENT_AMO_TYPING)
            amo_normal_refuse(&n, r->raw, "typing is over by now");
        n.event.replay = r->number;
        rc = ingress_keep(in, &n.event, VIEW_NONE);
        amo_normal_fini(&n);
        loop_defer(in->loop, &in->accept->flush);
    }
    if (rc)
        log_failed(LOG_LEVEL_WARN, "replay.refused", rc, "number=%" PRIu64, r->number);
    else
        log_line(LOG_LEVEL_INFO, "replay.appended", "number=%" PRIu64, r->number);
}

static struct view on_refused(void *arg)
{
    struct ingress *in = arg;

    return refused_text(in->refused, clock_unix_ms());
}

static void on_heartbeat(void *arg, struct heartbeat *ret)
{
    const struct ingress *in = arg;

    ready_tell(in, in->top->stopping, ret);
}

static uint64_t registry_version(void *arg)
{
    const struct ingress *in = arg;

    return in->registry ? registry_copy_version(in->registry) : 0;
}

static int keep_repeats(struct ingress *in)
{
    int rc = repeats_sync(in);

    if (rc && rc != in->top->repeat_rc)
        log_failed(LOG_LEVEL_WARN, "repeat.not_synced", rc, NULL);
    in->top->repeat_rc = rc;
    return rc;
}

static int before_drop(void *arg)
{
    struct ingress *in = arg;

    /* while it is not open, it has not learnt yet what the segment says */
    return repeats_are_open(in) ? keep_repeats(in) : 1;
}

/* --- watching and stopping ---------------------------------------------------------------- */

static void on_tick(void *arg)
{
    struct ingress *in = arg;

    if (is_over(in))
        return;
    spool_tidy(in->spool);
    spool_learn(in->spool, INGRESS_LEARN_BYTES);
    if (in->registry && clock_mono_ms() - in->top->tidied_ms >= INGRESS_TIDY_MS) {
        in->top->tidied_ms = clock_mono_ms();
        if (registry_copy_tidy(in->registry))
            log_line(LOG_LEVEL_INFO, "registry.saved", NULL);
    }
    try_open(in);
    ready_look(in, in->top->stopping, clock_unix_ms());
    queries_expire(in, clock_mono_ms());
    if (!in->top->stopping)
        return;
    if (!in->listener || listener_busy(in->listener) == 0 ||
        clock_mono_ms() >= in->top->stop_by_ms)
        loop_stop(in->loop);
}

static void on_admin(void *arg)
{
    struct ingress *in = arg;

    admin_run(in->top->admin);
}

static void metrics_refresh(struct metrics *f, const struct spool *s)
{
    struct spool_stats now;

    spool_stats(s, &now);
    stat_set(f->spool_events, (double)now.events);
    stat_set(f->spool_bytes, (double)now.bytes);
    stat_set(f->spool_lost, (double)now.lost);
    share_show(f, s);
}

static void refresh(void *arg)
{
    struct ingress *in = arg;

    metrics_refresh(in->metrics, in->spool);
}

bool ingress_ready(void *arg, struct buf *reasons)
{
    const struct ingress *in = arg;

    return ready_say(in, in->top->stopping, reasons);
}

void ingress_stop(struct ingress *in)
{
    if (in->top->stopping)
        return;
    log_line(LOG_LEVEL_INFO, "stopping", NULL);
    in->top->stopping = true;
    in->top->stop_by_ms = clock_mono_ms() + (int64_t)config_number(in->config, "drain_ms");
    if (in->listener)
        listener_drain(in->listener);
    else
        loop_stop(in->loop);
}
