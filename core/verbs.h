#pragma once

/* Every verb of amoctl with its function: the table that core.c hands to control. */

#include "core/control/control.h"

extern const struct control_verb core_verbs[];
extern const size_t core_n_verbs;
