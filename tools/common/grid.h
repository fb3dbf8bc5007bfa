#pragma once

/* A table of text for people: rows of cells, columns as wide as their widest cell. Knows columns
 * of a terminal, not what the cells mean.
 *
 * A table that is wider than the screen loses nothing: columns with nothing in them leave it, then the
 * widest ones, and what they hold stands under each row as "title: cell". If the widest of them is prose and there is room at the right
 * edge, it stays there and is folded.
 *
 * libsmartcols was tried and is not used: it takes the width of a letter from the locale, and ours
 * run in containers that have none. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"

#define GRID_COLUMNS_MAX 32

struct grid_cell {
    size_t offset; /* in texts */
    size_t len;    /* bytes */
    size_t width;  /* columns */
};

struct grid {
    struct buf texts;
    struct buf cells; /* struct grid_cell, row by row; the titles are the first row */
    size_t n_columns;
    bool right[GRID_COLUMNS_MAX]; /* set to the right: numbers */
    bool plain[GRID_COLUMNS_MAX]; /* under its row a cell needs no title */
};

/* @n_columns at most GRID_COLUMNS_MAX. Allocates nothing. */
void grid_init(struct grid *g, size_t n_columns);
void grid_fini(struct grid *g);
/* The next cell, row by row; the first row is the titles. Copied; made harmless. "-" is nothing. */
void grid_add(struct grid *g, struct view text);
/* Columns that a line of it needs when none is left out. */
size_t grid_width(const struct grid *g);
/* All rows, each begun with @indent spaces, in lines of @width columns at most. A row that is not full
 * is left out. The grid's errors, and those of @out. */
AMO_MUSTCHECK int grid_print(const struct grid *g, size_t indent, size_t width,
                             struct buf *out);
/* The same of a grid of two columns without titles: names and their values. A value that does not fit
 * behind its name is folded, or stands below it when it would have to be broken. */
AMO_MUSTCHECK int grid_print_pairs(const struct grid *g, size_t indent, size_t width,
                                   struct buf *out);
