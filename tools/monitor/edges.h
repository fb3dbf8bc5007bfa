#pragma once

/* Frames pass two taps, that of who sends them and that of core or who gets them: each is to be told once,
 * and of the process that is no core, whichever tap was heard first. */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "proto/bus/tap.h"
#include "proto/envelope.h"

struct edges;

AMO_MUSTCHECK int edges_new(struct edges **ret_edges);
void edges_free(struct edges *e);
/* Has the same frame come from another tap? Among the last few thousand. */
bool edges_have_told(struct edges *e, const struct tap_message *m);
/* "ingress" and "core" of EVENT_PUSH; "edge" is ingress or egress. False for an unknown kind. */
bool edges_ends(uint64_t kind, const char **ret_from, const char **ret_to);
/* Who of ingress, egress or amoctl sent or got @m; the process of the tap while that is not known.
 * Borrowed until the next call. */
struct view edges_name(struct edges *e, const struct tap_message *m,
                       const struct envelope *env);
