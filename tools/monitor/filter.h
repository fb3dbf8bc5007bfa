#pragma once

/* Which items are shown. Looks at what is really in a frame, also at what is masked when shown. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "tools/monitor/decode.h"
#include "tools/monitor/recall.h"

struct filter {
    uint32_t kinds;    /* bit by frame kind; bit 0: unknown kinds */
    const char *scope; /* NULL: any */
    struct id trace;   /* zero: any */
};

/* Offers every word that a list may have. */
struct nearest;
void filter_offer_words(struct nearest *n);
/* Those that make up steps: what to show when nobody asks for kinds. */
uint32_t filter_kinds_of_steps(void);
/* Words of @list, separated by commas, in any case: event, command, result, taken, session,
 * heartbeat, registry, control, query, all, or the name of a frame. NULL: everything but heartbeats.
 * -EINVAL with the unknown word in @ret_word. */
AMO_MUSTCHECK int filter_parse_kinds(const char *list, uint32_t *ret_kinds,
                                     struct view *ret_word);
/* @about may be NULL. */
bool filter_passes(const struct filter *f, uint64_t kind, const struct decode_item *item,
                   const struct recall_about *about);
