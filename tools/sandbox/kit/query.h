#pragma once

/* The query of a URL: k=v&k=v, percent-encoded. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    QUERY_VALUE_MAX = 512
};

/* Decoded value of the first @key; "" when absent or longer than fits. */
void query_get(const char *query, const char *key, char ret[QUERY_VALUE_MAX]);
/* The same as a number; @otherwise when absent or no number. */
int64_t query_int(const char *query, const char *key, int64_t otherwise);
/* Decode @n bytes of a path segment; false when it does not fit @cap. */
bool query_decode(const char *text, size_t n, char *ret, size_t cap);
