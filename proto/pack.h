#pragma once

/* msgpack as our frames use it: maps with short text keys, written and read through a table of
 * fields, so that a codec is data. msgpack-c does the work.
 *
 * Optional fields that are empty are left out; unknown keys are ignored, so one version back and
 * forth stays readable. Views that come out of decoding borrow the bytes that went in. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <msgpack.h>

#include "base/buf.h"
#include "base/compiler.h"

enum field_type {
    FIELD_TEXT, /* struct view; left out when ptr is NULL */
    FIELD_BIN,  /* struct view; left out when ptr is NULL */
    FIELD_U64,  /* uint64_t; left out when 0 */
    FIELD_I64,  /* int64_t; left out when 0 */
    FIELD_BOOL, /* bool; left out when false */
    FIELD_ID,   /* struct id; left out when all zero */
};

struct field {
    const char *key;
    enum field_type type;
    size_t offset; /* in the struct */
};

#define FIELD(type_, struct_, member)                                                          \
    {                                                                                          \
#member, type_, offsetof(struct struct_, member)                                       \
    }

enum {
    PACK_E_MALFORMED = 1, /* not msgpack, not the shape, or a field of the wrong type */
};

/* Append one map with the present fields of @object. */
AMO_MUSTCHECK int pack_struct(struct buf *out, const struct field *fields, size_t n_fields,
                              const void *object);
/* Fill @ret (cleared first) from a map. 0 or PACK_E_MALFORMED. */
AMO_MUSTCHECK int unpack_struct(const msgpack_object *map, const struct field *fields,
                                size_t n_fields, void *ret);

/* A parsed frame body: owns the object tree; texts borrow @bytes. */
struct pack_doc {
    msgpack_unpacked unpacked;
};
/* The whole of @bytes must be one value. PACK_E_MALFORMED, -ENOMEM. */
AMO_MUSTCHECK int pack_doc_open(struct pack_doc *d, struct view bytes);
void pack_doc_close(struct pack_doc *d);
static inline const msgpack_object *pack_doc_root(const struct pack_doc *d)
{
    return &d->unpacked.data;
}

/* Member of a map by key; NULL when absent or not a map. */
const msgpack_object *pack_get(const msgpack_object *map, const char *key);
/* Elements of an array member; 0 when absent. */
size_t pack_array(const msgpack_object *map, const char *key, const msgpack_object **ret_items);
/* VIEW_NONE when absent or of another type (text and bin both pass). */
struct view pack_text(const msgpack_object *o);
/* 0 when absent or of another type. */
uint64_t pack_u64(const msgpack_object *o);
int64_t pack_i64(const msgpack_object *o);
bool pack_bool(const msgpack_object *o);

/* Writing by hand, for lists: a packer on a buf. */
void pack_init(msgpack_packer *pk, struct buf *out);
void pack_key(msgpack_packer *pk, const char *key);
void pack_put_text(msgpack_packer *pk, struct view v);
void pack_put_bin(msgpack_packer *pk, struct view v);

/* Decode a struct straight from bytes: texts borrow @bytes. PACK_E_MALFORMED, -ENOMEM. */
AMO_MUSTCHECK int unpack_struct_bytes(struct view bytes, const struct field *fields,
                                      size_t n_fields, void *ret);
