/* Who is connected.
 *
 * From: frames.c. To: the two ROUTER sockets.
 * Holds: sessions; no message. */

#include "core/peers/peers.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/mem.h"
#include "core/peers/gate.h"
#include "core/peers/spools.h"
#include "proto/bus/edge.h"
#include "proto/bus/socket.h"
#include "proto/limits.h"
#include "proto/session.h"

#define HEARD_MS (2LL * EDGE_HEARTBEAT_MS)

int peers_new(struct core *c)
{
    struct peers *p = mem_zalloc(sizeof(*p));
    int rc = 0;

    if (!p)
        return -ENOMEM;
    c->peers = p;
    list_init(&p->list);
    list_init(&p->spools);
    list_init(&p->known_workers);
    list_init(&p->known_ingresses);
    rc = heard_new(c);
    rc = rc ? rc : fates_new(c);
    rc = rc ? rc : gates_new(c);
    return rc ? rc : id_random(&p->boot);
}

static void known_worker_add(void *arg, struct view name, const struct id *boot)
{
    struct core *c = arg;
    struct known_worker *k = mem_zalloc(sizeof(*k));

    (void)boot;
    if (!k || view_copy(name, k->name, sizeof(k->name))) {
        mem_free(k); /* not waited for: its commands come back by their key */
        return;
    }
    list_init(&k->link);
    list_add_tail(&c->peers->known_workers, &k->link);
}

int peers_await(struct core *c)
{
    int rc = store_workers_walk(c->store, known_worker_add, c);

    c->peers->settling_until_ms =
        clock_mono_ms() + (int64_t)config_number(c->config, "core/lease_ms");
    return rc ? rc : spools_await(c);
}

void known_worker_free(struct known_worker *k)
{
    list_remove(&k->link);
    mem_free(k);
}

struct peer *peer_find(struct core *c, struct view route, const struct bus_socket *s)
{
    for (struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next) {
        struct peer *p = LIST_ENTRY(i, struct peer, link);

        if (p->socket == s && view_equal(route, view_make(p->route, p->route_len)))
            return p;
    }
    return NULL;
}

void peer_free(struct core *c, struct peer *p)
{
    list_remove(&p->link);
    c->peers->n--;
    buf_fini(&p->acks);
    buf_fini(&p->batch);
    buf_fini(&p->refused);
    mem_free(p);
}

void peers_end_others(struct core *c, const struct spool *s, const struct id *boot)
{
    struct list *next = NULL;

    for (struct list *i = c->peers->list.next; i != &c->peers->list; i = next) {
        struct peer *p = LIST_ENTRY(i, struct peer, link);

        next = i->next;
        if (p->spool == s && !id_equal(&p->boot, boot))
            peer_free(c, p);
    }
}

void peer_end(struct core *c, struct peer *p)
{
    p->ended = true;
    /* behind what this turn has taken of it; no memory: the next frame asks for HELLO */
    (void)!peer_post(c, p, MSG_HELLO_AGAIN, NULL, VIEW_LIT("\x80"));
}

bool peers_have_room(const struct core *c, enum role role, struct view name, pid_t pid)
{
    size_t n_role = 0;
    size_t n_process = 0;

    for (const struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next) {
        const struct peer *p = LIST_ENTRY_CONST(i, struct peer, link);

        if (p->role != role || view_is(name, p->name))
            continue; /* that one is replaced */
        n_role++;
        n_process += pid && p->pid == pid;
    }
    return n_role < LIMIT_PEERS / 2 && n_process < LIMIT_PEERS_OF_ONE;
}

/* Whoever has taken over an edge says what he likes, and it is shown on a terminal. */
static void copy_names(struct view v, char ret[PROCESS_STRANGERS_MAX])
{
    size_t n = 0;

    for (; n < v.len && n < PROCESS_STRANGERS_MAX - 1; n++) {
        char c = v.ptr[n];

        ret[n] = (char)(c == '\n' || (c >= ' ' && c <= '~') ? c : '_');
    }
    ret[n] = '\0';
}

struct peer *peer_new(struct core *c, struct bus_socket *s, struct view route,
                      const struct hello *h, const struct id *boot)
{
    struct peer *p = c->peers->n < LIMIT_PEERS ? mem_zalloc(sizeof(*p)) : NULL;

    if (!p || route.len > sizeof(p->route) || view_copy(h->name, p->name, sizeof(p->name)) ||
        h->name.len == 0) {
        mem_free(p);
        return NULL;
    }
    if (view_copy(h->version, p->version, sizeof(p->version)))
        p->version[0] = '\0';
    if (view_copy(h->lacks, p->lacks, sizeof(p->lacks)))
        p->lacks[0] = '\0';
    copy_names(h->strangers, p->strangers);
    p->role = (enum role)h->role;
    p->socket = s;
    memcpy(p->route, route.ptr, route.len);
    p->route_len = route.len;
    p->boot = *boot;
    p->session = h->session;
    p->heard_mono_ms = clock_mono_ms();
    p->since_unix_ms = clock_unix_ms();
    p->registry_version = h->registry_version;
    peer_told_credit(p, h->credit, h->credit_bytes, h->places);
    buf_init(&p->acks, LIMIT_FRAME_BYTES);
    buf_init(&p->refused, 4096);
    buf_init(&p->batch, LIMIT_FRAME_BYTES - 4096);
    list_init(&p->link);
    list_add_tail(&c->peers->list, &p->link);
    c->peers->n++;
    return p;
}

static uint64_t at_most(uint64_t n, uint64_t limit)
{
    return n < limit ? n : limit;
}

void peer_told_credit(struct peer *p, uint64_t credit, uint64_t bytes, uint64_t places)
{
    p->credit = at_most(credit, LIMIT_WORKER_CREDIT);
    p->credit_bytes = at_most(bytes, LIMIT_WORKER_BYTES);
    p->places = at_most(places, LIMIT_WORKER_CREDIT);
}

/* Whoever has taken over an ingress says what he likes: it is shown on a terminal. */
static void copy_lines(struct view v, char *to, size_t cap)
{
    size_t n = 0;

    while (v.len && v.ptr[v.len - 1] == '\n')
        v.len--;
    for (size_t i = 0; i < v.len && n + 2 < cap; i++) {
        if (v.ptr[i] == '\n')
            to[n++] = ';';
        to[n++] = (char)(v.ptr[i] >= ' ' && v.ptr[i] <= '~' ? v.ptr[i]
                         : v.ptr[i] == '\n'                 ? ' '
                                                            : '_');
    }
    to[n] = '\0';
}

void peer_told_state(struct peer *p, const struct heartbeat *hb, int64_t now_unix_ms)
{
    struct peer_state *s = &p->state;

    *s = (struct peer_state){.spool_max = hb->spool_max,
                             .disk_free = hb->disk_free,
                             .disk_size = hb->disk_size,
                             .closed = hb->closed};
    copy_lines(hb->state, s->lines, sizeof(s->lines));
    copy_lines(hb->closed_why, s->closed_why, sizeof(s->closed_why));
    if (hb->closed_from_ms <= 0 || hb->closed_from_ms > hb->closed_to_ms)
        return;
    s->closed_to_ms = hb->closed_to_ms < now_unix_ms ? hb->closed_to_ms : now_unix_ms;
    s->closed_from_ms =
        hb->closed_from_ms < s->closed_to_ms ? hb->closed_from_ms : s->closed_to_ms;
}

void peer_send(struct core *c, struct peer *p, enum msg_kind kind, const struct id *trace,
               struct view body)
{
    struct envelope env = {.version = ENVELOPE_VERSION,
                           .kind = kind,
                           .edge_boot = p->boot,
                           .core_boot = c->peers->boot,
                           .unix_ms = clock_unix_ms()};
    char head[ENVELOPE_MAX_LEN];
    size_t head_len = 0;

    if (trace)
        env.trace = *trace;
    envelope_encode(&env, head, &head_len);
    /* whoever is gone says HELLO again; leases and spools bring back what was lost */
    (void)!bus_send(p->socket, view_make(p->route, p->route_len), view_make(head, head_len),
                    body);
}

int peer_post(struct core *c, const struct peer *p, enum msg_kind kind, const struct id *trace,
              struct view body)
{
    struct parcel *parcel = mem_zalloc(sizeof(*parcel));

    if (!parcel)
        return -ENOMEM;
    buf_init(&parcel->body, LIMIT_FRAME_BYTES);
    if (buf_add_view(&parcel->body, body)) {
        buf_fini(&parcel->body);
        mem_free(parcel);
        return -ENOMEM;
    }
    parcel->socket = p->socket;
    memcpy(parcel->route, p->route, p->route_len);
    parcel->route_len = p->route_len;
    parcel->envelope = (struct envelope){.version = ENVELOPE_VERSION,
                                         .kind = kind,
                                         .edge_boot = p->boot,
                                         .core_boot = c->peers->boot};
    if (trace)
        parcel->envelope.trace = *trace;
    list_init(&parcel->link);
    list_add_tail(&c->turn->parcels, &parcel->link);
    core_wake(c);
    return 0;
}

void peers_say_going(struct core *c, bool counts)
{
    struct buf body;

    buf_init(&body, 64);
    if (going_encode(counts, &body))
        buf_reset(&body); /* no memory: nothing is to be suspected for it */
    for (struct list *i = c->peers->list.next; i && i != &c->peers->list; i = i->next) {
        struct peer *p = LIST_ENTRY(i, struct peer, link);

        if (p->role == ROLE_INGRESS)
            peer_send(c, p, MSG_GOING, NULL, body.len ? buf_view(&body) : VIEW_LIT("\x80"));
    }
    buf_fini(&body);
}

void peer_send_registry(struct core *c, struct peer *p)
{
    struct buf body;

    buf_init(&body, LIMIT_FRAME_BYTES);
    /* not sent now is sent again when its next heartbeat tells the old version */
    if (registry_encode(c->turn->registry, p->role, &body) == 0)
        peer_send(c, p, MSG_REGISTRY, NULL, buf_view(&body));
    p->uncovered = true;
    p->told_mono_ms = clock_mono_ms();
    buf_fini(&body);
}

void peers_send_registry(struct core *c)
{
    for (struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next)
        peer_send_registry(c, LIST_ENTRY(i, struct peer, link));
}

bool peer_is_alive(const struct peer *p, int64_t now_mono_ms)
{
    return now_mono_ms - p->heard_mono_ms < EDGE_SILENCE_MS;
}

bool peer_tells(const struct peer *p, int64_t now_mono_ms)
{
    return now_mono_ms - p->heard_mono_ms < HEARD_MS;
}

bool peers_have_worker(const struct core *c, int64_t now_mono_ms)
{
    for (const struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next) {
        const struct peer *p = LIST_ENTRY_CONST(i, struct peer, link);

        if (p->role == ROLE_EGRESS && !p->ended && peer_is_alive(p, now_mono_ms))
            return true;
    }
    return false;
}

size_t peer_places(const struct peer *p)
{
    if (p->places == 0)
        return (size_t)((p->credit + 1) / 2); /* it says twice what it makes at once */
    return (size_t)(p->places < p->credit ? p->places : p->credit);
}

struct peer *peers_pick_worker(struct core *c, size_t bytes, int64_t now_mono_ms)
{
    struct peer *best = NULL;

    for (struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next) {
        struct peer *p = LIST_ENTRY(i, struct peer, link);

        if (p->role != ROLE_EGRESS || p->ended || !peer_is_alive(p, now_mono_ms) ||
            p->n_in_flight >= peer_places(p))
            continue;
        /* one larger command may travel alone */
        if (p->n_in_flight && p->bytes_in_flight + bytes > p->credit_bytes)
            continue;
        if (!best || peer_places(p) - p->n_in_flight > peer_places(best) - best->n_in_flight)
            best = p;
    }
    return best;
}

bool peers_hold_registry(const struct core *c, uint64_t version, int64_t now_mono_ms)
{
    for (const struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next) {
        const struct peer *p = LIST_ENTRY_CONST(i, struct peer, link);

        if (p->role == ROLE_INGRESS && peer_is_alive(p, now_mono_ms) &&
            p->registry_version < version)
            return false;
    }
    return true;
}

void peers_free(struct core *c)
{
    struct peers *p = c->peers;

    if (!p)
        return;
    while (!list_is_empty(&p->list))
        peer_free(c, LIST_ENTRY(p->list.next, struct peer, link));
    spools_free(c);
    trail_free(c);
    heard_free(c);
    fates_free(c);
    while (!list_is_empty(&p->known_workers))
        known_worker_free(LIST_ENTRY(p->known_workers.next, struct known_worker, link));
    while (!list_is_empty(&p->known_ingresses))
        known_worker_free(LIST_ENTRY(p->known_ingresses.next, struct known_worker, link));
    gates_free(c);
    bus_socket_free(p->events);
    bus_socket_free(p->commands);
    mem_free(p);
    c->peers = NULL;
}
