/* Asks SQLite for the plan of each statement that a test makes the store prepare. Part of every test
 * program with a store (cmake/amo_test.cmake); there the linker puts it in front of
 * sqlite3_prepare_v3, so that the product knows nothing of it. */

#include "tests/lib/plans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the linker's names */
int __real_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int n, unsigned flags,
                              sqlite3_stmt **ret, const char **tail);
int __wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int n, unsigned flags,
                              sqlite3_stmt **ret, const char **tail);

/* they grow with the work */
static const char *const large[] = {"messages",      "commands",   "dead",      "message_ids",
                                    "conversations", "chats",      "attempts",  "waiting",
                                    "message_once",  "quarantine", "reactions", "orders"};

/* Statements that may, by a part that no other has. */
static const struct {
    const char *part;
    const char *reason;
} allowed[] = {
    {"/* test */",                                                 "of a test, which has a few rows"                },
    {"trace FROM commands ORDER BY id",                            "a start makes the queue of all that waits"      },
    {"FROM messages ORDER BY id LIMIT ",                           "the oldest alone"                               },
    {"ON m.id=d.message ORDER BY d.id DESC LIMIT ",                "the newest alone"                               },
    {"(?1 IS NULL OR scope=?1) ORDER BY id DESC LIMIT ",           "an operator's list of the newest"               },
    {"SELECT (SELECT count(*) FROM dead)",                         "a figure, counted in the smallest index"        },
    {",body FROM dead WHERE body IS NOT NULL ORDER BY id",
     "an erasure: any dead letter may be about the person"                                                          },
    {"UPDATE commands SET paused_ms=",                             "what waits for an account may be all that waits"},
    {"DELETE FROM dead WHERE died_ms <",                           "the oldest alone, and they go"                  },
    {"UPDATE commands SET taken_ms=?3 WHERE (",                    "the clock was wrong, once"                      },
    {"UPDATE dead SET died_ms=?3 WHERE (",                         "the clock was wrong, once"                      },
    {"SELECT id,event FROM waiting ORDER BY id",                   "an erasure, and the keys of before, once"       },
    {"SELECT id,event FROM quarantine WHERE event IS NOT NULL",
     "an erasure: any may be about the person"                                                                      },
    {"FROM waiting WHERE until_ms<? ORDER BY until_ms,id LIMIT 1", "the oldest alone"                               },
    {"DELETE FROM quarantine WHERE at_ms <",                       "the oldest alone, and they go"                  },
    {"DELETE FROM quarantine WHERE kind=5 AND at_ms <",
     "the oldest alone, and most of them go"                                                                        },
    {"SELECT id,reason FROM quarantine ORDER BY id DESC LIMIT 1",  "the newest alone"                               },
    {"at_ms,trace,event FROM quarantine ORDER BY id DESC LIMIT ",  "the newest alone"                               },
    {"WHERE died_ms>=? ORDER BY died_ms DESC LIMIT ",              "the newest alone"                               },
    {"UPDATE quarantine SET at_ms=?3 WHERE (",                     "the clock was wrong, once"                      },
    {"UPDATE orders SET at_ms=?3 WHERE (",                         "the clock was wrong, once"                      },
    {"UPDATE waiting SET until_ms=?3+",                            "the clock was wrong, once"                      },
    {"UPDATE waiting SET at_ms=?3 WHERE key",                      "the clock was wrong, once"                      },
    {"SELECT 'sums are not of what is there'",                     "after damage, or before a migration"            },
    {"AND instr(substr(key,length(?1)+3),'/')=0",
     "one of amo's ids, in each account that has it"                                                                },
    {"(taken_ms,id)<(?,?) ORDER BY taken_ms DESC,id DESC LIMIT ",
     "an operator's page: so many of the newest"                                                                    },
    {"(at_ms,id)<(?,?) ORDER BY at_ms DESC,id DESC LIMIT ",
     "an operator's page: so many of the newest"                                                                    },
    {"UPDATE waiting SET taken_ms=?3 WHERE (",                     "the clock was wrong, once"                      },
    {"SELECT min(message_id) FROM ",                               "the first alone"                                },
    {" WHERE trace>=? AND trace<=? ORDER BY trace LIMIT ",
     "an operator knows the beginning of an id: the first few"                                                      },
    {"(connector,source,scope)>=(?,?,?||char(0))",                 "the next number alone"                          },
    {"WITH RECURSIVE lanes(lane)",                                 "an operator's page: one row of so many lanes"   },
};

static bool is_allowed(const char *sql)
{
    for (size_t i = 0; i < AMO_COUNT(allowed); i++) {
        if (strstr(sql, allowed[i].part))
            return true;
    }
    return false;
}

static bool is_word_end(char c)
{
    return c == '\0' || strchr(" ,;()", c);
}

/* Is @name, @n bytes, @table, or what @sql calls it? */
static bool means(const char *sql, const char *name, size_t n, const char *table)
{
    char both[100];

    if (n == strlen(table) && memcmp(name, table, n) == 0)
        return true;
    (void)snprintf(both, sizeof(both), " %s %.*s", table, (int)n, name); /* long ones: none */
    for (const char *at = sql; (at = strstr(at, both)); at++) {
        if (is_word_end(at[strlen(both)]))
            return true;
    }
    return false;
}

/* "SEARCH dead USING INDEX dead_lane (lane>?)": the first column has no one value. "SEARCH m USING INDEX
 * messages_taken": the first or last of all, and what a condition leaves out is passed over. */
static bool is_range(const char *step)
{
    const char *index = strstr(step, " INDEX ");
    const char *bound = index ? strchr(step, '(') : NULL;

    return index && (!bound || bound[strcspn(bound, "<=>")] != '=');
}

static bool is_scan(const char *sql, const char *step)
{
    bool scan = strncmp(step, "SCAN ", 5) == 0;
    size_t n = 0;

    if (!scan && !(strncmp(step, "SEARCH ", 7) == 0 && is_range(step)))
        return false;
    step = strchr(step, ' ') + 1;
    while (!is_word_end(step[n]))
        n++;
    for (size_t i = 0; i < AMO_COUNT(large); i++) {
        if (means(sql, step, n, large[i]))
            return true;
    }
    return false;
}

bool plans_scan(sqlite3 *db, const char *sql, char *ret_step, size_t n)
{
    char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
    sqlite3_stmt *plan = NULL;
    bool scan = false;

    assert_non_null(explain);
    if (!is_allowed(sql) &&
        __real_sqlite3_prepare_v3(db, explain, -1, 0, &plan, NULL) == SQLITE_OK) {
        while (!scan && sqlite3_step(plan) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(plan, 3);

            scan = step && is_scan(sql, step);
            if (scan)
                (void)snprintf(ret_step, n, "%s", step); /* cut is fine */
        }
    }
    (void)sqlite3_finalize(plan); /* only looked at */
    sqlite3_free(explain);
    return scan;
}

int __wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int n, unsigned flags,
                              sqlite3_stmt **ret, const char **tail)
{
    int rc = __real_sqlite3_prepare_v3(db, sql, n, flags, ret, tail);
    char step[200];

    if (rc == SQLITE_OK && plans_scan(db, sql, step, sizeof(step)))
        fail_msg("a large table is read through (tests/lib/plans.c): %s\n%s", step, sql);
    return rc;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
