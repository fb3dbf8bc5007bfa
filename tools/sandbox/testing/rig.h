#pragma once

/* A whole sandbox inside the test, with a client that calls it over a socket and a bridge that
 * takes what it sends. Every failure ends the test; nothing waits longer than ten seconds. */

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "tools/sandbox/record/world.h"

struct listener;

/* One request on its way. */
struct rig_client {
    int fd;
    struct buf in; /* what came back so far */
};

/* What the bridge was called with last. */
struct rig_seen {
    unsigned n; /* calls so far */
    char method[16];
    char path[256];
    char signature[128];  /* X-Signature or webhook-signature */
    char key[64];         /* Idempotency-Key */
    char bearer[128];     /* Authorization */
    char webhook_id[128]; /* of a service */
    struct json_object *body;
    char last_byte;
};

struct rig {
    struct sandbox sandbox;
    struct listener *bridge;
    int bridge_status;       /* what it answers */
    const char *bridge_body; /* static */
    bool bridge_is_slow;     /* it answers after 50 ms */
    struct rig_seen seen;
    /* The last answer. */
    int status; /* 0 = the connection was closed without one */
    char headers[1024];
    struct json_object *answer; /* NULL = no JSON */
};

/* For cmocka: *state is a rig with a channel "ch" (secret "secret"), an account "acc" connected
 * to it (scope "ch_acc", manager in rig_manager()), and a connector "wa", all leading to its bridge. */
int rig_setup(void **state);
int rig_teardown(void **state);
#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

/* Let the loop run once. */
void rig_turn(struct rig *r);
/* Until the bridge has been called @n times in all; until nothing is queued any more. */
void rig_await_calls(struct rig *r, unsigned n);
void rig_await_idle(struct rig *r);

/* Send "POST /path" with @headers (lines, "" = none) and the bytes of @body; take the answer. */
void rig_send(struct rig *r, const char *line, const char *headers, const char *body);
/* The same in two steps, for a test that waits in between. */
void rig_begin(struct rig *r, struct rig_client *c, const char *line, const char *headers,
               const char *body);
void rig_end(struct rig *r, struct rig_client *c);

/* As a tester: below /_sandbox, @body with ' for ", NULL = none. Answered @status. */
void rig_ask(struct rig *r, int status, const char *line, const char *body);
/* As the bridge to amojo, signed; @line below /v2/origin/custom/. */
void rig_amojo(struct rig *r, int status, const char *line, const char *body);
void rig_amojo_begin(struct rig *r, struct rig_client *c, const char *line, const char *body);
/* new_message or edit_message (@event) in the account's scope; @payload: its members but the times. */
void rig_message(struct rig *r, int status, const char *event, const char *payload);
/* As the bridge to the service "wa", signed. */
void rig_service(struct rig *r, int status, const char *webhook_id, const char *body);

/* The last answer has @want (with ' for ") at @path. */
void rig_expect(struct rig *r, const char *path, const char *want);
/* The last call to the bridge had it in its body. */
void rig_expect_seen(struct rig *r, const char *path, const char *want);
/* How often a counter counted. */
uint64_t rig_count(struct rig *r, const char *counter);
const char *rig_manager(struct rig *r);
