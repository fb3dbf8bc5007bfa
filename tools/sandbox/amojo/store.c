/* What: keeps and finds channels, scopes, chats, participants and messages.
 * Channels and scopes are owned by their names, all traffic by its logs; the names of a scope
 * only lead to it. */
#include "tools/sandbox/amojo/store.h"

#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tools/sandbox/kit/digest.h"
#include "tools/sandbox/kit/text.h"

static const char *const from_names[] = {"client", "user", "bot", "manager"};

const char *amojo_from_name(enum amojo_from from)
{
    return from_names[from];
}

/* @id or a new UUID, as a copy. */
static char *amojo_id(const char *id)
{
    char uuid[DIGEST_UUID + 1];

    if (id)
        return mem_strdup(id);
    digest_uuid(uuid);
    return mem_strdup(uuid);
}

static void channel_free(struct amojo_channel *ch)
{
    if (!ch)
        return;
    TEXTS_FREE(ch->id, ch->secret, ch->name, ch->code, ch->client_uuid, ch->segment,
               ch->registration, ch->webhook_url, ch->bot_id);
    names_fini(&ch->allowed);
    names_fini(&ch->speakers);
    mem_free(ch);
}

int amojo_channel_add(struct amojo_store *st, const char *id, int64_t now_ms,
                      struct amojo_channel **ret)
{
    struct amojo_channel *ch = mem_zalloc(sizeof(*ch));
    char secret[41];
    int rc = -ENOMEM;

    if (!ch)
        goto out;
    digest_random_hex(20, secret);
    ch->id = amojo_id(id);
    ch->secret = mem_strdup(secret);
    ch->name = mem_strdup("Sandbox");
    ch->code = mem_strdup("ru.example.sandbox");
    ch->client_uuid = amojo_id(NULL);
    ch->bot_id = amojo_id(NULL);
    ch->created_ms = now_ms;
    if (!ch->id || !ch->secret || !ch->name || !ch->code || !ch->client_uuid || !ch->bot_id)
        goto out;
    rc = names_put(&st->channels, ch->id, ch);
    if (rc)
        goto out;
    *ret = ch;
    ch = NULL; /* kept */
out:
    channel_free(ch);
    return rc;
}

static void user_free(struct amojo_user *u)
{
    if (!u)
        return;
    TEXTS_FREE(u->id, u->client_id, u->name, u->phone, u->email, u->avatar);
    mem_free(u);
}

/* Names of a scope that are about its traffic. */
static void scope_clear_traffic(struct amojo_scope *sc)
{
    for (const struct name *e = names_first(&sc->users_by_id); e;
         e = names_next(&sc->users_by_id, e))
        user_free(e->value);
    sc->turn = NULL;
    names_fini(&sc->chats_by_id);
    names_fini(&sc->chats_by_client);
    names_fini(&sc->users_by_id);
    names_fini(&sc->users_by_client);
    names_fini(&sc->messages_by_id);
    names_fini(&sc->messages_by_client);
    for (const struct name *e = names_first(&sc->tries); e; e = names_next(&sc->tries, e))
        mem_free(e->value);
    names_fini(&sc->tries);
}

static void scope_free(struct amojo_scope *sc)
{
    if (!sc)
        return;
    scope_clear_traffic(sc);
    TEXTS_FREE(sc->id, sc->account_id, sc->title, sc->manager_id);
    mem_free(sc);
}

int amojo_scope_add(struct amojo_store *st, struct amojo_channel *ch, const char *account_id,
                    struct amojo_scope **ret)
{
    struct amojo_scope *sc = mem_zalloc(sizeof(*sc));
    char id[160];
    int rc = -ENOMEM;

    if (!sc)
        goto out;
    if (snprintf(id, sizeof(id), "%s_%s", ch->id, account_id) >= (int)sizeof(id))
        goto out;
    sc->channel = ch;
    sc->id = mem_strdup(id);
    sc->account_id = mem_strdup(account_id);
    sc->title = mem_strdup(ch->name);
    sc->manager_id = amojo_id(NULL);
    if (!sc->id || !sc->account_id || !sc->title || !sc->manager_id ||
        view_copy(VIEW_LIT("v2"), sc->hook_api_version, sizeof(sc->hook_api_version)))
        goto out;
    rc = names_put(&ch->speakers, sc->manager_id, ch);
    if (rc == 0)
        rc = names_put(&st->scopes, sc->id, sc);
    if (rc)
        goto out;
    *ret = sc;
    sc = NULL; /* kept */
out:
    scope_free(sc);
    return rc;
}

struct amojo_scope *amojo_scope_find(const struct amojo_store *st,
                                     const struct amojo_channel *ch, const char *account_id)
{
    char id[160];

    if (snprintf(id, sizeof(id), "%s_%s", ch->id, account_id) >= (int)sizeof(id))
        return NULL;
    return names_get(&st->scopes, id);
}

struct amojo_chat *amojo_find_chat(const struct amojo_scope *sc, const char *id,
                                   const char *client_id)
{
    return id ? names_get(&sc->chats_by_id, id) : names_get(&sc->chats_by_client, client_id);
}

struct amojo_message *amojo_find_message(const struct amojo_scope *sc, const char *id,
                                         const char *msgid)
{
    return id ? names_get(&sc->messages_by_id, id) : names_get(&sc->messages_by_client, msgid);
}

int amojo_user_name(struct amojo_scope *sc, struct amojo_user *u, const char *client_id)
{
    if (!u->client_id)
        text_set(&u->client_id, client_id);
    return names_put(&sc->users_by_client, client_id, u);
}

int amojo_user_add(struct amojo_store *st, struct amojo_scope *sc, const char *id,
                   const char *client_id, struct amojo_user **ret)
{
    struct amojo_user *u = mem_zalloc(sizeof(*u));
    int rc = -ENOMEM;

    if (!u)
        goto out;
    u->id = amojo_id(id);
    rc = u->id ? names_put(&sc->users_by_id, u->id, u) : -ENOMEM;
    if (rc)
        goto out;
    st->n_users++;
    *ret = u;
    return client_id ? amojo_user_name(sc, u, client_id) : 0;
out:
    user_free(u);
    return rc;
}

static void chat_free(struct amojo_chat *c)
{
    if (!c)
        return;
    TEXTS_FREE(c->id, c->client_id, c->source);
    vec_fini(&c->messages);
    names_fini(&c->clients);
    mem_free(c);
}

int amojo_chat_join(struct amojo_chat *chat, struct amojo_user *u)
{
    return names_put(&chat->clients, u->id, u);
}

int amojo_chat_name(struct amojo_chat *chat, const char *client_id)
{
    if (!chat->client_id)
        text_set(&chat->client_id, client_id);
    return names_put(&chat->scope->chats_by_client, client_id, chat);
}

int amojo_chat_add(struct amojo_store *st, struct amojo_scope *sc, const char *id,
                   const char *client_id, struct amojo_user *user, struct amojo_chat **ret)
{
    struct amojo_chat *c = mem_zalloc(sizeof(*c));
    int rc = -ENOMEM;

    if (!c)
        goto out;
    c->scope = sc;
    c->user = user;
    c->id = amojo_id(id);
    if (!c->id || (user && amojo_chat_join(c, user)))
        goto out;
    rc = vec_reserve(&st->chats);
    if (rc == 0)
        rc = names_put(&sc->chats_by_id, c->id, c);
    if (rc)
        goto out;
    *ret = c;
    rc = vec_add(&st->chats, c);
    if (rc == 0 && client_id)
        rc = amojo_chat_name(c, client_id);
    return rc;
out:
    chat_free(c);
    return rc;
}

static void message_free(struct amojo_message *m)
{
    if (!m)
        return;
    TEXTS_FREE(m->id, m->client_id, m->speaker_id, m->error);
    json_object_put(m->reactions);
    blob_drop(m->body);
    blob_drop(m->edit);
    mem_free(m);
}

int amojo_message_name(struct amojo_message *m, const char *client_id)
{
    text_set(&m->client_id, client_id);
    return names_put(&m->chat->scope->messages_by_client, client_id, m);
}

int amojo_message_add(struct amojo_store *st, struct amojo_chat *chat, const char *id,
                      const char *client_id, struct blob *body, struct amojo_message **ret)
{
    struct amojo_message *m = mem_zalloc(sizeof(*m));
    int rc = -ENOMEM;

    if (!m)
        goto out;
    m->chat = chat;
    m->body = blob_hold(body);
    m->id = amojo_id(id);
    if (!m->id)
        goto out;
    rc = vec_reserve(&st->messages);
    if (rc == 0)
        rc = vec_reserve(&chat->messages);
    if (rc == 0)
        rc = names_put(&chat->scope->messages_by_id, m->id, m);
    if (rc)
        goto out;
    *ret = m;
    rc = vec_add(&st->messages, m);
    if (rc == 0)
        rc = vec_add(&chat->messages, m);
    if (rc == 0 && client_id)
        rc = amojo_message_name(m, client_id);
    return rc;
out:
    message_free(m);
    return rc;
}

void amojo_try_count(struct amojo_scope *sc, const char *msgid)
{
    uint64_t *n = names_get(&sc->tries, msgid);

    if (!n) {
        n = mem_zalloc(sizeof(*n));
        /* Only a count in a list: without memory it is not counted. */
        if (!n || names_put(&sc->tries, msgid, n)) {
            mem_free(n);
            return;
        }
    }
    *n += 1;
}

uint64_t amojo_tries(const struct amojo_scope *sc, const char *msgid)
{
    const uint64_t *n = names_get(&sc->tries, msgid);

    return n ? *n : 0;
}

size_t amojo_count_objects(const struct amojo_store *st)
{
    return st->channels.n + st->scopes.n + st->chats.n + st->n_users;
}

void amojo_clear_logs(struct amojo_store *st)
{
    journal_clear(&st->statuses);
    journal_clear(&st->actions);
    st->first_listed = st->messages.n;
}

void amojo_clear(struct amojo_store *st, bool all)
{
    amojo_clear_logs(st);
    for (size_t i = 0; i < st->messages.n; i++)
        message_free(st->messages.at[i]);
    for (size_t i = 0; i < st->chats.n; i++)
        chat_free(st->chats.at[i]);
    for (const struct name *e = names_first(&st->scopes); e; e = names_next(&st->scopes, e))
        scope_clear_traffic(e->value);
    vec_fini(&st->messages);
    vec_fini(&st->chats);
    st->n_users = 0;
    st->first_listed = 0;
    if (!all)
        return;
    for (const struct name *e = names_first(&st->scopes); e; e = names_next(&st->scopes, e))
        scope_free(e->value);
    for (const struct name *e = names_first(&st->channels); e; e = names_next(&st->channels, e))
        channel_free(e->value);
    names_fini(&st->scopes);
    names_fini(&st->channels);
}
