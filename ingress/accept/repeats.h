#pragma once

/* Both indexes of repeats (ingress/spool/repeat.h) together: ids and keys, and webhook-ids. */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct ingress;

/* Reads their logs in @dir, and what the spool says beyond them. -errno. */
AMO_MUSTCHECK int repeats_open(struct ingress *in, const char *dir);
void repeats_close(struct ingress *in);
/* Are they open? Until then a segment of the spool must not be deleted. */
bool repeats_are_open(const struct ingress *in);
/* The events that were appended are flushed. */
void repeats_confirm(struct ingress *in);
/* What the spool says is on disk beside it when this returns 0. -errno. */
AMO_MUSTCHECK int repeats_sync(struct ingress *in);
