#pragma once

/* What was refused of channels and connectors that the registry knows: a line in the log, a figure, and of each
 * kind the last one and how many, which heartbeats tell core (amoctl refused, doctor).
 *
 * Bounded, whatever strangers send: a kind is made of words of ours; each sender has TRAIL_OF_ONE kinds, verified
 * and not verified apart; and what was not verified never takes the place of what was. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/refusal.h"

struct ingress;
struct request;

#define TRAIL_ROWS   128U /* kinds of all senders */
#define TRAIL_OF_ONE 12U  /* of one sender, verified or not */
#define TRAIL_NAME   128U /* bytes of a name; a channel's id has 36 */

struct trail_row {
    enum refusal_side side;
    char name[TRAIL_NAME + 1];
    unsigned status;
    const char *code; /* constants, as in struct request */
    const char *field;
    const char *reason;
    bool verified;
    char id[REFUSAL_TEXT + 1];
    char from[REFUSAL_TEXT + 1];
    uint64_t n; /* since; 0: the row is free */
    int64_t since_unix_ms;
    int64_t last_unix_ms;
    bool told; /* to core, as it is */
};

struct trail {
    struct trail_row rows[TRAIL_ROWS];
    size_t next; /* told again next, changed or not */
    struct buf text;
};

/* One refusal. Borrowed. */
struct trail_what {
    enum refusal_side side;
    struct view name;
    unsigned status;
    const char *code;
    const char *field;
    const char *reason;
    bool verified;
    struct view id;
    const char *from;
};

void trail_init(struct trail *t);
void trail_fini(struct trail *t);
/* The kind's count and its last one. A count begins anew when there was none for an hour. */
void trail_note(struct trail *t, const struct trail_what *w, int64_t now_unix_ms);
/* Some rows (proto/refusal.h): what is new, and each of the others in its turn, for a core that has missed it.
 * VIEW_NONE: there are none. Borrowed until the next call. */
struct view trail_text(struct trail *t);
/* All of it is new to whoever is told next. */
void trail_again(struct trail *t);

/* The answer of @x, which is decided, is a refusal: listener_config's refused, @arg is the struct ingress. Nothing
 * is done when it is about nobody known. */
void trail_request(void *arg, const struct request *x);
/* push_config's refusals, likewise. */
struct view trail_tell(void *arg);
/* One item of its list was refused, of message @id. */
void trail_item(struct ingress *in, const struct request *x, unsigned status, const char *code,
                const char *field, struct view id);
