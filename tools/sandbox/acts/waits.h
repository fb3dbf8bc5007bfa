#pragma once

/* Testers who wait for something to become true, so that no test ever sleeps. */

#include <stddef.h>

#include "base/list.h"

struct sandbox;

struct waits {
    struct list list;
    size_t n;
};

void waits_init(struct waits *w);
/* Answer those whose wish is true; at the end of every turn of the loop. */
void waits_check(struct sandbox *s);
