#pragma once

/* The Mobilon side of the sandbox: what a service does with POST /mobilon/{connector}. */

struct exchange;
struct sandbox;

/* Takes the exchange over. */
void service_api_handle(struct sandbox *s, struct exchange *x);
