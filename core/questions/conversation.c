/* One conversation as an operator sees it.
 *
 * From: control.c. To: the store and the queue, which are only read. Holds: nothing. */

#include <errno.h>

#include "base/num.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/intake/apply.h"
#include "core/model/router.h"
#include "proto/limits.h"

#define NAMED_MAX 10     /* conversations that one word may name */
#define COUNTED   100000 /* newest messages: there is no index of messages by conversation */

struct named {
    int64_t ids[NAMED_MAX];
    size_t n;
};

static void named_add(struct named *named, int64_t id)
{
    for (size_t i = 0; i < named->n; i++) {
        if (named->ids[i] == id)
            return;
    }
    if (named->n < NAMED_MAX)
        named->ids[named->n++] = id;
}

/* @rc is of a look-up into @c. */
static int named_one(int rc, struct conversation *c, struct named *named)
{
    if (rc == STORE_E_NONE)
        return 0;
    if (rc == 0)
        named_add(named, c->id);
    conversation_fini(c);
    return rc;
}

/* By our number; by amo's chat or our id of it in any account; by the service's id or the phone
 * at any connector. */
static int find_named(struct control_ask *ask, struct view word, struct named *named)
{
    const struct registry *reg = ask->core->turn->registry;
    struct store *s = ask->core->store;
    struct conversation c = {0};
    uint64_t number = 0;
    struct phone phones[2]; /* as it counts in the segment ru, and elsewhere */
    int rc = 0;

    if (num_parse_u64(word, &number) == 0 && number <= INT64_MAX)
        rc = named_one(store_conversation(s, (int64_t)number, &c), &c, named);
    for (size_t i = 0; rc == 0 && i < reg->n_scopes; i++) {
        struct view scope = view_of(reg->scopes[i].id);

        rc = named_one(store_conversation_by_chat(s, scope, word, &c), &c, named);
        rc = rc ? rc : named_one(store_conversation_by_client(s, scope, word, &c), &c, named);
    }
    phone_read(word, false, &phones[0]);
    phone_read(word, true, &phones[1]);
    for (size_t i = 0; rc == 0 && i < 2 * reg->n_connectors; i++) {
        int64_t found[NAMED_MAX];
        struct conversation_ids ids = {.ids = found, .max = NAMED_MAX};

        rc = store_conversations_by_word(s, view_of(reg->connectors[i / 2].name), word,
                                         view_of(phones[i % 2].key), &ids);
        for (size_t j = 0; j < ids.n; j++)
            named_add(named, found[j]);
    }
    return rc;
}

static void conversation_waiting(struct core *c, int64_t id, struct json_writer *w)
{
    struct core_command *cmd = NULL;
    size_t iter = 0;
    size_t n = 0;

    json_open_array(w, "waiting");
    while (n < LIMIT_LIST_ROWS && (cmd = table_next(c->queue->commands, &iter))) {
        const struct dest *d = cmd->lane->dest;

        if (cmd->lane->id != command_lane_of(id, true) &&
            cmd->lane->id != command_lane_of(id, false))
            continue;
        n++;
        json_open_object(w, NULL);
        json_add_int(w, "command", cmd->id);
        json_add_text(w, "kind", view_of(command_kind_name((uint64_t)cmd->kind)));
        json_add_text(w, "state", view_of(command_state_name(cmd->state)));
        json_add_int(w, "attempts", cmd->attempts);
        json_add_text(w, "destination", view_of(d->key));
        json_add_text(w, "held",
                      dest_is_held(d) ? view_of(hold_reason_name(d->hold)) : VIEW_NONE);
        json_close_object(w);
    }
    json_close_array(w);
}

static const char *state_of(const struct conversation *c)
{
    if (c->linked)
        return "linked";
    if (!c->chat_id)
        return "service_only";
    return c->service_id ? "not_linked" : "amo_only";
}

static int conversation_json(struct control_ask *ask, const struct conversation *c)
{
    struct store *s = ask->core->store;
    struct json_writer *w = ask->w;
    int rc = 0;

    json_open_object(w, NULL);
    json_add_int(w, "id", c->id);
    json_add_text(w, "state", view_of(state_of(c)));
    json_add_text(w, "connector", view_of(c->connector));
    json_add_text(w, "source", view_of(c->source));
    json_add_text(w, "conversation", view_of(c->service_id));
    json_add_text(w, "contact", view_of(c->contact));
    json_add_text(w, "phone", view_of(c->phone));
    json_add_bool(w, "shared", c->shared);
    json_add_text(w, "name", view_of(c->name));
    json_add_text(w, "scope_id", view_of(c->scope));
    json_add_text(w, "client_id", view_of(c->client_id));
    json_add_text(w, "chat_id", view_of(c->chat_id));
    json_add_text(w, "user_id", view_of(c->user_id));
    json_add_text(w, "user_ref", view_of(c->user_ref));
    json_add_bool(w, "amo_ids_named", c->amo_born && c->user_ref);
    json_open_array(w, "chats");
    rc = store_chats_json(s, c, w);
    json_close_array(w);
    json_open_object(w, "messages");
    json_add_int(w, "counted_among_newest", COUNTED);
    rc = rc ? rc : store_conversation_counts_json(s, c->id, COUNTED, w);
    json_close_object(w);
    conversation_waiting(ask->core, c->id, w);
    json_close_object(w);
    return rc;
}

int verb_conversation_show(struct control_ask *ask)
{
    struct named named = {.n = 0};
    struct conversation c = {0};
    struct view word = VIEW_NONE;
    int rc = control_need(ask, "id", &word);

    rc = rc ? rc : find_named(ask, word, &named);
    if (rc)
        return rc;
    if (named.n == 0)
        return control_fail(ask, EXIT_FAILED, "no conversation is known by this");
    if (named.n > 1)
        return control_fail(ask, EXIT_FAILED,
                            "%s%zu conversations are known by this: take the number of one, as "
                            "%lld or %lld, out of amoctl conversation list",
                            named.n == NAMED_MAX ? "at least " : "", named.n,
                            (long long)named.ids[0], (long long)named.ids[1]);
    rc = store_conversation(ask->core->store, named.ids[0], &c);
    rc = rc ? rc : conversation_json(ask, &c);
    conversation_fini(&c);
    return rc == STORE_E_NONE ? -EIO : rc;
}

int verb_conversation_list(struct control_ask *ask)
{
    struct view scope = control_arg(ask, "scope_id");
    int rc = 0;

    json_open_array(ask->w, NULL);
    rc = store_conversations_json(ask->core->store, scope.len ? scope : VIEW_NONE, ask->w);
    json_close_array(ask->w);
    return rc;
}
