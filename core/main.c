/* amo-core: config, what needs rights, peers, ready, loop - in this order, as in every main. */

#include <errno.h>
#include <stdio.h>

#include "base/admin.h"
#include "base/log.h"
#include "base/process.h"
#include "core/core.h"
#include "proto/bus/socket.h"

static const char usage[] =
    "usage: amo-core [--config FILE] [--version] [--help]\n"
    "The router of amo-message-server: owns the store and every queue. Settings come from the\n"
    "file and from AMO_* in the environment; see docs/configuration.md.\n";

struct signals {
    struct core *core;
    int fd;
};

/* Nothing is under way in core that a stop could cut: what is not committed was not promised. */
static void on_signal(void *arg)
{
    struct signals *s = arg;
    int number = 0;

    while ((number = process_signal_next(s->fd)) > 0) {
        log_line(LOG_LEVEL_INFO, "signal", "number=%d", number);
        if (number == 1)
            continue; /* SIGHUP: core has nothing to read again */
        s->core->stopping = true;
        loop_stop(s->core->loop);
    }
}

/* What may pass, start me again: a disk that is full or fails. What was looked at and is damaged stays
 * so. */
static int start_code(const struct core *core, int rc)
{
    if (rc == -EIO || rc == -ENOSPC || rc == STORE_FULL || rc == STORE_READONLY ||
        rc == STORE_BUSY)
        return EXIT_TEMPORARY;
    if (rc == STORE_DAMAGED)
        return core->store && !store_is_looked_at(core->store) ? EXIT_TEMPORARY : EXIT_USAGE;
    return rc == -EINVAL || rc == -EPROTO || rc == -EPROTONOSUPPORT ? EXIT_USAGE
                                                                    : process_exit_code(rc);
}

static void say_failed(const struct core *core, int rc)
{
    if (core->store)
        log_failed(LOG_LEVEL_ERROR, "start.failed", store_errno(rc), "file=%s sqlite=\"%s\"",
                   store_path(core->store), store_error(core->store, rc));
    else
        log_failed(LOG_LEVEL_ERROR, "start.failed", store_errno(rc), NULL);
}

int main(int argc, char **argv)
{
    struct process process;
    struct core core;
    struct signals signals = {&core, -1};
    char details[128];
    int rc = process_start(&process, "core", usage, argc, argv);

    if (rc > 0)
        return rc - 1;
    bus_init();
    rc = core_open(&core, process.config);
    rc = rc ? rc : process_signal_fd(&signals.fd);
    rc = rc ? rc : loop_add_fd(core.loop, signals.fd, on_signal, &signals);
    if (rc == 0) {
        (void)snprintf(details, sizeof(details), "admin=127.0.0.1:%u",
                       core.admin ? admin_port(core.admin) : 0); /* fits */
        process_ready(&process, details);
        rc = core_run(&core);
    } else {
        say_failed(&core, rc);
        rc = start_code(&core, rc);
    }
    core_close(&core);
    log_line(LOG_LEVEL_INFO, "stopped", "code=%d", rc);
    bus_fini();
    process_fini(&process);
    return rc;
}
