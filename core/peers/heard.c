/* Counts of events by sender and hour.
 *
 * From: intake. To: the store; doctor. Holds: the counts. */

#include "core/peers/heard.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/table.h"
#include "core/peers/peers.h"
#include "core/store/peers.h"
#include "core/store/store.h"
#include "proto/event.h"

#define HOUR_MS    3600000LL
#define KEEP_MS    60000
#define COUNT_LEN  4U /* bytes of a count in the store, big-endian */
#define SILENT_MS  (2 * HOUR_MS)
#define DAY_HOURS  24
#define WEEK_HOURS (7LL * DAY_HOURS)

int heard_new(struct core *c)
{
    return table_new(&c->peers->heard.rows);
}

void heard_free(struct core *c)
{
    struct heard *h = &c->peers->heard;
    struct heard_row *row = NULL;
    size_t iter = 0;

    while (h->rows && (row = table_next(h->rows, &iter)))
        mem_free(row);
    table_free(h->rows);
    h->rows = NULL;
}

/* --- counting ----------------------------------------------------------------------------- */

static size_t slot(int64_t hour)
{
    return (size_t)(hour % HEARD_HOURS);
}

/* A free row of @who, which has room for it. NULL: no memory, or too many. */
static struct heard_row *row_new(struct heard *h, const char *who)
{
    struct heard_row *row = table_count(h->rows) < HEARD_MAX ? mem_zalloc(sizeof(*row)) : NULL;

    if (!row)
        return NULL;
    memcpy(row->who, who, strlen(who));
    if (table_add(h->rows, view_of(row->who), row)) {
        mem_free(row);
        return NULL;
    }
    return row;
}

/* Counts of hours that have passed meanwhile are none. A clock that was put back by more than there are hours
 * begins anew. */
static void row_turn(struct heard_row *row, int64_t now_unix_ms)
{
    int64_t hour = now_unix_ms / HOUR_MS;

    if (!row->since_unix_ms || row->hour - hour >= (int64_t)HEARD_HOURS) {
        memset(row->counts, 0, sizeof(row->counts));
        row->since_unix_ms = now_unix_ms;
        row->hour = hour;
    }
    for (size_t i = 0; row->hour < hour && i < HEARD_HOURS; i++)
        row->counts[slot(++row->hour)] = 0;
    if (row->hour < hour)
        row->hour = hour;
}

static bool name_of(enum heard_kind kind, struct view name, char ret[HEARD_NAME + 2])
{
    if (name.len == 0 || name.len > HEARD_NAME)
        return false;
    ret[0] = (char)kind;
    memcpy(ret + 1, name.ptr, name.len);
    ret[1 + name.len] = '\0';
    return true;
}

void heard_note(struct core *c, const struct event *e, int64_t now_unix_ms)
{
    const struct registry *r = c->turn->registry;
    bool of_service = e->connector.len > 0;
    struct view name = of_service ? e->connector : registry_scope_channel(e->scope);
    struct heard_row *row = NULL;
    char who[HEARD_NAME + 2];

    if (now_unix_ms <= 0 || core_clock_doubtful(c) ||
        !name_of(of_service ? HEARD_CONNECTOR : HEARD_CHANNEL, name, who))
        return;
    row = table_get(c->peers->heard.rows, view_of(who));
    if (!row &&
        (of_service ? registry_connector(r, name) != NULL : registry_channel(r, name) != NULL))
        row = row_new(&c->peers->heard, who);
    if (!row)
        return;
    row_turn(row, now_unix_ms);
    row->last_unix_ms = now_unix_ms;
    if (row->counts[slot(now_unix_ms / HOUR_MS)] < UINT32_MAX)
        row->counts[slot(now_unix_ms / HOUR_MS)]++;
    row->dirty = true;
}

/* --- the store ---------------------------------------------------------------------------- */

static int load_one(void *arg, const struct store_heard *s)
{
    struct core *c = arg;
    struct heard_row *row = NULL;
    char who[HEARD_NAME + 2];

    if (s->who.len < 2 || s->counts.len != (size_t)HEARD_HOURS * COUNT_LEN || s->last_ms <= 0 ||
        s->since_ms <= 0 || s->hour <= 0 || view_copy(s->who, who, sizeof(who)))
        return 0; /* of another version */
    row = row_new(&c->peers->heard, who);
    if (!row)
        return 0; /* counted anew */
    row->since_unix_ms = s->since_ms;
    row->last_unix_ms = s->last_ms;
    row->hour = s->hour;
    for (size_t i = 0; i < HEARD_HOURS; i++) {
        const unsigned char *b = (const unsigned char *)s->counts.ptr + i * COUNT_LEN;

        row->counts[i] =
            (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    }
    return 0;
}

int heard_load(struct core *c)
{
    int rc = store_heard_walk(c->store, load_one, c);

    return store_damage(c->store) ? 0 : rc; /* what cannot be repaired there is counted anew */
}

static int row_keep(struct core *c, struct heard_row *row)
{
    unsigned char bytes[HEARD_HOURS * COUNT_LEN];
    struct store_heard s = {.who = view_of(row->who),
                            .since_ms = row->since_unix_ms,
                            .last_ms = row->last_unix_ms,
                            .hour = row->hour,
                            .counts = view_make(bytes, sizeof(bytes))};
    int rc = core_turn(c);

    for (size_t i = 0; i < HEARD_HOURS; i++) {
        for (size_t k = 0; k < COUNT_LEN; k++)
            bytes[i * COUNT_LEN + k] =
                (unsigned char)(row->counts[i] >> (8 * (COUNT_LEN - 1 - k)));
    }
    rc = rc ? rc : store_heard_put(c->store, &s);
    if (rc == 0)
        row->dirty = false;
    return rc;
}

void heard_tick(struct core *c, int64_t now_mono_ms)
{
    struct heard *h = &c->peers->heard;
    struct heard_row *row = NULL;
    size_t iter = 0;
    int rc = 0;

    if (now_mono_ms - h->kept_mono_ms < KEEP_MS || store_damage(c->store))
        return; /* counts are not worth an end of core */
    h->kept_mono_ms = now_mono_ms;
    while (rc == 0 && (row = table_next(h->rows, &iter))) {
        if (row->dirty)
            rc = row_keep(c, row);
    }
    if (rc)
        core_row_failed(c, "heard", rc);
}

/* --- judging ------------------------------------------------------------------------------ */

const struct heard_row *heard_of(const struct core *c, enum heard_kind kind, struct view name)
{
    char who[HEARD_NAME + 2];

    return name_of(kind, name, who) ? table_get(c->peers->heard.rows, view_of(who)) : NULL;
}

static int64_t count_at(const struct heard_row *row, int64_t hour)
{
    if (hour > row->hour || hour <= row->hour - (int64_t)HEARD_HOURS)
        return 0;
    return row->counts[slot(hour)];
}

/* Of the two whole hours before @hour. */
static int64_t count_before(const struct heard_row *row, int64_t hour)
{
    return count_at(row, hour - 1) + count_at(row, hour - 2);
}

bool heard_is_silent(const struct heard_row *row, int64_t now_unix_ms, int64_t *ret_usual)
{
    int64_t hour = now_unix_ms / HOUR_MS;
    int64_t first = row->since_unix_ms / HOUR_MS + 1; /* the first that was counted whole */
    int64_t usual = 0;

    if (now_unix_ms - row->last_unix_ms < SILENT_MS)
        return false;
    if (first <= hour - WEEK_HOURS - 2) {
        usual = count_before(row, hour - WEEK_HOURS);
    } else if (first <= hour - 2LL * DAY_HOURS - 2) {
        int64_t before = count_before(row, hour - 2LL * DAY_HOURS);

        usual = count_before(row, hour - DAY_HOURS);
        usual = before < usual ? before : usual;
    }
    *ret_usual = usual;
    return usual >= HEARD_BUSY;
}
