/* Reading JSON: json-c parses, this file makes it keep our rules.
 *
 * What json-c 0.16 does not do itself, and where it is done here:
 *   - overlong UTF-8, encoded surrogates, a raw NUL byte: refused before parsing (check_bytes)
 *   - a BOM: skipped before parsing
 *   - U+0000 in strings: replaced once after parsing, in place (replace_nul), so that every view
 *     given out is free of it
 *   - integers beyond 64 bits come out as the nearest limit: the source is searched for them,
 *     and in a document that has one, values that sit on a limit are marked as absent
 *   - a pair of surrogates that means a code point whose lower half looks like a surrogate
 *     (U+1D800): json-c makes U+FFFD of it, so it is written out before parsing
 *   - floats: their source digits are the user data that json-c keeps for printing them again
 *
 * json-c's types stay in this file: to other files a json_node is opaque. */

#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define json_bool json_c_bool /* a type of json-c, a function of ours */
#include <json-c/json_object.h>
#include <json-c/json_tokener.h>
#include <json-c/json_visit.h>
#include <json-c/linkhash.h>
#undef json_bool

#include "base/json_source.h"
#include "base/mem.h"
#include "base/num.h"

/* Texts made of numbers. The first chunk is part of the document: most documents need no more. */
struct chunk {
    struct chunk *older; /* owned */
    char bytes[1024];
};

struct json {
    struct json_object *root; /* owned; NULL for the document `null` */
    size_t n_used;            /* bytes of the newest chunk, or of @first while there is none */
    struct chunk *newest;     /* owned */
    char first[256];
};

/* "-9223372036854775808" and a NUL. */
#define INTEGER_TEXT_MAX 21

static struct json_object *object_of(const struct json_node *n)
{
    /* json-c's readers take a pointer to something they may cache in; we only read */
    union {
        const struct json_node *read;
        struct json_object *cached;
    } both = {n};

    return both.cached;
}

static const struct json_node *node_of(const struct json_object *o)
{
    return (const struct json_node *)(const void *)o;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* User data of an integer whose source had more than 64 bits. */
static char not_believed;

static int replace_nul(struct json_object *o)
{
    const char *s = json_object_get_string(o);
    size_t len = (size_t)json_object_get_string_len(o);
    struct buf fixed;
    int rc = 0;

    if (!memchr(s, '\0', len))
        return 0;
    buf_init(&fixed, 3 * len);
    for (size_t i = 0; i < len; i++) {
        /* errors are asked for below */
        if (s[i])
            (void)buf_add_char(&fixed, s[i]);
        else
            (void)buf_add_str(&fixed, "\xef\xbf\xbd");
    }
    rc = buf_error(&fixed);
    if (!rc && !json_object_set_string_len(o, buf_str(&fixed), (int)fixed.len))
        rc = -ENOMEM;
    buf_fini(&fixed);
    return rc;
}

static void mark_limits(struct json_object *o)
{
    if (json_object_get_int64(o) == INT64_MIN || json_object_get_uint64(o) == UINT64_MAX)
        json_object_set_userdata(o, &not_believed, NULL);
}

struct settling {
    bool huge; /* the source has an integer of more than 64 bits */
    int rc;
};

/* A json_c_visit_userfunc. */
static int settle_value(struct json_object *o, int flags, struct json_object *parent,
                        const char *key,
                        size_t *index, /* NOLINT(readability-non-const-parameter) */
                        void *arg)
{
    struct settling *settling = arg;

    (void)parent;
    (void)key;
    (void)index;
    if (flags == JSON_C_VISIT_SECOND)
        return JSON_C_VISIT_RETURN_CONTINUE;
    if (json_object_is_type(o, json_type_string))
        settling->rc = replace_nul(o);
    else if (settling->huge && json_object_is_type(o, json_type_int))
        mark_limits(o);
    return settling->rc ? JSON_C_VISIT_RETURN_STOP : JSON_C_VISIT_RETURN_CONTINUE;
}

/* What json-c leaves to do. Walks only documents whose source asks for it. */
static int settle(struct json_object *root, struct view source)
{
    struct settling settling = {.huge = json_source_has_huge_integer(source)};

    if (!root || (!settling.huge && !view_find(source, "\\u0000")))
        return 0;
    if (json_c_visit(root, 0, settle_value, &settling) < 0 && !settling.rc)
        settling.rc = -ENOMEM;
    return settling.rc;
}

/* One try with room for @depth levels. 0, JSON_E_*, -ENOMEM. */
static int parse_to_depth(struct view text, int depth, struct json_object **ret_root)
{
    struct json_tokener *tok = json_tokener_new_ex(depth);
    struct json_object *root = NULL;
    enum json_tokener_error e = json_tokener_success;
    int rc = 0;

    if (!tok)
        return -ENOMEM;
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
    root = json_tokener_parse_ex(tok, text.ptr, (int)text.len);
    e = json_tokener_get_error(tok);
    if (e == json_tokener_success && json_tokener_get_parse_end(tok) != text.len)
        rc = JSON_E_SYNTAX;
    if (e == json_tokener_continue) {
        /* a bare number ends only where something else begins */
        root = json_tokener_parse_ex(tok, " ", 1);
        e = json_tokener_get_error(tok);
    }
    if (e == json_tokener_error_depth)
        rc = JSON_E_DEPTH;
    else if (e != json_tokener_success)
        rc = JSON_E_SYNTAX;
    json_tokener_free(tok);
    if (rc) {
        (void)json_object_put(root); /* whether it was the last reference does not matter */
        return rc;
    }
    *ret_root = root;
    return 0;
}

struct depth {
    int now;
    int most;
};

/* A json_c_visit_userfunc. */
static int measure_depth(struct json_object *o, int flags, struct json_object *parent,
                         const char *key,
                         size_t *index, /* NOLINT(readability-non-const-parameter) */
                         void *arg)
{
    struct depth *depth = arg;

    (void)parent;
    (void)key;
    (void)index;
    if (!json_object_is_type(o, json_type_object) && !json_object_is_type(o, json_type_array))
        return JSON_C_VISIT_RETURN_CONTINUE;
    depth->now += flags == JSON_C_VISIT_SECOND ? -1 : 1;
    if (depth->now > depth->most)
        depth->most = depth->now;
    return JSON_C_VISIT_RETURN_CONTINUE;
}

/* json-c counts a value inside the innermost array or object as a level of its own, but an
 * empty one has none: so it gets one level more, and the levels are counted here. */
static int parse_deep(struct view text, struct json_object **ret_root)
{
    struct json_object *root = NULL;
    struct depth depth = {0};
    int rc = parse_to_depth(text, JSON_DEPTH_MAX + 1, &root);

    if (rc)
        return rc;
    if (json_c_visit(root, 0, measure_depth, &depth) < 0)
        rc = -ENOMEM;
    else if (depth.most > JSON_DEPTH_MAX)
        rc = JSON_E_DEPTH;
    if (rc) {
        (void)json_object_put(root); /* as above */
        return rc;
    }
    *ret_root = root;
    return 0;
}

/* json-c sets aside 32 bytes a level for each parse. Real bodies are shallow (a webhook's deepest
 * part has nine); the rare deep one is parsed a second time. Above 1 KiB malloc would merge all
 * its small free blocks first, which costs as much as a tenth of the parse. */
#define DEPTH_USUAL 24

static int parse_object(struct view text, struct json_object **ret_root)
{
    struct json_object *root = NULL;
    size_t first = 0;
    int rc = parse_to_depth(text, DEPTH_USUAL, &root);

    if (rc == JSON_E_DEPTH)
        rc = parse_deep(text, &root);
    if (rc)
        return rc;
    if (!root) {
        /* json-c says success and NULL both for `null` and when it had no memory */
        while (first < text.len && strchr(" \t\r\n", text.ptr[first]))
            first++;
        if (first == text.len || (text.ptr[first] != 'n' && text.ptr[first] != 'N'))
            return -ENOMEM;
    }
    *ret_root = root;
    return 0;
}

int json_parse(struct view text, struct json **ret_doc)
{
    struct json *doc = NULL;
    struct buf joined;
    int rc = 0;

    if (!json_utf8_valid(text))
        return JSON_E_UTF8;
    if (view_starts(text, "\xef\xbb\xbf"))
        text = view_make(text.ptr + 3, text.len - 3);
    if (text.len == 0 || text.len > INT_MAX || memchr(text.ptr, '\0', text.len))
        return JSON_E_SYNTAX;
    buf_init(&joined, text.len);
    doc = mem_zalloc(sizeof(*doc));
    if (!doc)
        return -ENOMEM;
    rc = json_source_join_pairs(text, &joined);
    if (joined.len)
        text = buf_view(&joined);
    if (!rc)
        rc = parse_object(text, &doc->root);
    if (!rc)
        rc = settle(doc->root, text);
    if (rc)
        goto out;

    *ret_doc = doc;
    doc = NULL; /* handed over */
out:
    json_free(doc);
    buf_fini(&joined);
    return rc;
}

void json_free(struct json *doc)
{
    if (!doc)
        return;
    while (doc->newest) {
        struct chunk *c = doc->newest;

        doc->newest = c->older;
        mem_free(c);
    }
    (void)json_object_put(doc->root); /* the only reference */
    mem_free(doc);
}

const struct json_node *json_root(const struct json *doc)
{
    return node_of(doc->root);
}

bool json_is_object(const struct json_node *n)
{
    return n && json_object_is_type(object_of(n), json_type_object);
}

bool json_is_array(const struct json_node *n)
{
    return n && json_object_is_type(object_of(n), json_type_array);
}

bool json_is_present(const struct json_node *n)
{
    return n != NULL;
}

const struct json_node *json_get(const struct json_node *n, const char *key)
{
    struct json_object *value = NULL;

    if (!json_is_object(n) || !json_object_object_get_ex(object_of(n), key, &value))
        return NULL;
    return node_of(value);
}

const struct json_node *json_path(const struct json_node *n, const char *path)
{
    char key[128];

    while (n) {
        size_t len = strcspn(path, ".");

        if (view_copy(view_make(path, len), key, sizeof(key)))
            return NULL;
        n = json_get(n, key);
        if (path[len] == '\0')
            return n;
        path += len + 1;
    }
    return NULL;
}

size_t json_array_len(const struct json_node *n)
{
    return json_is_array(n) ? json_object_array_length(object_of(n)) : 0;
}

const struct json_node *json_array_at(const struct json_node *n, size_t i)
{
    if (i >= json_array_len(n))
        return NULL;
    return node_of(json_object_array_get_idx(object_of(n), i));
}

bool json_next(const struct json_node *n, const void **iter, struct view *ret_key,
               const struct json_node **ret_value)
{
    const struct lh_entry *e = NULL;

    if (!json_is_object(n))
        return false;
    e = *iter ? ((const struct lh_entry *)*iter)->next
              : lh_table_head(json_object_get_object(object_of(n)));
    if (!e)
        return false;
    *iter = e;
    *ret_key = view_of(lh_entry_k(e));
    *ret_value = node_of(lh_entry_v(e));
    return true;
}

/* @len bytes that live as long as the document. */
static char *doc_alloc(struct json *doc, size_t len)
{
    size_t cap = doc->newest ? sizeof(doc->newest->bytes) : sizeof(doc->first);
    struct chunk *c = NULL;

    if (cap - doc->n_used < len) {
        c = mem_alloc(sizeof(*c));
        if (!c)
            return NULL;
        c->older = doc->newest;
        doc->newest = c;
        doc->n_used = 0;
    }
    doc->n_used += len;
    return (doc->newest ? doc->newest->bytes : doc->first) + doc->n_used - len;
}

/* Did the source of this integer fit 64 bits? */
static bool integer_is_exact(const struct json_node *n)
{
    return json_object_get_userdata(object_of(n)) != &not_believed;
}

static int integer_text(struct json *doc, const struct json_node *n, struct view *ret)
{
    int64_t s = json_object_get_int64(object_of(n));
    char *p = NULL;
    int len = 0;

    if (!integer_is_exact(n)) {
        *ret = VIEW_NONE;
        return 0;
    }
    p = doc_alloc(doc, INTEGER_TEXT_MAX);
    if (!p)
        return -ENOMEM;
    /* INTEGER_TEXT_MAX holds any 64-bit integer; json-c keeps what is above INT64_MAX unsigned */
    len = s < 0
              ? snprintf(p, INTEGER_TEXT_MAX, "%" PRId64, s)
              : snprintf(p, INTEGER_TEXT_MAX, "%" PRIu64, json_object_get_uint64(object_of(n)));
    *ret = view_make(p, (size_t)len);
    return 0;
}

/* The digits a float was written with; VIEW_NONE for NaN, infinities and what overflows. */
static struct view float_source(const struct json_node *n)
{
    if (!isfinite(json_object_get_double(object_of(n))))
        return VIEW_NONE;
    return view_of(json_object_get_userdata(object_of(n)));
}

int json_text(struct json *doc, const struct json_node *n, struct view *ret)
{
    struct view v = VIEW_NONE;
    int rc = 0;

    switch (json_object_get_type(object_of(n))) {
    case json_type_string:
        v = view_make(json_object_get_string(object_of(n)),
                      (size_t)json_object_get_string_len(object_of(n)));
        break;
    case json_type_int:
        rc = integer_text(doc, n, &v);
        break;
    case json_type_double:
        v = float_source(n);
        break;
    case json_type_null:
    case json_type_boolean:
    case json_type_object:
    case json_type_array:
        break;
    }
    if (rc)
        return rc;
    *ret = view_empty(v) ? VIEW_NONE : v;
    return 0;
}

bool json_strict_text(const struct json_node *n, struct view *ret)
{
    if (!n || !json_object_is_type(object_of(n), json_type_string))
        return false;
    *ret = view_make(json_object_get_string(object_of(n)),
                     (size_t)json_object_get_string_len(object_of(n)));
    return true;
}

/* "1639572260.0", "12.", "-3.000": exact, where a double would round above 2^53. */
static bool whole_from_source(struct view source, int64_t *ret)
{
    const char *point = memchr(source.ptr, '.', source.len);
    size_t whole = point ? (size_t)(point - source.ptr) : source.len;

    for (size_t i = whole + 1; i < source.len; i++) {
        if (source.ptr[i] != '0')
            return false;
    }
    return num_parse_i64(view_make(source.ptr, whole), ret) == 0;
}

static bool int_from_float(const struct json_node *n, int64_t *ret)
{
    double d = json_object_get_double(object_of(n));
    struct view source = float_source(n);

    if (!source.ptr)
        return false;
    if (whole_from_source(source, ret))
        return true;
    /* written with an exponent: beyond 2^53 a double no longer tells neighbours apart */
    if (fabs(d) > 9007199254740992.0 || d != trunc(d))
        return false;
    *ret = (int64_t)d;
    return true;
}

bool json_int(const struct json_node *n, int64_t *ret)
{
    struct view text = VIEW_NONE;

    switch (json_object_get_type(object_of(n))) {
    case json_type_int:
        if (!integer_is_exact(n) || (json_object_get_int64(object_of(n)) == INT64_MAX &&
                                     json_object_get_uint64(object_of(n)) > INT64_MAX))
            return false;
        *ret = json_object_get_int64(object_of(n));
        return true;
    case json_type_double:
        return int_from_float(n, ret);
    case json_type_string:
        return json_strict_text(n, &text) && num_parse_i64(text, ret) == 0;
    case json_type_null:
    case json_type_boolean:
    case json_type_object:
    case json_type_array:
        break;
    }
    return false;
}

/* [-]digits[.digits][e[+-]digits]: what strtod takes beyond that (blanks, "inf", hex) is no
 * number to us. */
static bool looks_like_number(const char *s)
{
    s += *s == '-';
    if (!is_digit(*s))
        return false;
    s += strspn(s, "0123456789");
    if (*s == '.') {
        s++;
        if (!is_digit(*s))
            return false;
        s += strspn(s, "0123456789");
    }
    if (*s == 'e' || *s == 'E') {
        s++;
        s += *s == '-' || *s == '+';
        if (!is_digit(*s))
            return false;
        s += strspn(s, "0123456789");
    }
    return *s == '\0';
}

static bool double_from_text(struct view text, double *ret)
{
    char copy[64];
    double d = 0;

    /* view_copy keeps a NUL inside; then the text is longer than what is looked at */
    if (view_copy(text, copy, sizeof(copy)) || strlen(copy) != text.len ||
        !looks_like_number(copy))
        return false;
    d = strtod(copy, NULL);
    if (!isfinite(d))
        return false;
    *ret = d;
    return true;
}

bool json_double(const struct json_node *n, double *ret)
{
    struct view text = VIEW_NONE;
    double d = 0;

    switch (json_object_get_type(object_of(n))) {
    case json_type_int:
        if (!integer_is_exact(n))
            return false;
        *ret = json_object_get_double(object_of(n));
        return true;
    case json_type_double:
        d = json_object_get_double(object_of(n));
        if (!isfinite(d))
            return false;
        *ret = d;
        return true;
    case json_type_string:
        return json_strict_text(n, &text) && double_from_text(text, ret);
    case json_type_null:
    case json_type_boolean:
    case json_type_object:
    case json_type_array:
        break;
    }
    return false;
}

bool json_bool(const struct json_node *n, bool *ret)
{
    if (!n || !json_object_is_type(object_of(n), json_type_boolean))
        return false;
    *ret = json_object_get_boolean(object_of(n)) != 0;
    return true;
}
