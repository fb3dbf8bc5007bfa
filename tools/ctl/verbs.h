#pragma once

/* What amoctl can do: one table for parsing, help, the call to core and how its answer is shown.
 * It names every verb of proto/control.h and no other one of core. */

#include "tools/common/args.h"
#include "tools/ctl/show.h"

struct config;

/* What a verb does that makes several calls, or none. @config is NULL for one that needs no core
 * when the configuration is wrong. Returns what amoctl exits with. */
typedef int verb_run_fn(const struct args *a, const struct config *config);

verb_run_fn channel_request_run; /* letter/: 1 when the letter cannot be written */
verb_run_fn messages_run;        /* 1 when several conversations are meant */
verb_run_fn import_run;          /* import/: 1 when a row was not taken */
verb_run_fn doctor_run;          /* 1 when something is red */
verb_run_fn explain_run;         /* explain/: 1 when nothing is called so */
verb_run_fn probe_run;           /* probe/: 1 when a question stayed open, 2 without consent */

/* What args_verb.more points at. */
struct verb {
    const char *control; /* core's name of it; NULL: answered here */
    const char *each;    /* core's name of what run() asks of each thing that core then names */
    enum show show;
    const char *nothing; /* said for an empty list */
    bool waits;          /* for a remote side, or until every ingress knows */
    verb_run_fn *run;    /* NULL: one call. bus_init has been called, unless it is offline */
    bool offline;        /* run() needs no core */
};

extern const struct args_program amoctl_program;
/* Core's verb that lists the accounts with their titles. */
extern const char *const amoctl_names_verb;
