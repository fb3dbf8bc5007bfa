/* The loop: three descriptors (libmicrohttpd's epoll, curl's epoll, signals), the timers, and
 * at the end of each turn what became possible: jobs of lanes, wishes of waiters. */
#include "tools/sandbox/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tools/sandbox/acts/control.h"
#include "tools/sandbox/acts/waits.h"
#include "tools/sandbox/amojo/api.h"
#include "tools/sandbox/amojo/hooks.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/http/lanes.h"
#include "tools/sandbox/http/request.h"
#include "tools/sandbox/http/wire.h"
#include "tools/sandbox/kit/timers.h"
#include "tools/sandbox/record/faults.h"
#include "tools/sandbox/record/journal.h"
#include "tools/sandbox/record/settings.h"
#include "tools/sandbox/service/api.h"
#include "tools/sandbox/service/calls.h"
#include "tools/sandbox/service/store.h"

int sandbox_init(struct sandbox *s)
{
    int rc = 0;

    *s = (struct sandbox){
        .amojo = mem_zalloc(sizeof(*s->amojo)),
        .service = mem_zalloc(sizeof(*s->service)),
        .waits = mem_zalloc(sizeof(*s->waits)),
    };
    if (!s->amojo || !s->service || !s->waits)
        return -ENOMEM;
    timers_init(&s->timers);
    settings_init(&s->settings);
    waits_init(s->waits);
    rc = wire_new(&s->wire, &s->timers);
    if (rc == 0)
        rc = outbox_init(&s->hooks, s, "webhook", hooks_start, hooks_fini_entry);
    if (rc == 0)
        rc = outbox_init(&s->calls, s, "call", calls_start, calls_fini_entry);
    return rc;
}

void sandbox_fini(struct sandbox *s)
{
    listener_close(s->listener);
    s->listener = NULL;
    wire_free(s->wire);
    s->wire = NULL;
    outbox_fini(&s->hooks);
    outbox_fini(&s->calls);
    journal_clear(&s->journal);
    faults_clear(&s->faults);
    if (s->service)
        service_clear(s->service, true);
    if (s->amojo)
        amojo_clear(s->amojo, true);
    mem_free(s->amojo);
    mem_free(s->service);
    mem_free(s->waits);
}

void sandbox_handle(struct sandbox *s, struct request *x)
{
    const char *path = request_path(x);

    if (strncmp(path, "/_sandbox/", 10) == 0)
        control_handle(s, x);
    else if (strncmp(path, "/mobilon/", 9) == 0)
        service_api_handle(s, x);
    else
        amojo_api_handle(s, x);
}

/* Milliseconds poll() may sleep. */
static int sandbox_wait_ms(const struct sandbox *s)
{
    int64_t timers = timers_wait_ms(&s->timers, clock_mono_ms());
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

void sandbox_turn(struct sandbox *s, bool wire_ready)
{
    if (wire_ready)
        wire_run(s->wire);
    timers_run(&s->timers, clock_mono_ms());
    listener_run(s->listener);
    lanes_pump(s->hooks.lanes, s->settings.webhook_concurrency, clock_mono_ms());
    lanes_pump(s->calls.lanes, s->settings.client_concurrency, clock_mono_ms());
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
