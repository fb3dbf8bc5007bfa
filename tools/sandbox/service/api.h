#pragma once

/* The Mobilon side of the sandbox: what a service does with POST /mobilon/{connector}. */

struct request;
struct sandbox;

/* Takes the request over. */
void service_api_handle(struct sandbox *s, struct request *x);
