/* amo-ingress: options and configuration, what needs rights, confine, connect, ready, loop - in this order, as
 * in every main. */

#include "base/process.h"
#include "ingress/ingress.h"
#include "proto/bus/socket.h"

static const char *drain_spool;
static const struct process_option options[] = {
    {"drain", &drain_spool, "ingress-drain"}
};

static const struct process_path paths[] = {
    {"ingress/spool", PROCESS_PATH_KEY,    CONFINE_WRITE},
    {"drain",         PROCESS_PATH_OPTION, CONFINE_WRITE},
    {"",              PROCESS_PATH_CONFIG, CONFINE_READ },
};
static const char *const listens[] = {"ingress/listen", "ingress/admin_listen"};

static const struct process_program program = {
    .kind = "ingress",
    .usage = "usage: amo-ingress [--config FILE] [--drain SPOOL] [--version] [--help]\n"
             "\n"
             "Takes webhooks of amoCRM and of Mobilon services, keeps them on disk and\n"
             "delivers them to amo-core.\n"
             "\n"
             "  --config FILE  settings; each can also be set in the environment, which wins\n"
             "  --drain SPOOL  take no requests: deliver this spool of a dead host, and end\n",
    .options = options,
    .n_options = AMO_COUNT(options),
    .powers = CONFINE_LISTENS | CONFINE_CONNECTS,
    .paths = paths,
    .n_paths = AMO_COUNT(paths),
    .listens = listens,
    .n_listens = AMO_COUNT(listens),
};

int main(int argc, char **argv)
{
    struct process p;
    struct ingress ingress = {0};
    struct buf details;
    int rc = process_start(&p, &program, argc, argv);

    if (rc)
        return rc - 1;
    bus_init();
    buf_init(&details, 512);
    rc = ingress_open(&ingress, &p, drain_spool);
    rc = rc ? rc : process_confine(&p);
    rc = rc ? rc : ingress_connect(&ingress);
    if (rc == 0) {
        ingress_describe(&ingress, &details);
        process_ready(&p, buf_str(&details));
        rc = ingress_run(&ingress);
    }
    ingress_close(&ingress);
    buf_fini(&details);
    bus_fini();
    return process_end(&p, rc);
}
