#pragma once

/* Variables of the environment that look like settings and are none. In a file such a mistake stops the
 * start; in the environment it cannot, because other programs may use names that begin with AMO_, too. */

#include <stdbool.h>

#include "base/compiler.h"

/* @name begins with AMO_ and is no setting. @mistake: it is meant to be one, by all appearance: it begins as
 * they do (AMO_INGRESS_…), or differs from one by a letter or two. @like is that one, NULL when none is
 * near. All are borrowed for the call. */
typedef void config_stranger_fn(void *arg, const char *name, bool mistake, const char *like);

/* In the order of the environment. */
void config_strangers(config_stranger_fn *each, void *arg);
