#pragma once

/* One line of amoctl doctor: what was looked at, how it is, and what to do. */

#include <stdint.h>
#include <sys/statvfs.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/json.h"

enum severity {
    SEVERITY_GREEN,
    SEVERITY_YELLOW, /* works, but look at it */
    SEVERITY_RED,    /* does not work, or will not for long */
};

struct check {
    const char *name; /* "disk" */
    struct view subject;
    enum severity severity;
    const char *
        action; /* what to do; shown unless it is green, NULL none. `amoctl explain NAME` is put behind it */
};

/* Appends {check, subject, state, words, todo} to the array that @w is in. */
void check_add(struct json_writer *w, const struct check *c, const char *fmt, ...)
    AMO_PRINTF(3, 4);
/* Red below @red, yellow below @yellow. */
enum severity check_low(int64_t value, int64_t red, int64_t yellow);
/* Of a file system that has so many bytes left of so many. */
enum severity check_room(uint64_t free_bytes, uint64_t bytes);
/* The line about the room of the file system that @path is on. */
void check_space(struct json_writer *w, const char *path, const struct statvfs *s);
