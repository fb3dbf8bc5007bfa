/* A fixed table of refused sources, where the oldest row makes room for a new one, and the text
 * that is reported to core. */

#include "ingress/accept/refused.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#define HOUR_MS 3600000

void refused_init(struct refused *r)
{
    memset(r, 0, sizeof(*r));
    buf_init(&r->text, (size_t)REFUSED_ROWS * (2 * REFUSED_NAME + 48));
}

void refused_fini(struct refused *r)
{
    buf_fini(&r->text);
}

/* Its row; else a free one or the oldest, cleared. */
static struct refused_row *row_of(struct refused *r, struct view connector, struct view source)
{
    struct refused_row *oldest = &r->rows[0];

    for (size_t i = 0; i < REFUSED_ROWS; i++) {
        struct refused_row *row = &r->rows[i];

        if (row->last_unix_ms && view_is(connector, row->connector) &&
            view_is(source, row->source))
            return row;
        if (row->last_unix_ms < oldest->last_unix_ms)
            oldest = row;
    }
    memset(oldest, 0, sizeof(*oldest));
    return oldest;
}

static bool is_plain(struct view v)
{
    for (size_t i = 0; i < v.len; i++) {
        if (v.ptr[i] < ' ' || v.ptr[i] > '~')
            return false;
    }
    return v.len > 0 && v.len <= REFUSED_NAME;
}

void refused_note(struct refused *r, struct view connector, struct view source,
                  int64_t now_unix_ms)
{
    struct refused_row *row = NULL;

    if (!is_plain(connector) || !is_plain(source))
        return;
    row = row_of(r, connector, source);
    memcpy(row->connector, connector.ptr, connector.len);
    memcpy(row->source, source.ptr, source.len);
    row->n++;
    row->last_unix_ms = now_unix_ms;
}

struct view refused_text(struct refused *r, int64_t now_unix_ms)
{
    buf_reset(&r->text);
    for (size_t i = 0; i < REFUSED_ROWS; i++) {
        const struct refused_row *row = &r->rows[i];

        if (row->last_unix_ms && now_unix_ms - row->last_unix_ms < HOUR_MS)
            (void)buf_add_f(&r->text, "%s\t%s\t%" PRIu64 "\t%" PRId64 "\n", row->connector,
                            row->source, row->n, row->last_unix_ms); /* fits */
    }
    return r->text.len ? buf_view(&r->text) : VIEW_NONE;
}
