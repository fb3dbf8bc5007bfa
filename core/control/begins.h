#pragma once

/* An id of which only the beginning is given: tables show the first eight characters. */

#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

struct control_ask;
struct message;

/* The one id of a message, or of an event that is kept, that begins with @word: copied to *ret_full, which is the
 * caller's. 0 with NULL when none does, or @word is too short; EXIT_FAILED when several do, with words, and a row for
 * each to choose from as array `candidates`: nothing else may have been written. -Exxx. */
AMO_MUSTCHECK int begins_find(struct control_ask *ask, struct view word, char **ret_full);
/* The one message that has the whole id @word: @ret, empty before, is to be ended with message_fini; its id stays 0
 * when none has it.
 * EXIT_FAILED when several have it, as above; each candidate is named by its mid. */
AMO_MUSTCHECK int begins_whole(struct control_ask *ask, struct view word, struct message *ret);
/* The message that has the id @word, or the one whose id begins so: @ret is to be ended with message_fini. EXIT_FAILED with
 * words when there is none, and as above. */
AMO_MUSTCHECK int begins_message(struct control_ask *ask, struct view word,
                                 struct message *ret);
/* What an order is about: the message that argument `id` names, by any of its ids or the beginning of one; the
 * conversation whose number (ours) argument `conversation` is. 0 where nothing is given. 0, EXIT_FAILED or EXIT_USAGE
 * with words, -Exxx. */
AMO_MUSTCHECK int begins_message_given(struct control_ask *ask, int64_t *ret);
AMO_MUSTCHECK int begins_conversation_given(struct control_ask *ask, int64_t *ret);
