/* Wrappers around malloc and its relatives. They count allocations, and make one of them fail
 * when a test asks for it. And free and realloc themselves, for the whole process: they wipe. */

#include "base/mem.h"

#include <malloc.h>
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

/* --- wiping --------------------------------------------------------------------------------- */

/* A sanitizer has its own free, and fills what is freed itself. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                     \
    __has_feature(memory_sanitizer)
#define MEM_IS_WATCHED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEM_IS_WATCHED
#endif

#if defined(__GLIBC__) && !defined(MEM_IS_WATCHED)

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): glibc's own name of free, for
 * those who put another in its place.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): glibc's are reserved names. */
void __libc_free(void *p);

void free(void *p)
{
    if (!p)
        return;
    explicit_bzero(p, malloc_usable_size(p));
    __libc_free(p);
}

/* glibc's would free the old block without asking us. */
void *realloc(void *p, size_t n)
{
    size_t had = p ? malloc_usable_size(p) : 0;
    void *moved = NULL;

    if (p && n <= had && n > had / 2)
        return p;
    if (p && n == 0) {
        free(p);
        return NULL;
    }
    moved = malloc(n);
    if (!moved || !p)
        return moved;
    memcpy(moved, p, n < had ? n : had);
    free(p);
    return moved;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name)
 * NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

#endif
