#pragma once

/* All allocation of the project, so that a test can make the n-th one fail and a reader can
 * find every one. Not an allocator of its own: libc does the work.
 *
 * Whatever is freed in this process, by libraries too, is wiped first: a secret is on its way through frames,
 * JSON, queues and copies of the registry, and none of these is left behind in memory that nobody owns. */

#include <stddef.h>
#include <stdint.h>

/* @n bytes, not cleared. NULL when there is no memory; 0 bytes gives a unique pointer. */
void *mem_alloc(size_t n);
/* The same, cleared to zero. */
void *mem_zalloc(size_t n);
/* @count cleared elements of @size bytes; NULL also when the product overflows. */
void *mem_zalloc_array(size_t count, size_t size);
/* As realloc: on NULL the old block is still there. */
void *mem_realloc(void *p, size_t n);
/* Accepts NULL. */
void mem_free(void *p);
/* Copies with a closing NUL; NULL when there is no memory. */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);

/* For tests: let the @nth allocation from now on (1 = the next) fail, and only it; 0 = none. */
void mem_fail_at(uint64_t nth);
/* For tests: allocations made since the process began. */
uint64_t mem_count(void);
