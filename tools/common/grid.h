#pragma once

/* A table of text for people: rows of cells, columns as wide as their widest cell. Knows columns
 * of a terminal, not what the cells mean.
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
};

/* @n_columns at most GRID_COLUMNS_MAX. Allocates nothing. */
void grid_init(struct grid *g, size_t n_columns);
void grid_fini(struct grid *g);
/* The next cell, row by row; the first row is the titles. Copied; made harmless. */
void grid_add(struct grid *g, struct view text);
/* All rows, each begun with @indent spaces. A row that is not full is left out. The grid's
 * errors, and those of @out. */
AMO_MUSTCHECK int grid_print(const struct grid *g, size_t indent, struct buf *out);
