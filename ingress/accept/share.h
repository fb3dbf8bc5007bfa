#pragma once

/* Whether somebody has as much here as he may have: asked at the head, before a body is read, and again when
 * the event is there. Whoever can send again hears 503 or 429 with Retry-After long before the listener
 * closes, which stays open for amojo. Decision: docs/adr/0020-shares-at-the-door.md. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct event;
struct metrics;
struct spool;
struct ingress;
struct request;
struct spool_writer;

/* Is there room for whom the path of @x names? How much the body brings is not known yet. False: the answer is
 * decided. */
bool share_left(struct ingress *in, struct request *x);
/* The spool did not take it: the answer. SPOOL_E_SHARE. */
void share_refused(struct ingress *in, struct request *x);
/* Who wrote it. Borrows the event. */
void share_writer(const struct ingress *in, const struct event *e, struct spool_writer *ret);
/* The same of an event in the spool: spool_config's writer, @arg is the struct ingress. */
void share_writer_of(void *arg, struct view body, struct spool_writer *ret);
/* The figures of who has how much. */
void share_show(struct metrics *f, const struct spool *s);
