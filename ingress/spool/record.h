#pragma once

/* One record of the spool as it is on disk: bytes in, records out. Pure.
 *
 * Little-endian, padded with zeros to a multiple of eight:
 *
 *   0  magic "AMSR"      8  number   24  batch     36  aux length   40  aux
 *   4  crc32c of 8…end  16  low      32  length    38  version       …  body
 *
 * `low` is the spool's low mark when the record was written, so that flushing an event flushes
 * the mark with it. `batch` is the number of the first record of the same flush: a record whose
 * batch begins behind a damaged one proves that the damaged one had been flushed. `aux` is what
 * ingress keeps beside the event (the repeat index), opaque here. */

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

#define RECORD_HEAD    40U
#define RECORD_AUX_MAX 256U
#define RECORD_MAX     (8U << 20) /* bytes of one body: above any limit of a request */

struct record {
    uint64_t number;
    uint64_t low;
    uint64_t batch;
    struct view aux;
    struct view body;
};

enum {
    RECORD_E_END = 1, /* nothing was written here: zeros, or no bytes at all */
    RECORD_E_MORE,    /* the record continues behind the given bytes; ret_len is its length */
    RECORD_E_BAD,     /* neither a record nor nothing */
};

/* Bytes a record takes, head and padding included. */
size_t record_len(size_t aux_len, size_t body_len);
/* Appends. -ENOMEM, -ENOSPC of the buf; -EMSGSIZE when aux or body is too long. */
AMO_MUSTCHECK int record_put(const struct record *r, struct buf *out);
/* The record at the beginning of @bytes; its views borrow them. On 0 and RECORD_E_MORE
 * *ret_len is its length on disk. */
AMO_MUSTCHECK int record_parse(struct view bytes, struct record *ret, size_t *ret_len);
