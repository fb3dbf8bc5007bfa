/* Refusals as a list of maps in a heartbeat. */

#include "proto/refusal.h"

#include "proto/pack.h"

static const struct field refusal_fields[] = {
    FIELD(FIELD_U64, refusal, side),      FIELD(FIELD_TEXT, refusal, name),
    FIELD(FIELD_U64, refusal, status),    FIELD(FIELD_TEXT, refusal, code),
    FIELD(FIELD_TEXT, refusal, field),    FIELD(FIELD_TEXT, refusal, reason),
    FIELD(FIELD_BOOL, refusal, verified), FIELD(FIELD_TEXT, refusal, id),
    FIELD(FIELD_TEXT, refusal, from),     FIELD(FIELD_U64, refusal, n),
    FIELD(FIELD_I64, refusal, since_ms),  FIELD(FIELD_I64, refusal, last_ms),
};

int refusals_begin(struct buf *out, size_t n)
{
    msgpack_packer pk;

    pack_init(&pk, out);
    (void)msgpack_pack_array(&pk, n); /* errors stick in the buf */
    return buf_error(out);
}

int refusals_add(struct buf *out, const struct refusal *r)
{
    return pack_struct(out, refusal_fields, AMO_COUNT(refusal_fields), r);
}

int refusals_decode(struct view bytes, refusal_fn *fn, void *arg)
{
    const msgpack_object *root = NULL;
    struct pack_doc d;
    int rc = pack_doc_open(&d, bytes);

    if (rc)
        return rc;
    root = pack_doc_root(&d);
    if (root->type != MSGPACK_OBJECT_ARRAY)
        rc = PACK_E_MALFORMED;
    for (size_t i = 0; rc == 0 && i < root->via.array.size && i < REFUSAL_ROWS; i++) {
        struct refusal r;

        if (unpack_struct(&root->via.array.ptr[i], refusal_fields, AMO_COUNT(refusal_fields),
                          &r) == 0)
            fn(arg, &r);
    }
    pack_doc_close(&d);
    return rc;
}
