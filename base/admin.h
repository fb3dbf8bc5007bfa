#pragma once

/* The admin listener of a process: GET /healthz, /readyz, /metrics over libmicrohttpd with an
 * external epoll descriptor. Nests in the process's loop: when admin_fd() is readable, or once
 * a second, call admin_run(). */

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/stats.h"

struct admin;

/* Fill @reasons with one short line a reason when not ready ("no core"), notes when ready.
 * Returns whether the process can do its work. */
typedef bool admin_ready_fn(void *arg, struct buf *reasons);
/* Called before /metrics is printed, to set gauges. May be NULL. */
typedef void admin_refresh_fn(void *arg);

/* @listen is "host:port" ("" disables: ret is NULL and 0 is returned); port 0 = any free one.
 * -EINVAL bad address, -EADDRINUSE, -errno. Borrows @stats. */
AMO_MUSTCHECK int admin_new(const char *listen, struct stats *stats, admin_ready_fn *ready,
                            admin_refresh_fn *refresh, void *arg, struct admin **ret_admin);
void admin_free(struct admin *a);
/* NULL (switched off) is taken by all: no descriptor (-1), nothing to run, port 0. */
int admin_fd(const struct admin *a);
void admin_run(struct admin *a);
/* The port it really listens on. */
unsigned admin_port(const struct admin *a);
