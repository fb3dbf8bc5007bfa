#pragma once

/* Commands that wait. Errors and ownership: core/store/store.h. */

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "core/model/rows.h"

struct store;

AMO_MUSTCHECK int store_command_add(struct store *s, const struct command_row *c,
                                    int64_t *ret_id);
AMO_MUSTCHECK int store_command(struct store *s, int64_t id, struct command_row *ret);
AMO_MUSTCHECK int store_command_progress(struct store *s, int64_t id, int64_t attempts,
                                         int64_t next_ms, int64_t lost);
/* No worker was lost because of it. */
AMO_MUSTCHECK int store_command_acquit(struct store *s, int64_t id);
AMO_MUSTCHECK int store_command_settle(struct store *s, int64_t id);
/* The lanes in which something waits, from the one after @after on: @max at most, by their number. */
AMO_MUSTCHECK int store_lanes(struct store *s, int64_t after, int64_t *ret, size_t max,
                              size_t *ret_n);
/* The command that is to deliver the message @message, its newest. STORE_E_NONE. */
AMO_MUSTCHECK int store_command_of_message(struct store *s, int64_t message, int64_t *ret);
/* The commands behind number @after, up to @newest, in their order; @message 0: of whichever message. */
struct command_ids {
    int64_t *ids; /* the caller's */
    size_t max;
    size_t n;
};
AMO_MUSTCHECK int store_commands_behind(struct store *s, int64_t message, int64_t after,
                                        int64_t newest, struct command_ids *ret);
/* The number given last; 0 none waits. */
AMO_MUSTCHECK int store_command_newest(struct store *s, int64_t *ret);
/* The commands that wait about a message, oldest first, @max at most. */
AMO_MUSTCHECK int store_message_commands(struct store *s, int64_t message, int64_t *ret_ids,
                                         size_t max, size_t *ret_n);
/* Every waiting command in intake order, without its body. The callback returns 0 or an error
 * that ends the walk. */
typedef int store_command_fn(void *arg, const struct command_row *row);
AMO_MUSTCHECK int store_commands_walk(struct store *s, store_command_fn *fn, void *arg);
