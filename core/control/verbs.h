#pragma once

/* The functions behind the verbs of proto/control.h; core/verbs.c has their table. */

#include "core/control/control.h"
#include "proto/control.h"

#define PROTOTYPE(symbol, verb, kind, args, answer) control_verb_fn verb_##symbol;
CONTROL_VERBS(PROTOTYPE)
#undef PROTOTYPE
