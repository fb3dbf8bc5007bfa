/* The line of doctor about what operators changed within the day: whoever finds something broken asks that first.
 *
 * From: doctor.c. To: the caller. Holds: nothing. */

#include <string.h>

#include "base/clock.h"
#include "core/doctor/doctor.h"
#include "core/doctor/doctor_line.h"
#include "core/store/peers.h"

#define LATELY_MS 86400000
#define LOOKED    500 /* of the newest */
#define NAMED     3

struct changed {
    int64_t since_ms;
    int64_t now_ms;
    int64_t n;
    struct buf words;
};

static int add_change(void *arg, const struct store_order *o)
{
    char at[CLOCK_ISO_LEN + 1];
    struct changed *c = arg;
    struct view args = view_cut(o->args, 120);

    /* what a clock that was ahead has written is not of today */
    if (o->at_ms < c->since_ms || o->at_ms > c->now_ms)
        return 0;
    if (c->n++ >= NAMED)
        return 0;
    clock_format_iso(o->at_ms, at);
    (void)buf_add_f(&c->words, "%s%.*sZ %.*s by %.*s", c->words.len ? "; " : "",
                    (int)(sizeof("2026-11-30T10:05") - 1), at, (int)o->verb.len, o->verb.ptr,
                    (int)o->user.len, o->user.ptr); /* errors stick in the buf */
    if (args.len)
        (void)buf_add_f(&c->words, " (%.*s)", (int)args.len, args.ptr);
    if (!view_is(o->outcome, "done"))
        (void)buf_add_f(&c->words, ", %.*s", (int)o->outcome.len, o->outcome.ptr);
    return 0;
}

int doctor_changed(struct control_ask *ask)
{
    struct changed c = {.now_ms = clock_unix_ms()};
    struct check line = {.name = "changed", .severity = SEVERITY_GREEN};
    int rc = 0;

    c.since_ms = c.now_ms - LATELY_MS;
    buf_init(&c.words, 1500);
    rc = store_orders_changed(ask->core->store, LOOKED, add_change, &c);
    if (rc == 0 && c.n == 0)
        check_add(ask->w, &line, "no operator has changed anything within a day");
    else if (rc == 0)
        check_add(ask->w, &line, "orders within a day: %lld%s; see amoctl audit. The last: %s",
                  (long long)c.n, c.n >= LOOKED ? " and more" : "", buf_str(&c.words));
    buf_fini(&c.words);
    return rc;
}
