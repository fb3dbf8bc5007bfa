#pragma once

/* Events of the connector API that a caller may send again: the first is kept and answered 202
 * `accepted`, the same again 200 `duplicate`, another body under the same key 409. */

struct connector_words;
struct event;
struct request;
struct ingress;
struct repeat_name;

/* @name is what makes a repeat. The answer is decided in any case. */
void connector_append_once(struct ingress *in, struct request *x, struct event *e,
                           const struct repeat_name *name, const struct connector_words *words);
