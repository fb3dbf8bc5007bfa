/* Any frames, in any order, as what ingress and egress say to a core that is at work: with a registry, a store,
 * and a session of each. None of them ends core, whatever its body and its envelope are.
 *
 * A frame of the input is its kind, a byte that says by which socket and in which session it comes, the length
 * of its body (two bytes, the lower one first), and the body. The envelope is made here; bytes as an envelope
 * are envelope's (fuzz_envelope.c). */

#include <string.h>

#include "base/clock.h"
#include "core/frames.h"
#include "core/peers/peers.h"
#include "core/testing/rig.h"
#include "proto/bus/socket.h"
#include "proto/envelope.h"
#include "proto/limits.h"
#include "tests/fuzz/fuzz.h"

#define FRAMES_MAX 16
/* a core grows old: what was taken stays */
#define LIFE       1000
/* a commit costs as much as many frames */
#define TURN       50

enum {
    BY_COMMANDS = 1, /* else events */
    OF_STRANGER = 2, /* no session of ours, or the one of a HELLO before */
    OF_OTHER_CORE = 4,
    IS_SUCCESSOR = 8, /* the process was started again */
};

static void *state;
static unsigned age;

static void live(void)
{
    struct rig *r = NULL;

    if (state && ++age < LIFE)
        return;
    if (state)
        FUZZ_MUST(rig_teardown(&state) == 0);
    FUZZ_MUST(rig_setup(&state) == 0);
    r = state;
    r->ingress->heard_mono_ms = r->worker->heard_mono_ms = INT64_MAX / 2; /* never silent */
    age = 0;
}

static void take(struct rig *r, unsigned kind, unsigned how, struct view body)
{
    struct core *c = &r->core;
    const struct peer *p = how & BY_COMMANDS ? r->worker : r->ingress;
    struct envelope env = {.version = ENVELOPE_VERSION,
                           .kind = kind,
                           .edge_boot = p->boot,
                           .core_boot = c->peers->boot,
                           .unix_ms = clock_unix_ms()};
    unsigned char route[sizeof(p->route)]; /* as in a frame: it outlives the session */
    struct bus_message m = {.peer = view_make(route, p->route_len), .body = body};
    char head[ENVELOPE_MAX_LEN];
    size_t len = 0;

    memcpy(route, p->route, p->route_len);
    if (how & OF_STRANGER)
        m.peer = VIEW_LIT("stranger");
    if (how & (OF_STRANGER | IS_SUCCESSOR))
        env.edge_boot.bytes[0] ^= (unsigned char)(how & (OF_STRANGER | IS_SUCCESSOR));
    if (how & OF_OTHER_CORE)
        env.core_boot.bytes[0] ^= 1;
    envelope_encode(&env, head, &len);
    m.head = view_make(head, len);
    frames_take(c, how & BY_COMMANDS ? c->peers->commands : c->peers->events, &m);
    FUZZ_MUST(c->turn->exit_code == 0);
    FUZZ_MUST(c->peers->n <= LIMIT_PEERS);
}

/* The sessions of ours are there, though a HELLO may have ended them. */
static void come_back(struct rig *r)
{
    const struct peer *found[2] = {NULL, NULL};

    for (struct list *i = r->core.peers->list.next; i != &r->core.peers->list; i = i->next) {
        const struct peer *p = LIST_ENTRY(i, struct peer, link);

        if (p == r->ingress && !p->ended)
            found[0] = p;
        else if (p == r->worker && !p->ended)
            found[1] = p;
    }
    if (!found[0] || !found[1])
        age = LIFE; /* in another life */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct rig *r = NULL;

    live();
    r = state;
    for (int n = 0; n < FRAMES_MAX && len >= 4 && age < LIFE; n++) {
        size_t body = (size_t)bytes[2] | (size_t)bytes[3] << 8;

        body = body < len - 4 ? body : len - 4;
        take(r, bytes[0], bytes[1], view_make(bytes + 4, body));
        bytes += 4 + body;
        len -= 4 + body;
        come_back(r);
    }
    if (age % TURN == 0)
        rig_turn(r);
    FUZZ_MUST(r->core.turn->exit_code == 0);
    return 0;
}
