/* Asks amojo what time it is, when the clock is in doubt. */

#include "core/deliver/clock_ask.h"

#include "base/clock.h"
#include "core/deliver/calls.h"
#include "core/peers/peers.h"
#include "proto/command.h"

#define ASK_LAST_MS 300000
#define ASK_OVER_MS 20000

static void asked(struct core *c, void *arg, const struct result *r)
{
    (void)arg;
    (void)r; /* settle.c has shown it to doubt_measured() */
    c->turn->doubt.asking = false;
}

void clock_ask(struct core *c, int64_t now_mono_ms)
{
    struct doubt *d = &c->turn->doubt;
    struct command body = {.kind = COMMAND_AMO_REACH, .sent_ms = clock_unix_ms()};

    if (d->asking || now_mono_ms < d->ask_mono_ms || c->turn->registry->n_channels == 0 ||
        !peers_pick_worker(c, 0, now_mono_ms))
        return;
    /* one after the other: a channel may be off */
    body.scope =
        view_of(c->turn->registry->channels[d->n_asked++ % c->turn->registry->n_channels].id);
    d->ask_mono_ms = now_mono_ms + d->ask_wait_ms;
    d->ask_wait_ms = 2 * d->ask_wait_ms < ASK_LAST_MS ? 2 * d->ask_wait_ms : ASK_LAST_MS;
    d->asking = id_uuid7(clock_unix_ms(), &body.trace) == 0 &&
                call_once(c, NULL, &body, now_mono_ms + ASK_OVER_MS, asked, NULL) == 0;
}
