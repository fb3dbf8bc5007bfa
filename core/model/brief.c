/* Finds accounts and channels by the beginning of an id. */

#include "core/model/brief.h"

#include <string.h>

static bool begins(struct view id, struct view word)
{
    return word.len >= BRIEF_MIN && word.len <= id.len &&
           memcmp(id.ptr, word.ptr, word.len) == 0;
}

static bool is_meant(const struct reg_scope *s, struct view word)
{
    struct view id = view_of(s->id);
    struct view account = registry_scope_account(word);

    if (account.ptr)
        return begins(registry_scope_channel(id), registry_scope_channel(word)) &&
               begins(registry_scope_account(id), account);
    return begins(registry_scope_account(id), word);
}

const struct reg_scope *brief_scope(const struct registry *r, struct view word, size_t *ret_n)
{
    const struct reg_scope *found = registry_scope(r, word);

    *ret_n = found ? 1 : 0;
    for (size_t i = 0; !found && i < r->n_scopes; i++)
        *ret_n += is_meant(&r->scopes[i], word);
    for (size_t i = 0; !found && *ret_n == 1 && i < r->n_scopes; i++)
        found = is_meant(&r->scopes[i], word) ? &r->scopes[i] : NULL;
    return found;
}

const struct reg_channel *brief_channel(const struct registry *r, struct view word,
                                        size_t *ret_n)
{
    const struct reg_channel *found = registry_channel(r, word);

    *ret_n = found ? 1 : 0;
    for (size_t i = 0; !found && i < r->n_channels; i++)
        *ret_n += begins(view_of(r->channels[i].id), word);
    for (size_t i = 0; !found && *ret_n == 1 && i < r->n_channels; i++)
        found = begins(view_of(r->channels[i].id), word) ? &r->channels[i] : NULL;
    return found;
}
