#pragma once

/* The functions behind the verbs; core/verbs.c has the table. */

#include "core/control/control.h"

control_verb_fn verb_status, verb_clock_show, verb_clock_agree, verb_channel_add,
    verb_channel_list, verb_channel_show, verb_channel_secret, verb_channel_remove,
    verb_connector_add, verb_connector_list, verb_connector_show, verb_connector_rotate,
    verb_connector_remove, verb_account_connect, verb_account_disconnect, verb_account_list,
    verb_account_pause, verb_account_resume, verb_source_add, verb_source_list,
    verb_source_remove, verb_source_default, verb_conversation_list, verb_conversation_show,
    verb_conversation_import, verb_queue, verb_queue_drop, verb_dead_list, verb_dead_show,
    verb_dead_retry, verb_dead_drop, verb_quarantine_list, verb_quarantine_show,
    verb_quarantine_replay, verb_quarantine_drop, verb_connector_test, verb_trace, verb_doctor,
    verb_doctor_check, verb_probe_call, verb_erase;
