#pragma once

/* The numbers ingress shows at /metrics. Owned by the ingress, made once at start. */

#include <stdint.h>

#include "base/compiler.h"
#include "base/stats.h"
#include "ingress/http/places.h"

struct request;
struct spool;

/* The counter of one source and result, so that counting searches no names. */
struct tally {
    const char *result; /* compared as a pointer: the words are constants */
    int source;
    struct stat_counter *counter;
};

/* Of one side and answer: who heard it. */
struct refused_tally {
    unsigned status;
    int source;
    struct stat_rows *rows;
};

struct metrics {
    struct stats *stats;           /* owned */
    const char *process;           /* borrowed: its name */
    struct stat_histogram *accept; /* whole head to answer, accepted ones, seconds */
    struct stat_counter *flushes;
    struct stat_counter *flushed_events;
    struct stat_counter *crowded; /* connections refused: there was no memory for them */
    struct stat_counter *cut;     /* connections cut for slowness */
    struct stat_rows *warned;     /* requests with warnings, by connector */
    struct stat_rows *over_share; /* requests refused for it, by connector or scope */
    struct stat_rows *spool_connector;
    struct stat_rows *spool_connector_events;
    struct stat_gauge *spool_amojo;
    struct stat_counter *put_out[PLACE_N_REASONS];
    struct stat_counter *malformed; /* heads refused */
    struct stat_counter *flooding;  /* bodies not read, as their address was over its rate */
    struct stat_gauge *spool_events;
    struct stat_gauge *spool_bytes;
    struct stat_gauge *spool_lost;
    struct stat_gauge *connections;
    struct stat_gauge *strangers;   /* of these, from addresses that verified nothing lately */
    struct stat_gauge *body_bytes;  /* unverified */
    struct stat_gauge *token_bytes; /* of bodies behind a good token */
    struct tally tallies[32];
    unsigned n_tallies;
    struct refused_tally refused[48]; /* two sides, and each status that we answer */
    unsigned n_refused;
};

AMO_MUSTCHECK int metrics_init(struct metrics *f, const char *process);
void metrics_fini(struct metrics *f);
/* An answer left (or is about to): amo_webhooks_total and amo_accept_seconds. */
void metrics_count(struct metrics *f, const struct request *x, int64_t mono_us);
/* A request of @name, which the registry knows, was answered @status, 400 or more. */
void metrics_count_refused(struct metrics *f, int source, unsigned status, struct view name);
/* How many places are taken. */
void metrics_places(struct metrics *f, const struct places *p);
/* A request proved itself by what is being rotated out: @kind "channel_secret",
 * "connector_secret" or "connector_token" of @name, as the registry spells it. */
void metrics_count_previous(struct metrics *f, const char *kind, const char *name);
