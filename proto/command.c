/* Encoding and decoding of commands and results, the checks of what was decoded, and the names
 * of kinds, outcomes and causes. */

#include "proto/command.h"

#include "proto/limits.h"

static const struct field command_fields[] = {
    FIELD(FIELD_U64, command, kind),
    FIELD(FIELD_U64, command, id),
    FIELD(FIELD_U64, command, attempt),
    FIELD(FIELD_ID, command, trace),
    FIELD(FIELD_I64, command, start_within_ms),
    FIELD(FIELD_I64, command, finish_within_ms),
    FIELD(FIELD_TEXT, command, key),
    FIELD(FIELD_TEXT, command, scope),
    FIELD(FIELD_TEXT, command, connector),
    FIELD(FIELD_TEXT, command, source),
    FIELD(FIELD_TEXT, command, conversation_id),
    FIELD(FIELD_TEXT, command, conversation_ref_id),
    FIELD(FIELD_TEXT, command, conversation),
    FIELD(FIELD_TEXT, command, chat_id),
    FIELD(FIELD_I64, command, offset),
    FIELD(FIELD_I64, command, until_ms),
    FIELD(FIELD_TEXT, command, sender_id),
    FIELD(FIELD_TEXT, command, sender_ref_id),
    FIELD(FIELD_TEXT, command, sender_name),
    FIELD(FIELD_TEXT, command, sender_phone),
    FIELD(FIELD_TEXT, command, sender_email),
    FIELD(FIELD_TEXT, command, sender_avatar),
    FIELD(FIELD_TEXT, command, sender_link),
    FIELD(FIELD_TEXT, command, receiver_id),
    FIELD(FIELD_TEXT, command, receiver_ref_id),
    FIELD(FIELD_TEXT, command, receiver_phone),
    FIELD(FIELD_TEXT, command, receiver_email),
    FIELD(FIELD_TEXT, command, receiver_name),
    FIELD(FIELD_TEXT, command, author),
    FIELD(FIELD_TEXT, command, message_id),
    FIELD(FIELD_TEXT, command, message_client_id),
    FIELD(FIELD_I64, command, sent_ms),
    FIELD(FIELD_BOOL, command, silent),
    FIELD(FIELD_BOOL, command, write_first),
    CONTENT_FIELDS(command),
    FIELD(FIELD_TEXT, command, post_id),
    FIELD(FIELD_TEXT, command, forward_conversation_id),
    FIELD(FIELD_TEXT, command, forward_conversation_ref_id),
    FIELD(FIELD_TEXT, command, emoji),
    FIELD(FIELD_BOOL, command, unset),
    FIELD(FIELD_I64, command, expires_ms),
    FIELD(FIELD_I64, command, status_code),
    FIELD(FIELD_I64, command, error_code),
    FIELD(FIELD_TEXT, command, error_text),
    FIELD(FIELD_TEXT, command, reason),
    FIELD(FIELD_TEXT, command, account),
    FIELD(FIELD_TEXT, command, title),
    FIELD(FIELD_BOOL, command, time_window_off),
    FIELD(FIELD_TEXT, command, url),
    FIELD(FIELD_TEXT, command, spelling),
};

static const struct field result_fields[] = {
    FIELD(FIELD_U64, result, id),
    FIELD(FIELD_U64, result, attempt),
    FIELD(FIELD_U64, result, kind),
    FIELD(FIELD_ID, result, trace),
    FIELD(FIELD_U64, result, outcome),
    FIELD(FIELD_U64, result, cause),
    FIELD(FIELD_U64, result, status),
    FIELD(FIELD_I64, result, retry_after_ms),
    FIELD(FIELD_I64, result, took_ms),
    FIELD(FIELD_I64, result, began_ms),
    FIELD(FIELD_I64, result, skew_ms),
    FIELD(FIELD_I64, result, cert_until_ms),
    FIELD(FIELD_BOOL, result, skew_known),
    FIELD(FIELD_BOOL, result, found),
    FIELD(FIELD_BOOL, result, complete),
    FIELD(FIELD_I64, result, next_offset),
    FIELD(FIELD_TEXT, result, evidence),
    FIELD(FIELD_TEXT, result, words),
    FIELD(FIELD_TEXT, result, code),
    FIELD(FIELD_TEXT, result, stage),
    FIELD(FIELD_TEXT, result, amo_message_id),
    FIELD(FIELD_TEXT, result, amo_chat_id),
    FIELD(FIELD_TEXT, result, amo_sender_id),
    FIELD(FIELD_TEXT, result, amo_receiver_id),
    FIELD(FIELD_TEXT, result, service_conversation),
    FIELD(FIELD_TEXT, result, service_message_id),
    FIELD(FIELD_TEXT, result, scope_id),
    FIELD(FIELD_TEXT, result, sent_scope),
    FIELD(FIELD_TEXT, result, sent_chat),
};

static const char *const kind_names[] = {
    "unknown",      "amo.message",     "amo.status",       "amo.connect",    "amo.create_chat",
    "amo.history",  "service.message", "amo.outgoing",     "amo.edit",       "amo.reaction",
    "amo.typing",   "amo.disconnect",  "service.reaction", "service.typing", "service.failed",
    "service.test", "amo.reach",       "amo.hook",
};
static const char *const outcome_names[] = {"none",    "done", "retry",    "hold",
                                            "unknown", "dead", "unstarted"};
static const char *const cause_names[] = {
    "none",      "connect",      "timeout",  "cut",    "throttled", "forbidden",
    "not_found", "gone",         "refused",  "server", "redirect",  "unreadable",
    "private",   "unregistered", "not_http", "proxy",
};

const char *command_kind_name(uint64_t kind)
{
    return kind_names[kind < AMO_COUNT(kind_names) ? kind : 0];
}

const char *outcome_name(uint64_t outcome)
{
    return outcome_names[outcome < AMO_COUNT(outcome_names) ? outcome : 0];
}

const char *cause_name(uint64_t cause)
{
    return cause_names[cause < AMO_COUNT(cause_names) ? cause : 0];
}

const char *stage_name(enum stage stage)
{
    switch (stage) {
    case STAGE_NONE:
        break;
    case STAGE_DNS:
        return "dns";
    case STAGE_ADDRESS:
        return "address";
    case STAGE_CONNECT:
        return "connect";
    case STAGE_TLS:
        return "tls";
    case STAGE_SENT:
        return "sent";
    case STAGE_ANSWERED:
        return "answered";
    }
    return NULL;
}

int command_encode(const struct command *c, struct buf *out)
{
    return pack_struct(out, command_fields, AMO_COUNT(command_fields), c);
}

static int command_check(const struct command *c)
{
    return c->kind == 0 || c->kind >= AMO_COUNT(kind_names) ? PACK_E_MALFORMED : 0;
}

int command_decode(struct view bytes, struct command *ret)
{
    int rc = unpack_struct_bytes(bytes, command_fields, AMO_COUNT(command_fields), ret);

    return rc ? rc : command_check(ret);
}

int command_decode_object(const msgpack_object *map, struct command *ret)
{
    int rc = unpack_struct(map, command_fields, AMO_COUNT(command_fields), ret);

    return rc ? rc : command_check(ret);
}

int result_encode(const struct result *r, struct buf *out)
{
    return pack_struct(out, result_fields, AMO_COUNT(result_fields), r);
}

/* Times a worker may tell: beyond them sums would overflow. */
#define TIME_MAX_MS (1LL << 53)

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    if (value < low)
        return low;
    return value > high ? high : value;
}

int result_decode_object(const msgpack_object *map, struct result *ret)
{
    int rc = unpack_struct(map, result_fields, AMO_COUNT(result_fields), ret);

    if (rc == 0 && (ret->outcome == 0 || ret->outcome >= AMO_COUNT(outcome_names)))
        rc = PACK_E_MALFORMED;
    if (rc == 0) {
        ret->retry_after_ms = clamp(ret->retry_after_ms, -1, LIMIT_RETRY_AFTER_MS);
        ret->took_ms = clamp(ret->took_ms, 0, TIME_MAX_MS);
        ret->began_ms = clamp(ret->began_ms, 0, TIME_MAX_MS);
        ret->skew_ms = clamp(ret->skew_ms, -TIME_MAX_MS, TIME_MAX_MS);
        ret->cert_until_ms = clamp(ret->cert_until_ms, 0, TIME_MAX_MS);
    }
    return rc;
}
