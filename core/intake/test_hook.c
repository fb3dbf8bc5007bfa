/* Test webhooks: who waits for which. */

#include "core/intake/test_hook.h"
#include "core/intake/intake.h"

void test_hook_await(struct core *c, struct test_hook *h)
{
    list_add_tail(&c->intake->door_tests, &h->link);
}

void test_hook_came(struct core *c, struct view nonce)
{
    for (struct list *i = c->intake->door_tests.next; i != &c->intake->door_tests;
         i = i->next) {
        struct test_hook *h = LIST_ENTRY(i, struct test_hook, link);

        if (!view_is(nonce, h->nonce))
            continue;
        h->came(h);
        return;
    }
}
