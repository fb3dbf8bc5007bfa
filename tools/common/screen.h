#pragma once

/* The screen that stdout is shown on. */

#include <stdbool.h>
#include <stddef.h>

#define SCREEN_COLUMNS 80 /* of a pipe or file, so that what is kept looks like what is seen */

/* COLUMNS of the environment when it is a number, else the width of the terminal that stdout is, else
 * SCREEN_COLUMNS. Between 40 and 1000. */
size_t screen_columns(void);
/* Is stdout a terminal that knows colours, and did nobody forbid them (NO_COLOR)? */
bool screen_has_colours(void);
