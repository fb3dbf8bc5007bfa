#pragma once

/* The registry in the store: channels, connectors, scopes, sources; secrets sealed with the master key.
 * Errors and ownership: core/store/store.h. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "core/model/rows.h"
#include "proto/registry.h"

struct keys;
struct store;

AMO_MUSTCHECK int store_registry_load(struct store *s, const struct keys *keys,
                                      struct registry **ret_registry);
/* Adds one to the version. */
AMO_MUSTCHECK int store_registry_bump(struct store *s);
/* @answer: support's answer without its secret, JSON; VIEW_NONE keeps the one that is there.
 * Replaces a channel of the same id. */
AMO_MUSTCHECK int store_channel_put(struct store *s, const struct keys *keys,
                                    const struct reg_channel *c, struct view answer);
AMO_MUSTCHECK int store_channel_answer(struct store *s, struct view id, struct buf *ret_json);
AMO_MUSTCHECK int store_connector_put(struct store *s, const struct keys *keys,
                                      const struct reg_connector *c);
AMO_MUSTCHECK int store_connector_off(struct store *s, struct view name, bool off);
/* With its sources and the accounts that left; no account may be connected. */
AMO_MUSTCHECK int store_channel_remove(struct store *s, struct view id);
AMO_MUSTCHECK int store_connector_remove(struct store *s, struct view name);
/* A scope that is there keeps its pause, its default source, and the later time of connecting. */
AMO_MUSTCHECK int store_scope_put(struct store *s, const struct reg_scope *scope);
/* Paused since @now_ms, unless it is already; and resumed: the commands of the scope are credited
 * with the time they were paused, so that a restart does not forget it. */
AMO_MUSTCHECK int store_scope_pause(struct store *s, struct view id, struct view who,
                                    int64_t now_ms);
AMO_MUSTCHECK int store_scope_resume(struct store *s, struct view id, int64_t now_ms);
/* STORE_E_NONE when it is not paused. */
AMO_MUSTCHECK int store_scope_paused_since(struct store *s, struct view id, int64_t *ret_ms);
/* Appends who paused it; nothing when that is not known, or it is not paused. */
AMO_MUSTCHECK int store_scope_paused_by(struct store *s, struct view id, struct buf *ret_who);
/* An automatic connect call is made now. */
AMO_MUSTCHECK int store_scope_reconnecting(struct store *s, struct view id, int64_t now_ms);
/* Disconnect: hides the account from the edges and pauses it. Reconnect: undoes both. */
AMO_MUSTCHECK int store_scope_leave(struct store *s, struct view id, int64_t now_ms);
AMO_MUSTCHECK int store_scope_come_back(struct store *s, struct view id, int64_t now_ms);
/* From which number a manager writes who names none; "" any. */
AMO_MUSTCHECK int store_scope_default_source(struct store *s, struct view id,
                                             struct view source);
AMO_MUSTCHECK int store_source_put(struct store *s, struct view connector, struct view source,
                                   struct view scope);
/* It also stops being a default. */
AMO_MUSTCHECK int store_source_remove(struct store *s, struct view connector,
                                      struct view source);
