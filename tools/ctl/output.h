#pragma once

/* What amoctl says: answers on stdout, words on stderr, each made harmless for a terminal. All
 * return what amoctl exits with. */

#include "base/buf.h"
#include "tools/common/args.h"

/* Words for people on stderr; with --json the same as a document on stdout. @a may be NULL:
 * words alone. Returns @code. */
int output_error(const struct args *a, int code, const char *words);
/* The same as the member `error` of the object that @w is in; nothing is said. */
struct json_writer;
void output_add_error(struct json_writer *w, int code, const char *words);
int output_no_memory(const struct args *a);
/* A document as JSON, or as the verb says that people read it: without what is @said on stderr, and with
 * @names of accounts; NULL: they have none. */
struct names;
int output_document(const struct args *a, struct view json, struct view said,
                    const struct names *names);
/* A text on stdout as it is. */
int output_text(struct view text);
/* The same of what was made in @out, unless it could not be. */
int output_buf(const struct buf *out);
