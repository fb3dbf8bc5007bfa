/* A fixed array of commands, indexed by number modulo its size. A newer command takes the place
 * of the older one. */

#include "tools/monitor/recall.h"

#include <errno.h>

#include "base/mem.h"
#include "tools/common/text.h"
#include "tools/monitor/stories.h"

/* Commands have consecutive numbers, so the number modulo this spreads them evenly. */
#define RECALL_SLOTS 4096U

struct recall {
    struct recall_about slots[RECALL_SLOTS];
};

static const char *const id_keys[] = {"conversation", "conversation_id", "conversation_ref_id",
                                      "chat_id"};

int recall_new(struct recall **ret_recall)
{
    struct recall *r = mem_zalloc(sizeof(*r));

    if (!r)
        return -ENOMEM;
    *ret_recall = r;
    return 0;
}

static void about_fini(struct recall_about *a)
{
    mem_free(a->scope);
    mem_free(a->source);
    mem_free(a->who);
    mem_free(a->type);
    for (size_t i = 0; i < AMO_COUNT(a->ids); i++)
        mem_free(a->ids[i]);
    *a = (struct recall_about){.command = 0};
}

void recall_free(struct recall *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < RECALL_SLOTS; i++)
        about_fini(&r->slots[i]);
    mem_free(r);
}

static char *copy_of(const msgpack_object *fields, const char *key)
{
    struct view v = pack_text(pack_get(fields, key));

    return v.ptr ? mem_strndup(v.ptr, v.len) : NULL;
}

void recall_command(struct recall *r, const msgpack_object *fields)
{
    uint64_t command = pack_u64(pack_get(fields, "id"));
    struct recall_about *a = &r->slots[command % RECALL_SLOTS];
    struct view who = stories_who(fields);
    struct view text = pack_text(pack_get(fields, "text"));

    if (command == 0 || a->command == command)
        return;
    about_fini(a);
    a->command = command;
    if (id_from_view(pack_text(pack_get(fields, "trace")), &a->trace))
        a->trace = (struct id){{0}};
    a->scope = copy_of(fields, "scope");
    for (size_t i = 0; i < AMO_COUNT(id_keys); i++)
        a->ids[i] = copy_of(fields, id_keys[i]);
    a->kind = pack_u64(pack_get(fields, "kind"));
    a->status_code = pack_i64(pack_get(fields, "status_code"));
    a->error_code = pack_i64(pack_get(fields, "error_code"));
    a->source = copy_of(fields, "source");
    a->who = who.ptr ? mem_strndup(who.ptr, who.len) : NULL;
    a->type = copy_of(fields, "type");
    a->chars = text.ptr ? text_chars(text) : 0;
}

const struct recall_about *recall_result(const struct recall *r, const msgpack_object *fields)
{
    uint64_t command = pack_u64(pack_get(fields, "id"));
    const struct recall_about *a = &r->slots[command % RECALL_SLOTS];

    return command && a->command == command ? a : NULL;
}
