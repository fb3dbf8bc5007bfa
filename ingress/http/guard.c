/* Parses addresses and trusted networks, finds the real origin behind proxies, and counts what each
 * address holds, fails to prove and has proven. */

#include "ingress/http/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/mem.h"
#include "base/net.h"
#include "base/table.h"
#include "proto/limits.h"

struct guard {
    uint64_t max_connections;
    struct net_network *trusted; /* owned */
    size_t n_trusted;
    struct table *visitors; /* sites as well, under a key that no address has */
    struct list gone;       /* strangers without connections, longest unseen first */
    struct list known;      /* longest unverified first */
    size_t n_gone;
    size_t n_known;
    struct holding strangers;
};

static int trust_add(struct guard *g, struct view text);

int guard_new(const char *trusted, uint64_t max_connections, struct guard **ret_guard)
{
    struct guard *g = mem_zalloc(sizeof(*g));
    int rc = -ENOMEM;

    if (!g)
        return -ENOMEM;
    list_init(&g->gone);
    list_init(&g->known);
    g->max_connections = max_connections;
    rc = table_new(&g->visitors);
    while (rc == 0 && *trusted) {
        size_t n = strcspn(trusted, ", ");

        if (n > 0)
            rc = trust_add(g, view_make(trusted, n));
        trusted += n + (trusted[n] != '\0');
    }
    if (rc == 0) {
        *ret_guard = g;
        g = NULL;
    }
    guard_free(g);
    return rc;
}

void guard_free(struct guard *g)
{
    size_t at = 0;
    struct visitor *v = NULL;

    if (!g)
        return;
    while (g->visitors && (v = table_next(g->visitors, &at)))
        mem_free(v);
    table_free(g->visitors);
    mem_free(g->trusted);
    mem_free(g);
}

static struct address from_ipv4(const void *four)
{
    struct address a = {{0}};

    a.bytes[10] = 0xff;
    a.bytes[11] = 0xff;
    memcpy(a.bytes + 12, four, 4);
    return a;
}

static bool is_ipv4(const struct address *a)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    return memcmp(a->bytes, mapped, sizeof(mapped)) == 0;
}

struct address address_of(const struct sockaddr *peer)
{
    struct address a = {{0}};

    if (peer->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, peer, sizeof(in));
        return from_ipv4(&in.sin_addr);
    }
    if (peer->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, peer, sizeof(in6));
        memcpy(a.bytes, &in6.sin6_addr, sizeof(a.bytes));
    }
    return a;
}

int address_parse(struct view text, struct address *ret)
{
    struct net_network n;

    if ((text.len && memchr(text.ptr, '/', text.len)) || net_parse_network(text, &n))
        return -EINVAL;
    memcpy(ret->bytes, n.bytes, sizeof(ret->bytes));
    return 0;
}

const char *address_format(const struct address *a, char space[ADDRESS_TEXT])
{
    const char *text = is_ipv4(a) ? inet_ntop(AF_INET, a->bytes + 12, space, ADDRESS_TEXT)
                                  : inet_ntop(AF_INET6, a->bytes, space, ADDRESS_TEXT);

    return text ? text : "-"; /* it fits */
}

static int trust_add(struct guard *g, struct view text)
{
    struct net_network n;
    struct net_network *p = NULL;

    if (net_parse_network(text, &n))
        return -EINVAL;
    p = mem_realloc(g->trusted, (g->n_trusted + 1) * sizeof(n));
    if (!p)
        return -ENOMEM;
    g->trusted = p;
    g->trusted[g->n_trusted++] = n;
    return 0;
}

bool guard_trusts(const struct guard *g, const struct address *a)
{
    for (size_t i = 0; i < g->n_trusted; i++) {
        const struct net_network *n = &g->trusted[i];
        unsigned whole = n->bits / 8;
        unsigned rest = n->bits % 8;

        if (memcmp(n->bytes, a->bytes, whole) == 0 &&
            (rest == 0 || (n->bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0))
            return true;
    }
    return false;
}

static struct view trim(struct view v)
{
    while (v.len > 0 && (*v.ptr == ' ' || *v.ptr == '\t'))
        v = view_make(v.ptr + 1, v.len - 1);
    while (v.len > 0 && (v.ptr[v.len - 1] == ' ' || v.ptr[v.len - 1] == '\t'))
        v.len--;
    return v;
}

struct address guard_origin(const struct guard *g, const struct address *peer,
                            struct view forwarded)
{
    struct address origin = *peer;
    size_t end = forwarded.len;

    /* from the right: each hop was named by the one behind it */
    while (end > 0 && guard_trusts(g, &origin)) {
        size_t from = end;

        while (from > 0 && forwarded.ptr[from - 1] != ',')
            from--;
        if (address_parse(trim(view_make(forwarded.ptr + from, end - from)), &origin))
            return origin;
        end = from > 0 ? from - 1 : 0;
    }
    return origin;
}

/* --- visitors ----------------------------------------------------------------------------- */

static struct address counted(const struct address *a)
{
    struct address key = *a;

    if (!is_ipv4(a))
        memset(key.bytes + 8, 0, 8);
    return key;
}

static struct address site_of(const struct address *a)
{
    struct address key = *a;

    memset(key.bytes + 6, 0, 10);
    key.bytes[15] = 48; /* counted() leaves nothing there */
    return key;
}

static struct visitor *find(const struct guard *g, const struct address *a)
{
    struct address key = counted(a);

    return table_get(g->visitors, view_make(&key, sizeof(key)));
}

static void forget(struct guard *g, struct visitor *v)
{
    struct visitor *site = v->site;

    (void)table_remove(g->visitors, view_make(&v->key, sizeof(v->key))); /* it is v */
    mem_free(v);
    if (!site || --site->n_members > 0)
        return;
    (void)table_remove(g->visitors, view_make(&site->key, sizeof(site->key))); /* the same */
    mem_free(site);
}

static struct visitor *make(struct guard *g, const struct address *key)
{
    struct visitor *v = mem_zalloc(sizeof(*v));

    if (!v)
        return NULL;
    list_init(&v->link);
    v->key = *key;
    if (table_add(g->visitors, view_make(&v->key, sizeof(v->key)), v)) {
        mem_free(v);
        return NULL;
    }
    return v;
}

static struct visitor *make_address(struct guard *g, const struct address *a)
{
    struct address key = counted(a);
    struct address site = site_of(a);
    struct visitor *v = make(g, &key);

    if (!v || is_ipv4(a))
        return v;
    v->site = table_get(g->visitors, view_make(&site, sizeof(site)));
    if (!v->site)
        v->site = make(g, &site);
    if (!v->site) {
        forget(g, v);
        return NULL;
    }
    v->site->n_members++;
    return v;
}

/* The right list for @v, at its end. One that holds a connection and is not known is in none. */
static void place(struct guard *g, struct visitor *v)
{
    list_remove(&v->link);
    if (v->known) {
        list_add_tail(&g->known, &v->link);
    } else if (v->holds.connections == 0) {
        list_add_tail(&g->gone, &v->link);
        g->n_gone++;
    }
}

/* Out of its list. */
static void take(struct guard *g, struct visitor *v)
{
    if (!v->known && v->holds.connections == 0)
        g->n_gone--;
    list_remove(&v->link);
}

/* NULL when there is no memory. Whoever is known keeps its place, which only what it proves changes; a
 * stranger is in no list: place() or a connection is next. */
static struct visitor *meet(struct guard *g, const struct address *a)
{
    struct visitor *v = find(g, a);

    if (v) {
        if (!v->known)
            take(g, v);
        return v;
    }
    if (g->n_gone >= LIMIT_ADDRESSES) {
        v = LIST_ENTRY(g->gone.next, struct visitor, link);
        take(g, v);
        forget(g, v);
    }
    return make_address(g, a);
}

static void hold(struct holding *h, int64_t connections, int64_t bytes)
{
    h->connections += connections;
    h->bytes += bytes;
}

static void count(struct guard *g, struct visitor *v, int64_t connections, int64_t bytes)
{
    hold(&v->holds, connections, bytes);
    if (v->known)
        return;
    hold(&g->strangers, connections, bytes);
    if (v->site)
        hold(&v->site->holds, connections, bytes);
}

struct visitor *guard_enter(struct guard *g, const struct address *a)
{
    struct visitor *v = meet(g, a);

    if (!v)
        return NULL;
    count(g, v, 1, 0);
    return v;
}

void guard_leave(struct guard *g, struct visitor *v)
{
    count(g, v, -1, 0);
    if (v->known || v->holds.connections > 0)
        return;
    if (v->n_strikes == 0)
        forget(g, v);
    else
        place(g, v);
}

void guard_count_bytes(struct guard *g, struct visitor *v, int64_t bytes)
{
    count(g, v, 0, bytes);
}

const struct holding *guard_strangers(const struct guard *g)
{
    return &g->strangers;
}

const struct visitor *guard_crowded(const struct guard *g, const struct visitor *v)
{
    if (v->known)
        return NULL;
    if ((uint64_t)v->holds.connections > g->max_connections)
        return v;
    if (v->site && (uint64_t)v->site->holds.connections > LIMIT_SITE * g->max_connections)
        return v->site;
    return NULL;
}

const struct visitor *guard_heavy(const struct visitor *v)
{
    if (v->known)
        return NULL;
    if (v->holds.bytes > (int64_t)LIMIT_ADDRESS_BODIES)
        return v;
    if (v->site && v->site->holds.bytes > (int64_t)LIMIT_SITE * LIMIT_ADDRESS_BODIES)
        return v->site;
    return NULL;
}

/* --- what was proven ---------------------------------------------------------------------- */

/* Known or not: what @v holds counts on the other side from now on. */
static void turn(struct guard *g, struct visitor *v, bool known)
{
    struct holding h = v->holds;

    take(g, v);
    count(g, v, -h.connections, -h.bytes);
    v->known = known;
    g->n_known = known ? g->n_known + 1 : g->n_known - 1;
    count(g, v, h.connections, h.bytes);
    place(g, v);
}

void guard_prove(struct guard *g, struct visitor *v, int64_t mono_ms)
{
    v->verified_ms = mono_ms;
    if (v->known) {
        place(g, v); /* the last to be forgotten */
        return;
    }
    if (g->n_known >= LIMIT_KNOWN)
        turn(g, LIST_ENTRY(g->known.next, struct visitor, link), false);
    turn(g, v, true);
}

void guard_age(struct guard *g, int64_t mono_ms)
{
    while (!list_is_empty(&g->known)) {
        struct visitor *v = LIST_ENTRY(g->known.next, struct visitor, link);

        if (mono_ms - v->verified_ms < LIMIT_KNOWN_MS)
            return;
        turn(g, v, false);
    }
}

/* --- what was not ------------------------------------------------------------------------- */

static bool is_over(const struct visitor *v, uint32_t rate, int64_t mono_ms)
{
    return v && v->second == mono_ms / 1000 && v->n_strikes > rate;
}

static bool is_struck(const struct visitor *v, int64_t mono_ms)
{
    return is_over(v, LIMIT_UNVERIFIED_RATE, mono_ms) ||
           (v && is_over(v->site, LIMIT_SITE * LIMIT_UNVERIFIED_RATE, mono_ms));
}

bool guard_is_struck(const struct guard *g, const struct address *a, int64_t mono_ms)
{
    return is_struck(find(g, a), mono_ms);
}

bool guard_is_flooding(const struct guard *g, const struct address *a, int64_t mono_ms)
{
    const struct visitor *v = find(g, a);

    return v && !v->known && is_struck(v, mono_ms);
}

static void strike(struct visitor *v, int64_t mono_ms)
{
    if (v->second != mono_ms / 1000) {
        v->second = mono_ms / 1000;
        v->n_strikes = 0;
    }
    v->n_strikes++;
}

bool guard_strike(struct guard *g, const struct address *a, int64_t mono_ms)
{
    struct visitor *v = meet(g, a);

    if (!v)
        return true;
    if (!v->known)
        place(g, v);
    strike(v, mono_ms);
    if (v->site)
        strike(v->site, mono_ms);
    return is_struck(v, mono_ms);
}
