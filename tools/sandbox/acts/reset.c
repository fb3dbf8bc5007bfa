/* What: forgets what happened, what is under way, what was set up.
 * From: control.
 * To:   every room that keeps something.
 * Holds: nothing. */
#include <string.h>

#include "tools/sandbox/acts/control.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/http/lanes.h"
#include "tools/sandbox/http/wire.h"
#include "tools/sandbox/record/world.h"
#include "tools/sandbox/service/store.h"

/* How much of what to forget. */
enum reset {
    RESET_LOGS,
    RESET_TRAFFIC,
    RESET_ALL
};

static void reset(struct sandbox *s, enum reset what)
{
    s->counters = (struct counters){0};
    journal_clear(&s->journal);
    outbox_clear(&s->hooks);
    outbox_clear(&s->calls);
    amojo_clear_logs(s->amojo);
    service_clear_logs(s->service);
    if (what == RESET_LOGS)
        return;
    wire_abort_all(s->wire);
    lanes_clear(s->hooks.lanes);
    lanes_clear(s->calls.lanes);
    faults_clear(&s->faults);
    s->n_messages = 0;
    amojo_clear(s->amojo, what == RESET_ALL);
    service_clear(s->service, what == RESET_ALL);
    if (what == RESET_ALL)
        settings_init(&s->settings);
}

struct json_object *control_reset(struct control_request *q)
{
    static const char *const words[] = {
        [RESET_LOGS] = "logs", [RESET_TRAFFIC] = "traffic", [RESET_ALL] = "all"};
    const char *what = jread_str(q->body, "what");
    size_t i = 0;
    struct json_object *o = NULL;

    what = what ? what : words[RESET_TRAFFIC];
    while (i < AMO_COUNT(words) && strcmp(words[i], what) != 0)
        i++;
    if (i == AMO_COUNT(words))
        return control_refuse(q->x, 400, "bad_value", "what", "must be logs, traffic or all");
    reset(q->sandbox, (enum reset)i);
    o = json_object_new_object();
    jread_add_str(o, "reset", what);
    return o;
}
