#pragma once

/* Strings that somebody owns. */

#include <stddef.h>

#include "base/compiler.h"

/* Replace @*field by a copy of @text (NULL: by NULL); without memory the old one stays. */
void text_set(char **field, const char *text);
/* Free them all; each may be NULL. */
#define TEXTS_FREE(...)                                                                        \
    texts_free((char *[]){__VA_ARGS__}, AMO_COUNT(((char *[]){__VA_ARGS__})))
void texts_free(char **texts, size_t n);
