/* Parses addresses and trusted networks, finds the real origin behind proxies, and counts
 * connections and unverified requests of each address. */

#include "ingress/http/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/table.h"
#include "proto/limits.h"

struct network {
    struct address address;
    unsigned bits;
};

struct visitor {
    struct list link; /* longest unseen first */
    struct address key;
    uint64_t n_connections;
    int64_t second; /* monotonic second the strikes belong to */
    uint32_t n_strikes;
};

struct guard {
    uint64_t max_connections;
    struct network *trusted; /* owned */
    size_t n_trusted;
    struct table *visitors;
    struct list order;
};

static int trust_add(struct guard *g, struct view text);

int guard_new(const char *trusted, uint64_t max_connections, struct guard **ret_guard)
{
    struct guard *g = mem_zalloc(sizeof(*g));
    int rc = -ENOMEM;

    if (!g)
        return -ENOMEM;
    list_init(&g->order);
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
    if (!g)
        return;
    while (!list_is_empty(&g->order)) {
        struct visitor *v = LIST_ENTRY(g->order.next, struct visitor, link);

        list_remove(&v->link);
        mem_free(v);
    }
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

/* Without brackets and port. */
static struct view bare_host(struct view text)
{
    const char *colon = text.len ? memchr(text.ptr, ':', text.len) : NULL;
    const char *close = NULL;

    if (text.len > 0 && text.ptr[0] == '[') {
        close = memchr(text.ptr, ']', text.len);
        return close ? view_make(text.ptr + 1, (size_t)(close - text.ptr) - 1) : text;
    }
    /* one colon is a port, more are an IPv6 address */
    if (colon && !memchr(colon + 1, ':', text.len - (size_t)(colon + 1 - text.ptr)))
        return view_make(text.ptr, (size_t)(colon - text.ptr));
    return text;
}

int address_parse(struct view text, struct address *ret)
{
    char host[INET6_ADDRSTRLEN];
    struct address a = {{0}};
    unsigned char four[4];

    if (view_copy(bare_host(text), host, sizeof(host)))
        return -EINVAL;
    if (inet_pton(AF_INET, host, four) == 1)
        a = from_ipv4(four);
    else if (inet_pton(AF_INET6, host, a.bytes) != 1)
        return -EINVAL;
    *ret = a;
    return 0;
}

static int trust_add(struct guard *g, struct view text)
{
    const char *slash = memchr(text.ptr, '/', text.len);
    struct network n = {.bits = 128};
    struct network *p = NULL;
    uint64_t bits = 0;
    struct view host = slash ? view_make(text.ptr, (size_t)(slash - text.ptr)) : text;

    if (address_parse(host, &n.address))
        return -EINVAL;
    if (slash) {
        unsigned offset = is_ipv4(&n.address) ? 96 : 0;

        if (num_parse_range(view_make(slash + 1, text.len - host.len - 1), 0, 128 - offset,
                            &bits))
            return -EINVAL;
        n.bits = (unsigned)bits + offset;
    }
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
        const struct network *n = &g->trusted[i];
        unsigned whole = n->bits / 8;
        unsigned rest = n->bits % 8;

        if (memcmp(n->address.bytes, a->bytes, whole) == 0 &&
            (rest == 0 || (n->address.bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0))
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

static struct address counted(const struct address *a)
{
    struct address key = *a;

    if (!is_ipv4(a))
        memset(key.bytes + 8, 0, 8);
    return key;
}

static struct visitor *find(const struct guard *g, const struct address *a)
{
    struct address key = counted(a);

    return table_get(g->visitors, view_make(&key, sizeof(key)));
}

static void forget(struct guard *g, struct visitor *v)
{
    (void)table_remove(g->visitors, view_make(&v->key, sizeof(v->key))); /* it is v */
    list_remove(&v->link);
    mem_free(v);
}

static void evict(struct guard *g)
{
    for (struct list *i = g->order.next; i != &g->order; i = i->next) {
        struct visitor *v = LIST_ENTRY(i, struct visitor, link);

        if (v->n_connections == 0) {
            forget(g, v);
            return;
        }
    }
}

/* NULL when there is no memory: then nobody is counted. */
static struct visitor *meet(struct guard *g, const struct address *a)
{
    struct visitor *v = find(g, a);

    if (!v) {
        if (table_count(g->visitors) >= LIMIT_ADDRESSES)
            evict(g);
        v = mem_zalloc(sizeof(*v));
        if (!v)
            return NULL;
        list_init(&v->link);
        v->key = counted(a);
        if (table_add(g->visitors, view_make(&v->key, sizeof(v->key)), v)) {
            mem_free(v);
            return NULL;
        }
    }
    list_remove(&v->link);
    list_add_tail(&g->order, &v->link);
    return v;
}

bool guard_enter(struct guard *g, const struct address *a)
{
    struct visitor *v = meet(g, a);

    if (!v)
        return false;
    if (v->n_connections >= g->max_connections && !guard_trusts(g, a))
        return false;
    v->n_connections++;
    return true;
}

void guard_leave(struct guard *g, const struct address *a)
{
    struct visitor *v = find(g, a);

    if (v && v->n_connections > 0 && --v->n_connections == 0 && v->n_strikes == 0)
        forget(g, v);
}

bool guard_is_struck(const struct guard *g, const struct address *a, int64_t mono_ms)
{
    const struct visitor *v = find(g, a);

    return v && v->second == mono_ms / 1000 && v->n_strikes > LIMIT_UNVERIFIED_RATE;
}

bool guard_strike(struct guard *g, const struct address *a, int64_t mono_ms)
{
    struct visitor *v = meet(g, a);

    if (!v)
        return true;
    if (v->second != mono_ms / 1000) {
        v->second = mono_ms / 1000;
        v->n_strikes = 0;
    }
    v->n_strikes++;
    return v->n_strikes > LIMIT_UNVERIFIED_RATE;
}
