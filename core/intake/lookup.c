/* What the store and the registry know about one event.
 *
 * From: intake.c. To: router.c, by way of intake. Holds: copies of rows, for one event. */

#include "core/intake/lookup.h"

#include <string.h>

#include "core/intake/echo.h"
#include "core/intake/follow.h"
#include "core/intake/given_up.h"
#include "core/intake/intake.h"
#include "core/intake/whose.h"
#include "core/model/key.h"
#include "core/model/reach.h"

void lookup_fini(struct lookup *l)
{
    conversation_fini(&l->conversation);
    conversation_fini(&l->by_client);
    conversation_fini(&l->by_phone);
    conversation_fini(&l->about);
    message_fini(&l->duplicate);
    message_fini(&l->target);
}

static int found_or_not(int rc, const void *row, const void **ret)
{
    if (rc == 0)
        *ret = row;
    return rc == STORE_E_NONE ? 0 : rc;
}

/* A conversation with this phone, of this account: one connector may serve several. */
static int look_up_phone(struct core *c, const struct reg_scope *scope, struct view source,
                         const struct phone *phone, struct lookup *l)
{
    int rc = STORE_E_NONE;

    if (phone->key[0])
        rc = store_conversation_by_phone(c->store, view_of(scope->connector), source,
                                         view_of(phone->key), &l->by_phone);
    if (rc == 0 && reach_of(c->turn->registry, &l->by_phone).scope != scope)
        rc = STORE_E_NONE;
    return found_or_not(rc, &l->by_phone, (const void **)&l->facts.by_phone);
}

/* A message in the name of a person or the bot is on its way, and amo may send it back before its
 * answer has given us amo's id of it. Behind a webhook that waits for this, later ones wait as well,
 * to keep their order. */
static void look_up_echo(struct core *c, const struct event *e, struct facts *m)
{
    const struct conversation *conv = m->conversation ? m->conversation : m->by_client;
    int64_t in_hand = c->intake->echo_in_hand;

    m->echo_of = echoes_of_thread(c, ECHO_AMO, e);
    if (!m->echo_of)
        m->echo_of = echo_behind_spools(c, ECHO_AMO);
    if (!m->echo_of && conv && echo_is_pending(c, ECHO_AMO, conv))
        m->echo_of = conv->id;
    if (!m->echo_of)
        m->echo_of = echo_behind_other(c, ECHO_AMO, conv ? conv->id : 0, e);
    m->echo_again = in_hand && m->echo_of != in_hand; /* it has waited for another one's */
}

/* The event says that @message, if any, arrived. */
static int is_given_up(struct core *c, int rc, int64_t message, struct lookup *l)
{
    if (rc || !message)
        return rc;
    rc = found_or_not(store_message(c->store, message, &l->duplicate), &l->duplicate,
                      (const void **)&l->facts.duplicate);
    l->facts.given_up = l->facts.duplicate != NULL;
    return rc;
}

static int look_up_given_up(struct core *c, const struct event *e,
                            const struct conversation *conv, struct lookup *l)
{
    int64_t message = 0;
    int rc = given_up_words(c, e, conv, &message);

    return is_given_up(c, rc, message, l);
}

static int look_up_given_up_first(struct core *c, const struct event *e, struct lookup *l)
{
    struct phone client;
    int64_t message = 0;
    int rc = 0;

    phone_read(router_client_phone(e), l->facts.abroad, &client);
    rc = given_up_first_words(c, e, &client, &message);
    return is_given_up(c, rc, message, l);
}

/* The same in the other direction: while a manager's message is being tried, the service may report it
 * as written on its side before its answer has named it. A thread that is not known may be that of a
 * first message. Behind a report that waits, what comes later in its thread waits as well. */
static int look_up_report(struct core *c, const struct event *e, struct facts *m)
{
    const struct conversation *conv = m->conversation;
    struct phone client;
    bool waited = false;
    int rc = 0;

    m->echo_again = true;
    m->echo_of = echoes_of_thread(c, ECHO_SERVICE, e);
    if (!m->echo_of)
        m->echo_of = echo_behind_spools(c, ECHO_SERVICE);
    if (m->echo_of)
        return 0;
    if (!conv && m->by_phone && !m->by_phone->service_id)
        conv = m->by_phone;
    if (!conv && m->by_client && !m->by_client->service_id)
        conv = m->by_client;
    waited = conv && echo_is_pending(c, ECHO_SERVICE, conv);
    if (waited && conv->id != c->intake->echo_in_hand) {
        m->echo_of = conv->id;
        return 0;
    }
    m->echo_of = echo_behind_other(c, ECHO_SERVICE, conv ? conv->id : 0, e);
    if (m->echo_of)
        return 0;
    phone_read(router_client_phone(e), m->abroad, &client);
    rc = echo_pending_first(c, e, &client, &m->echo_of);
    if (waited && (!m->echo_of || m->echo_of == conv->id)) {
        m->echo_of =
            conv->id; /* it has waited for this one, and may be another one's no more */
        m->echo_again = false;
    }
    return rc;
}

/* By our client id of the chat. The store may have forgotten that chat, and the conversation may have moved since:
 * then it is found where it went, if the words belong there in spite of that. */
static int look_up_by_client(struct core *c, const struct event *e, struct lookup *l)
{
    const struct registry *r = c->turn->registry;
    const struct reg_scope *scope = l->facts.scope;
    int rc = store_conversation_by_client(c->store, e->scope, e->chat_client_id, &l->by_client);
    size_t n = c->intake->forgotten || scope->disconnected ? r->n_scopes : 0;

    for (size_t i = 0; rc == STORE_E_NONE && i < n; i++) {
        if (strcmp(r->scopes[i].connector, scope->connector) == 0)
            rc = store_conversation_by_client(c->store, view_of(r->scopes[i].id),
                                              e->chat_client_id, &l->by_client);
    }
    return found_or_not(rc, &l->by_client, (const void **)&l->facts.by_client);
}

static int look_up_amo(struct core *c, const struct event *e, struct lookup *l)
{
    struct facts *m = &l->facts;
    struct view source = e->source.ptr ? e->source : VIEW_LIT("");
    const struct reg_scope *home = NULL;
    struct key key;
    struct phone phone;
    int rc = 0;

    m->scope = whose_account(c, e->scope);
    if (!m->scope || key_amo(e->scope, e->message_id, &key))
        return 0;
    home = reach_home(c->turn->registry, m->scope->id); /* it may be back by another channel */
    home = home ? home : m->scope;
    whose_sources(c->turn->registry, home, m);
    whose_right(c->turn->registry, home,
                e->source.len || !m->own_source.ptr ? e->source : m->own_source, m);
    m->abroad = phone_abroad(c->turn->registry, e->scope);
    rc = found_or_not(store_message_by_key(c->store, &key, &l->duplicate), &l->duplicate,
                      (const void **)&m->duplicate);
    if (rc == 0 && !m->duplicate)
        rc = found_or_not(
            store_conversation_by_chat(c->store, e->scope, e->chat_id, &l->conversation),
            &l->conversation, (const void **)&m->conversation);
    if (rc == 0 && !m->duplicate && !m->conversation && e->chat_client_id.len)
        rc = look_up_by_client(c, e, l);
    if (rc == 0 && !m->duplicate)
        rc = look_up_given_up(c, e, m->conversation ? m->conversation : m->by_client, l);
    if (rc == 0)
        look_up_echo(c, e, m);
    if (rc || m->duplicate || m->conversation || e->chat_client_id.len)
        return rc;
    phone_read(e->receiver_phone, m->abroad, &phone);
    if (!e->source.len && m->own_source.ptr)
        source = m->own_source;
    return look_up_phone(c, home, source, &phone, l);
}

/* The conversation by the service's id of it. */
static int look_up_service_thread(struct core *c, const struct event *e, struct lookup *l)
{
    struct view source = e->source.ptr ? e->source : VIEW_LIT("");
    bool known = false;
    int rc = found_or_not(store_conversation_by_service(c->store, e->connector, source,
                                                        e->conversation, &l->conversation),
                          &l->conversation, (const void **)&l->facts.conversation);

    /* a manager wrote first without naming a number: the service has told us the thread alone */
    if (rc == 0 && !l->facts.conversation && source.len)
        rc = found_or_not(store_conversation_by_service(c->store, e->connector, VIEW_LIT(""),
                                                        e->conversation, &l->conversation),
                          &l->conversation, (const void **)&l->facts.conversation);
    /* … but not of another account: the thread has turned out to be by a number that it has not */
    if (rc == 0 && l->facts.conversation && !l->conversation.source[0] &&
        reach_of(c->turn->registry, &l->conversation).scope !=
            registry_scope_of_source(c->turn->registry, e->connector, source, &known))
        l->facts.conversation = NULL;
    return rc;
}

static int look_up_typing_manager(struct core *c, const struct event *e, struct lookup *l)
{
    int rc = 0;

    if (!registry_scope_connected(c->turn->registry, e->scope))
        return 0;
    rc = found_or_not(
        store_conversation_by_chat(c->store, e->scope, e->chat_id, &l->conversation),
        &l->conversation, (const void **)&l->facts.conversation);

    if (rc == 0 && !l->facts.conversation && e->chat_client_id.len)
        rc = found_or_not(store_conversation_by_client(c->store, e->scope, e->chat_client_id,
                                                       &l->conversation),
                          &l->conversation, (const void **)&l->facts.conversation);
    return rc;
}

/* A manager's message that the service reports like one of its own, by its name of it or by
 * ours. */
static int look_up_service_echo(struct core *c, const struct event *e, struct lookup *l)
{
    const struct wanted wanted = {.connector = e->connector,
                                  .thread = e->conversation,
                                  .source = e->source,
                                  .ours = true};

    return found_or_not(lookup_message(c, &wanted, e->message_id, &l->duplicate), &l->duplicate,
                        (const void **)&l->facts.duplicate);
}

/* Is the message in the conversation that the service calls so, by that number, as far as is known? */
static int is_of_thread(struct core *c, const struct message *m, struct view thread,
                        struct view source, bool *ret)
{
    struct conversation conv = {0};
    int rc = store_conversation(c->store, m->conversation, &conv);

    if (rc == 0)
        *ret = (!conv.service_id || view_is(thread, conv.service_id)) &&
               (!source.len || !conv.source[0] || view_is(source, conv.source));
    conversation_fini(&conv);
    return rc == STORE_E_NONE ? 0 : rc;
}

static int look_up_client(struct core *c, const struct event *e, struct lookup *l);

static int look_up_service_message(struct core *c, const struct event *e, struct lookup *l)
{
    struct facts *m = &l->facts;
    struct view source = e->source.ptr ? e->source : VIEW_LIT("");
    const struct reg_channel *channel = NULL;
    unsigned char hash[CRYPTO_SHA256_LEN];
    struct view words = VIEW_NONE;
    char mid[ID_DERIVED_MAX + 1];
    bool of_thread = true;
    struct key key;
    int rc = router_mid(e, mid);

    if (rc)
        return rc;
    m->scope =
        registry_scope_of_source(c->turn->registry, e->connector, source, &m->source_known);
    if (!m->scope)
        m->scope = whose_left(c, m->came_for);
    if (key_mid(view_of(mid), &key) == 0)
        rc = found_or_not(store_message_by_key(c->store, &key, &l->duplicate), &l->duplicate,
                          (const void **)&m->duplicate);
    if (rc == 0 && m->duplicate)
        rc = is_of_thread(c, m->duplicate, e->conversation, e->source, &of_thread);
    m->duplicate_elsewhere = !of_thread;
    if (rc == 0 && !m->duplicate && e->outgoing)
        rc = look_up_service_echo(c, e, l);
    if (rc || m->duplicate || !m->scope)
        return rc;
    channel = registry_channel(c->turn->registry, view_of(m->scope->channel));
    m->bot_known = channel && channel->bot_id && channel->bot_id[0];
    m->abroad = channel && channel->abroad;
    rc = look_up_service_thread(c, e, l);
    if (rc == 0 && !m->conversation)
        rc = look_up_client(c, e, l);
    if (rc)
        return rc;
    if (!e->outgoing) { /* behind what a colleague wrote before */
        m->echo_again = true;
        m->echo_of = echoes_of_thread(c, ECHO_SERVICE, e);
        return 0;
    }
    rc = look_up_given_up(c, e, m->conversation, l);
    if (rc == 0 && !m->duplicate)
        rc = look_up_given_up_first(c, e, l);
    if (rc == 0 && !m->duplicate && m->conversation)
        rc = lookup_words_hash(m->conversation->id, e->content.text, hash, &words);
    if (rc == 0 && words.len)
        rc = store_quarantine_has(c->store, words, &m->repeats_quarantined);
    return rc || m->duplicate ? rc : look_up_report(c, e, m);
}

/* Of a thread that the service has not named yet: by the phone, or by the id it would have. */
static int look_up_client(struct core *c, const struct event *e, struct lookup *l)
{
    struct facts *m = &l->facts;
    struct view source = e->source.ptr ? e->source : VIEW_LIT("");
    char client_id[ID_DERIVED_MAX + 1];
    struct phone phone;
    int rc = 0;

    phone_read(router_client_phone(e), m->abroad, &phone);
    rc = look_up_phone(c, m->scope, source, &phone, l);
    rc = rc ? rc : router_client_id(e->connector, source, e->conversation, client_id);
    return rc ? rc
              : found_or_not(store_conversation_by_client(c->store, view_of(m->scope->id),
                                                          view_of(client_id), &l->by_client),
                             &l->by_client, (const void **)&m->by_client);
}

static int is_wanted(struct core *c, const struct wanted *w, const struct message *m, bool *ret)
{
    *ret = view_is(w->connector, m->connector) &&
           (!w->scope.ptr || view_is(w->scope, m->scope)) &&
           (!w->conversation || w->conversation == m->conversation) &&
           (!w->ours || m->direction == MESSAGE_OUTBOUND);
    return *ret && w->thread.len ? is_of_thread(c, m, w->thread, w->source, ret) : 0;
}

/* Conversations that are looked into by name: one, unless several numbers have one so called. */
#define THREADS_MAX 16

/* Which conversations are meant, if that was said. */
static int conversations_of(struct core *c, const struct wanted *w, int64_t ret[THREADS_MAX],
                            size_t *ret_n)
{
    struct conversation_ids ids = {.ids = ret, .max = THREADS_MAX};
    int rc = 0;

    *ret_n = 0;
    if (w->conversation)
        ret[(*ret_n)++] = w->conversation;
    if (w->conversation || !w->thread.len)
        return 0;
    rc = store_conversations_by_service_id(c->store, w->connector, w->thread, &ids);
    *ret_n = ids.n;
    return rc;
}

int lookup_hash(struct view connector, struct view id, unsigned char hash[CRYPTO_SHA256_LEN],
                struct view *ret)
{
    struct key key;
    int rc = key_sent(connector, id, &key);

    *ret = VIEW_NONE;
    if (rc)
        return rc == KEY_E_NONE ? 0 : rc;
    rc = crypto_sha256(view_of(key.text), hash);
    if (rc == 0)
        *ret = view_make(hash, CRYPTO_SHA256_LEN);
    return rc;
}

int lookup_words_hash(int64_t conversation, struct view words,
                      unsigned char hash[CRYPTO_SHA256_LEN], struct view *ret)
{
    unsigned char of[sizeof(conversation) + CRYPTO_SHA256_LEN];
    int rc = 0;

    *ret = VIEW_NONE;
    if (words.len == 0)
        return 0;
    memcpy(of, &conversation, sizeof(conversation));
    rc = crypto_sha256(words, of + sizeof(conversation));
    rc = rc ? rc : crypto_sha256(view_make(of, sizeof(of)), hash);
    if (rc == 0)
        *ret = view_make(hash, CRYPTO_SHA256_LEN);
    return rc;
}

int lookup_webhook_hash(struct core *c, const struct event *e,
                        unsigned char hash[CRYPTO_SHA256_LEN], struct view *ret)
{
    struct conversation conv = {0};
    int rc = store_conversation_by_chat(c->store, e->scope, e->chat_id, &conv);

    *ret = VIEW_NONE;
    if (rc == STORE_E_NONE && e->chat_client_id.len)
        rc = store_conversation_by_client(c->store, e->scope, e->chat_client_id, &conv);
    if (rc == 0)
        rc = lookup_words_hash(conv.id, e->content.text, hash, ret);
    conversation_fini(&conv);
    return rc == STORE_E_NONE ? 0 : rc;
}

/* What the service sent to us under this id has not become a message: it waits, or stands in quarantine. */
static int is_set_aside(struct core *c, const struct wanted *w, struct view id, bool *ret)
{
    const struct event sent = {
        .kind = EVENT_SERVICE_MESSAGE, .connector = w->connector, .message_id = id};
    unsigned char hash[CRYPTO_SHA256_LEN];
    char mid[ID_DERIVED_MAX + 1];
    struct view key_hash;
    int rc = 0;

    *ret = router_mid(&sent, mid) == 0 && echoes_have(c, view_of(mid));
    if (*ret)
        return 0;
    rc = lookup_hash(w->connector, id, hash, &key_hash);
    return rc || !key_hash.len ? rc : store_quarantine_has(c->store, key_hash, ret);
}

/* STORE_E_NONE: a message of another conversation of the name may be meant as well. */
static int look_for_namesake(struct core *c, const struct wanted *w,
                             const struct message *found, struct view id,
                             const struct conversation_ids *named)
{
    int rc = w->namesake ? whose_namesake(c, found, w->thread, id, named, w->namesake) : 0;

    return rc == 0 && w->namesake && *w->namesake == NAMESAKE_HAS_IT ? STORE_E_NONE : rc;
}

int lookup_message(struct core *c, const struct wanted *w, struct view id, struct message *ret)
{
    int64_t within[THREADS_MAX];
    struct key keys[3 + THREADS_MAX];
    size_t n_within = 0;
    size_t answered = 0;
    size_t n = 0;
    bool ambiguous = false;
    bool aside = false;
    int rc = conversations_of(c, w, within, &n_within);

    /* what is no id makes no key */
    n += !w->ours && key_sent(w->connector, id, &keys[n]) == 0;
    answered = n;
    n += key_answered(w->connector, id, &keys[n]) == 0;
    for (size_t i = 0; i < n_within; i++)
        n += key_within(w->connector, within[i], id, &keys[n]) == 0;
    n += key_mid(id, &keys[n]) == 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct message m = {0};
        bool wanted = false;

        rc = store_message_by_key(c->store, &keys[i], &m);
        if (rc == STORE_E_NONE) {
            rc = i == 0 && !w->ours ? is_set_aside(c, w, id, &aside) : 0;
            if (aside)
                return STORE_E_NONE;
            continue;
        }
        rc = rc ? rc : is_wanted(c, w, &m, &wanted);
        if (rc == 0 && wanted && i == answered && w->changes && !w->thread.len) {
            rc = store_id_is_ambiguous(c->store, keys[i].text, &ambiguous);
            wanted = !ambiguous;
        }
        if (rc == 0 && wanted && i >= answered && i <= answered + n_within)
            rc = look_for_namesake(
                c, w, &m, id,
                &(struct conversation_ids){.ids = within, .max = THREADS_MAX, .n = n_within});
        if (rc == 0 && wanted) {
            *ret = m; /* handed over */
            return 0;
        }
        message_fini(&m);
    }
    return rc ? rc : STORE_E_NONE;
}

int lookup_message_of_amo(struct core *c, struct view scope, struct view amo_id,
                          struct view our_id, struct message *ret)
{
    struct key key;
    int rc = STORE_E_NONE;

    if (key_amo(scope, amo_id, &key) == 0)
        rc = store_message_by_key(c->store, &key, ret);
    if (rc != STORE_E_NONE || key_mid(our_id, &key))
        return rc;
    rc = store_message_by_key(c->store, &key, ret);
    if (rc == 0 && !view_is(scope, ret->scope)) {
        message_fini(ret); /* another account's */
        return STORE_E_NONE;
    }
    return rc;
}

/* Is the service still to answer to something, or to answer again? Until then the id may be of that. */
static int awaits_answers(struct core *c, struct view connector, bool *ret)
{
    const struct dest *d = queue_dest(c->queue, DEST_CONNECTOR, connector);

    *ret = !d || d->n_waiting > 0 || echo_behind_spools(c, ECHO_SERVICE);
    return *ret ? 0 : echo_may_be_reported(c, connector, 0, ret);
}

/* Has the service still to answer to a message of the conversation it names? One that nobody knows may be among
 * what has not come again yet. */
static int thread_awaits_answers(struct core *c, const struct wanted *w, bool *ret)
{
    int64_t within[THREADS_MAX];
    size_t n = 0;
    int rc = conversations_of(c, w, within, &n);

    *ret = false;
    for (size_t i = 0; rc == 0 && i < n && !*ret; i++) {
        struct conversation conv = {0};

        rc = store_conversation(c->store, within[i], &conv);
        *ret = rc == 0 && echo_is_pending(c, ECHO_SERVICE, &conv);
        if (rc == 0 && !*ret)
            rc = echo_may_be_reported(c, w->connector, conv.id, ret);
        conversation_fini(&conv);
        rc = rc == STORE_E_NONE ? 0 : rc;
    }
    return rc || n ? rc : echo_may_be_reported(c, w->connector, 0, ret);
}

/* The conversation tells two of the same id apart; alone it may have come to be called otherwise. But
 * not while an answer may still bring the id there: another conversation's message has it by chance. */
static int look_up_in_thread(struct core *c, struct wanted *w, const struct event *e,
                             struct message *ret)
{
    int rc = STORE_E_NONE;
    bool awaits = false;

    w->thread = e->conversation;
    if (w->thread.len)
        rc = lookup_message(c, w, e->message_id, ret);
    if (w->namesake && *w->namesake == NAMESAKE_HAS_IT)
        return rc; /* without the name there are only more of them */
    if (rc == STORE_E_NONE && w->ours && w->thread.len) {
        rc = thread_awaits_answers(c, w, &awaits);
        rc = rc ? rc : STORE_E_NONE;
    }
    w->thread = VIEW_NONE;
    if (awaits)
        return rc;
    return rc == STORE_E_NONE ? lookup_message(c, w, e->message_id, ret) : rc;
}

int lookup_target(struct core *c, const struct event *e, enum namesake *ret_namesake,
                  struct message *ret)
{
    struct wanted w = {.connector = e->connector,
                       .ours = e->kind == EVENT_SERVICE_STATUS,
                       .changes = e->kind != EVENT_SERVICE_STATUS};
    bool awaits = false;
    int rc = 0;

    w.namesake = ret_namesake;
    if (!e->connector.ptr)
        return lookup_message_of_amo(c, e->scope, e->message_id, e->message_client_id, ret);
    rc = look_up_in_thread(c, &w, e, ret);
    if (rc != STORE_E_NONE || !w.ours || (ret_namesake && *ret_namesake == NAMESAKE_HAS_IT))
        return rc;
    rc = awaits_answers(c, e->connector, &awaits);
    if (rc || awaits)
        return rc ? rc : STORE_E_NONE;
    /* a status of what is not ours: no answer can bring that id any more */
    w.ours = false;
    return look_up_in_thread(c, &w, e, ret);
}

/* Somebody else's, by our id of it: told apart from a message that is still to come. */
static int look_up_foreign(struct core *c, const struct event *e, struct message *ret)
{
    struct key key;
    int rc = STORE_E_NONE;

    if (key_mid(e->connector.ptr ? e->message_id : e->message_client_id, &key) == 0)
        rc = store_message_by_key(c->store, &key, ret);
    if (rc == 0 && e->connector.ptr && view_is(e->connector, ret->connector)) {
        message_fini(ret); /* its own service's, and not what the event is about */
        return STORE_E_NONE;
    }
    return rc;
}

static int look_up_named(struct core *c, const struct event *e, struct lookup *l)
{
    int rc = lookup_target(c, e, &l->facts.namesake, &l->target);

    if (e->kind == EVENT_AMO_REACTION)
        l->facts.scope = registry_scope_connected(c->turn->registry, e->scope);
    if (rc == STORE_E_NONE && l->facts.namesake != NAMESAKE_HAS_IT)
        rc = look_up_foreign(c, e, &l->target);
    return found_or_not(rc, &l->target, (const void **)&l->facts.target);
}

int lookup_event(struct core *c, const struct event *e, struct lookup *l)
{
    l->facts.came_for = c->intake->echo_row ? c->intake->echo_row->scope : NULL;
    l->facts.maybe_done = c->intake->forgotten;
    switch ((enum event_kind)e->kind) {
    case EVENT_AMO_MESSAGE:
        return look_up_amo(c, e, l);
    case EVENT_SERVICE_MESSAGE:
        return look_up_service_message(c, e, l);
    case EVENT_SERVICE_STATUS:
    case EVENT_SERVICE_EDIT:
    case EVENT_SERVICE_REACTION:
    case EVENT_AMO_REACTION:
        return look_up_named(c, e, l);
    case EVENT_AMO_TYPING:
        return look_up_typing_manager(c, e, l);
    case EVENT_SERVICE_TYPING:
        return look_up_service_thread(c, e, l);
    case EVENT_QUARANTINE:
    case EVENT_DOOR_TEST:
        return 0;
    }
    return 0;
}
