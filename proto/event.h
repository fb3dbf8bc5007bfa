#pragma once

/* The event: what ingress makes of one webhook, or of one item of a batch. A flat msgpack map;
 * fields that do not apply are absent. All texts are borrowed. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "proto/content.h"

enum event_kind {
    EVENT_AMO_MESSAGE = 1,      /* a manager (or bot) wrote in amoCRM */
    EVENT_AMO_REACTION = 2,     /* a manager reacted */
    EVENT_AMO_TYPING = 3,       /* a manager types */
    EVENT_SERVICE_MESSAGE = 4,  /* a client wrote through a connector's service */
    EVENT_SERVICE_STATUS = 5,   /* the service tells how far one of our messages came */
    EVENT_QUARANTINE = 6,       /* signed, but not understood: `raw` and `reason` */
    EVENT_SERVICE_EDIT = 7,     /* a message was changed or deleted on the service's side */
    EVENT_SERVICE_REACTION = 8, /* a person on the service's side reacted to a message */
    EVENT_SERVICE_TYPING = 9,   /* a client types; never in a spool */
    EVENT_DOOR_TEST = 10,       /* our own test webhook came through: `message_id` its nonce */
};

struct event {
    uint64_t kind; /* enum event_kind */
    struct id trace;
    int64_t taken_ms; /* wall time when ingress accepted it: life times count from here */
    int64_t sent_ms;  /* the sender's time, 0 unknown */

    struct view scope;     /* amo side: "<channel id>_<account amojo id>" */
    struct view connector; /* service side: its name */
    struct view source;    /* amo: source.external_id; service: source */

    /* conversation */
    struct view chat_id;        /* amo's id of the chat */
    struct view chat_client_id; /* our id of it, as amo gives it back */
    struct view conversation;   /* the service's id */
    bool write_first;

    /* people */
    struct view sender_id; /* amo side: user amojo id; service side: the service's id */
    struct view sender_name;
    struct view sender_phone;
    struct view sender_email;
    struct view sender_avatar;
    struct view sender_link;
    struct view receiver_id; /* amo side: client's user amojo id */
    struct view receiver_client_id;
    struct view receiver_name;
    struct view receiver_phone;
    struct view receiver_email;

    /* message */
    struct view message_id; /* the sender side's own id; status: the id it names */
    struct view raw_type;   /* amo: the word as it came */
    bool silent;
    bool outgoing;      /* service: written by a person or bot on its side, not by the client */
    struct view author; /* service: the CRM user's amojo id in whose name; absent: the bot */
    bool deleted;       /* edit: the message was deleted */
    struct content content;
    struct view post_id; /* comment under a post: our id of the post */

    /* status of a message (EVENT_SERVICE_STATUS) */
    struct view status; /* "sent", "delivered", "read", "failed" */
    struct view error_code;
    struct view error_text;

    /* reaction, typing */
    struct view message_client_id; /* our id of the message reacted to, when amo gives it */
    struct view emoji;
    bool unset;
    int64_t expires_ms; /* typing: when it is stale, 0 unknown */

    /* quarantine */
    struct view raw;    /* the body as it came, bin */
    struct view reason; /* why it was not understood */
    struct view dedup;  /* key under which a repeat is the same (N20); absent: none */
    struct view
        webhook_id;  /* of a signed edit or reaction of a service: another name of a repeat */
    uint64_t replay; /* number of the quarantine entry this was made from; 0 none */
};

/* Times beyond this (about the year 287396) are mistakes: sums with times must not overflow. */
#define EVENT_MS_MAX (1LL << 53)

/* "amo.message", …; "unknown" for another number. */
const char *event_kind_name(uint64_t kind);
/* Appends one event. -ENOMEM, -ENOSPC of the buf. */
AMO_MUSTCHECK int event_encode(const struct event *e, struct buf *out);
/* PACK_E_MALFORMED when it is not an event, or one of an unknown kind. */
AMO_MUSTCHECK int event_decode(struct view bytes, struct event *ret);
