/* Who may speak at which socket of core, and whether its name still leads to core.
 *
 * From: frames.c and control.c, with each frame; watch.c, once a second. To: nobody.
 * Holds: the lists of users. */

#include "core/peers/gate.h"

#include <errno.h>

#include "base/config.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stats.h"
#include "core/peers/peers.h"
#include "proto/bus/callers.h"
#include "proto/bus/socket.h"

struct gates {
    struct {
        struct callers *callers;
        struct bus_socket *socket; /* borrowed; NULL not bound yet */
        struct stat_counter *n_refused;
        struct stat_counter *n_taken;
        int failed; /* why it could not be bound anew, told once; 0 it could */
    } at[GATES];
};

static const struct {
    const char *socket;
    const char *setting;
    const char *words;
    const char *labels;
} kinds[GATES] = {
    [GATE_EVENTS] = {"events",   "bus/ingress_users",
                     "your user may not speak as ingress: see bus/ingress_users of core", "socket=\"events\""  },
    [GATE_COMMANDS] = {"commands", "bus/egress_users",
                     "your user may not speak as egress: see bus/egress_users of core",   "socket=\"commands\""},
    [GATE_CONTROL] = {"control",  "bus/operators",
                     "your user is no operator: see bus/operators of core",               "socket=\"control\"" },
};

int gates_new(struct core *c)
{
    struct gates *g = mem_zalloc(sizeof(*g));

    if (!g)
        return -ENOMEM;
    c->peers->gates = g;
    for (int i = 0; i < GATES; i++) {
        g->at[i].n_refused =
            stats_counter(c->stats, "amo_bus_refused_total", kinds[i].labels,
                          "frames of processes whose user may not speak at this socket");
        g->at[i].n_taken =
            stats_counter(c->stats, "amo_bus_taken_over_total", kinds[i].labels,
                          "times the file of this socket was replaced or removed");
    }
    return 0;
}

void gates_free(struct core *c)
{
    if (!c->peers->gates)
        return;
    for (int i = 0; i < GATES; i++)
        callers_free(c->peers->gates->at[i].callers);
    mem_free(c->peers->gates);
    c->peers->gates = NULL;
}

int gates_open(struct core *c)
{
    int rc = 0;

    for (int i = 0; i < GATES && rc == 0; i++)
        rc = callers_of_setting(c->config, kinds[i].setting, &c->peers->gates->at[i].callers);
    return rc;
}

const struct callers *gates_operators(const struct core *c)
{
    return c->peers->gates->at[GATE_CONTROL].callers;
}

void gates_add(struct core *c, enum gate gate, struct bus_socket *s)
{
    c->peers->gates->at[gate].socket = s;
}

bool gate_admits(struct core *c, enum gate gate, const struct bus_message *m,
                 const char **ret_words)
{
    struct caller who = bus_message_from(m);

    if (callers_have(c->peers->gates->at[gate].callers, &who))
        return true;
    *ret_words = kinds[gate].words;
    stat_add(c->peers->gates->at[gate].n_refused, 1);
    log_often(LOG_LEVEL_ERROR, "bus.refused", view_of(kinds[gate].socket),
              "socket=%s uid=%lld pid=%lld", kinds[gate].socket,
              who.known ? (long long)who.uid : -1, (long long)who.pid);
    return false;
}

void gates_tick(struct core *c)
{
    for (int i = 0; i < GATES; i++) {
        struct bus_socket *s = c->peers->gates->at[i].socket;
        int rc = s ? bus_router_keep(s) : 0;

        if (rc == BUS_E_TAKEN) {
            stat_add(c->peers->gates->at[i].n_taken, 1);
            log_line(LOG_LEVEL_ERROR, "bus.taken_over", "socket=%s file=%s", kinds[i].socket,
                     bus_router_path(s));
        } else if (rc < 0 && rc != c->peers->gates->at[i].failed) {
            log_failed(LOG_LEVEL_ERROR, "bus.failed", rc, "socket=%s file=%s", kinds[i].socket,
                       bus_router_path(s));
        }
        c->peers->gates->at[i].failed = rc < 0 ? rc : 0;
    }
}
