#pragma once

/* Which path means what. Heads come here from the door. */

struct exchange;

/* door_config's head; @arg is the struct ingress. */
void routes_head(void *arg, struct exchange *x);
