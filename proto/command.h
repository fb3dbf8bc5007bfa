#pragma once

/* The command as it is sent to a worker, and the result that comes back.
 *
 * A command carries everything an attempt needs but the secrets: those come with the registry.
 * All texts are borrowed. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"
#include "proto/content.h"
#include "proto/pack.h"

enum command_kind {
    COMMAND_AMO_MESSAGE = 1,     /* new_message from the client; target amojo */
    COMMAND_AMO_STATUS = 2,      /* delivery_status; target amojo */
    COMMAND_AMO_CONNECT = 3,     /* connect the channel to the account; target amojo */
    COMMAND_AMO_CREATE_CHAT = 4, /* create chat: yields its amo id; target amojo */
    COMMAND_AMO_HISTORY = 5,     /* is `key` among the last messages of chat_id? target amojo */
    COMMAND_SERVICE_MESSAGE = 6, /* message.created; target webhook */
    COMMAND_AMO_OUTGOING = 7,    /* new_message written on the service's side; target amojo */
    COMMAND_AMO_EDIT = 8,        /* edit_message; target amojo */
    COMMAND_AMO_REACTION = 9,    /* react, unreact; target amojo */
    COMMAND_AMO_TYPING = 10,     /* typing; ephemeral; target amojo */
    COMMAND_AMO_DISCONNECT = 11, /* disconnect the channel from the account; target amojo */
    COMMAND_SERVICE_REACTION = 12, /* reaction.changed; target webhook */
    COMMAND_SERVICE_TYPING = 13,   /* typing.started; ephemeral; target webhook */
    COMMAND_SERVICE_FAILED = 14,   /* delivery.failed; target webhook */
    COMMAND_SERVICE_TEST = 15,     /* connector.test; ephemeral; target webhook */
    COMMAND_AMO_REACH = 16, /* unsigned GET of `url`, else of amojo: is it there? ephemeral */
    COMMAND_AMO_HOOK = 17,  /* a test webhook to `url`, signed as amojo does; ephemeral */
};

struct command {
    uint64_t kind;    /* enum command_kind */
    uint64_t id;      /* core's id of the command; ephemeral ones have the top bit set */
    uint64_t attempt; /* 1, 2, …: part of the result's identity */
    struct id trace;
    int64_t start_within_ms;  /* from sending: not started by then, hand it back unstarted */
    int64_t finish_within_ms; /* from sending: by then it is over, whatever happens */
    struct view key;          /* msgid towards amojo, webhook-id towards a service */
    struct view scope;        /* amojo */
    struct view connector;    /* webhook: whose url and secret */
    struct view source;

    /* conversation */
    struct view conversation_id;     /* amojo: ours */
    struct view conversation_ref_id; /* amojo: theirs; present = link the two */
    struct view conversation;        /* webhook: the service's id; absent = write first */
    struct view chat_id;             /* amojo: history; of a message its chat, if known */
    int64_t offset;   /* history: so many messages, of the newest, are known already */
    int64_t until_ms; /* history: what is looked for is not older; 0: as old as may be */

    /* people */
    struct view sender_id;
    struct view sender_ref_id;
    struct view sender_name;
    struct view sender_phone;
    struct view sender_email;
    struct view sender_avatar;
    struct view sender_link;
    struct view receiver_id;
    struct view receiver_ref_id;
    struct view receiver_phone;
    struct view receiver_email;
    struct view receiver_name;
    struct view author; /* webhook: the manager's amojo id */

    /* message */
    struct view message_id; /* amojo: its id of the message a status, edit or reaction is about;
                               webhook: the service's, or ours */
    struct view message_client_id; /* amojo: our id of it (msgid) */
    int64_t sent_ms;
    bool silent;
    bool write_first;
    struct content content;
    struct view post_id; /* webhook: our id of the post the manager answers under */
    /* where a forwarded message comes from, when it is another chat */
    struct view forward_conversation_id;
    struct view forward_conversation_ref_id;

    /* reaction, typing */
    struct view emoji;
    bool unset;
    int64_t expires_ms; /* typing: wall time after which it is stale, 0 unknown */

    /* delivery_status */
    int64_t status_code;    /* 1, 2, -1; in an edit 0: none */
    int64_t error_code;     /* 901..905 with -1 */
    struct view error_text; /* also of delivery.failed */
    struct view reason;     /* delivery.failed: a word */

    /* connect */
    struct view account;
    struct view title;
    bool time_window_off; /* the channel's time window does not count in this account */

    /* looks at ourselves */
    struct view url;      /* amo.reach, amo.hook: where to, instead of the channel's address */
    struct view spelling; /* amo.status: "old" or "new" instead of the worker's own */
};

enum outcome {
    OUTCOME_DONE = 1,
    OUTCOME_RETRY = 2,   /* this command: try again, counts */
    OUTCOME_HOLD = 3,    /* the destination: wait, does not count */
    OUTCOME_UNKNOWN = 4, /* sent, no answer: counts; the other side must recognise the repeat */
    OUTCOME_DEAD = 5,    /* this command: final refusal */
    OUTCOME_UNSTARTED = 6, /* handed back: nothing was sent, nothing counts */
};

/* Why, as far as core decides differently on it. */
enum cause {
    CAUSE_NONE = 0,
    CAUSE_CONNECT = 1,       /* DNS, TCP or TLS failed: nothing was sent */
    CAUSE_TIMEOUT = 2,       /* sent, no answer in time */
    CAUSE_CUT = 3,           /* sent, connection cut */
    CAUSE_THROTTLED = 4,     /* 429 */
    CAUSE_FORBIDDEN = 5,     /* 403 */
    CAUSE_NOT_FOUND = 6,     /* 404 */
    CAUSE_GONE = 7,          /* 410 */
    CAUSE_REFUSED = 8,       /* 400 and other final 4xx */
    CAUSE_SERVER = 9,        /* 5xx, 408 */
    CAUSE_REDIRECT = 10,     /* 3xx, never followed */
    CAUSE_UNREADABLE = 11,   /* 2xx, but the answer proves nothing: no id, or a page */
    CAUSE_PRIVATE = 12,      /* address refused: private network */
    CAUSE_UNREGISTERED = 13, /* worker has no such channel or connector */
    CAUSE_NOT_HTTP = 14,     /* a status that is none: nothing can be concluded */
    CAUSE_PROXY = 15,        /* a page in place of the remote side's own answer */
};

/* How far a call came. */
enum stage {
    STAGE_NONE,
    STAGE_DNS,      /* the name was not found */
    STAGE_ADDRESS,  /* found, but not to be dialled: a private network */
    STAGE_CONNECT,  /* the connection was not accepted */
    STAGE_TLS,      /* connected; no agreement, or the certificate is no good */
    STAGE_SENT,     /* sent; no whole answer */
    STAGE_ANSWERED, /* answered, with whatever status */
};

struct result {
    uint64_t id;
    uint64_t attempt;
    /* of the command, as it came: a store that was put back gives its ids again, to others */
    uint64_t kind; /* 0: an older worker's */
    struct id trace;
    uint64_t outcome;       /* enum outcome */
    uint64_t cause;         /* enum cause */
    uint64_t status;        /* HTTP status, 0 none */
    int64_t retry_after_ms; /* the remote side's wish, -1 and 0 none; capped */
    int64_t took_ms;
    int64_t began_ms;      /* wall time of the attempt's start */
    int64_t skew_ms;       /* remote Date minus ours */
    int64_t cert_until_ms; /* wall time at which its certificate ends; 0 none, or not asked */
    bool skew_known;
    bool found;           /* history: the key is there */
    bool complete;        /* history: the answer could be read to its end */
    int64_t next_offset;  /* history: there may be more from here on; 0: this was the end */
    struct view evidence; /* words and the beginning of the answer; no secrets */
    struct view words;    /* the remote side's own error message, for people */
    struct view code;     /* the service's own word for it; of a look, what TLS refused */
    struct view stage;    /* how far it came, unless it is done: enum stage's name */

    /* learnt from the answer */
    struct view amo_message_id;
    struct view amo_chat_id;
    struct view amo_sender_id;
    struct view amo_receiver_id;
    struct view service_conversation;
    struct view service_message_id;
    struct view scope_id; /* connect */

    /* a message to amojo that is not done: where the attempt was sent */
    struct view sent_scope;
    struct view sent_chat; /* empty: amo was to find it by our own id */
};

const char *command_kind_name(uint64_t kind);
const char *outcome_name(uint64_t outcome);
const char *cause_name(uint64_t cause);
/* "dns", "address", …; NULL for STAGE_NONE */
const char *stage_name(enum stage stage);

/* One map appended. */
AMO_MUSTCHECK int command_encode(const struct command *c, struct buf *out);
AMO_MUSTCHECK int command_decode(struct view bytes, struct command *ret);
AMO_MUSTCHECK int command_decode_object(const msgpack_object *map, struct command *ret);
AMO_MUSTCHECK int result_encode(const struct result *r, struct buf *out);
AMO_MUSTCHECK int result_decode_object(const msgpack_object *map, struct result *ret);
