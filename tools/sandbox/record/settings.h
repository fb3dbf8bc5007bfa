#pragma once

/* What a tester may turn while the sandbox runs; docs/sandbox.md, section 1. */

#include <stdint.h>

#include "tools/sandbox/kit/jread.h"

enum settings_journal {
    JOURNAL_FULL,
    JOURNAL_BRIEF,
    JOURNAL_OFF
};

/* The webhook for a message imported in a CRM user's name. */
enum settings_echo {
    ECHO_OFF,
    ECHO_AFTER, /* sent beside the answer of the call */
    ECHO_EARLY  /* the answer waits until the webhook is answered */
};

/* Which edition of its reference amojo reads delivery statuses by. */
enum settings_spelling {
    SPELLING_ANY,
    SPELLING_OLD, /* msgid and delivery_status */
    SPELLING_NEW  /* status_code */
};

/* Words and truths are kept as numbers, by their place in the table. */
struct settings {
    int64_t clock_offset_ms;
    int64_t repeat;           /* 200 or 400 */
    int64_t history_delay_ms; /* a message is not in the history before */
    int64_t status_spelling;  /* enum settings_spelling */
    int64_t adopt_unknown;
    int64_t webhook_timeout_ms;
    int64_t webhook_newline;
    int64_t webhook_concurrency;
    int64_t client_concurrency;
    int64_t client_timeout_ms;
    int64_t client_backoff_ms;
    int64_t client_backoff_max_ms;
    int64_t client_give_up; /* attempts, 0 = never */
    int64_t echo;           /* enum settings_echo */
    int64_t lenient_files;  /* name and size of a file may be missing */
    int64_t tls_verify;
    int64_t keep_alive;
    int64_t journal; /* enum settings_journal */
    int64_t max_journal;
    int64_t max_messages;
    int64_t max_log;
};

void settings_init(struct settings *s);
/* Change what @o names. On a mistake nothing is changed and @c says why. */
void settings_patch(struct settings *s, struct json_object *o, struct jcheck *c);
/* A new object with all of them. */
struct json_object *settings_json(const struct settings *s);
