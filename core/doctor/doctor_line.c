/* Writes one check of amoctl doctor as a JSON object, and turns a number into green, yellow or
 * red by two thresholds. The check of free disk space is here as well. */

#include "core/doctor/doctor_line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define MIB               ((int64_t)1 << 20)
#define ROOM_RED_BYTES    (256 * MIB)
#define ROOM_YELLOW_BYTES (2048 * MIB)
#define ROOM_RED          2 /* percent */
#define ROOM_YELLOW       5

enum severity check_low(int64_t value, int64_t red, int64_t yellow)
{
    if (value < red)
        return SEVERITY_RED;
    return value < yellow ? SEVERITY_YELLOW : SEVERITY_GREEN;
}

static const char *severity_name(enum severity severity)
{
    switch (severity) {
    case SEVERITY_GREEN:
        return "green";
    case SEVERITY_YELLOW:
        return "yellow";
    case SEVERITY_RED:
        break;
    }
    return "red";
}

/* What to do; and whoever is at his wits' end needs the page that says more. */
static void add_todo(struct json_writer *w, const struct check *c)
{
    char todo[1024];
    const char *action = c->action ? c->action : "";
    bool leads = view_find(view_of(action), "amoctl explain") != NULL;

    (void)snprintf(todo, sizeof(todo), "%s%s%s%s", action, *action && !leads ? "; " : "",
                   leads ? "" : "amoctl explain ", leads ? "" : c->name); /* ours, and fits */
    json_add_text(w, "todo", c->severity != SEVERITY_GREEN ? view_of(todo) : VIEW_NONE);
}

void check_add(struct json_writer *w, const struct check *c, const char *fmt, ...)
{
    char words[2048];
    va_list args;

    va_start(args, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start stands above */
    (void)vsnprintf(words, sizeof(words), fmt, args); /* a longer sentence is cut */
    va_end(args);
    json_open_object(w, NULL);
    json_add_text(w, "check", view_of(c->name));
    json_add_text(w, "subject", c->subject);
    json_add_text(w, "state", view_of(severity_name(c->severity)));
    json_add_text(w, "words", view_cut(view_of(words), sizeof(words)));
    add_todo(w, c);
    json_close_object(w);
}

enum severity check_room(uint64_t free_bytes, uint64_t bytes)
{
    int64_t percent = !bytes                          ? 0
                      : free_bytes > UINT64_MAX / 100 ? (int64_t)(free_bytes / bytes * 100)
                                                      : (int64_t)(free_bytes * 100 / bytes);
    enum severity of_bytes = check_low((int64_t)free_bytes, ROOM_RED_BYTES, ROOM_YELLOW_BYTES);
    enum severity of_part = check_low(percent, ROOM_RED, ROOM_YELLOW);

    return of_bytes > of_part ? of_bytes : of_part;
}

void check_space(struct json_writer *w, const char *path, const struct statvfs *s)
{
    int64_t free_bytes = (int64_t)(s->f_bavail * s->f_frsize);
    int64_t percent = s->f_blocks ? (int64_t)(s->f_bavail * 100 / s->f_blocks) : 0;
    struct check c = {.name = "disk",
                      .subject = view_of(path),
                      .severity = check_room((uint64_t)s->f_bavail * s->f_frsize,
                                             (uint64_t)s->f_blocks * s->f_frsize),
                      .action = "free the disk: without room nothing is accepted"};

    check_add(w, &c, "%" PRId64 " MiB free, %" PRId64 " %%", free_bytes / MIB, percent);
}
