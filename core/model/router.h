#pragma once

/* The router: a pure function of one event and what the store knows about it. It decides what
 * the event means; core/intake/intake.c looks up before and writes after. No store, no clock, no log.
 *
 * From: intake. To: intake. Holds: nothing. */

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "core/model/phone.h"
#include "core/model/rows.h"
#include "proto/event.h"
#include "proto/registry.h"

/* Of the message that something is about: may it be one of another conversation of the same name? */
enum namesake {
    NAMESAKE_NONE,
    NAMESAKE_IS_TRIED, /* one is on its way there, and its id is not known */
    NAMESAKE_HAS_IT    /* there is one of that id */
};

/* What the store and the registry say about the event. Borrowed; NULL means "not there". */
struct facts {
    const struct reg_scope *scope;           /* the event's scope, or the source's */
    const struct conversation *conversation; /* by amo's chat id, or the service's id */
    const struct conversation *by_client;    /* by our client id of the chat */
    const struct conversation *by_phone;     /* by (connector, source, phone) */
    const struct message *duplicate;         /* the same message was taken before */
    bool
        duplicate_elsewhere; /* service side: @duplicate is in a conversation that is called otherwise */
    bool given_up;           /* @duplicate was, and this says that it arrived */
    const struct message *target;     /* the message a status, edit or reaction is about */
    enum namesake namesake;           /* HAS_IT: there is no @target, for it may be either */
    const struct conversation *about; /* the one of @target */
    bool target_left;     /* the account that @target was exchanged with is not connected */
    bool unreachable;     /* the number of the conversation belongs to no account now */
    const char *came_for; /* service side: who had the source when it came, if it has waited */
    bool maybe_done;      /* may have been done by core before its store was put back */
    bool foreign_source;  /* amo side: the source it names is another account's */
    bool unknown_source;  /* amo side: the source it names belongs to no account */
    int64_t
        echo_of; /* the conversation whose unclear message this may be the echo of; 0 none */
    bool
        echo_again; /* also after another wait: for a first message, or behind others that wait */
    bool
        repeats_quarantined; /* service side: a manager's message with these words stands in quarantine,
                               * and may have been sent before the store was put back */
    bool source_known;      /* service side: the source belongs somewhere */
    struct view own_source; /* amo side: the scope's default source, or its only one */
    size_t n_sources;       /* amo side: listed for the scope */
    bool shared;            /* amo side: the connector also serves other accounts */
    bool abroad;            /* the scope's channel is of another segment than ru */
    bool bot_known;         /* service side: the channel has a bot to write in the name of */
};

enum decision_kind {
    DECISION_APPLY,      /* message: conversation, message row, command */
    DECISION_STATUS,     /* a status for amo */
    DECISION_EDIT,       /* the text of a message is to be changed at amo */
    DECISION_REACTION,   /* a reaction for the other side */
    DECISION_NOTHING,    /* understood; there is nothing to do (repeat, echo, "sent") */
    DECISION_WAIT,       /* about a message that is not known yet */
    DECISION_WAIT_ECHO,  /* perhaps the echo of one of our messages whose id is not known yet */
    DECISION_QUARANTINE, /* kept for a person, with `reason` */
    DECISION_REFUSE, /* outbound that cannot be delivered: quarantine and tell the manager */
};

struct decision {
    enum decision_kind kind;
    const char *reason; /* a word such as "unknown_scope"; with NOTHING also set */
    const struct conversation *conversation; /* NULL with APPLY: a new one */
    const char *scope; /* APPLY: who had the conversation when it came; NULL: who has it now */
    bool adopt;        /* the conversation learns the service's id */
    bool new_chat;     /* amo's chat id is new to the conversation */
    char mid[ID_DERIVED_MAX + 1];
    char client_id[ID_DERIVED_MAX + 1]; /* of a new conversation */
    char user_id[ID_DERIVED_MAX + 1];   /* of its client */
    struct view source;
    struct phone phone; /* of the client */
    /* DECISION_STATUS and DECISION_REFUSE */
    int64_t status_code;
    int64_t error_code;
    struct view error_text;
};

/* @oldest_ms: a webhook whose own time is before it is too old to be sent again.
 * 0, or -EINVAL/-EIO when an id could not be derived. */
AMO_MUSTCHECK int router_route(const struct event *e, const struct facts *m, int64_t oldest_ms,
                               struct decision *ret);

/* The mid an event's message has: what `duplicate` is looked up by. */
AMO_MUSTCHECK int router_mid(const struct event *e, char ret[ID_DERIVED_MAX + 1]);
/* The client's phone in the event: the sender's, or the receiver's of an outgoing message. */
struct view router_client_phone(const struct event *e);
/* Our id of a conversation towards amo. */
AMO_MUSTCHECK int router_client_id(struct view connector, struct view source, struct view id,
                                   char ret[ID_DERIVED_MAX + 1]);
