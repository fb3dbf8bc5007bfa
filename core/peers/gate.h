#pragma once

/* The three sockets of core as gates: who may speak at each, by the credentials of the process at the
 * other end (settings bus/ingress_users, bus/egress_users, bus/operators), and whether their files are
 * still core's own.
 *
 * What HELLO claims to be is held against the socket it came by; that the process behind it may be that
 * is said here. */

#include <stdbool.h>

#include "base/compiler.h"

struct bus_message;
struct bus_socket;
struct callers;
struct core;

enum gate {
    GATE_EVENTS,   /* ingress */
    GATE_COMMANDS, /* egress */
    GATE_CONTROL,  /* operators */
};
#define GATES 3

/* -ENOMEM. */
AMO_MUSTCHECK int gates_new(struct core *c);
void gates_free(struct core *c);
/* Reads the settings. -EINVAL, logged, for one that names nobody; -ENOMEM. */
AMO_MUSTCHECK int gates_open(struct core *c);
/* The tap is for operators, too; NULL before gates_open. */
const struct callers *gates_operators(const struct core *c);
/* From now on @s, borrowed, is watched. */
void gates_add(struct core *c, enum gate gate, struct bus_socket *s);
/* May the process that sent @m speak here? False: it was counted and logged; @ret_words, of the gate, say
 * why not. */
bool gate_admits(struct core *c, enum gate gate, const struct bus_message *m,
                 const char **ret_words);
/* Binds anew what somebody else has bound or removed. Once a second. */
void gates_tick(struct core *c);
