#pragma once

/* What an ingress refused, as its heartbeat tells core: of each kind, how often and the last one. A kind is who
 * asked, the answer, and whether the request was verified. All texts are borrowed. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

enum refusal_side {
    REFUSAL_CHANNEL = 1, /* amojo, by a channel's webhook */
    REFUSAL_CONNECTOR,   /* a service, by a connector's API */
};

/* Bytes of the texts; longer ones are cut. */
#define REFUSAL_WORD 40U /* code, reason */
#define REFUSAL_TEXT 64U /* field, id, address */
#define REFUSAL_ROWS 16U /* rows in one heartbeat */

struct refusal {
    uint64_t side;     /* enum refusal_side */
    struct view name;  /* of a channel its id; of a connector its name */
    uint64_t status;   /* of the answer; of one item of a list: 422 */
    struct view code;  /* the answer's error.code */
    struct view field; /* its error.field; none: nothing in particular */
    struct view
        reason;    /* a word that the answer does not say: "signature", "token", …; or none */
    bool verified; /* by a token or a signature: it was who it says it is */
    struct view id;   /* of the last one: the message's or the webhook's id; or none */
    struct view from; /* of the last one: its address */
    uint64_t n;       /* since */
    int64_t since_ms; /* wall times of the first and the last one */
    int64_t last_ms;
};

/* One packed list: its head, then @n rows. */
AMO_MUSTCHECK int refusals_begin(struct buf *out, size_t n);
AMO_MUSTCHECK int refusals_add(struct buf *out, const struct refusal *r);
/* Each row of it to @fn, REFUSAL_ROWS at most; its texts borrow @bytes. What is no row is left out.
 * PACK_E_MALFORMED, -ENOMEM. */
typedef void refusal_fn(void *arg, const struct refusal *r);
AMO_MUSTCHECK int refusals_decode(struct view bytes, refusal_fn *fn, void *arg);
