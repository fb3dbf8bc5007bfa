#pragma once

/* What testers drive and look at under /_sandbox/; docs/sandbox.md. */

#include "tools/sandbox/acts/answer.h"

struct request;
struct sandbox;

/* Takes the request over. */
void control_handle(struct sandbox *s, struct request *x);

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
control_fn control_wait;

/* One act each. */
act_fn act_client_write;
act_fn act_client_report;
act_fn act_client_edit;
act_fn act_client_react;
act_fn act_client_type;
act_fn act_client_call;
act_fn act_manager_write;
act_fn act_manager_write_first;
act_fn act_manager_react;
act_fn act_manager_type;
act_fn act_webhook;
