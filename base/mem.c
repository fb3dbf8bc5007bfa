/* Wrappers around malloc and its relatives. They count allocations, and make one of them fail
 * when a test asks for it. */

#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Only tests write these, from the one thread they have; the checkpoint thread allocates
 * through SQLite alone. */
static uint64_t allocations;
static uint64_t fail_at;

static bool mem_may_alloc(void)
{
    allocations++;
    if (fail_at == 0 || allocations != fail_at)
        return true;
    fail_at = 0;
    return false;
}

void *mem_alloc(size_t n)
{
    return mem_may_alloc() ? malloc(n ? n : 1) : NULL;
}

void *mem_zalloc(size_t n)
{
    return mem_may_alloc() ? calloc(1, n ? n : 1) : NULL;
}

void *mem_zalloc_array(size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    return mem_may_alloc() ? calloc(count ? count : 1, size ? size : 1) : NULL;
}

void *mem_realloc(void *p, size_t n)
{
    return mem_may_alloc() ? realloc(p, n ? n : 1) : NULL;
}

void mem_free(void *p)
{
    free(p);
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n)
{
    char *copy = mem_alloc(n + 1);

    if (!copy)
        return NULL;
    if (n)
        memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

void mem_fail_at(uint64_t nth)
{
    fail_at = nth ? allocations + nth : 0;
}

uint64_t mem_count(void)
{
    return allocations;
}
