#pragma once

/* The control protocol: amoctl asks core with CONTROL_CALL {verb, args}, core answers with
 * CONTROL_ANSWER {code, json, error}. `args` and `json` are JSON texts; `code` is amoctl's exit
 * code; `error` is one sentence for people. A session is not needed: the boot ids stay zero but
 * for the caller's, which the answer repeats.
 *
 * X(symbol, "verb", "arguments", "answer"): the one table of verbs. Core expands it into
 * prototypes and its table, so that a verb without a function (verb_<symbol>) does not link, and a
 * function without a verb does not compile. A verb that amoctl's table (tools/ctl/verbs.c) does not
 * name does not compile there. docs/operations.md, "Verbs", is checked against it.
 *
 * An argument in [] may be absent. Lists are arrays of objects, everything else is one object. */
#define CONTROL_VERBS(X)                                                                       \
    X(status, "status", "",                                                                    \
      "version, uptime_s, registry_version, channels, accounts, connectors, commands, "        \
      "dead_letters, quarantine, waiting_events, set_aside, clock_skew_ms, "                   \
      "clock{as clock.show}, "                                                                 \
      "peers[]")                                                                               \
    X(channel_add, "channel.add", "reply (support's answer as text), [url], [segment]",        \
      "id, code, name, url, secret_rotated, flags[] that need attention")                      \
    X(channel_list, "channel.list", "",                                                        \
      "[{id, code, name, url, bot_id, scopes, old_valid_until}]")                              \
    X(channel_show, "channel.show", "id",                                                      \
      "the channel, no secret, secret_set_at, secret_set_by, and flags[{flag, value, state, "  \
      "meaning}]")                                                                             \
    X(channel_secret, "channel.secret", "id, secret or finish, [overlap_hours]",               \
      "id, old_valid_until")                                                                   \
    X(channel_remove, "channel.remove", "id, [move], [dry_run]",                               \
      "removed, moves, cut_off, [dry_run]")                                                    \
    X(connector_add, "connector.add", "name, kind, url, [secret], [token], [allow_private]",   \
      "name, kind, url, and secret and token when they were generated")                        \
    X(connector_list, "connector.list", "",                                                    \
      "[{name, kind, url, allow_private, off, scopes, old_valid_until}]")                      \
    X(connector_show, "connector.show", "name",                                                \
      "as in connector.list; secret_set_at, secret_set_by, token_set_at, token_set_by, held, " \
      "why, waiting, accounts[], sources[], shares[{share, used, [counted], [limit], "         \
      "over_since, [refused]}], account_shares[the same with scope_id]")                       \
    X(connector_rotate, "connector.rotate",                                                    \
      "name, [only (secret, token)], [secret], [token], [overlap_hours], [finish], [dry_run]", \
      "name, old_valid_until, and secret and token when they were generated; of a dry run "    \
      "rotates, dry_run")                                                                      \
    X(connector_resume, "connector.resume", "name, [dry_run]",                                 \
      "name, was_held, waiting, [dry_run]")                                                    \
    X(connector_remove, "connector.remove", "name, [dry_run]", "removed, [dry_run]")           \
    X(connector_test, "connector.test", "name",                                                \
      "connector, outcome, cause, stage, status, ms, [tls], [cert_days], words, answer")       \
    X(account_connect, "account.connect",                                                      \
      "channel, account, connector, [title], [no_time_window], [scope_id], [yes], [move], "    \
      "[dry_run]",                                                                             \
      "scope_id, [moves], [cut_off], [dry_run]")                                               \
    X(account_disconnect, "account.disconnect", "scope_id, [no_call], [move], [dry_run]",      \
      "scope_id, disconnected, [moves], [cut_off], [dry_run]")                                 \
    X(account_list, "account.list", "",                                                        \
      "[{scope_id, channel, account, connector, title, paused, disconnected, held, "           \
      "connect_called_at, default_source, no_time_window}]")                                   \
    X(account_show, "account.show", "scope_id",                                                \
      "as in account.list; why, waiting, set_aside, shares[as in connector.show], "            \
      "own[{share, "                                                                           \
      "used}]")                                                                                \
    X(account_pause, "account.pause", "scope_id", "scope_id, paused")                          \
    X(account_resume, "account.resume", "scope_id", "scope_id, paused")                        \
    X(source_add, "source.add", "connector, source, scope_id, [move], [dry_run]",              \
      "connector, source, scope_id, moves, cut_off, [dry_run]")                                \
    X(source_list, "source.list", "", "[{connector, source, scope_id, default}]")              \
    X(source_remove, "source.remove", "connector, source, [move], [dry_run]",                  \
      "connector, removed, moves, cut_off, [dry_run]")                                         \
    X(source_move, "source.move", "connector, source, to (a scope id) or undo; [dry_run]",     \
      "connector, source, from, scope_id, moves, cut_off, [given_up], [dry_run]")              \
    X(source_default, "source.default", "scope_id, source or none", "scope_id, default")       \
    X(conversation_list, "conversation.list",                                                  \
      "[scope_id], [client (part of the name)], [waiting], [page], [reveal]",                  \
      "[{id, connector, source, conversation, scope_id, account, client_id, chat_id, state, "  \
      "phone, name, waiting, [oldest_s], [why]}]")                                             \
    X(conversation_show, "conversation.show",                                                  \
      "id (our number, any id of either side, a phone, the client's name)",                    \
      "as in conversation.list; chats[], messages{}, last_messages[], waiting[as in trace]; "  \
      "or, to choose from, conversations[]")                                                   \
    X(conversation_import, "conversation.import",                                              \
      "rows[{line, connector, [source], [conversation], [phone], [client_id], [chat_id], "     \
      "[user_ref], [user_id], [name], [scope]}], [dry_run]",                                   \
      "dry_run, created, updated, unchanged, refused, unnamed, refusals[{line, reason}]")      \
    X(message_list, "message.list",                                                            \
      "[who (as id of conversation.show)], [scope_id], [connector], [source], [direction], "   \
      "[state], [reason], [since], [until], [limit], [page], [reveal]",                        \
      "messages[{at, direction, written_in, type, state, settled_at, told, [told_status], "    \
      "[told_at], [told_code], [told_words], [service_code], [reason], [words], why, "         \
      "[text_chars], [text], conversation, connector, source, scope_id, account, mid, "        \
      "amo_id, service_id, trace}], looked_at, [next], "                                       \
      "[conversation{}]; or, to choose from, conversations[]")                                 \
    X(clock_show, "clock.show", "", "in_doubt, why, trusted_until, now, skew_ms")              \
    X(clock_agree, "clock.agree", "", "as clock.show")                                         \
    X(queue, "queue", "",                                                                      \
      "[{destination, waiting, oldest_s, held, paused, under_way, answers, waits_for, why}]")  \
    X(queue_drop, "queue.drop", "connector, scope_id, conversation or id; [dry_run]",          \
      "dropped, under_way, left, set_aside, [dry_run]")                                        \
    X(queue_move, "queue.move", "connector or scope_id; to (a connector), [yes], [dry_run]",   \
      "to, accounts, waiting, under_way, moves, cut_off, [dry_run]")                           \
    X(waiting_list, "waiting.list", "[connector], [scope_id], [after], [limit]",               \
      "waiting[{id, kind, waits_for, message_id, connector, scope_id, since, until, trace}], " \
      "looked, [next: for after]")                                                             \
    X(waiting_drop, "waiting.drop", "ids[], [dry_run]", "dropped[], [dry_run]")                \
    X(message_retry, "message.retry", "id (any of a message), [may_double], [dry_run]",        \
      "dead, command, place, [card], [warning], [words], [held], [dry_run]")                   \
    X(dead_list, "dead.list", "",                                                              \
      "[{id, kind, reason, scope_id, connector, attempts, taken_at, died_at, mid, amo_id, "    \
      "service_id, [erased], [status: what the card would say]}]")                             \
    X(dead_show, "dead.show", "id", "as in dead.list; counted, tries[as in trace's journey]")  \
    X(dead_retry, "dead.retry", "ids[], [may_double], [dry_run]",                              \
      "retried[{dead, [command], [place], [card]}], [dry_run]")                                \
    X(dead_drop, "dead.drop", "ids[], [dry_run]", "dropped[], [dry_run]")                      \
    X(quarantine_list, "quarantine.list", "",                                                  \
      "[{id, kind, reason, scope_id, connector, at, trace, [erased]}]")                        \
    X(quarantine_show, "quarantine.show", "id",                                                \
      "as in quarantine.list; bytes, message_id, chat_id, type, text, [raw]")                  \
    X(quarantine_replay, "quarantine.replay", "ids[], [dry_run]",                              \
      "replayed[{id, [result], [as], [reason]}], [dry_run]")                                   \
    X(quarantine_drop, "quarantine.drop", "ids[], [dry_run]", "dropped[], [dry_run]")          \
    X(trace, "trace", "id",                                                                    \
      "why, message{} or null, [journey[{at, what, [words], [tells], [code], [attempt or "     \
      "probe], …}]], [waiting[{command, kind, [tells], [code], state, attempts, probes, "    \
      "destination, held, why}]], [quarantine[{id, kind, reason, at}]], [events[{kind, "       \
      "taken_at, why}]]")                                                                      \
    X(doctor, "doctor", "",                                                                    \
      "checks[{check, subject, state, words, todo}], ask[{what, subject}]")                    \
    X(doctor_check, "doctor.check", "what, subject", "checks[]")                               \
    X(refused, "refused", "[connector] or [channel]",                                          \
      "[{last_at, count, kind, name, status, code, field, reason, verified, since, id, "       \
      "address}]")                                                                             \
    X(probe_call, "probe.call",                                                                \
      "scope_id, chat, what (message, history, newest, status, look), [key], [at], "           \
      "[message], [spelling]",                                                                 \
      "outcome, cause, stage, status, ms, retry_after_ms, found, message, words, answer")      \
    X(erase, "erase", "[phone], [conversation] (one of them), [dry_run], [unowned]",           \
      "erasure, dry_run, conversations[], removed{}, ingresses[{name, state, events}], "       \
      "warnings[]")

#include "base/buf.h"
#include "base/compiler.h"
#include "proto/pack.h"

struct control_call {
    struct view verb;
    struct view args; /* JSON object; absent: {} */
};

struct control_answer {
    uint64_t code; /* EXIT_FINE, EXIT_FAILED, EXIT_USAGE, EXIT_UNREACHABLE */
    struct view json;
    struct view error;
};

AMO_MUSTCHECK int control_call_encode(const struct control_call *c, struct buf *out);
AMO_MUSTCHECK int control_call_decode(struct view body, struct control_call *ret);
AMO_MUSTCHECK int control_answer_encode(const struct control_answer *a, struct buf *out);
AMO_MUSTCHECK int control_answer_decode(struct view body, struct control_answer *ret);
