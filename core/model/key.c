/* Spells each kind of key: a letter for its space, the holder of the id where there is one, and
 * the id. An id that breaks the rule for foreign ids gives no key. */

#include "core/model/key.h"

#include <inttypes.h>
#include <stdio.h>

#include "proto/foreign_id.h"

/* No '/' stands in a connector's name or a scope's id, so it parts them in one way only. */
static int spell(char space, struct view first, struct view second, struct key *ret)
{
    if (!foreign_id_is_fine(first) || !foreign_id_is_fine(second))
        return KEY_E_NONE;
    (void)snprintf(ret->text, sizeof(ret->text), "%c%.*s/%.*s", space, (int)first.len,
                   first.ptr, (int)second.len, second.ptr); /* two ids fit */
    return 0;
}

int key_mid(struct view mid, struct key *ret)
{
    if (!foreign_id_is_fine(mid))
        return KEY_E_NONE;
    (void)snprintf(ret->text, sizeof(ret->text), "m%.*s", (int)mid.len, mid.ptr); /* fits */
    return 0;
}

/* The id first, so that it is found whichever account it is of: an operator has no more than the id. No scope has a
 * '/' in it, so the last one parts them. */
int key_amo(struct view scope, struct view id, struct key *ret)
{
    return spell('a', id, scope, ret);
}

int key_sent(struct view connector, struct view id, struct key *ret)
{
    return spell('s', connector, id, ret);
}

int key_answered(struct view connector, struct view id, struct key *ret)
{
    return spell('t', connector, id, ret);
}

int key_thread(struct view connector, struct view thread, struct key *ret)
{
    return spell('n', connector, thread, ret);
}

int key_within(struct view connector, int64_t conversation, struct view id, struct key *ret)
{
    if (!foreign_id_is_fine(connector) || !foreign_id_is_fine(id))
        return KEY_E_NONE;
    (void)snprintf(ret->text, sizeof(ret->text), "c%.*s/%" PRId64 "/%.*s", (int)connector.len,
                   connector.ptr, conversation, (int)id.len, id.ptr); /* they fit */
    return 0;
}
