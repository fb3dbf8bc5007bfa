/* Reads the parts of a request by type: texts, ids, names, numbers, URLs. Each function records
 * a fault when the part is wrong; those whose names end in _must also do so when it is missing. */

#include "ingress/connector/read.h"

#include <ctype.h>
#include <math.h>

#include "base/url.h"
#include "ingress/read/digits.h"
#include "ingress/read/message_type.h"
#include "proto/foreign_id.h"
#include "proto/limits.h"

int service_parse(struct view body, struct json **ret_doc, struct service_fault *ret_fault)
{
    int rc = json_parse(body, ret_doc);

    if (rc > 0) {
        *ret_fault =
            (struct service_fault){400, "not_json", "the body is not JSON in UTF-8", NULL};
        return SERVICE_E_FAULT;
    }
    if (rc == 0 && !json_is_object(json_root(*ret_doc))) {
        json_free(*ret_doc);
        *ret_doc = NULL;
        *ret_fault =
            (struct service_fault){400, "not_json", "the body is not a JSON object", NULL};
        return SERVICE_E_FAULT;
    }
    return rc;
}

void service_fail(struct service_reader *r, const char *code, const char *message,
                  const char *field)
{
    if (!r->fault.status)
        r->fault = (struct service_fault){422, code, message, field};
}

int service_verdict(const struct service_reader *r, struct service_fault *ret_fault)
{
    if (r->rc || r->shown.rc)
        return r->rc ? r->rc : r->shown.rc;
    if (!r->fault.status)
        return 0;
    *ret_fault = r->fault;
    return SERVICE_E_FAULT;
}

void service_reader_init(struct service_reader *r, struct json *doc,
                         const struct json_node *root, int64_t now_ms)
{
    *r = (struct service_reader){
        .doc = doc, .root = root, .shown = {.doc = doc, .root = root, .now_ms = now_ms}
    };
}

bool service_node_is_nothing(const struct json_node *n)
{
    struct view text = VIEW_NONE;

    if (json_strict_text(n, &text))
        return text.len == 0;
    return json_is_array(n) && json_array_len(n) == 0;
}

bool service_object(struct service_reader *r, const char *path)
{
    const struct json_node *n = json_path(r->root, path);

    if (n && !json_is_object(n) && !service_node_is_nothing(n))
        service_fail(r, "invalid", "must be an object", path);
    return json_is_object(n);
}

struct view service_text(struct service_reader *r, const char *path, size_t max)
{
    const struct json_node *n = json_path(r->root, path);
    struct view v = VIEW_NONE;

    if (!n)
        return VIEW_NONE;
    if (!json_strict_text(n, &v)) {
        service_fail(r, "invalid", "must be a string", path);
        return VIEW_NONE;
    }
    if (v.len > max) {
        service_fail(r, "too_long", "is longer than allowed", path);
        return VIEW_NONE;
    }
    return v.len ? v : VIEW_NONE;
}

static struct view must(struct service_reader *r, const char *path, struct view v)
{
    if (!v.ptr)
        service_fail(r, "required", "is required", path);
    return v;
}

struct view service_text_must(struct service_reader *r, const char *path, size_t max)
{
    return must(r, path, service_text(r, path, max));
}

bool service_id_valid(struct view id)
{
    if (id.len == 0 || id.len > LIMIT_SERVICE_ID)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];

        if (!isalnum((unsigned char)c) && c != '.' && c != '_' && c != ':' && c != '-')
            return false;
    }
    return true;
}

struct view service_id_must(struct service_reader *r, const char *path)
{
    struct view id = service_text_must(r, path, LIMIT_ID);

    if (id.ptr && !service_id_valid(id))
        service_fail(r, "invalid", "must be at most 128 of A-Z a-z 0-9 . _ : -", path);
    return id;
}

struct view service_name_must(struct service_reader *r, const char *path)
{
    /* an answer's number was learnt by its digits */
    struct view id = must(r, path, service_number_or_text_must(r, path, LIMIT_ID));

    if (id.ptr && !foreign_id_is_fine(id))
        service_fail(r, "invalid", SERVICE_NAME_FAULT, path);
    return id;
}

/* A number written as one: json_int() and json_double() take digits in a string, too. */
static bool is_number(const struct json_node *n)
{
    struct view text = VIEW_NONE;

    return !json_strict_text(n, &text);
}

struct view service_number_or_text_must(struct service_reader *r, const char *path, size_t max)
{
    double d = 0;

    if (is_number(json_path(r->root, path)) && json_double(json_path(r->root, path), &d))
        return service_shown_whole(&r->shown, path, max);
    return service_text_must(r, path, max);
}

struct view service_url_must(struct service_reader *r, const char *path)
{
    struct view v = service_text_must(r, path, LIMIT_URL);

    if (v.ptr && !url_is_plain(v))
        service_fail(r, "invalid", "must be an http or https URL of printable ASCII", path);
    return v;
}

struct view service_type(struct service_reader *r, const char *path)
{
    struct view v = service_text(r, path, LIMIT_ID);

    if (v.ptr && !message_type_is_known(v))
        service_fail(r, "invalid",
                     "must be text, picture, video, voice, audio, file, sticker, location or "
                     "contact",
                     path);
    return v;
}

bool service_bool(struct service_reader *r, const char *path, bool otherwise)
{
    const struct json_node *n = json_path(r->root, path);
    bool b = otherwise;

    if (n && !json_bool(n, &b))
        service_fail(r, "invalid", "must be true or false", path);
    return b;
}

uint64_t service_count(struct service_reader *r, const char *path, uint64_t low, uint64_t high)
{
    const struct json_node *n = json_path(r->root, path);
    int64_t v = 0;

    if (!n)
        return 0;
    if (!is_number(n) || !json_int(n, &v)) {
        service_fail(r, "invalid", "must be a whole number", path);
        return 0;
    }
    if (v < 0 || (uint64_t)v < low || (uint64_t)v > high) {
        service_fail(r, "invalid", "is out of range", path);
        return 0;
    }
    return (uint64_t)v;
}

struct view service_degrees(struct service_reader *r, const char *path, double bound,
                            struct buf *made)
{
    const struct json_node *n = json_path(r->root, path);
    struct view digits = VIEW_NONE;
    double d = 0;

    if (!n) {
        service_fail(r, "required", "is required", path);
        return VIEW_NONE;
    }
    if (!is_number(n) || !json_double(n, &d)) {
        service_fail(r, "invalid", "must be a number", path);
        return VIEW_NONE;
    }
    if (fabs(d) > bound)
        service_fail(r, "invalid", "is out of range", path);
    if (!r->rc)
        r->rc = digits_read(r->doc, n, made, &digits);
    return digits;
}
