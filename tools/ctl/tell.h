#pragma once

/* What goes wrong, told to whoever asked: to people in words, to programs as one document. */

#include "base/buf.h"
#include "tools/common/args.h"

/* Words on stderr; with --json the same as a document on stdout. @a may be NULL: words alone.
 * Returns @code. */
int tell(const struct args *a, int code, const char *words);
int tell_memory(const struct args *a);
/* @out to stdout; EXIT_FINE, or EXIT_FAILED with words. */
int tell_output(const struct buf *out);
