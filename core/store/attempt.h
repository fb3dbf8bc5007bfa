#pragma once

/* Attempts: the evidence. Errors and ownership: core/store/store.h. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "core/model/rows.h"

struct json_writer;
struct store;

AMO_MUSTCHECK int store_attempt_add(struct store *s, const struct attempt_row *a);
enum unclear_attempts {
    UNCLEAR_NONE,
    UNCLEAR_SLIGHT, /* answers that hardly ever hide a success: 408, 503 */
    UNCLEAR_ANY,
};
/* What the attempts of a command that still waits leave open, in the account @scope. A refusal is among them: it was not
 * believed, since the other side refuses what it has already, else the command would wait no more. */
AMO_MUSTCHECK int store_command_unclear(struct store *s, int64_t id, const char *scope,
                                        enum unclear_attempts *ret);
/* This store was put back: whatever it holds up to @id may have been done since. */
AMO_MUSTCHECK int store_commands_unsure(struct store *s, int64_t id);
AMO_MUSTCHECK int store_command_unsure(struct store *s, int64_t id, bool unsure);
/* When the first attempt of a message to a service began that had no clear outcome (no answer, a cut
 * one, a failure of the server's): the service may have taken it. 0: none, or a refusal came after it,
 * which a service that had it would not give. */
AMO_MUSTCHECK int store_message_unclear(struct store *s, int64_t message,
                                        int64_t *ret_since_ms);
/* May a service have a message that another one is to send? An attempt had no clear outcome, and no refusal came
 * after it. Not counted are those that did not reach it, or that it put off (408, 429, 503). */
AMO_MUSTCHECK int store_message_maybe_at_service(struct store *s, int64_t message, bool *ret);
/* Where a message to amo may be: the chats that its attempts were sent to, and those of its
 * conversation, in any account. Another number than 0 ends the walk. */
typedef int store_place_fn(void *arg, struct view scope, struct view chat);
AMO_MUSTCHECK int store_message_places(struct store *s, const struct message *m,
                                       store_place_fn *fn, void *arg);
/* May an attempt have left it to amo to find the chat? True also when nothing is known of any. */
AMO_MUSTCHECK int store_message_unplaced(struct store *s, int64_t message, bool *ret);
/* Was a conversation of the account @scope merged into @conversation, and is not known which chat amo has by our name of
 * that one? A forgotten core, or an attempt without an answer, may have begun such a chat. */
AMO_MUSTCHECK int store_merged_unplaced(struct store *s, int64_t conversation,
                                        struct view scope, bool *ret);
/* Amo knows @chat by our name of the message's conversation: did a manager's card begin that chat, and only after
 * the message came? Then our name led elsewhere before. False when that other chat is known. */
AMO_MUSTCHECK int store_chat_took_name(struct store *s, const struct message *m,
                                       struct view scope, struct view chat, bool *ret);
/* Adds to @w's open object which status amo is told: "tells", and "code" with a failure. @status: 1, 2,
 * -1; 0 none, and nothing is added. @code: 901 to 905, 0 none. */
void store_add_tells(struct json_writer *w, int64_t status, int64_t code);
/* Of the newest LIMIT_LIST_ROWS attempts of a command, in the order in which they began, JSON objects appended to
 * @w's open array. Each has its number as "attempt" or, if it tried whether a held destination works again, as
 * "probe": these are counted separately. */
AMO_MUSTCHECK int store_attempts_json(struct store *s, int64_t command, struct json_writer *w);
/* Something else that happened to a message. */
struct journey_step {
    int64_t at_ms; /* wall time */
    const char *what;
    struct view words; /* VIEW_NONE none */
};
/* The same of a message's attempts, with @steps, which are in order, where they belong in time. */
AMO_MUSTCHECK int store_journey_json(struct store *s, int64_t message,
                                     const struct journey_step *steps, size_t n,
                                     struct json_writer *w);
/* How many calls were made for a command, but for probes; and how many of these. Probes of a destination that gave
 * the same answer as before are not in the store. */
AMO_MUSTCHECK int store_attempts_count(struct store *s, int64_t command, int64_t *ret_n,
                                       int64_t *ret_probes);
/* How the last attempt of a command ended, or the last that was to deliver a message. Appends the evidence. STORE_E_NONE:
 * there was none that is known. */
struct last_attempt {
    int64_t outcome;
    int64_t cause;
    int64_t status; /* 0 there was no answer */
};
AMO_MUSTCHECK int store_attempt_last(struct store *s, int64_t command, struct last_attempt *ret,
                                     struct buf *ret_evidence);
AMO_MUSTCHECK int store_message_attempt_last(struct store *s, int64_t message,
                                             struct last_attempt *ret,
                                             struct buf *ret_evidence);
