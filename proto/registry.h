#pragma once

/* The registry: channels, scopes, connectors and sources, as each process holds it in memory.
 * Core owns it; edges get a copy with WELCOME and REGISTRY, each with only the secrets its role
 * needs: ingress what verifying takes, egress what signing takes. What is marked "core" stays
 * there.
 *
 * Owns its texts. Scopes and sources may be many: as they come from the store and over the bus they are in order,
 * and are searched; the others are few, and walked. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/secret.h"
#include "proto/messages.h"

#define REGISTRY_SECRETS_MAX 2 /* new and old, while one is being rotated out */

/* Since when [0] of two secrets or tokens is the one in force, and who made it so. */
struct reg_set {
    int64_t ms; /* wall time; 0: that was not written down yet */
    char *by;   /* a user of core's host; NULL or "": not known */
};

struct reg_channel {
    char *id;
    char *code;
    char *name;
    char *url; /* "https://amojo.amocrm.ru", no final slash */
    char *bot_id;
    struct secret secrets[REGISTRY_SECRETS_MAX]; /* [0] signs; both verify */
    int64_t old_until_ms;      /* core: wall time at which [1] is forgotten; 0 there is none */
    struct reg_set secret_set; /* core */
    bool no_quotes;            /* core: support has not switched quotes on */
    bool no_reactions;         /* core: nor reactions, none at all */
    char *reactions_list;      /* core: the only ones; NULL any */
    bool abroad;               /* core: of another segment than ru */
};

struct reg_scope {
    char *id; /* "<channel id>_<account amojo id>" */
    char *channel;
    char *account;
    char *connector;
    char *title;
    bool paused;
    bool disconnected;      /* it left; its commands wait as in a pause */
    int64_t left_ms;        /* core: wall time at which it left; 0 it did not */
    bool window_off;        /* core: the channel's time window does not count here */
    int64_t connected_ms;   /* core: wall time of the last connect call; 0 never */
    int64_t reconnected_ms; /* core: of the last automatic one */
    char *default_source;   /* core: from which number a manager writes who names none; NULL */
};

struct reg_connector {
    char *name;
    char *url;
    bool allow_private;
    bool off;                                    /* switched off (410) */
    struct secret secrets[REGISTRY_SECRETS_MAX]; /* decoded key bytes; [0] signs first */
    struct secret tokens[REGISTRY_SECRETS_MAX];
    int64_t
        old_until_ms; /* core: wall time at which both [1] are forgotten; 0 there are none */
    struct reg_set secret_set; /* core, as the next */
    struct reg_set token_set;
};

struct reg_source {
    char *connector;
    char *source;
    char *scope;
};

struct registry {
    uint64_t version; /* grows with every change; 0 = none yet */
    struct reg_channel *channels;
    size_t n_channels;
    struct reg_scope *scopes;
    size_t n_scopes;
    struct reg_connector *connectors;
    size_t n_connectors;
    struct reg_source *sources;
    size_t n_sources;
    /* Of both so many, from the first on, are known to be in order: scopes by id, sources by connector and name */
    size_t n_scopes_ordered;
    size_t n_sources_ordered;
};

AMO_MUSTCHECK int registry_new(struct registry **ret_registry);
void registry_free(struct registry *r);

/* Rows are appended empty; the caller fills them. NULL when there is no memory. */
struct reg_channel *registry_add_channel(struct registry *r);
struct reg_scope *registry_add_scope(struct registry *r);
struct reg_connector *registry_add_connector(struct registry *r);
struct reg_source *registry_add_source(struct registry *r);

/* All rows are there and filled: looks whether they are in order. Without it everything is found as well, but more
 * slowly. */
void registry_ready(struct registry *r);

/* NULL when unknown. */
const struct reg_channel *registry_channel(const struct registry *r, struct view id);
const struct reg_scope *registry_scope(const struct registry *r, struct view id);
/* The same, unless it was disconnected. */
const struct reg_scope *registry_scope_connected(const struct registry *r, struct view id);
const struct reg_connector *registry_connector(const struct registry *r, struct view name);
const struct reg_source *registry_source(const struct registry *r, struct view connector,
                                         struct view source);
/* Where the rows behind this one begin, in the order in which they stand; n_scopes, n_sources: nowhere. The names may be
 * empty: at the beginning. */
size_t registry_scopes_behind(const struct registry *r, struct view id);
size_t registry_sources_behind(const struct registry *r, struct view connector,
                               struct view source);
/* The channel part of a scope id: up to the first '_'; the whole when there is none. */
struct view registry_scope_channel(struct view scope_id);
/* The account part: behind the first '_'; VIEW_NONE when there is none. */
struct view registry_scope_account(struct view scope_id);

/* Which scope a connector's @source belongs to: the listed one; for a source that is not listed,
 * the connector's only scope, unless a scope that left it still has listed sources. NULL with
 * *ret_known = false when the source belongs to no scope (or to one that left), NULL with true when
 * the connector has no connected scope at all. Source: docs/delivery.md, "Registry". */
const struct reg_scope *registry_scope_of_source(const struct registry *r,
                                                 struct view connector, struct view source,
                                                 bool *ret_known);

/* One msgpack map with what @role may see. Appends. */
AMO_MUSTCHECK int registry_encode(const struct registry *r, enum role role, struct buf *out);
/* PACK_E_MALFORMED, -ENOMEM. */
AMO_MUSTCHECK int registry_decode(struct view bytes, struct registry **ret_registry);
