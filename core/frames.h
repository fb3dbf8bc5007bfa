#pragma once

/* Frames of the edges: each is held against its session and handed to the room whose matter it is. A frame
 * of a session core does not know is answered HELLO_AGAIN and not acted upon. */

#include "core/turn/turn.h"

struct bus_message;

/* Sockets became readable: read a batch. @arg is the core. */
void frames_events_readable(void *arg);
void frames_commands_readable(void *arg);
/* One frame that came by @s from a process that may speak there. */
void frames_take(struct core *c, struct bus_socket *s, const struct bus_message *m);
/* Once a second: forget who fell silent. */
void frames_tick(struct core *c, int64_t now_mono_ms);
