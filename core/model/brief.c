/* Finds accounts and channels by the beginning of an id. */

#include "core/model/brief.h"

#include <stdio.h>
#include <string.h>

#include "base/ids.h"

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
    if (word.len < BRIEF_MIN)
        return found;
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

/* How many accounts of channel @ch have amojo ids that begin as @account does; at most 2. */
static size_t alike(const struct registry *r, const struct reg_channel *ch, struct view account)
{
    char prefix[200];
    size_t n = 0;
    size_t i = 0;

    (void)snprintf(prefix, sizeof(prefix), "%.100s_%.*s", ch->id, BRIEF_MIN,
                   account.ptr); /* fits */
    /* in order they stand together; otherwise all are looked at */
    if (r->n_scopes_ordered == r->n_scopes)
        i = registry_scopes_behind(r, view_of(prefix));
    for (; i < r->n_scopes && n < 2; i++) {
        bool is = view_starts(view_of(r->scopes[i].id), prefix);

        if (!is && r->n_scopes_ordered == r->n_scopes)
            break;
        n += is;
    }
    return n;
}

bool brief_of_scope(const struct registry *r, const struct reg_scope *s,
                    char ret[BRIEF_MOST + 1])
{
    struct view channel = registry_scope_channel(view_of(s->id));
    struct view account = registry_scope_account(view_of(s->id));
    size_t in_all = 0;
    size_t in_channel = 0;
    struct id id;

    ret[0] = '\0';
    if (id_parse(channel, &id) || id_parse(account, &id))
        return false;
    for (size_t i = 0; i < r->n_channels; i++) {
        size_t n = alike(r, &r->channels[i], account);

        in_all += n;
        if (strncmp(r->channels[i].id, channel.ptr, BRIEF_MIN) == 0)
            in_channel += n;
    }
    if (in_all == 1)
        (void)snprintf(ret, BRIEF_MOST + 1, "%.*s", BRIEF_MIN, account.ptr); /* fits */
    else if (in_channel == 1)
        (void)snprintf(ret, BRIEF_MOST + 1, "%.*s_%.*s", BRIEF_MIN, channel.ptr, BRIEF_MIN,
                       account.ptr); /* fits */
    return ret[0] != '\0';
}
