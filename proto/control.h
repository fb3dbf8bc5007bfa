#pragma once

/* The control protocol: amoctl asks core with CONTROL_CALL {verb, args}, core answers with
 * CONTROL_ANSWER {code, json, error}. `args` and `json` are JSON texts; `code` is amoctl's exit
 * code; `error` is one sentence for people. A session is not needed: the boot ids stay zero but
 * for the caller's, which the answer repeats.
 *
 * X(symbol, "verb", KIND, "arguments", "answer"): the one table of verbs. Core expands it into
 * prototypes and its table, so that a verb without a function (verb_<symbol>) does not link, and a
 * function without a verb does not compile. A verb that amoctl's table (tools/ctl/verbs.c) does not
 * name does not compile there. docs/operations.md, "Verbs", is checked against it.
 *
 * KIND is of enum control_kind, without its CONTROL_. A verb that CHANGES takes `dry_run`, with which
 * it changes nothing and answers with `dry_run` and, in words, what it `would` do; without it, the
 * order is written down (core/peers/audit.h). The tests of core.control go through the table.
 *
 * Where a list has no end that one turn of core could reach, the answer has `next`, a text: the same question with it as
 * the argument `page` is answered with what comes behind. An older amoctl shows the first part and the remark in
 * `error`; an older core sends the whole.
 *
 * An argument in [] may be absent. Lists are arrays of objects, everything else is one object. */
#define CONTROL_VERBS(X)                                                                       \
    X(status, "status", LOOKS, "",                                                             \
      "version, uptime_s, registry_version, channels, accounts, connectors, commands, "        \
      "dead_letters, quarantine, waiting_events, set_aside, clock_skew_ms, "                   \
      "clock{as clock.show}, "                                                                 \
      "peers[]")                                                                               \
    X(channel_add, "channel.add", CHANGES,                                                     \
      "reply (support's answer as text), [url], [segment], [dry_run]",                         \
      "id, code, name, url, secret_rotated, flags[] that need attention, [dry_run, would]")    \
    X(channel_list, "channel.list", LOOKS, "[page]",                                           \
      "[{id, code, name, url, bot_id, scopes, old_valid_until}]")                              \
    X(channel_show, "channel.show", LOOKS, "id",                                               \
      "the channel, no secret, secret_set_at, secret_set_by, and flags[{flag, value, state, "  \
      "meaning}]")                                                                             \
    X(channel_secret, "channel.secret", CHANGES,                                               \
      "id, secret or finish, [overlap_hours], [dry_run]",                                      \
      "id, old_valid_until, [dry_run, would]")                                                 \
    X(channel_remove, "channel.remove", CHANGES, "id, [move], [dry_run]",                      \
      "removed, moves, cut_off, [dry_run, would]")                                             \
    X(connector_add, "connector.add", CHANGES,                                                 \
      "name, kind, url, [secret], [token], [allow_private], [dry_run]",                        \
      "name, kind, url, and secret and token when they were generated, [dry_run, would]")      \
    X(connector_list, "connector.list", LOOKS, "[page]",                                       \
      "[{name, kind, url, allow_private, off, scopes, old_valid_until}]")                      \
    X(connector_show, "connector.show", LOOKS, "name",                                         \
      "as in connector.list; secret_set_at, secret_set_by, token_set_at, token_set_by, held, " \
      "why, waiting, accounts[], [accounts_more], sources[], [sources_more], "                 \
      "shares[{share, used, "                                                                  \
      "[counted], [limit], over_since, [refused]}], account_shares[the same with scope_id]")   \
    X(connector_rotate, "connector.rotate", CHANGES,                                           \
      "name, [only (secret, token)], [secret], [token], [overlap_hours], [finish], [dry_run]", \
      "name, old_valid_until, and secret and token when they were generated; of a dry run "    \
      "rotates, [dry_run, would]")                                                             \
    X(connector_resume, "connector.resume", CHANGES, "name, [dry_run]",                        \
      "name, was_held, waiting, [dry_run, would]")                                             \
    X(connector_remove, "connector.remove", CHANGES, "name, [dry_run]",                        \
      "removed, [dry_run, would]")                                                             \
    X(connector_test, "connector.test", LOOKS, "name",                                         \
      "connector, outcome, cause, stage, status, ms, [tls], [cert_days], words, answer")       \
    X(account_connect, "account.connect", CHANGES,                                             \
      "channel, account, connector, [title], [no_time_window], [scope_id], [yes], [move], "    \
      "[dry_run]",                                                                             \
      "scope_id, [moves], [cut_off], [dry_run, would]")                                        \
    X(account_disconnect, "account.disconnect", CHANGES,                                       \
      "scope_id, [no_call], [move], [dry_run]",                                                \
      "scope_id, disconnected, [moves], [cut_off], [dry_run, would]")                          \
    X(account_list, "account.list", LOOKS, "[scope_ids[]], [page]",                            \
      "[{scope_id, channel, account, connector, title, paused, disconnected, held, "           \
      "connect_called_at, default_source, no_time_window, short}]")                            \
    X(account_show, "account.show", LOOKS, "scope_id",                                         \
      "as in account.list; why, waiting, set_aside, shares[as in connector.show], "            \
      "own[{share, "                                                                           \
      "used}]")                                                                                \
    X(account_pause, "account.pause", CHANGES, "scope_id, [dry_run]",                          \
      "scope_id, paused, [dry_run, would]")                                                    \
    X(account_resume, "account.resume", CHANGES, "scope_id, [dry_run]",                        \
      "scope_id, paused, [dry_run, would]")                                                    \
    X(source_add, "source.add", CHANGES, "connector, source, scope_id, [move], [dry_run]",     \
      "connector, source, scope_id, moves, cut_off, [dry_run, would]")                         \
    X(source_list, "source.list", LOOKS, "[page]",                                             \
      "[{connector, source, scope_id, default, since, given_by, was}]")                        \
    X(source_remove, "source.remove", CHANGES, "connector, source, [move], [dry_run]",         \
      "connector, removed, moves, cut_off, [dry_run, would]")                                  \
    X(source_move, "source.move", CHANGES,                                                     \
      "connector, source, to (a scope id) or undo; [dry_run]",                                 \
      "connector, source, from, scope_id, moves, cut_off, [given_up], [dry_run, would]")       \
    X(source_default, "source.default", CHANGES, "scope_id, source or none, [dry_run]",        \
      "scope_id, default, [dry_run, would]")                                                   \
    X(conversation_list, "conversation.list", LOOKS,                                           \
      "[scope_id], [client (part of the name)], [waiting], [page], [reveal]",                  \
      "[{id, connector, source, conversation, scope_id, account, client_id, chat_id, state, "  \
      "phone, name, waiting, [oldest_s], [why]}]")                                             \
    X(conversation_show, "conversation.show", LOOKS,                                           \
      "id (our number, any id of either side, a phone, the client's name), [reveal]",          \
      "as in conversation.list; chats[], messages{}, last_messages[], waiting[as in trace]; "  \
      "or, to choose from, conversations[] or candidates[as in trace]")                        \
    X(conversation_import, "conversation.import", CHANGES,                                     \
      "rows[{line, connector, [source], [conversation], [phone], [client_id], [chat_id], "     \
      "[user_ref], [user_id], [name], [scope]}], [dry_run]",                                   \
      "dry_run, created, updated, unchanged, refused, unnamed, refusals[{line, reason}]")      \
    X(message_list, "message.list", LOOKS,                                                     \
      "[who (as id of conversation.show)], [scope_id], [connector], [source], [direction], "   \
      "[state], [reason], [since], [until], [limit], [page], [reveal]",                        \
      "messages[{at, direction, written_in, type, state, settled_at, told, [told_status], "    \
      "[told_at], [told_code], [told_words], [service_code], [reason], [words], why, "         \
      "[text_chars], [text], conversation, connector, source, scope_id, account, mid, "        \
      "amo_id, service_id, trace; of an event that is no message at, state, reason, why, "     \
      "entry or event, [kind], [taken_at], [chat_id], [phone], [name], [erased] and what it "  \
      "has of these}], looked_at, [next], "                                                    \
      "[conversation{}]; or, to choose from, conversations[] or candidates[as in trace]")      \
    X(clock_show, "clock.show", LOOKS, "", "in_doubt, why, trusted_until, now, skew_ms")       \
    X(clock_agree, "clock.agree", CHANGES, "[dry_run]", "as clock.show, [dry_run, would]")     \
    X(queue, "queue", LOOKS, "[page]",                                                         \
      "[{destination, waiting, oldest_s, held, paused, under_way, answers, waits_for, why}]")  \
    X(queue_drop, "queue.drop", CHANGES, "connector, scope_id, conversation or id; [dry_run]", \
      "dropped, under_way, left, set_aside, [dry_run, would]; or candidates[as in trace]")     \
    X(queue_move, "queue.move", CHANGES,                                                       \
      "connector or scope_id; conversation or id (refused, with what to do); to (a "           \
      "connector), [yes], [dry_run]",                                                          \
      "to, accounts, waiting, under_way, moves, cut_off, [dry_run, would]")                    \
    X(waiting_list, "waiting.list", LOOKS, "[connector], [scope_id], [after], [limit]",        \
      "waiting[{id, kind, waits_for, message_id, connector, scope_id, since, until, trace, "   \
      "why}], "                                                                                \
      "looked, [next: for after]")                                                             \
    X(waiting_drop, "waiting.drop", CHANGES, "ids[], [dry_run]",                               \
      "dropped[], [dry_run, would]")                                                           \
    X(message_retry, "message.retry", CHANGES,                                                 \
      "id (any of a message), [may_double], [dry_run]",                                        \
      "dead, command, place, [card], [warning], [words], [held], [dry_run, would]; or "        \
      "candidates[as in trace]")                                                               \
    X(dead_list, "dead.list", LOOKS, "",                                                       \
      "[{id, kind, reason, scope_id, connector, attempts, taken_at, died_at, mid, amo_id, "    \
      "service_id, [erased], [status: what the card would say], [dropped_by]}]")               \
    X(dead_show, "dead.show", LOOKS, "id",                                                     \
      "as in dead.list; counted, tries[as in trace's journey]")                                \
    X(dead_retry, "dead.retry", CHANGES, "ids[], [may_double], [dry_run]",                     \
      "retried[{dead, [command], [place], [card]}], [dry_run, would]")                         \
    X(dead_drop, "dead.drop", CHANGES, "ids[], [dry_run]", "dropped[], [dry_run, would]")      \
    X(quarantine_list, "quarantine.list", LOOKS, "",                                           \
      "[{id, kind, reason, scope_id, connector, at, trace, [erased]}]")                        \
    X(quarantine_show, "quarantine.show", LOOKS, "id, [reveal]",                               \
      "as in quarantine.list; bytes, message_id, chat_id, type, [text_chars], [text], [raw]")  \
    X(quarantine_replay, "quarantine.replay", CHANGES, "ids[], [dry_run]",                     \
      "replayed[{id, [result], [as], [reason]}], [dry_run, would]")                            \
    X(quarantine_drop, "quarantine.drop", CHANGES, "ids[], [dry_run]",                         \
      "dropped[], [dry_run, would]")                                                           \
    X(trace, "trace", LOOKS, "id",                                                             \
      "why, message{} or null, [journey[{at, what, [words], [tells], [code], [attempt or "     \
      "probe], …}]], [waiting[{command, kind, [tells], [code], state, attempts, probes, "    \
      "destination, held, why}]], [quarantine[{id, kind, reason, at}]], [events[{kind, "       \
      "taken_at, why}]]; or, to choose from, candidates[{id, [at], [direction], state, "       \
      "[conversation], [connector], [scope_id]}]")                                             \
    X(doctor, "doctor", LOOKS, "",                                                             \
      "checks[{check, subject, state, words, todo}], ask[{what, subject}]")                    \
    X(doctor_check, "doctor.check", LOOKS, "what, subject", "checks[]")                        \
    X(audit, "audit", LOOKS, "[since], [verb], [user], [limit], [page]",                       \
      "orders[{at, user, verb, arguments, outcome, [words]}], looked_at, [next: for page]")    \
    X(refused, "refused", LOOKS, "[connector] or [channel]",                                   \
      "[{last_at, count, kind, name, status, code, field, reason, verified, since, id, "       \
      "address}]")                                                                             \
    X(probe_call, "probe.call", CALLS,                                                         \
      "scope_id, chat, what (message, history, newest, status, look), [key], [at], "           \
      "[message], [spelling]",                                                                 \
      "outcome, cause, stage, status, ms, retry_after_ms, found, message, words, answer")      \
    X(erase, "erase", CHANGES, "[phone], [conversation] (one of them), [dry_run], [unowned]",  \
      "erasure, dry_run, conversations[], removed{}, ingresses[{name, state, events}], "       \
      "warnings[]")

#include "base/buf.h"
#include "base/compiler.h"
#include "proto/pack.h"

enum control_kind {
    CONTROL_LOOKS, /* changes nothing; it may call a remote side to see whether that answers */
    CONTROL_CALLS, /* has a remote side do something, and changes nothing here */
    CONTROL_CHANGES, /* the store, or what is under way */
};

struct control_call {
    struct view verb;
    struct view args; /* JSON object; absent: {} */
};

struct control_answer {
    uint64_t code; /* EXIT_FINE, EXIT_FAILED, EXIT_USAGE, EXIT_UNREACHABLE */
    struct view json;
    struct view error;
    struct view
        next; /* the list goes on: argument `page` of the same question; empty: it does not */
};

/* Of a verb that is not in the table: CONTROL_CHANGES. */
enum control_kind control_kind_of(struct view verb);

AMO_MUSTCHECK int control_call_encode(const struct control_call *c, struct buf *out);
AMO_MUSTCHECK int control_call_decode(struct view body, struct control_call *ret);
AMO_MUSTCHECK int control_answer_encode(const struct control_answer *a, struct buf *out);
AMO_MUSTCHECK int control_answer_decode(struct view body, struct control_answer *ret);
