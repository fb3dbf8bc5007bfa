/* What: base/table with keys of its own, for things that have several names or none to keep. */
#include "tools/sandbox/kit/names.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/table.h"

void *names_get(const struct names *m, const char *text)
{
    struct name *e = m->table && text ? table_get(m->table, view_of(text)) : NULL;

    return e ? e->value : NULL;
}

static int names_init(struct names *m)
{
    list_init(&m->order);
    return table_new(&m->table);
}

int names_put(struct names *m, const char *text, void *value)
{
    size_t n = strlen(text);
    int rc = m->table ? 0 : names_init(m);
    struct name *e = rc ? NULL : table_get(m->table, view_make(text, n));

    if (rc)
        return rc;
    if (e) {
        e->value = value;
        return 0;
    }
    e = mem_alloc(sizeof(*e) + n + 1);
    if (!e)
        return -ENOMEM;
    memcpy(e->text, text, n + 1);
    e->value = value;
    rc = table_add(m->table, view_make(e->text, n), e);
    if (rc) {
        mem_free(e);
        return rc;
    }
    list_add_tail(&m->order, &e->link);
    m->n++;
    return 0;
}

struct name *names_first(const struct names *m)
{
    return m->n ? LIST_ENTRY(m->order.next, struct name, link) : NULL;
}

struct name *names_next(const struct names *m, const struct name *name)
{
    return name->link.next == &m->order ? NULL : LIST_ENTRY(name->link.next, struct name, link);
}

void names_fini(struct names *m)
{
    struct name *e = NULL;

    while ((e = names_first(m))) {
        list_remove(&e->link);
        m->n--;
        mem_free(e);
    }
    table_free(m->table);
    *m = (struct names){0};
}
