#pragma once

/* One line of amoctl doctor: what was looked at, how it is, and what to do. */

#include <sys/statvfs.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/json.h"

enum light {
    LIGHT_GREEN,
    LIGHT_YELLOW, /* works, but look at it */
    LIGHT_RED,    /* does not work, or will not for long */
};

struct check {
    const char *name; /* "disk" */
    struct view subject;
    enum light light;
    const char *todo; /* what to do; shown unless it is green, NULL none */
};

/* Appends {check, subject, state, words, todo} to the array that @w is in. */
void check_add(struct json_writer *w, const struct check *c, const char *fmt, ...)
    AMO_PRINTF(3, 4);
/* Red below @red, yellow below @yellow. */
enum light check_low(int64_t value, int64_t red, int64_t yellow);
/* The line about the room of the file system that @path is on. */
void check_room(struct json_writer *w, const char *path, const struct statvfs *s);

/* What the outside is told to call. */
enum address {
    ADDRESS_FINE,   /* https; or http of this very host, where nobody listens in */
    ADDRESS_OPEN,   /* http: everybody on the way reads it */
    ADDRESS_PERSON, /* a user or a password is in it: it is not for showing */
    ADDRESS_NONE,   /* no web address */
};
enum address check_address(struct view url);
/* Is @url the address @base, or one below it? */
bool check_is_below(struct view url, struct view base);
/* of an address of ADDRESS_PERSON, after its name */
#define CHECK_URL_PERSON "has a user or a password in it"
