#pragma once

/* What a connector has for each of its accounts: its parts, read from the store's sums. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/shares/shares.h"
#include "core/store/shares.h"

/* An account's id has about 73 bytes. What is for one with a longer one is for nobody in particular. */
#define PART_SCOPE_MAX 200

struct part {
    char scope[PART_SCOPE_MAX];
    int64_t used[SHARES]; /* waiting: 0, since nobody knows whom it is for */
};

struct parts {
    struct part *rows; /* owned; by their scopes */
    size_t n;
    size_t cap;
    /* of the connector: those that are connected, and others for whom it has something */
    size_t accounts;
};

/* What @rooms come to in @share. */
int64_t share_used(const struct store_share rooms[STORE_ROOMS], enum share share);
/* Accounts that are connected to @connector. */
size_t parts_connected(const struct registry *r, const char *connector);
/* Takes the place of what @p has; @p is cleared before the first time. Memory and the store's errors. */
AMO_MUSTCHECK int parts_read(struct core *c, const char *connector, struct parts *p);
void parts_fini(struct parts *p);
