#pragma once

/* The file of `conversation import`: JSON lines or CSV, read as a stream, one row at a time. Knows
 * the form of the file and the names of its columns, not what they mean.
 *
 * JSON lines when the first character is '{': one object a line, values are texts or numbers. Else
 * CSV: a header with the names, then rows; the separator is the header's first ',', ';' or tab;
 * quotes as in RFC 4180, also around line ends and quotes (doubled). A BOM is skipped, CRLF is a
 * line end, empty lines count nothing. A column whose name begins with '_' is skipped. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/compiler.h"

#define IMPORT_COLUMNS(X)                                                                      \
    X(CONNECTOR, "connector")                                                                  \
    X(SOURCE, "source")                                                                        \
    X(CONVERSATION, "conversation")                                                            \
    X(PHONE, "phone")                                                                          \
    X(CLIENT_ID, "client_id")                                                                  \
    X(CHAT_ID, "chat_id")                                                                      \
    X(USER_REF, "user_ref")                                                                    \
    X(USER_ID, "user_id")                                                                      \
    X(NAME, "name")                                                                            \
    X(SCOPE, "scope")

enum import_column {
#define IMPORT_COLUMN(id, name) IMPORT_##id,
    IMPORT_COLUMNS(IMPORT_COLUMN)
#undef IMPORT_COLUMN
    IMPORT_N_COLUMNS
};

enum import_format {
    IMPORT_GUESS,
    IMPORT_CSV,
    IMPORT_JSONL,
};

#define IMPORT_ROW_MAX  ((size_t)64 << 10) /* bytes of one row */
#define IMPORT_ROWS_MAX 1000000            /* of one file */

struct import_row {
    uint64_t line;                        /* where it begins, from 1 */
    struct view values[IMPORT_N_COLUMNS]; /* "" when not given; good until the next row */
};

enum {
    IMPORT_E_END = 1, /* no more rows */
    IMPORT_E_ROW,  /* this row cannot be read, the next one perhaps; why, and ret_row->line */
    IMPORT_E_FILE, /* nothing more can be read; why and where, as above */
};

struct import_file;

/* Reads from @in, which stays the caller's. -ENOMEM. */
AMO_MUSTCHECK int import_file_new(FILE *in, enum import_format format,
                                  struct import_file **ret);
void import_file_free(struct import_file *f);
/* The next row. 0, IMPORT_E_*, -ENOMEM. @why gets words with IMPORT_E_ROW and _FILE. */
AMO_MUSTCHECK int import_file_next(struct import_file *f, struct import_row *ret_row,
                                   struct buf *why);
const char *import_column_name(enum import_column column);
