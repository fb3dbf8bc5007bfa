/* `amoctl message list`: messages of a person, of an account, of a time, newest first.
 *
 * From: control.c. To: the store, which is only read. Holds: nothing: where it goes on is said in the answer.
 *
 * No turn of core looks at more than LOOKED_MAX messages, or for longer than LOOKED_US. What was looked at is
 * said, with the place to go on from. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/model/message.h"
#include "core/questions/mask.h"
#include "core/questions/named.h"
#include "core/questions/told.h"
#include "core/questions/waiting.h"
#include "core/questions/why.h"
#include "proto/command.h"
#include "proto/limits.h"

#define ROWS_DEFAULT 20
#define ROWS_MAX     200
#define LOOKED_MAX   4000 /* messages in one turn … */
#define LOOKED_US    3000 /* … and for so long */

struct page {
    struct control_ask *ask;
    struct messages_range range;
    struct message_filter filter;
    bool filtered;
    bool reveal;
    size_t limit; /* rows */
    size_t n;     /* rows that are written */
    size_t looked;
    struct message_at last;   /* looked at */
    bool more;                /* there are others behind it */
    struct conversation conv; /* of the last row */
};

/* --- arguments ---------------------------------------------------------------------------------- */

/* "90m", "2h", "3d": so long ago. */
static bool parse_ago(struct view text, int64_t now_ms, int64_t *ret_ms)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {
        {'s', 1000    },
        {'m', 60000   },
        {'h', 3600000 },
        {'d', 86400000}
    };
    uint64_t n = 0;

    for (size_t i = 0; text.len > 1 && i < AMO_COUNT(units); i++) {
        if (text.ptr[text.len - 1] == units[i].letter &&
            num_parse_range(view_make(text.ptr, text.len - 1), 0, 100000, &n) == 0) {
            *ret_ms = now_ms - (int64_t)n * units[i].ms;
            return true;
        }
    }
    return false;
}

/* "2026-11-30", "2026-11-30T10:05", "2026-11-30 10:05:30" in UTC; or with a zone of its own. */
static bool parse_when(struct view text, int64_t now_ms, int64_t *ret_ms)
{
    static const struct {
        size_t len;
        const char *rest;
    } forms[] = {
        {10, "T00:00:00Z"},
        {16, ":00Z"      },
        {19, "Z"         }
    };
    char whole[40];

    if (parse_ago(text, now_ms, ret_ms))
        return true;
    if (text.len >= sizeof(whole) - sizeof("T00:00:00Z"))
        return false;
    (void)snprintf(whole, sizeof(whole), "%.*s", (int)text.len, text.ptr); /* fits */
    if (text.len > 10 && whole[10] == ' ')
        whole[10] = 'T';
    for (size_t i = 0; i < AMO_COUNT(forms); i++) {
        if (text.len == forms[i].len)
            (void)snprintf(whole + text.len, sizeof(whole) - text.len, "%s", forms[i].rest);
    }
    return clock_parse_iso(view_of(whole), ret_ms) == 0;
}

static int read_time(struct control_ask *ask, const char *key, int64_t *ret_ms)
{
    struct view text = control_arg(ask, key);

    if (text.len && !parse_when(text, clock_unix_ms(), ret_ms))
        return control_fail(
            ask, EXIT_USAGE,
            "--%s takes a time as 2026-11-30T10:05 (UTC, or with a zone), or how"
            " long ago as 90m, 2h or 3d",
            key);
    return 0;
}

/* Where the last page ended: "<time>.<number>". */
static int read_place(struct control_ask *ask, struct message_at *ret)
{
    struct view text = control_arg(ask, "page");
    const char *dot = view_find(text, ".");
    size_t n = dot ? (size_t)(dot - text.ptr) : 0;
    struct message_at at = {0};

    if (!text.len)
        return 0;
    if (!dot || num_parse_i64(view_make(text.ptr, n), &at.taken_ms) ||
        num_parse_i64(view_make(dot + 1, text.len - n - 1), &at.id))
        return control_fail(ask, EXIT_USAGE, "--page takes what the page before has named");
    *ret = at;
    return 0;
}

static int no_such(struct control_ask *ask, const char *what, struct view word,
                   const char *const *words, size_t n)
{
    char known[700];
    size_t at = 0;

    known[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        int len = snprintf(known + at, sizeof(known) - at, "%s%s", i ? ", " : "", words[i]);

        if (len < 0 || (size_t)len >= sizeof(known) - at)
            break; /* cut is fine */
        at += (size_t)len;
    }
    return control_fail(ask, EXIT_USAGE, "no such %s as %.*s: %s", what, (int)word.len,
                        word.ptr, known);
}

static int read_direction(struct control_ask *ask, struct message_filter *f)
{
    static const char *const words[] = {"inbound", "outbound"};
    struct view word = control_arg(ask, "direction");

    for (int64_t d = MESSAGE_INBOUND; word.len && d <= MESSAGE_OUTBOUND; d++) {
        if (view_is(word, words[d - MESSAGE_INBOUND]))
            f->direction = d;
    }
    if (word.len && !f->direction)
        return no_such(ask, "direction", word, words, AMO_COUNT(words));
    return 0;
}

static int read_state(struct control_ask *ask, struct message_filter *f)
{
#define STATE_WORD(name, word, meaning) word,
    static const char *const words[] = {MESSAGE_STATES(STATE_WORD)};
#undef STATE_WORD
    struct view word = control_arg(ask, "state");

    for (size_t i = 0; word.len && i < AMO_COUNT(words); i++) {
        if (view_is(word, words[i]))
            f->state = word;
    }
    if (word.len && !f->state.len)
        return no_such(ask, "state", word, words, AMO_COUNT(words));
    return 0;
}

/* As dead letters have them (docs/operations.md, "Dead letters"); and the last cause of an attempt. */
static int read_reason(struct control_ask *ask, struct message_filter *f)
{
    static const char *const own[] = {"account_left", "attempts", "away",          "dropped",
                                      "erased",       "failed",   "life_time",     "moved",
                                      "nobody",       "parent",   "store_damaged", "unclear",
                                      "workers_lost"};
    const char *words[AMO_COUNT(own) + CAUSE_PROXY];
    struct view word = control_arg(ask, "reason");

    for (size_t i = 0; i < AMO_COUNT(own); i++)
        words[i] = own[i];
    for (uint64_t cause = CAUSE_CONNECT; cause <= CAUSE_PROXY; cause++)
        words[AMO_COUNT(own) + cause - CAUSE_CONNECT] = cause_name(cause);
    for (size_t i = 0; word.len && i < AMO_COUNT(words); i++) {
        if (view_is(word, words[i]))
            f->reason = word;
    }
    if (word.len && !f->reason.len)
        return no_such(ask, "reason", word, words, AMO_COUNT(words));
    return 0;
}

static int read_names(struct control_ask *ask, struct message_filter *f)
{
    const struct registry *r = ask->core->turn->registry;
    struct view scope = control_arg(ask, "scope_id");
    struct view connector = control_arg(ask, "connector");
    struct view source = control_arg(ask, "source");

    if (scope.len && !registry_scope(r, scope))
        return control_fail(ask, EXIT_FAILED, "no such account; see amoctl account list");
    if (connector.len && !registry_connector(r, connector))
        return control_fail(ask, EXIT_FAILED, "no such connector; see amoctl connector list");
    f->scope = scope.len ? scope : VIEW_NONE;
    f->connector = connector.len ? connector : VIEW_NONE;
    f->source = source.len ? source : VIEW_NONE;
    return 0;
}

/* Along the index that has the fewest of those that are not meant. */
static void choose_index(struct page *p)
{
    struct message_filter *f = &p->filter;

    if (p->range.of == MESSAGES_ALL && view_is(f->state, "accepted"))
        p->range.of = MESSAGES_ACCEPTED;
    else if (p->range.of == MESSAGES_ALL &&
             (view_is(f->state, "failed") || (f->reason.len && !f->state.len)))
        p->range.of = MESSAGES_FAILED;
    p->filtered = f->scope.len || f->connector.len || f->source.len || f->state.len ||
                  f->reason.len || f->direction;
}

static int page_read(struct page *p)
{
    struct control_ask *ask = p->ask;
    const struct json_node *root = json_root(ask->args);
    uint64_t limit = ROWS_DEFAULT;
    int64_t until_ms = INT64_MAX;
    int rc = read_time(ask, "since", &p->range.since_ms);

    rc = rc ? rc : read_time(ask, "until", &until_ms);
    p->range.before = (struct message_at){.taken_ms = until_ms, .id = 0};
    rc = rc ? rc : read_place(ask, &p->range.before);
    rc = rc ? rc : read_direction(ask, &p->filter);
    rc = rc ? rc : read_state(ask, &p->filter);
    rc = rc ? rc : read_reason(ask, &p->filter);
    rc = rc ? rc : read_names(ask, &p->filter);
    if (rc)
        return rc;
    if (json_get(root, "limit") &&
        num_parse_range(control_arg(ask, "limit"), 1, ROWS_MAX, &limit))
        return control_fail(ask, EXIT_USAGE, "--limit takes a number from 1 to %d", ROWS_MAX);
    p->limit = (size_t)limit;
    (void)json_bool(json_get(root, "reveal"), &p->reveal); /* absent: masked */
    choose_index(p);
    return 0;
}

/* --- rows --------------------------------------------------------------------------------------- */

/* The text is kept while the message waits or is a dead letter, and no longer. */
static int text_json(struct page *p, const struct message *m)
{
    struct json_writer *w = p->ask->w;
    struct command cmd = {0};
    int64_t command = 0;
    struct buf body;
    int rc = 0;

    buf_init(&body, LIMIT_CONTROL_BYTES);
    rc = store_message_command(p->ask->core->store, m->id, &command, &body);
    if (rc == 0 && body.len && command_decode(buf_view(&body), &cmd) == 0 &&
        cmd.content.text.len) {
        json_add_int(w, "text_chars", (int64_t)mask_chars(cmd.content.text));
        if (p->reveal)
            json_add_text(w, "text", cmd.content.text);
    }
    buf_fini(&body);
    return rc == STORE_E_NONE ? 0 : rc;
}

static int row_json(struct page *p, const struct message *m)
{
    struct json_writer *w = p->ask->w;
    const struct reg_scope *scope =
        registry_scope(p->ask->core->turn->registry, view_of(m->scope));
    char trace[ID_TEXT_LEN + 1];
    struct buf words;
    int rc = 0;

    id_format(&m->trace, trace);
    json_open_object(w, NULL);
    json_add_time(w, "at", m->taken_ms);
    json_add_text(w, "direction", view_of(named_direction(m->direction)));
    json_add_text(w, "written_in", view_of(named_writer(m->direction)));
    json_add_text(w, "type", view_of(m->type));
    json_add_text(w, "state", view_of(message_state_name(m->state)));
    json_add_time(w, "settled_at", m->settled_ms);
    told_json(m, w);
    json_add_text_if(w, "reason", view_of(m->reason));
    json_add_text_if(w, "words", view_of(m->words));
    buf_init(&words, WHY_MAX);
    rc = waiting_why(w, why_message(p->ask->core, m, &words), &words);
    if (rc == 0 && (m->state == MESSAGE_ACCEPTED || m->state == MESSAGE_FAILED))
        rc = text_json(p, m);
    json_add_int(w, "conversation", m->conversation);
    json_add_text(w, "connector", view_of(m->connector));
    json_add_text(w, "source", view_of(p->conv.source));
    json_add_text(w, "scope_id", view_of(m->scope));
    json_add_text(w, "account", scope ? view_of(scope->title) : VIEW_NONE);
    json_add_text(w, "mid", view_of(m->mid));
    json_add_text(w, "amo_id", view_of(m->amo_id));
    json_add_text(w, "service_id", view_of(m->service_id));
    json_add_text(w, "trace", view_of(trace));
    json_close_object(w);
    return rc;
}

/* The conversation of @m, unless it is that of the row before. */
static int meet_conversation(struct page *p, const struct message *m)
{
    int rc = 0;

    if (p->conv.id == m->conversation)
        return 0;
    conversation_fini(&p->conv);
    p->conv = (struct conversation){0};
    rc = store_conversation(p->ask->core->store, m->conversation, &p->conv);
    return rc == STORE_E_NONE ? 0 : rc;
}

static int look_at_message(struct page *p, const struct message_at *at)
{
    struct store *s = p->ask->core->store;
    struct message m = {0};
    bool fits = true;
    int rc = p->filtered ? store_message_fits(s, at->id, &p->filter, &fits) : 0;

    p->looked++;
    p->last = *at;
    if (rc || !fits)
        return rc;
    rc = store_message(s, at->id, &m);
    rc = rc ? rc : meet_conversation(p, &m);
    rc = rc ? rc : row_json(p, &m);
    message_fini(&m);
    p->n++;
    return rc == STORE_E_NONE ? 0 : rc;
}

/* Until the page is full, or it has taken long enough. */
static int rows_json(struct page *p)
{
    int64_t until_mono_us = clock_mono_us() + LOOKED_US;
    size_t max = p->filtered ? LOOKED_MAX : p->limit + 1;
    struct message_at *at = mem_zalloc_array(max, sizeof(*at));
    size_t n = 0;
    int rc = at ? 0 : -ENOMEM;

    rc = rc ? rc : store_messages_newest(p->ask->core->store, &p->range, at, max, &n);
    while (rc == 0 && p->looked < n && p->n < p->limit &&
           (p->looked == 0 || clock_mono_us() < until_mono_us))
        rc = look_at_message(p, &at[p->looked]);
    p->more = p->looked < n || n == max;
    mem_free(at);
    return rc;
}

static int page_json(struct page *p)
{
    struct json_writer *w = p->ask->w;
    char place[48];
    int rc = 0;

    json_open_array(w, "messages");
    rc = rows_json(p);
    json_close_array(w);
    json_add_int(w, "looked_at", (int64_t)p->looked);
    if (p->more) {
        (void)snprintf(place, sizeof(place), "%lld.%lld", (long long)p->last.taken_ms,
                       (long long)p->last.id); /* fits */
        json_add_text(w, "next", view_of(place));
    }
    return rc;
}

static int with_conversation(struct page *p, int64_t id)
{
    struct control_ask *ask = p->ask;
    struct waits waits;
    int rc = store_conversation(ask->core->store, id, &p->conv);

    if (rc)
        return rc == STORE_E_NONE ? -EIO : rc;
    waits_of(ask->core, id, &waits);
    json_open_object(ask->w, "conversation");
    named_json(ask->core, &p->conv, p->reveal, ask->w);
    rc = waits_json(ask->core, &waits, ask->w);
    json_close_object(ask->w);
    return rc;
}

int verb_message_list(struct control_ask *ask)
{
    struct page p = {.ask = ask};
    struct view who = control_arg(ask, "who");
    struct named named = {.n = 0};
    int rc = who.len > LIMIT_ID
                 ? control_fail(ask, EXIT_USAGE, "longer than any id, phone or name")
                 : 0;

    if (rc == 0 && who.len)
        rc = named_find(ask, who, &named);
    if (rc == 0 && who.len && !named_is_one(&named))
        return named_choose(ask, &named);
    if (named.n == 1) {
        p.range.of = MESSAGES_OF_CONVERSATION;
        p.range.conversation = named.ids[0];
    }
    rc = rc ? rc : page_read(&p);
    if (rc)
        return rc;
    json_open_object(ask->w, NULL);
    rc = named.n == 1 ? with_conversation(&p, named.ids[0]) : 0;
    rc = rc ? rc : page_json(&p);
    json_close_object(ask->w);
    conversation_fini(&p.conv);
    return rc;
}
