#pragma once

/* An id of which only the beginning is given: tables show the first eight characters. */

#include "base/buf.h"
#include "base/compiler.h"

struct control_ask;
struct message;

/* The one id of a message, or of an event that is kept, that begins with @word: copied to *ret_full, which is the
 * caller's. 0 with NULL when none does, or @word is too short; EXIT_FAILED when several do, with words, and a row for
 * each to choose from as array `candidates`: nothing else may have been written. -Exxx. */
AMO_MUSTCHECK int begins_find(struct control_ask *ask, struct view word, char **ret_full);
/* The message that has the id @word, or the one whose id begins so: @ret is to be ended with message_fini. EXIT_FAILED with
 * words when there is none, and as above. */
AMO_MUSTCHECK int begins_message(struct control_ask *ask, struct view word,
                                 struct message *ret);
