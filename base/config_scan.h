#pragma once

/* The lines of a configuration file in ZPL: keys with values, headings, indentation by four spaces.
 * Refuses what such a file is easily got wrong with: an unquoted '#' that would cut a value, a quote
 * that is not closed. Pure: bytes in, lines out; what a key means is not known here. */

#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"

#define CONFIG_FILE_MAX  ((size_t)256 * 1024) /* bytes: far above any file a person writes */
#define CONFIG_LINE_MAX  ((size_t)1000)       /* bytes */
#define CONFIG_DEPTH_MAX 8                    /* levels of indentation */

/* Borrowed until the next one. */
struct config_line {
    const char *path;  /* "ingress/listen"; "" when the line is wrong */
    const char *value; /* without its quotes; NULL for a section's heading */
    const char *wrong; /* why the line cannot be read, a constant text; NULL it can */
    unsigned line;     /* counted from 1 */
};

/* 0 to go on; anything else ends the reading. */
typedef int config_line_fn(void *arg, const struct config_line *line);

/* Tell @each of every line of @text that is neither blank nor a comment, also of those that cannot be
 * read. What stands indented below such a line is left out: where it belongs is not known. 0; what @each
 * returned; -ENOMEM. */
AMO_MUSTCHECK int config_scan(struct view text, config_line_fn *each, void *arg);
