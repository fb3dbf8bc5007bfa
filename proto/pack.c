/* The codec behind the tables of fields: packs and unpacks structs, reads single values, and
 * checks that lengths and nesting are plausible before msgpack-c allocates for them. */

#include "proto/pack.h"

#include <errno.h>
#include <string.h>

#include "base/ids.h"

static int buf_write(void *data, const char *bytes, size_t len)
{
    return buf_add(data, bytes, len);
}

void pack_init(msgpack_packer *pk, struct buf *out)
{
    msgpack_packer_init(pk, out, buf_write);
}

void pack_put_text(msgpack_packer *pk, struct view v)
{
    (void)msgpack_pack_str(pk, v.len); /* errors stick in the buf */
    (void)msgpack_pack_str_body(pk, v.ptr, v.len);
}

void pack_put_bin(msgpack_packer *pk, struct view v)
{
    (void)msgpack_pack_bin(pk, v.len);
    (void)msgpack_pack_bin_body(pk, v.ptr, v.len);
}

void pack_key(msgpack_packer *pk, const char *key)
{
    pack_put_text(pk, view_of(key));
}

static const void *field_at(const struct field *f, const void *object)
{
    return (const char *)object + f->offset;
}

static bool field_is_present(const struct field *f, const void *object)
{
    const void *p = field_at(f, object);

    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_BIN:
        return ((const struct view *)p)->ptr != NULL;
    case FIELD_U64:
        return *(const uint64_t *)p != 0;
    case FIELD_I64:
        return *(const int64_t *)p != 0;
    case FIELD_BOOL:
        return *(const bool *)p;
    case FIELD_ID:
        return !id_is_zero(p);
    }
    return false;
}

static void field_pack(msgpack_packer *pk, const struct field *f, const void *object)
{
    const void *p = field_at(f, object);

    pack_key(pk, f->key);
    switch (f->type) {
    case FIELD_TEXT:
        pack_put_text(pk, *(const struct view *)p);
        break;
    case FIELD_BIN:
        pack_put_bin(pk, *(const struct view *)p);
        break;
    case FIELD_U64:
        (void)msgpack_pack_uint64(pk, *(const uint64_t *)p);
        break;
    case FIELD_I64:
        (void)msgpack_pack_int64(pk, *(const int64_t *)p);
        break;
    case FIELD_BOOL:
        (void)msgpack_pack_true(pk);
        break;
    case FIELD_ID:
        pack_put_bin(pk, id_view(p));
        break;
    }
}

int pack_struct(struct buf *out, const struct field *fields, size_t n_fields,
                const void *object)
{
    msgpack_packer pk;
    size_t n = 0;

    for (size_t i = 0; i < n_fields; i++)
        n += field_is_present(&fields[i], object);
    pack_init(&pk, out);
    (void)msgpack_pack_map(&pk, n);
    for (size_t i = 0; i < n_fields; i++) {
        if (field_is_present(&fields[i], object))
            field_pack(&pk, &fields[i], object);
    }
    return buf_error(out);
}

static size_t field_size(enum field_type type)
{
    switch (type) {
    case FIELD_TEXT:
    case FIELD_BIN:
        return sizeof(struct view);
    case FIELD_U64:
    case FIELD_I64:
        return sizeof(uint64_t);
    case FIELD_BOOL:
        return sizeof(bool);
    case FIELD_ID:
        return sizeof(struct id);
    }
    return 0;
}

static int field_unpack(const struct field *f, const msgpack_object *o, void *object)
{
    void *p = (char *)object + f->offset;

    switch (f->type) {
    case FIELD_TEXT:
        if (o->type != MSGPACK_OBJECT_STR)
            return PACK_E_MALFORMED;
        *(struct view *)p = pack_text(o);
        return 0;
    case FIELD_BIN:
        if (o->type != MSGPACK_OBJECT_BIN)
            return PACK_E_MALFORMED;
        *(struct view *)p = pack_text(o);
        return 0;
    case FIELD_U64:
        if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER)
            return PACK_E_MALFORMED;
        *(uint64_t *)p = o->via.u64;
        return 0;
    case FIELD_I64:
        if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER &&
            o->type != MSGPACK_OBJECT_NEGATIVE_INTEGER)
            return PACK_E_MALFORMED;
        *(int64_t *)p = pack_i64(o);
        return 0;
    case FIELD_BOOL:
        if (o->type != MSGPACK_OBJECT_BOOLEAN)
            return PACK_E_MALFORMED;
        *(bool *)p = o->via.boolean;
        return 0;
    case FIELD_ID:
        if (o->type != MSGPACK_OBJECT_BIN || id_from_view(pack_text(o), p))
            return PACK_E_MALFORMED;
        return 0;
    }
    return PACK_E_MALFORMED;
}

int unpack_struct(const msgpack_object *map, const struct field *fields, size_t n_fields,
                  void *ret)
{
    size_t next = 0;

    for (size_t i = 0; i < n_fields; i++)
        memset((char *)ret + fields[i].offset, 0, field_size(fields[i].type));
    if (!map || map->type != MSGPACK_OBJECT_MAP)
        return PACK_E_MALFORMED;
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object_kv *kv = &map->via.map.ptr[i];
        struct view key = pack_text(&kv->key);

        /* the writer keeps the table's order, so the next field is usually the right one */
        for (size_t tried = 0; tried < n_fields; tried++) {
            size_t at = (next + tried) % n_fields;

            if (!view_is(key, fields[at].key))
                continue;
            if (field_unpack(&fields[at], &kv->val, ret))
                return PACK_E_MALFORMED;
            next = at + 1;
            break;
        }
    }
    return 0;
}

/* What one msgpack header announces. */
struct announced {
    uint64_t values; /* that follow inside it */
    uint64_t bytes;  /* of its own, behind the header */
};

static uint64_t big_endian(const unsigned char *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* Length fields of 1, 2 or 4 bytes: bin, ext, str, array, map. */
static bool announce_sized(unsigned char first, struct view rest, struct announced *ret)
{
    static const struct {
        unsigned char first;
        unsigned char length_bytes;
        unsigned char extra;  /* the type byte of ext */
        unsigned char values; /* of a container, for each it counts */
    } sized[] = {
        {0xc4, 1, 0, 0},
        {0xc5, 2, 0, 0},
        {0xc6, 4, 0, 0},
        {0xc7, 1, 1, 0},
        {0xc8, 2, 1, 0},
        {0xc9, 4, 1, 0},
        {0xd9, 1, 0, 0},
        {0xda, 2, 0, 0},
        {0xdb, 4, 0, 0},
        {0xdc, 2, 0, 1},
        {0xdd, 4, 0, 1},
        {0xde, 2, 0, 2},
        {0xdf, 4, 0, 2},
    };

    for (size_t i = 0; i < AMO_COUNT(sized); i++) {
        uint64_t n = 0;

        if (sized[i].first != first)
            continue;
        if (rest.len < sized[i].length_bytes)
            return false;
        n = big_endian((const unsigned char *)rest.ptr, sized[i].length_bytes);
        ret->values = n * sized[i].values;
        ret->bytes = sized[i].length_bytes + sized[i].extra + (sized[i].values ? 0 : n);
        return true;
    }
    return false;
}

static bool announce(unsigned char first, struct view rest, struct announced *ret)
{
    static const unsigned char fixed[] = {
        [0xca - 0xc0] = 4, [0xcb - 0xc0] = 8, [0xcc - 0xc0] = 1,  [0xcd - 0xc0] = 2,
        [0xce - 0xc0] = 4, [0xcf - 0xc0] = 8, [0xd0 - 0xc0] = 1,  [0xd1 - 0xc0] = 2,
        [0xd2 - 0xc0] = 4, [0xd3 - 0xc0] = 8, [0xd4 - 0xc0] = 2,  [0xd5 - 0xc0] = 3,
        [0xd6 - 0xc0] = 5, [0xd7 - 0xc0] = 9, [0xd8 - 0xc0] = 17,
    };

    *ret = (struct announced){0, 0};
    if (first < 0x80 || first >= 0xe0)
        return true; /* small integers */
    if (first < 0x90)
        ret->values = (uint64_t)2 * (first & 0x0fU);
    else if (first < 0xa0)
        ret->values = first & 0x0fU;
    else if (first < 0xc0)
        ret->bytes = first & 0x1fU;
    else if (first == 0xc0 || first == 0xc2 || first == 0xc3)
        return true;
    else if (first - 0xc0U < sizeof(fixed) && fixed[first - 0xc0U])
        ret->bytes = fixed[first - 0xc0U];
    else
        return announce_sized(first, rest, ret);
    return true;
}

/* In one frame: each takes 24 bytes once it is taken apart, so that 6 MiB of nothing would take 150. The
 * largest registry that a frame holds has fewer. */
#define PACK_VALUES_MAX 1500000U
/* Containers in each other. Our frames need five; msgpack-c calls more than 32 a lack of memory. */
#define PACK_DEPTH_MAX  30

/* Is there a byte for every value that is announced, no deep nest and not too much of it? msgpack-c takes memory for
 * as many elements as a header claims before it looks for them: five bytes could make it ask for
 * gigabytes. */
static bool is_as_long_as_it_claims(struct view bytes)
{
    uint64_t left[PACK_DEPTH_MAX + 1] = {1}; /* values still to come at each depth */
    uint64_t wanted = 1;                     /* the sum of it */
    uint64_t seen = 0;
    size_t depth = 0;

    while (wanted > 0) {
        struct announced a;
        struct view rest;

        if (wanted > bytes.len || wanted + seen++ > PACK_VALUES_MAX)
            return false;
        rest = view_make(bytes.ptr + 1, bytes.len - 1);
        if (!announce((unsigned char)bytes.ptr[0], rest, &a) || a.bytes > rest.len)
            return false;
        bytes = view_make(rest.ptr + a.bytes, rest.len - (size_t)a.bytes);
        wanted += a.values - 1;
        left[depth]--;
        if (a.values && depth == PACK_DEPTH_MAX)
            return false;
        if (a.values)
            left[++depth] = a.values;
        while (depth > 0 && left[depth] == 0)
            depth--;
    }
    return bytes.len == 0;
}

int pack_doc_open(struct pack_doc *d, struct view bytes)
{
    size_t used = 0;
    msgpack_unpack_return rc = MSGPACK_UNPACK_PARSE_ERROR;

    msgpack_unpacked_init(&d->unpacked);
    if (is_as_long_as_it_claims(bytes))
        rc = msgpack_unpack_next(&d->unpacked, bytes.ptr, bytes.len, &used);
    if (rc == MSGPACK_UNPACK_SUCCESS && used == bytes.len)
        return 0;
    msgpack_unpacked_destroy(&d->unpacked);
    return rc == MSGPACK_UNPACK_NOMEM_ERROR ? -ENOMEM : PACK_E_MALFORMED;
}

void pack_doc_close(struct pack_doc *d)
{
    msgpack_unpacked_destroy(&d->unpacked);
}

const msgpack_object *pack_get(const msgpack_object *map, const char *key)
{
    if (!map || map->type != MSGPACK_OBJECT_MAP)
        return NULL;
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        if (view_is(pack_text(&map->via.map.ptr[i].key), key))
            return &map->via.map.ptr[i].val;
    }
    return NULL;
}

size_t pack_array(const msgpack_object *map, const char *key, const msgpack_object **ret_items)
{
    const msgpack_object *o = pack_get(map, key);

    *ret_items = NULL;
    if (!o || o->type != MSGPACK_OBJECT_ARRAY)
        return 0;
    *ret_items = o->via.array.ptr;
    return o->via.array.size;
}

struct view pack_text(const msgpack_object *o)
{
    if (o && o->type == MSGPACK_OBJECT_STR)
        return view_make(o->via.str.ptr ? o->via.str.ptr : "", o->via.str.size);
    if (o && o->type == MSGPACK_OBJECT_BIN)
        return view_make(o->via.bin.ptr ? o->via.bin.ptr : "", o->via.bin.size);
    return VIEW_NONE;
}

uint64_t pack_u64(const msgpack_object *o)
{
    return o && o->type == MSGPACK_OBJECT_POSITIVE_INTEGER ? o->via.u64 : 0;
}

int64_t pack_i64(const msgpack_object *o)
{
    if (o && o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return o->via.i64;
    return o && o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 <= INT64_MAX
               ? (int64_t)o->via.u64
               : 0;
}

bool pack_bool(const msgpack_object *o)
{
    return o && o->type == MSGPACK_OBJECT_BOOLEAN && o->via.boolean;
}

int unpack_struct_bytes(struct view bytes, const struct field *fields, size_t n_fields,
                        void *ret)
{
    struct pack_doc d;
    int rc = pack_doc_open(&d, bytes);

    if (rc)
        return rc;
    rc = unpack_struct(pack_doc_root(&d), fields, n_fields, ret);
    pack_doc_close(&d);
    return rc;
}
