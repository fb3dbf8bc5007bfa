/* Is a text about this person? By phone, ids and chats.
 *
 * From: find.c. To: the same. Holds: what a person is known by, for one erasure. */

#include "core/erase/match.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "core/model/phone.h"

/* An id shorter than this says nothing in a body whose parts are not known. */
#define RAW_ID_MIN     6
/* Signs between two digits of a phone: a dash of three bytes between blanks of two, and some more. */
#define PHONE_GAP_MAX  12
/* Digits directly before it: a country, a trunk prefix, the end of an escape (\u2013, %20). */
#define PHONE_LEAD_MAX 4
/* Shorter ones may stand in an id of letters and digits by chance. */
#define PHONE_SURE_LEN 10

void erase_person_fini(struct erase_person *p)
{
    for (size_t i = 0; i < p->n_phones; i++)
        mem_free(p->phones[i]);
    for (size_t i = 0; i < p->n_chats; i++)
        mem_free(p->chats[i]);
    for (size_t i = 0; i < p->n_conversations; i++)
        conversation_fini(&p->conversations[i]);
    mem_free(p->phones);
    mem_free(p->chats);
    mem_free(p->conversations);
    memset(p, 0, sizeof(*p));
}

static int add_text(char ***list, size_t *n, struct view text)
{
    char **longer = NULL;
    char *copy = NULL;

    for (size_t i = 0; i < *n; i++) {
        if (view_is(text, (*list)[i]))
            return 0;
    }
    copy = mem_strndup(text.ptr, text.len);
    longer = copy ? mem_realloc(*list, (*n + 1) * sizeof(*longer)) : NULL;
    if (!longer) {
        mem_free(copy);
        return -ENOMEM;
    }
    *list = longer;
    longer[(*n)++] = copy;
    return 0;
}

static int add_word(struct erase_person *p, const struct phone *phone)
{
    char word[PHONE_WORD_MAX];

    phone_word(phone, word);
    return strlen(phone->key) < ERASE_PHONE_MIN
               ? 0
               : add_text(&p->phones, &p->n_phones, view_of(word));
}

int erase_person_add_phone(struct erase_person *p, struct view phone)
{
    struct phone read;

    phone_read(phone, p->abroad, &read);
    return add_word(p, &read);
}

/* The phone of a conversation is known by its key. */
static void phone_of_conversation(const struct conversation *conv, struct phone *ret)
{
    phone_read(view_of(conv->phone), true, ret);
    if (conv->number && conv->number[0] == '+')
        (void)snprintf(ret->number, sizeof(ret->number), "+%s", ret->key); /* fits */
}

int erase_person_add_chat(struct erase_person *p, struct view chat)
{
    return chat.len ? add_text(&p->chats, &p->n_chats, chat) : 0;
}

int erase_person_add(struct erase_person *p, struct conversation *conv)
{
    struct conversation *longer = NULL;
    struct phone phone;
    int rc = 0;

    phone_of_conversation(conv, &phone);
    rc = add_word(p, &phone);
    rc = rc ? rc : erase_person_add_chat(p, view_of(conv->chat_id));
    if (rc)
        return rc;
    longer = mem_realloc(p->conversations, (p->n_conversations + 1) * sizeof(*longer));
    if (!longer)
        return -ENOMEM;
    p->conversations = longer;
    longer[p->n_conversations++] = *conv;
    memset(conv, 0, sizeof(*conv));
    return 0;
}

/* --- phones --------------------------------------------------------------------------------- */

static bool is_hex4(struct view text)
{
    for (size_t i = 0; i < 4; i++) {
        if (i >= text.len || !isxdigit((unsigned char)text.ptr[i]))
            return false;
    }
    return true;
}

/* Bytes of the sign that may stand between two digits; 0: none may. */
static size_t sign_len(struct view text)
{
    unsigned char c = text.len ? (unsigned char)text.ptr[0] : 0;

    if (view_starts(text, "&nbsp;"))
        return 6;
    if (c == '%' && text.len > 2 && isxdigit((unsigned char)text.ptr[1]) &&
        isxdigit((unsigned char)text.ptr[2]))
        return text.ptr[1] == '3' ? 0 : 3; /* %30 is a digit, %3A a colon */
    if (c == '\\' && text.len > 2 && text.ptr[1] == 'u' &&
        is_hex4(view_make(text.ptr + 2, text.len - 2)))
        return memcmp(text.ptr + 2, "003", 3) == 0 ? 0 : 6; /* a digit, or a colon */
    if (c == '\\')
        return text.len > 1 && strchr("tnr/", text.ptr[1]) ? 2 : 0;
    if ((c < ' ' && c != '\t') || isalnum(c) || strchr("\",:{}[]", c))
        return 0; /* here one value, or one line, ends */
    return 1;
}

/* Does the text go on with these digits from here? @ret_len: bytes of them. */
static bool digits_follow(struct view text, const char *digits, size_t *ret_len)
{
    size_t i = 0;

    while (*digits) {
        size_t n = 0;

        for (size_t signs = 0; signs < PHONE_GAP_MAX; signs++, i += n) {
            n = sign_len(view_make(text.ptr + i, text.len - i));
            if (n == 0)
                break;
        }
        if (i == text.len || text.ptr[i] != *digits)
            return false;
        i++;
        digits++;
    }
    *ret_len = i;
    return true;
}

/* Not in the middle of a longer number: a time, an id. */
static bool stands_alone(struct view text, size_t from, size_t end, bool sure)
{
    unsigned char after = end < text.len ? (unsigned char)text.ptr[end] : ' ';
    size_t lead = 0;

    while (lead < from && isdigit((unsigned char)text.ptr[from - lead - 1]))
        lead++;
    if (lead > PHONE_LEAD_MAX && lead < from && text.ptr[from - lead - 1] == 'u')
        lead -= PHONE_LEAD_MAX; /* an escape of four digits before a country */
    return lead <= PHONE_LEAD_MAX && !isdigit(after) && (sure || !isalpha(after));
}

bool erase_has_phone(struct view text, const char *phone)
{
    const char *key = phone + (phone[0] == '+');
    /* with its country or without: +7 900 …, 8 900 …, 900 … */
    const char *digits = strlen(key) == 11 && key[0] == '7' ? key + 1 : key;

    if (strlen(key) < ERASE_PHONE_MIN)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        size_t len = 0;

        if (text.ptr[i] == digits[0] &&
            digits_follow(view_make(text.ptr + i, text.len - i), digits, &len) &&
            stands_alone(text, i, i + len, strlen(digits) >= PHONE_SURE_LEN))
            return true;
    }
    return false;
}

bool erase_has_phones(const struct erase_person *p, struct view text)
{
    for (size_t i = 0; i < p->n_phones; i++) {
        if (erase_has_phone(text, p->phones[i]))
            return true;
    }
    return false;
}

static bool is_phone(struct view text, bool abroad, const char *phone)
{
    char word[PHONE_WORD_MAX];
    struct phone read;

    phone_read(text, abroad, &read);
    phone_word(&read, word);
    return phone_same(word, phone, abroad);
}

static bool is_phone_of(const struct erase_person *p, struct view text)
{
    for (size_t i = 0; i < p->n_phones; i++) {
        if (is_phone(text, p->abroad, p->phones[i]))
            return true;
    }
    return false;
}

static bool has_phone(const struct conversation *conv, const char *phone, bool abroad)
{
    char word[PHONE_WORD_MAX];
    struct phone own;

    phone_of_conversation(conv, &own);
    phone_word(&own, word);
    return phone_same(word, phone, abroad);
}

static bool has_phone_of(const struct erase_person *p, const struct conversation *conv)
{
    for (size_t i = 0; i < p->n_phones; i++) {
        if (has_phone(conv, p->phones[i], p->abroad))
            return true;
    }
    return false;
}

bool erase_is_conversation(const struct conversation *conv, const char *phone, bool abroad)
{
    return has_phone(conv, phone, abroad) ||
           is_phone(view_of(conv->service_id), abroad, phone) ||
           is_phone(view_of(conv->contact), abroad, phone);
}

static bool has_contact(const struct erase_person *p, const struct conversation *conv)
{
    for (size_t i = 0; conv->contact && i < p->n_conversations; i++) {
        const struct conversation *theirs = &p->conversations[i];

        if (theirs->contact && strcmp(theirs->contact, conv->contact) == 0 &&
            strcmp(theirs->connector, conv->connector) == 0)
            return true;
    }
    return false;
}

bool erase_is_contact(const struct erase_person *p, const struct conversation *conv)
{
    return has_contact(p, conv) && (!conv->phone || has_phone_of(p, conv));
}

bool erase_is_namesake(const struct erase_person *p, const struct conversation *conv)
{
    return has_contact(p, conv) && conv->phone && !has_phone_of(p, conv);
}

/* Who is not the conversation's client is named in the command. */
bool erase_is_of_others(const struct erase_person *p, const struct command *body)
{
    return (body->kind == COMMAND_AMO_MESSAGE || body->kind == COMMAND_AMO_REACTION) &&
           body->sender_id.len > 0 && !is_phone_of(p, body->sender_phone);
}

bool erase_ids_have_phone(const struct erase_person *p, const struct conversation *conv)
{
    const char *const ids[] = {conv->service_id, conv->contact, conv->client_id, conv->user_id};

    for (size_t i = 0; i < AMO_COUNT(ids); i++) {
        if (ids[i] && erase_has_phones(p, view_of(ids[i])))
            return true;
    }
    return false;
}

bool erase_is_command(const struct command *body, const char *phone, bool abroad,
                      bool *ret_client)
{
    bool sender = is_phone(body->sender_phone, abroad, phone);

    *ret_client = is_phone(body->receiver_phone, abroad, phone) ||
                  is_phone(body->receiver_id, abroad, phone) ||
                  (sender && body->sender_id.len == 0);
    return sender || *ret_client;
}

/* --- events --------------------------------------------------------------------------------- */

static bool same(struct view v, const char *id)
{
    return v.len > 0 && id && view_is(v, id);
}

/* A name of the service's does not count where somebody has another phone than he. */
static bool is_named(const struct erase_person *p, struct view id, struct view phone,
                     const char *contact)
{
    return same(id, contact) && (phone.len == 0 || is_phone_of(p, phone));
}

static bool is_of_conversation(const struct erase_person *p, const struct event *e,
                               const struct conversation *conv)
{
    if (e->connector.ptr && view_is(e->connector, conv->connector)) {
        if (same(e->conversation, conv->service_id) &&
            (e->source.len == 0 || conv->source[0] == '\0' || view_is(e->source, conv->source)))
            return true;
        return is_named(p, e->sender_id, e->sender_phone, conv->contact) ||
               is_named(p, e->receiver_id, e->receiver_phone, conv->contact);
    }
    return same(e->chat_client_id, conv->client_id) ||
           same(e->receiver_client_id, conv->user_id) || same(e->receiver_id, conv->user_ref);
}

static bool has_words(const struct event *e)
{
    const struct content *c = &e->content;
    const struct view parts[] = {c->text, c->media, c->contact_name, c->contact_phone,
                                 c->lat,  c->list,  c->shared_post,  e->error_text};

    for (size_t i = 0; i < AMO_COUNT(parts); i++) {
        if (parts[i].len)
            return true;
    }
    return false;
}

bool erase_is_nobodys(const struct event *e)
{
    return e->raw.ptr == NULL && e->conversation.len == 0 && e->chat_id.len == 0 &&
           e->sender_id.len == 0 && e->sender_phone.len == 0 && e->receiver_phone.len == 0 &&
           has_words(e);
}

bool erase_is_event(const struct erase_person *p, const struct event *e)
{
    for (size_t i = 0; i < p->n_chats; i++) {
        if (same(e->chat_id, p->chats[i]))
            return true;
    }
    for (size_t i = 0; i < p->n_conversations; i++) {
        if (is_of_conversation(p, e, &p->conversations[i]))
            return true;
    }
    if (is_phone_of(p, e->sender_phone) || is_phone_of(p, e->receiver_phone) ||
        is_phone_of(p, e->conversation) || is_phone_of(p, e->sender_id) ||
        is_phone_of(p, e->receiver_id))
        return true;
    if (e->raw.ptr)
        return erase_is_raw(p, e->raw);
    return erase_is_nobodys(e) &&
           (erase_has_phones(p, e->content.text) || erase_has_phones(p, e->content.media) ||
            erase_has_phones(p, e->content.contact_phone) ||
            erase_has_phones(p, e->error_text));
}

/* In quotes, as JSON has it. */
static bool has_quoted(struct view raw, const char *id)
{
    size_t len = id ? strlen(id) : 0;

    if (len < RAW_ID_MIN)
        return false;
    for (size_t i = 1; i + len < raw.len; i++) {
        if (raw.ptr[i - 1] == '"' && raw.ptr[i + len] == '"' &&
            memcmp(raw.ptr + i, id, len) == 0)
            return true;
    }
    return false;
}

bool erase_is_raw(const struct erase_person *p, struct view raw)
{
    if (erase_has_phones(p, raw))
        return true;
    for (size_t i = 0; i < p->n_chats; i++) {
        if (has_quoted(raw, p->chats[i]))
            return true;
    }
    for (size_t i = 0; i < p->n_conversations; i++) {
        const struct conversation *c = &p->conversations[i];
        const char *const ids[] = {c->client_id, c->user_id, c->user_ref, c->service_id,
                                   c->contact};

        for (size_t k = 0; k < AMO_COUNT(ids); k++) {
            if (has_quoted(raw, ids[k]))
                return true;
        }
    }
    return false;
}
