#pragma once

/* amoctl doctor: core's own checks first, then the looks at remote sides, one call each. */

#include "tools/common/args.h"

struct config;

/* A verb's run (tools/ctl/verbs.h). 0 when nothing is red, else 1; 3 when core is away. */
int doctor_run(const struct args *a, const struct config *config);
