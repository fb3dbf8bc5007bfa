/* amo-egress: options and configuration, what needs rights, confine, connect, ready, loop - in this order, as
 * in every main. */

#include "base/process.h"
#include "egress/egress.h"
#include "proto/bus/socket.h"

static const struct process_path paths[] = {
    {"egress/ca_file",       PROCESS_PATH_PARENT, CONFINE_READ},
 /* how names are looked up, also after it was changed: by then it is another file */
    {"/etc",                 PROCESS_PATH_FIXED,  CONFINE_READ},
    {"/run/systemd/resolve", PROCESS_PATH_FIXED,  CONFINE_READ},
    {"/run/resolvconf",      PROCESS_PATH_FIXED,  CONFINE_READ},
    {"/run/NetworkManager",  PROCESS_PATH_FIXED,  CONFINE_READ},
};
static const char *const listens[] = {"egress/admin_listen"};

static const struct process_program program = {
    .kind = "egress",
    .usage = "usage: amo-egress [--config FILE] [--version] [--help]\n"
             "\n"
             "Makes the calls that core asks for, to amojo and to services. Several on one\n"
             "host need different names (the setting name).\n"
             "\n"
             "  --config FILE  settings; each can also be set in the environment, which wins\n",
    .powers = CONFINE_CONNECTS | CONFINE_DIALS,
    .paths = paths,
    .n_paths = AMO_COUNT(paths),
    .listens = listens,
    .n_listens = AMO_COUNT(listens),
};

int main(int argc, char **argv)
{
    struct process p;
    struct egress *egress = NULL;
    struct buf details;
    int rc = process_start(&p, &program, argc, argv);

    if (rc)
        return rc - 1;
    bus_init();
    buf_init(&details, 512);
    rc = egress_open(&p, &egress);
    rc = rc ? rc : process_confine(&p);
    rc = rc ? rc : egress_connect(egress);
    if (rc == 0) {
        egress_describe(egress, &details);
        process_ready(&p, buf_str(&details));
        rc = egress_run(egress);
    }
    egress_close(egress);
    buf_fini(&details);
    bus_fini();
    return process_end(&p, rc);
}
