#pragma once

/* Is this about the person who is being erased? Pure, except that it asks the store about a message or
 * chat that is only named. */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "core/store/store.h"
#include "proto/command.h"
#include "proto/event.h"

/* Digits of a phone that is worth looking for in texts. */
#define ERASE_PHONE_MIN 7

/* By what the person is known. */
struct erase_person {
    char **phones; /* as phone_word() makes them */
    size_t n_phones;
    bool abroad; /* how phones are written where is looked at present (core/model/phone.h) */
    struct conversation *conversations;
    size_t n_conversations;
    char **chats; /* amo's ids of them, including former ones */
    size_t n_chats;
};

void erase_person_fini(struct erase_person *p);
/* -ENOMEM; takes the texts of @conv on success. */
AMO_MUSTCHECK int erase_person_add(struct erase_person *p, struct conversation *conv);
/* @phone as written where is looked at present; one that is known or too short is passed over.
 * -ENOMEM. */
AMO_MUSTCHECK int erase_person_add_phone(struct erase_person *p, struct view phone);
AMO_MUSTCHECK int erase_person_add_chat(struct erase_person *p, struct view chat);

/* Does the text contain the phone? Its digits in a row, with some signs between them or not (blanks,
 * brackets, hyphens of any kind, escapes of JSON and of URLs; not what parts one value from the next),
 * with +7, 8 or nothing before them, and no more digits directly behind them. */
bool erase_has_phone(struct view text, const char *phone);
bool erase_has_phones(const struct erase_person *p, struct view text);
/* Is a conversation the person's, by its phone or an id that is the phone? */
bool erase_is_conversation(const struct conversation *conv, const char *phone, bool abroad);
/* Does the same service use the same id for its client as in one of the person's conversations? Two
 * questions: without another phone being known, and although another one is known. */
bool erase_is_contact(const struct erase_person *p, const struct conversation *conv);
bool erase_is_namesake(const struct erase_person *p, const struct conversation *conv);
/* Did another client write it, in one of the person's conversations? */
bool erase_is_of_others(const struct erase_person *p, const struct command *body);
/* Do ids of it that stay name the phone? */
bool erase_ids_have_phone(const struct erase_person *p, const struct conversation *conv);
/* The phone of the client in a command that waits; @ret_client: of the conversation's, not of
 * another person in it. */
bool erase_is_command(const struct command *body, const char *phone, bool abroad,
                      bool *ret_client);
/* Has it text but no person, like an edit of an unknown message? Then only the text can show whose it
 * is. */
bool erase_is_nobodys(const struct event *e);
/* By what the event says itself: people, chats, conversations. */
bool erase_is_event(const struct erase_person *p, const struct event *e);
/* The same for bytes that cannot be read: an id in quotes, or a phone. */
bool erase_is_raw(const struct erase_person *p, struct view raw);
