/* Counts who is at the door and picks who has to go. The longest look is over all connections, and
 * only when there are too many. */

#include "ingress/http/places.h"

#include <errno.h>

#include "ingress/http/guard.h"
#include "proto/limits.h"

#define FRESH_MS 1000 /* a request of somebody known may be on its way for so long */
#define NEW_MS   100  /* the same for a stranger: what comes whole needs no more */

enum rank {
    RANK_STRANGER,
    RANK_UNPROVEN,
    RANK_TOKEN,
    RANK_IDLE_SERVICE,
    RANK_IDLE,
    RANK_FRESH_TOKEN,
    RANK_FRESH,
    RANK_NEVER,
};

/* What is being looked for. */
struct search {
    const struct places *places;
    const struct place *but;   /* not this one */
    const struct visitor *who; /* only of this address or network; NULL: everybody */
    enum rank up_to;
    bool bodies; /* only whoever holds bytes, and by them */
    bool token;  /* then: behind a token, or else not */
    int64_t mono_ms;
};

void places_init(struct places *p, struct guard *guard, size_t max)
{
    *p = (struct places){.guard = guard, .max = max};
    list_init(&p->all);
}

const char *place_reason_name(enum place_reason reason)
{
    switch (reason) {
    case PLACE_FOR_ADDRESS:
        return "address";
    case PLACE_FOR_ROOM:
        return "room";
    case PLACE_FOR_ADDRESS_BODIES:
        return "address_bodies";
    case PLACE_FOR_BODIES:
        return "bodies";
    case PLACE_FOR_TIME:
        return "time";
    case PLACE_N_REASONS:
        break;
    }
    return "";
}

/* --- coming and going ---------------------------------------------------------------------- */

int places_enter(struct places *p, struct place *l, const struct address *peer, int64_t mono_ms)
{
    *l = (struct place){.use = PLACE_UNPROVEN, .since_ms = mono_ms};
    list_init(&l->link);
    if (peer) {
        l->who = guard_enter(p->guard, peer);
        if (!l->who)
            return -ENOMEM;
    }
    list_add_tail(&p->all, &l->link);
    p->n++;
    return 0;
}

void places_leave(struct places *p, struct place *l)
{
    if (list_is_empty(&l->link))
        return;
    places_drop_body(p, l);
    if (l->who)
        guard_leave(p->guard, l->who);
    l->who = NULL;
    list_remove(&l->link);
    p->n--;
}

void places_move(struct places *p, struct place *l, const struct address *origin)
{
    struct visitor *who = NULL;

    if (list_is_empty(&l->link))
        return;
    if (origin) {
        who = guard_enter(p->guard, origin);
        if (!who)
            return;
    }
    places_drop_body(p, l); /* there is none: it moves before its body and after it */
    if (l->who)
        guard_leave(p->guard, l->who);
    l->who = who;
}

void places_use(struct place *l, enum place_use use, int64_t mono_ms)
{
    l->use = use;
    l->since_ms = mono_ms;
}

/* What was counted before was counted on the same side: the use does not change within a body. */
void places_hold_body(struct places *p, struct place *l, size_t bytes)
{
    int64_t more = (int64_t)bytes - (int64_t)l->bytes;

    l->with_token = l->use == PLACE_TOKEN;
    if (l->with_token) {
        p->token_bytes = p->token_bytes + bytes - l->bytes;
    } else {
        p->body_bytes = p->body_bytes + bytes - l->bytes;
        if (l->who)
            guard_count_bytes(p->guard, l->who, more);
    }
    l->bytes = bytes;
}

void places_drop_body(struct places *p, struct place *l)
{
    if (l->with_token) {
        p->token_bytes -= l->bytes;
    } else {
        p->body_bytes -= l->bytes;
        if (l->who)
            guard_count_bytes(p->guard, l->who, -(int64_t)l->bytes);
    }
    l->bytes = 0;
    l->with_token = false;
}

/* --- who has to go ------------------------------------------------------------------------- */

static enum rank rank_of(const struct place *l, int64_t mono_ms)
{
    bool fresh = mono_ms - l->since_ms < FRESH_MS;

    switch (l->use) {
    case PLACE_UNPROVEN:
        if (l->who && !l->who->known)
            return RANK_STRANGER;
        return fresh ? RANK_FRESH : RANK_UNPROVEN;
    case PLACE_TOKEN:
        return fresh ? RANK_FRESH_TOKEN : RANK_TOKEN;
    case PLACE_BUSY:
        return RANK_NEVER;
    case PLACE_IDLE_SERVICE:
        return RANK_IDLE_SERVICE;
    case PLACE_IDLE:
        return RANK_IDLE;
    }
    return RANK_NEVER;
}

/* How much its address holds; a network counts for as many as have its share. */
static int64_t weight_of(const struct place *l, bool bodies)
{
    const struct visitor *v = l->who;
    int64_t own = 0;
    int64_t site = 0;

    if (!v)
        return 0;
    own = bodies ? v->holds.bytes : v->holds.connections;
    if (v->site)
        site = (bodies ? v->site->holds.bytes : v->site->holds.connections) / LIMIT_SITE;
    return own > site ? own : site;
}

/* Somebody unknown who comes with several connections at once, as amojo may, holds more than each of
 * very many strangers with one. */
static bool is_new(const struct place *l, const struct search *s)
{
    return !s->bodies && s->mono_ms - l->since_ms < NEW_MS;
}

static bool goes_before(const struct place *a, const struct place *b, const struct search *s)
{
    enum rank ra = rank_of(a, s->mono_ms);
    enum rank rb = rank_of(b, s->mono_ms);

    if (ra != rb)
        return ra < rb;
    if (ra == RANK_STRANGER && !s->who) {
        int64_t wa = weight_of(a, s->bodies);
        int64_t wb = weight_of(b, s->bodies);

        if (is_new(a, s) != is_new(b, s))
            return is_new(b, s);
        if (wa != wb)
            return wa > wb;
    }
    return a->since_ms < b->since_ms;
}

static bool is_sought(const struct place *l, const struct search *s)
{
    if (l == s->but || rank_of(l, s->mono_ms) > s->up_to)
        return false;
    if (s->bodies && (l->bytes == 0 || l->with_token != s->token))
        return false;
    return !s->who || (l->who && (l->who == s->who || l->who->site == s->who));
}

static struct place *find(const struct search *s)
{
    struct place *found = NULL;

    for (struct list *i = s->places->all.next; i != &s->places->all; i = i->next) {
        struct place *l = LIST_ENTRY(i, struct place, link);

        if (is_sought(l, s) && (!found || goes_before(l, found, s)))
            found = l;
    }
    return found;
}

static size_t strangers_max(const struct places *p)
{
    return p->max - p->max / 4;
}

static struct place *over_share(struct search s, const struct visitor *who)
{
    s.who = who;
    s.up_to = RANK_STRANGER;
    return who ? find(&s) : NULL;
}

static struct place *over_connections(struct search s)
{
    const struct places *p = s.places;

    if (p->n > p->max)
        s.up_to = RANK_FRESH;
    else if ((size_t)guard_strangers(p->guard)->connections > strangers_max(p))
        s.up_to = RANK_STRANGER;
    else
        return NULL;
    return find(&s);
}

static struct place *over_bodies(struct search s)
{
    const struct places *p = s.places;

    s.token = s.but->with_token;
    s.up_to = RANK_FRESH;
    if (s.token)
        return p->token_bytes > LIMIT_TOKEN_BODIES ? find(&s) : NULL;
    if (p->body_bytes > LIMIT_BODIES_BYTES)
        return find(&s);
    s.up_to = RANK_STRANGER;
    return guard_strangers(p->guard)->bytes > (int64_t)LIMIT_STRANGER_BODIES ? find(&s) : NULL;
}

struct place *places_over(const struct places *p, const struct place *l, int64_t mono_ms,
                          enum place_reason *ret_reason)
{
    struct search s = {.places = p, .but = l, .mono_ms = mono_ms, .up_to = RANK_STRANGER};
    struct place *found = over_share(s, l->who ? guard_crowded(p->guard, l->who) : NULL);

    *ret_reason = PLACE_FOR_ADDRESS;
    if (!found) {
        *ret_reason = PLACE_FOR_ROOM;
        found = over_connections(s);
    }
    s.bodies = true;
    if (!found && l->who) {
        *ret_reason = PLACE_FOR_ADDRESS_BODIES;
        found = over_share(s, guard_heavy(l->who));
    }
    if (!found) {
        *ret_reason = PLACE_FOR_BODIES;
        found = over_bodies(s);
    }
    return found;
}

bool places_are_short(const struct places *p)
{
    const struct holding *h = guard_strangers(p->guard);

    return p->n > p->max / 4 * 3 || (size_t)h->connections > strangers_max(p) / 4 * 3 ||
           h->bytes > (int64_t)LIMIT_STRANGER_BODIES / 4 * 3;
}

bool place_is_late(const struct place *l, int64_t mono_ms)
{
    return rank_of(l, mono_ms) == RANK_STRANGER && mono_ms - l->since_ms >= LIMIT_SHORT_MS;
}
