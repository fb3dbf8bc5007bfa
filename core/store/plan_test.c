/* What keeps statements from reading through large tables sees it when one does. */

#include "tests/lib/plans.h"

#include "base/testing.h"
#include "core/store/schema.h"

static bool scans(sqlite3 *db, const char *sql)
{
    char step[200];

    return plans_scan(db, sql, step, sizeof(step));
}

static void a_large_table_that_is_read_through_is_seen(void **state)
{
    sqlite3 *db = NULL;

    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    for (int i = 1; i <= schema_count(); i++)
        assert_int_equal(sqlite3_exec(db, schema_migration(i), NULL, NULL, NULL), SQLITE_OK);
    assert_true(scans(db, "SELECT id FROM messages WHERE scope=?"));
    assert_true(scans(db, "SELECT m.id FROM messages m WHERE m.scope=?"));
    assert_true(scans(db, "SELECT 1 FROM meta WHERE value IN (SELECT body FROM dead d)"));
    assert_true(scans(db, "UPDATE commands SET lane=?2 WHERE lane/2=?1"));
    /* all of it, though along an index */
    assert_true(scans(db, "UPDATE commands SET lane=?2 WHERE lane/2=?1 AND lane>1"));
    assert_false(scans(db, "UPDATE commands SET lane=?2 WHERE lane IN (2*?1,2*?1+1)"));
    assert_false(scans(db, "SELECT state FROM messages WHERE id>? AND id<=?"));
    assert_true(scans(db, "SELECT max(m.taken_ms) FROM messages m WHERE m.scope=?"));
    assert_false(scans(db, "SELECT value FROM meta")); /* is small */
    assert_false(scans(db, "SELECT taken_ms FROM messages ORDER BY id LIMIT 1"));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_table_that_is_read_through_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
