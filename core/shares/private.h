#pragma once

/* What the files of core/shares share. Private to them. */

#include "core/shares/parts.h"
#include "core/shares/shares.h"

/* a connector's name may have 20 signs */
#define NAME_ROOM 64

/* One connector over one of its shares. */
struct over {
    char connector[NAME_ROOM];
    char scope[PART_SCOPE_MAX]; /* for this account; "" as a whole */
    enum share share;
    int64_t used;
    int64_t limit;
    int64_t since_unix_ms;
    int64_t retry_s;
};

/* By connector, scope and share. */
struct over_list {
    struct over *rows; /* owned */
    size_t n;
    size_t cap;
};

struct shares {
    struct over_list over;
    struct over_list next; /* of the look under way; else the memory for the next one */
    struct parts parts;    /* of the connector that is being looked at */
    size_t n_read;         /* parts read in the last look */
    bool changed;          /* since it was told */
    int64_t looked_mono_ms;
    int64_t told_mono_ms;
};

/* What a connector has in a share. */
struct amount {
    int64_t used;
    int64_t counted; /* of each account no more than an even part */
    int64_t limit;   /* of that */
    int64_t in_all;  /* limit of what it has */
};

/* NULL: it is not over that. */
const struct over *over_find(const struct shares *s, const char *connector, const char *scope,
                             enum share share);
/* May it be refused for one account alone? */
bool share_is_of_accounts(enum share share);
/* Statuses, edits and reactions alone are refused. */
bool share_is_of_reports(enum share share);
AMO_MUSTCHECK int shares_rooms(struct core *c, const char *connector,
                               struct store_share ret[STORE_ROOMS]);
/* All shares of @connector and what they may be, with @p its parts, if they were read (else NULL). */
void shares_amounts(struct core *c, const char *connector,
                    const struct store_share rooms[STORE_ROOMS], const struct parts *p,
                    struct amount ret[SHARES]);
/* Who is over what now. */
void shares_find(struct core *c, int64_t now_mono_ms);
void shares_tell_all(struct core *c, int64_t now_mono_ms);
/* It has changed, or was told some time ago. */
bool shares_is_to_tell(const struct shares *s, int64_t now_mono_ms);
