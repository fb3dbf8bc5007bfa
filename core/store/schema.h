#pragma once

/* The numbered migrations of core's store: 1 … schema_count(). */

/* meta: what waits and what is in quarantine is of before it was found by its ids, and by whom it is about. */
#define SCHEMA_KEPT_UNNAMED "kept_unnamed"

int schema_count(void);
/* SQL of migration @number (from 1). */
const char *schema_migration(int number);

/* --- who has how much (core/store/shares.h) ----------------------------------------------------- */
/* Managers' words and reactions, and what core itself tells amo, are caused by the account. */
#define WHO_OF_COMMAND(r)                                                                      \
    "CASE WHEN " r "connector IS NULL OR " r "kind IN (6,12) THEN 's'||coalesce(" r            \
    "scope,'') ELSE 'c'||" r "connector END"
#define WHO_OF_EVENT(r)                                                                        \
    "CASE WHEN coalesce(" r "connector,'')<>'' THEN 'c'||" r "connector ELSE 's'||coalesce(" r \
    "scope,'') END"
#define WHO_WAITS(r) "coalesce(" r "who,'')"
/* What a connector causes is counted once more for the account it is about, where that is known: else NULL. */
#define PART_OF_COMMAND(r)                                                                     \
    "CASE WHEN " r "connector<>'' AND " r "scope<>'' AND " r "kind NOT IN (6,12) THEN 'p'||" r \
    "connector||'/'||" r "scope END"
#define PART_OF_EVENT(r)                                                                       \
    "CASE WHEN " r "connector<>'' AND " r "scope<>'' THEN 'p'||" r "connector||'/'||" r        \
    "scope END"
#define ROOM_QUEUE(r)       "1"
#define ROOM_WAITING(r)     "2"
/* 4: a service's statuses, edits and reactions */
#define ROOM_OF_EVENT(r)    "CASE WHEN " r "kind IN (5,7,8) THEN 4 ELSE 3 END"
#define ROOM_DEAD(r)        "5"
#define BYTES_OF(r, column) "coalesce(length(" r column "),0)"

/* The rows that the table `shares` has to have. Reads through the whole store.
 * clang-format would tear the strings. */
/* clang-format off */
#define SCHEMA_SHARES_COUNTED \
    "SELECT who,room,count(*) AS n,sum(bytes) AS bytes FROM (" \
    "SELECT " WHO_OF_COMMAND("") " AS who," ROOM_QUEUE("") " AS room," BYTES_OF("", "body") " AS bytes" \
    " FROM commands UNION ALL " \
    "SELECT " WHO_OF_COMMAND("") "," ROOM_DEAD("") "," BYTES_OF("", "body") " FROM dead UNION ALL " \
    "SELECT " WHO_OF_EVENT("") "," ROOM_OF_EVENT("") "," BYTES_OF("", "event") " FROM quarantine" \
    " UNION ALL " \
    "SELECT " WHO_WAITS("") "," ROOM_WAITING("") "," BYTES_OF("", "event") " FROM waiting)" \
    " GROUP BY who,room"
#define SCHEMA_PARTS_COUNTED \
    "SELECT who,room,count(*) AS n,sum(bytes) AS bytes FROM (" \
    "SELECT " PART_OF_COMMAND("") " AS who," ROOM_QUEUE("") " AS room," BYTES_OF("", "body") " AS bytes" \
    " FROM commands UNION ALL " \
    "SELECT " PART_OF_COMMAND("") "," ROOM_DEAD("") "," BYTES_OF("", "body") " FROM dead UNION ALL " \
    "SELECT " PART_OF_EVENT("") "," ROOM_OF_EVENT("") "," BYTES_OF("", "event") " FROM quarantine)" \
    " WHERE who IS NOT NULL GROUP BY who,room"
/* What the table is to hold: parts only once a migration has begun to count them. */
#define SCHEMA_ALL_COUNTED \
    "SELECT * FROM (" SCHEMA_SHARES_COUNTED ") UNION ALL SELECT * FROM (" SCHEMA_PARTS_COUNTED ")" \
    " WHERE EXISTS(SELECT 1 FROM sqlite_schema WHERE name='commands_part_more')"
/* clang-format on */
#define SCHEMA_SHARES_FILL "INSERT INTO shares " SCHEMA_SHARES_COUNTED ";"
#define SCHEMA_PARTS_FILL  "INSERT INTO shares " SCHEMA_PARTS_COUNTED ";"
