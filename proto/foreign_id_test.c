#include "proto/foreign_id.h"

#include "base/testing.h"
#include "proto/limits.h"

static void ids_of_all_kinds_of_services_are_ids(void **state)
{
    static const char *const ids[] = {"7",
                                      "wamid.HBgLNzkwMDU1NTAyMDEVAgARGBI5QTNDQTVCMw==",
                                      "true_79005550201@c.us_3EB0C4",
                                      "AB/cd+Ef12==",

                                      "100%",
                                      "\xd0\xb8\xd0\xb4"};
    char text[LIMIT_ID + 1];

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(ids); i++)
        assert_true(foreign_id_is_fine(view_of(ids[i])));
    memset(text, 'x', sizeof(text));
    assert_true(foreign_id_is_fine(view_make(text, LIMIT_ID)));
    assert_false(foreign_id_is_fine(view_make(text, LIMIT_ID + 1)));
}

static void what_could_not_be_told_from_others_is_no_id(void **state)
{
    (void)state;
    assert_false(foreign_id_is_fine(VIEW_NONE));
    assert_false(foreign_id_is_fine(VIEW_LIT("")));
    assert_false(foreign_id_is_fine(VIEW_LIT("a\0b")));
    assert_false(foreign_id_is_fine(VIEW_LIT("a\nb")));
    assert_false(foreign_id_is_fine(VIEW_LIT("\x7f")));
    assert_false(foreign_id_is_fine(VIEW_LIT("two words")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_all_kinds_of_services_are_ids),
        cmocka_unit_test(what_could_not_be_told_from_others_is_no_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
