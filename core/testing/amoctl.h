#pragma once

/* For tests only: amoctl by hand. A call is sent over the real socket of the rig, its answer comes
 * after the turn's end. */

#include "base/json.h"
#include "core/testing/rig.h"

struct reply {
    int code;
    struct json *doc; /* NULL: none */
    char error[1024];
    char next[1024];
};

/* The rig, and amoctl's end of its control socket. */
int ctl_setup(void **state);
int ctl_teardown(void **state);
/* One call; its answer is for ctl_wait. */
void ctl_call(struct rig *r, const char *verb, const char *args);
/* Runs core until an answer comes or core gives up, at most @ms; @now_ms is the time its tick
 * believes in, 0 the real one. */
bool ctl_wait(struct rig *r, int ms, int64_t now_ms, struct reply *ret);
/* What a tick of core does for calls that wait. */
void ctl_tick(struct rig *r, int64_t now_mono_ms);
/* One call that core does not answer yet, because it waits for ingresses or for a remote side: core
 * has it when this returns, however busy the machine is. */
void ctl_begin(struct rig *r, const char *verb, const char *args);
/* What a live ingress does when REGISTRY comes: its next heartbeat says that it holds it. */
void ctl_ingress_holds_registry(struct rig *r);
/* Both; the answer's document is freed by the caller. */
struct reply ctl_ask(struct rig *r, const char *verb, const char *args);
/* It must be answered with success; with @code and a sentence that has @words. */
void ctl_fine(struct rig *r, const char *verb, const char *args);
void ctl_sad(struct rig *r, const char *verb, const char *args, int code, const char *words);
/* A text and a number of the answer. */
void ctl_text(const struct reply *reply, const struct json_node *n, const char *path,
              const char *want);
int64_t ctl_int(const struct json_node *n, const char *path);
