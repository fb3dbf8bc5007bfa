#pragma once

/* The look at a ZPL file that comes before zconfig's: zconfig takes the first of two equal keys,
 * cuts a value at an unquoted '#' and forgets line numbers. Pure: bytes in, lines out. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"

#define CONFIG_FILE_MAX  ((size_t)256 * 1024) /* bytes: far above any file a person writes */
#define CONFIG_LINE_MAX  ((size_t)1000)       /* bytes: zconfig cuts lines at 1,024 */
#define CONFIG_DEPTH_MAX 8                    /* levels of indentation */

struct config_line {
    char *path;     /* owned; "ingress/listen" */
    unsigned line;  /* counted from 1 */
    unsigned level; /* indentation, in steps of four spaces */
    bool has_value; /* false for a section's heading */
};

struct config_scan {
    struct config_line *lines; /* owned */
    size_t n_lines;
    struct buf
        clean; /* the same file without comments and blank lines, one row a config_line */
};

/* Read @text. 0; -ENOMEM; -EINVAL with @ret_line and @ret_reason (a constant text) set. */
AMO_MUSTCHECK int config_scan(struct view text, struct config_scan *ret_scan,
                              unsigned *ret_line, const char **ret_reason);
void config_scan_fini(struct config_scan *s);
