#pragma once

/* Secrets and tokens that take turns: a new one comes into force at once, the one before stays
 * valid for a while, so that neither side must change at the same moment. Two at a time, no more:
 * a rotation that is under way must end, by time or by hand, before the next begins. */

#include "core/control/control.h"

/* What an operator asked for. */
struct rotation {
    bool finish;       /* end the one that is under way */
    int64_t overlap_h; /* hours the old one stays valid; 0 not at all; -1 as configured */
};

/* Reads arguments `finish` and `overlap_hours`. @old_until_ms is of the one under way, 0 none.
 * EXIT_USAGE or EXIT_FAILED with words. */
AMO_MUSTCHECK int rotation_read(struct control_ask *ask, int64_t old_until_ms,
                                struct rotation *ret);
/* Wall time until which the old one is valid. @overlap_h as in struct rotation. */
int64_t rotation_until(struct core *c, int64_t overlap_h);
/* "old_valid_until": a time, or null. */
void rotation_json(struct json_writer *w, int64_t old_until_ms);
/* Who set a secret or token, and when: the same as @kept, or, when that is NULL, who asks, now. ret->by is owned.
 * -ENOMEM. */
AMO_MUSTCHECK int rotation_set(struct control_ask *ask, const struct reg_set *kept,
                               struct reg_set *ret);
/* "@key_set_at" and "@key_set_by" of what is in force: each null when it is not known. */
void rotation_set_json(struct json_writer *w, const char *key, const struct reg_set *set);
/* With another secret it may be let in: what 403 has held of the channel's accounts is tried
 * again. */
void rotation_release(struct core *c, struct view channel);
/* What is over is forgotten. Once a second; not while the clock is in doubt. */
void rotation_tick(struct core *c, int64_t now_unix_ms);
