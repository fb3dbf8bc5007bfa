#pragma once

/* What testers drive and look at under /_sandbox/; docs/sandbox.md. */

#include <stdbool.h>

#include "tools/sandbox/acts/answer.h"

struct exchange;
struct sandbox;

/* Takes the exchange over. */
void control_handle(struct sandbox *s, struct exchange *x);

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

/* Answer with the list at @path ("/amojo/messages"); false when there is none. */
bool control_list(struct sandbox *s, struct exchange *x, const char *path);

/* One act each. */
control_act_fn control_client_write;
control_act_fn control_client_report;
control_act_fn control_client_edit;
control_act_fn control_client_react;
control_act_fn control_client_type;
control_act_fn control_client_call;
control_act_fn control_manager_write;
control_act_fn control_manager_write_first;
control_act_fn control_manager_react;
control_act_fn control_manager_type;
control_act_fn control_webhook;
