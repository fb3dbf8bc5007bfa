/* amoctl message list: pages without a match are skipped for a while, and what was found is printed as two
 * or three lines a message. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/json.h"
#include "base/process.h"
#include "proto/limits.h"
#include "tools/common/screen.h"
#include "tools/common/text.h"
#include "tools/ctl/arguments.h"
#include "tools/ctl/core_call.h"
#include "tools/ctl/output.h"
#include "tools/ctl/verbs.h"

#define PAGES_MAX   20 /* without a match, one after another */
#define MORE_INDENT 4  /* columns before what stands under a message */

static struct view text_at(const struct json_node *n, const char *key)
{
    struct view v = VIEW_NONE;

    (void)json_strict_text(json_get(n, key), &v); /* null and absent are nothing */
    return v;
}

static int64_t number_at(const struct json_node *n, const char *key)
{
    int64_t number = 0;

    return json_int(json_get(n, key), &number) ? number : 0;
}

/* --- printing ----------------------------------------------------------------------------------- */

/* Lines as wide as the screen; @indent is of the first, the others are set in. Errors stick in @out, here and
 * below. */
static void put_lines(struct view text, size_t indent, struct buf *out)
{
    if (text.len == 0)
        return;
    (void)buf_add_f(out, "%*s", (int)indent, "");
    text_fold(text, indent, MORE_INDENT, screen_columns(), out);
    (void)buf_add_char(out, '\n');
}

static void add_word(struct buf *line, const char *before, struct view word)
{
    if (word.len == 0)
        return;
    (void)buf_add_str(line, before);
    text_clean(word, line);
}

/* Why, and the text: what a person asks next. */
static void put_more(const struct json_node *m, struct buf *out)
{
    struct view text = text_at(m, "text");
    int64_t chars = number_at(m, "text_chars");
    struct buf line;

    buf_init(&line, (size_t)1 << 20);
    add_word(&line, "", text_at(m, "why"));
    put_lines(buf_view(&line), MORE_INDENT, out);
    buf_reset(&line);
    if (text.len)
        add_word(&line, "text: ", text);
    else if (chars)
        (void)buf_add_f(&line, "text of %lld characters (--reveal)", (long long)chars);
    put_lines(buf_view(&line), MORE_INDENT, out);
    buf_fini(&line);
}

/* What it is called: a message's own name; an event's is its sender's. */
static void put_name(const struct json_node *m, struct buf *out)
{
    struct view amo_id = text_at(m, "amo_id");
    struct buf line;

    buf_init(&line, (size_t)64 << 10);
    add_word(&line, "mid ", text_at(m, "mid"));
    if (line.len == 0)
        add_word(&line, "id ", amo_id.len ? amo_id : text_at(m, "service_id"));
    if (number_at(m, "event"))
        (void)buf_add_f(&line, "%sevent %lld", line.len ? ", " : "",
                        (long long)number_at(m, "event"));
    put_lines(buf_view(&line), MORE_INDENT, out);
    buf_fini(&line);
}

/* Whose it is: a conversation, or as much as is known. */
static void put_whose(const struct json_node *m, bool names_conversation, struct buf *out)
{
    int64_t conversation = number_at(m, "conversation");
    struct buf line;

    if (!names_conversation && conversation)
        return;
    buf_init(&line, (size_t)64 << 10);
    if (conversation)
        (void)buf_add_f(&line, "conversation %lld", (long long)conversation);
    else if (json_get(m, "trace"))
        (void)buf_add_str(&line, "no conversation");
    add_word(&line, ", phone ", text_at(m, "phone"));
    add_word(&line, ", ", text_at(m, "name"));
    add_word(&line, ", ", text_at(m, "source"));
    add_word(&line, " of ", text_at(m, "connector"));
    add_word(&line, ", ", text_at(m, "account"));
    put_lines(buf_view(&line), MORE_INDENT, out);
    buf_fini(&line);
}

static void put_message(const struct json_node *m, bool names_conversation, struct buf *out)
{
    struct view at = text_at(m, "at");
    struct view direction = text_at(m, "direction");
    struct view type = text_at(m, "type");
    struct view state = text_at(m, "state");
    struct buf line;

    buf_init(&line, (size_t)64 << 10);
    (void)buf_add_f(&line, "%.*s  %-8.*s  %-9.*s %.*s", at.len > 19 ? 19 : (int)at.len,
                    at.len ? at.ptr : "-", (int)direction.len,
                    direction.len ? direction.ptr : "", (int)type.len, type.len ? type.ptr : "",
                    (int)state.len, state.len ? state.ptr : "");
    add_word(&line, ", told ", text_at(m, "told"));
    if (number_at(m, "told_code"))
        (void)buf_add_f(&line, " %lld", (long long)number_at(m, "told_code"));
    put_lines(buf_view(&line), 0, out);
    buf_fini(&line);
    put_name(m, out);
    put_whose(m, names_conversation, out);
    put_more(m, out);
}

/* Whose messages they are. */
static void put_conversation(const struct json_node *c, struct buf *out)
{
    int64_t waiting = number_at(c, "waiting");
    struct buf line;

    buf_init(&line, (size_t)64 << 10);
    (void)buf_add_f(&line, "conversation %lld", (long long)number_at(c, "id"));
    add_word(&line, ", ", text_at(c, "source"));
    add_word(&line, " of ", text_at(c, "connector"));
    add_word(&line, ", ", text_at(c, "account"));
    add_word(&line, ", phone ", text_at(c, "phone"));
    add_word(&line, ", ", text_at(c, "name"));
    if (waiting)
        (void)buf_add_f(&line, ", %lld waiting", (long long)waiting);
    if (number_at(c, "quarantined"))
        (void)buf_add_f(&line, ", %lld in quarantine", (long long)number_at(c, "quarantined"));
    if (number_at(c, "events_waiting"))
        (void)buf_add_f(&line, ", events that wait: %lld",
                        (long long)number_at(c, "events_waiting"));
    put_lines(buf_view(&line), 0, out);
    (void)buf_add_char(out, '\n');
    buf_fini(&line);
}

static int print_page(const struct json_node *root, int64_t looked, struct buf *out)
{
    const struct json_node *rows = json_get(root, "messages");
    const struct json_node *conversation = json_get(root, "conversation");
    struct view next = text_at(root, "next");

    if (conversation)
        put_conversation(conversation, out);
    for (size_t i = 0; i < json_array_len(rows); i++)
        put_message(json_array_at(rows, i), !conversation, out);
    if (json_array_len(rows) == 0)
        (void)buf_add_f(out, "no messages among %lld that were looked at\n", (long long)looked);
    if (next.len)
        (void)buf_add_f(out, "\nolder ones: the same with --page %.*s\n", (int)next.len,
                        next.ptr);
    return output_buf(out);
}

/* --- asking ------------------------------------------------------------------------------------- */

/* The same question, for what comes behind @next. Of two members of one name the last counts. */
static int next_question(struct view next, struct buf *args)
{
    bool empty = args->len == 2;

    args->len--; /* the closing brace */
    return buf_add_f(args, "%s\"page\":\"%.*s\"}", empty ? "" : ",", (int)next.len, next.ptr);
}

static int print_answer(const struct args *a, const struct core_answer *answer,
                        const struct json_node *root, int64_t looked)
{
    struct buf out;
    int rc = EXIT_FINE;

    if (!root)
        return output_error(a, answer->code, buf_str(&answer->error));
    if (a->json || !json_get(root, "messages")) {
        rc = output_document(a, buf_view(&answer->json), VIEW_NONE, NULL);
    } else {
        buf_init(&out, (size_t)16 << 20);
        rc = print_page(root, looked, &out);
        buf_fini(&out);
    }
    if (answer->error.len)
        (void)output_error(NULL, answer->code,
                           buf_str(&answer->error)); /* the code is returned below */
    return answer->code != EXIT_FINE ? answer->code : rc;
}

/* Until something is found, there is no more, or it has been looked for long enough. */
static int ask_pages(const struct args *a, const char *endpoint, struct buf *args)
{
    const struct verb *verb = a->verb->more;
    int64_t looked = 0;
    int rc = -EAGAIN;

    for (int page = 1; rc == -EAGAIN; page++) {
        struct core_answer answer;
        struct json *doc = NULL;
        struct view next = VIEW_NONE;

        core_answer_init(&answer);
        core_call(endpoint, view_of(verb->control), buf_view(args), CORE_CALL_MS, &answer);
        if (answer.json.len && json_parse(buf_view(&answer.json), &doc) == 0) {
            looked += number_at(json_root(doc), "looked_at");
            next = text_at(json_root(doc), "next");
        }
        if (next.len && page < PAGES_MAX &&
            json_array_len(json_get(json_root(doc), "messages")) == 0)
            rc = next_question(next, args) ? output_no_memory(a) : -EAGAIN;
        else
            rc = print_answer(a, &answer, doc ? json_root(doc) : NULL, looked);
        json_free(doc);
        core_answer_fini(&answer);
    }
    return rc;
}

int messages_run(const struct args *a, const struct config *config)
{
    struct buf args;
    struct buf why;
    int rc = 0;

    buf_init(&args, LIMIT_CONTROL_BYTES);
    buf_init(&why, 4096);
    rc = arguments_write(a, &args, &why);
    if (rc)
        rc = rc == -ENOMEM ? output_no_memory(a) : output_error(a, EXIT_USAGE, buf_str(&why));
    else
        rc = ask_pages(a, config_text(config, "bus/control"), &args);
    buf_fini(&args);
    buf_fini(&why);
    return rc;
}
