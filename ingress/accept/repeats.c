/* Opens, confirms and writes the two indexes of repeats.
 *
 * From: ingress.c. To: the spool's room. Holds: nothing. */

#include "ingress/accept/repeats.h"

#include "base/clock.h"
#include "base/num.h"
#include "ingress/ingress.h"
#include "ingress/spool/repeat.h"
#include "ingress/spool/spool.h"

static int learn(void *arg, uint64_t number, struct view aux)
{
    struct ingress *in = arg;
    int rc = repeat_learn(in->repeat, number, aux);

    return rc ? rc : repeat_learn(in->webhooks, number, aux);
}

int repeats_open(struct ingress *in, const char *dir)
{
    uint64_t from = 0;
    int rc = repeat_open(dir, clock_unix_ms(), &in->repeat);

    rc = rc ? rc : repeat_open_webhooks(dir, clock_unix_ms(), &in->webhooks);
    if (rc)
        return rc;
    from = num_min(repeat_known_to(in->repeat), repeat_known_to(in->webhooks)) + 1;
    if (from > spool_next(in->spool))
        from = 1; /* a log of another spool */
    rc = spool_visit(in->spool, from, learn, in);
    repeats_confirm(in);
    return rc;
}

void repeats_close(struct ingress *in)
{
    repeat_close(in->repeat);
    repeat_close(in->webhooks);
    in->repeat = NULL;
    in->webhooks = NULL;
}

bool repeats_are_open(const struct ingress *in)
{
    return in->repeat && in->webhooks;
}

void repeats_confirm(struct ingress *in)
{
    repeat_confirm(in->repeat, spool_next(in->spool));
    repeat_confirm(in->webhooks, spool_next(in->spool));
}

int repeats_sync(struct ingress *in)
{
    int rc = repeat_sync(in->repeat);

    return rc ? rc : repeat_sync(in->webhooks);
}
