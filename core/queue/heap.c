/* A binary heap ordered by due time. Each command stores its index in the heap, so that it can
 * be removed from the middle. */

#include "core/queue/heap.h"

#include <assert.h>

#include "base/mem.h"

bool queue_heap_reserve(struct queue *q)
{
    size_t cap = q->heap_cap ? q->heap_cap * 2 : 64;
    void *p = NULL;

    if (table_count(q->commands) + 2 < q->heap_cap)
        return true;
    p = mem_realloc(q->heap, cap * sizeof(struct core_command *));
    if (!p)
        return false;
    q->heap = p;
    q->heap_cap = cap;
    return true;
}

static void heap_set(struct queue *q, size_t at, struct core_command *c)
{
    q->heap[at] = c;
    c->heap_at = at;
}

static void heap_up(struct queue *q, size_t at)
{
    struct core_command *c = q->heap[at];

    while (at > 1 && q->heap[at / 2]->due_mono_ms > c->due_mono_ms) {
        heap_set(q, at, q->heap[at / 2]);
        at /= 2;
    }
    heap_set(q, at, c);
}

static void heap_down(struct queue *q, size_t at)
{
    struct core_command *c = q->heap[at];

    for (size_t child = at * 2; child <= q->n_heap; child = at * 2) {
        if (child < q->n_heap && q->heap[child + 1]->due_mono_ms < q->heap[child]->due_mono_ms)
            child++;
        if (q->heap[child]->due_mono_ms >= c->due_mono_ms)
            break;
        heap_set(q, at, q->heap[child]);
        at = child;
    }
    heap_set(q, at, c);
}

void queue_heap_add(struct queue *q, struct core_command *c)
{
    assert(q->n_heap + 1 < q->heap_cap); /* room was made when the command came in */
    heap_set(q, ++q->n_heap, c);
    heap_up(q, q->n_heap);
}

void queue_heap_remove(struct queue *q, struct core_command *c)
{
    size_t at = c->heap_at;
    struct core_command *last = q->heap[q->n_heap--];

    c->heap_at = 0;
    if (last == c)
        return;
    heap_set(q, at, last);
    heap_up(q, at);
    heap_down(q, last->heap_at);
}
