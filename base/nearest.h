#pragma once

/* Which of the names that there are may somebody have meant who wrote another one? */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct nearest {
    struct view word;
    struct view name; /* the nearest so far; VIEW_NONE: none is near */
    size_t distance;  /* letters to change, leave out, put in or swap with their neighbour */
};

/* May one be meant by the other? An id of up to 96 letters as well. */
bool nearest_is_near(struct view a, struct view b);
/* @word and the names are borrowed. */
void nearest_init(struct nearest *n, struct view word);
void nearest_offer(struct nearest *n, struct view name);
