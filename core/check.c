#include "core/check.h"

#include <stdarg.h>
#include <stdio.h>

enum light check_low(int64_t value, int64_t red, int64_t yellow)
{
    if (value < red)
        return LIGHT_RED;
    return value < yellow ? LIGHT_YELLOW : LIGHT_GREEN;
}

static const char *light_name(enum light light)
{
    switch (light) {
    case LIGHT_GREEN:
        return "green";
    case LIGHT_YELLOW:
        return "yellow";
    case LIGHT_RED:
        break;
    }
    return "red";
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
    json_add_text(w, "state", view_of(light_name(c->light)));
    json_add_text(w, "words", view_cut(view_of(words), sizeof(words)));
    json_add_text(w, "todo", c->light != LIGHT_GREEN ? view_of(c->todo) : VIEW_NONE);
    json_close_object(w);
}
