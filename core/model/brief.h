#pragma once

/* Ids as people write them: the first eight characters or more of an id that amo made, where no other
 * one begins so. Reads the registry; knows nothing of who asks. */

#include "proto/registry.h"

#define BRIEF_MIN 8 /* characters; fewer are no id cut short, but a name or a slip of the pen */

/* The account that @word names: its scope id, the beginning of its amojo id, or the beginning of its
 * channel's id, "_" and the beginning of its amojo id. NULL when no account is meant, or several;
 * *ret_n: how many are. */
const struct reg_scope *brief_scope(const struct registry *r, struct view word, size_t *ret_n);
/* The same for a channel: its id, or the beginning of it. */
const struct reg_channel *brief_channel(const struct registry *r, struct view word,
                                        size_t *ret_n);

#define BRIEF_MOST (2 * BRIEF_MIN + 1)
/* What people are shown in place of @s's id, from which brief_scope() finds it: the first characters of its amojo id,
 * or of its channel's id and of that. @ret: BRIEF_MOST + 1. False, and "": other accounts begin so as well, or its id
 * was not made by amo. */
bool brief_of_scope(const struct registry *r, const struct reg_scope *s,
                    char ret[BRIEF_MOST + 1]);
