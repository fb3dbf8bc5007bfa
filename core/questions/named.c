/* Conversations by what people call them, and the rows that let somebody choose between several.
 *
 * From: verbs about conversations and messages. To: the store and the queue, which are only read.
 * Holds: nothing. */

#include "core/questions/named.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "base/utf8.h"
#include "core/control/begins.h"
#include "core/control/control.h"
#include "core/model/phone.h"
#include "core/questions/kept.h"
#include "core/questions/mask.h"
#include "core/questions/waiting.h"
#include "core/questions/why.h"
#include "core/store/store.h"

#define NAME_MAX_CHARS 200   /* of a name that are compared */
#define NAMES_MAX      20000 /* names looked at in one turn … */
#define NAMES_US       3000  /* … and for so long */
#define NAMES_ASKED    64    /* between two looks at the clock */
#define COUNTED_MAX    200   /* commands of a lane */
#define CHOICE_US      2000  /* so long it is counted what is kept for those to choose from */

static void named_add(struct named *named, int64_t id)
{
    for (size_t i = 0; i < named->n; i++) {
        if (named->ids[i] == id)
            return;
    }
    if (named->n < NAMED_MAX)
        named->ids[named->n++] = id;
    else
        named->more = true;
}

/* @rc is of a look-up into @c. */
static int named_one(int rc, struct conversation *c, struct named *named)
{
    if (rc == STORE_E_NONE)
        return 0;
    if (rc == 0)
        named_add(named, c->id);
    conversation_fini(c);
    return rc;
}

static void named_add_all(struct named *named, const struct conversation_ids *ids)
{
    for (size_t i = 0; i < ids->n; i++)
        named_add(named, ids->ids[i]);
}

/* --- by ids and phones -------------------------------------------------------------------------- */

#define KEYS_MAX 4 /* in which a phone may stand in the store */

struct phone_keys {
    char keys[KEYS_MAX][PHONE_WORD_MAX];
    size_t n;
};

static void add_key(struct phone_keys *all, const char *before, const char *digits)
{
    char key[PHONE_WORD_MAX];

    (void)snprintf(key, sizeof(key), "%s%s", before, digits);
    for (size_t i = 0; i < all->n; i++) {
        if (strcmp(all->keys[i], key) == 0)
            return;
    }
    if (!key[0])
        return; /* no number */
    (void)memcpy(all->keys[all->n++], key, sizeof(key));
}

/* As @word counts in the segment ru and elsewhere; and with and without the country that people in Russia leave out
 * (phone_same). */
static void keys_of(struct view word, struct phone_keys *ret)
{
    struct phone ru;
    struct phone abroad;

    *ret = (struct phone_keys){.n = 0};
    phone_read(word, false, &ru);
    phone_read(word, true, &abroad);
    add_key(ret, "", ru.key);
    add_key(ret, "", abroad.key);
    if (strlen(ru.key) == 10 && ru.number[0] != '+')
        add_key(ret, "7", ru.key);
    else if (strlen(ru.key) == 11 && ru.key[0] == '7')
        add_key(ret, "", ru.key + 1);
}

/* By a phone or the service's id of its client, at one connector. */
static int find_at_service(struct core *core, struct view connector, struct view word,
                           const struct phone_keys *phones, struct named *named)
{
    int64_t found[NAMED_MAX + 1];
    struct conversation_ids ids = {.ids = found, .max = NAMED_MAX + 1};
    int rc = store_conversations_by_contact(core->store, connector, word, &ids);

    for (size_t i = 0; rc == 0 && i < phones->n && ids.n < ids.max; i++)
        rc = store_conversations_by_phone(core->store, connector, view_of(phones->keys[i]),
                                          &ids);
    named_add_all(named, &ids);
    return rc;
}

/* By the service's id of it or of its client, or by a phone, at any connector. */
static int find_at_services(struct core *core, struct view word, struct named *named)
{
    const struct registry *reg = core->turn->registry;
    int64_t found[NAMED_MAX + 1];
    struct conversation_ids ids = {.ids = found, .max = NAMED_MAX + 1};
    struct phone_keys phones;
    int rc = store_conversations_by_service_id(core->store, VIEW_NONE, word, &ids);

    named_add_all(named, &ids);
    keys_of(word, &phones);
    for (size_t i = 0; rc == 0 && i < reg->n_connectors; i++)
        rc = find_at_service(core, view_of(reg->connectors[i].name), word, &phones, named);
    return rc;
}

/* One that was merged into another is that one. */
static int follow_merged(struct core *core, struct named *named)
{
    const struct named found = *named;
    int rc = 0;

    named->n = 0;
    for (size_t i = 0; rc == 0 && i < found.n; i++) {
        struct conversation c = {0};

        rc = named_one(store_conversation(core->store, found.ids[i], &c), &c, named);
    }
    return rc;
}

int named_by_id(struct core *c, struct view word, struct named *ret)
{
    int64_t found[NAMED_MAX + 1];
    struct conversation_ids ids = {.ids = found, .max = NAMED_MAX + 1};
    struct conversation conv = {0};
    bool ours = view_starts(word, NAMED_NUMBER);
    uint64_t number = 0;
    int rc = 0;

    *ret = (struct named){.n = 0};
    if (ours)
        word = view_make(word.ptr + strlen(NAMED_NUMBER), word.len - strlen(NAMED_NUMBER));
    if (num_parse_u64(word, &number) == 0 && number <= INT64_MAX)
        rc = named_one(store_conversation(c->store, (int64_t)number, &conv), &conv, ret);
    if (ours)
        return rc ? rc : follow_merged(c, ret);
    rc = rc ? rc : store_conversations_by_amo(c->store, word, &ids);
    named_add_all(ret, &ids);
    rc = rc ? rc : find_at_services(c, word, ret);
    return rc ? rc : follow_merged(c, ret);
}

/* Of a message in it; an id that several messages have is of each of their conversations. */
static int find_by_message(struct core *core, struct view word, struct named *named)
{
    int64_t ids[NAMED_MAX + 1];
    size_t n = 0;
    int rc = 0;

    if (view_starts(word, NAMED_NUMBER))
        return 0;
    rc = store_messages_by_any(core->store, word, ids, AMO_COUNT(ids), &n);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct message m = {0};

        rc = store_message(core->store, ids[i], &m);
        if (rc == 0)
            named_add(named, m.conversation);
        message_fini(&m);
    }
    return rc == STORE_E_NONE ? 0 : rc;
}

/* --- by name ------------------------------------------------------------------------------------ */

/* A text as it is compared: small letters without accents (so ё is е, as people type it), and blanks as one. */
struct folded {
    uint32_t chars[NAME_MAX_CHARS];
    size_t n;
};

static bool folded_add(struct folded *f, uint32_t c)
{
    if (c == ' ' && (f->n == 0 || f->chars[f->n - 1] == ' '))
        return true;
    if (f->n == AMO_COUNT(f->chars))
        return false;
    f->chars[f->n++] = c;
    return true;
}

static void fold(struct view text, struct folded *ret)
{
    ret->n = 0;
    while (text.len) {
        uint32_t parts[UTF8_FOLDED_MAX];
        size_t len = 0;
        size_t n = utf8_fold(utf8_first(text, &len), parts);

        text = view_make(text.ptr + len, text.len - len);
        for (size_t i = 0; i < n; i++) {
            if (!folded_add(ret, parts[i]))
                return;
        }
    }
}

static bool has_in_it(const struct folded *name, const struct folded *needle)
{
    for (size_t at = 0; at + needle->n <= name->n; at++) {
        if (name->chars[at] == needle->chars[0] &&
            memcmp(name->chars + at, needle->chars, needle->n * sizeof(needle->chars[0])) == 0)
            return true;
    }
    return false;
}

struct name_walk {
    struct named *named;
    struct folded needle;
    int64_t until_mono_us;
    int64_t looked;
    int64_t last; /* looked at */
};

static int look_at_name(void *arg, int64_t id, struct view name)
{
    struct name_walk *walk = arg;
    struct folded folded;

    walk->looked++;
    walk->last = id;
    fold(name, &folded);
    if (has_in_it(&folded, &walk->needle))
        named_add(walk->named, id);
    if (walk->named->more ||
        (walk->looked % NAMES_ASKED == 0 && clock_mono_us() > walk->until_mono_us))
        return STORE_E_KNOWN; /* enough for one turn */
    return 0;
}

int named_by_name(struct core *c, struct view word, int64_t before, struct named *ret)
{
    struct name_walk walk = {.named = ret, .until_mono_us = clock_mono_us() + NAMES_US};
    int rc = 0;

    fold(view_trim(word, " "), &walk.needle);
    if (walk.needle.n == 0)
        return 0;
    rc = store_conversation_names(c->store, before, NAMES_MAX, look_at_name, &walk);
    ret->looked = walk.looked;
    if (rc == STORE_E_KNOWN || walk.looked == NAMES_MAX)
        ret->unnamed =
            walk.last + (ret->more ? 1 : 0); /* the one that found no place comes again */
    return rc == STORE_E_KNOWN ? 0 : rc;
}

/* What has digits and no letters is no name. */
static bool may_be_name(struct view word)
{
    for (size_t i = 0; i < word.len; i++) {
        unsigned char c = (unsigned char)word.ptr[i];

        if (c >= 0x80 || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
            return true;
    }
    return false;
}

int named_look(struct core *c, struct view word, struct named *ret)
{
    int rc = 0;

    rc = named_by_id(c, word, ret);
    if (rc == 0 && ret->n == 0)
        rc = find_by_message(c, word, ret);
    if (rc == 0 && ret->n == 0 && may_be_name(word))
        rc = named_by_name(c, word, INT64_MAX, ret);
    return rc;
}

int named_nobody(struct control_ask *ask, const struct named *named)
{
    if (named->unnamed)
        return control_fail(ask, EXIT_FAILED,
                            "no conversation is known by this, and none of the newest %lld has"
                            " a client of this name: amoctl conversation list --name looks"
                            " further",
                            (long long)named->looked);
    return control_fail(ask, EXIT_FAILED, "no conversation is known by this");
}

int named_begin(struct control_ask *ask, struct view word, struct named *ret)
{
    char *full = NULL;
    int rc = begins_find(ask, word, &full);

    if (rc == 0 && full)
        rc = find_by_message(ask->core, view_of(full), ret);
    mem_free(full);
    return rc;
}

int named_find(struct control_ask *ask, struct view word, struct named *ret)
{
    int rc = named_look(ask->core, word, ret);

    if (rc == 0 && ret->n == 0)
        rc = named_begin(ask, word, ret);
    return rc || ret->n ? rc : named_nobody(ask, ret);
}

/* --- rows --------------------------------------------------------------------------------------- */

const char *named_direction(int64_t direction)
{
    return direction == MESSAGE_INBOUND ? "inbound" : "outbound";
}

const char *named_writer(int64_t direction)
{
    return direction == MESSAGE_OUTBOUND ? "amo" : "service";
}

static const char *state_of(const struct conversation *c)
{
    if (c->linked)
        return "linked";
    if (!c->chat_id)
        return "service_only";
    return c->service_id ? "not_linked" : "amo_only";
}

void named_json(struct core *c, const struct conversation *conv, bool reveal,
                struct json_writer *w)
{
    const struct reg_scope *scope = registry_scope(c->turn->registry, view_of(conv->scope));

    json_add_int(w, "id", conv->id);
    json_add_text(w, "connector", view_of(conv->connector));
    json_add_text(w, "source", view_of(conv->source));
    json_add_text(w, "conversation", view_of(conv->service_id));
    json_add_text(w, "scope_id", view_of(conv->scope));
    json_add_text(w, "account", scope ? view_of(scope->title) : VIEW_NONE);
    json_add_text(w, "client_id", view_of(conv->client_id));
    json_add_text(w, "chat_id", view_of(conv->chat_id));
    json_add_text(w, "state", view_of(state_of(conv)));
    mask_add_phone(w, "phone", view_of(conv->phone), reveal);
    mask_add_name(w, "name", view_of(conv->name), reveal);
}

static int choice_json(struct control_ask *ask, int64_t id, int64_t until_mono_us)
{
    const struct messages_range range = {
        .of = MESSAGES_OF_CONVERSATION,
        .conversation = id,
        .before = {.taken_ms = INT64_MAX, .id = INT64_MAX}
    };
    struct core *c = ask->core;
    struct conversation conv = {0};
    struct message_at last = {0};
    struct message m = {0};
    size_t n = 0;
    int rc = store_conversation(c->store, id, &conv);

    rc = rc ? rc : store_messages_newest(c->store, &range, &last, 1, &n);
    rc = rc || n == 0 ? rc : store_message(c->store, last.id, &m);
    if (rc == 0) {
        json_open_object(ask->w, NULL);
        named_json(c, &conv, false, ask->w);
        json_add_time(ask->w, "last_at", m.taken_ms);
        json_add_text(ask->w, "last_direction",
                      m.id ? view_of(named_direction(m.direction)) : VIEW_NONE);
        json_add_text(ask->w, "last_type", view_of(m.type));
        json_add_text(ask->w, "last_state",
                      m.id ? view_of(message_state_name(m.state)) : VIEW_NONE);
        rc = kept_counts_json(c, &conv, until_mono_us, ask->w);
        json_close_object(ask->w);
    }
    conversation_fini(&conv);
    message_fini(&m);
    return rc == STORE_E_NONE ? 0 : rc;
}

int named_choose(struct control_ask *ask, const struct named *named)
{
    int64_t until_mono_us = clock_mono_us() + CHOICE_US;
    int rc = 0;

    json_open_object(ask->w, NULL);
    json_open_array(ask->w, "conversations");
    for (size_t i = 0; rc == 0 && i < named->n; i++)
        rc = choice_json(ask, named->ids[i], until_mono_us);
    json_close_array(ask->w);
    json_close_object(ask->w);
    if (rc)
        return rc;
    ask->whole = true;
    if (named->unnamed)
        return control_fail(
            ask, EXIT_FAILED,
            "among the newest %lld clients %zu are called so: take the number of one, as"
            " " NAMED_NUMBER "%lld; amoctl conversation list --name looks further",
            (long long)named->looked, named->n, (long long)named->ids[0]);
    return control_fail(
        ask, EXIT_FAILED,
        "%s%zu conversations are known by this: take the number of one, as " NAMED_NUMBER
        "%lld",
        named->more ? "at least " : "", named->n, (long long)named->ids[0]);
}

/* --- what waits --------------------------------------------------------------------------------- */

static void waits_in_lane(const struct lane *l, struct waits *ret)
{
    size_t n = 0;

    for (const struct list *i = l->commands.next; i != &l->commands; i = i->next) {
        const struct core_command *cmd = LIST_ENTRY_CONST(i, struct core_command, in_lane);

        if (n == 0 && (!ret->first || cmd->taken_ms < ret->first->taken_ms))
            ret->first = cmd;
        if (n++ == COUNTED_MAX) {
            ret->more = true;
            break;
        }
        ret->n++;
    }
}

void waits_of(const struct core *c, int64_t conversation, struct waits *ret)
{
    *ret = (struct waits){.n = 0};
    for (int to_amo = 0; to_amo < 2; to_amo++) {
        const struct lane *l =
            queue_lanes(c->queue, command_lane_of(conversation, to_amo == 1));

        for (; l; l = l->sibling) {
            waits_in_lane(l, ret);
            for (const struct lane *b = l->after; b; b = b->after)
                waits_in_lane(b, ret); /* of one that was merged into it */
        }
    }
    if (ret->first)
        ret->oldest_s = (clock_unix_ms() - ret->first->taken_ms + ret->first->waited_ms) / 1000;
}

int waits_json(struct core *c, const struct waits *waits, struct json_writer *w)
{
    struct buf words;

    json_add_int(w, "waiting", (int64_t)waits->n);
    if (waits->more)
        json_add_bool(w, "waiting_more", true);
    if (!waits->first)
        return 0;
    json_add_int(w, "oldest_s", waits->oldest_s);
    buf_init(&words, WHY_MAX);
    return waiting_why(w, why_command(c, waits->first, &words), &words);
}
