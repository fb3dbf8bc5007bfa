/* What there is of a person.
 *
 * From: erase.c, step by step. To: the store's lists of what was found, and the erasure's own.
 * Holds: nothing. */

#include <errno.h>
#include <string.h>

#include "core/erase/erase.h"
#include "core/intake/apply.h"
#include "core/intake/lookup.h"
#include "core/model/phone.h"
#include "proto/limits.h"

/* rows looked at in one step: a few milliseconds */
#define FIND_CONVERSATIONS 5000
#define FIND_COMMANDS      2000
#define FIND_MESSAGES      20000
#define FIND_EVIDENCE      5000

size_t erase_ids(const struct buf *ids)
{
    return ids->len / sizeof(int64_t);
}

int64_t erase_id_at(const struct buf *ids, size_t i)
{
    int64_t id = 0;

    memcpy(&id, ids->ptr + i * sizeof(id), sizeof(id));
    return id;
}

static int ids_add(struct buf *ids, int64_t id)
{
    return buf_add(ids, &id, sizeof(id)) ? -ENOMEM : 0;
}

static bool ids_has(const struct buf *ids, int64_t id)
{
    for (size_t i = 0; i < erase_ids(ids); i++) {
        if (erase_id_at(ids, i) == id)
            return true;
    }
    return false;
}

/* --- conversations and commands ------------------------------------------------------------- */

static int take_conversation(struct erasure *e, int64_t id)
{
    struct conversation conv = {0};
    bool known = false;
    int rc = store_erase_has_conversation(e->core->store, id, &known);

    if (rc || known)
        return rc;
    if (e->person.n_conversations >= LIMIT_ERASE) {
        e->too_many = true;
        return 0;
    }
    rc = store_conversation(e->core->store, id, &conv);
    rc = rc ? rc : erase_person_add(&e->person, &conv);
    conversation_fini(&conv);
    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    return store_erase_add_conversation(e->core->store, id);
}

/* Where several people speak, only what the person said is theirs, and being called its client. */
static int take_shared(struct erasure *e, int64_t id)
{
    if (ids_has(&e->shared, id))
        return 0;
    if (erase_ids(&e->shared) >= LIMIT_ERASE) {
        e->too_many = true;
        return 0;
    }
    return ids_add(&e->shared, id) ? -ENOMEM : store_erase_add_client(e->core->store, id);
}

static int conversation_fn(void *arg, const struct conversation *conv)
{
    struct erasure *e = arg;

    e->person.abroad = phone_abroad(e->core->turn->registry, view_of(conv->scope));
    if (erase_is_conversation(conv, e->person.phones[0], e->person.abroad) ||
        erase_is_contact(&e->person, conv))
        return conv->shared ? take_shared(e, conv->id) : take_conversation(e, conv->id);
    if (e->second_walk && erase_is_namesake(&e->person, conv) && e->namesakes++ == 0)
        e->namesake = conv->id;
    return 0;
}

/* Said by the client of a conversation, or by somebody else in it: then only what the person
 * said is theirs. */
static int body_fn(void *arg, int64_t id, int64_t lane, struct view body)
{
    struct erasure *e = arg;
    struct conversation conv = {0};
    struct command cmd;
    bool client = false;
    bool whole = false;
    int rc = store_conversation(e->core->store, lane / 2, &conv);

    e->person.abroad = phone_abroad(e->core->turn->registry, view_of(conv.scope));
    whole = rc == 0 && lane > 1 && !conv.shared;
    conversation_fini(&conv);
    if (rc < 0)
        return rc;
    if (command_decode(body, &cmd) ||
        !erase_is_command(&cmd, e->person.phones[0], e->person.abroad, &client))
        return 0;
    return client && whole ? take_conversation(e, lane / 2) : ids_add(&e->commands, id);
}

/* What somebody else wrote in the person's conversation stays, and goes on if it waits. */
static int dead_fn(void *arg, int64_t id, bool with_them, struct view body)
{
    struct erasure *e = arg;
    struct command cmd;
    bool readable = command_decode(body, &cmd) == 0;
    bool client = false;

    if (with_them && readable && erase_is_of_others(&e->person, &cmd)) {
        e->of_others++;
        return 0;
    }
    if (!with_them && !(readable && e->by_phone &&
                        erase_is_command(&cmd, e->person.phones[0], e->person.abroad, &client)))
        return 0;
    return store_erase_add_dead(e->core->store, id);
}

static int evidence_fn(void *arg, int64_t attempt, struct view evidence)
{
    struct erasure *e = arg;

    return erase_has_phones(&e->person, evidence)
               ? store_erase_add_evidence(e->core->store, attempt)
               : 0;
}

/* What a remote side said of the person in conversations of others. Phones that came to be known on the way
 * are looked for from the beginning. */
static int find_evidence(struct erasure *e, bool *ret_more)
{
    if (e->evidence_phones != e->person.n_phones) {
        e->evidence_phones = e->person.n_phones;
        e->at_evidence = 0;
    }
    *ret_more = false;
    return e->person.n_phones == 0
               ? 0
               : store_evidence_walk(e->core->store, FIND_EVIDENCE, evidence_fn, e,
                                     &e->at_evidence, ret_more);
}

/* Twice: a service's name of the person, known from the first time, may stand in conversations that came
 * before the one with the phone. */
static int find_conversations(struct erasure *e, bool *ret_more)
{
    int rc = 0;

    *ret_more = false;
    if (!e->by_phone)
        return 0;
    rc = store_conversations_walk(e->core->store, FIND_CONVERSATIONS, conversation_fn, e,
                                  &e->at_conversation, ret_more);
    if (rc == 0 && !*ret_more && !e->second_walk) {
        e->second_walk = true;
        e->at_conversation = 0;
        *ret_more = true;
    }
    return rc;
}

static int find_bodies(struct erasure *e, bool *ret_more)
{
    *ret_more = false;
    return e->by_phone ? store_bodies_walk(e->core->store, FIND_COMMANDS, body_fn, e,
                                           &e->at_command, ret_more)
                       : 0;
}

int erase_find(struct erasure *e, bool *ret_more)
{
    int rc = 0;

    switch (e->step) {
    case ERASE_CONVERSATIONS:
        return find_conversations(e, ret_more);
    case ERASE_COMMANDS:
        rc = find_bodies(e, ret_more);
        if (rc == 0 && !*ret_more) /* a conversation of later has later messages */
            rc = store_newest_message(e->core->store, &e->newest_message);
        return rc;
    case ERASE_MESSAGES:
        return store_erase_find_messages(e->core->store, FIND_MESSAGES, &e->at_message,
                                         ret_more);
    case ERASE_EVIDENCE:
        return find_evidence(e, ret_more);
    case ERASE_SPOOLS:
    case ERASE_APPLY:
    case ERASE_COMMITTING:
    case ERASE_SPOOLS_AGAIN:
    case ERASE_CLEAN:
    case ERASE_END:
        break;
    }
    return -EINVAL;
}

/* Somebody else may speak in the person's conversation: those words are not erased, and go on. */
static int find_command(struct erasure *e, const struct core_command *cmd, struct buf *ret_ids)
{
    struct command_row row = {0};
    struct command body;
    bool others = false;
    int rc = store_command(e->core->store, cmd->id, &row);

    if (rc == 0 &&
        command_decode(view_make(row.body ? row.body : "", row.body_len), &body) == 0)
        others = erase_is_of_others(&e->person, &body);
    command_row_fini(&row);
    if (rc < 0)
        return rc;
    e->of_others += others;
    if (others)
        return 0;
    rc = store_erase_add_evidence_of(e->core->store, cmd->id);
    return rc ? rc : ids_add(ret_ids, cmd->id);
}

static bool is_lane_of(const struct erase_person *p, const struct lane *l)
{
    for (size_t i = 0; i < p->n_conversations; i++) {
        if (l->id == command_lane_of(p->conversations[i].id, true) ||
            l->id == command_lane_of(p->conversations[i].id, false))
            return true;
    }
    return false;
}

/* What waits there, of one where several people speak only what is said in its client's name. */
static int find_in_lane(struct erasure *e, const struct lane *lane, struct buf *ret_ids)
{
    bool theirs = is_lane_of(&e->person, lane);
    bool shared = !theirs && ids_has(&e->shared, lane->id / 2);
    int rc = 0;

    if (!theirs && !shared)
        return 0;
    for (struct list *i = lane->commands.next; rc == 0 && i != &lane->commands; i = i->next) {
        const struct core_command *cmd = LIST_ENTRY(i, struct core_command, in_lane);

        if (theirs || cmd->kind == COMMAND_AMO_MESSAGE || cmd->kind == COMMAND_AMO_REACTION)
            rc = find_command(e, cmd, ret_ids);
    }
    return rc;
}

int erase_find_commands(struct erasure *e, struct buf *ret_ids)
{
    const struct lane *lane = NULL;
    size_t iter = 0;
    int rc = 0;

    /* a conversation that has moved also has earlier lanes */
    while (rc == 0 && (lane = table_next(e->core->queue->lanes, &iter))) {
        for (; rc == 0 && lane; lane = lane->sibling)
            rc = find_in_lane(e, lane, ret_ids);
    }
    for (size_t i = 0; rc == 0 && i < erase_ids(&e->commands); i++) {
        const struct core_command *cmd =
            queue_find(e->core->queue, erase_id_at(&e->commands, i));
        bool with_them = false;

        if (!cmd)
            continue;
        rc = store_erase_has_conversation(e->core->store, cmd->lane->id / 2, &with_them);
        if (rc || (cmd->lane->id > 1 && with_them) || ids_has(ret_ids, cmd->id))
            continue;
        rc = store_erase_add_evidence_of(e->core->store, cmd->id);
        rc = rc ? rc : ids_add(ret_ids, cmd->id);
    }
    return rc;
}

/* --- events --------------------------------------------------------------------------------- */

struct event_walk {
    struct erasure *erase;
    enum store_event_place place;
};

/* Is it in a chat of the person, perhaps by an earlier id of amo's? */
static int is_of_chat(struct erasure *e, const struct event *ev, bool *ret)
{
    struct conversation conv = {0};
    int rc = STORE_E_NONE;

    if (ev->scope.len && ev->chat_id.len)
        rc = store_conversation_by_chat(e->core->store, ev->scope, ev->chat_id, &conv);
    if (rc == 0)
        rc = store_erase_has_conversation(e->core->store, conv.id, ret);
    conversation_fini(&conv);
    return rc == STORE_E_NONE ? 0 : rc;
}

/* Is it about a message of the person? */
static int is_of_message(struct erasure *e, const struct event *ev, bool *ret)
{
    struct message m = {0};
    int rc = STORE_E_NONE;

    if (ev->message_id.len)
        rc = lookup_target(e->core, ev, NULL, &m);
    if (rc == 0)
        rc = store_erase_has_conversation(e->core->store, m.conversation, ret);
    message_fini(&m);
    return rc == STORE_E_NONE ? 0 : rc;
}

/* How are phones written where it came from? */
static bool is_abroad(const struct erasure *e, const struct event *ev)
{
    const struct registry *r = e->core->turn->registry;
    const struct reg_scope *scope = NULL;
    bool known = false;

    if (ev->scope.len)
        return phone_abroad(r, ev->scope);
    scope = registry_scope_of_source(r, ev->connector,
                                     ev->source.ptr ? ev->source : VIEW_LIT(""), &known);
    return scope && phone_abroad(r, view_of(scope->id));
}

static int is_theirs(struct erasure *e, const struct event *ev, bool *ret)
{
    int rc = 0;

    e->person.abroad = is_abroad(e, ev);
    *ret = erase_is_event(&e->person, ev);
    if (!*ret)
        rc = is_of_chat(e, ev, ret);
    if (rc == 0 && !*ret)
        rc = is_of_message(e, ev, ret);
    return rc;
}

static int event_fn(void *arg, int64_t id, struct view bytes)
{
    const struct event_walk *w = arg;
    struct erasure *e = w->erase;
    bool waiting = w->place == STORE_EVENT_WAITING;
    struct event ev;
    bool theirs = false;
    int rc = event_decode(bytes, &ev);
    bool readable = rc == 0;

    if (rc < 0)
        return rc;
    if (readable) {
        rc = is_theirs(e, &ev, &theirs);
        if (rc && !core_is_trouble(rc)) { /* what cannot be looked up is nobody's */
            core_row_failed(e->core, "erase", rc);
            rc = 0;
        }
    } else {
        theirs = erase_is_raw(&e->person, bytes);
        rc = 0;
    }
    if (rc == 0 && !theirs && readable && erase_is_nobodys(&ev)) {
        theirs = e->unowned_too;
        e->unowned += !theirs;
    }
    return rc || !theirs ? rc : ids_add(waiting ? &e->waiting : &e->quarantine, id);
}

static int chat_fn(void *arg, struct view chat)
{
    struct erasure *e = arg;

    return erase_person_add_chat(&e->person, chat);
}

static int find_events(struct erasure *e)
{
    struct event_walk walk = {e, STORE_EVENT_QUARANTINE};
    int rc = store_erase_chats(e->core->store, chat_fn, e);

    buf_reset(&e->quarantine);
    buf_reset(&e->waiting);
    e->unowned = 0;
    rc = rc ? rc : store_events_walk(e->core->store, walk.place, event_fn, &walk);
    walk.place = STORE_EVENT_WAITING;
    return rc ? rc : store_events_walk(e->core->store, walk.place, event_fn, &walk);
}

int erase_find_rest(struct erasure *e)
{
    size_t known = e->person.n_conversations;
    bool more = true;
    int rc = 0;

    while (rc == 0 && more)
        rc = find_conversations(e, &more);
    for (more = true; rc == 0 && more;)
        rc = find_bodies(e, &more);
    /* one that is only now known to be theirs may have messages of long ago */
    e->at_message = e->person.n_conversations == known ? e->newest_message : 0;
    for (more = true; rc == 0 && more;)
        rc = store_erase_find_messages(e->core->store, FIND_MESSAGES, &e->at_message, &more);
    rc = rc ? rc : store_dead_walk(e->core->store, dead_fn, e);
    rc = rc ? rc : find_events(e);
    for (more = true; rc == 0 && more;)
        rc = find_evidence(e, &more);
    return rc;
}
