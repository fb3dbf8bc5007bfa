#pragma once

/* What a service of Mobilon cannot be given as it is, in the shape it can be given: words instead
 * of parts. Nothing is dropped in silence: what no shape fits is refused with words for the
 * manager. Pure. The rules are a table in docs/connector.md, "What becomes of what". */

#include "base/buf.h"
#include "base/compiler.h"
#include "proto/content.h"

/* Of the numbers that mean no delivery to amo. */
#define FALLBACK_ERROR_FIRST 901
#define FALLBACK_ERRORS      5

/* Why a manager's message cannot be given to a client, in the manager's words; NULL: it can. */
const char *fallback_objection(const struct content *c);
/* @c in the shape in which it is sent: a forwarded message takes the place of an empty one or follows
 * the text before it, an unknown type becomes text or file, a file without a link its caption, a
 * place or card without its parts their text, a part the type
 * has no place for a line; with @quote the quoted text comes first, line by line
 * behind "> ". Texts that had to be made are in @made (initialised by the caller) and borrowed by
 * @c. -ENOMEM, -ENOSPC. */
AMO_MUSTCHECK int fallback_outbound(struct content *c, bool quote, struct buf *made);
/* The quoted words lead the text, line by line behind "> ", and nothing is quoted any more: for a
 * channel without quotes. As fallback_outbound for @made. */
AMO_MUSTCHECK int fallback_quote(struct content *c, struct buf *made);
/* One of the six words for something with a file. */
bool fallback_is_file(struct view type);
/* The number that means no delivery to amo, for a service's word of it: 901…905. */
int64_t fallback_error_code(struct view code);
/* The service's word for such a number; "other" for 905, which every word beside the four has. */
const char *fallback_error_word(int64_t number);
