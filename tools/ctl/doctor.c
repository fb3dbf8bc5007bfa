/* amoctl doctor: core's own checks, then one call for each check that it names; a line each
 * as it comes, a summary at the end. */

#include <string.h>

#include "base/config.h"
#include "base/json.h"
#include "base/process.h"
#include "tools/common/screen.h"
#include "tools/common/text.h"
#include "tools/ctl/core_call.h"
#include "tools/ctl/names.h"
#include "tools/ctl/output.h"
#include "tools/ctl/verbs.h"

#define DOCTOR_WAIT_MS 25000 /* a look takes up to 20 s */
#define DOCTOR_INDENT  8     /* columns of a check's colour */

enum state {
    STATE_GREEN,
    STATE_YELLOW,
    STATE_RED,
    STATE_N,
};
static const char *const state_names[STATE_N] = {"green", "yellow", "red"};

struct doctor {
    const struct args *args;
    const struct verb *verb;
    const char *endpoint;
    struct buf json; /* the document, as it grows */
    struct json_writer w;
    size_t n[STATE_N];
    struct names names; /* of the account that is told of */
    int broken;         /* what stops it: an exit code; 0 nothing */
};

/* Anything new is taken for the worst. */
static enum state state_of(struct view name)
{
    for (int s = STATE_GREEN; s < STATE_RED; s++) {
        if (view_is(name, state_names[s]))
            return (enum state)s;
    }
    return STATE_RED;
}

static struct view text_at(const struct json_node *n, const char *key)
{
    struct view v = VIEW_NONE;

    (void)json_strict_text(json_get(n, key), &v); /* null and absent are nothing */
    return v;
}

/* A check as core, or amoctl itself, tells of it. */
struct check {
    struct view what;
    struct view subject;
    struct view state;
    struct view words;
    struct view todo;
};

/* Its name in its colour, if the screen has any, and blanks behind it. */
static void put_state(enum state state, struct buf *line)
{
    static const char *const colours[STATE_N] = {"\x1b[32m", "\x1b[33m", "\x1b[31m"};
    bool coloured = screen_has_colours();

    (void)buf_add_f(line, "%s%s%s%*s", coloured ? colours[state] : "", state_names[state],
                    coloured ? "\x1b[0m" : "", DOCTOR_INDENT - (int)strlen(state_names[state]),
                    "");
}

/* What stands behind a mark of @indent columns, folded there. */
static void put_folded(const struct buf *words, int indent, struct buf *line)
{
    text_fold(buf_view(words), (size_t)indent, (size_t)indent, screen_columns(), line);
    (void)buf_add_char(line, '\n');
}

/* An account by its name. */
static void put_subject(struct doctor *d, struct view subject, struct buf *words)
{
    struct buf name;

    buf_init(&name, 4096);
    if (names_are_wanted(subject) && !names_put(&d->names, subject, true, &name)) {
        names_fini(&d->names);
        names_ask(d->endpoint, subject, &d->names);
        (void)names_put(&d->names, subject, true, &name); /* or else as it is */
    }
    if (name.len)
        text_clean(buf_view(&name), words);
    else
        text_clean(subject, words);
    buf_fini(&name);
}

/* A line each, as soon as it is known: some looks take their time. */
static void print_check(struct doctor *d, const struct check *c, enum state state)
{
    struct buf words;
    struct buf line;

    buf_init(&words, 64 << 10);
    buf_init(&line, 128 << 10);
    put_state(state, &line); /* errors stick in the buf */
    text_clean(c->what, &words);
    (void)buf_add_str(&words, c->subject.len ? " " : "");
    put_subject(d, c->subject, &words);
    (void)buf_add_str(&words, ": ");
    text_clean(c->words, &words);
    put_folded(&words, DOCTOR_INDENT, &line);
    if (c->todo.len) {
        buf_reset(&words);
        text_clean(c->todo, &words);
        (void)buf_add_f(&line, "%*s-> ", DOCTOR_INDENT, "");
        put_folded(&words, DOCTOR_INDENT + 3, &line);
    }
    (void)output_buf(&line); /* said on stderr */
    buf_fini(&words);
    buf_fini(&line);
}

static void take_check(struct doctor *d, const struct check *c)
{
    enum state state = state_of(c->state);

    d->n[state]++;
    json_open_object(&d->w, NULL);
    json_add_text(&d->w, "check", c->what);
    json_add_text(&d->w, "subject", c->subject);
    json_add_text(&d->w, "state", c->state);
    json_add_text(&d->w, "words", c->words);
    json_add_text(&d->w, "todo", c->todo);
    json_close_object(&d->w);
    if (!d->args->json)
        print_check(d, c, state);
}

static void take_checks(struct doctor *d, const struct json_node *root)
{
    const struct json_node *checks = json_get(root, "checks");

    for (size_t i = 0; i < json_array_len(checks); i++) {
        const struct json_node *n = json_array_at(checks, i);

        take_check(d, &(struct check){.what = text_at(n, "check"),
                                      .subject = text_at(n, "subject"),
                                      .state = text_at(n, "state"),
                                      .words = text_at(n, "words"),
                                      .todo = text_at(n, "todo")});
    }
}

/* A look that core could not make is a red check of its own. */
static void look(struct doctor *d, const struct json_node *wish)
{
    struct view what = text_at(wish, "what");
    struct view subject = text_at(wish, "subject");
    struct core_answer answer;
    struct json *doc = NULL;
    struct json_writer w;
    struct buf args;

    core_answer_init(&answer);
    buf_init(&args, 64 << 10);
    json_writer_init(&w, &args);
    json_open_object(&w, NULL);
    json_add_text(&w, "what", what);
    json_add_text(&w, "subject", subject);
    json_close_object(&w);
    doc =
        core_ask(d->endpoint, view_of(d->verb->each), buf_view(&args), DOCTOR_WAIT_MS, &answer);
    if (doc)
        take_checks(d, json_root(doc));
    else
        take_check(d,
                   &(struct check){.what = what,
                                   .subject = subject,
                                   .state = view_of(state_names[STATE_RED]),
                                   .words = buf_view(&answer.error),
                                   .todo = VIEW_LIT("fix what is red above it first; then see "
                                                    "core's log; amoctl explain doctor")});
    json_free(doc);
    buf_fini(&args);
    core_answer_fini(&answer);
}

/* What core sees by itself, and the looks it wants to be asked for. */
static void look_at_all(struct doctor *d)
{
    const struct json_node *wishes = NULL;
    struct core_answer answer;
    struct json *doc = NULL;

    core_answer_init(&answer);
    doc = core_ask(d->endpoint, view_of(d->verb->control), VIEW_LIT("{}"), DOCTOR_WAIT_MS,
                   &answer);
    if (doc) {
        take_checks(d, json_root(doc));
        wishes = json_get(json_root(doc), "ask");
        for (size_t i = 0; i < json_array_len(wishes); i++)
            look(d, json_array_at(wishes, i));
    } else {
        d->broken = output_error(d->args, answer.code, buf_str(&answer.error));
    }
    json_free(doc);
    core_answer_fini(&answer);
}

static int print_end(struct doctor *d)
{
    struct buf out;
    int rc = 0;

    buf_init(&out, (size_t)16 << 20);
    json_close_array(&d->w);
    json_open_object(&d->w, "summary");
    for (int s = STATE_GREEN; s < STATE_N; s++)
        json_add_int(&d->w, state_names[s], (int64_t)d->n[s]);
    json_close_object(&d->w);
    json_close_object(&d->w);
    if (d->args->json) {
        text_clean_json(buf_view(&d->json), &out);
        (void)buf_add_char(&out, '\n'); /* errors stick in the buf */
    } else {
        (void)buf_add_f(&out, "%zu green, %zu yellow, %zu red\n", d->n[STATE_GREEN],
                        d->n[STATE_YELLOW], d->n[STATE_RED]);
    }
    rc = buf_error(&d->json) ? output_no_memory(d->args) : output_buf(&out);
    buf_fini(&out);
    return rc;
}

int doctor_run(const struct args *a, const struct config *config)
{
    struct doctor d = {
        .args = a, .verb = a->verb->more, .endpoint = config_text(config, "bus/control")};
    int rc = 0;

    buf_init(&d.json, (size_t)16 << 20);
    json_writer_init(&d.w, &d.json);
    json_open_object(&d.w, NULL);
    json_open_array(&d.w, "checks");
    look_at_all(&d);
    rc = d.broken ? d.broken : print_end(&d);
    names_fini(&d.names);
    buf_fini(&d.json);
    return rc ? rc : d.n[STATE_RED] ? EXIT_FAILED : EXIT_FINE;
}
