#pragma once

/* The whole sandbox: made, run, ended. The map of its parts is in record/world.h. */

#include "base/compiler.h"
#include "tools/sandbox/record/world.h"

struct request;

/* Everything but the listener; -errno. */
AMO_MUSTCHECK int sandbox_init(struct sandbox *s);
/* Hands a request to its route, by its path. */
void sandbox_handle(struct sandbox *s, struct request *x);
/* Do what is due; @wire_ready: curl's descriptor is readable. */
void sandbox_turn(struct sandbox *s, bool wire_ready);
/* Run until SIGTERM or SIGINT; -errno when the loop itself fails. */
AMO_MUSTCHECK int sandbox_run(struct sandbox *s);
/* Harmless on one that was only begun. */
void sandbox_fini(struct sandbox *s);
