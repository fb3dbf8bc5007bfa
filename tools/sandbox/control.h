#pragma once

/* What testers drive and look at under /_sandbox/; docs/sandbox.md. */

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "tools/sandbox/jread.h"

struct amojo_scope;
struct exchange;
struct sandbox;

/* Takes the exchange over. */
void control_handle(struct sandbox *s, struct exchange *x);

/* Answer with @o, which is taken over. */
void control_answer(struct exchange *x, int status, struct json_object *o);
/* Answer with an error body. */
void control_refuse(struct exchange *x, int status, const char *code, const char *field,
                    const char *message);

/* One request of a tester; @rest is what follows the route in the path ("" = nothing), decoded.
 * The handler answers. */
struct control_request {
    struct exchange *x;
    struct json_object *body; /* NULL when there is none; borrowed */
    const char *query;
    const char *rest;
};
typedef void control_fn(struct sandbox *s, const struct control_request *q);

control_fn control_settings_get;
control_fn control_settings_patch;
control_fn control_channels_post;
control_fn control_channels_get;
control_fn control_scopes_post;
control_fn control_scopes_get;
control_fn control_connectors_post;
control_fn control_connectors_get;
control_fn control_faults_post;
control_fn control_faults_get;
control_fn control_faults_delete;
control_fn control_reset;

control_fn control_manager_writes;
control_fn control_manager_writes_first;
control_fn control_manager_reacts;
control_fn control_manager_types;
control_fn control_webhooks_post;
control_fn control_client_writes;
control_fn control_client_statuses;
control_fn control_client_edits;
control_fn control_client_reacts;
control_fn control_client_types;
control_fn control_client_calls;

control_fn control_list_amojo_messages;
control_fn control_list_amojo_chats;
control_fn control_list_amojo_statuses;
control_fn control_list_amojo_actions;
control_fn control_list_service_messages;
control_fn control_list_service_events;
control_fn control_list_webhooks;
control_fn control_list_client_calls;
control_fn control_list_journal;

/* What one act led to: 0, or a status with words in @c (404, 400, 409, 507). @ret_item is the
 * new object shown to the tester. */
typedef int control_act_fn(struct sandbox *s, struct json_object *act, struct jcheck *c,
                           struct json_object **ret_item);
/* Run @fn for one act, for each of an array, or `count` times with {n} and {c} filled in. */
void control_each(struct sandbox *s, const struct control_request *q, control_act_fn *fn);
/* The scope an act names, or the only one; NULL with words. */
struct amojo_scope *control_scope(struct sandbox *s, struct json_object *act, struct jcheck *c);
