#pragma once

/* Which conversations a word means, for whoever asks about one: our number, any id of either side (of the
 * chat, of the client, of a message in it), a phone in any spelling, or the client's name. Only looks, and
 * never at more than a bounded number of rows. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/json.h"

struct control_ask;
struct conversation;
struct core;
struct core_command;

#define NAMED_MAX    20    /* conversations that one word may name */
#define NAMED_NUMBER "id:" /* before a number: it is ours, and no id of anybody else */

struct named {
    int64_t ids[NAMED_MAX]; /* in the order in which they are shown */
    size_t n;
    bool more;       /* there are others */
    int64_t looked;  /* at so many names of clients; 0: the word is no name */
    int64_t unnamed; /* and not at those before this number; 0: at all of them */
};

/* By ids and phones; if nobody is known by them, by name among the newest clients. -Exxx. */
AMO_MUSTCHECK int named_look(struct core *c, struct view word, struct named *ret);
/* Nobody is: EXIT_FAILED with words. */
AMO_MUSTCHECK int named_nobody(struct control_ask *ask, const struct named *named);
/* Nobody is: by an id of a message that begins so. EXIT_FAILED with words and rows if there are several. */
AMO_MUSTCHECK int named_begin(struct control_ask *ask, struct view word, struct named *ret);
/* All in one. */
AMO_MUSTCHECK int named_find(struct control_ask *ask, struct view word, struct named *ret);
/* Is it one, and surely the only one? */
static inline bool named_is_one(const struct named *named)
{
    return named->n == 1 && !named->unnamed;
}
/* By ids and phones of conversations and of their clients alone: no message's id, and no name. */
AMO_MUSTCHECK int named_by_id(struct core *c, struct view word, struct named *ret);
/* Those whose client's name has @word in it, whatever the case, the accents and the number of blanks: among the newest before the
 * number @before, for a few milliseconds. */
AMO_MUSTCHECK int named_by_name(struct core *c, struct view word, int64_t before,
                                struct named *ret);
/* Several are meant: a row for each, to choose from, as array `conversations`; EXIT_FAILED with words. */
AMO_MUSTCHECK int named_choose(struct control_ask *ask, const struct named *named);

/* The conversation's own ids and state, members of @w's open object; with them phone and name, masked unless
 * @reveal, and the account's title. */
void named_json(struct core *c, const struct conversation *conv, bool reveal,
                struct json_writer *w);

/* "inbound", or "outbound" whoever of the two sides wrote it; and in which of them it was written. */
const char *named_direction(int64_t direction);
const char *named_writer(int64_t direction);

/* What waits in a conversation's lanes. */
struct waits {
    size_t n;                         /* commands, in both directions */
    bool more;                        /* there are more than were counted */
    int64_t oldest_s;                 /* how long the oldest has waited */
    const struct core_command *first; /* that one; NULL nothing waits */
};
void waits_of(const struct core *c, int64_t conversation, struct waits *ret);
/* Members of @w's open object: "waiting"; "oldest_s" and the reason as "why", if anything does. -Exxx of the store. */
AMO_MUSTCHECK int waits_json(struct core *c, const struct waits *waits, struct json_writer *w);
