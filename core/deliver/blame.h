#pragma once

/* Whose matter a failure is: the command's own, which then counts an attempt, or its
 * destination's, which then is held while the command loses nothing.
 *
 * The status alone does not say it: 403 is a lost secret or a guard that dislikes one text, 404 a
 * lost account or one deleted chat. So blame is revised by the neighbours: when another lane of
 * the destination has been served since the command failed last, what ails it is its own. */

#include "core/turn/turn.h"
#include "proto/command.h"

/* Outcome hold: by default the destination's matter. */
void blame_hold(struct core *c, struct core_command *cmd, const struct result *r);
/* Outcome retry, or unknown: by default the command's own. @reason is the cause's name; @wish_ms is
 * what Retry-After asked for, 0 nothing: that is a hold's time, not an attempt. */
void blame_retry(struct core *c, struct core_command *cmd, const char *reason, int64_t wish_ms);
/* It is not in amo's history, though it was answered 2xx: count an attempt and send it again, under
 * the same msgid; dead as "unclear" when attempts or time are used up. */
void blame_unproven(struct core *c, struct core_command *cmd);
/* Its destination is held from now on, because of what came of @cmd: a line in the log. */
void blame_tell_held(const struct core_command *cmd, enum hold_reason why);
/* What a destination is held for. */
enum hold_reason blame_hold_reason(uint64_t cause);
/* Before @cmd is sent again: others were served since it failed, so it must not be sent yet. True: its
 * turn was given back, and it waits. */
bool blame_before_it_goes(struct core *c, struct core_command *cmd, int64_t now_mono_ms);
