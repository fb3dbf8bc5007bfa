#pragma once

/* Sessions of ingress and egress processes: HELLO, WELCOME, heartbeats, silence. A frame of a
 * session core does not know is answered HELLO_AGAIN and not acted upon. */

#include "core/core.h"

/* Sockets became readable: read a batch and hand every frame to its handler. */
void peers_events_readable(void *arg);
void peers_commands_readable(void *arg);
/* Once a second: forget who fell silent. */
void peers_tick(struct core *c, int64_t now_mono_ms);
void peers_free(struct core *c);

/* A peer core has heard from lately. */
bool peer_is_alive(const struct peer *p, int64_t now_mono_ms);
/* The worker with most room for a command of @bytes; NULL when there is none. */
struct peer *peers_pick_worker(struct core *c, size_t bytes, int64_t now_mono_ms);
/* Do all live ingresses hold registry @version? */
bool peers_hold_registry(const struct core *c, uint64_t version, int64_t now_mono_ms);
/* Send at once (no promise hangs on it). @trace may be NULL. */
void peer_send(struct core *c, struct peer *p, enum msg_kind kind, const struct id *trace,
               struct view body);
/* GOING to every ingress: this end is in order. @counts: something failed that the event in hand may
 * be the cause of, so the same one must not be in hand too often. */
void peers_say_going(struct core *c, bool counts);
/* REGISTRY to every edge. */
void peers_send_registry(struct core *c);
/* The sessions that other processes than @boot have with this spool are over. */
void peers_end_others(struct core *c, const struct spool *s, const struct id *boot);
/* Nothing of this session is acted upon any more; it is asked to say HELLO again when this turn is
 * committed. */
void peer_end(struct core *c, struct peer *p);
/* All commands that @p holds go back to their lanes: its boot is proven dead. */
void peer_lose_commands(struct core *c, struct peer *p);
