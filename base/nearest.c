/* The distance of two words, and the nearest of many. */

#include "base/nearest.h"

#include <string.h>

#define WORD_MAX 48 /* letters; a longer one is no slip of the pen … */
#define ID_MAX   96 /* … but an id is copied by hand as well */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How much may be wrong of a word of @len letters. */
static size_t near_enough(size_t len)
{
    return len < 3 ? 0 : len < 5 ? 1 : len < 9 ? 2 : 3;
}

/* Row by row; the row before the last is needed for swapped neighbours. Ends as soon as it is more than @most,
 * so that thousands of ids that have nothing to do with it cost little. */
static size_t distance(struct view a, struct view b, size_t most)
{
    size_t rows[3][ID_MAX + 1];
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *row = rows[2];

    for (size_t j = 0; j <= b.len; j++)
        last[j] = j;
    memcpy(before, last, sizeof(rows[0]));
    for (size_t i = 1; i <= a.len; i++) {
        size_t *spare = before;
        size_t nearest = i;

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = a.ptr[i - 1] == b.ptr[j - 1];

            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
            nearest = least(nearest, row[j]);
        }
        if (nearest > most + 1) /* a swap may still give one back */
            return most + 1;
        before = last;
        last = row;
        row = spare;
    }
    return last[b.len];
}

bool nearest_is_near(struct view a, struct view b)
{
    size_t most = near_enough(a.len < b.len ? a.len : b.len);
    size_t apart = a.len < b.len ? b.len - a.len : a.len - b.len;

    return apart <= most && a.len <= ID_MAX && b.len <= ID_MAX && distance(a, b, most) <= most;
}

void nearest_init(struct nearest *n, struct view word)
{
    *n = (struct nearest){.word = word, .distance = near_enough(word.len) + 1};
}

void nearest_offer(struct nearest *n, struct view name)
{
    size_t d = 0;

    if (n->word.len == 0 || n->word.len > WORD_MAX || name.len > WORD_MAX)
        return;
    if (n->word.len > 2 && name.len > n->word.len &&
        memcmp(name.ptr, n->word.ptr, n->word.len) == 0)
        d = 1; /* not finished */
    else
        d = distance(n->word, name, n->distance);
    if (d < n->distance) {
        n->distance = d;
        n->name = name;
    }
}
