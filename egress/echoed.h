#pragma once

/* What a remote side repeats in its answer of the message it was sent: that is somebody's words, and goes to no
 * store and to no screen with the cause of a failure. Pure. */

#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "proto/command.h"

/* Replaces by "…", in what @b has from @from on, whatever it repeats of the texts, names and addresses in @command: a
 * whole one of at least 8 characters, or 16 or more in a row; also where it is escaped as in JSON. Of a phone its
 * last digits go, however they are grouped. It grows no longer. -ENOMEM: it is as before. */
AMO_MUSTCHECK int echoed_hide(struct buf *b, size_t from, const struct command *command);
