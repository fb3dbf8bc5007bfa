#pragma once

/* What a number of amoctl probe means. Pure. */

#include <stdbool.h>
#include <stdint.h>

/* so long the history is looked into */
#define PROBE_HISTORY_MS 60000

struct probe_finding {
    bool open; /* it stays a question */
    char text[2048];
};

/* The message was @found in the history @took_ms after it was sent, or not at all; @last: what
 * the last look was answered. */
void probe_finding_history(bool found, int64_t took_ms, const char *last,
                           struct probe_finding *ret);
