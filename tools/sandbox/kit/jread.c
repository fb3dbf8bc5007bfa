/* What: json-c, strict and with words for what is wrong. */
#include "tools/sandbox/kit/jread.h"

#include <limits.h>
#include <stdio.h>

struct json_object *jread_parse(struct view bytes)
{
    struct json_tokener *tok = NULL;
    struct json_object *o = NULL;

    if (bytes.len == 0 || bytes.len > INT_MAX)
        return NULL;
    tok = json_tokener_new_ex(256);
    if (!tok)
        return NULL;
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    o = json_tokener_parse_ex(tok, bytes.ptr, (int)bytes.len);
    if (!o && json_tokener_get_error(tok) == json_tokener_continue)
        o = json_tokener_parse_ex(tok, "", 1); /* the NUL ends a bare number */
    if (json_tokener_get_error(tok) != json_tokener_success && o) {
        json_object_put(o);
        o = NULL;
    }
    json_tokener_free(tok);
    return o;
}

struct json_object *jread_blob(const struct blob *b)
{
    return b ? jread_parse(blob_view(b)) : NULL;
}

struct json_object *jread_bytes(struct view bytes)
{
    return json_object_new_string_len(bytes.len ? bytes.ptr : "", (int)bytes.len);
}

struct json_object *jread_get(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    if (!json_object_is_type(o, json_type_object))
        return NULL;
    return json_object_object_get_ex(o, key, &v) ? v : NULL;
}

static struct json_object *jread_kind(struct json_object *o, const char *key,
                                      enum json_type kind)
{
    struct json_object *v = jread_get(o, key);

    return json_object_is_type(v, kind) ? v : NULL;
}

struct json_object *jread_object(struct json_object *o, const char *key)
{
    return jread_kind(o, key, json_type_object);
}

struct json_object *jread_array(struct json_object *o, const char *key)
{
    return jread_kind(o, key, json_type_array);
}

size_t jread_len(struct json_object *array)
{
    return array ? json_object_array_length(array) : 0;
}

struct json_object *jread_at(struct json_object *array, size_t i)
{
    return json_object_array_get_idx(array, i);
}

const char *jread_str(struct json_object *o, const char *key)
{
    struct json_object *v = jread_kind(o, key, json_type_string);

    return v ? json_object_get_string(v) : NULL;
}

int64_t jread_int(struct json_object *o, const char *key, int64_t otherwise)
{
    struct json_object *v = jread_kind(o, key, json_type_int);

    return v ? json_object_get_int64(v) : otherwise;
}

bool jread_bool(struct json_object *o, const char *key, bool otherwise)
{
    struct json_object *v = jread_kind(o, key, json_type_boolean);

    return v ? json_object_get_boolean(v) : otherwise;
}

struct jread_walk jread_walk(struct json_object *o)
{
    struct lh_table *members =
        json_object_is_type(o, json_type_object) ? json_object_get_object(o) : NULL;

    return (struct jread_walk){.next = members ? lh_table_head(members) : NULL};
}

bool jread_next(struct jread_walk *w)
{
    struct lh_entry *e = w->next;

    if (!e)
        return false;
    w->key = lh_entry_k(e);
    w->value = lh_entry_v(e);
    w->next = lh_entry_next(e);
    return true;
}

/* The keys of what is added by name are ours, and constant: they are not copied. */
static void jread_put(struct json_object *o, const char *key, struct json_object *v)
{
    (void)json_object_object_add_ex(o, key, v,
                                    JSON_C_OBJECT_ADD_CONSTANT_KEY); /* memory alone */
}

struct json_object *jread_add_object(struct json_object *o, const char *key)
{
    struct json_object *v = json_object_new_object();

    jread_put(o, key, v);
    return v;
}

struct json_object *jread_add_array(struct json_object *o, const char *key)
{
    struct json_object *v = json_object_new_array();

    jread_put(o, key, v);
    return v;
}

struct json_object *jread_append_object(struct json_object *array)
{
    struct json_object *v = json_object_new_object();

    json_object_array_add(array, v);
    return v;
}

void jread_add(struct json_object *o, const char *key, struct json_object *v)
{
    if (v)
        json_object_object_add(o, key, json_object_get(v));
}

void jread_add_id(struct json_object *o, const char *key, const char *id)
{
    if (id)
        jread_add_str(jread_add_object(o, key), "id", id);
}

void jread_copy(struct json_object *o, struct json_object *from, const char *const *keys,
                size_t n)
{
    for (size_t i = 0; i < n; i++)
        jread_add(o, keys[i], jread_get(from, keys[i]));
}

void jread_lay_over(struct json_object *o, struct json_object *from)
{
    for (struct jread_walk w = jread_walk(from); jread_next(&w);)
        json_object_object_add(o, w.key, json_object_get(w.value));
}

void jread_add_str(struct json_object *o, const char *key, const char *text)
{
    if (text)
        jread_put(o, key, json_object_new_string(text));
}

void jread_add_str_or_null(struct json_object *o, const char *key, const char *text)
{
    jread_put(o, key, text ? json_object_new_string(text) : NULL);
}

void jread_add_int(struct json_object *o, const char *key, int64_t v)
{
    jread_put(o, key, json_object_new_int64(v));
}

void jread_add_int_or_null(struct json_object *o, const char *key, bool has, int64_t v)
{
    jread_put(o, key, has ? json_object_new_int64(v) : NULL);
}

void jread_add_uint(struct json_object *o, const char *key, uint64_t v)
{
    jread_put(o, key, json_object_new_uint64(v));
}

void jread_add_bool(struct json_object *o, const char *key, bool v)
{
    jread_put(o, key, json_object_new_boolean(v));
}

const char *jread_text(struct json_object *o)
{
    return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
                                                 JSON_C_TO_STRING_NOSLASHESCAPE);
}

bool jcheck_bad(const struct jcheck *c)
{
    return c->words[0] != '\0';
}

void jcheck_fail(struct jcheck *c, const char *path, const char *key, const char *what)
{
    if (jcheck_bad(c))
        return;
    (void)snprintf(c->words, sizeof(c->words), "%s%s%s: %s", path, *path && *key ? "." : "",
                   key, what); /* words may be cut: they are for people */
}

/* The member if it is of @kind; notes what is wrong otherwise. */
static struct json_object *jcheck_member(struct jcheck *c, struct json_object *o,
                                         const char *path, const char *key,
                                         enum jcheck_need need, enum json_type kind)
{
    struct json_object *v = jread_get(o, key);

    if (!v) {
        if (need == JCHECK_REQUIRED)
            jcheck_fail(c, path, key, "is required");
        return NULL;
    }
    if (json_object_is_type(v, kind))
        return v;
    jcheck_fail(c, path, key,
                kind == json_type_string    ? "must be a string"
                : kind == json_type_int     ? "must be an integer"
                : kind == json_type_boolean ? "must be a boolean"
                                            : "must be an object");
    return NULL;
}

/* Characters, not bytes: continuation bytes are not counted. */
static size_t jcheck_chars(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

const char *jcheck_str(struct jcheck *c, struct json_object *o, const char *path,
                       const char *key, enum jcheck_need need, size_t max)
{
    struct json_object *v = jcheck_member(c, o, path, key, need, json_type_string);
    const char *s = v ? json_object_get_string(v) : NULL;

    if (!s)
        return NULL;
    if (need == JCHECK_REQUIRED && !*s) {
        jcheck_fail(c, path, key, "cannot be blank");
        return NULL;
    }
    if (max && jcheck_chars(s) > max) {
        jcheck_fail(c, path, key, "is too long");
        return NULL;
    }
    return s;
}

int64_t jcheck_int(struct jcheck *c, struct json_object *o, const char *path, const char *key,
                   enum jcheck_need need)
{
    struct json_object *v = jcheck_member(c, o, path, key, need, json_type_int);

    return v ? json_object_get_int64(v) : 0;
}

bool jcheck_bool(struct jcheck *c, struct json_object *o, const char *path, const char *key)
{
    struct json_object *v = jcheck_member(c, o, path, key, JCHECK_OPTIONAL, json_type_boolean);

    return v ? json_object_get_boolean(v) : false;
}

void jcheck_float(struct jcheck *c, struct json_object *o, const char *path, const char *key)
{
    struct json_object *v = jread_get(o, key);

    if (!v)
        jcheck_fail(c, path, key, "is required");
    else if (!json_object_is_type(v, json_type_double) &&
             !json_object_is_type(v, json_type_int))
        jcheck_fail(c, path, key, "must be a number");
}

struct json_object *jcheck_object(struct jcheck *c, struct json_object *o, const char *path,
                                  const char *key, enum jcheck_need need)
{
    return jcheck_member(c, o, path, key, need, json_type_object);
}

void jcheck_texts(struct jcheck *c, struct json_object *o, const char *path,
                  const char *const *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)jcheck_str(c, o, path, keys[i], JCHECK_OPTIONAL, 0); /* c keeps the mistake */
}
