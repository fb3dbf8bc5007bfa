/* A fixed table, placed by the trace id, which is random at its end: a newer message takes the place of an
 * older one. */

#include "tools/monitor/stories.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

#define STORIES_SLOTS 4096U

struct stories {
    struct story slots[STORIES_SLOTS];
};

int stories_new(struct stories **ret_stories)
{
    *ret_stories = mem_zalloc(sizeof(**ret_stories));
    return *ret_stories ? 0 : -ENOMEM;
}

static void story_fini(struct story *s)
{
    mem_free(s->source);
    mem_free(s->who);
    *s = (struct story){.taken_ms = 0};
}

void stories_free(struct stories *s)
{
    for (size_t i = 0; s && i < STORIES_SLOTS; i++)
        story_fini(&s->slots[i]);
    mem_free(s);
}

static size_t slot_of(const struct id *trace)
{
    const unsigned char *end = trace->bytes + sizeof(trace->bytes) - 2;

    return ((size_t)end[0] << 8 | end[1]) % STORIES_SLOTS;
}

/* Ours is "<connector>-<source>-<the service's>": the last part is what people know. */
static struct view without_source(struct view ours, struct view source)
{
    const char *at = source.len ? view_find(ours, source.ptr) : NULL;
    size_t skip = 0;

    if (!at || at == ours.ptr || at[-1] != '-')
        return ours;
    skip = (size_t)(at - ours.ptr) + source.len + 1;
    return skip < ours.len && at[source.len] == '-'
               ? view_make(ours.ptr + skip, ours.len - skip)
               : ours;
}

struct view stories_who(const msgpack_object *fields)
{
    static const char *const keys[] = {"conversation", "chat_client_id", "conversation_id",
                                       "chat_id"};
    struct view source = pack_text(pack_get(fields, "source"));
    char name[128]; /* of the source, as a text */

    if (view_copy(source, name, sizeof(name)))
        name[0] = '\0';
    for (size_t i = 0; i < AMO_COUNT(keys); i++) {
        struct view v = pack_text(pack_get(fields, keys[i]));

        if (v.len)
            return i == 1 || i == 2 ? without_source(v, view_of(name)) : v;
    }
    return VIEW_NONE;
}

void stories_learn(struct stories *s, const struct id *trace, const msgpack_object *fields)
{
    struct story *place = &s->slots[slot_of(trace)];
    struct view source = pack_text(pack_get(fields, "source"));
    struct view who = stories_who(fields);

    if (id_is_zero(trace) || id_equal(&place->trace, trace))
        return;
    story_fini(place);
    place->trace = *trace;
    place->taken_ms = pack_i64(pack_get(fields, "taken_ms"));
    place->source = source.len ? mem_strndup(source.ptr, source.len) : NULL;
    place->who = who.len ? mem_strndup(who.ptr, who.len) : NULL;
}

const struct story *stories_find(const struct stories *s, const struct id *trace)
{
    const struct story *place = &s->slots[slot_of(trace)];

    return !id_is_zero(trace) && id_equal(&place->trace, trace) ? place : NULL;
}
