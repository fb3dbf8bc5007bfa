#include "base/crypto.h"

#include <string.h>

#include "base/testing.h"

static void assert_hex(const unsigned char *bytes, size_t len, const char *expected)
{
    char hex[2 * 64 + 1];

    crypto_hex(bytes, len, hex);
    assert_string_equal(hex, expected);
}

/* The same byte @n times. */
static struct view repeated(char c, size_t n, char *space)
{
    memset(space, c, n);
    return view_make(space, n);
}

/* RFC 1321, appendix A.5 */
static void md5_gives_the_published_digests(void **state)
{
    unsigned char digest[CRYPTO_MD5_LEN];

    (void)state;
    assert_int_equal(crypto_md5(view_of(""), digest), 0);
    assert_hex(digest, sizeof(digest), "d41d8cd98f00b204e9800998ecf8427e");
    assert_int_equal(crypto_md5(view_of("message digest"), digest), 0);
    assert_hex(digest, sizeof(digest), "f96b697d7cb7938d525a2f31aaf161d0");
}

/* FIPS 180-2, appendix B */
static void sha256_gives_the_published_digests(void **state)
{
    unsigned char digest[CRYPTO_SHA256_LEN];

    (void)state;
    assert_int_equal(crypto_sha256(view_of("abc"), digest), 0);
    assert_hex(digest, sizeof(digest),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(
        crypto_sha256(view_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                      digest),
        0);
    assert_hex(digest, sizeof(digest),
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* RFC 2202, section 3, cases 1, 2 and 6 */
static void hmac_sha1_gives_the_published_codes(void **state)
{
    unsigned char mac[CRYPTO_SHA1_LEN];
    char space[80];

    (void)state;
    assert_int_equal(crypto_hmac_sha1(repeated(0x0b, 20, space), view_of("Hi There"), mac), 0);
    assert_hex(mac, sizeof(mac), "b617318655057264e28bc0b6fb378c8ef146be00");
    assert_int_equal(
        crypto_hmac_sha1(view_of("Jefe"), view_of("what do ya want for nothing?"), mac), 0);
    assert_hex(mac, sizeof(mac), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    assert_int_equal(
        crypto_hmac_sha1(repeated((char)0xaa, 80, space),
                         view_of("Test Using Larger Than Block-Size Key - Hash Key First"),
                         mac),
        0);
    assert_hex(mac, sizeof(mac), "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}

/* RFC 4231, sections 4.2 and 4.3 */
static void hmac_sha256_gives_the_published_codes(void **state)
{
    unsigned char mac[CRYPTO_SHA256_LEN];
    const struct view hi = VIEW_LIT("Hi There");
    const struct view want = VIEW_LIT("what do ya want for nothing?");
    char space[20];

    (void)state;
    assert_int_equal(crypto_hmac_sha256(repeated(0x0b, 20, space), &hi, 1, mac), 0);
    assert_hex(mac, sizeof(mac),
               "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_int_equal(crypto_hmac_sha256(view_of("Jefe"), &want, 1, mac), 0);
    assert_hex(mac, sizeof(mac),
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void parts_are_signed_as_if_they_were_one(void **state)
{
    const struct view parts[] = {VIEW_LIT("what do ya "), VIEW_NONE, VIEW_LIT(""),
                                 VIEW_LIT("want for nothing?")};
    unsigned char mac[CRYPTO_SHA256_LEN];

    (void)state;
    assert_int_equal(crypto_hmac_sha256(view_of("Jefe"), parts, AMO_COUNT(parts), mac), 0);
    assert_hex(mac, sizeof(mac),
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* RFC 4648, section 10 */
static void base64_gives_the_published_texts(void **state)
{
    static const struct {
        const char *plain;
        const char *coded;
    } cases[] = {
        {"",       ""        },
        {"f",      "Zg=="    },
        {"fo",     "Zm8="    },
        {"foo",    "Zm9v"    },
        {"foob",   "Zm9vYg=="},
        {"fooba",  "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        unsigned char back[8];
        char coded[16];
        size_t len = 0;

        crypto_base64(cases[i].plain, strlen(cases[i].plain), coded);
        assert_string_equal(coded, cases[i].coded);
        assert_int_equal(crypto_unbase64(view_of(coded), back, sizeof(back), &len), 0);
        assert_true(view_is(view_make(back, len), cases[i].plain));
    }
}

static void broken_base64_is_refused(void **state)
{
    const char *const wrong[] = {"Z",    "Zg",       "Zg=",   "Zg===", "====",  "Z===",
                                 "Zg=a", "Zg==Zg==", "Zm9\n", "Zm-_",  " Zm9v", "Zm9v\n"};
    unsigned char space[16];
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(wrong); i++)
        assert_int_equal(crypto_unbase64(view_of(wrong[i]), space, sizeof(space), &len),
                         -EINVAL);
    assert_int_equal(crypto_unbase64(view_of("Zm9v"), space, 2, &len), -ENOSPC);
}

static void hex_is_read_in_either_case(void **state)
{
    unsigned char space[4];

    (void)state;
    assert_int_equal(crypto_unhex(view_of("00fFA9"), space), 0);
    assert_hex(space, 3, "00ffa9");
    assert_int_equal(crypto_unhex(view_of("0"), space), -EINVAL);
    assert_int_equal(crypto_unhex(view_of("0g"), space), -EINVAL);
    assert_int_equal(crypto_unhex(view_of(""), space), 0);
}

static const unsigned char key[CRYPTO_KEY_LEN] = "0123456789abcdef0123456789abcde";

static int seal(struct buf *out)
{
    return crypto_seal(key, view_of("channel/secret"), view_of("very secret"), out);
}

static void what_was_sealed_opens_with_key_and_context(void **state)
{
    struct buf sealed;
    struct buf open;

    (void)state;
    buf_init(&sealed, 1000);
    buf_init(&open, 1000);
    assert_int_equal(seal(&sealed), 0);
    assert_int_equal(sealed.len, 11 + CRYPTO_SEAL_EXTRA);
    assert_null(view_find(buf_view(&sealed), "secret"));
    assert_int_equal(crypto_open(key, view_of("channel/secret"), buf_view(&sealed), &open), 0);
    assert_string_equal(buf_str(&open), "very secret");
    buf_fini(&open);
    buf_fini(&sealed);
}

static void sealing_twice_never_looks_the_same(void **state)
{
    struct buf a;
    struct buf b;

    (void)state;
    buf_init(&a, 1000);
    buf_init(&b, 1000);
    assert_int_equal(seal(&a), 0);
    assert_int_equal(seal(&b), 0);
    assert_false(view_equal(buf_view(&a), buf_view(&b)));
    buf_fini(&a);
    buf_fini(&b);
}

static void an_empty_text_can_be_sealed(void **state)
{
    struct buf sealed;
    struct buf open;

    (void)state;
    buf_init(&sealed, 1000);
    buf_init(&open, 1000);
    assert_int_equal(crypto_seal(key, VIEW_NONE, VIEW_NONE, &sealed), 0);
    assert_int_equal(crypto_open(key, VIEW_NONE, buf_view(&sealed), &open), 0);
    assert_int_equal(open.len, 0);
    buf_fini(&open);
    buf_fini(&sealed);
}

static void every_changed_byte_is_noticed(void **state)
{
    struct buf sealed;
    struct buf open;

    (void)state;
    buf_init(&sealed, 1000);
    buf_init(&open, 1000);
    assert_int_equal(seal(&sealed), 0);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.ptr[i] ^= 1;
        assert_int_equal(crypto_open(key, view_of("channel/secret"), buf_view(&sealed), &open),
                         -EBADMSG);
        sealed.ptr[i] ^= 1;
    }
    for (size_t len = 0; len < sealed.len; len++)
        assert_int_equal(
            crypto_open(key, view_of("channel/secret"), view_make(sealed.ptr, len), &open),
            -EBADMSG);
    assert_int_equal(open.len, 0);
    buf_fini(&open);
    buf_fini(&sealed);
}

static void another_key_or_context_does_not_open(void **state)
{
    unsigned char other[CRYPTO_KEY_LEN];
    struct buf sealed;
    struct buf open;

    (void)state;
    memcpy(other, key, sizeof(other));
    other[31] ^= 0x80;
    buf_init(&sealed, 1000);
    buf_init(&open, 1000);
    assert_int_equal(seal(&sealed), 0);
    assert_int_equal(crypto_open(other, view_of("channel/secret"), buf_view(&sealed), &open),
                     -EBADMSG);
    assert_int_equal(crypto_open(key, view_of("channel/token"), buf_view(&sealed), &open),
                     -EBADMSG);
    buf_fini(&open);
    buf_fini(&sealed);
}

static int seal_and_open(void *arg)
{
    struct buf sealed;
    struct buf open;
    int rc = 0;

    (void)arg;
    buf_init(&sealed, 1000);
    buf_init(&open, 1000);
    rc = seal(&sealed);
    if (!rc)
        rc = crypto_open(key, view_of("channel/secret"), buf_view(&sealed), &open);
    buf_fini(&open);
    buf_fini(&sealed);
    return rc;
}

static void sealing_survives_every_failed_allocation(void **state)
{
    (void)state;
    testing_fail_each_allocation(seal_and_open, NULL);
}

static void a_full_buf_is_told_as_such(void **state)
{
    struct buf small;

    (void)state;
    buf_init(&small, 8);
    assert_int_equal(seal(&small), -ENOSPC);
    buf_fini(&small);
}

static void random_bytes_differ(void **state)
{
    unsigned char a[32] = {0};
    unsigned char b[32] = {0};

    (void)state;
    assert_int_equal(crypto_random(a, sizeof(a)), 0);
    assert_int_equal(crypto_random(b, sizeof(b)), 0);
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(md5_gives_the_published_digests),
        cmocka_unit_test(sha256_gives_the_published_digests),
        cmocka_unit_test(hmac_sha1_gives_the_published_codes),
        cmocka_unit_test(hmac_sha256_gives_the_published_codes),
        cmocka_unit_test(parts_are_signed_as_if_they_were_one),
        cmocka_unit_test(base64_gives_the_published_texts),
        cmocka_unit_test(broken_base64_is_refused),
        cmocka_unit_test(hex_is_read_in_either_case),
        cmocka_unit_test(what_was_sealed_opens_with_key_and_context),
        cmocka_unit_test(sealing_twice_never_looks_the_same),
        cmocka_unit_test(an_empty_text_can_be_sealed),
        cmocka_unit_test(every_changed_byte_is_noticed),
        cmocka_unit_test(another_key_or_context_does_not_open),
        cmocka_unit_test(sealing_survives_every_failed_allocation),
        cmocka_unit_test(a_full_buf_is_told_as_such),
        cmocka_unit_test(random_bytes_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
