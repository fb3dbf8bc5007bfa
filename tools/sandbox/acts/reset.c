/* What: forgets what happened, what is under way, what was set up.
 * From: control.
 * To:   every room that keeps something.
 * Holds: nothing. */
#include "tools/sandbox/acts/reset.h"

#include <string.h>

#include "tools/sandbox/acts/answer.h"
#include "tools/sandbox/acts/control.h"
#include "tools/sandbox/amojo/hooks.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/http/lanes.h"
#include "tools/sandbox/http/wire.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/record/counters.h"
#include "tools/sandbox/record/faults.h"
#include "tools/sandbox/record/journal.h"
#include "tools/sandbox/record/settings.h"
#include "tools/sandbox/record/world.h"
#include "tools/sandbox/service/calls.h"
#include "tools/sandbox/service/store.h"

void sandbox_reset(struct sandbox *s, enum sandbox_reset what)
{
    s->counters = (struct counters){0};
    journal_clear(&s->journal);
    hooks_clear(s->hooks);
    calls_clear(s->calls);
    amojo_clear_logs(s->amojo);
    service_clear_logs(s->service);
    if (what == RESET_LOGS)
        return;
    wire_abort_all(s->wire);
    lanes_clear(s->hook_lanes);
    lanes_clear(s->call_lanes);
    faults_clear(&s->faults);
    s->n_messages = 0;
    amojo_clear(s->amojo, what == RESET_ALL);
    service_clear(s->service, what == RESET_ALL);
    if (what == RESET_ALL)
        settings_init(&s->settings);
}

void control_reset(struct sandbox *s, const struct control_request *q)
{
    const char *what = jread_str(q->body, "what");
    struct json_object *o = NULL;

    if (what && strcmp(what, "logs") != 0 && strcmp(what, "traffic") != 0 &&
        strcmp(what, "all") != 0) {
        control_refuse(q->x, 400, "bad_value", "what", "must be logs, traffic or all");
        return;
    }
    sandbox_reset(s, !what || strcmp(what, "traffic") == 0 ? RESET_TRAFFIC
                     : strcmp(what, "logs") == 0           ? RESET_LOGS
                                                           : RESET_ALL);
    o = json_object_new_object();
    jread_add_str(o, "reset", what ? what : "traffic");
    control_answer(q->x, 200, o);
}
