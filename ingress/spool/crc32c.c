/* CRC-32C in software, eight bytes at a time. */

#include "ingress/spool/crc32c.h"

#include <stdbool.h>

/* Eight bytes a step with eight tables; made at the first call (one thread). */

#define CRC32C_POLYNOMIAL 0x82f63b78U /* reflected */

static uint32_t tables[8][256];
static bool tables_made;

static void make_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int bit = 0; bit < 8; bit++)
            c = (c >> 1) ^ ((c & 1) ? CRC32C_POLYNOMIAL : 0);
        tables[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int t = 1; t < 8; t++)
            tables[t][i] = (tables[t - 1][i] >> 8) ^ tables[0][tables[t - 1][i] & 0xff];
    }
    tables_made = true;
}

static uint32_t get_le32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t crc32c(uint32_t seed, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    uint32_t c = ~seed;

    if (!tables_made)
        make_tables();
    for (; len >= 8; len -= 8, p += 8) {
        uint32_t low = c ^ get_le32(p);
        uint32_t high = get_le32(p + 4);

        c = tables[7][low & 0xff] ^ tables[6][(low >> 8) & 0xff] ^
            tables[5][(low >> 16) & 0xff] ^ tables[4][low >> 24] ^ tables[3][high & 0xff] ^
            tables[2][(high >> 8) & 0xff] ^ tables[1][(high >> 16) & 0xff] ^
            tables[0][high >> 24];
    }
    for (; len > 0; len--, p++)
        c = (c >> 8) ^ tables[0][(c ^ *p) & 0xff];
    return ~c;
}
