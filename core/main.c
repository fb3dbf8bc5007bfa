/* amo-core: options and configuration, what needs rights, confine, connect, ready, loop - in this order, as in
 * every main. */

#include "base/process.h"
#include "core/core.h"
#include "proto/bus/socket.h"

static const struct process_path paths[] = {
    {"core/store",      PROCESS_PATH_PARENT, CONFINE_WRITE  },
    {"master_key_file", PROCESS_PATH_MADE,   CONFINE_READ   },
    {"bus/events",      PROCESS_PATH_PARENT, CONFINE_SOCKETS},
    {"bus/commands",    PROCESS_PATH_PARENT, CONFINE_SOCKETS},
    {"bus/control",     PROCESS_PATH_PARENT, CONFINE_SOCKETS},
    {"/etc",            PROCESS_PATH_FIXED,  CONFINE_READ   }, /* who is in which group */
};
static const char *const listens[] = {"core/admin_listen"};

static const struct process_program program = {
    .kind = "core",
    .usage = "usage: amo-core [--config FILE] [--version] [--help]\n"
             "\n"
             "Routes messages between amoCRM and services; owns the store and every queue.\n"
             "\n"
             "  --config FILE  settings; each can also be set in the environment, which wins\n",
    .paths = paths,
    .n_paths = AMO_COUNT(paths),
    .listens = listens,
    .n_listens = AMO_COUNT(listens),
};

int main(int argc, char **argv)
{
    struct process p;
    struct core core = {0};
    struct buf details;
    int rc = process_start(&p, &program, argc, argv);

    if (rc)
        return rc - 1;
    bus_init();
    buf_init(&details, 512);
    rc = core_start(&core, &p);
    rc = rc ? rc : process_confine(&p);
    rc = rc ? rc : core_connect(&core);
    if (rc == 0) {
        core_describe(&core, &details);
        process_ready(&p, buf_str(&details));
        rc = core_run(&core);
    }
    core_close(&core);
    buf_fini(&details);
    bus_fini();
    return process_end(&p, rc);
}
