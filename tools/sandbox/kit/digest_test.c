/* Digests by their published examples, base64 at its edges, random names by their form. */
#include "tools/sandbox/kit/digest.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void digests_are_those_of_the_standards(void **state)
{
    char md5[DIGEST_MD5_HEX + 1];
    char sha1[DIGEST_SHA1_HEX + 1];
    uint8_t sha256[DIGEST_SHA256_LEN];
    static const char text[] = "what do ya want for nothing?";

    (void)state;
    assert_int_equal(digest_md5("", 0, md5), 0);
    assert_string_equal(md5, "d41d8cd98f00b204e9800998ecf8427e");
    assert_int_equal(digest_md5("abc", 3, md5), 0);
    assert_string_equal(md5, "900150983cd24fb0d6963f7d28e17f72");
    assert_int_equal(digest_hmac_sha1("Jefe", 4, text, strlen(text), sha1), 0);
    assert_string_equal(sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    assert_int_equal(digest_hmac_sha256("Jefe", 4, text, strlen(text), sha256), 0);
    assert_int_equal(sha256[0], 0x5b);
    assert_int_equal(sha256[31], 0x43);
}

static void base64_is_written_with_padding(void **state)
{
    static const char *const forms[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE="};
    char text[16];

    (void)state;
    for (size_t n = 0; n < AMO_COUNT(forms); n++) {
        digest_base64_encode((const uint8_t *)"foobar", n, text);
        assert_string_equal(text, forms[n]);
    }
}

static int decode(const char *text, size_t cap, char *ret)
{
    size_t n = 0;
    int rc = digest_base64_decode(text, strlen(text), (uint8_t *)ret, cap, &n);

    if (rc == 0)
        ret[n] = '\0';
    return rc;
}

static void base64_is_read_back(void **state)
{
    char text[16];

    (void)state;
    assert_int_equal(decode("", 0, text), 0);
    assert_string_equal(text, "");
    assert_int_equal(decode("Zg==", 3, text), 0);
    assert_string_equal(text, "f");
    assert_int_equal(decode("Zm9vYmE=", 6, text), 0);
    assert_string_equal(text, "fooba");
    assert_int_equal(decode("Zm9v", 3, text), 0);
    assert_string_equal(text, "foo");
}

static void malformed_base64_is_refused(void **state)
{
    static const char *const wrong[] = {
        "Z",    "Zg",   "Zg=",  "=",    "====",  "Zg==Zg==", " Zg==",  "Zg== ",
        "Z=g=", "Zg=g", "Z-g=", "Z_g=", "Zm9\n", "Zm9v\n",   "\tZm9v", "Zm 9v"};
    char text[16];

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(wrong); i++)
        assert_int_equal(decode(wrong[i], 12, text), -EINVAL);
    assert_int_equal(decode("Zm9v", 2, text), -ENOSPC);
}

static void texts_are_compared_whole(void **state)
{
    (void)state;
    assert_true(digest_equal("abc", "abc"));
    assert_false(digest_equal("abc", "abC"));
    assert_false(digest_equal("abc", "ab"));
    assert_false(digest_equal("", "a"));
}

static void random_names_have_their_form_and_differ(void **state)
{
    char a[DIGEST_UUID + 1];
    char b[DIGEST_UUID + 1];
    char hex[17];
    char secret[51];

    (void)state;
    for (int i = 0; i < 600; i++) { /* more than one page of randomness */
        digest_uuid(a);
        digest_uuid(b);
        assert_string_not_equal(a, b);
        assert_int_equal(strlen(a), DIGEST_UUID);
        assert_int_equal(strspn(a, "0123456789abcdef-"), DIGEST_UUID);
        assert_int_equal(a[8] == '-' && a[13] == '-' && a[18] == '-' && a[23] == '-', 1);
        assert_int_equal(a[14], '4');
        assert_non_null(strchr("89ab", a[19]));
    }
    digest_random_hex(8, hex);
    assert_int_equal(strspn(hex, "0123456789abcdef"), 16);
    digest_random_whsec(secret);
    assert_int_equal(strlen(secret), 50);
    assert_int_equal(strncmp(secret, "whsec_", 6), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_the_standards),
        cmocka_unit_test(base64_is_written_with_padding),
        cmocka_unit_test(base64_is_read_back),
        cmocka_unit_test(malformed_base64_is_refused),
        cmocka_unit_test(texts_are_compared_whole),
        cmocka_unit_test(random_names_have_their_form_and_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
