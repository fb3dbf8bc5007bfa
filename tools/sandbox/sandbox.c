/* The loop: three descriptors (libmicrohttpd's epoll, curl's epoll, signals), the timers, and
 * at the end of each turn what became possible: jobs of lanes, wishes of waiters. */
#include "tools/sandbox/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

int64_t sandbox_mono_us(void)
{
    struct timespec ts = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t sandbox_mono_ms(void)
{
    return sandbox_mono_us() / 1000;
}

int64_t sandbox_unix_ms(const struct sandbox *s)
{
    struct timespec ts = {0};

    (void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail for this clock */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + s->settings.clock_offset_ms;
}

uint64_t sandbox_seq(struct sandbox *s)
{
    return ++s->seq;
}

void sandbox_say(const char *fmt, ...)
{
    va_list args;

    (void)fputs("process=sandbox ", stderr); /* a log that cannot be written has no log */
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args); /* NOLINT(clang-analyzer-valist.Uninitialized): it is */
    va_end(args);
    (void)fputc('\n', stderr);
}

bool sandbox_has_room(struct sandbox *s, size_t have, size_t limit, const char *what)
{
    if (have < limit)
        return true;
    if (s->counters.full++ == 0)
        sandbox_say("level=warn what=full limit=\"%s\" value=%zu", what, limit);
    return false;
}

void sandbox_reset(struct sandbox *s, enum sandbox_reset what)
{
    s->counters = (struct counters){0};
    journal_clear(&s->journal);
    hooks_clear(&s->hooks);
    calls_clear(&s->calls);
    amojo_clear_logs(&s->amojo);
    service_clear_logs(&s->service);
    if (what == RESET_LOGS)
        return;
    wire_abort_all(s->wire);
    lanes_clear(s->hook_lanes);
    lanes_clear(s->call_lanes);
    faults_clear(&s->faults);
    amojo_clear(&s->amojo, what == RESET_ALL);
    service_clear(&s->service, what == RESET_ALL);
    if (what == RESET_ALL)
        settings_init(&s->settings);
}

int sandbox_init(struct sandbox *s)
{
    int rc = 0;

    *s = (struct sandbox){0};
    settings_init(&s->settings);
    waits_init(&s->waits);
    rc = wire_new(&s->wire, &s->timers);
    if (rc == 0)
        rc = lanes_new(&s->hook_lanes, &s->timers, hooks_start, hooks_free_job, s);
    if (rc == 0)
        rc = lanes_new(&s->call_lanes, &s->timers, calls_start, calls_free_job, s);
    return rc;
}

void sandbox_fini(struct sandbox *s)
{
    listener_close(s->listener);
    s->listener = NULL;
    wire_free(s->wire);
    s->wire = NULL;
    lanes_free(s->hook_lanes);
    lanes_free(s->call_lanes);
    journal_clear(&s->journal);
    hooks_clear(&s->hooks);
    calls_clear(&s->calls);
    faults_clear(&s->faults);
    service_clear(&s->service, true);
    amojo_clear(&s->amojo, true);
    timers_fini(&s->timers);
}

/* Milliseconds poll() may sleep. */
static int sandbox_wait_ms(const struct sandbox *s)
{
    int64_t timers = timers_wait_ms(&s->timers, sandbox_mono_ms());
    int64_t http = listener_wait_ms(s->listener);
    int64_t ms = timers;

    if (ms < 0 || (http >= 0 && http < ms))
        ms = http;
    if (ms > 60000 || ms < 0)
        ms = 60000;
    return (int)ms;
}

static int sandbox_signals(void)
{
    sigset_t set;
    int fd = 0;

    if (sigemptyset(&set) < 0 || sigaddset(&set, SIGTERM) < 0 || sigaddset(&set, SIGINT) < 0 ||
        pthread_sigmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -errno;
    fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static void sandbox_turn(struct sandbox *s, bool wire_ready)
{
    if (wire_ready)
        wire_run(s->wire);
    timers_run(&s->timers, sandbox_mono_ms());
    listener_run(s->listener);
    lanes_pump(s->hook_lanes, s->settings.webhook_concurrency, sandbox_mono_ms());
    lanes_pump(s->call_lanes, s->settings.client_concurrency, sandbox_mono_ms());
    waits_check(s);
}

int sandbox_run(struct sandbox *s)
{
    struct pollfd fds[3] = {
        {.fd = listener_fd(s->listener), .events = POLLIN},
        {.fd = wire_fd(s->wire),         .events = POLLIN},
        {.fd = sandbox_signals(),        .events = POLLIN},
    };
    int rc = 0;

    if (fds[2].fd < 0)
        return fds[2].fd;
    while (!s->stopping) {
        int n = poll(fds, 3, sandbox_wait_ms(s));

        if (n < 0 && errno != EINTR) {
            rc = -errno;
            break;
        }
        s->stopping = n > 0 && fds[2].revents;
        sandbox_turn(s, n > 0 && fds[1].revents);
    }
    (void)close(fds[2].fd); /* nothing was promised on it */
    return rc;
}
