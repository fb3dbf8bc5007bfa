#pragma once

/* For tests only: the bus of a test program, and a loop that runs until a case has seen enough. */

#include <stdbool.h>

#include "proto/bus/loop.h"

/* For cmocka_run_group_tests: what every program with sockets does once. */
int loops_begin(void **state);
int loops_end(void **state);

typedef bool loops_done_fn(void *arg);

struct loops_wait {
    struct loop *loop;
    loops_done_fn *done;
    void *arg;
    bool late;
};

/* Runs @loop until @done(@arg) holds, which is asked every 2 ms; after 8 s without it the case
 * fails. A loop runs once, so a case has one wait. */
void loops_run(struct loop *loop, loops_done_fn *done, void *arg);
/* The same around a process that runs @loop itself: before it does, and after it has. */
void loops_wait_begin(struct loops_wait *w, struct loop *loop, loops_done_fn *done, void *arg);
void loops_wait_end(const struct loops_wait *w);
