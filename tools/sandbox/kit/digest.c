/* What: OpenSSL's digests and base64 in the forms that both protocols write. */
#include "tools/sandbox/kit/digest.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/buf.h"

static void digest_hex(const uint8_t *bytes, size_t n, char *ret)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        ret[2 * i] = digits[bytes[i] >> 4];
        ret[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret[2 * n] = '\0';
}

int digest_md5(const void *data, size_t len, char ret_hex[DIGEST_MD5_HEX + 1])
{
    uint8_t sum[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    if (!EVP_Digest(data, len, sum, &n, EVP_md5(), NULL) || n != 16)
        return -EIO;
    digest_hex(sum, n, ret_hex);
    return 0;
}

static int digest_hmac(const EVP_MD *md, struct view key, struct view data, uint8_t *ret,
                       unsigned int want)
{
    uint8_t sum[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    if (key.len > 4096)
        return -EIO;
    if (!HMAC(md, key.ptr, (int)key.len, (const uint8_t *)data.ptr, data.len, sum, &n) ||
        n != want)
        return -EIO;
    memcpy(ret, sum, n);
    return 0;
}

int digest_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len,
                     char ret_hex[DIGEST_SHA1_HEX + 1])
{
    uint8_t sum[20];
    int rc = digest_hmac(EVP_sha1(), view_make(key, key_len), view_make(data, len), sum,
                         sizeof(sum));

    if (rc)
        return rc;
    digest_hex(sum, sizeof(sum), ret_hex);
    return 0;
}

int digest_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                       uint8_t ret[DIGEST_SHA256_LEN])
{
    return digest_hmac(EVP_sha256(), view_make(key, key_len), view_make(data, len), ret,
                       DIGEST_SHA256_LEN);
}

void digest_base64_encode(const uint8_t *data, size_t len, char *ret)
{
    ret[0] = '\0'; /* of nothing, EVP_EncodeBlock writes nothing */
    (void)EVP_EncodeBlock((unsigned char *)ret, data, (int)len); /* cannot fail */
}

int digest_base64_decode(const char *text, size_t text_len, uint8_t *ret, size_t cap,
                         size_t *ret_len)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t pad = 0;
    int n = 0;

    while (pad < 2 && pad < text_len && text[text_len - 1 - pad] == '=')
        pad++;
    /* EVP_DecodeBlock would trim spaces, and counts the padding as bytes */
    for (size_t i = 0; i < text_len - pad; i++) {
        if (!text[i] || !strchr(digits, text[i]))
            return -EINVAL;
    }
    if (text_len % 4)
        return -EINVAL;
    if (text_len / 4 * 3 > cap)
        return -ENOSPC;
    n = EVP_DecodeBlock(ret, (const unsigned char *)text, (int)text_len);
    if (n < (int)pad)
        return -EINVAL;
    *ret_len = (size_t)n - pad;
    return 0;
}

bool digest_equal(const char *a, const char *b)
{
    size_t n = strlen(a);

    return n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}

static void digest_random(uint8_t *ret, int n)
{
    if (RAND_bytes(ret, n) == 1)
        return;
    (void)fputs("no randomness\n", stderr); /* the process ends on the next line */
    abort();
}

void digest_uuid(char ret[DIGEST_UUID + 1])
{
    uint8_t b[16];
    char hex[33];

    digest_random(b, (int)sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    digest_hex(b, sizeof(b), hex);
    (void)snprintf(ret, DIGEST_UUID + 1, "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12,
                   hex + 16, hex + 20); /* it fits */
}

void digest_random_hex(size_t n, char *ret)
{
    uint8_t b[64];

    assert(n <= sizeof(b));
    digest_random(b, (int)n);
    digest_hex(b, n, ret);
}

void digest_random_whsec(char ret[51])
{
    uint8_t b[32];
    char text[45];

    digest_random(b, (int)sizeof(b));
    digest_base64_encode(b, sizeof(b), text);
    (void)snprintf(ret, 51, "whsec_%s", text); /* it fits */
}
