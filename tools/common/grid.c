/* Collects cells, measures the columns, decides which of them the screen has room for, and prints the
 * rows padded with blanks. */

#include "tools/common/grid.h"

#include <assert.h>
#include <string.h>

#include "tools/common/text.h"

#define GRID_BYTES_MAX ((size_t)64 << 20)
#define GRID_GAP       2  /* columns between two columns */
#define GRID_BELOW     4  /* how far what stands under a row is set in */
#define GRID_PROSE_MIN 30 /* columns; in less, prose is not worth folding beside its row */
#define GRID_VALUE_MIN 24 /* the same of a value behind its name */

/* How the columns fit the screen. */
struct layout {
    size_t widths[GRID_COLUMNS_MAX];
    bool below[GRID_COLUMNS_MAX]; /* not in the table: under each row */
    bool blank[GRID_COLUMNS_MAX]; /* nothing is in it */
    size_t prose;    /* the column that is folded at the right edge; n_columns: none */
    size_t prose_at; /* where it begins */
};

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

static struct view cell_text(const struct grid *g, size_t i)
{
    return view_make(buf_str(&g->texts) + cell_at(g, i)->offset, cell_at(g, i)->len);
}

static size_t table_width(const struct grid *g, const struct layout *l)
{
    size_t width = l->widths[0];

    for (size_t c = 1; c < g->n_columns; c++)
        width += l->below[c] ? 0 : GRID_GAP + l->widths[c];
    return width;
}

static void measure(const struct grid *g, struct layout *l)
{
    *l = (struct layout){.prose = g->n_columns};
    for (size_t c = 0; c < g->n_columns; c++)
        l->widths[c] = column_width(g, c);
}

size_t grid_width(const struct grid *g)
{
    struct layout l;

    measure(g, &l);
    return table_width(g, &l);
}

/* --- what fits ------------------------------------------------------------------------------ */

static bool is_nothing(struct view text)
{
    return text.len == 0 || view_is(text, "-");
}

/* Is there nothing in it but its title? */
static bool is_blank(const struct grid *g, size_t column)
{
    for (size_t i = column + g->n_columns; i < count_cells(g); i += g->n_columns) {
        if (!is_nothing(cell_text(g, i)))
            return false;
    }
    return true;
}

/* The column that leaves the table next; 0: none can. One with nothing in it, or the widest; of two the
 * later one. */
static size_t next_to_leave(const struct grid *g, const struct layout *l)
{
    size_t next = 0;

    for (size_t c = 1; c < g->n_columns; c++) {
        if (l->below[c])
            continue;
        if (next == 0 || (l->blank[c] && !l->blank[next]) ||
            (l->blank[c] == l->blank[next] && l->widths[c] >= l->widths[next]))
            next = c;
    }
    return next;
}

/* Words with blanks between them, none of which is wider than @most. */
static bool is_prose(const struct grid *g, size_t column, size_t most)
{
    bool blanks = false;

    for (size_t i = column + g->n_columns; i < count_cells(g); i += g->n_columns) {
        struct view text = cell_text(g, i);

        if (text_widest_word(text) > most)
            return false;
        blanks = blanks || (text.len > 0 && memchr(text.ptr, ' ', text.len));
    }
    return blanks;
}

static void lay_out(const struct grid *g, size_t room, struct layout *l)
{
    size_t first = 0; /* the first that left with something in it */
    size_t used = 0;

    measure(g, l);
    for (size_t c = 0; c < g->n_columns; c++)
        l->blank[c] = is_blank(g, c);
    while (table_width(g, l) > room) {
        size_t next = next_to_leave(g, l);

        if (next == 0)
            break;
        first = first || l->blank[next] ? first : next;
        l->below[next] = true;
    }
    used = table_width(g, l) + GRID_GAP;
    if (first && used + GRID_PROSE_MIN <= room && is_prose(g, first, room - used)) {
        l->prose = first;
        l->prose_at = used;
    }
    l->widths[0] = l->widths[0] < room ? l->widths[0] : room;
}

/* --- printing ------------------------------------------------------------------------------- */

/* Is there nothing in the row behind column @c? Then no blanks are needed to reach it. */
static bool is_last(const struct grid *g, const struct layout *l, size_t row, size_t c)
{
    while (++c < g->n_columns) {
        if (!l->below[c] && cell_at(g, row + c)->len > 0)
            return false;
    }
    return l->prose == g->n_columns || cell_at(g, row + l->prose)->len == 0;
}

static void print_row(const struct grid *g, const struct layout *l, size_t row, size_t indent,
                      size_t width, struct buf *out)
{
    spaces(indent, out);
    for (size_t c = 0; c < g->n_columns; c++) {
        const struct grid_cell *cell = cell_at(g, row + c);
        size_t pad = cell->width < l->widths[c] ? l->widths[c] - cell->width : 0;

        if (l->below[c])
            continue;
        spaces(g->right[c] ? pad : 0, out);
        if (cell->width > l->widths[c]) /* the first one, which has no neighbours then */
            text_fold(cell_text(g, row + c), indent, indent + GRID_GAP, width, out);
        else
            (void)buf_add_view(out, cell_text(g, row + c));
        if (is_last(g, l, row, c))
            break;
        spaces(GRID_GAP + (g->right[c] ? 0 : pad), out);
    }
    if (l->prose < g->n_columns)
        text_fold(cell_text(g, row + l->prose), indent + l->prose_at, indent + l->prose_at,
                  width, out);
    (void)buf_add_char(out, '\n');
}

/* "title: cell", or the cell alone. */
static void put_named(const struct grid *g, size_t row, size_t c, struct buf *out)
{
    struct view title = cell_text(g, c);

    for (size_t i = 0; !g->plain[c] && i < title.len; i++) {
        char letter = title.ptr[i];

        (void)buf_add_char(
            out, (char)(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter));
    }
    (void)buf_add_str(out, g->plain[c] ? "" : ": ");
    (void)buf_add_view(out, cell_text(g, row + c));
}

/* What the table has no room for. */
static int print_below(const struct grid *g, const struct layout *l, size_t row, size_t indent,
                       size_t width, struct buf *out)
{
    size_t at = 0; /* columns used of this line; 0: not begun */
    struct buf part;
    int rc = 0;

    buf_init(&part, GRID_BYTES_MAX);
    indent += GRID_BELOW;
    for (size_t c = 0; rc == 0 && c < g->n_columns; c++) {
        size_t needs = 0;

        if (!l->below[c] || c == l->prose || is_nothing(cell_text(g, row + c)))
            continue;
        buf_reset(&part);
        put_named(g, row, c, &part);
        rc = buf_error(&part);
        needs = text_width(buf_view(&part));
        if (at > 0 && at + GRID_GAP + needs <= width) {
            spaces(GRID_GAP, out);
            at += GRID_GAP;
        } else {
            (void)buf_add_str(out, at ? "\n" : "");
            spaces(indent, out);
            at = indent;
        }
        text_fold(buf_view(&part), at, indent + GRID_GAP, width, out);
        at = at + needs <= width ? at + needs : width;
    }
    (void)buf_add_str(out, at ? "\n" : "");
    buf_fini(&part);
    return rc;
}

static int grid_error(const struct grid *g, const struct buf *out)
{
    if (buf_error(&g->texts) || buf_error(&g->cells))
        return buf_error(&g->texts) ? buf_error(&g->texts) : buf_error(&g->cells);
    return buf_error(out);
}

int grid_print(const struct grid *g, size_t indent, size_t width, struct buf *out)
{
    struct layout l;
    int rc = 0;

    lay_out(g, width > indent ? width - indent : 1, &l);
    for (size_t i = 0; rc == 0 && i + g->n_columns <= count_cells(g); i += g->n_columns) {
        print_row(g, &l, i, indent, width, out);
        if (i > 0)
            rc = print_below(g, &l, i, indent, width, out);
    }
    return rc ? rc : grid_error(g, out);
}

int grid_print_pairs(const struct grid *g, size_t indent, size_t width, struct buf *out)
{
    size_t names = column_width(g, 0);
    size_t at = indent + names + GRID_GAP;

    assert(g->n_columns == 2);
    for (size_t i = 0; i + 2 <= count_cells(g); i += 2) {
        struct view value = cell_text(g, i + 1);
        bool fits = at + cell_at(g, i + 1)->width <= width;
        bool folds = at + GRID_VALUE_MIN <= width && at + text_widest_word(value) <= width;

        spaces(indent, out);
        (void)buf_add_view(out, cell_text(g, i));
        if (fits || folds) {
            spaces(names - cell_at(g, i)->width + GRID_GAP, out);
            text_fold(value, at, at, width, out);
        } else {
            (void)buf_add_char(out, '\n');
            spaces(indent + GRID_GAP, out);
            text_fold(value, indent + GRID_GAP, indent + GRID_GAP, width, out);
        }
        (void)buf_add_char(out, '\n');
    }
    return grid_error(g, out);
}
