#pragma once

/* What amo was told last of a message, in the one way in which all answers say it. */

#include "base/buf.h"
#include "base/json.h"
#include "core/model/rows.h"

/* Members of @w's open object: "told", a word ("delivered", "read", "failed", "delayed") or null for nothing yet; if
 * there is one also "told_status", the number that amo got, and what is known of "told_at", "told_code",
 * "told_words" and "service_code". */
void told_json(const struct message *m, struct json_writer *w);
/* What a message's reason, which is a word of core's or the name of a cause, says to people. NULL: the word says it by
 * itself. */
const char *reason_words(struct view reason);
