#pragma once

/* Reading JSON the way amojo does: a number is a number, a string a string.
 *
 * Two manners. jread_* look quietly and give NULL, a default or false. `struct jcheck` is for
 * bodies that must be right: the first mistake is kept in words
 * ("payload.message.text: cannot be blank") and everything after it is harmless. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "tools/sandbox/kit/blob.h"

/* The value, or NULL unless @bytes are one JSON value in valid UTF-8. */
struct json_object *jread_parse(struct view bytes);
/* The same of a kept body; NULL also when there is none. */
struct json_object *jread_blob(const struct blob *b);
/* Bytes as a new JSON string, whatever they are. */
struct json_object *jread_bytes(struct view bytes);
/* Member, NULL when absent, null, or @o is no object. */
struct json_object *jread_get(struct json_object *o, const char *key);
/* Member of that kind, else NULL. */
struct json_object *jread_object(struct json_object *o, const char *key);
struct json_object *jread_array(struct json_object *o, const char *key);
const char *jread_str(struct json_object *o, const char *key);
/* How many values an array has (none when NULL), and one of them. */
size_t jread_len(struct json_object *array);
struct json_object *jread_at(struct json_object *array, size_t i);
/* Member, or @otherwise when absent or of another kind. */
int64_t jread_int(struct json_object *o, const char *key, int64_t otherwise);
bool jread_bool(struct json_object *o, const char *key, bool otherwise);

/* Walk the members of an object: `for (struct jread_walk w = jread_walk(o); jread_next(&w);)`,
 * which leaves w.key and w.value (NULL = null) borrowed from it. Do not change it meanwhile. */
struct jread_walk {
    struct lh_entry *next;
    const char *key;
    struct json_object *value;
};
struct jread_walk jread_walk(struct json_object *o);
bool jread_next(struct jread_walk *w);

/* What follows adds members by name: @key is a constant, but in jread_add and jread_copy.
 *
 * Add a new, empty member, or a new object at the end of an array; borrowed. */
struct json_object *jread_add_object(struct json_object *o, const char *key);
struct json_object *jread_add_array(struct json_object *o, const char *key);
struct json_object *jread_append_object(struct json_object *array);
/* Add one more owner of @v, or nothing at all when it is NULL. */
void jread_add(struct json_object *o, const char *key, struct json_object *v);
/* Add {"id": @id}, or nothing at all when it is NULL. */
void jread_add_id(struct json_object *o, const char *key, const char *id);
/* Add those of the members @keys that @from has, or every one it has, nulls too. */
void jread_copy(struct json_object *o, struct json_object *from, const char *const *keys,
                size_t n);
void jread_lay_over(struct json_object *o, struct json_object *from);
/* Add a string, or nothing at all when @text is NULL. */
void jread_add_str(struct json_object *o, const char *key, const char *text);
/* Add a string, null when @text is NULL. */
void jread_add_str_or_null(struct json_object *o, const char *key, const char *text);
void jread_add_int(struct json_object *o, const char *key, int64_t v);
/* Add an integer, null unless @has. */
void jread_add_int_or_null(struct json_object *o, const char *key, bool has, int64_t v);
void jread_add_uint(struct json_object *o, const char *key, uint64_t v);
void jread_add_bool(struct json_object *o, const char *key, bool v);

/* As one line of text, borrowed until @o changes. */
const char *jread_text(struct json_object *o);

struct jcheck {
    char words[256]; /* "" = nothing wrong so far */
};

enum jcheck_need {
    JCHECK_OPTIONAL,
    JCHECK_REQUIRED
};

bool jcheck_bad(const struct jcheck *c);
/* Note a mistake at @path.@key ("" path = top). Only the first one counts. */
void jcheck_fail(struct jcheck *c, const char *path, const char *key, const char *what);
/* Typed members; null counts as absent. A required string is not empty. @max in characters,
 * 0 = any. NULL, 0 or false when absent or wrong. */
const char *jcheck_str(struct jcheck *c, struct json_object *o, const char *path,
                       const char *key, enum jcheck_need need, size_t max);
int64_t jcheck_int(struct jcheck *c, struct json_object *o, const char *path, const char *key,
                   enum jcheck_need need);
bool jcheck_bool(struct jcheck *c, struct json_object *o, const char *path, const char *key);
void jcheck_float(struct jcheck *c, struct json_object *o, const char *path, const char *key);
struct json_object *jcheck_object(struct jcheck *c, struct json_object *o, const char *path,
                                  const char *key, enum jcheck_need need);
/* Members that are strings when they are there. */
#define JCHECK_TEXTS(c, o, path, ...)                                                          \
    jcheck_texts(c, o, path, (const char *const[]){__VA_ARGS__},                               \
                 AMO_COUNT(((const char *const[]){__VA_ARGS__})))
void jcheck_texts(struct jcheck *c, struct json_object *o, const char *path,
                  const char *const *keys, size_t n);
