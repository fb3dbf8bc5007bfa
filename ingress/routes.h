#pragma once

/* Which path means what. Heads come here from the door. */

struct exchange;

/* door_config's head; @arg is the struct ingress. */
void routes_head(void *arg, struct exchange *x);

/* The single routes, in files of their own: decide at the head what can be decided without the
 * body, else set `whole`. */
struct ingress;
void amo_route_head(struct ingress *in, struct exchange *x);
/* connector_message.c */
void connector_route_messages(struct ingress *in, struct exchange *x);
void connector_route_statuses(struct ingress *in, struct exchange *x);
/* connector_change.c */
void connector_route_edit(struct ingress *in, struct exchange *x);
void connector_route_reactions(struct ingress *in, struct exchange *x);
void connector_route_typing(struct ingress *in, struct exchange *x);
/* connector_query.c */
void connector_route_query(struct ingress *in, struct exchange *x);
