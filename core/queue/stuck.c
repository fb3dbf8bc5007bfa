/* Counts the lanes that wait behind one command. */

#include "core/queue/stuck.h"

#include "core/queue/queue.h"

static bool has_commands(const struct lane *l)
{
    return l && !list_is_empty(&l->commands);
}

/* Nothing goes before it. */
static bool is_first(const struct core_command *c)
{
    if (c->lane->commands.next != &c->in_lane)
        return false;
    for (const struct lane *l = c->lane->after; l; l = l->after) {
        if (has_commands(l))
            return false;
    }
    return true;
}

/* In its lane, or in that of the conversation that its own was merged into. */
static bool others_wait(const struct core_command *c)
{
    if (c->in_lane.next != &c->lane->commands)
        return true;
    for (const struct lane *l = c->lane->followed; l; l = l->followed) {
        if (has_commands(l))
            return true;
    }
    return false;
}

static bool is_stopped(const struct lane *l)
{
    return dest_is_held(l->dest) || l->dest->paused || (l->scope && l->scope->paused);
}

void stuck_look(struct stuck_count *s, const struct core_command *c, int64_t now_unix_ms,
                int64_t limit_ms)
{
    int64_t since_ms = c->taken_ms - c->waited_ms;

    if (now_unix_ms - since_ms <= limit_ms || !is_first(c) || !others_wait(c) ||
        is_stopped(c->lane))
        return;
    s->now.n++;
    if (s->now.oldest == 0 || since_ms < s->now.since_ms) {
        s->now.oldest = c->id;
        s->now.since_ms = since_ms;
    }
}

void stuck_end(struct stuck_count *s)
{
    s->last = s->now;
    s->now = (struct stuck_lanes){.n = 0};
}
