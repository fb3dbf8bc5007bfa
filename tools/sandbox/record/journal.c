/* What: JSON objects by number, found by halves. */
#include "tools/sandbox/record/journal.h"

#include <errno.h>

#include "base/mem.h"
#include "tools/sandbox/kit/jread.h"

int journal_add(struct journal *j, struct json_object *o)
{
    struct journal_entry *e = mem_zalloc(sizeof(*e));
    int rc = e ? vec_add(&j->entries, e) : -ENOMEM;

    if (rc) {
        mem_free(e);
        json_object_put(o);
        return rc;
    }
    *e = (struct journal_entry){(uint64_t)jread_int(o, "seq", 0), o};
    return 0;
}

struct json_object *journal_get(const struct journal *j, uint64_t seq)
{
    size_t low = 0;
    size_t high = j->entries.n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct journal_entry *e = j->entries.at[mid];

        if (e->seq == seq)
            return e->o;
        if (e->seq < seq)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

struct json_object *journal_entry_json(const void *entry)
{
    return json_object_get(((const struct journal_entry *)entry)->o);
}

void journal_clear(struct journal *j)
{
    for (size_t i = 0; i < j->entries.n; i++) {
        struct journal_entry *e = j->entries.at[i];

        json_object_put(e->o);
        mem_free(e);
    }
    vec_fini(&j->entries);
}
