/* What: time, numbers and limits of the whole sandbox. */
#include "tools/sandbox/record/world.h"

#include "base/clock.h"
#include "base/log.h"

int64_t sandbox_unix_ms(const struct sandbox *s)
{
    return clock_unix_ms() + s->settings.clock_offset_ms;
}

uint64_t sandbox_seq(struct sandbox *s)
{
    return ++s->seq;
}

struct json_object *sandbox_entry(struct sandbox *s)
{
    struct json_object *o = json_object_new_object();

    jread_add_int(o, "seq", (int64_t)sandbox_seq(s));
    jread_add_int(o, "at_ms", sandbox_unix_ms(s));
    return o;
}

bool sandbox_has_space(struct sandbox *s, size_t have, size_t limit, const char *what)
{
    char value[LOG_VALUE_MAX];

    if (have < limit)
        return true;
    if (s->counters.full++ == 0)
        log_line(LOG_LEVEL_WARN, "full", "limit=%s value=%zu", log_value(view_of(what), value),
                 limit);
    return false;
}

bool sandbox_has_message_space(struct sandbox *s)
{
    return sandbox_has_space(s, s->n_messages, (size_t)s->settings.max_messages,
                             "max_messages");
}
