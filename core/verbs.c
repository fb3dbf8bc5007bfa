/* The table of verbs, for control. */

#include "core/verbs.h"

#include "core/control/verbs.h"

const struct control_verb core_verbs[] = {
#define VERB(symbol, verb, kind, args, answer) {verb, verb_##symbol},
    CONTROL_VERBS(VERB)
#undef VERB
};

const size_t core_n_verbs = AMO_COUNT(core_verbs);
