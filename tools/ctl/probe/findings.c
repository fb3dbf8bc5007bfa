/* How long a message took to show in the history, as a sentence, with what follows from it. */

#include "tools/ctl/probe/findings.h"

#include <inttypes.h>
#include <stdio.h>

#define CORE_LAST_MS 40000 /* when core looks there for the last time (core/deliver/look.c) */

void probe_finding_history(bool found, int64_t took_ms, const char *last,
                           struct probe_finding *ret)
{
    ret->open = !found;
    /* what is longer than the room is cut */
    if (!found)
        (void)snprintf(ret->text, sizeof(ret->text),
                       "the message is not in the history after %d s (%s)",
                       PROBE_HISTORY_MS / 1000, last);
    else if (took_ms > CORE_LAST_MS)
        (void)snprintf(ret->text, sizeof(ret->text),
                       "shown after %" PRId64 " ms, later than the bridge looks for the last "
                       "time (%d s): tell its makers",
                       took_ms, CORE_LAST_MS / 1000);
    else
        (void)snprintf(ret->text, sizeof(ret->text),
                       "shown after %" PRId64 " ms; the bridge looks after 1, 10 and 40 s",
                       took_ms);
}
