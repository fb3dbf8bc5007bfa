#include "tools/sandbox/kit/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int query_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool query_decode(const char *text, size_t n, char *ret, size_t cap)
{
    size_t out = 0;

    for (size_t i = 0; i < n; i++) {
        int high = text[i] == '%' && i + 3 <= n ? query_hex(text[i + 1]) : -1;
        int low = high >= 0 ? query_hex(text[i + 2]) : -1;

        if (out + 1 >= cap)
            return false;
        if (low >= 0) {
            ret[out++] = (char)(high * 16 + low);
            i += 2;
        } else {
            ret[out] = text[i];
            if (ret[out] == '+')
                ret[out] = ' ';
            out++;
        }
    }
    if (cap == 0)
        return false;
    ret[out] = '\0';
    return true;
}

void query_get(const char *query, const char *key, char ret[QUERY_VALUE_MAX])
{
    size_t n = strlen(key);

    ret[0] = '\0';
    for (const char *p = query; *p;) {
        size_t len = strcspn(p, "&");

        if (len > n && strncmp(p, key, n) == 0 && p[n] == '=') {
            if (!query_decode(p + n + 1, len - n - 1, ret, QUERY_VALUE_MAX))
                ret[0] = '\0';
            return;
        }
        p += len;
        p += *p == '&';
    }
}

int64_t query_int(const char *query, const char *key, int64_t otherwise)
{
    char text[QUERY_VALUE_MAX];
    char *end = NULL;
    long long v = 0;

    query_get(query, key, text);
    if (!text[0])
        return otherwise;
    errno = 0;
    v = strtoll(text, &end, 10);
    return errno || *end ? otherwise : (int64_t)v;
}
