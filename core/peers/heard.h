#pragma once

/* How much has come from whom, hour by hour for eight days, so that doctor can say when a channel or a connector
 * that is busy at this time of the week has fallen silent. Kept in the store, a minute behind. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "core/core.h"

struct event;
struct table;

#define HEARD_HOURS 192U /* a week, and what is compared with it */
#define HEARD_NAME  128U /* bytes; of longer names nothing is counted */
#define HEARD_MAX   4096U
#define HEARD_BUSY  10 /* events in two hours; of who sends less, silence says nothing */

enum heard_kind {
    HEARD_CHANNEL = 'a',
    HEARD_CONNECTOR = 'c',
};

struct heard_row {
    char who[HEARD_NAME +
             2];           /* enum heard_kind, then the channel's id or the connector's name */
    int64_t since_unix_ms; /* counted from then on */
    int64_t last_unix_ms;
    int64_t hour;                 /* since 1970, of the newest count */
    uint32_t counts[HEARD_HOURS]; /* of an hour at its number modulo HEARD_HOURS */
    bool dirty;                   /* the store has another one */
};

struct heard {
    struct table *rows; /* owned, struct heard_row */
    int64_t kept_mono_ms;
};

AMO_MUSTCHECK int heard_new(struct core *c);
void heard_free(struct core *c);
/* What the store has; once, at the start. Memory and the store's errors. */
AMO_MUSTCHECK int heard_load(struct core *c);
/* An event has come. Without memory it is not counted. */
void heard_note(struct core *c, const struct event *e, int64_t now_unix_ms);
void heard_tick(struct core *c, int64_t now_mono_ms);
/* NULL: nothing has ever come. */
const struct heard_row *heard_of(const struct core *c, enum heard_kind kind, struct view name);
/* Nothing for two hours, though it was busy in these hours a week ago, or, when that is not known, on each of the
 * last two days; *ret_usual: how much came then. */
bool heard_is_silent(const struct heard_row *row, int64_t now_unix_ms, int64_t *ret_usual);
