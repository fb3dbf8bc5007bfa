#pragma once

/* The message table: every frame that crosses between processes is one row. Numbers are never
 * reused. X(NAME, number, FROM, TO, "meaning"). docs/wire.md is checked against it. */

#include <stdint.h>

/* In which order they are sent: I: by ingress, G: by egress, E: by either of them, C: by core,
 * A: by amoctl. `a b` is a, later b; `a / b` one of them; [a] optional; *a any number of times;
 * 1*a at least once.
 *
 *   edge     = *( opening *traffic ending )
 *   opening  = 1*E:HELLO ( C:WELCOME / C:REFUSED / C:SPOOL_REFUSED )
 *   traffic  = alive / events / attempts       (they overlap: an answer names what it answers)
 *   alive    = E:HEARTBEAT C:HEARTBEAT_ANSWER / C:REGISTRY E:HEARTBEAT C:HEARTBEAT_ANSWER
 *   events   = I:EVENT_PUSH ( C:EVENT_TAKEN / [C:EVENT_TAKEN] C:EVENT_LATER ) / I:EVENT_EPHEMERAL
 *            / I:QUERY [C:ANSWER]
 *            / C:SHARES / C:REPLAY [I:EVENT_PUSH C:EVENT_TAKEN] / C:SPOOL_ROTATE [I:SPOOL_ROTATED]
 *   attempts = G:CREDIT / C:COMMAND_PUSH / G:RESULT_PUSH C:RESULT_TAKEN
 *   ending   = C:HELLO_AGAIN / [C:GOING] silence
 *   control  = A:CONTROL_CALL ( C:CONTROL_ANSWER / C:REFUSED )
 *
 * An edge sends HELLO on a new socket and after HELLO_AGAIN, every second until WELCOME, and
 * nothing else before that. SPOOL_REFUSED and GOING are sent only to ingress. REFUSED is also the
 * answer, at any time, to a frame whose number or version core does not know. Silence is five
 * seconds for the edge, which then opens a new socket; core forgets the session after fifteen,
 * or at the next HELLO of that name. EVENT_PUSH and RESULT_PUSH are sent again after ten
 * seconds without an answer, and in the next session. */

/* EDGE is INGRESS or EGRESS. */
#define MSG_TABLE(X)                                                                           \
    X(EVENT_PUSH, 1, INGRESS, CORE,                                                            \
      "events with their spool numbers and the spool's low mark")                              \
    X(EVENT_TAKEN, 2, CORE, INGRESS, "these ranges are committed; the spool may forget them")  \
    X(COMMAND_PUSH, 3, CORE, EGRESS, "make one attempt each, within the credit egress gave")   \
    X(RESULT_PUSH, 4, EGRESS, CORE,                                                            \
      "outcomes of attempts; kept until RESULT_TAKEN names them")                              \
    X(RESULT_TAKEN, 5, CORE, EGRESS, "these outcomes are committed; egress may forget them")   \
    X(HELLO, 6, EDGE, CORE, "who I am, what I hold, how much I can take")                      \
    X(WELCOME, 7, CORE, EDGE, "session open: registry, credit, how far the spool was taken")   \
    X(HELLO_AGAIN, 8, CORE, EDGE, "I do not know this session; send HELLO")                    \
    X(CREDIT, 9, EGRESS, CORE, "how many attempts and bytes I can take in all")                \
    X(HEARTBEAT, 10, EDGE, CORE, "alive; registry version held; a few counts")                 \
    X(HEARTBEAT_ANSWER, 11, CORE, EDGE, "alive")                                               \
    X(REGISTRY, 12, CORE, EDGE, "the registry changed; this is the new one")                   \
    X(REFUSED, 13, CORE, EDGE, "your frame was not understood, with the reason")               \
    X(CONTROL_CALL, 14, AMOCTL, CORE, "one verb with its arguments")                           \
    X(CONTROL_ANSWER, 15, CORE, AMOCTL,                                                        \
      "exit code and one JSON document, or an error message")                                  \
    X(GOING, 16, CORE, INGRESS,                                                                \
      "core ends in an orderly way: what it has not acknowledged was not applied")             \
    X(EVENT_EPHEMERAL, 17, INGRESS, CORE,                                                      \
      "an event that lives for seconds (typing): acted on at once or never, not acknowledged") \
    X(QUERY, 18, INGRESS, CORE, "where is the message a service asks for")                     \
    X(ANSWER, 19, CORE, INGRESS, "how far it came, or that it is not known")                   \
    X(REPLAY, 20, CORE, INGRESS,                                                               \
      "a body from quarantine: normalize it again and push the result")                        \
    X(SPOOL_ROTATE, 21, CORE, INGRESS,                                                         \
      "close the present segment, so that everything now in the spool can be deleted")         \
    X(SPOOL_ROTATED, 22, INGRESS, CORE,                                                        \
      "everything that was in it then is taken, and its files are deleted")                    \
    X(SPOOL_REFUSED, 23, CORE, INGRESS,                                                        \
      "another process has this spool id; take a new one and send HELLO again")                \
    X(EVENT_LATER, 24, CORE, INGRESS,                                                          \
      "no room for more events now: push what is not taken again after a while")               \
    X(SHARES, 25, CORE, INGRESS,                                                               \
      "these connectors and accounts are over a share of core: refuse them for a while")

enum msg_kind {
#define MSG_ENUM(name, number, from, to, meaning) MSG_##name = (number),
    MSG_TABLE(MSG_ENUM)
#undef MSG_ENUM
};

/* "EVENT_PUSH"; NULL for an unknown number. */
const char *msg_name(uint64_t kind);

enum role {
    ROLE_INGRESS = 1,
    ROLE_CORE,
    ROLE_EGRESS,
    ROLE_AMOCTL,
};
/* "ingress", … */
const char *role_name(enum role role);
