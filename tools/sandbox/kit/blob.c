/* What: counted bytes, in one piece of memory with their count. */
#include "tools/sandbox/kit/blob.h"

#include <string.h>

#include "base/mem.h"

struct blob *blob_new(const void *bytes, size_t len)
{
    struct blob *b = mem_alloc(sizeof(*b) + len + 1);

    if (!b)
        return NULL;
    b->refs = 1;
    b->len = len;
    if (len)
        memcpy(b->bytes, bytes, len);
    b->bytes[len] = '\0';
    return b;
}

struct blob *blob_hold(struct blob *b)
{
    if (b)
        b->refs++;
    return b;
}

void blob_drop(struct blob *b)
{
    if (b && --b->refs == 0)
        mem_free(b);
}
