/* Commands that wait, for people.
 *
 * From: the verbs that show some. To: the queue and the store, which are only read. Holds: nothing. */

#include "core/questions/waiting.h"

#include <ctype.h>

#include "base/clock.h"
#include "base/json.h"
#include "core/deliver/resolve.h"
#include "core/questions/why.h"

int waiting_why(struct json_writer *w, int rc, struct buf *words)
{
    if (rc == 0)
        json_add_text(w, "why", words->len ? buf_view(words) : VIEW_NONE);
    buf_fini(words);
    return rc;
}

int waiting_why_destination(struct core *c, const struct dest *d, struct json_writer *w)
{
    struct buf words;

    buf_init(&words, WHY_MAX);
    return waiting_why(w, why_destination(c, d, &words), &words);
}

/* "in_flight": small letters, as everything else that people read here. */
static void add_state(struct json_writer *w, enum command_state state)
{
    const char *name = command_state_name(state);
    char word[32] = "";

    for (size_t i = 0; name[i] && i + 1 < sizeof(word); i++)
        word[i] = (char)tolower((unsigned char)name[i]);
    json_add_text(w, "state", view_of(word));
}

int waiting_json(struct core *c, const struct core_command *cmd, struct json_writer *w)
{
    const struct dest *d = cmd->lane->dest;
    int64_t status = 0;
    int64_t code = 0;
    int64_t attempts = 0;
    int64_t probes = 0;
    struct buf words;
    int rc = resolve_tells(c, cmd, &status, &code);

    rc = rc ? rc : store_attempts_count(c->store, cmd->id, &attempts, &probes);
    if (rc)
        return rc;
    json_open_object(w, NULL);
    json_add_int(w, "command", cmd->id);
    json_add_text(w, "kind", view_of(command_kind_name((uint64_t)cmd->kind)));
    store_add_tells(w, status, code);
    add_state(w, cmd->state);
    json_add_int(w, "attempts", attempts);
    json_add_int(w, "probes", probes);
    json_add_text(w, "destination", view_of(d->key));
    json_add_text(w, "held", dest_is_held(d) ? view_of(hold_reason_name(d->hold)) : VIEW_NONE);
    buf_init(&words, WHY_MAX);
    rc = why_command(c, cmd, &words);
    rc = waiting_why(w, rc, &words);
    json_close_object(w);
    return rc;
}

static int lane_json(struct core *c, const struct lane *l, size_t *n, int64_t until_us,
                     struct json_writer *w)
{
    int rc = 0;

    for (const struct list *i = l->commands.next;
         rc == 0 && i != &l->commands && *n < WAITING_SHOWN &&
         (*n == 0 || clock_mono_us() < until_us);
         i = i->next, (*n)++)
        rc = waiting_json(c, LIST_ENTRY_CONST(i, struct core_command, in_lane), w);
    return rc;
}

/* What stands before a lane goes first. */
int waiting_of_conversation(struct core *c, int64_t conversation, struct json_writer *w)
{
    int64_t until_us = clock_mono_us() + WAITING_US;
    size_t n = 0;
    int rc = 0;

    json_open_array(w, "waiting");
    for (int to_amo = 1; to_amo >= 0; to_amo--) {
        const struct lane *l =
            queue_lanes(c->queue, command_lane_of(conversation, to_amo != 0));

        for (; l && rc == 0; l = l->sibling) {
            for (const struct lane *before = l->after; before && rc == 0;
                 before = before->after)
                rc = lane_json(c, before, &n, until_us, w);
            rc = rc ? rc : lane_json(c, l, &n, until_us, w);
        }
    }
    json_close_array(w);
    return rc;
}

int waiting_of_message(struct core *c, int64_t message, struct json_writer *w)
{
    int64_t ids[WAITING_SHOWN];
    size_t n = 0;
    int rc = store_message_commands(c->store, message, ids, AMO_COUNT(ids), &n);

    json_open_array(w, "waiting");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct core_command *cmd = queue_find(c->queue, ids[i]);

        if (cmd)
            rc = waiting_json(c, cmd, w);
    }
    json_close_array(w);
    return rc;
}
