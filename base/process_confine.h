#pragma once

/* For process.c alone: how a start fails, and the step of confine.h that must come before any thread. */

#include "base/process.h"

/* What process_start returns so that main can `return value - 1`. */
#define START_EXIT(code) ((code) + 1)

/* Says on stderr that @what of @path failed with -errno; the START_EXIT of it. */
AMO_MUSTCHECK int process_start_failed(const struct process *p, const char *what,
                                       const char *path, int rc);
/* confine_self, and confine_files with what the program's table and the configuration name. 0 or START_EXIT. */
AMO_MUSTCHECK int process_confine_files(struct process *p);
