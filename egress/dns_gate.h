#pragma once

/* The gate before the resolver: at most HTTP_RESOLVES_MAX names at once, each by one call only.
 * Everybody else who needs the name waits for that one and shares its outcome. Pure book-keeping.
 *
 * Why: a resolver that does not answer keeps a thread for as long as it likes; without a gate
 * every call to a dead zone would take one, and those to living names would queue behind. */

#include <stdbool.h>
#include <stddef.h>

struct http_call;

/* As many as http.h promises. */
#define DNS_GATE_SLOTS 16

struct dns_slot {
    const void *owner; /* NULL: free */
    unsigned policy;   /* caches of names are not shared between policies */
    char host[256];
};

struct dns_gate {
    struct dns_slot slots[DNS_GATE_SLOTS];
    size_t n_busy;
    bool changed; /* a slot was freed since the last look */
};

/* May @owner have @host resolved now? True takes a slot (or keeps the one it has). */
bool dns_gate_enter(struct dns_gate *g, const void *owner, unsigned policy, const char *host);
/* @owner's name is resolved, or not going to be. Harmless without a slot. Returns whether it
 * had one. */
bool dns_gate_leave(struct dns_gate *g, const void *owner);
/* Is @host being resolved now? */
bool dns_gate_is_busy(const struct dns_gate *g, unsigned policy, const char *host);
