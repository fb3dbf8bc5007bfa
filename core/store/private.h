#pragma once

/* What the store's own files share. Private to them. */

#include <stdbool.h>

#include "base/compiler.h"
#include "core/model/rows.h"
#include "core/store/db.h"

struct json_writer;

/* meta: the file is to be rewritten at the next start. */
#define STORE_META_REBUILD "rebuild"

struct store {
    struct db *db;
    bool in_transaction;
    int64_t changes; /* before it */
    int lock_fd;
    bool emptied;       /* a table was recreated then */
    bool looked_at;     /* the whole of it was read when it was opened */
    bool hurt_attempts; /* … and is damaged there */
    bool hurt_conversations;
    bool hurt_waiting;
    int64_t waiting_next;      /* the row of what comes next to wait; 0 not known yet */
    int64_t waiting_forgotten; /* store_waiting_forgotten */
    char damage[200]; /* SQLite's words about what is damaged; "" nothing that is known */
};

/* 0 with the query at its first row (db_end it), STORE_E_NONE, or an error. */
AMO_MUSTCHECK int store_one(int query_rc, struct db_rows *r);
/* The number in that row, which is the whole answer. Without one *@ret stays as it is. */
AMO_MUSTCHECK int store_one_int(int query_rc, struct db_rows *r, int64_t *ret);

/* The columns of a command row without its body, for store_command_read(). */
AMO_MUSTCHECK int store_command_read(struct db_rows *r, struct command_row *ret);
/* The body in @column. -ENOMEM. */
AMO_MUSTCHECK int store_command_body(struct db_rows *r, int column, struct command_row *c);

/* Keys under which ?1 may be known, an id of either side (core/model/key.h). Amo's ids stand before their accounts
 * there, together; of an id that begins with this one and a '/' the rest has another '/'. Of services each is tried. */
#define STORE_AMO_KEYS(key)                                                                    \
    key ">'a'||?1||'/' AND " key "<'a'||?1||'0' AND instr(substr(" key ",length(?1)+3),'/')=0"
#define STORE_SERVICE_KEYS                                                                     \
    "SELECT 's'||name||'/'||?1 FROM connectors UNION ALL SELECT 't'||name||'/'||?1 FROM "      \
    "connectors"
