/* Compares the names in an item with those that are known, and keeps the last traces. */

#include "tools/monitor/sides.h"

#include <errno.h>
#include <string.h>

#include "base/ids.h"
#include "base/mem.h"

#define SIDES_NAMES  64 /* of one conversation: it may have several chats */
#define SIDES_TRACES 256

struct name {
    char *connector; /* owned, as the next; NULL: any, or of amo's side */
    char *text;
};

struct sides {
    struct name names[SIDES_NAMES];
    size_t n_names;
    struct id traces[SIDES_TRACES];
    size_t n_traces; /* ever; the oldest gives way */
};

/* Where names stand, and whether it is a service's. */
static const struct {
    const char *key;
    bool service;
} keys[] = {
    {"conversation",         true },
    {"service_conversation", true },
    {"conversation_id",      false},
    {"conversation_ref_id",  false},
    {"chat_id",              false},
    {"chat_client_id",       false},
    {"amo_chat_id",          false},
};

int sides_new(struct sides **ret_sides)
{
    *ret_sides = mem_zalloc(sizeof(**ret_sides));
    return *ret_sides ? 0 : -ENOMEM;
}

void sides_free(struct sides *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_names; i++) {
        mem_free(s->names[i].connector);
        mem_free(s->names[i].text);
    }
    mem_free(s);
}

/* @connector empty: not known, so any. */
static bool is_known(const struct sides *s, struct view connector, struct view name)
{
    for (size_t i = 0; i < s->n_names; i++) {
        const struct name *n = &s->names[i];

        if (view_is(name, n->text) &&
            (!n->connector || !connector.len || view_is(connector, n->connector)))
            return true;
    }
    return false;
}

void sides_add(struct sides *s, struct view connector, struct view name)
{
    struct name n = {NULL, NULL};

    if (!name.len || s->n_names == SIDES_NAMES || is_known(s, connector, name))
        return;
    n.text = mem_strndup(name.ptr, name.len);
    n.connector = connector.len ? mem_strndup(connector.ptr, connector.len) : NULL;
    if (n.text && (n.connector || !connector.len)) {
        s->names[s->n_names++] = n;
        return;
    }
    mem_free(n.text);
    mem_free(n.connector);
}

static bool has_trace(const struct sides *s, const struct id *trace)
{
    size_t n = s->n_traces < SIDES_TRACES ? s->n_traces : SIDES_TRACES;

    for (size_t i = 0; i < n && !id_is_zero(trace); i++) {
        if (id_equal(&s->traces[i], trace))
            return true;
    }
    return false;
}

static struct view text_of(const struct decode_item *item, const char *key)
{
    return pack_text(pack_get(item->fields, key));
}

static bool names_it(const struct sides *s, const struct decode_item *item)
{
    struct view connector = text_of(item, "connector");

    for (size_t i = 0; i < AMO_COUNT(keys); i++) {
        struct view name = text_of(item, keys[i].key);

        if (name.len && is_known(s, keys[i].service ? connector : VIEW_NONE, name))
            return true;
    }
    return false;
}

static bool about_names_it(const struct sides *s, const struct recall_about *about)
{
    if (!about)
        return false;
    if (has_trace(s, &about->trace))
        return true;
    for (size_t i = 0; i < AMO_COUNT(about->ids); i++) {
        if (about->ids[i] && is_known(s, VIEW_NONE, view_of(about->ids[i])))
            return true;
    }
    return false;
}

static void learn(struct sides *s, const struct decode_item *item)
{
    struct view connector = text_of(item, "connector");

    for (size_t i = 0; i < AMO_COUNT(keys); i++)
        sides_add(s, keys[i].service ? connector : VIEW_NONE, text_of(item, keys[i].key));
    if (!id_is_zero(&item->trace) && !has_trace(s, &item->trace))
        s->traces[s->n_traces++ % SIDES_TRACES] = item->trace;
}

bool sides_have(struct sides *s, const struct decode_item *item,
                const struct recall_about *about)
{
    if (!names_it(s, item) && !has_trace(s, &item->trace) && !about_names_it(s, about))
        return false;
    learn(s, item);
    return true;
}
