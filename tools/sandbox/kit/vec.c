/* What: an array that doubles. base has none; the logs are searched by halves. */
#include "tools/sandbox/kit/vec.h"

#include <errno.h>

#include "base/mem.h"

int vec_reserve(struct vec *v)
{
    size_t cap = v->cap ? v->cap * 2 : 16;
    void **at = NULL;

    if (v->n < v->cap)
        return 0;
    at = mem_realloc(v->at, cap * sizeof(*at));
    if (!at)
        return -ENOMEM;
    v->at = at;
    v->cap = cap;
    return 0;
}

int vec_add(struct vec *v, void *p)
{
    int rc = vec_reserve(v);

    if (rc)
        return rc;
    v->at[v->n++] = p;
    return 0;
}

void vec_fini(struct vec *v)
{
    mem_free(v->at);
    *v = (struct vec){0};
}
