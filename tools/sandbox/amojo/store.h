#pragma once

/* What amojo knows: channels, scopes (an account on a channel), chats, participants and
 * messages. Keeps and finds; the rules are in check, message and calls. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#include "base/compiler.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/names.h"
#include "tools/sandbox/kit/vec.h"
#include "tools/sandbox/record/journal.h"

struct amojo_channel {
    char *id;
    char *secret;
    char *name;
    char *code;
    char *client_uuid;
    char *segment;      /* the key of support's answer; NULL "ru" */
    char *registration; /* JSON object laid over support's answer; NULL none */
    char *webhook_url;  /* NULL = none */
    char *bot_id;
    bool restricted;       /* only accounts in `allowed` may connect */
    struct names allowed;  /* account id -> the channel */
    struct names speakers; /* amojo id of a known CRM user -> the channel */
    int64_t created_ms;
};

struct amojo_scope {
    char *id;
    struct amojo_channel *channel;
    char *account_id;
    char *title;
    char *manager_id; /* who writes when no manager is named */
    char hook_api_version[8];
    bool connected;
    bool time_window_disabled;
    uint64_t connects;
    const struct name *turn; /* of the chats: whose the last act was that takes them in turn */
    struct names chats_by_id;
    struct names chats_by_client;
    struct names users_by_id;
    struct names users_by_client;
    struct names messages_by_id;
    struct names messages_by_client;
    struct names tries; /* msgid -> uint64_t, how many new_message calls; owned */
};

/* A client. */
struct amojo_user {
    char *id;
    char *client_id; /* NULL until the bridge names one */
    char *name;
    char *phone;
    char *email;
    char *avatar;
};

struct amojo_chat {
    uint64_t seq;
    struct amojo_scope *scope;
    char *id;
    char *client_id; /* NULL for a conversation started from a card, until linked */
    struct amojo_user *user;
    char *source;
    bool write_first;
    bool lead; /* amo made an unsorted lead of it */
    struct vec messages;
    struct names clients; /* by amojo's id: all that were ever named as its client */
};

enum amojo_from {
    FROM_CLIENT,
    FROM_USER,
    FROM_BOT,
    FROM_MANAGER
};

struct amojo_message {
    uint64_t seq;
    int64_t at_ms;
    struct amojo_chat *chat;
    struct amojo_user *client; /* who it is from or to, NULL unknown */
    enum amojo_from from;
    char *id;
    char *client_id;   /* msgid; NULL for one born in amo */
    char *speaker_id;  /* amojo id of who wrote */
    struct blob *body; /* the call or webhook that made it */
    struct blob *edit; /* the newest edit, NULL */
    uint64_t repeats;
    uint64_t edits;
    bool has_status;
    int64_t status;
    int64_t error_code;
    char *error;
    struct json_object *reactions; /* array, one a user; NULL = none */
};

struct amojo_store {
    struct names channels; /* by id */
    struct names scopes;
    struct vec chats;    /* all scopes, by seq */
    struct vec messages; /* the same */
    struct journal statuses;
    struct journal actions; /* what the bridge did that is neither a message nor a status */
    size_t n_users;
    size_t first_listed; /* messages before this index were there at the last reset of logs */
};

/* What a new channel, scope, user, chat or message needs; strings are copied. The new object
 * is borrowed from the store; the caller gives it its number and time. -ENOMEM. */
AMO_MUSTCHECK int amojo_channel_add(struct amojo_store *st, const char *id, int64_t now_ms,
                                    struct amojo_channel **ret);
AMO_MUSTCHECK int amojo_scope_add(struct amojo_store *st, struct amojo_channel *ch,
                                  const char *account_id, struct amojo_scope **ret);
/* NULL when that account never connected. */
struct amojo_scope *amojo_scope_find(const struct amojo_store *st,
                                     const struct amojo_channel *ch, const char *account_id);
/* The chat a call names, by amojo's id if given, else by the bridge's. NULL when unknown. */
struct amojo_chat *amojo_find_chat(const struct amojo_scope *sc, const char *id,
                                   const char *client_id);
/* The message a call names, by amojo's id if given, else by the bridge's. NULL when unknown. */
struct amojo_message *amojo_find_message(const struct amojo_scope *sc, const char *id,
                                         const char *msgid);
/* @id NULL = a new one. @client_id may be NULL. */
AMO_MUSTCHECK int amojo_user_add(struct amojo_store *st, struct amojo_scope *sc, const char *id,
                                 const char *client_id, struct amojo_user **ret);
AMO_MUSTCHECK int amojo_chat_add(struct amojo_store *st, struct amojo_scope *sc, const char *id,
                                 const char *client_id, struct amojo_user *user,
                                 struct amojo_chat **ret);
/* @id NULL = a new one; @client_id may be NULL. @body gets one more owner. */
AMO_MUSTCHECK int amojo_message_add(struct amojo_store *st, struct amojo_chat *chat,
                                    const char *id, const char *client_id, struct blob *body,
                                    struct amojo_message **ret);
/* @u becomes a client of @chat as well. */
AMO_MUSTCHECK int amojo_chat_join(struct amojo_chat *chat, struct amojo_user *u);

/* @client_id names this chat, user or message as well (the first name stays the shown one). */
AMO_MUSTCHECK int amojo_chat_name(struct amojo_chat *chat, const char *client_id);
AMO_MUSTCHECK int amojo_user_name(struct amojo_scope *sc, struct amojo_user *u,
                                  const char *client_id);
AMO_MUSTCHECK int amojo_message_name(struct amojo_message *m, const char *client_id);

/* One more new_message call for @msgid; how many there were. */
void amojo_try_count(struct amojo_scope *sc, const char *msgid);
uint64_t amojo_tries(const struct amojo_scope *sc, const char *msgid);

const char *amojo_from_name(enum amojo_from from);
/* Channels, scopes, chats and users together. */
size_t amojo_count_objects(const struct amojo_store *st);

/* Forget chats, users, messages and statuses; with @all also scopes and channels. */
void amojo_clear(struct amojo_store *st, bool all);
/* Forget statuses and what lists show, keep what is needed to recognise. */
void amojo_clear_logs(struct amojo_store *st);
