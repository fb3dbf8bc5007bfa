/* Digests, HMACs and AES-GCM by calls to libcrypto, and random bytes from the kernel; hex and
 * base64 are written out here. */

#include "base/crypto.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>

/* Fetched once: a fetch takes locks and costs more than the digest of a chat message. */
static const EVP_MD *md5(void)
{
    static const EVP_MD *md;

    return md ? md : (md = EVP_MD_fetch(NULL, "MD5", NULL));
}

static const EVP_MD *sha1(void)
{
    static const EVP_MD *md;

    return md ? md : (md = EVP_MD_fetch(NULL, "SHA1", NULL));
}

static const EVP_MD *sha256(void)
{
    static const EVP_MD *md;

    return md ? md : (md = EVP_MD_fetch(NULL, "SHA256", NULL));
}

int crypto_md5(struct view data, unsigned char ret[CRYPTO_MD5_LEN])
{
    return EVP_Digest(data.ptr, data.len, ret, NULL, md5(), NULL) == 1 ? 0 : -EIO;
}

int crypto_sha256(struct view data, unsigned char ret[CRYPTO_SHA256_LEN])
{
    return EVP_Digest(data.ptr, data.len, ret, NULL, sha256(), NULL) == 1 ? 0 : -EIO;
}

int crypto_hmac_sha1(struct view key, struct view data, unsigned char ret[CRYPTO_SHA1_LEN])
{
    if (key.len > INT_MAX)
        return -EIO;
    return HMAC(sha1(), key.ptr, (int)key.len, (const unsigned char *)data.ptr, data.len, ret,
                NULL)
               ? 0
               : -EIO;
}

static EVP_MAC *mac_hmac(void)
{
    static EVP_MAC *mac;

    return mac ? mac : (mac = EVP_MAC_fetch(NULL, "HMAC", NULL));
}

int crypto_hmac_sha256(struct view key, const struct view *parts, size_t n_parts,
                       unsigned char ret[CRYPTO_SHA256_LEN])
{
    char name[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC_CTX *ctx = NULL;
    int rc = -EIO;

    (void)sha256(); /* keeps the digest loaded */
    ctx = mac_hmac() ? EVP_MAC_CTX_new(mac_hmac()) : NULL;
    if (!ctx || EVP_MAC_init(ctx, (const unsigned char *)key.ptr, key.len, params) != 1)
        goto out;
    for (size_t i = 0; i < n_parts; i++) {
        if (parts[i].len &&
            EVP_MAC_update(ctx, (const unsigned char *)parts[i].ptr, parts[i].len) != 1)
            goto out;
    }
    if (EVP_MAC_final(ctx, ret, NULL, CRYPTO_SHA256_LEN) == 1)
        rc = 0;
out:
    EVP_MAC_CTX_free(ctx);
    return rc;
}

int crypto_random(void *ret, size_t len)
{
    unsigned char *p = ret;

    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -EIO;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Layout of a sealed value: version, nonce, text, tag. */
#define SEAL_VERSION   1
#define SEAL_NONCE_LEN 12
#define SEAL_TAG_LEN   16

static int gcm_text(EVP_CIPHER_CTX *ctx, struct view context, struct view in, char *out)
{
    int n = 0;

    if (context.len > INT_MAX || in.len > INT_MAX)
        return -EIO;
    if (context.len && EVP_CipherUpdate(ctx, NULL, &n, (const unsigned char *)context.ptr,
                                        (int)context.len) != 1)
        return -EIO;
    if (in.len && EVP_CipherUpdate(ctx, (unsigned char *)out, &n, (const unsigned char *)in.ptr,
                                   (int)in.len) != 1)
        return -EIO;
    return 0;
}

int crypto_seal(const unsigned char key[CRYPTO_KEY_LEN], struct view context, struct view text,
                struct buf *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    char *p = buf_reserve(out, text.len + CRYPTO_SEAL_EXTRA);
    unsigned char *nonce = NULL;
    unsigned char unused[16];
    int n = 0;
    int rc = -EIO;

    if (!ctx || !p) {
        rc = p ? -ENOMEM : buf_error(out);
        goto out;
    }
    nonce = (unsigned char *)p + 1;
    p[0] = SEAL_VERSION;
    if (crypto_random(nonce, SEAL_NONCE_LEN) ||
        EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, 1) != 1 ||
        gcm_text(ctx, context, text, p + 1 + SEAL_NONCE_LEN) ||
        EVP_CipherFinal_ex(ctx, unused, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, SEAL_TAG_LEN,
                            p + 1 + SEAL_NONCE_LEN + text.len) != 1)
        goto out;
    buf_grow(out, text.len + CRYPTO_SEAL_EXTRA);
    rc = 0;
out:
    EVP_CIPHER_CTX_free(ctx);
    return rc;
}

int crypto_open(const unsigned char key[CRYPTO_KEY_LEN], struct view context,
                struct view sealed, struct buf *out)
{
    EVP_CIPHER_CTX *ctx = NULL;
    unsigned char tag[SEAL_TAG_LEN];
    unsigned char unused[16];
    size_t len = sealed.len - CRYPTO_SEAL_EXTRA;
    char *p = NULL;
    int n = 0;
    int rc = -EIO;

    if (sealed.len < CRYPTO_SEAL_EXTRA || sealed.ptr[0] != SEAL_VERSION)
        return -EBADMSG;
    p = buf_reserve(out, len + 1);
    ctx = EVP_CIPHER_CTX_new();
    if (!p || !ctx) {
        rc = p ? -ENOMEM : buf_error(out);
        goto out;
    }
    memcpy(tag, sealed.ptr + 1 + SEAL_NONCE_LEN + len, SEAL_TAG_LEN);
    if (EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key,
                          (const unsigned char *)sealed.ptr + 1, 0) != 1 ||
        gcm_text(ctx, context, view_make(sealed.ptr + 1 + SEAL_NONCE_LEN, len), p) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, SEAL_TAG_LEN, tag) != 1)
        goto out;
    if (EVP_CipherFinal_ex(ctx, unused, &n) != 1) {
        OPENSSL_cleanse(p, len);
        rc = -EBADMSG;
        goto out;
    }
    buf_grow(out, len);
    rc = 0;
out:
    EVP_CIPHER_CTX_free(ctx);
    return rc;
}

void crypto_hex(const void *bytes, size_t len, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i++) {
        ret[2 * i] = digits[p[i] >> 4];
        ret[2 * i + 1] = digits[p[i] & 15];
    }
    ret[2 * len] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int crypto_unhex(struct view text, unsigned char *ret)
{
    if (text.len % 2)
        return -EINVAL;
    for (size_t i = 0; i < text.len / 2; i++) {
        int high = hex_digit(text.ptr[2 * i]);
        int low = hex_digit(text.ptr[2 * i + 1]);

        if (high < 0 || low < 0)
            return -EINVAL;
        ret[i] = (unsigned char)(high * 16 + low);
    }
    return 0;
}

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void crypto_base64(const void *bytes, size_t len, char *ret)
{
    const unsigned char *p = bytes;

    for (; len >= 3; len -= 3, p += 3) {
        *ret++ = base64_alphabet[p[0] >> 2];
        *ret++ = base64_alphabet[(p[0] & 3) << 4 | p[1] >> 4];
        *ret++ = base64_alphabet[(p[1] & 15) << 2 | p[2] >> 6];
        *ret++ = base64_alphabet[p[2] & 63];
    }
    if (len) {
        unsigned char second = len == 2 ? p[1] : 0;

        *ret++ = base64_alphabet[p[0] >> 2];
        *ret++ = base64_alphabet[(p[0] & 3) << 4 | second >> 4];
        ret[0] = '=';
        if (len == 2)
            ret[0] = base64_alphabet[(second & 15) << 2];
        ret[1] = '=';
        ret += 2;
    }
    *ret = '\0';
}

static int base64_digit(char c)
{
    const char *at = c ? strchr(base64_alphabet, c) : NULL;

    return at ? (int)(at - base64_alphabet) : -1;
}

int crypto_unbase64(struct view text, unsigned char *ret, size_t cap, size_t *ret_len)
{
    size_t pad = 0;
    size_t n = 0;

    if (text.len % 4)
        return -EINVAL;
    while (pad < 2 && text.len > pad && text.ptr[text.len - 1 - pad] == '=')
        pad++;
    if (text.len / 4 * 3 - pad > cap)
        return -ENOSPC;
    for (size_t i = 0; i < text.len; i += 4) {
        uint32_t word = 0;

        for (size_t j = 0; j < 4; j++) {
            bool padding = i + j >= text.len - pad;
            int d = padding ? 0 : base64_digit(text.ptr[i + j]);

            if (d < 0)
                return -EINVAL;
            word = word << 6 | (uint32_t)d;
        }
        for (size_t j = 0; j < 3 && n < text.len / 4 * 3 - pad; j++)
            ret[n++] = (unsigned char)(word >> (16 - 8 * j));
    }
    *ret_len = n;
    return 0;
}
