/* What: strings that are replaced whole or not at all. */
#include "tools/sandbox/kit/text.h"

#include <stddef.h>

#include "base/mem.h"

void text_set(char **field, const char *text)
{
    char *copy = text ? mem_strdup(text) : NULL;

    if (text && !copy)
        return;
    mem_free(*field);
    *field = copy;
}
