#pragma once

/* From the command line to core's arguments: one JSON object. Reads the files that options name;
 * secrets come from files only, never from the command line. */

#include "base/buf.h"
#include "base/compiler.h"
#include "tools/common/args.h"

enum {
    ARGUMENTS_E_USAGE = 1, /* a file cannot be read or holds no text; said in @why */
};

/* Appends the object to @out, which may then hold secrets: wipe it. @out's limit is the limit of
 * what a file may hold. 0, ARGUMENTS_E_USAGE, -ENOMEM, -ENOSPC. */
AMO_MUSTCHECK int arguments_write(const struct args *a, struct buf *out, struct buf *ret_why);
