#pragma once

/* The route of amojo's webhooks: decides at the head what can be decided without the body, else sets `whole`. */

struct request;
struct ingress;

void amo_route_head(struct ingress *in, struct request *x);
