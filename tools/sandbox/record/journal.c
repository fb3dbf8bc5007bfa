/* What: every call that arrived, by number. */
#include "tools/sandbox/record/journal.h"

#include <errno.h>

#include "base/mem.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/kit/text.h"

static void journal_entry_free(struct journal_entry *e)
{
    if (!e)
        return;
    mem_free(e->kind);
    mem_free(e->method);
    mem_free(e->path);
    mem_free(e->where);
    mem_free(e->key);
    mem_free(e->user_agent);
    mem_free(e->reason);
    blob_drop(e->body);
    mem_free(e);
}

int journal_add(struct journal *j, const struct journal_call *call)
{
    struct journal_entry *e = mem_zalloc(sizeof(*e));
    int rc = -ENOMEM;

    if (!e)
        return rc;
    e->seq = call->seq;
    e->at_ms = call->at_ms;
    e->side = call->side;
    e->verified = !call->wrong;
    text_set(&e->kind, call->kind);
    text_set(&e->method, call->method);
    text_set(&e->path, call->path);
    text_set(&e->where, call->where);
    text_set(&e->key, call->key);
    text_set(&e->user_agent, call->user_agent);
    text_set(&e->reason, call->wrong);
    e->body = blob_hold(call->body);
    rc = vec_add(&j->entries, e);
    if (rc)
        journal_entry_free(e);
    return rc;
}

struct journal_entry *journal_get(const struct journal *j, uint64_t seq)
{
    size_t low = 0;
    size_t high = j->entries.n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        struct journal_entry *e = j->entries.at[mid];

        if (e->seq == seq)
            return e;
        if (e->seq < seq)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

struct json_object *journal_entry_json(const void *entry)
{
    const struct journal_entry *e = entry;
    struct json_object *o = json_object_new_object();
    const char *where = e->side[0] == 'a' ? "scope_id" : "connector";

    jread_add_uint(o, "seq", e->seq);
    jread_add_int(o, "at_ms", e->at_ms);
    jread_add_str(o, "side", e->side);
    jread_add_str(o, "kind", e->kind);
    jread_add_str(o, "method", e->method);
    jread_add_str(o, "path", e->path);
    jread_add_bool(o, "verified", e->verified);
    jread_add_str_or_null(o, "reason", e->reason);
    jread_add_int(o, "status", e->status);
    jread_add_int_or_null(o, "fault", e->fault != 0, (int64_t)e->fault);
    jread_add_str_or_null(o, "key", e->key);
    jread_add_str_or_null(o, where, e->where);
    jread_add_str_or_null(o, "user_agent", e->user_agent);
    if (e->body)
        json_object_object_add(o, "body", jread_blob_text(e->body));
    return o;
}

void journal_clear(struct journal *j)
{
    for (size_t i = 0; i < j->entries.n; i++)
        journal_entry_free(j->entries.at[i]);
    vec_fini(&j->entries);
}
