#pragma once

/* What the files of the calls outside lanes share: calls.c asks and is answered, look.c knows what
 * to ask about a message and what the answer means. Private to them. */

#include "core/deliver/calls.h"
#include "core/deliver/resolve.h"

struct look;

enum call_kind {
    CALL_CONNECT,
    CALL_LOOK, /* for a message in amo's history */
    CALL_ONCE, /* whatever is in `packed`, once */
};

struct call {
    struct list link;
    uint64_t id;
    enum call_kind kind;
    int64_t due_mono_ms;    /* not before; while asked: the end of the lease */
    int64_t wanted_mono_ms; /* look: due since */
    int64_t until_mono_ms;  /* connect: give up then; 0 never */
    int64_t made_mono_ms;
    bool asked;
    bool probing; /* its destination is held, and this is the one that tries whether it lives */
    struct peer *worker;
    uint64_t attempt;
    struct dest *dest;
    /* connect */
    char *channel;
    char *account;
    char *title;
    bool window_off;
    call_done_fn *done;
    void *arg;
    struct buf packed; /* once: the command */
    /* look */
    int64_t command; /* 0 none */
    struct look *look;
};

struct call *call_new(struct core *c, enum call_kind kind, struct dest *d);
/* Takes the look with it. */
void call_end(struct call *q);

void look_free(struct look *l);
/* What is to be asked next. RESOLVE_E_*, -Exxx. */
AMO_MUSTCHECK int look_body(struct core *c, struct call *q, struct resolved *r);
/* What the answer means; @q may be freed afterwards. */
void look_answer(struct core *c, struct call *q, const struct result *r);
