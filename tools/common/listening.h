#pragma once

/* Does a process listen at a Unix socket? ZeroMQ connects in the background and never reports that it
 * cannot, so a plain socket tries first. Sends nothing. */

#include "base/compiler.h"

/* 0: a process listens. -ENOENT, -ECONNREFUSED, -EACCES, …; -ENOSPC: longer than a path may be. */
AMO_MUSTCHECK int listening_check(const char *path);
