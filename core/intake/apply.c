/* Plans become rows.
 *
 * From: intake.c (an event and what was decided about it), settle.c and watch.c (notices for the other side).
 * To: the store; then the queue, by core_commit_staged.
 * Holds: new commands, in core->turn->staged, until the event's savepoint is released. */

#include "core/intake/apply.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/crypto.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/stats.h"
#include "core/intake/conversation.h"
#include "core/intake/deferred.h"
#include "core/intake/follow.h"
#include "core/intake/intake.h"
#include "core/intake/person.h"
#include "core/model/channel_flags.h"
#include "core/model/fallback.h"
#include "core/model/reaction_list.h"
#include "proto/limits.h"

/* what an ingress with another clock says to have waited longer is not believed */
#define WAITED_MAX_MS  (24LL * 3600 * 1000)
/* of a service's own code of a failure */
#define ERROR_WORD_MAX 64

static int command_add(struct core *c, struct command_row *row, const struct command *body);
static int message_add(struct core *c, const struct event *e, const struct decision *p,
                       const struct conversation *conv, int64_t *ret_id);
static int message_body(struct core *c, const struct event *e, const struct decision *p,
                        const struct conversation *conv, struct command *body,
                        char user_id[ID_DERIVED_MAX + 1]);

static enum command_kind message_kind(const struct event *e)
{
    if (e->kind == EVENT_AMO_MESSAGE)
        return COMMAND_SERVICE_MESSAGE;
    return e->outgoing ? COMMAND_AMO_OUTGOING : COMMAND_AMO_MESSAGE;
}

/* A row without its scope would stand in the lane of nobody. */
static int row_of(struct command_row *row, const char *scope, const char *connector)
{
    row->scope = mem_strdup(scope);
    row->connector = mem_strdup(connector);
    if (row->scope && row->connector)
        return 0;
    command_row_fini(row);
    return -ENOMEM;
}

/* What came before the message and is about it, by whichever name. */
static void message_wake(struct core *c, const struct event *e, const struct decision *p,
                         const struct conversation *conv)
{
    if (e->kind == EVENT_AMO_MESSAGE) {
        deferred_wake_amo(c, conv->scope, e->message_id);
        /* the service knows our mid of it when a core that is forgotten has sent it before */
        deferred_wake_answered(c, conv->connector, view_of(p->mid));
        return;
    }
    deferred_wake_sent(c, conv->connector, e->message_id, e->outgoing);
    deferred_wake_sent(c, conv->connector, view_of(p->mid), e->outgoing);
}

/* A message that came for another account than has its conversation now stands where it would if it had not
 * waited. It goes along, is asked for or is given up like all that waits there, before anything else of its
 * lane is decided. */
static int stand_as_it_came(struct core *c, const struct decision *p, bool to_amo,
                            struct conversation *conv)
{
    int rc = 0;

    if (!p->scope)
        return 0;
    c->turn->reach_due = c->turn->reach_soon = true;
    core_wake(c);
    rc = reach_note_leaving(c, command_lane_of(conv->id, to_amo), 0);
    return rc ? rc : text_set(&conv->scope, view_of(p->scope));
}

int apply_message(struct core *c, const struct event *e, const struct decision *p)
{
    bool to_amo = e->kind != EVENT_AMO_MESSAGE;
    char user_id[ID_DERIVED_MAX + 1];
    struct conversation conv = {0};
    struct command_row row = {.kind = (int64_t)message_kind(e), .taken_ms = e->taken_ms};
    struct command body = {0};
    char space[LOG_VALUE_MAX];
    char trace[ID_TEXT_LEN + 1];
    int rc = conversation_for(c, e, p, &conv);

    rc = rc ? rc : stand_as_it_came(c, p, to_amo, &conv);
    rc = rc ? rc : message_add(c, e, p, &conv, &row.message);
    rc = rc ? rc : message_body(c, e, p, &conv, &body, user_id);
    if (rc)
        goto out;
    row.lane = command_lane_of(conv.id, to_amo);
    rc = row_of(&row, conv.scope, conv.connector);
    rc = rc ? rc : command_add(c, &row, &body);
    if (rc)
        goto out;
    message_wake(c, e, p, &conv);
    id_format(&e->trace, trace);
    log_line(LOG_LEVEL_INFO, "event.taken", "trace=%s kind=%s mid=%s", trace,
             event_kind_name(e->kind), log_value(view_of(p->mid), space));
out:
    conversation_fini(&conv);
    return rc;
}

static int message_add(struct core *c, const struct event *e, const struct decision *p,
                       const struct conversation *conv, int64_t *ret_id)
{
    bool to_amo = e->kind != EVENT_AMO_MESSAGE;
    struct message m = {.direction = to_amo ? e->outgoing ? MESSAGE_IMPORTED : MESSAGE_INBOUND
                                            : MESSAGE_OUTBOUND,
                        .conversation = conv->id,
                        .scope = conv->scope,
                        .connector = conv->connector,
                        .state = MESSAGE_ACCEPTED,
                        .taken_ms = e->taken_ms,
                        .trace = e->trace};
    int rc = 0;

    m.mid = mem_strdup(p->mid);
    rc = m.mid ? text_set(to_amo ? &m.service_id : &m.amo_id, e->message_id) : -ENOMEM;
    rc = rc ? rc : text_set(&m.type, e->content.type);
    rc = rc ? rc : text_set(&m.chat_id, e->chat_id);
    rc = rc ? rc : store_message_add(c->store, &m, ret_id);
    mem_free(m.mid);
    mem_free(m.type);
    mem_free(m.chat_id);
    mem_free(to_amo ? m.service_id : m.amo_id);
    return rc;
}

static void client_body(const struct event *e, struct command *body)
{
    body->sender_name = e->sender_name;
    body->sender_phone = e->sender_phone;
    body->sender_email = e->sender_email;
    body->sender_avatar = e->sender_avatar;
    body->sender_link = e->sender_link;
}

/* Our id of whoever wrote or reacted on the service's side. Without an id of his own he goes by
 * the CRM user's in whose name it was: one id of ours must not stand for two users of amo. */
static int author_id(struct core *c, const struct event *e, char user_id[ID_DERIVED_MAX + 1])
{
    struct view id = e->sender_id.len ? e->sender_id : e->author;

    return person_author(c, e->connector, id.len ? id : VIEW_LIT("bot"), user_id);
}

/* Written by a person or a bot on the service's side. */
static int outgoing_body(struct core *c, const struct event *e, struct command *body,
                         char user_id[ID_DERIVED_MAX + 1])
{
    int rc = author_id(c, e, user_id);

    body->sender_id = view_of(user_id);
    body->sender_name = e->sender_name;
    body->sender_avatar = e->sender_avatar;
    body->author = e->author;
    body->receiver_name = e->receiver_name;
    body->receiver_phone = e->receiver_phone;
    body->receiver_email = e->receiver_email;
    body->silent = true; /* nobody must be told what his own side wrote */
    return rc;
}

/* To the service. Whom it goes to is settled now: a repeat must not differ because the client has
 * changed his name in between. */
static void service_body(const struct event *e, const struct conversation *conv,
                         struct command *body)
{
    body->author = e->sender_id;
    body->source = view_of(conv->source);
    body->receiver_id = view_of(conv->contact);
    body->receiver_phone = conversation_phone(conv);
    body->receiver_name = conv->name ? view_of(conv->name) : e->receiver_name;
    body->post_id = e->post_id;
}

/* What does not change until it is sent; ids are resolved when it is dispatched. */
static int message_body(struct core *c, const struct event *e, const struct decision *p,
                        const struct conversation *conv, struct command *body,
                        char user_id[ID_DERIVED_MAX + 1])
{
    int rc = 0;

    body->kind = message_kind(e);
    body->trace = e->trace;
    body->key = view_of(p->mid);
    body->content = e->content;
    body->sent_ms = e->sent_ms ? e->sent_ms : e->taken_ms;
    body->silent = e->silent;
    body->source = p->source;
    if (body->kind == COMMAND_AMO_OUTGOING)
        return outgoing_body(c, e, body, user_id);
    if (body->kind == COMMAND_SERVICE_MESSAGE) {
        service_body(e, conv, body);
        return 0;
    }
    client_body(e, body);
    if (conversation_is_client(conv, e->sender_id))
        return 0;
    rc = person_speaker(c, e->connector, e->sender_id, user_id);
    body->sender_id = rc ? VIEW_NONE : view_of(user_id); /* one of several people there */
    return rc;
}

/* A life counts from when core takes the message, by core's clock: that of ingress may differ, and
 * nobody has tried anything while it lay in the spool. */
static void begin_life(struct command_row *row)
{
    int64_t now = clock_unix_ms();
    int64_t waited = now - row->taken_ms;

    row->waited_ms = waited > 0 && waited < WAITED_MAX_MS ? waited : 0;
    row->taken_ms = now;
}

/* Takes the texts of @row in any case. */
static int command_add(struct core *c, struct command_row *row, const struct command *body)
{
    struct staged *f = NULL;
    struct buf packed;
    int rc = -ENOMEM;

    begin_life(row);
    row->unsure = c->intake->forgotten;
    row->trace = body->trace;
    buf_init(&packed, LIMIT_FRAME_BYTES);
    if (row->scope || row->connector)
        f = mem_zalloc(sizeof(*f));
    if (f)
        rc = command_encode(body, &packed);
    if (rc == 0) {
        row->body = packed.ptr;
        row->body_len = packed.len;
        rc = store_command_add(c->store, row, &row->id);
        row->body = NULL;
    }
    buf_fini(&packed);
    if (rc) {
        command_row_fini(row);
        mem_free(f);
        return rc;
    }
    f->row = *row;
    list_init(&f->link);
    list_add_tail(&c->turn->staged, &f->link);
    return 0;
}

/* A command about a message that is there, in a lane of its conversation. */
static int follow_up(struct core *c, const struct message *m, const struct command *body,
                     int64_t taken_ms)
{
    bool to_amo = !command_is_for_service((enum command_kind)body->kind);
    struct command_row row = {.lane = command_lane_of(m->conversation, to_amo),
                              .kind = (int64_t)body->kind,
                              .message = m->id,
                              .taken_ms = taken_ms};
    int rc = row_of(&row, m->scope, m->connector);

    return rc ? rc : command_add(c, &row, body);
}

/* What amo is told, for who asks why. */
static int note_told(struct core *c, const struct status_update *t)
{
    bool failed = t->code == -1;
    const struct message_report report = {
        .status = t->delayed ? REPORTED_DELAYED : t->code,
        .code = failed ? t->error_code : 0,
        .why = !t->connector.len   ? VIEW_NONE
               : t->error_word.len ? view_cut(t->error_word, ERROR_WORD_MAX)
                                   : VIEW_LIT(""),
        .words = failed ? view_cut(t->error_text, LIMIT_ERROR_TEXT) : VIEW_NONE,
        .at_ms = clock_unix_ms()};

    return store_message_reported(c->store, t->message, &report);
}

int apply_status_update(struct core *c, const struct status_update *t)
{
    struct command_row row = {.lane =
                                  t->conversation ? command_lane_of(t->conversation, true) : 0,
                              .kind = COMMAND_AMO_STATUS,
                              .message = t->message,
                              .taken_ms = t->taken_ms};
    struct command body = {.kind = COMMAND_AMO_STATUS,
                           .trace = t->trace,
                           .message_id = t->amo_id,
                           .status_code = t->code,
                           .error_code = t->error_code,
                           .error_text = t->code == -1 ? t->error_text : VIEW_NONE};
    int rc = 0;

    if (t->amo_id.len == 0 || !registry_scope_connected(c->turn->registry, t->scope))
        return 0; /* amo never named it, or the account left: nobody could be told */
    row.scope = mem_strndup(t->scope.ptr, t->scope.len);
    rc = row.scope ? text_set(&row.connector, t->connector) : -ENOMEM;
    if (rc) {
        command_row_fini(&row);
        return rc;
    }
    rc = command_add(c, &row, &body);
    return rc || !t->message ? rc : note_told(c, t);
}

/* --- about a message that is there ------------------------------------------------------------ */

/* A status may also teach the conversation's id at the service. */
static int status_learn(struct core *c, const struct event *e, const struct message *named,
                        int64_t *ret_conversation)
{
    struct conversation conv = {0};
    int rc = store_conversation(c->store, named->conversation, &conv);

    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    if (!conv.service_id)
        rc = conversation_learn_thread(c, &conv, e->conversation, named->id);
    if (rc == 0)
        *ret_conversation = conv.id;
    conversation_fini(&conv);
    return rc;
}

int apply_status(struct core *c, const struct event *e, const struct message *named,
                 const struct decision *p)
{
    struct status_update t = {.code = p->status_code,
                              .error_code = p->error_code,
                              .error_text = p->error_text,
                              .error_word = e->error_code,
                              .trace = e->trace,
                              .taken_ms = e->taken_ms};
    int64_t conversation = named ? named->conversation : 0;
    int rc = 0;

    if (named && e->kind == EVENT_SERVICE_STATUS)
        intake_count_status(c, e, named->reported_status == -1);
    if (named && p->adopt)
        rc = status_learn(c, e, named, &conversation);
    if (rc || !named || p->kind != DECISION_STATUS)
        return rc;
    t.scope = view_of(named->scope);
    t.connector = e->connector;
    t.conversation = conversation;
    t.message = named->id;
    t.amo_id = view_of(named->amo_id);
    return apply_status_update(c, &t);
}

/* The message's own type, unless amo would want parts of it that the edit does not bring and the
 * bridge does not keep: then the words stand alone. */
static struct view edited_type(const struct message *named, const struct content *edit)
{
    struct view type = view_of(named->type);

    if (edit->media.len && !fallback_is_file(type))
        return VIEW_LIT("file");
    if (edit->lat.len)
        return VIEW_LIT("location");
    if (edit->contact_phone.len)
        return VIEW_LIT("contact");
    if (!type.ptr || (view_is(type, "location") && view_empty(edit->lat)) ||
        (view_is(type, "contact") && view_empty(edit->contact_phone)))
        return VIEW_LIT("text");
    return type;
}

/* The same signed request by another ingress, which does not know it. It is asked for first: the other key may
 * be anything that whoever repeats it likes. No header has a line feed in it, so it meets no other key. */
static int webhook_once(struct core *c, const struct event *e, const struct message *named)
{
    char key[LIMIT_ID + 16];

    if (view_empty(e->webhook_id) || e->webhook_id.len > LIMIT_ID)
        return 0;
    (void)snprintf(key, sizeof(key), "webhook\n%.*s", (int)e->webhook_id.len,
                   e->webhook_id.ptr); /* fits */
    return store_message_once(c->store, named->id, view_of(key));
}

/* A change that its sender gave no key has the one ingress gave it: a spool that was put back or
 * copied sends it again. STORE_E_KNOWN: it has been made. */
static int change_once(struct core *c, const struct event *e, const struct message *named)
{
    char key[ID_TEXT_LEN + 16];
    char trace[ID_TEXT_LEN + 1];
    int rc = webhook_once(c, e, named);

    if (rc)
        return rc;
    id_format(&e->trace, trace);
    (void)snprintf(key, sizeof(key), "trace %s", trace); /* fits */
    return store_message_once(c->store, named->id, e->dedup.len ? e->dedup : view_of(key));
}

int apply_edit(struct core *c, const struct event *e, const struct message *named)
{
    struct command body = {.kind = COMMAND_AMO_EDIT,
                           .trace = e->trace,
                           .sent_ms = e->sent_ms ? e->sent_ms : e->taken_ms,
                           .content = e->content};
    int rc = 0;

    if (e->deleted) {
        /* amo cannot delete: the words say so, unless the operator wants nothing said */
        body.content =
            (struct content){.type = VIEW_LIT("text"),
                             .text = view_of(config_text(c->config, "core/deleted_text"))};
        if (view_empty(body.content.text))
            return 0;
    }
    if (view_empty(body.content.type))
        body.content.type = edited_type(named, &body.content);
    rc = change_once(c, e, named);
    if (rc)
        return rc == STORE_E_KNOWN ? 0 : rc; /* a late repeat must not bring an old text back */
    if (!view_is(body.content.type, named->type ? named->type : ""))
        rc = store_message_type(c->store, named->id, body.content.type);
    return rc ? rc : follow_up(c, named, &body, e->taken_ms);
}

/* What makes one reaction the same as another: the webhook's own key, or who and what and when;
 * without its time two of a kind look the same, and it has the key that ingress gave it. */
static int reaction_key(const struct message *named, const struct event *e,
                        char ret[ID_DERIVED_MAX + 32])
{
    unsigned char digest[CRYPTO_SHA256_LEN];
    char hex[2 * CRYPTO_SHA256_LEN + 1];
    struct view key = e->dedup.len && e->sent_ms ? e->dedup : id_view(&e->trace);
    int rc = crypto_sha256(key, digest);

    if (rc)
        return rc;
    crypto_hex(digest, sizeof(digest), hex);
    (void)snprintf(ret, ID_DERIVED_MAX + 32, "%.64s-reaction-%.16s", named->mid,
                   hex); /* fits */
    return 0;
}

static int reaction_to_service(struct core *c, const struct event *e,
                               const struct message *named)
{
    struct view person = e->sender_id.ptr ? view_cut(e->sender_id, LIMIT_ID) : VIEW_LIT("");
    char key[ID_DERIVED_MAX + 32];
    struct buf set;
    struct command body = {.kind = COMMAND_SERVICE_REACTION,
                           .trace = e->trace,
                           .author = e->sender_id,
                           .emoji = view_cut(e->emoji, LIMIT_EMOJI),
                           .unset = e->unset,
                           .sent_ms = e->sent_ms ? e->sent_ms : e->taken_ms};
    int rc = reaction_key(named, e, key);

    rc = rc ? rc : store_message_once(c->store, named->id, view_of(key));
    if (rc)
        return rc == STORE_E_KNOWN ? 0 : rc; /* a repeat: it is done */
    buf_init(&set, LIMIT_ID);
    if (e->unset) { /* amo does not say which one goes, or spells it in another way */
        rc = store_reaction_get(c->store, named->id, person, &set);
        if (e->emoji.len == 0 || reaction_same(e->emoji, buf_view(&set)))
            body.emoji = buf_view(&set);
    }
    body.key = view_of(key);
    rc = rc ? rc : follow_up(c, named, &body, e->taken_ms);
    buf_fini(&set);
    return rc ? rc
              : store_reaction_put(c->store, named->id, person,
                                   e->unset ? VIEW_NONE : view_cut(e->emoji, LIMIT_EMOJI));
}

/* Is it the client of the conversation who reacts? Amo knows him by one id, whatever it was made of;
 * others are people of their own. */
static bool is_client(struct core *c, const struct event *e, const struct message *named)
{
    struct conversation conv = {0};
    bool is = false;

    if (store_conversation(c->store, named->conversation, &conv) == 0)
        is = conversation_is_client(&conv, e->sender_id);
    conversation_fini(&conv);
    return is;
}

/* Did support switch this reaction on for the channel? Then @ret_emoji is how it is spelled there.
 * One that is taken back goes without an emoji when it could never be there. */
static bool is_reaction_taken(const struct core *c, const struct event *e,
                              const struct message *named, struct view *ret_emoji)
{
    const struct reg_channel *channel =
        registry_channel(c->turn->registry, registry_scope_channel(view_of(named->scope)));

    *ret_emoji = channel ? channel_reaction(channel, e->emoji) : e->emoji;
    return !channel || channel_takes_reaction(channel, e->unset ? VIEW_NONE : e->emoji);
}

int apply_reaction(struct core *c, const struct event *e, const struct message *named)
{
    char user_id[ID_DERIVED_MAX + 1] = "";
    struct command body = {.kind = COMMAND_AMO_REACTION,
                           .trace = e->trace,
                           .unset = e->unset,
                           .sender_ref_id = e->author};
    int rc = 0;

    if (e->kind == EVENT_AMO_REACTION)
        return reaction_to_service(c, e, named);
    if (!is_reaction_taken(c, e, named, &body.emoji)) {
        stat_add(c->intake->n_reactions_off, 1);
        return 0;
    }
    rc = change_once(c, e, named);
    if (rc)
        return rc == STORE_E_KNOWN ? 0 : rc;
    if (e->author.len)
        rc = author_id(c, e, user_id);
    else if (e->sender_id.len && !is_client(c, e, named)) /* else the client */
        rc = person_speaker(c, e->connector, e->sender_id, user_id);
    body.sender_id = view_of(user_id);
    return rc ? rc : follow_up(c, named, &body, e->taken_ms);
}

int apply_failure(struct core *c, const struct message *m, int64_t command, const char *reason,
                  struct view words)
{
    char key[ID_DERIVED_MAX + 32];
    struct command body = {.kind = COMMAND_SERVICE_FAILED,
                           .trace = m->trace,
                           .reason = view_of(reason),
                           .error_text = view_cut(words, LIMIT_ERROR_TEXT),
                           .sent_ms = clock_unix_ms()};
    struct command_row row = {
        .kind = COMMAND_SERVICE_FAILED, .message = m->id, .taken_ms = body.sent_ms};

    (void)snprintf(key, sizeof(key), "%.64s-failed-%lld", m->mid,
                   (long long)command); /* fits */
    body.key = view_of(key);
    if (!registry_connector(c->turn->registry, view_of(m->connector)))
        return 0; /* there is nobody to tell any more */
    if (registry_scope_connected(c->turn->registry, view_of(m->scope)))
        return follow_up(c, m, &body, body.sent_ms);
    /* the account left: its service is told all the same, past what waits for the account */
    row.connector = mem_strdup(m->connector);
    return row.connector ? command_add(c, &row, &body) : -ENOMEM;
}
