/* Encoding and decoding of the bodies of HELLO, WELCOME, heartbeats, GOING, EVENT_TAKEN and the
 * frames about a spool. Also builds batches of events, and lists of pairs of numbers. */

#include "proto/session.h"

static const struct field hello_fields[] = {
    FIELD(FIELD_U64, hello, role),     FIELD(FIELD_TEXT, hello, name),
    FIELD(FIELD_TEXT, hello, version), FIELD(FIELD_U64, hello, registry_version),
    FIELD(FIELD_ID, hello, spool),     FIELD(FIELD_U64, hello, low),
    FIELD(FIELD_U64, hello, next),     FIELD(FIELD_U64, hello, fresh),
    FIELD(FIELD_U64, hello, known),    FIELD(FIELD_BIN, hello, lives),
    FIELD(FIELD_U64, hello, credit),   FIELD(FIELD_U64, hello, credit_bytes),
    FIELD(FIELD_BIN, hello, held),     FIELD(FIELD_U64, hello, session),
    FIELD(FIELD_I64, hello, mono_ms),  FIELD(FIELD_U64, hello, places),
    FIELD(FIELD_TEXT, hello, lacks),   FIELD(FIELD_TEXT, hello, strangers),
};

static const struct field welcome_fields[] = {
    FIELD(FIELD_U64, welcome, credit),   FIELD(FIELD_U64, welcome, credit_bytes),
    FIELD(FIELD_ID, welcome, spool),     FIELD(FIELD_U64, welcome, low),
    FIELD(FIELD_U64, welcome, mark),     FIELD(FIELD_BIN, welcome, taken),
    FIELD(FIELD_BIN, welcome, registry), FIELD(FIELD_I64, welcome, lease_ms),
    FIELD(FIELD_I64, welcome, echo_ms),  FIELD(FIELD_I64, welcome, core_ms),
};

static const struct field heartbeat_fields[] = {
    FIELD(FIELD_U64, heartbeat, registry_version),
    FIELD(FIELD_U64, heartbeat, credit),
    FIELD(FIELD_U64, heartbeat, credit_bytes),
    FIELD(FIELD_U64, heartbeat, spool_events),
    FIELD(FIELD_U64, heartbeat, spool_bytes),
    FIELD(FIELD_U64, heartbeat, low),
    FIELD(FIELD_U64, heartbeat, busy),
    FIELD(FIELD_TEXT, heartbeat, refused),
    FIELD(FIELD_BIN, heartbeat, refusals),
    FIELD(FIELD_I64, heartbeat, mono_ms),
    FIELD(FIELD_U64, heartbeat, places),
    FIELD(FIELD_U64, heartbeat, leaving),
    FIELD(FIELD_U64, heartbeat, spool_max),
    FIELD(FIELD_U64, heartbeat, disk_free),
    FIELD(FIELD_U64, heartbeat, disk_size),
    FIELD(FIELD_U64, heartbeat, closed),
    FIELD(FIELD_TEXT, heartbeat, state),
    FIELD(FIELD_I64, heartbeat, closed_from_ms),
    FIELD(FIELD_I64, heartbeat, closed_to_ms),
    FIELD(FIELD_TEXT, heartbeat, closed_why),
};

static const struct field heartbeat_answer_fields[] = {
    FIELD(FIELD_I64, heartbeat_answer, echo_ms),
    FIELD(FIELD_I64, heartbeat_answer, core_ms),
    FIELD(FIELD_BIN, heartbeat_answer, pad),
};

int hello_encode(const struct hello *h, struct buf *out)
{
    return pack_struct(out, hello_fields, AMO_COUNT(hello_fields), h);
}

int hello_decode(struct view body, struct hello *ret)
{
    return unpack_struct_bytes(body, hello_fields, AMO_COUNT(hello_fields), ret);
}

int welcome_encode(const struct welcome *w, struct buf *out)
{
    return pack_struct(out, welcome_fields, AMO_COUNT(welcome_fields), w);
}

int welcome_decode(struct view body, struct welcome *ret)
{
    return unpack_struct_bytes(body, welcome_fields, AMO_COUNT(welcome_fields), ret);
}

int heartbeat_encode(const struct heartbeat *h, struct buf *out)
{
    return pack_struct(out, heartbeat_fields, AMO_COUNT(heartbeat_fields), h);
}

int heartbeat_decode(struct view body, struct heartbeat *ret)
{
    return unpack_struct_bytes(body, heartbeat_fields, AMO_COUNT(heartbeat_fields), ret);
}

int heartbeat_answer_encode(const struct heartbeat_answer *a, struct buf *out)
{
    return pack_struct(out, heartbeat_answer_fields, AMO_COUNT(heartbeat_answer_fields), a);
}

int heartbeat_answer_decode(struct view body, struct heartbeat_answer *ret)
{
    return unpack_struct_bytes(body, heartbeat_answer_fields,
                               AMO_COUNT(heartbeat_answer_fields), ret);
}

static const struct field spool_rotate_fields[] = {
    FIELD(FIELD_U64, spool_rotate, number),
    FIELD(FIELD_U64, spool_rotate, kept),
};

int spool_rotate_encode(const struct spool_rotate *t, struct buf *out)
{
    return pack_struct(out, spool_rotate_fields, AMO_COUNT(spool_rotate_fields), t);
}

int spool_rotate_decode(struct view body, struct spool_rotate *ret)
{
    return unpack_struct_bytes(body, spool_rotate_fields, AMO_COUNT(spool_rotate_fields), ret);
}

int going_encode(bool counts, struct buf *out)
{
    msgpack_packer pk;

    pack_init(&pk, out);
    (void)msgpack_pack_map(&pk, counts ? 1 : 0); /* errors stick in the buf */
    if (counts) {
        pack_key(&pk, "counts");
        (void)msgpack_pack_true(&pk);
    }
    return buf_error(out);
}

bool going_counts(struct view body)
{
    struct pack_doc d;
    bool counts = false;

    if (pack_doc_open(&d, body))
        return false;
    counts = pack_bool(pack_get(pack_doc_root(&d), "counts"));
    pack_doc_close(&d);
    return counts;
}

static const struct field spool_refused_fields[] = {
    FIELD(FIELD_ID, spool_refused, spool),
    FIELD(FIELD_U64, spool_refused, low),
    FIELD(FIELD_TEXT, spool_refused, reason),
};

int spool_refused_encode(const struct spool_refused *r, struct buf *out)
{
    return pack_struct(out, spool_refused_fields, AMO_COUNT(spool_refused_fields), r);
}

int spool_refused_decode(struct view body, struct spool_refused *ret)
{
    return unpack_struct_bytes(body, spool_refused_fields, AMO_COUNT(spool_refused_fields),
                               ret);
}

#define PAIR_LEN 16

static void put_be64(unsigned char *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (unsigned char)(v >> (56 - 8 * i));
}

static uint64_t get_be64(const char *p)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

int pairs_add(struct buf *out, uint64_t a, uint64_t b)
{
    unsigned char bytes[PAIR_LEN];

    put_be64(bytes, a);
    put_be64(bytes + 8, b);
    return buf_add(out, bytes, sizeof(bytes));
}

size_t pairs_count(struct view pairs)
{
    return pairs.len / PAIR_LEN;
}

void pairs_at(struct view pairs, size_t i, uint64_t *ret_a, uint64_t *ret_b)
{
    *ret_a = get_be64(pairs.ptr + i * PAIR_LEN);
    *ret_b = get_be64(pairs.ptr + i * PAIR_LEN + 8);
}

int event_push_begin(struct buf *out, const struct id *spool, uint64_t low, size_t n_events)
{
    msgpack_packer pk;

    pack_init(&pk, out);
    (void)msgpack_pack_map(&pk, 3); /* errors stick in the buf */
    pack_key(&pk, "spool");
    pack_put_bin(&pk, id_view(spool));
    pack_key(&pk, "low");
    (void)msgpack_pack_uint64(&pk, low);
    pack_key(&pk, "events");
    (void)msgpack_pack_array(&pk, n_events);
    return buf_error(out);
}

int event_push_add(struct buf *out, uint64_t number, struct view event, int suspect)
{
    msgpack_packer pk;

    pack_init(&pk, out);
    (void)msgpack_pack_array(&pk, 3);
    (void)msgpack_pack_uint64(&pk, number);
    pack_put_bin(&pk, event);
    (void)(suspect ? msgpack_pack_true(&pk) : msgpack_pack_false(&pk));
    return buf_error(out);
}

int shares_begin(struct buf *out, size_t n, bool accounts)
{
    msgpack_packer pk;

    pack_init(&pk, out);
    (void)msgpack_pack_map(&pk, accounts ? 2 : 1); /* errors stick in the buf */
    pack_key(&pk, "over");
    (void)msgpack_pack_array(&pk, n);
    return buf_error(out);
}

int shares_accounts(struct buf *out, size_t n)
{
    msgpack_packer pk;

    pack_init(&pk, out);
    pack_key(
        &pk,
        "accounts"); /* an older ingress passes over it, and refuses nobody for one account */
    (void)msgpack_pack_array(&pk, n);
    return buf_error(out);
}

int shares_add(struct buf *out, const struct share_over *o)
{
    msgpack_packer pk;

    pack_init(&pk, out);
    (void)msgpack_pack_array(&pk, 4);
    pack_put_text(&pk, o->connector);
    if (o->scope.len)
        pack_put_text(&pk, o->scope);
    pack_put_text(&pk, o->share);
    if (!o->scope.len)
        (void)(o->reports ? msgpack_pack_true(&pk) : msgpack_pack_false(&pk));
    (void)msgpack_pack_uint64(&pk, o->retry_s);
    return buf_error(out);
}

/* One list of rows. */
static void shares_rows(const struct pack_doc *d, const char *key, bool accounts,
                        share_over_fn *fn, void *arg)
{
    const msgpack_object *items = NULL;
    size_t n = pack_array(pack_doc_root(d), key, &items);

    for (size_t i = 0; i < n; i++) {
        const msgpack_object *o = items[i].via.array.ptr;
        struct share_over row;

        if (items[i].type != MSGPACK_OBJECT_ARRAY || items[i].via.array.size < 4)
            continue;
        row = (struct share_over){.connector = pack_text(&o[0]), .retry_s = pack_u64(&o[3])};
        row.share = pack_text(&o[accounts ? 2 : 1]);
        if (accounts)
            row.scope = pack_text(&o[1]);
        else
            row.reports = pack_bool(&o[2]);
        if (row.connector.len && (!accounts || row.scope.len))
            fn(arg, &row);
    }
}

int shares_decode(struct view body, share_over_fn *fn, void *arg)
{
    struct pack_doc d;
    int rc = pack_doc_open(&d, body);

    if (rc)
        return rc;
    shares_rows(&d, "over", false, fn, arg);
    shares_rows(&d, "accounts", true, fn, arg);
    pack_doc_close(&d);
    return 0;
}

struct taken {
    struct id spool;
    struct view pairs;
};

static const struct field taken_fields[] = {
    FIELD(FIELD_ID, taken, spool),
    FIELD(FIELD_BIN, taken, pairs),
};

int taken_encode(const struct id *spool, struct view pairs, struct buf *out)
{
    struct taken t = {.pairs = pairs};

    if (spool)
        t.spool = *spool;
    return pack_struct(out, taken_fields, AMO_COUNT(taken_fields), &t);
}

int taken_decode(struct view body, struct id *ret_spool, struct view *ret_pairs)
{
    struct taken t;
    int rc = unpack_struct_bytes(body, taken_fields, AMO_COUNT(taken_fields), &t);

    if (rc)
        return rc;
    *ret_spool = t.spool;
    *ret_pairs = t.pairs;
    return 0;
}
