#pragma once

/* What became of the managers' messages that each service took, in the last hour: so that doctor can say of a service
 * that takes everything and reports it as failed. Kept while core runs; bounded by the registry's connectors. */

#include <stdint.h>

#include "base/buf.h"
#include "core/core.h"

struct table;

enum fate {
    FATE_TAKEN, /* the service answered that it has it; the others it reports later */
    FATE_SENT,
    FATE_DELIVERED,
    FATE_READ,
    FATE_FAILED,
    FATES,
};

#define FATE_SLOTS   12U /* of five minutes */
#define FATE_SLOT_MS 300000
#define FATE_CODE    40U /* bytes of a service's word for why; longer ones are cut */

struct fate_row {
    char connector[65];
    int64_t slot;                       /* number of the newest one, by the monotonic clock */
    uint32_t counts[FATE_SLOTS][FATES]; /* of a slot at its number modulo FATE_SLOTS */
    char code[FATE_CODE + 1]; /* of the last that failed, cleaned, to be shown; "" none */
    int64_t failed_unix_ms;   /* when it was reported */
};

struct fates {
    struct table *rows; /* owned, struct fate_row */
};

AMO_MUSTCHECK int fates_new(struct core *c);
void fates_free(struct core *c);
/* Of a message of @connector. @code: the service's word, of one that failed. Without memory it is not counted. */
void fates_note(struct core *c, struct view connector, enum fate fate, struct view code,
                int64_t now_mono_ms, int64_t now_unix_ms);
/* How many of each within the hour; NULL: none is known. Borrowed. */
const struct fate_row *fates_of(struct core *c, struct view connector, int64_t now_mono_ms,
                                uint64_t ret_counts[FATES]);
