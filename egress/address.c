/* The tables of networks that are not public, and the function that looks an address up in
 * them, also one that is inside an IPv6 address. */

#include "egress/address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/compiler.h"

struct network4 {
    uint32_t base; /* host order */
    unsigned bits;
    const char *name;
};

#define IP4(a, b, c, d)                                                                        \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* Source: IANA's registry of special-purpose IPv4 addresses; 168.63.129.16 is the one metadata
 * service that sits at a public address. */
static const struct network4 networks4[] = {
    {IP4(0,   0,   0,   0),  8,  "this network" },
    {IP4(10,  0,   0,   0),  8,  "private"      },
    {IP4(100, 64,  0,   0),  10, "shared"       },
    {IP4(127, 0,   0,   0),  8,  "loopback"     },
    {IP4(168, 63,  129, 16), 32, "metadata"     },
    {IP4(169, 254, 0,   0),  16, "link-local"   },
    {IP4(172, 16,  0,   0),  12, "private"      },
    {IP4(192, 0,   0,   0),  24, "reserved"     },
    {IP4(192, 0,   2,   0),  24, "documentation"},
    {IP4(192, 88,  99,  0),  24, "reserved"     },
    {IP4(192, 168, 0,   0),  16, "private"      },
    {IP4(198, 18,  0,   0),  15, "benchmark"    },
    {IP4(198, 51,  100, 0),  24, "documentation"},
    {IP4(203, 0,   113, 0),  24, "documentation"},
    {IP4(224, 0,   0,   0),  4,  "multicast"    },
    {IP4(240, 0,   0,   0),  4,  "reserved"     },
};

struct network6 {
    unsigned char base[16];
    unsigned bits;
    int inner; /* where the IPv4 address begins inside it; -1: none, refuse */
    const char *name;
};

/* Source: IANA's registry of special-purpose IPv6 addresses. The first that fits counts; what
 * fits none must be in 2000::/3, the only block of global unicast. */
static const struct network6 networks6[] = {
    {{[15] = 1},                           128, -1, "loopback"     },
    {{0},                                  128, -1, "unspecified"  },
    {{[10] = 0xff, 0xff},                  96,  12, "mapped"       },
    {{0},                                  96,  -1, "compatible"   },
    {{0x00, 0x64, 0xff, 0x9b},             96,  12, "nat64"        },
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48,  -1, "nat64"        },
    {{0x01, 0x00},                         64,  -1, "discard"      },
    {{0x20, 0x01, 0x0d, 0xb8},             32,  -1, "documentation"},
    {{0x20, 0x01, 0x00, 0x00},             23,  -1, "reserved"     },
    {{0x20, 0x02},                         16,  2,  "6to4"         },
    {{0x3f, 0xff},                         20,  -1, "documentation"},
    {{0xfc},                               7,   -1, "private"      },
    {{0xfe, 0x80},                         10,  -1, "link-local"   },
    {{0xfe, 0xc0},                         10,  -1, "site-local"   },
    {{0xff},                               8,   -1, "multicast"    },
};

/* NULL for public. */
static const char *network4_name(uint32_t ip)
{
    for (size_t i = 0; i < AMO_COUNT(networks4); i++) {
        if ((ip ^ networks4[i].base) >> (32 - networks4[i].bits) == 0)
            return networks4[i].name;
    }
    return NULL;
}

static bool network6_holds(const struct network6 *n, const unsigned char ip[16])
{
    unsigned whole = n->bits / 8;
    unsigned rest = n->bits % 8;

    if (memcmp(n->base, ip, whole) != 0)
        return false;
    return rest == 0 || ((n->base[whole] ^ ip[whole]) >> (8 - rest)) == 0;
}

static const char *network6_name(const unsigned char ip[16])
{
    for (size_t i = 0; i < AMO_COUNT(networks6); i++) {
        const struct network6 *n = &networks6[i];

        if (!network6_holds(n, ip))
            continue;
        if (n->inner < 0)
            return n->name;
        return network4_name(
            IP4(ip[n->inner], ip[n->inner + 1], ip[n->inner + 2], ip[n->inner + 3]));
    }
    return (ip[0] & 0xe0) == 0x20 ? NULL : "reserved";
}

static const char *network_name(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, address, sizeof(in));
        return network4_name(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, address, sizeof(in6));
        return network6_name(in6.sin6_addr.s6_addr);
    }
    return "no internet address";
}

bool address_is_public(const struct sockaddr *address)
{
    return network_name(address) == NULL;
}

const char *address_network(const struct sockaddr *address)
{
    const char *name = network_name(address);

    return name ? name : "public";
}
