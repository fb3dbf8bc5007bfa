/* Fills a step from an item's fields, and lays its line out. */

#include "tools/monitor/step.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "proto/command.h"
#include "proto/event.h"
#include "proto/messages.h"
#include "tools/common/text.h"
#include "tools/monitor/edges.h"
#include "tools/monitor/line.h"
#include "tools/monitor/mask.h"

#define STEP_PART_MAX ((size_t)1 << 20) /* bytes of a text that is revealed */
#define SHORT_ID      8                 /* characters of an id of amo's */
#define PROCESS_WIDTH 10U
#define PATH_WIDTH    10U
#define WIDE_ENOUGH   100U /* columns from which milliseconds and ids are shown */

void step_init(struct step *s, bool reveal)
{
    struct buf *parts[] = {&s->process, &s->path,    &s->where,   &s->who,
                           &s->what,    &s->outcome, &s->account, &s->trace};

    s->reveal = reveal;
    s->unix_ms = 0;
    for (size_t i = 0; i < AMO_COUNT(parts); i++)
        buf_init(parts[i], STEP_PART_MAX);
}

void step_fini(struct step *s)
{
    struct buf *parts[] = {&s->process, &s->path,    &s->where,   &s->who,
                           &s->what,    &s->outcome, &s->account, &s->trace};

    for (size_t i = 0; i < AMO_COUNT(parts); i++)
        buf_fini(parts[i]);
}

/* --- what the fields say -------------------------------------------------------------------- */

static struct view text_in(const msgpack_object *fields, const char *key)
{
    struct view v = pack_text(pack_get(fields, key));

    return v.ptr ? v : VIEW_LIT("");
}

static void add_masked(enum mask_class class, struct view v, bool reveal, struct buf *out)
{
    struct buf shown;

    buf_init(&shown, STEP_PART_MAX);
    (void)mask_text(class, v, reveal, &shown);
    text_clean(buf_view(&shown), out);
    buf_fini(&shown);
}

/* An id: a phone by its end, one of amo's by its beginning. */
static void add_id(struct view v, bool reveal, struct buf *out)
{
    struct id id;

    if (id_parse(v, &id) == 0)
        v.len = SHORT_ID;
    add_masked(MASK_ID, v, reveal, out);
}

/* "text 37 chars", "picture". */
static void add_content(struct view type, size_t chars, struct buf *out)
{
    add_masked(MASK_ID, type.len ? type : VIEW_LIT("message"), false, out);
    if (chars)
        (void)buf_add_f(out, " %zu chars", chars);
}

/* The same of @fields, or with --reveal what was written. */
static void add_message(const msgpack_object *fields, bool reveal, struct buf *out)
{
    struct view text = text_in(fields, "text");

    add_content(text_in(fields, "type"), reveal ? 0 : text_chars(text), out);
    if (text.len && reveal) {
        (void)buf_add_char(out, ' ');
        text_clean(text, out);
    }
}

static void add_status(int64_t status, int64_t code, struct buf *out)
{
    (void)buf_add_f(out, "status %s",
                    status == 1    ? "delivered"
                    : status == 2  ? "read"
                    : status == -1 ? "failed"
                                   : "sent");
    if (code)
        (void)buf_add_f(out, " %" PRId64, code);
}

/* Milliseconds as people say them. */
static void add_ms(int64_t ms, struct buf *out)
{
    if (ms < 10000)
        (void)buf_add_f(out, "%" PRId64 " ms", ms < 0 ? 0 : ms); /* two clocks */
    else if (ms < 600000)
        (void)buf_add_f(out, "%" PRId64 " s", ms / 1000);
    else
        (void)buf_add_f(out, "%" PRId64 " min", ms / 60000);
}

/* --- events --------------------------------------------------------------------------------- */

static void make_event(struct step *s, const msgpack_object *f)
{
    enum event_kind kind = (enum event_kind)pack_u64(pack_get(f, "kind"));
    bool service = text_in(f, "connector").len > 0;

    (void)buf_add_str(&s->path, pack_bool(pack_get(f, "outgoing")) ? "service>amo"
                                : service                          ? "client>amo"
                                                                   : "amo>client");
    (void)buf_add_str(&s->outcome, "received");
    switch (kind) {
    case EVENT_AMO_MESSAGE:
    case EVENT_SERVICE_MESSAGE:
        add_message(f, s->reveal, &s->what);
        return;
    case EVENT_AMO_REACTION:
    case EVENT_SERVICE_REACTION:
        (void)buf_add_str(&s->what,
                          pack_bool(pack_get(f, "unset")) ? "reaction removed" : "reaction");
        return;
    case EVENT_AMO_TYPING:
    case EVENT_SERVICE_TYPING:
        (void)buf_add_str(&s->what, "typing");
        return;
    case EVENT_SERVICE_STATUS:
        (void)buf_add_str(&s->what, "status ");
        add_masked(MASK_ID, text_in(f, "status"), s->reveal, &s->what);
        return;
    case EVENT_SERVICE_EDIT:
        (void)buf_add_str(&s->what, pack_bool(pack_get(f, "deleted")) ? "deleted" : "edited");
        return;
    case EVENT_QUARANTINE:
        (void)buf_add_str(&s->what, "not understood: ");
        add_masked(MASK_ID, text_in(f, "reason"), s->reveal, &s->what);
        return;
    case EVENT_DOOR_TEST:
        (void)buf_add_str(&s->what, "test webhook");
        return;
    }
    (void)buf_add_str(&s->what, "event of an unknown kind");
}

/* --- commands and results ------------------------------------------------------------------- */

static const struct {
    const char *path;
    const char *what; /* NULL: its content, or its status */
} commands[] = {
    [COMMAND_AMO_MESSAGE] = {"client>amo",   NULL               },
    [COMMAND_AMO_STATUS] = {"client>amo",   NULL               },
    [COMMAND_AMO_CONNECT] = {"core>amo",     "connect"          },
    [COMMAND_AMO_CREATE_CHAT] = {"core>amo",     "new chat"         },
    [COMMAND_AMO_HISTORY] = {"core>amo",     "look into history"},
    [COMMAND_SERVICE_MESSAGE] = {"amo>client",   NULL               },
    [COMMAND_AMO_OUTGOING] = {"service>amo",  NULL               },
    [COMMAND_AMO_EDIT] = {"client>amo",   "edit"             },
    [COMMAND_AMO_REACTION] = {"client>amo",   "reaction"         },
    [COMMAND_AMO_TYPING] = {"client>amo",   "typing"           },
    [COMMAND_AMO_DISCONNECT] = {"core>amo",     "disconnect"       },
    [COMMAND_SERVICE_REACTION] = {"amo>client",   "reaction"         },
    [COMMAND_SERVICE_TYPING] = {"amo>client",   "typing"           },
    [COMMAND_SERVICE_FAILED] = {"core>service", "delivery failed"  },
    [COMMAND_SERVICE_TEST] = {"core>service", "test call"        },
    [COMMAND_AMO_REACH] = {"core>amo",     "is it there?"     },
    [COMMAND_AMO_HOOK] = {"core>door",    "test webhook"     },
};

static bool is_command(uint64_t kind)
{
    return kind < AMO_COUNT(commands) && commands[kind].path;
}

static void make_call(struct step *s, uint64_t kind)
{
    (void)buf_add_str(&s->path, is_command(kind) ? commands[kind].path : "call");
    if (is_command(kind) && commands[kind].what)
        (void)buf_add_str(&s->what, commands[kind].what);
}

static void make_command(struct step *s, const msgpack_object *f)
{
    uint64_t kind = pack_u64(pack_get(f, "kind"));

    make_call(s, kind);
    if (kind == COMMAND_AMO_STATUS)
        add_status(pack_i64(pack_get(f, "status_code")), pack_i64(pack_get(f, "error_code")),
                   &s->what);
    else if (is_command(kind) && !commands[kind].what)
        add_message(f, s->reveal, &s->what);
    (void)buf_add_str(&s->outcome, "begins");
}

/* What came of it, as a sentence of an operator's. */
static void add_outcome(const msgpack_object *f, bool reveal, struct buf *out)
{
    static const char *const words[] = {
        [OUTCOME_DONE] = "done",    [OUTCOME_RETRY] = "failed",
        [OUTCOME_HOLD] = "held",    [OUTCOME_UNKNOWN] = "no answer",
        [OUTCOME_DEAD] = "refused", [OUTCOME_UNSTARTED] = "handed back",
    };
    uint64_t outcome = pack_u64(pack_get(f, "outcome"));
    uint64_t cause = pack_u64(pack_get(f, "cause"));
    uint64_t status = pack_u64(pack_get(f, "status"));

    (void)buf_add_str(out, outcome && outcome < AMO_COUNT(words) ? words[outcome]
                                                                 : "outcome unknown");
    if (outcome == OUTCOME_DONE)
        return;
    if (cause)
        (void)buf_add_f(out, " %s", cause_name(cause));
    if (status)
        (void)buf_add_f(out, " %" PRIu64, status);
    if (reveal && text_in(f, "words").len) {
        (void)buf_add_str(out, ": ");
        text_clean(text_in(f, "words"), out);
    }
}

static void make_result(struct step *s, const struct envelope *env, const msgpack_object *f,
                        const struct recall_about *about, const struct story *story)
{
    make_call(s, about ? about->kind : pack_u64(pack_get(f, "kind")));
    if (about && about->kind == COMMAND_AMO_STATUS)
        add_status(about->status_code, about->error_code, &s->what);
    else if (about && about->type && !s->what.len)
        add_content(view_of(about->type), about->chars, &s->what);
    else if (!s->what.len)
        (void)buf_add_str(&s->what, "call");
    add_outcome(f, s->reveal, &s->outcome);
    if (story && story->taken_ms) {
        (void)buf_add_char(&s->outcome, ' ');
        add_ms(env->unix_ms - story->taken_ms, &s->outcome);
    } else if (pack_get(f, "took_ms")) {
        (void)buf_add_str(&s->outcome, " (call ");
        add_ms(pack_i64(pack_get(f, "took_ms")), &s->outcome);
        (void)buf_add_char(&s->outcome, ')');
    }
}

/* --- the step ------------------------------------------------------------------------------- */

static void make_place(struct step *s, const struct decode_item *item,
                       const struct recall_about *about, const struct story *story)
{
    struct view source = text_in(item->fields, "source");
    struct view who = stories_who(item->fields);
    struct view scope = text_in(item->fields, "scope");
    const char *under = NULL;

    if (!source.len && about && about->source)
        source = view_of(about->source);
    if (!source.len && story && story->source)
        source = view_of(story->source);
    if (!source.len && !who.len)
        source = text_in(item->fields, "connector");
    if (story && story->who)
        who = view_of(story->who);
    else if (!who.len && about && about->who)
        who = view_of(about->who);
    if (!scope.len && about && about->scope)
        scope = view_of(about->scope);
    add_id(source, s->reveal, &s->where);
    add_id(who, s->reveal, &s->who);
    under = scope.len ? memchr(scope.ptr, '_', scope.len) : NULL;
    if (under) {
        scope = view_make(under + 1, (size_t)(scope.ptr + scope.len - under) - 1);
        text_clean(view_cut(scope, SHORT_ID), &s->account);
    }
}

static void make_trace(struct step *s, const struct decode_item *item,
                       const struct recall_about *about)
{
    const struct id *trace = id_is_zero(&item->trace) && about ? &about->trace : &item->trace;
    char text[ID_TEXT_LEN + 1];

    if (id_is_zero(trace))
        return;
    id_format(trace, text);
    (void)buf_add_str(&s->trace, text);
}

/* A frame that is about no message: its name and its fields. */
static void make_other(struct step *s, const struct envelope *env,
                       const struct decode_item *item)
{
    const char *from = NULL;
    const char *to = NULL;

    if (edges_ends(env->kind, &from, &to))
        (void)buf_add_f(&s->path, "%s>%s", from, to);
    (void)buf_add_str(&s->what, item->what);
    line_fields((struct line_style){.reveal = s->reveal}, item, env->kind, &s->what);
}

void step_make(struct step *s, struct view process, const struct envelope *env,
               const struct decode_item *item, const struct recall_about *about,
               const struct story *story)
{
    const msgpack_object *f = item->fields;

    s->unix_ms = env->unix_ms;
    text_clean(process, &s->process);
    make_trace(s, item, about);
    if (f && (env->kind == MSG_EVENT_PUSH || env->kind == MSG_EVENT_EPHEMERAL))
        make_event(s, f);
    else if (f && env->kind == MSG_COMMAND_PUSH)
        make_command(s, f);
    else if (f && env->kind == MSG_RESULT_PUSH)
        make_result(s, env, f, about, story);
    else {
        make_other(s, env, item);
        return;
    }
    make_place(s, item, about, story);
    if (item->suspect)
        (void)buf_add_str(&s->outcome, ", core died over it before");
}

/* --- the line ------------------------------------------------------------------------------- */

static struct view next_sign(struct view *rest)
{
    struct view all = *rest;

    (void)text_next(rest);
    return view_make(all.ptr, all.len - rest->len);
}

/* Appends @v in at most @room columns. */
static void put_cut(struct view v, size_t room, struct buf *out)
{
    static const char mark[] = "...";
    size_t keep = room > sizeof(mark) - 1 ? room - (sizeof(mark) - 1) : 0;
    struct view rest = v;

    if (text_width(v) <= room) {
        (void)buf_add_view(out, v);
        return;
    }
    while (rest.len) {
        struct view one = next_sign(&rest);

        if (text_width(one) > keep)
            break;
        keep -= text_width(one);
        (void)buf_add_view(out, one);
    }
    (void)buf_add(out, mark, room < sizeof(mark) - 1 ? room : sizeof(mark) - 1);
}

/* The same, but of ids what counts is their end. */
static void put_end(struct view v, size_t room, struct buf *out)
{
    if (text_width(v) > room) {
        (void)buf_add_str(out, "...");
        while (v.len && text_width(v) + 3 > room)
            (void)text_next(&v);
    }
    (void)buf_add_view(out, v);
}

static void put_padded(struct view v, size_t width, struct buf *out)
{
    size_t from = out->len;

    put_cut(v, width + 2, out);
    for (size_t n = text_width(view_make(buf_str(out) + from, out->len - from)); n < width; n++)
        (void)buf_add_char(out, ' ');
    (void)buf_add_char(out, ' ');
}

/* Appends "  name text" if it fits as a whole. */
static void put_if_room(const char *name, struct view v, size_t width, struct buf *line)
{
    if (v.len && width >= WIDE_ENOUGH &&
        text_width(buf_view(line)) + 2 + strlen(name) + text_width(v) <= width)
        (void)buf_add_f(line, "  %s%.*s", name, (int)v.len, v.ptr);
}

/* The parts that may be long share @room: who has more than its least gives way, the outcome last. */
static void put_parts(const struct step *s, size_t room, struct buf *out)
{
    const struct buf *parts[] = {&s->what, &s->where, &s->who, &s->outcome};
    const size_t least[] = {14, 8, 10, 8};
    static const size_t order[] = {1, 2, 0, 3}; /* on the line */
    size_t widths[AMO_COUNT(parts)];
    size_t total = 0;
    const char *between = "";

    for (size_t i = 0; i < AMO_COUNT(parts); i++) {
        widths[i] = text_width(buf_view(parts[i]));
        total += widths[i] ? widths[i] + 1 : 0;
    }
    total -= total ? 1 : 0;
    for (size_t i = 0; i < AMO_COUNT(parts) && total > room; i++) {
        size_t spare = widths[i] > least[i] ? widths[i] - least[i] : 0;
        size_t cut = spare < total - room ? spare : total - room;

        widths[i] -= cut;
        total -= cut;
    }
    for (size_t i = 0; i < AMO_COUNT(parts); i++) {
        size_t k = order[i];

        if (!widths[k])
            continue;
        (void)buf_add_str(out, between);
        if (parts[k] == &s->who)
            put_end(buf_view(parts[k]), widths[k], out);
        else
            put_cut(buf_view(parts[k]), widths[k], out);
        between = " ";
    }
}

int step_line(const struct step *s, size_t width, struct buf *out)
{
    char iso[CLOCK_ISO_LEN + 1];
    struct buf line;
    int rc = 0;

    buf_init(&line, STEP_PART_MAX);
    clock_format_iso(s->unix_ms, iso);
    (void)buf_add(&line, iso + 11, width < WIDE_ENOUGH ? 8 : 12); /* the time of day */
    (void)buf_add_char(&line, ' ');
    put_padded(buf_view(&s->process), PROCESS_WIDTH, &line);
    put_padded(buf_view(&s->path), PATH_WIDTH, &line);
    put_parts(s, width - text_width(buf_view(&line)), &line);
    put_if_room("account ", buf_view(&s->account), width, &line);
    put_if_room("trace ", buf_view(&s->trace), width, &line);
    rc = buf_error(&line);
    put_cut(buf_view(&line), width, out); /* a narrow screen has no room for every least */
    (void)buf_add_char(out, '\n');
    buf_fini(&line);
    return rc ? rc : buf_error(out);
}
