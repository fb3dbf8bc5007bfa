/* Encoding and decoding of events, and the names of their kinds. */

#include "proto/event.h"

#include "base/clock.h"
#include "proto/limits.h"
#include "proto/pack.h"

static const struct field fields[] = {
    FIELD(FIELD_U64, event, kind),
    FIELD(FIELD_ID, event, trace),
    FIELD(FIELD_I64, event, taken_ms),
    FIELD(FIELD_I64, event, sent_ms),
    FIELD(FIELD_TEXT, event, scope),
    FIELD(FIELD_TEXT, event, connector),
    FIELD(FIELD_TEXT, event, source),
    FIELD(FIELD_TEXT, event, chat_id),
    FIELD(FIELD_TEXT, event, chat_client_id),
    FIELD(FIELD_TEXT, event, conversation),
    FIELD(FIELD_BOOL, event, write_first),
    FIELD(FIELD_TEXT, event, sender_id),
    FIELD(FIELD_TEXT, event, sender_name),
    FIELD(FIELD_TEXT, event, sender_phone),
    FIELD(FIELD_TEXT, event, sender_email),
    FIELD(FIELD_TEXT, event, sender_avatar),
    FIELD(FIELD_TEXT, event, sender_link),
    FIELD(FIELD_TEXT, event, receiver_id),
    FIELD(FIELD_TEXT, event, receiver_client_id),
    FIELD(FIELD_TEXT, event, receiver_name),
    FIELD(FIELD_TEXT, event, receiver_phone),
    FIELD(FIELD_TEXT, event, receiver_email),
    FIELD(FIELD_TEXT, event, message_id),
    FIELD(FIELD_TEXT, event, raw_type),
    FIELD(FIELD_BOOL, event, silent),
    FIELD(FIELD_BOOL, event, outgoing),
    FIELD(FIELD_TEXT, event, author),
    FIELD(FIELD_BOOL, event, deleted),
    CONTENT_FIELDS(event),
    FIELD(FIELD_TEXT, event, post_id),
    FIELD(FIELD_TEXT, event, status),
    FIELD(FIELD_TEXT, event, error_code),
    FIELD(FIELD_TEXT, event, error_text),
    FIELD(FIELD_TEXT, event, message_client_id),
    FIELD(FIELD_TEXT, event, emoji),
    FIELD(FIELD_BOOL, event, unset),
    FIELD(FIELD_I64, event, expires_ms),
    FIELD(FIELD_BIN, event, raw),
    FIELD(FIELD_TEXT, event, reason),
    FIELD(FIELD_TEXT, event, dedup),
    FIELD(FIELD_U64, event, replay),
    FIELD(FIELD_TEXT, event, webhook_id),
};

static const char *const kind_names[] = {
    "unknown",          "amo.message",    "amo.reaction", "amo.typing",
    "service.message",  "service.status", "quarantine",   "service.edit",
    "service.reaction", "service.typing", "door.test",
};

const char *event_kind_name(uint64_t kind)
{
    return kind_names[kind < AMO_COUNT(kind_names) ? kind : 0];
}

int event_encode(const struct event *e, struct buf *out)
{
    return pack_struct(out, fields, AMO_COUNT(fields), e);
}

int event_decode(struct view bytes, struct event *ret)
{
    struct event e;
    int rc = unpack_struct_bytes(bytes, fields, AMO_COUNT(fields), &e);

    if (rc)
        return rc;
    /* ours, not an outsider's: longer ones are of no ingress of ours */
    if (e.kind == 0 || e.kind >= AMO_COUNT(kind_names) || e.taken_ms < 0 ||
        e.taken_ms > EVENT_MS_MAX || e.connector.len > LIMIT_ID || e.scope.len > LIMIT_ID)
        return PACK_E_MALFORMED;
    if (e.sent_ms < 0 || e.sent_ms > CLOCK_MS_MAX)
        e.sent_ms = 0; /* the sender's clock is the sender's */
    *ret = e;
    return 0;
}
