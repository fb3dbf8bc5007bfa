/* Typing is passed on at once, or dropped.
 *
 * From: frames.c (EVENT_EPHEMERAL). To: calls.c, as a call that may be lost.
 * Holds: when a conversation's last one was sent, so that fast typing causes few calls. */

#include "core/deliver/typing.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/deliver/calls.h"
#include "core/deliver/deliver.h"
#include "core/deliver/moved.h"
#include "core/intake/apply.h"
#include "core/intake/lookup.h"
#include "core/model/reach.h"
#include "proto/command.h"
#include "proto/event.h"
#include "proto/query.h"

/* once in this time and direction; amo itself says so every five seconds */
#define TYPING_EVERY_MS 4000
/* a sender who does not say how long */
#define TYPING_LIVES_MS 5000
/* the longest the connector's API allows */
#define TYPING_MAX_MS   30000

/* Did one of this lane go a moment ago? Two lanes may share a place: then one of them is told a
 * little too often. */
static bool ephemeral_is_fresh(struct core *c, int64_t lane, int64_t now_mono_ms)
{
    struct typing_slot *slot = &c->deliver->typing[(uint64_t)lane % TYPING_SLOTS];

    if (slot->lane == lane && now_mono_ms - slot->mono_ms < TYPING_EVERY_MS)
        return true;
    *slot = (struct typing_slot){lane, now_mono_ms};
    return false;
}

static void typing_to_amo(const struct conversation *conv, struct command *body)
{
    body->kind = COMMAND_AMO_TYPING;
    body->scope = view_of(conv->scope);
    body->conversation_id = view_of(conv->client_id);
    body->sender_id = view_of(conv->user_id);
}

static void typing_to_service(const struct conversation *conv, struct command *body)
{
    body->kind = COMMAND_SERVICE_TYPING;
    body->connector = view_of(conv->connector);
    body->scope = view_of(conv->scope);
    body->source = view_of(conv->source);
    body->conversation = view_of(conv->service_id);
}

static void ephemeral_send(struct core *c, const struct event *e,
                           const struct conversation *conv)
{
    bool to_amo = e->kind == EVENT_SERVICE_TYPING;
    int64_t now_mono = clock_mono_ms();
    int64_t now = clock_unix_ms();
    int64_t expires = e->expires_ms ? e->expires_ms : e->taken_ms + TYPING_LIVES_MS;
    struct command body = {.trace = e->trace, .sent_ms = e->taken_ms, .expires_ms = expires};
    char key[ID_TEXT_LEN + 1];
    struct dest *d = NULL;

    if (expires <= now || ephemeral_is_fresh(c, command_lane_of(conv->id, to_amo), now_mono))
        return;
    /* the sender's clock may be wrong: nobody types longer than that, and it must be gone sooner */
    if (expires - now > TYPING_MAX_MS)
        body.expires_ms = now + TYPING_MAX_MS;
    if (expires - now > TYPING_LIVES_MS)
        expires = now + TYPING_LIVES_MS;
    id_format(&e->trace, key);
    body.key = view_of(key);
    if (to_amo ? !conv->linked : !conv->service_id)
        return; /* nobody there knows the conversation by our name for it, or at all */
    if (to_amo)
        typing_to_amo(conv, &body);
    else
        typing_to_service(conv, &body);
    d = queue_dest(c->queue, to_amo ? DEST_SCOPE : DEST_CONNECTOR,
                   view_of(to_amo ? conv->scope : conv->connector));
    if (d && !dest_is_held(d) && !d->paused)
        (void)!call_once(c, d, &body, now_mono + (expires - now), NULL,
                         NULL); /* no room, no typing */
}

void ephemeral_take(struct core *c, struct view body)
{
    struct view bytes = VIEW_NONE;
    struct lookup l = {0};
    struct event e;
    int rc = ephemeral_decode(body, &bytes);

    if (rc || event_decode(bytes, &e) ||
        (e.kind != EVENT_AMO_TYPING && e.kind != EVENT_SERVICE_TYPING)) {
        log_often(LOG_LEVEL_ERROR, "event.ephemeral_malformed", VIEW_NONE, NULL);
        return;
    }
    core_ask(c);
    rc = lookup_event(c, &e, &l);
    /* nothing is moved for typing: who is not reached as it stands is not told */
    if (rc == 0 && l.facts.conversation &&
        reach_of(c->turn->registry, l.facts.conversation).way == REACH_STAYS &&
        (e.kind == EVENT_SERVICE_TYPING || view_is(e.scope, l.facts.conversation->scope)))
        ephemeral_send(c, &e, l.facts.conversation);
    (void)core_asked(c, "typing", rc); /* told */
    lookup_fini(&l);
}
