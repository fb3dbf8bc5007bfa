/* Collects cells, measures the columns, and prints the rows padded with blanks. */

#include "tools/common/grid.h"

#include <assert.h>

#include "tools/common/text.h"

#define GRID_BYTES_MAX ((size_t)64 << 20)
#define GRID_GAP       2 /* columns between two columns */

void grid_init(struct grid *g, size_t n_columns)
{
    assert(n_columns > 0 && n_columns <= GRID_COLUMNS_MAX);
    *g = (struct grid){.n_columns = n_columns};
    buf_init(&g->texts, GRID_BYTES_MAX);
    buf_init(&g->cells, GRID_BYTES_MAX);
}

void grid_fini(struct grid *g)
{
    buf_fini(&g->texts);
    buf_fini(&g->cells);
}

void grid_add(struct grid *g, struct view text)
{
    struct grid_cell cell = {.offset = g->texts.len};

    text_clean(text, &g->texts);
    cell.len = g->texts.len - cell.offset;
    cell.width = text_width(view_make(buf_str(&g->texts) + cell.offset, cell.len));
    (void)buf_add(&g->cells, &cell,
                  sizeof(cell)); /* errors stick in both, and are told in the end */
}

static size_t count_cells(const struct grid *g)
{
    return g->cells.len / sizeof(struct grid_cell);
}

static const struct grid_cell *cell_at(const struct grid *g, size_t i)
{
    return (const struct grid_cell *)(const void *)g->cells.ptr + i;
}

static size_t column_width(const struct grid *g, size_t column)
{
    size_t width = 0;

    for (size_t i = column; i < count_cells(g); i += g->n_columns)
        width = cell_at(g, i)->width > width ? cell_at(g, i)->width : width;
    return width;
}

static void spaces(size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        (void)buf_add_char(out, ' '); /* errors stick in the buf */
}

/* Is there nothing in the row behind column @c? Then no blanks are needed to reach it. */
static bool is_last(const struct grid *g, size_t row, size_t c)
{
    while (++c < g->n_columns) {
        if (cell_at(g, row + c)->len > 0)
            return false;
    }
    return true;
}

int grid_print(const struct grid *g, size_t indent, struct buf *out)
{
    size_t widths[GRID_COLUMNS_MAX] = {0};

    for (size_t c = 0; c < g->n_columns; c++)
        widths[c] = column_width(g, c);
    for (size_t i = 0; i + g->n_columns <= count_cells(g); i += g->n_columns) {
        spaces(indent, out);
        for (size_t c = 0; c < g->n_columns; c++) {
            const struct grid_cell *cell = cell_at(g, i + c);
            size_t pad = widths[c] - cell->width;

            spaces(g->right[c] ? pad : 0, out);
            (void)buf_add(out, buf_str(&g->texts) + cell->offset, cell->len);
            if (is_last(g, i, c))
                break;
            spaces(GRID_GAP + (g->right[c] ? 0 : pad), out);
        }
        (void)buf_add_char(out, '\n');
    }
    if (buf_error(&g->texts) || buf_error(&g->cells))
        return buf_error(&g->texts) ? buf_error(&g->texts) : buf_error(&g->cells);
    return buf_error(out);
}
