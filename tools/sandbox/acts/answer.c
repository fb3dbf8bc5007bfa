/* What: answers to testers, and one act or many of them.
 * From: the files of acts.
 * To:   http/request.
 * Holds: nothing. */
#include "tools/sandbox/acts/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/http/request.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/record/world.h"

enum {
    FILLED_MAX = 1024 * 1024,
    FIELD_MAX = 64, /* of a member's path, with its NUL */
    ITEMS_SHOWN = 10000
};

void control_answer(struct request *x, int status, struct json_object *o)
{
    const char *text = jread_text(o);

    request_answer(x, status, "application/json", view_of(text));
    json_object_put(o);
}

struct json_object *control_items(const struct names *list,
                                  struct json_object *(*json)(const void *value))
{
    struct json_object *o = json_object_new_object();
    struct json_object *items = jread_add_array(o, "items");

    for (const struct name *e = names_first(list); e; e = names_next(list, e))
        json_object_array_add(items, json(e->value));
    return o;
}

struct json_object *control_refuse(struct request *x, int status, const char *code,
                                   const char *field, const char *message)
{
    struct json_object *o = json_object_new_object();
    struct json_object *e = jread_add_object(o, "error");

    jread_add_str(e, "code", code);
    jread_add_str(e, "message", message);
    jread_add_str_or_null(e, "field", *field ? field : NULL);
    control_answer(x, status, o);
    return NULL;
}

/* Words begin with the member they are about: "scope_id: is required", "chat or conversation_id: …". */
static void field_of(const char *words, char ret[FIELD_MAX])
{
    size_t n = strspn(words, "abcdefghijklmnopqrstuvwxyz_.");
    bool is = words[n] == ':' || strncmp(words + n, " or ", strlen(" or ")) == 0;

    (void)snprintf(ret, FIELD_MAX, "%.*s", is ? (int)n : 0, words); /* may be cut */
}

struct json_object *control_refuse_words(struct request *x, const struct jcheck *c)
{
    char field[FIELD_MAX];

    field_of(c->words, field);
    return control_refuse(x, 400, "bad_value", field, c->words);
}

int act_fail(struct act *a, int status, const char *key, const char *what)
{
    jcheck_fail(&a->check, "", key, what);
    return status;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the parser allowed, 256 */
static struct json_object *control_fill(struct json_object *v, const char *n, const char *c)
{
    struct json_object *copy = NULL;
    struct buf text;

    if (json_object_is_type(v, json_type_object)) {
        copy = json_object_new_object();
        for (struct jread_walk w = jread_walk(v); jread_next(&w);)
            json_object_object_add(copy, w.key, control_fill(w.value, n, c));
        return copy;
    }
    if (json_object_is_type(v, json_type_array)) {
        copy = json_object_new_array();
        for (size_t i = 0; i < jread_len(v); i++)
            json_object_array_add(copy, control_fill(jread_at(v, i), n, c));
        return copy;
    }
    if (!json_object_is_type(v, json_type_string) || !strchr(json_object_get_string(v), '{'))
        return json_object_get(v);
    buf_init(&text, FILLED_MAX);
    for (const char *p = json_object_get_string(v); *p;) {
        if (strncmp(p, "{n}", 3) == 0 || strncmp(p, "{c}", 3) == 0) {
            (void)buf_add_str(&text, p[1] == 'n' ? n : c); /* sticky; too long is cut */
            p += 3;
        } else {
            (void)buf_add_char(&text, *p++);
        }
    }
    copy = json_object_new_string_len(buf_str(&text), (int)text.len);
    buf_fini(&text);
    return copy;
}

/* A run of acts, up to the first that fails. */
struct control_run {
    struct act act; /* the present one */
    act_fn *fn;
    struct json_object *items;
    int64_t queued;
    int status;
};

static bool control_one(struct control_run *run, struct json_object *body)
{
    struct act *a = &run->act;

    a->body = body;
    a->item = NULL;
    run->status = json_object_is_type(body, json_type_object)
                      ? run->fn(a)
                      : act_fail(a, 400, "act", "must be an object");
    if (run->status)
        return false;
    run->queued++;
    if (run->queued <= ITEMS_SHOWN)
        json_object_array_add(run->items, a->item);
    else
        json_object_put(a->item);
    return true;
}

static void control_many(struct control_run *run, struct json_object *form)
{
    int64_t count = jcheck_int(&run->act.check, form, "", "count", JCHECK_REQUIRED);
    int64_t spread = jread_int(form, "spread", 1);
    bool going = true;

    if (count < 0 || count > 1000000 || spread < 1 || spread > 1000000) {
        run->status =
            act_fail(&run->act, 400, "count", "count and spread must be at most 1000000");
        return;
    }
    for (int64_t i = 1; going && i <= count; i++) {
        char n[24];
        char c[24];
        struct json_object *body = NULL;

        (void)snprintf(n, sizeof(n), "%" PRId64, i); /* both fit */
        (void)snprintf(c, sizeof(c), "%07" PRId64, (i - 1) % spread + 1);
        body = control_fill(form, n, c);
        jread_add_int(body, "_turn", i - 1); /* for acts that take turns between chats */
        going = control_one(run, body);
        json_object_put(body);
    }
}

struct json_object *control_each(struct control_request *q, act_fn *fn)
{
    struct json_object *o = json_object_new_object();
    struct control_run run = {
        .act.sandbox = q->sandbox, .fn = fn, .items = json_object_new_array()};
    char field[FIELD_MAX];
    bool going = true;

    if (json_object_is_type(q->body, json_type_array)) {
        for (size_t i = 0; going && i < jread_len(q->body); i++)
            going = control_one(&run, jread_at(q->body, i));
    } else if (jread_get(q->body, "count")) {
        control_many(&run, q->body);
    } else {
        (void)control_one(&run, q->body); /* run.status tells */
    }
    jread_add_int(o, "queued", run.queued);
    json_object_object_add(o, "items", run.items);
    if (run.status == 0)
        return o;
    json_object_put(o);
    field_of(run.act.check.words, field);
    if (run.status == 404 && strstr(run.act.check.words, ": is required"))
        run.status = 400; /* what is not named cannot be unknown */
    return control_refuse(q->x, run.status,
                          run.status == 507   ? "sandbox_full"
                          : run.status == 404 ? "not_found"
                          : run.status == 409 ? "conflict"
                                              : "bad_value",
                          field, run.act.check.words);
}

struct amojo_scope *act_scope(struct act *a)
{
    const char *id = jread_str(a->body, "scope_id");
    const struct names *scopes = &a->sandbox->amojo->scopes;
    struct amojo_scope *sc = names_get(scopes, id);

    if (!id && scopes->n == 1)
        return names_first(scopes)->value;
    if (!sc)
        (void)act_fail(a, 404, "scope_id", id ? "is not known" : "is required");
    return sc;
}
