/* Counts of what services took, and of what they reported of it, by connector and five minutes.
 *
 * From: deliver (taken), intake (reported). To: doctor. Holds: the counts. */

#include "core/peers/fates.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/table.h"
#include "core/peers/peers.h"

#define ROWS_MAX 4096U /* connectors that were removed meanwhile count as well */

int fates_new(struct core *c)
{
    return table_new(&c->peers->fates.rows);
}

void fates_free(struct core *c)
{
    struct fates *f = &c->peers->fates;
    struct fate_row *row = NULL;
    size_t iter = 0;

    while (f->rows && (row = table_next(f->rows, &iter)))
        mem_free(row);
    table_free(f->rows);
    f->rows = NULL;
}

/* NULL: no memory, or too many, or no name of a connector. */
static struct fate_row *row_new(struct core *c, struct view connector)
{
    struct table *rows = c->peers->fates.rows;
    struct fate_row *row = NULL;

    if (table_count(rows) >= ROWS_MAX || !registry_connector(c->turn->registry, connector))
        return NULL;
    row = mem_zalloc(sizeof(*row));
    if (row && (view_copy(connector, row->connector, sizeof(row->connector)) ||
                table_add(rows, view_of(row->connector), row))) {
        mem_free(row);
        row = NULL;
    }
    return row;
}

/* Counts of slots that have passed meanwhile are none. */
static void row_turn(struct fate_row *row, int64_t slot)
{
    for (size_t i = 0; row->slot < slot && i < FATE_SLOTS; i++)
        memset(row->counts[++row->slot % FATE_SLOTS], 0, sizeof(row->counts[0]));
    row->slot = slot;
}

static void copy_code(struct view v, char to[FATE_CODE + 1])
{
    size_t n = 0;

    for (; n < v.len && n < FATE_CODE; n++)
        to[n] = (char)(v.ptr[n] > ' ' && v.ptr[n] <= '~' ? v.ptr[n] : '_');
    to[n] = '\0';
}

void fates_note(struct core *c, struct view connector, enum fate fate, struct view code,
                int64_t now_mono_ms, int64_t now_unix_ms)
{
    struct fate_row *row = table_get(c->peers->fates.rows, connector);
    int64_t slot = now_mono_ms / FATE_SLOT_MS;

    row = row ? row : row_new(c, connector);
    if (!row)
        return;
    row_turn(row, slot);
    row->counts[slot % FATE_SLOTS][fate]++;
    if (fate != FATE_FAILED)
        return;
    row->failed_unix_ms = now_unix_ms;
    copy_code(code, row->code);
}

const struct fate_row *fates_of(struct core *c, struct view connector, int64_t now_mono_ms,
                                uint64_t ret_counts[FATES])
{
    struct fate_row *row = table_get(c->peers->fates.rows, connector);

    memset(ret_counts, 0, FATES * sizeof(*ret_counts));
    if (!row)
        return NULL;
    row_turn(row, now_mono_ms / FATE_SLOT_MS);
    for (size_t i = 0; i < FATE_SLOTS; i++) {
        for (size_t j = 0; j < FATES; j++)
            ret_counts[j] += row->counts[i][j];
    }
    return row;
}
