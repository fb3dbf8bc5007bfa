/* Unpacks a frame by its kind, and calls back once for each item in it. */

#include "tools/monitor/decode.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proto/messages.h"

struct decode {
    const struct envelope *env;
    decode_fn *fn;
    void *arg;
};

/* "event" of EVENT_PUSH, "event_taken" of EVENT_TAKEN. */
static void put_what(uint64_t kind, char ret[DECODE_WHAT_MAX])
{
    static const char tail[] = "_PUSH";
    const char *name = msg_name(kind);
    size_t n = name ? strlen(name) : 0;
    size_t end = sizeof(tail) - 1;

    if (n > end && strcmp(name + n - end, tail) == 0)
        n -= end;
    (void)snprintf(ret, DECODE_WHAT_MAX, "%.*s", (int)n,
                   name ? name : ""); /* names are short */
    for (char *c = ret; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (!*ret)
        memcpy(ret, "unknown", sizeof("unknown"));
}

static void put_item(const struct decode *d, struct decode_item *item)
{
    put_what(d->env->kind, item->what);
    /* an id of the item is more than that of the frame */
    if (id_from_view(pack_text(pack_get(item->fields, "trace")), &item->trace))
        item->trace = d->env->trace;
    d->fn(d->arg, d->env, item);
}

/* The item of packed event @bytes. */
static int put_packed(const struct decode *d, struct view bytes, struct decode_item *item)
{
    struct pack_doc doc;
    int rc = pack_doc_open(&doc, bytes);

    if (rc == -ENOMEM)
        return rc;
    if (rc == 0 && pack_doc_root(&doc)->type == MSGPACK_OBJECT_MAP)
        item->fields = pack_doc_root(&doc);
    item->malformed = !item->fields;
    put_item(d, item);
    if (rc == 0)
        pack_doc_close(&doc);
    return 0;
}

/* [number, event bytes, suspect] */
static int put_event(const struct decode *d, const msgpack_object *o)
{
    struct decode_item item = {.numbered = true};
    const msgpack_object *parts = o->via.array.ptr;

    item.malformed = o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size < 2;
    if (item.malformed) {
        put_item(d, &item);
        return 0;
    }
    item.number = pack_u64(&parts[0]);
    item.suspect = o->via.array.size > 2 && pack_bool(&parts[2]);
    return put_packed(d, pack_text(&parts[1]), &item);
}

/* {event: bytes} */
static int put_ephemeral(const struct decode *d, const msgpack_object *root)
{
    struct decode_item item = {.numbered = false};

    return put_packed(d, pack_text(pack_get(root, "event")), &item);
}

static int put_list(const struct decode *d, const msgpack_object *root, const char *key)
{
    const msgpack_object *items = NULL;
    size_t n = pack_array(root, key, &items);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct decode_item item = {.fields = NULL};

        if (d->env->kind == MSG_EVENT_PUSH) {
            rc = put_event(d, &items[i]);
            continue;
        }
        item.fields = items[i].type == MSGPACK_OBJECT_MAP ? &items[i] : NULL;
        item.malformed = !item.fields;
        put_item(d, &item);
    }
    if (n == 0) {
        struct decode_item item = {.malformed = !pack_get(root, key)};

        put_item(d, &item);
    }
    return rc;
}

/* The member that holds the items of a frame of many; NULL: the body is one item. */
static const char *list_key(uint64_t kind)
{
    return kind == MSG_EVENT_PUSH     ? "events"
           : kind == MSG_COMMAND_PUSH ? "commands"
           : kind == MSG_RESULT_PUSH  ? "results"
                                      : NULL;
}

int decode_frame(const struct tap_message *m, decode_fn *fn, void *arg)
{
    struct envelope env = {0};
    struct decode d = {.env = &env, .fn = fn, .arg = arg};
    struct decode_item item = {.words = VIEW_NONE};
    const msgpack_object *root = NULL;
    struct pack_doc doc;
    int rc = 0;

    if (envelope_decode(m->head, &env) == ENVELOPE_E_MALFORMED) {
        item.malformed = true;
        put_item(&d, &item);
        return 0;
    }
    rc = m->body.len ? pack_doc_open(&doc, m->body) : PACK_E_MALFORMED;
    if (rc == -ENOMEM)
        return rc;
    root = rc == 0 ? pack_doc_root(&doc) : NULL;
    if (root && root->type == MSGPACK_OBJECT_MAP &&
        (list_key(env.kind) || env.kind == MSG_EVENT_EPHEMERAL)) {
        int failed = env.kind == MSG_EVENT_EPHEMERAL ? put_ephemeral(&d, root)
                                                     : put_list(&d, root, list_key(env.kind));

        pack_doc_close(&doc);
        return failed;
    }
    if (root && root->type == MSGPACK_OBJECT_MAP)
        item.fields = root;
    else if (env.kind == MSG_REFUSED)
        item.words = m->body;
    else
        item.malformed =
            m->body.len > 0 || list_key(env.kind) || env.kind == MSG_EVENT_EPHEMERAL;
    put_item(&d, &item);
    if (rc == 0)
        pack_doc_close(&doc);
    return 0;
}
