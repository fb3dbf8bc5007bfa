#include "tools/ctl/names.h"

#include "base/json.h"
#include "base/testing.h"

#define CHANNEL "f90ba33d-c9d9-44da-b76c-c349b0ecbe41"
#define OTHER   "0a1b2c3d-c9d9-44da-b76c-c349b0ecbe41"
#define ONE     "2b13cae0-24f7-4058-b9ad-c13ee05e1b53"
#define TWO     "3c13cae0-24f7-4058-b9ad-c13ee05e1b53"

#define ROW(scope, brief, title)                                                               \
    "{\"scope_id\":\"" scope "\",\"short\":" brief ",\"title\":\"" title "\"}"

static int named(const char *list, const char *scope, bool titled, struct buf *out)
{
    struct json *doc = NULL;
    struct names n;
    int rc = json_parse(view_of(list), &doc);

    rc = rc ? rc : names_init(&n, doc);
    if (rc)
        return rc;
    if (!names_put(&n, view_of(scope), titled, out))
        (void)buf_add_str(out, "none");
    names_fini(&n);
    return buf_error(out);
}

static void check(const char *list, const char *scope, bool titled, const char *want)
{
    struct buf out;

    buf_init(&out, 4096);
    assert_int_equal(named(list, scope, titled, &out), 0);
    assert_string_equal(buf_str(&out), want);
    buf_fini(&out);
}

static void an_account_is_called_by_eight_characters_and_its_title(void **state)
{
    static const char list[] = "[" ROW(CHANNEL "_" TWO, "\"3c13cae0\"", "Two") "," ROW(
        CHANNEL "_" ONE, "\"2b13cae0\"", "Acme GmbH") "]";

    (void)state;
    check(list, CHANNEL "_" ONE, true, "2b13cae0 Acme GmbH");
    check(list, CHANNEL "_" ONE, false, "2b13cae0");
    check(list, CHANNEL "_" TWO, true, "3c13cae0 Two");
    check(list, "scope:" CHANNEL "_" ONE, true, "scope:2b13cae0 Acme GmbH");
    check(list, "connector:wa", true, "none");
    check("[" ROW(CHANNEL "_" ONE, "\"2b13cae0\"", "") "]", CHANNEL "_" ONE, true, "2b13cae0");
    check("[" ROW(CHANNEL "_" ONE, "\"2b13cae0\"",
                  "a title that is longer than anybody wants to read") "]",
          CHANNEL "_" ONE, true, "2b13cae0 a title that is longer...");
}

/* Core says it, which knows all accounts. */
static void an_account_without_a_name_of_its_own_has_none(void **state)
{
    (void)state;
    check("[" ROW(OTHER "_" ONE, "\"0a1b2c3d_2b13cae0\"", "b") "]", OTHER "_" ONE, true,
          "0a1b2c3d_2b13cae0 b");
    check("[" ROW(CHANNEL "_" ONE, "null", "a") "]", CHANNEL "_" ONE, true, "none");
    check("[{\"scope_id\":\"" CHANNEL "_" ONE "\",\"title\":\"of an older core\"}]",
          CHANNEL "_" ONE, true, "none");
}

static void who_is_not_known_has_no_name(void **state)
{
    (void)state;
    check("[" ROW(CHANNEL "_" ONE, "\"2b13cae0\"", "a") "]", CHANNEL "_" TWO, true, "none");
    check("[" ROW("c_a", "\"c\"", "a") "]", "c_a", true, "none");
    check("[1,{},{\"scope_id\":5}]", CHANNEL "_" ONE, true, "none");
    check("{}", CHANNEL "_" ONE, true, "none");
}

static void only_ids_of_amo_are_worth_asking_for(void **state)
{
    (void)state;
    assert_true(names_are_wanted(VIEW_LIT("[{\"scope_id\":\"" CHANNEL "_" ONE "\"}]")));
    assert_true(names_are_wanted(VIEW_LIT(CHANNEL "_" ONE)));
    assert_false(names_are_wanted(VIEW_LIT("[{\"scope_id\":\"c_a\",\"id\":\"" ONE "\"}]")));
    assert_false(names_are_wanted(VIEW_LIT(CHANNEL "_2b13cae0")));
    assert_false(names_are_wanted(VIEW_NONE));
}

static int names_case(void *arg)
{
    struct buf out;
    int rc = 0;

    (void)arg;
    buf_init(&out, 4096);
    rc = named("[" ROW(CHANNEL "_" ONE, "\"2b13cae0\"", "a") "]", CHANNEL "_" ONE, true, &out);
    buf_fini(&out);
    return rc;
}

static void naming_survives_every_failed_allocation(void **state)
{
    (void)state;
    testing_fail_each_allocation(names_case, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_is_called_by_eight_characters_and_its_title),
        cmocka_unit_test(an_account_without_a_name_of_its_own_has_none),
        cmocka_unit_test(who_is_not_known_has_no_name),
        cmocka_unit_test(only_ids_of_amo_are_worth_asking_for),
        cmocka_unit_test(naming_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
