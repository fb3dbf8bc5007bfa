/* Encoding and decoding of the envelope, and the names of messages and roles. */

#include "proto/envelope.h"

#include <assert.h>
#include <string.h>

#include "proto/messages.h"
#include "proto/pack.h"

static void put_id(msgpack_packer *pk, const struct id *id)
{
    pack_put_bin(pk, id_is_zero(id) ? VIEW_LIT("") : id_view(id));
}

void envelope_encode(const struct envelope *e, char ret[ENVELOPE_MAX_LEN], size_t *ret_len)
{
    msgpack_sbuffer out;
    msgpack_packer pk;

    /* worst case 1 + 9 + 9 + 3 * 18 + 9 bytes: fits, so the fixed room below is enough */
    msgpack_sbuffer_init(&out);
    out.data = ret;
    out.alloc = ENVELOPE_MAX_LEN;
    msgpack_packer_init(&pk, &out, msgpack_sbuffer_write);
    (void)msgpack_pack_array(&pk, 6);
    (void)msgpack_pack_uint64(&pk, e->version);
    (void)msgpack_pack_uint64(&pk, e->kind);
    put_id(&pk, &e->edge_boot);
    put_id(&pk, &e->core_boot);
    put_id(&pk, &e->trace);
    (void)msgpack_pack_int64(&pk, e->unix_ms);
    assert(out.data == ret);
    *ret_len = out.size;
}

static int get_id(const msgpack_object *o, struct id *ret)
{
    struct view v = pack_text(o);

    memset(ret, 0, sizeof(*ret));
    if (o->type != MSGPACK_OBJECT_BIN)
        return ENVELOPE_E_MALFORMED;
    return v.len == 0 || id_from_view(v, ret) == 0 ? 0 : ENVELOPE_E_MALFORMED;
}

int envelope_decode(struct view bytes, struct envelope *ret)
{
    struct envelope e = {0};
    struct pack_doc d;
    const msgpack_object *o = NULL;
    int rc = ENVELOPE_E_MALFORMED;

    if (bytes.len > ENVELOPE_MAX_LEN || pack_doc_open(&d, bytes))
        return ENVELOPE_E_MALFORMED;
    o = pack_doc_root(&d);
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 6)
        goto out;
    o = o->via.array.ptr;
    e.version = pack_u64(&o[0]);
    e.kind = pack_u64(&o[1]);
    e.unix_ms = pack_i64(&o[5]);
    if (get_id(&o[2], &e.edge_boot) || get_id(&o[3], &e.core_boot) || get_id(&o[4], &e.trace))
        goto out;
    *ret = e;
    rc = e.version < ENVELOPE_OLDEST || e.version > ENVELOPE_VERSION ? ENVELOPE_E_VERSION : 0;
out:
    pack_doc_close(&d);
    return rc;
}

const char *msg_name(uint64_t kind)
{
    switch (kind) {
#define MSG_CASE(name, number, from, to, meaning)                                              \
    case number:                                                                               \
        return #name;
        MSG_TABLE(MSG_CASE)
#undef MSG_CASE
    default:
        return NULL;
    }
}

const char *role_name(enum role role)
{
    switch (role) {
    case ROLE_INGRESS:
        return "ingress";
    case ROLE_CORE:
        return "core";
    case ROLE_EGRESS:
        return "egress";
    case ROLE_AMOCTL:
        return "amoctl";
    }
    return "unknown";
}
