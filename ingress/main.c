/* amo-ingress: verify, keep, answer; deliver to core. */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"
#include "base/process.h"
#include "ingress/ingress.h"
#include "ingress/spool/spool.h"

static const char usage[] =
    "usage: amo-ingress [--config FILE] [--drain SPOOL] [--version] [--help]\n"
    "\n"
    "Takes webhooks of amoCRM and of Mobilon services, keeps them on disk and delivers them "
    "to\n"
    "amo-core.\n"
    "\n"
    "  --config FILE   configuration; every key can also stand in the environment\n"
    "  --drain SPOOL   listen to nobody; deliver this spool (of a host that died) and end\n";

struct program {
    struct ingress ingress;
    int signals;
    const char *config_path;
};

/* Takes --drain out of the arguments, which the common start does not know. NULL when absent;
 * "" when its value is missing. */
static const char *take_drain(int *argc, char **argv)
{
    for (int i = 1; i < *argc; i++) {
        const char *spool = "";
        int n = 1;

        if (strcmp(argv[i], "--drain") != 0)
            continue;
        if (i + 1 < *argc) {
            spool = argv[i + 1];
            n = 2;
        }
        for (int k = i; k + n <= *argc; k++)
            argv[k] = argv[k + n];
        *argc -= n;
        return spool;
    }
    return NULL;
}

static const char *find_config(int argc, char **argv)
{
    const char *path = NULL;

    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--config=", 9) == 0)
            path = argv[i] + 9;
        else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            path = argv[i + 1];
    }
    return path;
}

/* Of a new configuration only the log's level comes into force without a restart. */
static void reload(const struct program *p)
{
    enum log_level level = LOG_LEVEL_INFO;
    struct config *c = NULL;
    struct buf why;

    buf_init(&why, 4096);
    if (config_load(p->config_path, &why, &c)) {
        (void)fprintf(stderr, "amo-ingress: %s\n", buf_str(&why));
        log_line(LOG_LEVEL_ERROR, "config.not_reloaded", NULL);
    } else if (log_level_parse(view_of(config_text(c, "log/level")), &level) == 0) {
        log_setup(p->ingress.name, level, strcmp(config_text(c, "log/format"), "json") == 0);
        log_line(LOG_LEVEL_INFO, "config.reloaded", NULL);
    }
    config_free(c);
    buf_fini(&why);
}

static void on_signal(void *arg)
{
    struct program *p = arg;
    int signal_number = 0;

    while ((signal_number = process_signal_next(p->signals))) {
        if (signal_number == SIGHUP)
            reload(p);
        else
            ingress_stop(&p->ingress);
    }
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

static int announce_and_run(struct program *p, const struct process *process)
{
    struct spool_figures f;
    struct buf details;

    buf_init(&details, 512);
    ingress_describe(&p->ingress, &details);
    process_ready(process, buf_str(&details));
    buf_fini(&details);
    spool_figures(p->ingress.spool, &f);
    if (p->ingress.drain_spool && f.events == 0)
        return EXIT_FINE;
    if (loop_run(p->ingress.loop))
        return EXIT_TEMPORARY;
    return p->ingress.exit_code;
}

int main(int argc, char **argv)
{
    const char *drain = take_drain(&argc, argv);
    struct program p = {.signals = -1};
    struct process process;
    int rc = process_start(&process, drain ? "ingress-drain" : "ingress", usage, argc, argv);

    if (rc)
        return rc - 1;
    p.config_path = find_config(argc, argv);
    if ((drain && !*drain) ||
        strcmp(config_text(process.config, "ingress/role"), "http") != 0) {
        (void)fprintf(stderr, "amo-ingress: %s\n",
                      drain ? "--drain needs a spool"
                            : "role broker comes with the MMS3 connector; use http");
        process_fini(&process);
        return EXIT_USAGE;
    }
    raise_limits();
    rc = ingress_init(&p.ingress, &process, drain);
    if (rc == 0 && (process_signal_fd(&p.signals) ||
                    loop_add_fd(p.ingress.loop, p.signals, on_signal, &p)))
        rc = EXIT_FAILED;
    if (rc == 0)
        rc = announce_and_run(&p, &process);
    ingress_fini(&p.ingress);
    if (p.signals >= 0)
        (void)close(p.signals); /* read only */
    process_fini(&process);
    return rc;
}
