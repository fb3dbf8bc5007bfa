#pragma once

/* The map of amo-ingress: its parts in the order a message meets them.
 *
 * A webhook comes in at the door, its route verifies it against the registry, normalizes it and
 * appends the event to the spool; the connection waits. At the end of the loop's turn the batch
 * is flushed, once for all, and every waiting answer leaves. Then push sends what core will take,
 * and the spool forgets what core has. */

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "ingress/accept/accept.h"

struct process;

/* Everything up to the listeners. One line on stderr says what is wrong. Returns 0 or the exit
 * code. */
AMO_MUSTCHECK int ingress_open(struct ingress *in, const struct process *p,
                               const char *drain_spool);
/* The session with core; signals arrive from now on. The same. */
AMO_MUSTCHECK int ingress_connect(struct ingress *in);
/* Until stopped, or the spool to be drained is empty; the exit code. */
AMO_MUSTCHECK int ingress_run(struct ingress *in);
void ingress_close(struct ingress *in);
/* "listen=… admin=…" of the line `ready`. */
void ingress_describe(const struct ingress *in, struct buf *out);
/* No new work; ends the loop when nothing is under way, or after drain_ms. */
void ingress_stop(struct ingress *in);
/* Can it do its work? Lines of reasons, or of remarks. */
bool ingress_ready(void *arg, struct buf *reasons);
