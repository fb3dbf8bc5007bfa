/* What one event means.
 *
 * From: intake.c, an event and what the store knows about it.
 * To: intake.c, a decision it carries out.
 * Holds: nothing; pure. */

#include "core/model/router.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/utf8.h"
#include "core/model/fallback.h"
#include "proto/foreign_id.h"
#include "proto/limits.h"

static int route_amo_message(const struct event *e, const struct facts *m, int64_t oldest_ms,
                             struct decision *p);
static int route_service_message(const struct event *e, const struct facts *m,
                                 struct decision *p);
static int route_service_status(const struct event *e, const struct facts *m,
                                struct decision *p);
static int route_service_edit(const struct event *e, const struct facts *m, struct decision *p);
static int route_reaction(const struct event *e, const struct facts *m, struct decision *p);

static int decide(struct decision *p, enum decision_kind kind, const char *reason)
{
    p->kind = kind;
    p->reason = reason;
    return 0;
}

int router_route(const struct event *e, const struct facts *m, int64_t oldest_ms,
                 struct decision *ret)
{
    memset(ret, 0, sizeof(*ret));
    switch ((enum event_kind)e->kind) {
    case EVENT_AMO_MESSAGE:
        return route_amo_message(e, m, oldest_ms, ret);
    case EVENT_SERVICE_MESSAGE:
        return route_service_message(e, m, ret);
    case EVENT_SERVICE_STATUS:
        return route_service_status(e, m, ret);
    case EVENT_SERVICE_EDIT:
        return route_service_edit(e, m, ret);
    case EVENT_AMO_REACTION:
    case EVENT_SERVICE_REACTION:
        return route_reaction(e, m, ret);
    case EVENT_AMO_TYPING:
    case EVENT_SERVICE_TYPING:
        return decide(ret, DECISION_NOTHING, "typing"); /* of a spool of before: stale */
    case EVENT_DOOR_TEST:
        return decide(ret, DECISION_NOTHING, "test"); /* whoever waits for it was told */
    case EVENT_QUARANTINE:
        return decide(ret, DECISION_QUARANTINE, "not_understood");
    }
    return decide(ret, DECISION_QUARANTINE, "unknown_kind");
}

/* Outbound: "amo-h" + 40 hex digits over scope and amo's id. A connector may not be called
 * "amo", so it meets no inbound mid. */
int router_mid(const struct event *e, char ret[ID_DERIVED_MAX + 1])
{
    const struct view parts[] = {e->scope, VIEW_LIT("\0"), e->message_id};
    unsigned char digest[CRYPTO_SHA256_LEN];
    char hex[2 * CRYPTO_SHA256_LEN + 1];
    struct buf joined;
    int rc = 0;

    if (e->kind == EVENT_SERVICE_MESSAGE)
        return id_derive(e->connector, VIEW_NONE, e->message_id, ret);
    buf_init(&joined, 1 << 16);
    for (size_t i = 0; i < AMO_COUNT(parts); i++)
        (void)buf_add_view(&joined, parts[i]); /* asked once, below */
    rc = buf_error(&joined);
    rc = rc ? rc : crypto_sha256(buf_view(&joined), digest);
    buf_fini(&joined);
    if (rc)
        return rc;
    crypto_hex(digest, sizeof(digest), hex);
    (void)snprintf(ret, ID_DERIVED_MAX + 1, "amo-h%.40s", hex); /* 45 characters */
    return 0;
}

struct view router_client_phone(const struct event *e)
{
    return e->kind == EVENT_AMO_MESSAGE || e->outgoing ? e->receiver_phone : e->sender_phone;
}

int router_client_id(struct view connector, struct view source, struct view id,
                     char ret[ID_DERIVED_MAX + 1])
{
    /* Without a source the id is a phone's digits, so it meets no "<source>-<id>". */
    return id_derive(connector, source.len ? source : VIEW_NONE, id, ret);
}

static int refuse(struct decision *p, const char *reason, int64_t code, const char *words)
{
    p->status_code = -1;
    p->error_code = code;
    p->error_text = view_of(words);
    return decide(p, DECISION_REFUSE, reason);
}

/* Which of the company's numbers a manager writes from. */
static struct view outbound_source(const struct event *e, const struct facts *m)
{
    if (e->source.len)
        return e->source;
    return m->own_source.ptr ? m->own_source : VIEW_LIT("");
}

static int route_write_first(const struct facts *m, struct decision *p)
{
    struct view connector = view_of(m->scope->connector);
    int rc = 0;

    if (m->unknown_source && !m->maybe_done) /* the client could not answer */
        return refuse(p, "unknown_source", 904, "this number belongs to no account");
    if (p->phone.key[0] == '\0')
        return refuse(p, "no_phone", 905, "no phone number");
    /* which of our numbers should write? And not another account's */
    if (p->source.len == 0 && (m->n_sources > 1 || (m->n_sources == 0 && m->shared)))
        return refuse(p, "no_source", 904, "no source is named");
    p->new_chat = true;
    if (m->by_phone) { /* a second card writes to the same client, or he wrote before */
        p->conversation = m->by_phone;
        return decide(p, DECISION_APPLY, NULL);
    }
    rc = router_client_id(connector, p->source, view_of(p->phone.key), p->client_id);
    rc = rc ? rc : id_derive(connector, VIEW_NONE, view_of(p->phone.key), p->user_id);
    return rc ? rc : decide(p, DECISION_APPLY, NULL);
}

/* Whether what a manager writes in @conv may go to its client, who may be somebody else's by now. What may
 * have gone there before is not refused: it ends as what stood in the queue when the number moved. Nor is what
 * waited when its account left. */
static int route_reach(const struct facts *m, const struct conversation *conv,
                       struct decision *p)
{
    bool gone =
        conv ? strcmp(conv->scope, m->scope->id) != 0 || m->unreachable : m->unknown_source;

    if (m->scope->disconnected || (gone && m->maybe_done)) {
        p->scope = m->scope->id;
        return 0;
    }
    if (conv && strcmp(conv->scope, m->scope->id) != 0)
        return refuse(p, "moved_conversation", 905,
                      "the number belongs to another account now");
    if (conv && m->unreachable)
        return refuse(p, "unreachable", 905, "the number belongs to no account now");
    if (conv && !conv->service_id && (!conv->phone || conv->shared))
        return refuse(p, "unreachable", 905, "the new service does not know this client yet");
    if (m->foreign_source)
        return refuse(p, "foreign_source", 904, "this number belongs to another account");
    return 0;
}

static int route_amo_message(const struct event *e, const struct facts *m, int64_t oldest_ms,
                             struct decision *p)
{
    const char *objection = fallback_objection(&e->content);
    int rc = 0;

    if (!m->scope)
        return decide(p, DECISION_QUARANTINE, "unknown_scope");
    if (!foreign_id_is_fine(e->message_id) || !foreign_id_is_fine(e->chat_id))
        return decide(p, DECISION_QUARANTINE,
                      "bad_message_id"); /* a repeat would not be known */
    rc = router_mid(e, p->mid);
    if (rc)
        return rc;
    if (m->duplicate)
        return decide(p, DECISION_NOTHING,
                      m->duplicate->direction == MESSAGE_OUTBOUND ? "repeat" : "echo");
    if (m->echo_of)
        return decide(p, DECISION_WAIT_ECHO, "echo_pending");
    if (e->sent_ms && e->sent_ms < oldest_ms)
        return decide(p, DECISION_QUARANTINE, "too_old");
    rc = route_reach(m, m->conversation ? m->conversation : m->by_client, p);
    if (rc || p->reason)
        return rc;
    if (objection)
        return refuse(p, "nothing_to_deliver", 905, objection);
    phone_read(e->receiver_phone, m->abroad, &p->phone);
    p->source = outbound_source(e, m);
    if (m->conversation) {
        p->conversation = m->conversation;
        return decide(p, DECISION_APPLY, NULL);
    }
    if (m->by_client) { /* the webhook came before the answer that teaches us the chat */
        p->conversation = m->by_client;
        p->new_chat = true;
        return decide(p, DECISION_APPLY, NULL);
    }
    if (e->chat_client_id.len)
        return refuse(p, "unknown_conversation", 905, "unknown conversation");
    return route_write_first(m, p);
}

/* Ingress lets nothing of this through; an older one might. */
static const char *inbound_objection(const struct content *c)
{
    if (view_empty(c->type) || view_is(c->type, "unknown"))
        return "unsupported_type";
    return fallback_objection(c) && view_empty(c->shared_post) && view_empty(c->forward_id)
               ? "empty_message"
               : NULL;
}

/* Why it has to wait for a person; NULL it has not. */
static const char *service_message_objection(const struct event *e, const struct facts *m)
{
    const char *objection = inbound_objection(&e->content);

    if (!m->scope)
        return m->source_known ? "connector_without_account" : "unknown_source";
    if (objection)
        return objection;
    if (e->outgoing && !e->author.len && !m->bot_known)
        return "no_author"; /* amo would refuse it */
    return m->repeats_quarantined ? "repeats_quarantined" : NULL;
}

static int route_service_message(const struct event *e, const struct facts *m,
                                 struct decision *p)
{
    const char *objection = NULL;
    int rc = router_mid(e, p->mid);

    if (rc)
        return rc;
    if (m->duplicate &&
        m->duplicate_elsewhere) /* another's words under an id that is taken: not lost */
        return decide(p, DECISION_QUARANTINE, "id_again");
    if (m->duplicate)
        return decide(p, DECISION_NOTHING,
                      m->duplicate->direction == MESSAGE_OUTBOUND ? "echo" : "repeat");
    objection = service_message_objection(e, m);
    if (objection)
        return decide(p, DECISION_QUARANTINE, objection);
    if (m->echo_of)
        return decide(p, DECISION_WAIT_ECHO, "echo_pending");
    /* as what stood in the queue when its number moved: it finds its place from there */
    if (m->came_for && (m->scope->disconnected || strcmp(m->came_for, m->scope->id) != 0))
        p->scope = m->came_for;
    p->source = e->source.ptr ? e->source : VIEW_LIT("");
    phone_read(router_client_phone(e), m->abroad, &p->phone);
    if (m->conversation) {
        p->conversation = m->conversation;
        return decide(p, DECISION_APPLY, NULL);
    }
    if (m->by_phone && !m->by_phone->service_id) {
        p->conversation = m->by_phone; /* a manager wrote first; now the client answers */
        p->adopt = true;
        return decide(p, DECISION_APPLY, NULL);
    }
    rc = router_client_id(e->connector, p->source, e->conversation, p->client_id);
    rc = rc ? rc
            : id_derive(e->connector, VIEW_NONE, e->outgoing ? e->receiver_id : e->sender_id,
                        p->user_id);
    if (rc)
        return rc;
    if (m->by_client && !m->by_client->service_id) {
        p->conversation = m->by_client; /* the service names it by the phone we wrote to */
        p->adopt = true;
    }
    return decide(p, DECISION_APPLY, NULL);
}

static int status_code_of(struct view status)
{
    if (view_is(status, "delivered"))
        return 1;
    if (view_is(status, "read"))
        return 2;
    return view_is(status, "failed") ? -1 : 0;
}

/* Forward steps only; a failure after "delivered" is no news, after "delayed" it is; 1 or 2 after a
 * failure wins. */
static bool status_is_news(int64_t told, int64_t code)
{
    if (code == -1)
        return told == 0 || told == REPORTED_DELAYED;
    return code > told;
}

/* Of another connector, or of another account. */
static bool is_foreign(const struct event *e, const struct message *named)
{
    return e->connector.ptr ? !view_is(e->connector, named->connector)
                            : !view_is(e->scope, named->scope);
}

/* Whoever is told of a message is the account that has its conversation now. */
static const char *reach_objection(const struct facts *m)
{
    if (m->about && strcmp(m->about->scope, m->target->scope) != 0)
        return "moved_conversation";
    if (m->about && m->unreachable)
        return "unreachable";
    return m->target_left ? "account_left" : NULL;
}

/* It is not known which message a service's event is about. @either: the word for one that may be about two. */
static int route_no_target(const struct facts *m, const char *either, struct decision *p)
{
    if (m->namesake == NAMESAKE_HAS_IT)
        return decide(p, DECISION_QUARANTINE, either);
    return decide(p, DECISION_WAIT, m->target ? "namesake" : "unknown_message");
}

static int route_service_status(const struct event *e, const struct facts *m,
                                struct decision *p)
{
    int64_t code = status_code_of(e->status);

    if (!m->target || m->namesake)
        return route_no_target(m, "unknown_message", p);
    if (m->target->direction == MESSAGE_IMPORTED && !is_foreign(e, m->target))
        return decide(p, DECISION_NOTHING, "imported"); /* amo shows no status of those */
    if (m->target->direction != MESSAGE_OUTBOUND || is_foreign(e, m->target))
        return decide(p, DECISION_QUARANTINE, "foreign_message");
    p->adopt = e->conversation.len > 0;
    if (code == 0)
        return decide(p, DECISION_NOTHING, "sent");
    if (m->target_left) /* about their own message: also when the number moved */
        return decide(p, DECISION_QUARANTINE, "account_left");
    if (!status_is_news(m->target->reported_status, code))
        return decide(p, DECISION_NOTHING, "no_news");
    p->status_code = code;
    if (code == -1) {
        p->error_code = fallback_error_code(e->error_code);
        p->error_text = utf8_shows(e->error_text) ? e->error_text : VIEW_LIT("not delivered");
        p->error_text = view_cut(p->error_text, LIMIT_ERROR_TEXT);
    }
    return decide(p, DECISION_STATUS, NULL);
}

static int route_service_edit(const struct event *e, const struct facts *m, struct decision *p)
{
    if (!m->target || m->namesake)
        return route_no_target(m, "ambiguous_id", p);
    if (is_foreign(e, m->target))
        return decide(p, DECISION_QUARANTINE, "foreign_message");
    if (reach_objection(m))
        return decide(p, DECISION_QUARANTINE, reach_objection(m));
    return decide(p, DECISION_EDIT, NULL);
}

/* Of either side, to the other. */
static int route_reaction(const struct event *e, const struct facts *m, struct decision *p)
{
    if (e->kind == EVENT_AMO_REACTION && !m->scope)
        return decide(p, DECISION_QUARANTINE, "unknown_scope");
    if (!m->target || m->namesake)
        return route_no_target(m, "ambiguous_id", p);
    if (is_foreign(e, m->target))
        return decide(p, DECISION_QUARANTINE, "foreign_message");
    if (reach_objection(m))
        return decide(p, DECISION_QUARANTINE, reach_objection(m));
    return decide(p, DECISION_REACTION, NULL);
}
