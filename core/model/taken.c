/* The set of taken numbers: a lower bound and a sorted array of ranges that is searched by
 * halving, merged as gaps close, and encoded as pairs of numbers. */

#include "core/model/taken.h"

#include <errno.h>
#include <string.h>

void taken_init(struct taken_set *t)
{
    t->low = 1;
    t->mark = 0;
    t->n_ranges = 0;
}

/* Index of the first range whose end is at or behind @number. */
static size_t taken_find(const struct taken_set *t, uint64_t number)
{
    size_t low = 0;
    size_t high = t->n_ranges;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (t->ranges[middle].high < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool taken_has(const struct taken_set *t, uint64_t number)
{
    size_t i = taken_find(t, number);

    return number < t->low || (i < t->n_ranges && t->ranges[i].low <= number);
}

static void taken_remove_at(struct taken_set *t, size_t i)
{
    memmove(&t->ranges[i], &t->ranges[i + 1], (t->n_ranges - i - 1) * sizeof(t->ranges[0]));
    t->n_ranges--;
}

int taken_add(struct taken_set *t, uint64_t number)
{
    size_t i = taken_find(t, number);

    if (taken_has(t, number))
        return 0;
    if (i > 0 && t->ranges[i - 1].high + 1 == number) {
        t->ranges[i - 1].high = number;
        if (i < t->n_ranges && t->ranges[i].low == number + 1) {
            t->ranges[i - 1].high = t->ranges[i].high;
            taken_remove_at(t, i);
        }
    } else if (i < t->n_ranges && t->ranges[i].low == number + 1) {
        t->ranges[i].low = number;
    } else {
        if (t->n_ranges == TAKEN_RANGES_MAX)
            return -ENOSPC;
        memmove(&t->ranges[i + 1], &t->ranges[i], (t->n_ranges - i) * sizeof(t->ranges[0]));
        t->ranges[i] = (struct range){number, number};
        t->n_ranges++;
    }
    if (number > t->mark)
        t->mark = number;
    return 0;
}

void taken_raise_low(struct taken_set *t, uint64_t low)
{
    if (low <= t->low)
        return;
    t->low = low;
    while (t->n_ranges && t->ranges[0].high < low)
        taken_remove_at(t, 0);
    if (t->n_ranges && t->ranges[0].low < low)
        t->ranges[0].low = low;
}

uint64_t taken_first_gap(const struct taken_set *t)
{
    return taken_gap_from(t, t->low);
}

uint64_t taken_gap_from(const struct taken_set *t, uint64_t from)
{
    uint64_t number = from > t->low ? from : t->low;
    size_t i = taken_find(t, number);

    return i < t->n_ranges && t->ranges[i].low <= number ? t->ranges[i].high + 1 : number;
}

void taken_heed_low(struct taken_set *t, uint64_t low)
{
    taken_raise_low(t, low <= t->mark ? low : t->mark + 1);
}

int taken_encode_ranges(const struct taken_set *t, struct buf *out)
{
    for (size_t i = 0; i < t->n_ranges; i++) {
        int rc = pairs_add(out, t->ranges[i].low, t->ranges[i].high);

        if (rc)
            return rc;
    }
    return 0;
}

int taken_decode_ranges(struct taken_set *t, struct view pairs)
{
    size_t n = pairs_count(pairs);

    if (n > TAKEN_RANGES_MAX)
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        struct range r;

        pairs_at(pairs, i, &r.low, &r.high);
        if (r.low > r.high || (i && r.low <= t->ranges[i - 1].high))
            return -EINVAL;
        t->ranges[i] = r;
    }
    t->n_ranges = n;
    return 0;
}
