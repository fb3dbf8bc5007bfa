#pragma once

/* Forgetting, as far as a tester wants. */

struct sandbox;

/* How much of what to forget. */
enum sandbox_reset {
    RESET_LOGS,
    RESET_TRAFFIC,
    RESET_ALL
};
void sandbox_reset(struct sandbox *s, enum sandbox_reset what);
