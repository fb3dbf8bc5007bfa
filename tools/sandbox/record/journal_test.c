/* The journal: every call that arrived, found by its number. */
#include "tools/sandbox/record/journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/testing.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/testing/json.h"

static int add(struct journal *j, int64_t seq)
{
    struct json_object *o = jread_parse(VIEW_LIT("{\"kind\":\"new_message\"}"));

    jread_add_int(o, "seq", seq);
    return journal_add(j, o);
}

static void an_entry_is_found_by_its_number(void **state)
{
    struct journal j = {{0}};

    (void)state;
    for (int64_t seq = 3; seq < 300; seq += 3)
        assert_int_equal(add(&j, seq), 0);
    assert_int_equal(jread_int(journal_get(&j, 3), "seq", 0), 3);
    assert_int_equal(jread_int(journal_get(&j, 297), "seq", 0), 297);
    assert_null(journal_get(&j, 0));
    assert_null(journal_get(&j, 4));
    assert_null(journal_get(&j, 300));
    journal_clear(&j);
    assert_null(journal_get(&j, 3));
}

static void an_entry_is_shown_as_it_is_now(void **state)
{
    struct journal j = {{0}};
    struct json_object *o = NULL;

    (void)state;
    assert_int_equal(add(&j, 1), 0);
    jread_add_int(journal_get(&j, 1), "status", 200);
    o = journal_entry_json(j.entries.at[0]);
    journal_clear(&j); /* it has an owner more */
    testing_assert_at(o, "", "{'kind':'new_message','seq':1,'status':200}");
    json_object_put(o);
}

static void without_memory_an_entry_is_whole_or_not_there(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 12; n++) {
        struct journal j = {{0}};
        int rc = 0;

        mem_fail_at(n);
        rc = add(&j, 1);
        mem_fail_at(0);
        assert_true(rc == 0 || rc == -ENOMEM);
        assert_int_equal(j.entries.n, rc == 0 ? 1 : 0);
        journal_clear(&j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_found_by_its_number),
        cmocka_unit_test(an_entry_is_shown_as_it_is_now),
        cmocka_unit_test(without_memory_an_entry_is_whole_or_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
