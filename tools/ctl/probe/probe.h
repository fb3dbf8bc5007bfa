#pragma once

/* amoctl probe: finds out on a live account, in a chat named for it, what amojo's documents leave
 * open, and says which settings follow from it. A few calls, one control call each. */

#include "tools/common/args.h"

struct config;

/* A verb's run (tools/ctl/verbs.h). 0 when every question was answered, 1 when one stayed open or
 * a call could not be made, 2 without consent, 3 when core is away. */
int probe_run(const struct args *a, const struct config *config);
