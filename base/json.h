#pragma once

/* JSON as the bridge reads and writes it: json-c underneath, our rules in one place.
 *
 * Reading follows docs/amojo.md, "Bodies" (rules N2-N10): bytes must be valid UTF-8; a BOM is
 * skipped; only CR, LF, space and tab may follow the value; at most JSON_DEPTH_MAX levels; the
 * last duplicate key wins; null, "" and absent mean the same for optional values; numbers and
 * strings are converted into each other where a type is expected, exactly or not at all; a lone
 * surrogate and NUL inside a string become U+FFFD. Never prints, never logs, no globals. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

#define JSON_DEPTH_MAX 1000

enum {
    JSON_E_SYNTAX = 1, /* not JSON, truncated, trailing bytes, empty */
    JSON_E_UTF8,       /* bytes are not UTF-8 */
    JSON_E_DEPTH,      /* nested deeper than JSON_DEPTH_MAX */
};

/* A parsed document; owns all views taken from it. */
struct json;
/* A borrowed value inside a document; NULL means "absent" everywhere below. */
struct json_node;

/* Any JSON value at the top. 0, JSON_E_*, -ENOMEM. */
AMO_MUSTCHECK int json_parse(struct view text, struct json **ret_doc);
void json_free(struct json *doc);
const struct json_node *json_root(const struct json *doc);

bool json_is_object(const struct json_node *n);
bool json_is_array(const struct json_node *n);
/* Present and not null. */
bool json_is_present(const struct json_node *n);

/* Member @key of object @n; NULL when @n is not an object or has none. A null member is
 * also returned as NULL. */
const struct json_node *json_get(const struct json_node *n, const char *key);
/* Path of keys separated by dots: "message.conversation.id". */
const struct json_node *json_path(const struct json_node *n, const char *path);
size_t json_array_len(const struct json_node *n);
const struct json_node *json_array_at(const struct json_node *n, size_t i);
/* Walk the members of object @n in the order of the document: start with *iter = NULL; false ends
 * it. A null member comes with the value NULL. @ret_key lives as long as the document. */
bool json_next(const struct json_node *n, const void **iter, struct view *ret_key,
               const struct json_node **ret_value);

/* The same: `for (struct json_walk w = {.object = n}; json_walk_next(&w);)`. */
struct json_walk {
    const struct json_node *object;
    const void *iter;
    struct view key;
    const struct json_node *value;
};
static inline bool json_walk_next(struct json_walk *w)
{
    return json_next(w->object, &w->iter, &w->key, &w->value);
}

/* Text of a value (N7, N8, N10): a string with NUL and lone surrogates replaced; an integer's or
 * float's exact source digits; VIEW_NONE for "", absent, null, bool, object, array. The view
 * lives as long as @doc. -ENOMEM only when a replacement needed memory. */
AMO_MUSTCHECK int json_text(struct json *doc, const struct json_node *n, struct view *ret);
/* A string that is a JSON string (no conversion), "" allowed; false when it is not. For our
 * strictly typed APIs. */
bool json_strict_text(const struct json_node *n, struct view *ret);
/* Integer by N8: a number, a float with zero fraction, a string of digits. False otherwise. */
bool json_int(const struct json_node *n, int64_t *ret);
/* Floating number by N8. */
bool json_double(const struct json_node *n, double *ret);
bool json_bool(const struct json_node *n, bool *ret);

/* Writing: straight into a buf, the writer keeps commas. Strings are UTF-8 kept raw; '"', '\\'
 * and control characters are escaped; '/' is not. Errors are sticky in the buf.
 *
 *   struct json_writer w;
 *   json_writer_init(&w, &buf);
 *   json_open_object(&w, NULL);            // key is NULL at the top and inside arrays
 *   json_add_text(&w, "msgid", view);
 *   json_close_object(&w); */
struct json_writer {
    struct buf *out;
    bool comma;
};
void json_writer_init(struct json_writer *w, struct buf *out);
void json_open_object(struct json_writer *w, const char *key);
void json_close_object(struct json_writer *w);
void json_open_array(struct json_writer *w, const char *key);
void json_close_array(struct json_writer *w);
/* VIEW_NONE writes null. */
void json_add_text(struct json_writer *w, const char *key, struct view text);
/* Writes nothing at all for VIEW_NONE or "". */
void json_add_text_if(struct json_writer *w, const char *key, struct view text);
/* ISO 8601 in UTC; null for 0, and before 1970. */
void json_add_time(struct json_writer *w, const char *key, int64_t unix_ms);
void json_add_int(struct json_writer *w, const char *key, int64_t value);
void json_add_bool(struct json_writer *w, const char *key, bool value);
void json_add_null(struct json_writer *w, const char *key);
/* @json must be one valid JSON value; copied as it is. */
void json_add_raw(struct json_writer *w, const char *key, struct view json);

/* Removes // and block comments outside strings, so that support's answer can be imported as it
 * comes. Appends to @out. */
AMO_MUSTCHECK int json_strip_comments(struct view text, struct buf *out);

/* Is it UTF-8 as Unicode has it (no overlong forms, no surrogates, nothing over U+10FFFF)? */
bool json_utf8_valid(struct view text);
