#include "core/model/phone.h"

#include "base/testing.h"

struct number {
    const char *text;
    const char *here;   /* the key in the segment ru */
    const char *abroad; /* NULL: the same */
    const char *number; /* NULL: the key abroad */
};

static void assert_numbers(const struct number *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *abroad = numbers[i].abroad ? numbers[i].abroad : numbers[i].here;
        struct phone p;

        phone_read(view_of(numbers[i].text), false, &p);
        assert_string_equal(p.key, numbers[i].here);
        phone_read(view_of(numbers[i].text), true, &p);
        assert_string_equal(p.key, abroad);
        assert_string_equal(p.number, numbers[i].number ? numbers[i].number : abroad);
    }
}

static void a_leading_8_is_7_in_russia_alone_and_without_a_plus(void **state)
{
    static const struct number numbers[] = {
        {"8 999 123 45 67",                       "79991234567",  "89991234567", NULL          },
        {"8(999)123-45-67",                       "79991234567",  "89991234567", NULL          },
        {"79991234567",                           "79991234567",  NULL,          NULL          },
        {"+7 (999) 123-45-67",                    "79991234567",  NULL,          "+79991234567"},
        {"+84 91 234 56 78",                      "84912345678",  NULL,          "+84912345678"},
        {"+852 9123 4567",                        "85291234567",  NULL,          "+85291234567"},
        {"0084912345678",                         "84912345678",  NULL,          "+84912345678"},
        {"00 7 999 123 45 67",                    "79991234567",  NULL,          "+79991234567"},
        {"+ 84 (91) 2345678",                     "84912345678",  NULL,          "+84912345678"},
        {"+(84)912345678",                        "84912345678",  NULL,          "+84912345678"},
        {"\xe2\x80\xaa+84 912345678\xe2\x80\xac", "84912345678",  NULL,          "+84912345678"},
        {"89991234",                              "89991234",     NULL,          NULL          },
        {"899912345678",                          "899912345678", NULL,          NULL          },
        {"+88005553535",                          "88005553535",  NULL,          "+88005553535"},
    };

    (void)state;
    assert_numbers(numbers, AMO_COUNT(numbers));
}

static void a_field_holds_one_number(void **state)
{
    static const struct number numbers[] = {
        {"+7 900 123-45-67 \xd0\xb4\xd0\xbe\xd0\xb1. 12", "79001234567",     NULL,          "+79001234567"},
        {"+7 900 123 45 67 ext. 12",                      "79001234567",     NULL,          "+79001234567"},
        {"+79001234567,12",                               "79001234567",     NULL,          "+79001234567"},
        {"+79001234567#12",                               "79001234567",     NULL,          "+79001234567"},
        {"tel:+7-900-123-45-67;ext=5",                    "79001234567",     NULL,          "+79001234567"},
        {"8 900 123-45-67, 8 901 765-43-21",              "79001234567",     "89001234567", NULL          },
        {"8 900 123-45-67; +7 901 765-43-21",             "79001234567",     "89001234567", NULL          },
        {"8 900 123-45-67 / 8 901 765-43-21",             "79001234567",     "89001234567", NULL          },
        {"+7 900 123 45 67 +7 901 765 43 21",             "79001234567",     NULL,          "+79001234567"},
        {"+7 900 123-45-67 (12)",                         "79001234567",     NULL,          "+79001234567"},
        {"+49 30/1234567",                                "49301234567",     NULL,          "+49301234567"},
        {"+7\xc2\xa0"
         "900\xe2\x80\x91"
         "123\xe2\x80\x93"
         "4567",                                 "79001234567",     NULL,          "+79001234567"},
        {"\xd1\x82\xd0\xb5\xd0\xbb. +7 900 1234567",      "79001234567",     NULL,          "+79001234567"},
        {"79001234567@c.us",                              "79001234567",     NULL,          NULL          },
        {"79001234567-1531238647@g.us",                   "",                NULL,          NULL          },
        {"1234567890123456",                              "",                NULL,          NULL          },
        {"123456789012345",                               "123456789012345", NULL,          NULL          },
        {"call me",                                       "",                NULL,          NULL          },
        {"+",                                             "",                NULL,          NULL          },
        {"00",                                            "",                NULL,          NULL          },
        {"",                                              "",                NULL,          NULL          },
    };
    struct phone p;

    (void)state;
    assert_numbers(numbers, AMO_COUNT(numbers));
    phone_read(VIEW_NONE, false, &p);
    assert_string_equal(p.key, "");
    assert_string_equal(p.number, "");
}

static void an_extension_and_a_second_number_are_cut_off_without_a_word_between(void **state)
{
    static const struct number numbers[] = {
        {"+7 900 123-45-67 12",                           "79001234567",   NULL,            "+79001234567"  },
        {"+7 495 123-45-67-12",                           "74951234567",   NULL,            "+74951234567"  },
        {"+1 212 555-1234 5678",                          "12125551234",   NULL,            "+12125551234"  },
        {"+7 900 123 45 67 8 901 765 43 21",              "79001234567",   NULL,            "+79001234567"  },
        {"8 900 123-45-67 8 901 765-43-21",               "79001234567",   "",              ""              },
        {"8 (495) 123-45-67 12",                          "74951234567",   "8495123456712", NULL            },
        {"7 701 123 45 67 12",                            "77011234567",   "7701123456712", NULL            },
        {"86 138 001 380 00",                             "8613800138000", NULL,            NULL            },
        {"899912345678",                                  "899912345678",  NULL,            NULL            },
        {"+84 91 234 567 890",                            "8491234567890", NULL,            "+8491234567890"},
        {"1) +7 900 123-45-67; 2) +7 901 765-43-21",      "79001234567",   NULL,            "+79001234567"  },
        {"\xd0\xb4\xd0\xbe\xd0\xb1. 12, 8 900 123-45-67", "79001234567",   "89001234567",   NULL            },
        {"112",                                           "112",           NULL,            NULL            },
        {"112, 02",                                       "112",           NULL,            NULL            },
        {"12, 79001234567-1531238647@g.us",               "12",            NULL,            NULL            },
        {"\xef\xbc\x8b"
         "84 91 234 56 78",                      "84912345678",   NULL,            "+84912345678"  },
    };

    (void)state;
    assert_numbers(numbers, AMO_COUNT(numbers));
}

static void a_phone_is_the_same_with_and_without_its_mark(void **state)
{
    (void)state;
    assert_true(phone_same("+79001234567", "79001234567", false));
    assert_true(phone_same("79001234567", "+79001234567", true));
    assert_false(phone_same("79001234567", "84912345678", false));
    assert_true(phone_same("9001234567", "+79001234567", false)); /* its 7 left out */
    assert_true(phone_same("79001234567", "9001234567", false));
    assert_false(phone_same("9001234567", "79001234567", true));
    assert_false(phone_same("+4512345678", "74512345678", false)); /* Denmark's */
    assert_false(phone_same("", "79001234567", false));
    assert_true(view_is(phone_told("+79001234567"), "79001234567"));
    assert_true(view_is(phone_told("89001234567"), "89001234567"));
    assert_true(view_is(phone_told("+84991234567"), "+84991234567")); /* not 8 499 123 45 67 */
    assert_true(view_is(phone_told("+849912345678"), "849912345678"));
    assert_null(phone_told(NULL).ptr);
}

static void an_account_is_abroad_with_its_channel(void **state)
{
    struct registry *r = NULL;
    struct reg_channel *c = NULL;

    (void)state;
    assert_int_equal(registry_new(&r), 0);
    c = registry_add_channel(r);
    assert_non_null(c);
    c->id = mem_strdup("ch");
    assert_false(phone_abroad(r, VIEW_LIT("ch_acc")));
    c->abroad = true;
    assert_true(phone_abroad(r, VIEW_LIT("ch_acc")));
    assert_false(phone_abroad(r, VIEW_LIT("gone_acc")));
    assert_false(phone_abroad(r, VIEW_NONE));
    registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leading_8_is_7_in_russia_alone_and_without_a_plus),
        cmocka_unit_test(a_field_holds_one_number),
        cmocka_unit_test(an_extension_and_a_second_number_are_cut_off_without_a_word_between),
        cmocka_unit_test(a_phone_is_the_same_with_and_without_its_mark),
        cmocka_unit_test(an_account_is_abroad_with_its_channel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
