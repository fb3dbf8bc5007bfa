#pragma once

/* What amoctl can do: one table for parsing, help, the call to core and how its answer is shown.
 * It names every verb of proto/control.h and no other one of core. */

#include "tools/common/args.h"
#include "tools/ctl/show.h"

struct config;

/* What args_verb.more points at. */
struct verb {
    const char *control; /* core's name of it; NULL: answered here */
    const char *each;    /* core's name of what run() asks of each thing that core then names */
    enum show show;
    const char *nothing; /* said for an empty list */
    bool waits;          /* for a remote side, or until every ingress knows */
    /* several calls, or none; the exit code. NULL: one call. bus_init has been called, unless
     * it is offline */
    int (*run)(const struct args *a, const struct config *config);
    bool offline; /* run() needs no core: a configuration that is wrong comes as NULL */
};

extern const struct args_program amoctl_program;
