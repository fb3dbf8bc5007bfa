#pragma once

/* Does anybody listen at a Unix socket? ZeroMQ connects behind our back and never says that it
 * cannot, so a plain socket looks first. Sends nothing. */

#include "base/compiler.h"

/* 0: somebody listens. -ENOENT, -ECONNREFUSED, -EACCES, …; -ENOSPC: longer than a path may be. */
AMO_MUSTCHECK int listening_check(const char *path);
