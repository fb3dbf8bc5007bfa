/* Prints an item for people or as JSON. Each field goes through mask.h, and our codes are
 * shown by name. */

#include "tools/monitor/line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "proto/command.h"
#include "proto/event.h"
#include "proto/messages.h"
#include "proto/session.h"
#include "tools/common/text.h"
#include "tools/monitor/mask.h"

#define LINE_MAX_BYTES  ((size_t)32 << 20) /* a raw body, revealed and escaped */
#define LINE_PAIRS      8                  /* ranges shown of a longer list */
#define LINE_NAME_WIDTH 10                 /* columns of a process's name */

/* Where fields go: a line for people or an object of a JSON writer. */
struct sink {
    struct line_style style;
    const char *what;
    struct json_writer *json; /* NULL: for people */
    struct buf *out;          /* for people */
};

static int put_fields(struct sink *s, const msgpack_object *fields);

/* --- one field ------------------------------------------------------------------------------ */

/* Ours is shown bare; what may hold blanks, quotes or '=' is quoted, so that no text can pretend
 * to be a field. */
static void put_bare_or_quoted(struct view v, bool ours, struct buf *out)
{
    bool quote = !ours && v.len == 0;

    for (size_t i = 0; !ours && i < v.len; i++)
        quote = quote || strchr(" \"=\\\n\t\r", v.ptr[i]) != NULL;
    if (!quote) {
        text_clean(v, out);
        return;
    }
    (void)buf_add_char(out, '"'); /* errors stick in the buf, here and below */
    for (size_t i = 0; i < v.len; i++) {
        size_t n = 1;

        while (i + n < v.len && v.ptr[i + n] != '"' && v.ptr[i + n] != '\\')
            n++;
        if (v.ptr[i] == '"' || v.ptr[i] == '\\')
            (void)buf_add_char(out, '\\');
        text_clean(view_make(v.ptr + i, n), out);
        i += n - 1;
    }
    (void)buf_add_char(out, '"');
}

static void put_text(struct sink *s, const char *key, struct view v, bool ours)
{
    if (s->json) {
        json_add_text(s->json, key, v);
        return;
    }
    (void)buf_add_char(s->out, ' ');
    text_clean(view_of(key), s->out);
    (void)buf_add_char(s->out, '=');
    put_bare_or_quoted(v, ours, s->out);
}

static void put_number(struct sink *s, const char *key, const msgpack_object *o)
{
    if (s->json && o->type == MSGPACK_OBJECT_POSITIVE_INTEGER && o->via.u64 <= INT64_MAX)
        json_add_int(s->json, key, (int64_t)o->via.u64);
    else if (s->json && o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        json_add_int(s->json, key, o->via.i64);
    else {
        char digits[24];

        /* 20 digits and a sign at most */
        if (o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
            (void)snprintf(digits, sizeof(digits), "%" PRId64, o->via.i64);
        else
            (void)snprintf(digits, sizeof(digits), "%" PRIu64, o->via.u64);
        put_text(s, key, view_of(digits), true);
    }
}

static bool is_number(const msgpack_object *o)
{
    return o->type == MSGPACK_OBJECT_POSITIVE_INTEGER ||
           o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
}

/* The word for a number of ours; NULL when it is just a number. */
static const char *word_of(const struct sink *s, const char *key, uint64_t n)
{
    if (strcmp(key, "kind") == 0 && strncmp(s->what, "event", strlen("event")) == 0)
        return event_kind_name(n);
    if (strcmp(key, "kind") == 0 && strcmp(s->what, "command") == 0)
        return command_kind_name(n);
    if (strcmp(key, "outcome") == 0)
        return outcome_name(n);
    if (strcmp(key, "cause") == 0)
        return cause_name(n);
    return strcmp(key, "role") == 0 && n <= ROLE_AMOCTL ? role_name((enum role)n) : NULL;
}

/* Ranges "1-4,7" of numbers that were taken, else pairs "12/1" of command and attempt. */
static void put_pairs(struct sink *s, const char *key, struct view pairs)
{
    bool ranges = strcmp(s->what, "event_taken") == 0 || strcmp(s->what, "welcome") == 0;
    size_t n = pairs_count(pairs);
    struct buf text;

    buf_init(&text, 4096);
    for (size_t i = 0; i < n && i < LINE_PAIRS; i++) {
        uint64_t a = 0;
        uint64_t b = 0;

        pairs_at(pairs, i, &a, &b);
        (void)buf_add_f(&text, "%s%" PRIu64, i ? "," : "", a);
        if (!ranges || a != b)
            (void)buf_add_f(&text, "%c%" PRIu64, ranges ? '-' : '/', b);
    }
    if (n > LINE_PAIRS)
        (void)buf_add_f(&text, ",+%zu", n - LINE_PAIRS);
    put_text(s, key, buf_view(&text), true);
    buf_fini(&text);
}

/* Version and how much is in it. Its secrets and its people's names stay where they are. */
static void put_registry(struct sink *s, const msgpack_object *r)
{
    static const char *const lists[] = {"channels", "connectors", "scopes", "sources"};
    struct buf text;

    buf_init(&text, 256);
    (void)buf_add_f(&text, "version:%" PRIu64, pack_u64(pack_get(r, "version")));
    for (size_t i = 0; i < AMO_COUNT(lists); i++) {
        const msgpack_object *items = NULL;

        (void)buf_add_f(&text, ",%s:%zu", lists[i], pack_array(r, lists[i], &items));
    }
    put_text(s, "registry", buf_view(&text), true);
    buf_fini(&text);
}

static void put_packed_registry(struct sink *s, struct view bytes)
{
    struct pack_doc doc;

    if (pack_doc_open(&doc, bytes)) {
        put_text(s, "registry", VIEW_LIT("unreadable"), true);
        return;
    }
    put_registry(s, pack_doc_root(&doc));
    pack_doc_close(&doc);
}

static void put_masked(struct sink *s, const char *key, enum mask_class c, struct view v)
{
    struct buf text;
    bool same = false;

    buf_init(&text, LINE_MAX_BYTES);
    same = mask_text(c, v, s->style.reveal, &text);
    if (buf_error(&text))
        put_text(s, key, VIEW_LIT("(too long)"), true);
    else
        put_text(s, key, buf_view(&text), !same);
    buf_fini(&text);
}

static void put_string(struct sink *s, const char *key, struct view v)
{
    enum mask_class c = mask_class_of(view_of(key));
    char uuid[ID_TEXT_LEN + 1];
    struct id id;

    if (c == MASK_PAIRS)
        put_pairs(s, key, v);
    else if (c == MASK_REGISTRY)
        put_packed_registry(s, v);
    else if (c == MASK_UUID && id_from_view(v, &id) == 0) {
        id_format(&id, uuid);
        put_text(s, key, view_of(uuid), true);
    } else {
        put_masked(s, key, c, v);
    }
}

static void put_integer(struct sink *s, const char *key, const msgpack_object *o)
{
    enum mask_class c = mask_class_of(view_of(key));
    const char *word = word_of(s, key, pack_u64(o));

    if (word)
        put_text(s, key, view_of(word), true);
    else if (c == MASK_PLAIN || (c == MASK_ID && pack_u64(o) < 10000000) ||
             (s->style.reveal && c != MASK_SECRET))
        put_number(s, key, o);
    else
        put_text(s, key, VIEW_LIT("\xc2\xabnumber\xc2\xbb"), true);
}

static void put_field(struct sink *s, const char *key, const msgpack_object *o)
{
    if (pack_text(o).ptr) {
        put_string(s, key, pack_text(o));
    } else if (is_number(o)) {
        put_integer(s, key, o);
    } else if (o->type == MSGPACK_OBJECT_BOOLEAN) {
        if (s->json)
            json_add_bool(s->json, key, o->via.boolean);
        else
            put_text(s, key, o->via.boolean ? VIEW_LIT("yes") : VIEW_LIT("no"), true);
    } else if (o->type != MSGPACK_OBJECT_NIL) {
        put_text(s, key, VIEW_LIT("\xc2\xabmore\xc2\xbb"),
                 true); /* nothing of ours is nested */
    }
}

static int put_fields(struct sink *s, const msgpack_object *fields)
{
    for (uint32_t i = 0; fields && i < fields->via.map.size; i++) {
        const msgpack_object_kv *kv = &fields->via.map.ptr[i];
        char key[64];

        if (view_copy(pack_text(&kv->key), key, sizeof(key)) || key[0] == '\0' ||
            strlen(key) != pack_text(&kv->key).len)
            continue;                  /* no key of ours */
        if (strcmp(key, "trace") != 0) /* stands before them all */
            put_field(s, key, &kv->val);
    }
    return s->json ? buf_error(s->json->out) : buf_error(s->out);
}

/* A REGISTRY frame's body is the registry itself; everything else is a map of fields. */
static int put_body(struct sink *s, const struct decode_item *item, uint64_t kind)
{
    if (kind == MSG_REGISTRY && item->fields) {
        put_registry(s, item->fields);
        return 0;
    }
    if (item->words.ptr)
        put_text(s, "reason", item->words, false);
    return put_fields(s, item->fields);
}

void line_fields(struct line_style style, const struct decode_item *item, uint64_t kind,
                 struct buf *out)
{
    struct sink s = {.style = style, .what = item->what, .out = out};

    if (item->malformed)
        put_text(&s, "malformed", VIEW_LIT("yes"), true);
    (void)put_body(&s, item, kind); /* its error sticks in @out */
}

/* --- the line ------------------------------------------------------------------------------- */

static struct id trace_of(const struct decode_item *item, const struct recall_about *about)
{
    return id_is_zero(&item->trace) && about ? about->trace : item->trace;
}

/* Is there a field @key? Then what is recalled need not be said. */
static bool has(const struct decode_item *item, const char *key)
{
    return pack_get(item->fields, key) != NULL;
}

static void put_common(struct sink *s, const struct decode_item *item,
                       const struct recall_about *about)
{
    struct id trace = trace_of(item, about);
    char text[ID_TEXT_LEN + 1];

    if (!id_is_zero(&trace)) {
        id_format(&trace, text);
        put_text(s, "trace", view_of(text), true);
    }
    if (about && about->scope && !has(item, "scope"))
        put_text(s, "scope", view_of(about->scope), false);
    if (item->malformed)
        put_text(s, "malformed", VIEW_LIT("yes"), true);
    if (item->suspect)
        put_text(s, "suspect", VIEW_LIT("yes"), true);
}

static void begin_people(struct view process, int64_t unix_ms, char direction, struct buf *out)
{
    char iso[CLOCK_ISO_LEN + 1];
    size_t from = 0;

    clock_format_iso(unix_ms, iso);
    (void)buf_add(out, iso + 11, 12); /* the time of day: errors stick in the buf */
    (void)buf_add_char(out, ' ');
    from = out->len;
    text_clean(process, out);
    for (size_t n = out->len - from; n < LINE_NAME_WIDTH; n++)
        (void)buf_add_char(out, ' ');
    (void)buf_add_f(out, " %c ", direction);
}

static int people_item(struct line_style style, const struct tap_message *m,
                       const struct envelope *env, const struct decode_item *item,
                       const struct recall_about *about, struct buf *out)
{
    struct sink s = {.style = style, .what = item->what, .out = out};
    int rc = 0;

    begin_people(m->process, env->unix_ms, m->direction == '<' ? '<' : '>', out);
    (void)buf_add_str(out, item->what);
    if (item->numbered)
        (void)buf_add_f(out, " number=%" PRIu64, item->number);
    put_common(&s, item, about);
    rc = put_body(&s, item, env->kind);
    (void)buf_add_char(out, '\n');
    return rc ? rc : buf_error(out);
}

static void begin_json(struct json_writer *w, struct view process, int64_t unix_ms)
{
    char iso[CLOCK_ISO_LEN + 1];

    clock_format_iso(unix_ms, iso);
    json_open_object(w, NULL);
    json_add_text(w, "at", view_of(iso));
    json_add_text(w, "process", process);
}

/* Ends the object and hands it over with what a terminal must not see escaped. */
static int end_json(struct json_writer *w, struct buf *out)
{
    json_close_object(w);
    text_clean_json(buf_view(w->out), out);
    (void)buf_add_char(out, '\n');
    return buf_error(w->out) ? buf_error(w->out) : buf_error(out);
}

static int json_item(struct line_style style, const struct tap_message *m,
                     const struct envelope *env, const struct decode_item *item,
                     const struct recall_about *about, struct buf *out)
{
    struct json_writer w;
    struct buf raw;
    struct sink s = {.style = style, .what = item->what, .json = &w};
    const char *name = msg_name(env->kind);
    int rc = 0;

    buf_init(&raw, LINE_MAX_BYTES);
    json_writer_init(&w, &raw);
    begin_json(&w, m->process, env->unix_ms);
    json_add_text(&w, "direction", m->direction == '<' ? VIEW_LIT("in") : VIEW_LIT("out"));
    json_add_text(&w, "frame", view_of(name ? name : "UNKNOWN"));
    json_add_int(&w, "frame_number", (int64_t)(m->number & INT64_MAX));
    json_add_text(&w, "what", view_of(item->what));
    if (item->numbered)
        json_add_int(&w, "number", (int64_t)(item->number & INT64_MAX));
    put_common(&s, item, about);
    json_open_object(&w, "fields");
    rc = put_body(&s, item, env->kind);
    json_close_object(&w);
    rc = rc ? rc : end_json(&w, out);
    buf_fini(&raw);
    return rc;
}

int line_item(struct line_style style, const struct tap_message *m, const struct envelope *env,
              const struct decode_item *item, const struct recall_about *about, struct buf *out)
{
    return style.json ? json_item(style, m, env, item, about, out)
                      : people_item(style, m, env, item, about, out);
}

int line_dropped(struct line_style style, struct view process, uint64_t n, int64_t unix_ms,
                 struct buf *out)
{
    struct json_writer w;
    struct buf raw;
    int rc = 0;

    if (!style.json) {
        begin_people(process, unix_ms, '!', out);
        (void)buf_add_f(out, "dropped %" PRIu64 "\n", n);
        return buf_error(out);
    }
    buf_init(&raw, 1024);
    json_writer_init(&w, &raw);
    begin_json(&w, process, unix_ms);
    json_add_int(&w, "dropped", (int64_t)(n & INT64_MAX));
    rc = end_json(&w, out);
    buf_fini(&raw);
    return rc;
}
