/* The spool's records as bytes.
 *
 * From: spool.c, which appends and reads them.
 * To: a segment file.
 * Holds: nothing. */

#include "ingress/spool/record.h"

#include <errno.h>
#include <string.h>

#include "ingress/spool/crc32c.h"

#define RECORD_VERSION 1

static const unsigned char magic[4] = {'A', 'M', 'S', 'R'};

static void put_le(unsigned char *p, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}

static uint64_t get_le(const unsigned char *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

size_t record_len(size_t aux_len, size_t body_len)
{
    return (RECORD_HEAD + aux_len + body_len + 7) & ~(size_t)7;
}

int record_put(const struct record *r, struct buf *out)
{
    static const unsigned char zeros[8];
    unsigned char head[RECORD_HEAD] = {0};
    size_t len = RECORD_HEAD + r->aux.len + r->body.len;
    size_t pad = record_len(r->aux.len, r->body.len) - len;
    uint32_t crc = 0;

    if (r->aux.len > RECORD_AUX_MAX || r->body.len > RECORD_MAX)
        return -EMSGSIZE;
    memcpy(head, magic, sizeof(magic));
    put_le(head + 8, r->number, 8);
    put_le(head + 16, r->low, 8);
    put_le(head + 24, r->batch, 8);
    put_le(head + 32, r->body.len, 4);
    put_le(head + 36, r->aux.len, 2);
    put_le(head + 38, RECORD_VERSION, 2);
    crc = crc32c(0, head + 8, RECORD_HEAD - 8);
    crc = crc32c(crc, r->aux.ptr, r->aux.len);
    crc = crc32c(crc, r->body.ptr, r->body.len);
    crc = crc32c(crc, zeros, pad);
    put_le(head + 4, crc, 4);
    if (!buf_reserve(out, len + pad))
        return out->error;
    (void)buf_add(out, head, sizeof(head)); /* there is room */
    (void)buf_add_view(out, r->aux);
    (void)buf_add_view(out, r->body);
    return buf_add(out, zeros, pad);
}

static bool all_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i])
            return false;
    }
    return true;
}

int record_parse(struct view bytes, struct record *ret, size_t *ret_len)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    size_t aux_len = 0;
    size_t body_len = 0;
    size_t len = 0;

    if (bytes.len == 0)
        return RECORD_E_END;
    if (bytes.len < RECORD_HEAD) {
        *ret_len = RECORD_HEAD;
        return all_zero(p, bytes.len) ? RECORD_E_END : RECORD_E_MORE;
    }
    if (memcmp(p, magic, sizeof(magic)) != 0)
        return all_zero(p, RECORD_HEAD) ? RECORD_E_END : RECORD_E_BAD;
    body_len = (size_t)get_le(p + 32, 4);
    aux_len = (size_t)get_le(p + 36, 2);
    if (body_len > RECORD_MAX || aux_len > RECORD_AUX_MAX ||
        get_le(p + 38, 2) != RECORD_VERSION || get_le(p + 8, 8) == UINT64_MAX)
        return RECORD_E_BAD; /* the last number is never given: none could follow it */
    len = record_len(aux_len, body_len);
    *ret_len = len;
    if (bytes.len < len)
        return RECORD_E_MORE;
    if (crc32c(0, p + 8, len - 8) != get_le(p + 4, 4))
        return RECORD_E_BAD;
    *ret = (struct record){.number = get_le(p + 8, 8),
                           .low = get_le(p + 16, 8),
                           .batch = get_le(p + 24, 8),
                           .aux = view_make(p + RECORD_HEAD, aux_len),
                           .body = view_make(p + RECORD_HEAD + aux_len, body_len)};
    return 0;
}
