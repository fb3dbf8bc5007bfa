/* What: the table of counters, by name. */
#include "tools/sandbox/record/counters.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
} counters_table[] = {
#define COUNTERS_ROW(field, name) {name, offsetof(struct counters, field)},
    COUNTERS(COUNTERS_ROW)
#undef COUNTERS_ROW
};

static const uint64_t *counters_at(const struct counters *c, size_t i)
{
    return (const uint64_t *)(const void *)((const char *)c + counters_table[i].offset);
}

const uint64_t *counters_find(const struct counters *c, const char *name)
{
    for (size_t i = 0; i < sizeof(counters_table) / sizeof(counters_table[0]); i++) {
        if (strcmp(counters_table[i].name, name) == 0)
            return counters_at(c, i);
    }
    return NULL;
}

struct json_object *counters_json(const struct counters *c)
{
    struct json_object *o = json_object_new_object();

    for (size_t i = 0; i < sizeof(counters_table) / sizeof(counters_table[0]); i++)
        json_object_object_add(o, counters_table[i].name,
                               json_object_new_uint64(*counters_at(c, i)));
    return o;
}
