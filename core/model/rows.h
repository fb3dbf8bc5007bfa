#pragma once

/* What the store keeps, as the rest of core sees it: plain values that own their texts. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "core/model/message.h"

/* --- a conversation: one client, or one group, at one number --------------------------------------- */
struct conversation {
    int64_t id; /* 0: not there */
    char *connector;
    char *source;     /* "" none */
    char *service_id; /* NULL: the service's id is not known yet */
    char *scope;
    char *client_id; /* our id of the chat towards amo */
    char *chat_id;   /* amo's id of the chat last written to; NULL unknown */
    char *user_id;   /* our id of the client towards amo */
    char *user_ref;  /* amo's id of the client; NULL unknown */
    char *phone;     /* by which it is found: a struct phone's key; NULL unknown */
    char *number; /* the phone as it came, a struct phone's; NULL: stored by an older version */
    char *name;   /* of the client; NULL unknown */
    char *contact; /* the service's id of the client; NULL unknown */
    bool linked;   /* amo knows that client_id and chat_id are one */
    bool shared;   /* more than one person has spoken in it: no phone leads to it */
    bool amo_born; /* the chat began at amo: its ids are named in what we send there */
};
void conversation_fini(struct conversation *c);

/* --- a message, either way --------------------------------------------------------------------- */
enum message_direction {
    MESSAGE_INBOUND = 1,  /* client → amo */
    MESSAGE_OUTBOUND = 2, /* manager → client */
    MESSAGE_IMPORTED = 3, /* written to the client on the service's side → amo */
};
struct message {
    int64_t id;
    int64_t direction; /* enum message_direction */
    int64_t conversation;
    char *mid;
    char *scope;
    char *connector;
    char *amo_id;     /* NULL unknown */
    char *service_id; /* NULL unknown */
    enum message_state state;
    char *type;    /* amojo's word; NULL unknown */
    char *chat_id; /* amo's chat that shows it; NULL unknown */
    char *reason;  /* of "failed": a word */
    char *words;   /* of "failed": the remote side's own; NULL none */
    int64_t
        reported_status; /* last delivery status queued to amo: 0, 1, 2, -1, REPORTED_DELAYED */
    /* and of it, as far as it is known: rows of older versions have none */
    int64_t reported_code; /* with -1: 901 to 905 */
    char *
        reported_why; /* its service has said so, with this code; "" with none; NULL: it was core */
    char *reported_words;
    int64_t reported_ms;
    int64_t taken_ms;
    int64_t settled_ms;
    struct id trace;
};
/* −1/903 "delayed" was queued: a failure is still news after it. */
#define REPORTED_DELAYED (-2)
void message_fini(struct message *m);

/* --- a command: one call that is to be made ---------------------------------------------------- */
struct command_row {
    int64_t id;
    int64_t lane;
    int64_t kind;    /* enum command_kind */
    int64_t message; /* 0 none */
    struct id trace; /* zero none */
    char *scope;     /* amojo target, or NULL */
    char *connector; /* webhook target, or NULL */
    char *body;      /* packed struct command, as far as it does not change */
    size_t body_len;
    int64_t taken_ms;  /* by core: life counts from here */
    int64_t waited_ms; /* before that, as far as is known; not stored */
    int64_t attempts;  /* counted */
    int64_t next_ms;   /* wall time of the next attempt, 0 at once */
    int64_t lost;      /* workers lost with it in hand */
    int64_t paused_ms; /* time an operator's pause has stopped its life */
    bool unsure;       /* may have been done, though no attempt in the store shows it */
    bool erased;       /* its person was erased: without a body it cannot be sent, and no
                          evidence of its attempts is kept */
};
void command_row_fini(struct command_row *c);

/* --- one attempt of a command: the evidence ---------------------------------------------------- */
struct attempt_row {
    int64_t command;
    int64_t message;
    int64_t kind;
    int64_t number;
    int64_t began_ms;
    int64_t took_ms;
    int64_t outcome;
    int64_t cause;
    int64_t status;
    struct view evidence;
    struct view worker;
    struct view scope;  /* of a message to amo that is not done: where it was sent */
    struct view chat;   /* VIEW_NONE: amo was to find the chat by our id, or it is not known */
    int64_t tells;      /* of a status to amo: 1, 2, -1; 0 none, or it is not known */
    int64_t tells_code; /* with -1: 901 to 905 */
    bool probe;         /* its destination was held: it tried whether that must go on */
};

/* --- their texts --- */
/* Replaces an owned text; an empty @v leaves it. -ENOMEM. */
AMO_MUSTCHECK int text_set(char **field, struct view v);
