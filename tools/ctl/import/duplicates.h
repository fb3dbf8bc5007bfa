#pragma once

/* Which rows of a file name the same thing: for a dry run, in which core forgets each batch before
 * the next one comes. Keeps fingerprints, no texts: 16 bytes for each of a row's ids. */

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "tools/ctl/import/file.h"

struct import_duplicates {
    struct import_duplicates_slot *slots; /* owned */
    size_t n_slots;
    size_t n;
};

void import_duplicates_init(struct import_duplicates *s);
void import_duplicates_fini(struct import_duplicates *s);

struct import_match {
    uint64_t line;           /* of an earlier row that names the same; 0: none */
    bool whole;              /* and says the same in every column */
    enum import_column what; /* what both name */
};

/* Looks for rows before line @before that share the service's conversation, client_id or chat_id
 * with @row, and remembers @row. -ENOMEM. */
AMO_MUSTCHECK int import_duplicates_add(struct import_duplicates *s,
                                        const struct import_row *row, uint64_t before,
                                        struct import_match *ret);
