/* amo-egress: start and stop. */

#include <curl/curl.h>

#include "base/log.h"
#include "base/process.h"
#include "egress/egress.h"
#include "proto/bus/socket.h"

static const char usage[] =
    "amo-egress [--config FILE]: makes the calls core asks for, to amojo and to connectors.\n"
    "  --config FILE  configuration; every key can also be given in the environment\n"
    "  --version      print the version\n"
    "  --help         print this\n"
    "Several workers on one host need different names (key `name`).\n";

static int run(const struct process *p)
{
    struct egress *e = NULL;
    int status = EXIT_FAILED;

    if (egress_new(p, &e) == 0)
        status = egress_run(e) == 0 ? EXIT_FINE : EXIT_FAILED;
    egress_free(e);
    return status;
}

int main(int argc, char **argv)
{
    struct process p;
    int status = process_start(&p, "egress", usage, argc, argv);

    if (status)
        return status - 1;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        process_fini(&p);
        return EXIT_FAILED;
    }
    bus_init();
    status = run(&p);
    log_line(LOG_LEVEL_INFO, "stopped", "status=%d", status);
    bus_fini();
    curl_global_cleanup();
    process_fini(&p);
    return status;
}
