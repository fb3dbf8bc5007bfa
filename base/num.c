/* Parsing whole numbers and sizes such as "64MiB", and addition and multiplication that report
 * overflow. */

#include "base/num.h"

#include <errno.h>

int num_parse_u64(struct view text, uint64_t *ret)
{
    uint64_t v = 0;

    if (text.len == 0)
        return -EINVAL;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -EINVAL;
        if (num_mul(v, 10, &v) || num_add(v, (uint64_t)(text.ptr[i] - '0'), &v))
            return -ERANGE;
    }
    *ret = v;
    return 0;
}

int num_parse_i64(struct view text, int64_t *ret)
{
    uint64_t v = 0;
    bool minus = text.len > 0 && text.ptr[0] == '-';
    int rc = 0;

    if (minus)
        text = view_make(text.ptr + 1, text.len - 1);
    rc = num_parse_u64(text, &v);
    if (rc)
        return rc;
    if (v > (uint64_t)INT64_MAX + (minus ? 1U : 0U))
        return -ERANGE;
    if (minus)
        *ret = v == 0 ? 0 : -(int64_t)(v - 1) - 1;
    else
        *ret = (int64_t)v;
    return 0;
}

int num_parse_range(struct view text, uint64_t low, uint64_t high, uint64_t *ret)
{
    uint64_t v = 0;
    int rc = num_parse_u64(text, &v);

    if (rc)
        return rc;
    if (v < low || v > high)
        return -ERANGE;
    *ret = v;
    return 0;
}

int num_parse_bytes(struct view text, uint64_t *ret)
{
    static const struct {
        const char *suffix;
        uint64_t factor;
    } units[] = {
        {"",    1         },
        {"K",   1ULL << 10},
        {"KiB", 1ULL << 10},
        {"M",   1ULL << 20},
        {"MiB", 1ULL << 20},
        {"G",   1ULL << 30},
        {"GiB", 1ULL << 30},
    };
    size_t n = 0;
    uint64_t v = 0;
    int rc = 0;

    while (n < text.len && text.ptr[n] >= '0' && text.ptr[n] <= '9')
        n++;
    rc = num_parse_u64(view_make(text.ptr, n), &v);
    if (rc)
        return rc;
    for (size_t i = 0; i < AMO_COUNT(units); i++) {
        if (view_is(view_make(text.ptr + n, text.len - n), units[i].suffix))
            return num_mul(v, units[i].factor, ret) ? -ERANGE : 0;
    }
    return -EINVAL;
}

int num_add(uint64_t a, uint64_t b, uint64_t *ret)
{
    uint64_t r = 0;

    if (__builtin_add_overflow(a, b, &r))
        return -EOVERFLOW;
    *ret = r;
    return 0;
}

int num_mul(uint64_t a, uint64_t b, uint64_t *ret)
{
    uint64_t r = 0;

    if (__builtin_mul_overflow(a, b, &r))
        return -EOVERFLOW;
    *ret = r;
    return 0;
}
