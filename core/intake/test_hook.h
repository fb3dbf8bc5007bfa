#pragma once

/* Test webhooks on their way: sent by a worker to the public address, and waited for at the other
 * end of the ordinary road: public listener, spool, core. */

#include "core/turn/turn.h"

/* A check that waits for one; a member of its own struct. */
struct test_hook {
    struct list link; /* in core->intake->door_tests; alone otherwise */
    char nonce[ID_TEXT_LEN + 8];
    void (*came)(struct test_hook *h); /* it is here */
};

/* @h->nonce and @h->came are set. Until it has come or its owner takes it off the list. */
void test_hook_await(struct core *c, struct test_hook *h);
/* One came through. Ignored unless a check waits for this very one. */
void test_hook_came(struct core *c, struct view nonce);
