#include "base/ids.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/testing.h"

static void random_ids_differ_and_are_not_zero(void **state)
{
    struct id a = {{0}};
    struct id b = {{0}};

    (void)state;
    assert_true(id_is_zero(&a));
    assert_int_equal(id_random(&a), 0);
    assert_int_equal(id_random(&b), 0);
    assert_false(id_is_zero(&a));
    assert_false(id_equal(&a, &b));
}

static void time_ordered_ids_sort_by_time_and_say_their_version(void **state)
{
    char early[ID_TEXT_LEN + 1];
    char late[ID_TEXT_LEN + 1];
    struct id id;

    (void)state;
    assert_int_equal(id_uuid7(INT64_C(1603972795123), &id), 0);
    id_format(&id, early);
    assert_int_equal(id_uuid7(INT64_C(1603972795124), &id), 0);
    id_format(&id, late);
    assert_true(strcmp(early, late) < 0);
    assert_memory_equal(early, "0175743a-8af3-7", 15);
    assert_non_null(strchr("89ab", early[19]));
}

static void an_id_is_written_and_read_back(void **state)
{
    const char *text = "00112233-4455-6677-8899-aabbccddeeff";
    char back[ID_TEXT_LEN + 1];
    struct id id;
    struct id upper;

    (void)state;
    assert_int_equal(id_parse(view_of(text), &id), 0);
    id_format(&id, back);
    assert_string_equal(back, text);
    assert_int_equal(id_parse(view_of("00112233-4455-6677-8899-AABBCCDDEEFF"), &upper), 0);
    assert_true(id_equal(&id, &upper));
    assert_int_equal(id_from_view(id_view(&id), &upper), 0);
    assert_true(id_equal(&id, &upper));
    assert_int_equal(id_from_view(view_of("short"), &upper), -EINVAL);
}

static void what_is_not_a_uuid_is_refused(void **state)
{
    const char *const wrong[] = {
        "",
        "00112233445566778899aabbccddeeff",
        "00112233-4455-6677-8899-aabbccddeefg",
        "00112233-4455-6677-8899-aabbccddeef",
        "0011223-34455-6677-8899-aabbccddeeff",
        "{0112233-4455-6677-8899-aabbccddeef}",
    };
    struct id id;

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(wrong); i++)
        assert_int_equal(id_parse(view_of(wrong[i]), &id), -EINVAL);
}

static const char *derived(struct view name, struct view part, struct view id)
{
    static char space[ID_DERIVED_MAX + 1];

    assert_int_equal(id_derive(name, part, id, space), 0);
    return space;
}

static void a_plain_short_id_stays_readable(void **state)
{
    char longest[ID_DERIVED_MAX];

    (void)state;
    assert_string_equal(derived(view_of("wa"), VIEW_NONE, view_of("msg_1.2-3")),
                        "wa-msg_1.2-3");
    assert_string_equal(derived(view_of("wa"), view_of("7900"), view_of("c1")), "wa-7900-c1");
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(strlen(derived(view_of("wa"), VIEW_NONE, view_make(longest, 61))), 64);
    assert_int_equal(derived(view_of("wa"), VIEW_NONE, view_make(longest, 61))[3], 'x');
    assert_memory_equal(derived(view_of("wa"), VIEW_NONE, view_make(longest, 62)), "wa-h", 4);
}

/* "<name>-h" and the first 40 digits of SHA-256 over @joined. */
static void assert_hashed(const char *text, const char *name, struct view joined)
{
    unsigned char digest[CRYPTO_SHA256_LEN];
    char hex[2 * CRYPTO_SHA256_LEN + 1];
    char expected[ID_DERIVED_MAX + 1];

    assert_int_equal(crypto_sha256(joined, digest), 0);
    crypto_hex(digest, sizeof(digest), hex);
    (void)snprintf(expected, sizeof(expected), "%s-h%.40s", name, hex);
    assert_string_equal(text, expected);
}

static void anything_else_is_hashed_over_its_parts(void **state)
{
    (void)state;
    assert_hashed(derived(view_of("wa"), VIEW_NONE, view_of("a b")), "wa", VIEW_LIT("wa\0a b"));
    assert_hashed(derived(view_of("wa"), view_of("+7900"), view_of("c")), "wa",
                  VIEW_LIT("wa\0+7900\0c"));
    assert_hashed(derived(view_of("wa"), VIEW_NONE, view_of("\xd1\x8f")), "wa",
                  VIEW_LIT("wa\0\xd1\x8f"));
}

static void two_things_never_share_a_readable_id(void **state)
{
    const char *fake = "h0123456789012345678901234567890123456789";
    char first[ID_DERIVED_MAX + 1];
    char second[ID_DERIVED_MAX + 1];

    (void)state;
    /* a source with '-' could be split in two ways */
    assert_int_equal(id_derive(view_of("wa"), view_of("a-b"), view_of("c"), first), 0);
    assert_int_equal(id_derive(view_of("wa"), view_of("a"), view_of("b-c"), second), 0);
    assert_string_not_equal(first, second);
    /* an id that looks hashed is hashed itself */
    assert_int_equal(id_derive(view_of("wa"), VIEW_NONE, view_of(fake), first), 0);
    assert_string_not_equal(first + 3, fake);
}

static void deriving_twice_gives_the_same_id(void **state)
{
    char first[ID_DERIVED_MAX + 1];

    (void)state;
    assert_int_equal(id_derive(view_of("wa"), view_of("s"), view_of("\xff\x01"), first), 0);
    assert_string_equal(derived(view_of("wa"), view_of("s"), view_of("\xff\x01")), first);
}

static void what_cannot_be_derived_is_refused(void **state)
{
    char space[ID_DERIVED_MAX + 1];
    struct view long_name = VIEW_LIT("a-name-of-23-characters");

    (void)state;
    assert_int_equal(long_name.len, 23);
    assert_int_equal(id_derive(VIEW_NONE, VIEW_NONE, view_of("x"), space), -EINVAL);
    assert_int_equal(id_derive(view_of("wa"), VIEW_NONE, view_of(""), space), -EINVAL);
    assert_int_equal(id_derive(long_name, VIEW_NONE, view_of("a b"), space), -EINVAL);
    assert_int_equal(id_derive(long_name, VIEW_NONE, view_of("ab"), space), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_ids_differ_and_are_not_zero),
        cmocka_unit_test(time_ordered_ids_sort_by_time_and_say_their_version),
        cmocka_unit_test(an_id_is_written_and_read_back),
        cmocka_unit_test(what_is_not_a_uuid_is_refused),
        cmocka_unit_test(a_plain_short_id_stays_readable),
        cmocka_unit_test(anything_else_is_hashed_over_its_parts),
        cmocka_unit_test(two_things_never_share_a_readable_id),
        cmocka_unit_test(deriving_twice_gives_the_same_id),
        cmocka_unit_test(what_cannot_be_derived_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
