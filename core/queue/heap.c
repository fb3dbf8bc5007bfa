/* A binary heap ordered by due time. */

#include "core/queue/heap.h"

#include <assert.h>

#include "base/mem.h"

void heap_fini(struct heap *h)
{
    mem_free(h->items);
    *h = (struct heap){0};
}

bool heap_reserve(struct heap *h, size_t n)
{
    size_t cap = h->cap ? h->cap * 2 : 64;
    void *p = NULL;

    if (n + 1 < h->cap)
        return true;
    while (cap <= n + 1)
        cap *= 2;
    p = mem_realloc(h->items, cap * sizeof(struct due *));
    if (!p)
        return false;
    h->items = p;
    h->cap = cap;
    return true;
}

static void heap_set(struct heap *h, size_t at, struct due *d)
{
    h->items[at] = d;
    d->heap_at = at;
}

static void heap_up(struct heap *h, size_t at)
{
    struct due *d = h->items[at];

    while (at > 1 && h->items[at / 2]->mono_ms > d->mono_ms) {
        heap_set(h, at, h->items[at / 2]);
        at /= 2;
    }
    heap_set(h, at, d);
}

static void heap_down(struct heap *h, size_t at)
{
    struct due *d = h->items[at];

    for (size_t child = at * 2; child <= h->n; child = at * 2) {
        if (child < h->n && h->items[child + 1]->mono_ms < h->items[child]->mono_ms)
            child++;
        if (h->items[child]->mono_ms >= d->mono_ms)
            break;
        heap_set(h, at, h->items[child]);
        at = child;
    }
    heap_set(h, at, d);
}

void heap_add(struct heap *h, struct due *d)
{
    assert(h->n + 1 < h->cap); /* room was made when its owner came in */
    heap_set(h, ++h->n, d);
    heap_up(h, h->n);
}

void heap_remove(struct heap *h, struct due *d)
{
    size_t at = d->heap_at;
    struct due *last = h->items[h->n--];

    d->heap_at = 0;
    if (last == d)
        return;
    heap_set(h, at, last);
    heap_up(h, at);
    heap_down(h, last->heap_at);
}

struct due *heap_first(const struct heap *h)
{
    return h->n ? h->items[1] : NULL;
}
