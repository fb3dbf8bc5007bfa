#pragma once

/* QUERY → ANSWER: how far a message came, for the service that asks. */

#include "core/turn/turn.h"

/* Answered after the present turn's commit, so that no answer can be undone. */
void answer_query(struct core *c, struct peer *p, struct view body);
