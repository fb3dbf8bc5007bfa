/* `amoctl message list`: messages of a person, of an account, of a time, newest first; and among them what is no message
 * (yet): what is in quarantine, waits, or is set aside.
 *
 * From: control.c. To: the store, which is only read. Holds: nothing: where it goes on is said in the answer.
 *
 * No turn of core looks at more than LOOKED_MAX rows, or for longer than LOOKED_US. What was looked at is
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
#include "core/model/near.h"
#include "core/questions/kept.h"
#include "core/questions/mask.h"
#include "core/questions/named.h"
#include "core/questions/told.h"
#include "core/questions/waiting.h"
#include "core/questions/when.h"
#include "core/questions/why.h"
#include "core/store/reach.h"
#include "proto/command.h"
#include "proto/limits.h"

#define ROWS_DEFAULT 20
#define ROWS_MAX     200
#define LOOKED_MAX   4000 /* rows in one turn … */
#define LOOKED_US    3000 /* … and for so long */
#define NAMED_US     1000 /* if finding out who is meant took as long */
#define COUNT_US     500  /* so long it is counted what is kept of one person */
#define PERSON_MAX   256  /* events about one person that one page looks at */

/* What the rows are made of. Of one time, a later one stands before those above it. */
enum source {
    FROM_WAITING,
    FROM_QUARANTINE,
    FROM_MESSAGES,
    N_SOURCES,
};

/* The newest of one source; in one order with the others. */
struct stream {
    bool off; /* nothing of it is meant */
    struct message_at before;
    struct message_at *at; /* owned */
    size_t n;
    size_t max;
    size_t next; /* one that was not looked at */
};

struct page {
    struct control_ask *ask;
    struct messages_range range;
    struct message_filter filter;
    struct kept_filter kept;
    struct stream streams[N_SOURCES];
    bool filtered;
    bool reveal;
    int64_t until_mono_us;
    size_t limit; /* rows */
    size_t n;     /* rows that are written */
    size_t looked;
    struct message_at last; /* looked at */
    enum source last_from;
    bool more;                  /* there are others behind it */
    struct conversation conv;   /* of the last row */
    struct conversation person; /* that is asked for; 0 none is */
    struct kept_who who;        /* the same, or the word that no conversation has */
    bool named;                 /* somebody is asked for */
};

/* --- arguments ---------------------------------------------------------------------------------- */

/* What comes after one place. */
static void begin_after(struct page *p, enum source from, const struct message_at *place)
{
    for (enum source i = FROM_WAITING; i < N_SOURCES; i++) {
        p->streams[i].before = *place;
        if (i != from) /* of the same time: before it all of the sources above it are over */
            p->streams[i].before.id = i < from ? INT64_MAX : 0;
    }
}

/* letters of places; a message's has none */
static const char *const place_letters[N_SOURCES] = {"w", "q", ""};

/* Where the last page ended: "<time>.<number>", "<time>.q<number>". A place after @until_ms does not count. */
static int read_place(struct control_ask *ask, int64_t until_ms, struct page *p)
{
    struct view text = control_arg(ask, "page");
    const char *dot = view_find(text, ".");
    size_t n = dot ? (size_t)(dot - text.ptr) + 1 : 0;
    struct view number = view_make(text.ptr + n, text.len - n);
    enum source from = FROM_MESSAGES;
    struct message_at at = {0};

    if (!text.len)
        return 0;
    for (enum source i = FROM_WAITING; number.len && i < FROM_MESSAGES; i++) {
        if (number.ptr[0] == place_letters[i][0])
            from = i;
    }
    if (from != FROM_MESSAGES)
        number = view_make(number.ptr + 1, number.len - 1);
    if (!dot || num_parse_i64(view_make(text.ptr, n - 1), &at.taken_ms) ||
        num_parse_i64(number, &at.id))
        return control_fail(ask, EXIT_USAGE, "--page takes what the page before has named");
    if (at.taken_ms < until_ms)
        begin_after(p, from, &at);
    return 0;
}

static int no_such(struct control_ask *ask, const char *what, struct view word,
                   const char *const *words, size_t n)
{
    char known[900];
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
#define KEPT_WORD(word, meaning)        word,
    static const char *const words[] = {MESSAGE_STATES(STATE_WORD) KEPT_STATES(KEPT_WORD)};
#undef STATE_WORD
#undef KEPT_WORD
    struct view word = control_arg(ask, "state");

    for (size_t i = 0; word.len && i < AMO_COUNT(words); i++) {
        if (view_is(word, words[i]))
            f->state = word;
    }
    if (word.len && !f->state.len)
        return no_such(ask, "state", word, words, AMO_COUNT(words));
    return 0;
}

/* Of dead letters and of the quarantine, as docs/operations.md has them; what is waited for; and the last cause of an
 * attempt. */
static const char *const reasons[] = {"account_left",
                                      "ambiguous_id",
                                      "attempts",
                                      "away",
                                      "bad_message_id",
                                      "connector_without_account",
                                      "conversation",
                                      "core_lost",
                                      "dropped",
                                      "echo",
                                      "empty_message",
                                      "erased",
                                      "failed",
                                      "foreign_message",
                                      "foreign_source",
                                      "id_again",
                                      "life_time",
                                      "moved",
                                      "moved_conversation",
                                      "no_author",
                                      "no_phone",
                                      "no_source",
                                      "nobody",
                                      "not_understood",
                                      "nothing_to_deliver",
                                      "parent",
                                      "repeats_quarantined",
                                      "room",
                                      "store_damaged",
                                      "suspect",
                                      "too_many_waiting",
                                      "too_old",
                                      "unclear",
                                      "unknown_conversation",
                                      "unknown_kind",
                                      "unknown_message",
                                      "unknown_scope",
                                      "unknown_source",
                                      "unreachable",
                                      "unsupported_type",
                                      "workers_lost"};

static int read_reason(struct control_ask *ask, struct message_filter *f)
{
    const char *words[AMO_COUNT(reasons) + CAUSE_PROXY];
    struct view word = control_arg(ask, "reason");

    for (size_t i = 0; i < AMO_COUNT(reasons); i++)
        words[i] = reasons[i];
    for (uint64_t cause = CAUSE_CONNECT; cause <= CAUSE_PROXY; cause++)
        words[AMO_COUNT(reasons) + cause - CAUSE_CONNECT] = cause_name(cause);
    for (size_t i = 0; word.len && i < AMO_COUNT(words); i++) {
        if (view_is(word, words[i]))
            f->reason = word;
    }
    if (word.len && !f->reason.len)
        return no_such(ask, "reason", word, words, AMO_COUNT(words));
    return 0;
}

/* At @connector, or VIEW_NONE at any: listed, or with a conversation. */
static int source_is_known(struct control_ask *ask, struct view connector, struct view source,
                           bool *ret)
{
    const struct registry *r = ask->core->turn->registry;
    int rc = 0;

    *ret = false;
    for (size_t i = 0; rc == 0 && !*ret && i < r->n_connectors; i++) {
        struct view name = view_of(r->connectors[i].name);

        if (connector.len && !view_equal(connector, name))
            continue;
        *ret = registry_source(r, name, source) != NULL;
        if (!*ret)
            rc = store_source_met(ask->core->store, name, source, ret);
    }
    return rc;
}

static int refuse_source(struct control_ask *ask, struct view connector, struct view source)
{
    const struct registry *r = ask->core->turn->registry;
    const struct reg_source *near = NULL;

    for (size_t i = 0; !near && i < r->n_connectors; i++) {
        if (!connector.len || view_is(connector, r->connectors[i].name))
            near = near_source(r, view_of(r->connectors[i].name), source);
    }
    if (near)
        return control_fail(ask, EXIT_FAILED, "no such source; did you mean %s of %s?",
                            near->source, near->connector);
    return control_fail(ask, EXIT_FAILED, "no such source; see amoctl source list");
}

static int read_names(struct control_ask *ask, struct message_filter *f)
{
    const struct registry *r = ask->core->turn->registry;
    struct view scope = control_arg(ask, "scope_id");
    struct view connector = control_arg(ask, "connector");
    struct view source = control_arg(ask, "source");
    bool known = source.len == 0;
    int rc = 0;

    if (scope.len && !registry_scope(r, scope))
        return control_unknown(ask, NEAR_ACCOUNT, scope);
    if (connector.len && !registry_connector(r, connector))
        return control_unknown(ask, NEAR_CONNECTOR, connector);
    f->scope = scope.len ? scope : VIEW_NONE;
    f->connector = connector.len ? connector : VIEW_NONE;
    f->source = source.len ? source : VIEW_NONE;
    rc = source.len ? source_is_known(ask, connector, source, &known) : 0;
    return rc || known ? rc : refuse_source(ask, connector, source);
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

/* Which sources have any of what is meant; how many of each are looked at. */
static void choose_sources(struct page *p)
{
    struct view state = p->filter.state;
    size_t max = p->filtered ? LOOKED_MAX : p->limit + 1;

    p->kept = (struct kept_filter){.scope = p->filter.scope,
                                   .connector = p->filter.connector,
                                   .source = p->filter.source,
                                   .state = state,
                                   .reason = p->filter.reason,
                                   .direction = p->filter.direction,
                                   .conversation = p->person.id ? &p->person : NULL,
                                   .who = &p->who,
                                   .reveal = p->reveal};
    for (enum source i = FROM_WAITING; i < N_SOURCES; i++)
        p->streams[i].max = i != FROM_MESSAGES && p->named ? PERSON_MAX : max;
    p->streams[FROM_WAITING].off = !kept_has_state(KEPT_WAITING, state);
    p->streams[FROM_QUARANTINE].off = !kept_has_state(KEPT_QUARANTINE, state);
    p->streams[FROM_MESSAGES].off =
        (p->named && !p->person.id) || (state.len && (kept_has_state(KEPT_WAITING, state) ||
                                                      kept_has_state(KEPT_QUARANTINE, state)));
}

static int page_read(struct page *p)
{
    struct control_ask *ask = p->ask;
    const struct json_node *root = json_root(ask->args);
    uint64_t limit = ROWS_DEFAULT;
    int64_t until_ms = INT64_MAX;
    int rc = when_read(ask, "since", &p->range.since_ms);

    rc = rc ? rc : when_read(ask, "until", &until_ms);
    for (enum source i = FROM_WAITING; i < N_SOURCES; i++)
        p->streams[i].before = (struct message_at){.taken_ms = until_ms, .id = 0};
    if (rc == 0 && p->range.since_ms >= until_ms)
        return control_fail(ask, EXIT_USAGE, "--since must be earlier than --until");
    rc = rc ? rc : read_place(ask, until_ms, p);
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
    choose_sources(p);
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

static int look_at_message(struct page *p, int64_t id, bool *ret_fits)
{
    struct store *s = p->ask->core->store;
    struct message m = {0};
    int rc = 0;

    *ret_fits = true;
    rc = p->filtered ? store_message_fits(s, id, &p->filter, ret_fits) : 0;
    if (rc || !*ret_fits)
        return rc;
    rc = store_message(s, id, &m);
    rc = rc ? rc : meet_conversation(p, &m);
    rc = rc ? rc : row_json(p, &m);
    message_fini(&m);
    return rc == STORE_E_NONE ? 0 : rc;
}

static int look_at(struct page *p, enum source from)
{
    struct stream *st = &p->streams[from];
    struct json_writer *w = p->ask->w;
    struct core *c = p->ask->core;
    bool fits = false;
    int rc = 0;

    p->last = st->at[st->next++];
    p->last_from = from;
    p->looked++;
    if (from == FROM_MESSAGES)
        rc = look_at_message(p, p->last.id, &fits);
    else
        rc = kept_json(c, from == FROM_WAITING ? KEPT_WAITING : KEPT_QUARANTINE, p->last.id,
                       &p->kept, w, &fits);
    p->n += fits;
    return rc;
}

static int stream_read(struct page *p, enum source from)
{
    struct store *s = p->ask->core->store;
    struct stream *st = &p->streams[from];
    struct kept_range kept = {.place = from == FROM_WAITING ? KEPT_WAITING : KEPT_QUARANTINE,
                              .who = p->named ? &p->who : NULL,
                              .since_ms = p->range.since_ms,
                              .before = st->before};

    if (st->off)
        return 0;
    st->at = mem_zalloc_array(st->max, sizeof(*st->at));
    if (!st->at)
        return -ENOMEM;
    if (from != FROM_MESSAGES)
        return store_kept_newest(s, &kept, st->at, st->max, &st->n);
    p->range.before = st->before;
    return store_messages_newest(s, &p->range, st->at, st->max, &st->n);
}

/* From which source the next row is; N_SOURCES: what comes next was not read. */
static enum source next_source(const struct page *p)
{
    enum source newest = N_SOURCES;

    for (enum source i = FROM_WAITING; i < N_SOURCES; i++) {
        const struct stream *st = &p->streams[i];

        if (st->next == st->n && st->n && st->n == st->max)
            return N_SOURCES;
        if (st->next < st->n && (newest == N_SOURCES ||
                                 st->at[st->next].taken_ms >=
                                     p->streams[newest].at[p->streams[newest].next].taken_ms))
            newest = i;
    }
    return newest;
}

/* Until the page is full, or it has taken long enough. */
static int rows_json(struct page *p)
{
    enum source next = N_SOURCES;
    int rc = 0;

    for (enum source i = FROM_WAITING; rc == 0 && i < N_SOURCES; i++)
        rc = stream_read(p, i);
    while (rc == 0 && p->n < p->limit && p->looked < LOOKED_MAX &&
           (p->looked == 0 || clock_mono_us() < p->until_mono_us) &&
           (next = next_source(p)) != N_SOURCES)
        rc = look_at(p, next);
    for (enum source i = FROM_WAITING; i < N_SOURCES; i++) {
        const struct stream *st = &p->streams[i];

        p->more = p->more || st->next < st->n || (st->n && st->n == st->max);
        mem_free(st->at);
    }
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
        (void)snprintf(place, sizeof(place), "%lld.%s%lld", (long long)p->last.taken_ms,
                       place_letters[p->last_from], (long long)p->last.id); /* fits */
        json_add_text(w, "next", view_of(place));
    }
    return rc;
}

/* --- who is meant ------------------------------------------------------------------------------- */

static int conversation_json(struct page *p)
{
    struct control_ask *ask = p->ask;
    struct waits waits;
    int rc = 0;

    waits_of(ask->core, p->person.id, &waits);
    json_open_object(ask->w, "conversation");
    named_json(ask->core, &p->person, p->reveal, ask->w);
    rc = waits_json(ask->core, &waits, ask->w);
    rc = rc ? rc : kept_counts_json(ask->core, &p->person, clock_mono_us() + COUNT_US, ask->w);
    json_close_object(ask->w);
    return rc;
}

/* Of whom there is no conversation there may be events all the same. */
static int find_kept(struct page *p, struct view word, const struct named *named)
{
    struct store *s = p->ask->core->store;
    struct kept_range range = {
        .who = &p->who, .before = {.taken_ms = INT64_MAX, .id = INT64_MAX}
    };
    struct message_at at;
    size_t n = 0;
    int rc = kept_who_word(word, &p->who);

    range.place = KEPT_QUARANTINE;
    rc = rc ? rc : store_kept_newest(s, &range, &at, 1, &n);
    range.place = KEPT_WAITING;
    if (rc == 0 && n == 0)
        rc = store_kept_newest(s, &range, &at, 1, &n);
    return rc || n ? rc : named_nobody(p->ask, named);
}

static int find_person(struct page *p, struct view word)
{
    struct store *s = p->ask->core->store;
    struct named named = {.n = 0};
    int rc = 0;

    if (word.len > LIMIT_ID)
        return control_fail(p->ask, EXIT_USAGE, "longer than any id, phone or name");
    p->named = true;
    rc = named_look(p->ask->core, word, &named);
    if (rc == 0 && named.n == 0)
        rc = named_begin(p->ask, word, &named);
    if (rc)
        return rc;
    if (named.n == 0)
        return find_kept(p, word, &named);
    if (!named_is_one(&named))
        return named_choose(p->ask, &named);
    rc = store_conversation(s, named.ids[0], &p->person);
    rc = rc ? rc : store_kept_who(s, &p->person, &p->who);
    p->ask->whose = p->person.id;
    p->range.of = MESSAGES_OF_CONVERSATION;
    p->range.conversation = p->person.id;
    return rc == STORE_E_NONE ? -EIO : rc;
}

int verb_message_list(struct control_ask *ask)
{
    struct page p = {.ask = ask, .until_mono_us = clock_mono_us() + LOOKED_US};
    struct view who = control_arg(ask, "who");
    int rc = who.len ? find_person(&p, who) : 0;

    if (clock_mono_us() + NAMED_US > p.until_mono_us)
        p.until_mono_us = clock_mono_us() + NAMED_US;
    rc = rc ? rc : page_read(&p);
    if (rc == 0) {
        json_open_object(ask->w, NULL);
        rc = p.person.id ? conversation_json(&p) : 0;
        rc = rc ? rc : page_json(&p);
        json_close_object(ask->w);
    }
    kept_who_fini(&p.who);
    conversation_fini(&p.person);
    conversation_fini(&p.conv);
    return rc;
}
