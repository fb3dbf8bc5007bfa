#pragma once

/* Events of the connector API that a caller may send again: the first is kept and answered 202
 * `accepted`, the same again 200 `duplicate`, another body under the same key 409. */

#include "base/buf.h"

struct connector_words;
struct event;
struct exchange;
struct ingress;

/* @key is what makes a repeat (ingress/repeat.h). The answer is decided in any case. */
void connector_append_once(struct ingress *in, struct exchange *x, struct event *e,
                           struct view key, const struct connector_words *words);
