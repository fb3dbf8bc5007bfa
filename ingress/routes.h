#pragma once

/* Which path means what. Heads come here from the listener. */

struct request;

/* listener_config's head; @arg is the struct ingress. */
void routes_head(void *arg, struct request *x);
