#pragma once

/* What amoctl can do: one table for parsing, help, the call to core and how its answer is shown.
 * The verbs of core are those of proto/control.h. */

#include "tools/common/args.h"
#include "tools/ctl/show.h"

struct config;

/* What args_verb.more points at. */
struct verb {
    const char *control; /* core's name of it; NULL: answered here */
    enum show show;
    const char *nothing; /* said for an empty list */
    bool waits;          /* for a remote side, or until every ingress knows */
    /* Several calls: instead of the one, between bus_init and bus_fini; the exit code. NULL: one
     * call. */
    int (*run)(const struct args *a, const struct config *config);
};

extern const struct args_program amoctl_program;
