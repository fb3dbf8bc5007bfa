/* The list of suspects: adding what was in flight when core ended, counting its losses, marking
 * those that nothing else explains, and removing what core has taken. */

#include "ingress/spool/suspects.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"

#define SUSPECT_LOSSES 2 /* deaths of core until an event travels alone */
#define SUSPECT_ALONE  2 /* deaths with it alone until it is marked: one may be chance */
#define SUSPECT_ENDS   3 /* orderly ends of core with the same event first, or alone, in hand */

void suspects_fini(struct suspects *s)
{
    mem_free(s->list);
    *s = (struct suspects){0};
}

static struct suspect *find(const struct suspects *s, uint64_t number)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->list[i].number == number)
            return &s->list[i];
    }
    return NULL;
}

const struct suspect *suspects_find(const struct suspects *s, uint64_t number)
{
    return find(s, number);
}

/* Only one that travels alone says by core's end what it is. */
bool suspects_alone(const struct suspects *s, const struct suspect *suspect, uint64_t number)
{
    return number <= s->careful || (suspect && suspect->losses >= SUSPECT_LOSSES);
}

void suspects_drop(struct suspects *s, uint64_t low, uint64_t high)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->n; i++) {
        if (s->list[i].number < low || s->list[i].number > high)
            s->list[kept++] = s->list[i];
    }
    s->n = kept;
}

/* The flights join the list; what was known about those that were on it stays. Only they can have
 * anything to do with the end of core. */
static bool suspect_all(struct suspects *s, const struct flight *flights, size_t n)
{
    struct suspect *now = n ? mem_zalloc_array(n + s->n, sizeof(*now)) : NULL;

    if (!now)
        return false;
    for (size_t i = 0; i < s->n; i++)
        now[i] = s->list[i];
    mem_free(s->list);
    s->list = now;
    for (size_t i = 0; i < n; i++) {
        if (!find(s, flights[i].number))
            s->list[s->n++] = (struct suspect){.number = flights[i].number};
    }
    return true;
}

static void mark(struct suspect *one, bool proven)
{
    one->marked = one->marked || proven;
    if (one->marked)
        log_line(LOG_LEVEL_ERROR, "event.suspect", "number=%" PRIu64, one->number);
}

/* Core gave up in order, time and again with the same event first: perhaps that one, or one behind
 * it in the same turn, is what it cannot get past. They go one by one, and one that core gives up
 * over while it is alone is marked in the end. */
void suspects_ended(struct suspects *s, const struct flight *flights, size_t n, bool alone)
{
    struct suspect *one = NULL;

    if (n == 0)
        return;
    if (alone) {
        one = suspect_all(s, flights, n) ? find(s, flights[0].number) : NULL;
        if (one)
            mark(one, ++one->ends >= SUSPECT_ENDS);
        return;
    }
    s->first_ends = s->first == flights[0].number ? s->first_ends + 1 : 1;
    s->first = flights[0].number;
    if (s->first_ends >= SUSPECT_ENDS)
        s->careful = flights[n - 1].number;
}

void suspects_died(struct suspects *s, const struct flight *flights, size_t n, bool alone)
{
    if (!suspect_all(s, flights, n))
        return;
    for (size_t i = 0; i < n; i++) {
        struct suspect *one = find(s, flights[i].number);

        if (!one)
            continue;
        one->losses++;
        one->alone += alone;
        mark(one, one->alone >= SUSPECT_ALONE);
    }
}
