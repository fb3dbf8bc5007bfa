/* Making, formatting and parsing UUIDs, and deriving an id from the ids of others. A derived id
 * that would be too long or ambiguous ends in a hash instead. */

#include "base/ids.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"

int id_random(struct id *ret)
{
    return crypto_random(ret->bytes, ID_LEN);
}

int id_uuid7(int64_t unix_ms, struct id *ret)
{
    struct id id;
    int rc = id_random(&id);

    if (rc)
        return rc;
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (unsigned char)((uint64_t)unix_ms >> (40 - 8 * i));
    id.bytes[6] = (unsigned char)(0x70 | (id.bytes[6] & 0x0f));
    id.bytes[8] = (unsigned char)(0x80 | (id.bytes[8] & 0x3f));
    *ret = id;
    return 0;
}

void id_format(const struct id *id, char ret[ID_TEXT_LEN + 1])
{
    static const size_t ends[] = {4, 6, 8, 10, 16};
    size_t from = 0;
    char *p = ret;

    for (size_t i = 0; i < AMO_COUNT(ends); i++) {
        if (i)
            *p++ = '-';
        crypto_hex(id->bytes + from, ends[i] - from, p);
        p += 2 * (ends[i] - from);
        from = ends[i];
    }
}

int id_parse(struct view text, struct id *ret)
{
    char hex[2 * ID_LEN];
    struct id id;
    size_t n = 0;

    if (text.len != ID_TEXT_LEN)
        return -EINVAL;
    for (size_t i = 0; i < text.len; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;

        if (hyphen != (text.ptr[i] == '-'))
            return -EINVAL;
        if (!hyphen)
            hex[n++] = text.ptr[i];
    }
    if (crypto_unhex(view_make(hex, sizeof(hex)), id.bytes))
        return -EINVAL;
    *ret = id;
    return 0;
}

int id_from_view(struct view bytes, struct id *ret)
{
    if (bytes.len != ID_LEN)
        return -EINVAL;
    memcpy(ret->bytes, bytes.ptr, ID_LEN);
    return 0;
}

struct view id_view(const struct id *id)
{
    return view_make(id->bytes, ID_LEN);
}

int id_is_zero(const struct id *id)
{
    static const struct id zero;

    return memcmp(id, &zero, sizeof(zero)) == 0;
}

int id_equal(const struct id *a, const struct id *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static bool all_plain(struct view v)
{
    for (size_t i = 0; v.ptr && i < v.len; i++) {
        char c = v.ptr[i];

        if (!isalnum((unsigned char)c) && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

#define HASHED_DIGITS 40

/* "h" and 40 hex digits: a service's own id of this form would read as a hashed one. */
static bool looks_hashed(struct view id)
{
    if (id.len != HASHED_DIGITS + 1 || id.ptr[0] != 'h')
        return false;
    for (size_t i = 1; i < id.len; i++) {
        if (!isxdigit((unsigned char)id.ptr[i]))
            return false;
    }
    return true;
}

static int derive_hashed(struct view name, struct view part, struct view id,
                         char ret[ID_DERIVED_MAX + 1])
{
    unsigned char digest[CRYPTO_SHA256_LEN];
    char hex[2 * CRYPTO_SHA256_LEN + 1];
    struct buf joined;
    int rc = 0;

    if (name.len + 2 + HASHED_DIGITS > ID_DERIVED_MAX)
        return -EINVAL;
    buf_init(&joined, 1 << 20);
    (void)buf_add_view(&joined, name); /* asked once, below */
    if (part.ptr) {
        (void)buf_add_char(&joined, '\0');
        (void)buf_add_view(&joined, part);
    }
    (void)buf_add_char(&joined, '\0');
    (void)buf_add_view(&joined, id);
    rc = buf_error(&joined);
    if (!rc)
        rc = crypto_sha256(buf_view(&joined), digest);
    buf_fini(&joined);
    if (rc)
        return rc;
    crypto_hex(digest, sizeof(digest), hex);
    (void)snprintf(ret, ID_DERIVED_MAX + 1, "%.*s-h%.*s", (int)name.len, name.ptr,
                   HASHED_DIGITS, hex); /* measured above */
    return 0;
}

int id_derive(struct view name, struct view part, struct view id, char ret[ID_DERIVED_MAX + 1])
{
    size_t len = name.len + 1 + (part.ptr ? part.len + 1 : 0) + id.len;

    if (name.len == 0 || id.len == 0)
        return -EINVAL;
    if (len > ID_DERIVED_MAX || !all_plain(name) || !all_plain(part) || !all_plain(id) ||
        (part.ptr && part.len && memchr(part.ptr, '-', part.len)) || looks_hashed(id))
        return derive_hashed(name, part, id, ret);
    (void)snprintf(ret, ID_DERIVED_MAX + 1, "%.*s-%.*s%s%.*s", (int)name.len, name.ptr,
                   (int)part.len, part.ptr ? part.ptr : "", part.ptr ? "-" : "", (int)id.len,
                   id.ptr); /* measured above */
    return 0;
}
