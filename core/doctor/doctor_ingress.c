/* What the ingresses say of themselves: whether they take what comes, and how much room their spools have. An older
 * one only says how full its spool is.
 *
 * From: doctor.c. To: the caller. Holds: nothing. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "core/doctor/doctor.h"
#include "core/doctor/doctor_line.h"
#include "core/peers/peers.h"
#include "core/peers/spools.h"

#define LATELY_MS 3600000

static void line_closed(struct control_ask *ask, const struct peer *p, struct check *c)
{
    char since[CLOCK_ISO_LEN + 1];

    if (strcmp(p->state.lines, "stopping") == 0) {
        c->severity = SEVERITY_YELLOW;
        c->action = "start it again";
        check_add(ask->w, c, "is about to end, as it was told, and takes nothing new");
        return;
    }
    c->severity = SEVERITY_RED;
    c->action = "amoctl explain the-spool-is-full; its /readyz says when it is over";
    clock_format_iso(p->state.closed_to_ms, since);
    if (p->state.closed_from_ms)
        clock_format_iso(p->state.closed_from_ms, since);
    check_add(ask->w, c, "takes nothing%s%s: %s; amo's webhooks are lost meanwhile",
              p->state.closed_from_ms ? " since " : "", p->state.closed_from_ms ? since : "",
              p->state.lines);
}

bool doctor_ingress_state(struct control_ask *ask, const struct peer *p)
{
    const struct peer_state *s = &p->state;
    struct check c = {.name = role_name(p->role),
                      .subject = view_of(p->name),
                      .severity = SEVERITY_YELLOW,
                      .action = "look at its log"};
    char from[CLOCK_ISO_LEN + 1];
    char to[CLOCK_ISO_LEN + 1];

    if (s->closed) {
        line_closed(ask, p, &c);
        return true;
    }
    if (s->closed_from_ms && clock_unix_ms() - s->closed_to_ms < LATELY_MS) {
        clock_format_iso(s->closed_from_ms, from);
        clock_format_iso(s->closed_to_ms, to);
        c.action = "have managers look at their chats of that time; amoctl explain "
                   "the-spool-is-full";
        check_add(ask->w, &c,
                  "alive, but took nothing from %s to %s (%s): what amo sent then is lost",
                  from, to, s->closed_why);
        return true;
    }
    if (*s->lines)
        check_add(ask->w, &c, "alive, version %s, but %s", p->version, s->lines);
    return *s->lines != '\0';
}

static void line_gone(void *arg, struct view name, int64_t seen_ms)
{
    struct control_ask *ask = arg;
    char seen[CLOCK_ISO_LEN + 1];
    struct check c = {.name = role_name(ROLE_INGRESS),
                      .subject = name,
                      .severity = SEVERITY_YELLOW,
                      .action = "start it again with its spool, or amo-ingress --drain FOLDER; "
                                "a week after that nothing is said any more"};

    clock_format_iso(seen_ms, seen);
    check_add(ask->w, &c,
              "its last session began at %s, and it is not here now: what it took and core has "
              "not, if "
              "anything, lies in its spool",
              seen);
}

int doctor_gone(struct control_ask *ask)
{
    return spools_gone(ask->core, line_gone, ask);
}

/* ", its disk …", or nothing. */
static enum severity say_disk(const struct peer_state *s, char *to, size_t cap)
{
    to[0] = '\0';
    if (!s->disk_size)
        return SEVERITY_GREEN;
    (void)snprintf(to, cap, "; its disk has %" PRIu64 " MiB, %" PRIu64 " %%",
                   s->disk_free >> 20, s->disk_free / (s->disk_size / 100 + 1)); /* fits */
    return check_room(s->disk_free, s->disk_size);
}

void doctor_spools(struct control_ask *ask)
{
    for (struct list *i = ask->core->peers->list.next; i != &ask->core->peers->list;
         i = i->next) {
        const struct peer *p = LIST_ENTRY(i, struct peer, link);
        uint64_t max = p->state.spool_max
                           ? p->state.spool_max
                           : config_number(ask->core->config, "ingress/spool_max_bytes");
        int64_t left = max ? 100 - (int64_t)(p->spool_bytes / (max / 100 + 1)) : 100;
        struct check c = {.name = "spool",
                          .subject = view_of(p->name),
                          .severity = check_low(left, 10, 50),
                          .action = "see whether core keeps up (amoctl queue, its log); give "
                                    "ingress/spool_max_bytes more room"};
        enum severity of_disk = SEVERITY_GREEN;
        char disk[96];

        if (p->role != ROLE_INGRESS)
            continue;
        of_disk = say_disk(&p->state, disk, sizeof(disk));
        if (of_disk > c.severity) {
            c.severity = of_disk;
            c.action = "free the disk that its spool is on: without room nothing is accepted";
        }
        check_add(ask->w, &c, "events: %" PRIu64 ", %" PRIu64 " KiB; %" PRId64 " %% left%s",
                  p->spool_events, p->spool_bytes / 1024, left < 0 ? 0 : left, disk);
    }
}
