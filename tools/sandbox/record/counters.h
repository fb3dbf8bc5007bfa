#pragma once

/* How often what happened. One list gives names and fields; docs/sandbox.md says what each
 * counts. */

#include <stdint.h>

#include <json-c/json.h>

#define COUNTERS(X)                                                                            \
    X(amojo_calls, "amojo.calls")                                                              \
    X(amojo_forbidden, "amojo.forbidden")                                                      \
    X(amojo_refused, "amojo.refused")                                                          \
    X(amojo_connects, "amojo.connects")                                                        \
    X(amojo_disconnects, "amojo.disconnects")                                                  \
    X(amojo_chats, "amojo.chats")                                                              \
    X(amojo_leads, "amojo.leads")                                                              \
    X(amojo_messages, "amojo.messages")                                                        \
    X(amojo_repeats, "amojo.repeats")                                                          \
    X(amojo_edits, "amojo.edits")                                                              \
    X(amojo_statuses, "amojo.statuses")                                                        \
    X(amojo_backwards, "amojo.backwards")                                                      \
    X(amojo_typings, "amojo.typings")                                                          \
    X(amojo_reactions, "amojo.reactions")                                                      \
    X(amojo_histories, "amojo.histories")                                                      \
    X(webhooks_queued, "webhooks.queued")                                                      \
    X(webhooks_sent, "webhooks.sent")                                                          \
    X(webhooks_ok, "webhooks.ok")                                                              \
    X(webhooks_refused, "webhooks.refused")                                                    \
    X(webhooks_lost, "webhooks.lost")                                                          \
    X(service_calls, "service.calls")                                                          \
    X(service_forbidden, "service.forbidden")                                                  \
    X(service_refused, "service.refused")                                                      \
    X(service_messages, "service.messages")                                                    \
    X(service_events, "service.events")                                                        \
    X(service_repeats, "service.repeats")                                                      \
    X(service_doubles, "service.doubles")                                                      \
    X(client_queued, "client.queued")                                                          \
    X(client_accepted, "client.accepted")                                                      \
    X(client_duplicates, "client.duplicates")                                                  \
    X(client_retries, "client.retries")                                                        \
    X(client_failed, "client.failed")                                                          \
    X(status_queued, "status.queued")                                                          \
    X(status_accepted, "status.accepted")                                                      \
    X(status_duplicates, "status.duplicates")                                                  \
    X(status_retries, "status.retries")                                                        \
    X(status_failed, "status.failed")                                                          \
    X(call_queued, "call.queued")                                                              \
    X(call_accepted, "call.accepted")                                                          \
    X(call_duplicates, "call.duplicates")                                                      \
    X(call_retries, "call.retries")                                                            \
    X(call_failed, "call.failed")                                                              \
    X(faults, "faults")                                                                        \
    X(full, "full")

struct counters {
#define COUNTERS_FIELD(field, name) uint64_t field;
    COUNTERS(COUNTERS_FIELD)
#undef COUNTERS_FIELD
};

/* Borrowed place of the counter called @name, NULL when there is none. */
const uint64_t *counters_find(const struct counters *c, const char *name);
/* A new object with all of them. */
struct json_object *counters_json(const struct counters *c);
