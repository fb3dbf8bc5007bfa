#pragma once

/* What passes between ingress and core beside the spool: typing, questions, bodies out of
 * quarantine. Nothing of it is kept or promised. Part of push.c. */

#include "base/buf.h"
#include "base/compiler.h"

struct edge;
struct event;
struct push_config;
struct query;

/* 0; anything else: it was not sent, and will not be. */
AMO_MUSTCHECK int beside_ephemeral(struct edge *edge, const struct event *e);
AMO_MUSTCHECK int beside_query(struct edge *edge, const struct query *q);
/* ANSWER and REPLAY, to those of @config who want them. */
void beside_answered(const struct push_config *config, struct view body);
void beside_replay(const struct push_config *config, struct view body);
