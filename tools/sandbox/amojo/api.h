#pragma once

/* The amojo side of the sandbox: calls under /v2/origin/custom/.
 *
 * amojo_api_handle() finds the channel, checks the signature, writes the journal and sends
 * the call through the gate to one of the functions of calls.h. */

struct request;
struct sandbox;

/* Takes the request over. */
void amojo_api_handle(struct sandbox *s, struct request *x);
