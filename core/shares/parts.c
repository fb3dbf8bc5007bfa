/* What a connector has for each of its accounts.
 *
 * From: shares.c, show.c. To: the store. Holds: nothing. */

#include "core/shares/parts.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

int64_t share_used(const struct store_share rooms[STORE_ROOMS], enum share share)
{
    int64_t bytes = 0;

    switch (share) {
    case SHARE_QUEUE:
        return rooms[STORE_ROOM_QUEUE].n;
    case SHARE_WAITING:
        return rooms[STORE_ROOM_WAITING].n;
    case SHARE_QUARANTINE:
        return rooms[STORE_ROOM_QUARANTINE].n;
    case SHARE_REPORTS:
        return rooms[STORE_ROOM_REPORTS].n;
    case SHARE_BYTES:
        for (int i = 1; i < STORE_ROOMS; i++)
            bytes += rooms[i].bytes;
        return bytes;
    case SHARES:
        break;
    }
    return 0;
}

size_t parts_connected(const struct registry *r, const char *connector)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_scopes; i++)
        n += !r->scopes[i].disconnected && strcmp(r->scopes[i].connector, connector) == 0;
    return n;
}

/* NULL: no memory, or its id is too long. */
static struct part *part_add(struct parts *p, struct view scope)
{
    size_t cap = p->cap ? p->cap * 2 : 16;
    struct part *rows = NULL;

    if (!p->rows || p->n == p->cap) {
        rows = mem_realloc(p->rows, cap * sizeof(*rows));
        if (!rows)
            return NULL;
        p->rows = rows;
        p->cap = cap;
    }
    memset(&p->rows[p->n], 0, sizeof(*p->rows));
    if (view_copy(scope, p->rows[p->n].scope, sizeof(p->rows->scope)))
        return NULL;
    return &p->rows[p->n++];
}

static int add_room(void *arg, struct view scope, enum store_room room,
                    const struct store_share *share)
{
    struct store_share rooms[STORE_ROOMS] = {{0}};
    struct parts *p = arg;
    struct part *part = p->n ? &p->rows[p->n - 1] : NULL;

    if (share->n == 0 || scope.len >= PART_SCOPE_MAX)
        return 0;
    if (!part || !view_is(scope, part->scope))
        part = part_add(p, scope);
    if (!part)
        return -ENOMEM;
    rooms[room] = *share;
    for (int i = 0; i < SHARES; i++)
        part->used[i] += share_used(rooms, (enum share)i);
    return 0;
}

int parts_read(struct core *c, const char *connector, struct parts *p)
{
    const struct registry *r = c->turn->registry;
    int rc = 0;

    p->n = 0;
    p->accounts = parts_connected(r, connector);
    rc = store_shares_parts(c->store, connector, add_room, p);
    for (size_t i = 0; rc == 0 && i < p->n; i++) {
        const struct reg_scope *s = registry_scope_connected(r, view_of(p->rows[i].scope));

        p->accounts += !s || strcmp(s->connector, connector) != 0;
    }
    return rc;
}

void parts_fini(struct parts *p)
{
    mem_free(p->rows);
    *p = (struct parts){0};
}
