/* What: answers to testers, and one act or many of them.
 * From: the files of acts.
 * To:   http/exchange.
 * Holds: nothing. */
#include "tools/sandbox/acts/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "tools/sandbox/amojo/store.h"
#include "tools/sandbox/http/exchange.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/record/world.h"

enum {
    FILLED_MAX = 1024 * 1024,
    ITEMS_SHOWN = 10000
};

void control_answer(struct exchange *x, int status, struct json_object *o)
{
    const char *text = jread_text(o);

    exchange_answer(x, status, "application/json", view_of(text));
    json_object_put(o);
}

void control_answer_all(struct exchange *x, const struct names *list,
                        struct json_object *(*json)(const void *value))
{
    struct json_object *o = json_object_new_object();
    struct json_object *items = json_object_new_array();

    for (const struct name *e = names_first(list); e; e = names_next(list, e))
        json_object_array_add(items, json(e->value));
    json_object_object_add(o, "items", items);
    control_answer(x, 200, o);
}

void control_refuse(struct exchange *x, int status, const char *code, const char *field,
                    const char *message)
{
    struct json_object *o = json_object_new_object();
    struct json_object *e = json_object_new_object();

    jread_add_str(e, "code", code);
    jread_add_str(e, "message", message);
    jread_add_str_or_null(e, "field", *field ? field : NULL);
    json_object_object_add(o, "error", e);
    control_answer(x, status, o);
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
        for (size_t i = 0; i < json_object_array_length(v); i++)
            json_object_array_add(copy, control_fill(json_object_array_get_idx(v, i), n, c));
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

/* The answer to a run of acts. */
struct control_run {
    struct json_object *items;
    int64_t queued;
    int status;
    struct jcheck check;
};

static bool control_one(struct sandbox *s, struct control_run *run, struct json_object *act,
                        control_act_fn *fn)
{
    struct json_object *item = NULL;

    if (!json_object_is_type(act, json_type_object)) {
        jcheck_fail(&run->check, "", "act", "must be an object");
        run->status = 400;
        return false;
    }
    run->status = fn(s, act, &run->check, &item);
    if (run->status)
        return false;
    run->queued++;
    if (run->queued <= ITEMS_SHOWN)
        json_object_array_add(run->items, item);
    else
        json_object_put(item);
    return true;
}

static void control_many(struct sandbox *s, struct control_run *run, struct json_object *form,
                         control_act_fn *fn)
{
    int64_t count = jcheck_int(&run->check, form, "", "count", JCHECK_REQUIRED);
    int64_t spread = jread_int(form, "spread", 1);
    bool going = true;

    if (count < 0 || count > 1000000 || spread < 1 || spread > 1000000) {
        jcheck_fail(&run->check, "", "count", "count and spread must be at most 1000000");
        run->status = 400;
        return;
    }
    for (int64_t i = 1; going && i <= count; i++) {
        char n[24];
        char c[24];
        struct json_object *act = NULL;

        (void)snprintf(n, sizeof(n), "%" PRId64, i); /* both fit */
        (void)snprintf(c, sizeof(c), "%07" PRId64, (i - 1) % spread + 1);
        act = control_fill(form, n, c);
        jread_add_int(act, "_turn", i - 1); /* for acts that take turns between chats */
        going = control_one(s, run, act, fn);
        json_object_put(act);
    }
}

void control_each(struct sandbox *s, const struct control_request *q, control_act_fn *fn)
{
    struct control_run run = {.items = json_object_new_array()};
    struct json_object *o = NULL;
    bool going = true;

    if (json_object_is_type(q->body, json_type_array)) {
        for (size_t i = 0; going && i < json_object_array_length(q->body); i++)
            going = control_one(s, &run, json_object_array_get_idx(q->body, i), fn);
    } else if (jread_get(q->body, "count")) {
        control_many(s, &run, q->body, fn);
    } else {
        (void)control_one(s, &run, q->body, fn); /* run.status tells */
    }
    if (run.status) {
        json_object_put(run.items);
        control_refuse(q->x, run.status,
                       run.status == 507   ? "sandbox_full"
                       : run.status == 404 ? "not_found"
                       : run.status == 409 ? "conflict"
                                           : "bad_value",
                       "", run.check.words);
        return;
    }
    o = json_object_new_object();
    jread_add_int(o, "queued", run.queued);
    json_object_object_add(o, "items", run.items);
    control_answer(q->x, 200, o);
}

struct amojo_scope *control_scope(struct sandbox *s, struct json_object *act, struct jcheck *c)
{
    const char *id = jread_str(act, "scope_id");
    struct amojo_scope *sc = NULL;

    if (!id && s->amojo->scopes.n == 1)
        return names_first(&s->amojo->scopes)->value;
    sc = names_get(&s->amojo->scopes, id);
    if (!sc)
        jcheck_fail(c, "", "scope_id", id ? "is not known" : "is required");
    return sc;
}
