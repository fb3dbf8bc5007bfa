#pragma once

/* Identifiers: random ones, time-ordered ones, and ids derived from others so that a repeat
 * is the same id by construction. */

#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

/* 16 raw bytes: boot ids, spool ids, trace ids. */
#define ID_LEN 16
struct id {
    unsigned char bytes[ID_LEN];
};
/* "018f…-….": 36 characters and NUL. */
#define ID_TEXT_LEN    36
/* A derived id is at most this long, without NUL. */
#define ID_DERIVED_MAX 64

AMO_MUSTCHECK int id_random(struct id *ret);
/* UUIDv7 of @unix_ms: sorts by time. */
AMO_MUSTCHECK int id_uuid7(int64_t unix_ms, struct id *ret);
/* Always the UUID form with four hyphens, lower case. */
void id_format(const struct id *id, char ret[ID_TEXT_LEN + 1]);
/* 36 characters, either case. -EINVAL. */
AMO_MUSTCHECK int id_parse(struct view text, struct id *ret);
AMO_MUSTCHECK int id_from_view(struct view bytes, struct id *ret);
struct view id_view(const struct id *id);
int id_is_zero(const struct id *id);
int id_equal(const struct id *a, const struct id *b);

/* Our id for something a connector named, so that the same thing always gets the same id:
 * "<name>-<id>", or "<name>-<part>-<id>" when @part (the source) is given, as long as that is
 * at most 64 of [A-Za-z0-9._-] and can be read in one way only (no '-' in @part, @id not of
 * the hashed form); else "<name>-h" + the first 40 hex digits of SHA-256 over name, part when
 * given, and id, joined by NUL. -EINVAL for an empty @name or @id or a @name over 22 bytes
 * that needs hashing. Source: docs/delivery.md, "Identity". */
AMO_MUSTCHECK int id_derive(struct view name, struct view part, struct view id,
                            char ret[ID_DERIVED_MAX + 1]);
