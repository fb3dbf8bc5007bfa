/* The slots of the gate: who may start resolving a name, who must wait for it, and when a slot
 * is free again. */

#include "egress/dns_gate.h"

#include <strings.h>

#include "base/buf.h"

static bool slot_is(const struct dns_slot *s, unsigned policy, const char *host)
{
    return s->owner && s->policy == policy && strcasecmp(s->host, host) == 0;
}

bool dns_gate_is_busy(const struct dns_gate *g, unsigned policy, const char *host)
{
    for (size_t i = 0; i < DNS_GATE_SLOTS; i++) {
        if (slot_is(&g->slots[i], policy, host))
            return true;
    }
    return false;
}

bool dns_gate_enter(struct dns_gate *g, const void *owner, unsigned policy, const char *host)
{
    struct dns_slot *spare = NULL;

    for (size_t i = 0; i < DNS_GATE_SLOTS; i++) {
        struct dns_slot *s = &g->slots[i];

        if (s->owner == owner)
            return true;
        if (slot_is(s, policy, host))
            return false;
        if (!s->owner && !spare)
            spare = s;
    }
    if (!spare || view_copy(view_of(host), spare->host, sizeof(spare->host)))
        return false;
    spare->owner = owner;
    spare->policy = policy;
    g->n_busy++;
    return true;
}

bool dns_gate_leave(struct dns_gate *g, const void *owner)
{
    for (size_t i = 0; i < DNS_GATE_SLOTS; i++) {
        if (g->slots[i].owner != owner)
            continue;
        g->slots[i].owner = NULL;
        g->n_busy--;
        g->changed = true;
        return true;
    }
    return false;
}
