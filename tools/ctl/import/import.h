#pragma once

/* `conversation import`: a file of conversations in batches to core, and one report of all. */

#include "base/config.h"
#include "tools/common/args.h"

int import_run(const struct args *a, const struct config *config);
