#pragma once

/* A page of docs, Markdown as docs/operations.md uses it, as text for a terminal: rows of its tables by
 * the name that they are about, and sections by their heading. Pure. */

#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"

struct nearest;

/* docs/operations.md and docs/operations.ru.md as they were when this program was built. */
extern const unsigned char page_operations[];
extern const size_t page_operations_len;
extern const unsigned char page_operations_ru[];
extern const size_t page_operations_ru_len;

/* What was found: a row, or a section. */
struct page_part {
    struct view section; /* its heading, or that of the section that the row stands in */
    struct view text;    /* lines, each with its end */
    struct view more;    /* for a row of the runbook: what to explain for its whole section */
};

/* 0 goes on; anything else ends the search and is returned. */
typedef int page_fn(void *arg, const struct page_part *part);

/* Calls @fn for each row of @page whose first cell has @name as code, for each section that has it as
 * heading or as the heading's link, and behind them for each section that the rows point to. Lines have
 * @width columns at most. -ENOMEM, -ENOSPC, or what @fn returned. */
AMO_MUSTCHECK int page_find(struct view page, struct view name, size_t width, page_fn *fn,
                            void *arg);
/* The heading of @other that stands where that called @name stands in @page: both are one page, in two
 * languages, with the same sections. VIEW_NONE: no heading is called so. */
struct view page_same_heading(struct view page, struct view other, struct view name);
/* Offers every name that page_find knows. */
void page_offer_names(struct view page, struct nearest *n);
