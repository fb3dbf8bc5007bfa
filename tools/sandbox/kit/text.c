/* What: strings that are replaced whole or not at all. */
#include "tools/sandbox/kit/text.h"

#include "base/mem.h"

void text_set(char **field, const char *text)
{
    char *copy = text ? mem_strdup(text) : NULL;

    if (text && !copy)
        return;
    mem_free(*field);
    *field = copy;
}

void texts_free(char **texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mem_free(texts[i]);
}
