/* The journal: every call that arrived, found by its number. */
#include "tools/sandbox/record/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/testing.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/text.h"
#include "tools/sandbox/testing/json.h"

static int add(struct journal *j, uint64_t seq, const char *side, const char *wrong)
{
    struct blob *body = blob_new("{}", 2);
    struct journal_call call = {
        .seq = seq,
        .at_ms = 1000,
        .side = side,
        .kind = "new_message",
        .method = "POST",
        .path = "/v2",
        .where = "ch_acc",
        .wrong = wrong,
        .body = body,
    };
    int rc = body ? journal_add(j, &call) : -ENOMEM;

    blob_drop(body);
    return rc;
}

static void an_entry_is_found_by_its_number(void **state)
{
    struct journal j = {{0}};

    (void)state;
    for (uint64_t seq = 3; seq < 300; seq += 3)
        assert_int_equal(add(&j, seq, "amojo", NULL), 0);
    assert_int_equal(journal_get(&j, 3)->seq, 3);
    assert_int_equal(journal_get(&j, 297)->seq, 297);
    assert_null(journal_get(&j, 0));
    assert_null(journal_get(&j, 4));
    assert_null(journal_get(&j, 300));
    journal_clear(&j);
    assert_null(journal_get(&j, 3));
}

static void an_entry_is_shown_with_its_outcome(void **state)
{
    struct journal j = {{0}};
    struct journal_entry *e = NULL;
    struct json_object *o = NULL;

    (void)state;
    assert_int_equal(add(&j, 1, "amojo", NULL), 0);
    e = journal_get(&j, 1);
    e->status = 200;
    o = journal_entry_json(e);
    testing_assert_at(o, "",
                      "{'seq':1,'at_ms':1000,'side':'amojo','kind':'new_message',"
                      "'method':'POST','path':'/v2','verified':true,'reason':null,"
                      "'status':200,'fault':null,'key':null,'scope_id':'ch_acc',"
                      "'user_agent':null,'body':'{}'}");
    json_object_put(o);
    journal_clear(&j);
}

static void a_refused_call_is_unverified_and_has_a_reason(void **state)
{
    struct journal j = {{0}};
    struct json_object *o = NULL;

    (void)state;
    assert_int_equal(add(&j, 1, "service", "no signature fits"), 0);
    o = journal_entry_json(journal_get(&j, 1));
    testing_assert_at(o, "verified", "false");
    testing_assert_at(o, "reason", "'no signature fits'");
    testing_assert_at(o, "connector", "'ch_acc'");
    json_object_put(o);
    text_set(&journal_get(&j, 1)->reason, "another");
    assert_string_equal(journal_get(&j, 1)->reason, "another");
    journal_clear(&j);
}

static void without_memory_an_entry_is_whole_or_not_there(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 12; n++) {
        struct journal j = {{0}};
        int rc = 0;

        mem_fail_at(n);
        rc = add(&j, 1, "amojo", NULL);
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
        cmocka_unit_test(an_entry_is_shown_with_its_outcome),
        cmocka_unit_test(a_refused_call_is_unverified_and_has_a_reason),
        cmocka_unit_test(without_memory_an_entry_is_whole_or_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
