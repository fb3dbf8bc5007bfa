#include "core/model/reaction_list.h"

#include "base/testing.h"

#define FAMILY "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7"
#define MAN    "\xf0\x9f\x91\xa8"
#define HEART  "\xe2\x9d\xa4"
#define THUMB  "\xf0\x9f\x91\x8d"
#define LIGHT  "\xf0\x9f\x8f\xbb"
#define DARK   "\xf0\x9f\x8f\xbf"
#define FLAGS                                                                                  \
    "\xf0\x9f\x87\xb7\xf0\x9f\x87\xba\xf0\x9f\x87\xb0\xf0\x9f\x87\xbf" /* of two countries */
#define EMOJI "\xef\xb8\x8f"
#define TEXT  "\xef\xb8\x8e"

static void a_reaction_is_listed_as_a_whole_sign_in_any_spelling(void **state)
{
    static const struct {
        const char *list;
        const char *emoji;
        const char *listed; /* NULL: it is not */
    } cases[] = {
        {THUMB "," HEART,                  HEART EMOJI,                        HEART                             },
        {THUMB "," HEART EMOJI,            HEART,                              HEART EMOJI                       },
        {HEART EMOJI,                      HEART TEXT,                         HEART EMOJI                       },
        {THUMB HEART,                      HEART,                              HEART                             },
        {"[\"" THUMB "\", \"" HEART "\"]", THUMB,                              THUMB                             },
        {FAMILY,                           FAMILY,                             FAMILY                            },
        {FAMILY,                           MAN,                                NULL                              },
        {MAN,                              FAMILY,                             NULL                              },
        {FAMILY "," MAN,                   MAN,                                MAN                               },
        {THUMB,                            THUMB LIGHT,                        THUMB                             },
        {THUMB "," THUMB LIGHT,            THUMB LIGHT,                        THUMB LIGHT                       },
        {THUMB LIGHT,                      THUMB,                              NULL                              },
        {THUMB LIGHT,                      THUMB DARK,                         NULL                              },
        {THUMB,                            THUMB THUMB,                        NULL                              },
        {THUMB,                            LIGHT,                              NULL                              },
        {FLAGS,                            "\xf0\x9f\x87\xb0\xf0\x9f\x87\xbf", "\xf0\x9f\x87\xb0\xf0\x9f\x87\xbf"},
        {FLAGS,                            "\xf0\x9f\x87\xba\xf0\x9f\x87\xb0", NULL                              },
        {"",                               THUMB,                              NULL                              },
        {THUMB,                            "",                                 NULL                              },
        {THUMB,                            EMOJI,                              NULL                              },
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        struct view got = reaction_listed(view_of(cases[i].list), view_of(cases[i].emoji));

        if (!view_equal(got, view_of(cases[i].listed)) || !got.ptr != !cases[i].listed)
            fail_msg("%s in %s", cases[i].emoji, cases[i].list);
    }
}

static void only_the_variation_makes_no_difference(void **state)
{
    (void)state;
    assert_true(reaction_same(VIEW_LIT(HEART), VIEW_LIT(HEART EMOJI)));
    assert_true(reaction_same(VIEW_LIT("1" EMOJI "\xe2\x83\xa3"), VIEW_LIT("1\xe2\x83\xa3")));
    assert_false(reaction_same(VIEW_LIT(THUMB), VIEW_LIT(THUMB LIGHT)));
    assert_false(reaction_same(VIEW_LIT(THUMB LIGHT), VIEW_LIT(THUMB)));
    assert_false(reaction_same(VIEW_LIT(THUMB), VIEW_LIT(HEART)));
    assert_false(reaction_same(VIEW_LIT(THUMB), VIEW_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reaction_is_listed_as_a_whole_sign_in_any_spelling),
        cmocka_unit_test(only_the_variation_makes_no_difference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
