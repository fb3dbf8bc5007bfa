/* Encoding and decoding of questions, answers, replays and ephemeral events. */

#include "proto/query.h"

struct ephemeral {
    struct view event;
};

static const struct field query_fields[] = {
    FIELD(FIELD_U64, query, number),
    FIELD(FIELD_TEXT, query, connector),
    FIELD(FIELD_TEXT, query, message_id),
};

static const struct field answer_fields[] = {
    FIELD(FIELD_U64, answer, number),      FIELD(FIELD_BOOL, answer, found),
    FIELD(FIELD_TEXT, answer, mid),        FIELD(FIELD_TEXT, answer, direction),
    FIELD(FIELD_TEXT, answer, state),      FIELD(FIELD_TEXT, answer, reason),
    FIELD(FIELD_TEXT, answer, words),      FIELD(FIELD_TEXT, answer, amo_id),
    FIELD(FIELD_TEXT, answer, service_id), FIELD(FIELD_I64, answer, taken_ms),
    FIELD(FIELD_I64, answer, settled_ms),  FIELD(FIELD_TEXT, answer, reported),
    FIELD(FIELD_I64, answer, reported_ms),
};

static const struct field replay_fields[] = {
    FIELD(FIELD_U64, replay, number),
    FIELD(FIELD_TEXT, replay, scope),
    FIELD(FIELD_BIN, replay, raw),
};

static const struct field ephemeral_fields[] = {
    FIELD(FIELD_BIN, ephemeral, event),
};

int query_encode(const struct query *q, struct buf *out)
{
    return pack_struct(out, query_fields, AMO_COUNT(query_fields), q);
}

int query_decode(struct view body, struct query *ret)
{
    return unpack_struct_bytes(body, query_fields, AMO_COUNT(query_fields), ret);
}

int answer_encode(const struct answer *a, struct buf *out)
{
    return pack_struct(out, answer_fields, AMO_COUNT(answer_fields), a);
}

int answer_decode(struct view body, struct answer *ret)
{
    return unpack_struct_bytes(body, answer_fields, AMO_COUNT(answer_fields), ret);
}

int replay_encode(const struct replay *r, struct buf *out)
{
    return pack_struct(out, replay_fields, AMO_COUNT(replay_fields), r);
}

int replay_decode(struct view body, struct replay *ret)
{
    return unpack_struct_bytes(body, replay_fields, AMO_COUNT(replay_fields), ret);
}

int ephemeral_encode(struct view event, struct buf *out)
{
    const struct ephemeral h = {.event = event};

    return pack_struct(out, ephemeral_fields, AMO_COUNT(ephemeral_fields), &h);
}

int ephemeral_decode(struct view body, struct view *ret_event)
{
    struct ephemeral h;
    int rc = unpack_struct_bytes(body, ephemeral_fields, AMO_COUNT(ephemeral_fields), &h);

    if (rc)
        return rc;
    *ret_event = h.event;
    return 0;
}
