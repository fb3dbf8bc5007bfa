/* Encoding and decoding of CONTROL_CALL and CONTROL_ANSWER. */

#include "proto/control.h"

static const struct field call_fields[] = {
    FIELD(FIELD_TEXT, control_call, verb),
    FIELD(FIELD_TEXT, control_call, args),
};

static const struct field answer_fields[] = {
    FIELD(FIELD_U64, control_answer, code),
    FIELD(FIELD_TEXT, control_answer, json),
    FIELD(FIELD_TEXT, control_answer, error),
    FIELD(FIELD_TEXT, control_answer, next),
};

enum control_kind control_kind_of(struct view verb)
{
    static const struct {
        const char *verb;
        enum control_kind kind;
    } all[] = {
#define KIND(symbol, verb, kind, args, answer) {verb, CONTROL_##kind},
        CONTROL_VERBS(KIND)
#undef KIND
    };

    for (size_t i = 0; i < AMO_COUNT(all); i++) {
        if (view_is(verb, all[i].verb))
            return all[i].kind;
    }
    return CONTROL_CHANGES;
}

int control_call_encode(const struct control_call *c, struct buf *out)
{
    return pack_struct(out, call_fields, AMO_COUNT(call_fields), c);
}

int control_call_decode(struct view body, struct control_call *ret)
{
    return unpack_struct_bytes(body, call_fields, AMO_COUNT(call_fields), ret);
}

int control_answer_encode(const struct control_answer *a, struct buf *out)
{
    return pack_struct(out, answer_fields, AMO_COUNT(answer_fields), a);
}

int control_answer_decode(struct view body, struct control_answer *ret)
{
    return unpack_struct_bytes(body, answer_fields, AMO_COUNT(answer_fields), ret);
}
