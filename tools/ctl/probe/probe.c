/* amoctl probe: a few calls through core on a live account, a finding for each question, and
 * the settings that follow. */

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/process.h"
#include "tools/common/screen.h"
#include "tools/common/text.h"
#include "tools/ctl/core_call.h"
#include "tools/ctl/output.h"
#include "tools/ctl/probe/findings.h"
#include "tools/ctl/verbs.h"

#define PROBE_WAIT_MS   25000 /* a call takes up to 18 s */
#define HISTORY_EACH_MS 250
#define BURST_MAX       60
#define RATE_DEFAULT    7 /* scope/rate */

static const char explanation[] =
    "amoctl probe makes these calls on the live account, in the chat that you name:\n"
    "  - one silent message from the chat's client, sent twice with the same msgid;\n"
    "  - the chat's history, until that message is in it;\n"
    "  - \"delivered\" for the newest message written in amoCRM, in two spellings;\n"
    "  - with --burst: up to 60 reads of the history, until amo says 429.\n"
    "The message shows in the chat for everybody who sees it. Choose a chat with a\n"
    "test client whom the bridge knows, write a message to the client from the card,\n"
    "then run\n"
    "  amoctl probe SCOPE --chat CHAT_AMOJO_ID --yes\n";

/* What came of one call. */
struct heard {
    int64_t status;
    int64_t ms;
    int64_t retry_after_ms;
    bool done;
    bool found;
    char message[256];
    char words[1024];
    char answer[2048];
};

struct probe {
    const struct args *args;
    const struct verb *verb;
    const char *endpoint;
    const char *scope;
    const char *chat;
    char key[ID_TEXT_LEN + 8];
    char at[CLOCK_ISO_LEN + 1];
    struct buf json; /* the document, as it grows */
    struct json_writer w;
    size_t n_open; /* questions without an answer */
    const char *spelling;
    int64_t rate;
    int failed; /* what stopped it: an exit code with its words; 0 nothing */
    char error[2048];
};

/* What of a call differs from the others; NULL: absent. */
struct call {
    const char *what;
    const char *key;
    const char *message;
    const char *spelling;
};

/* --- one call ------------------------------------------------------------------------------- */

static void text_at(const struct json_node *n, const char *key, char *ret, size_t cap)
{
    struct view v = VIEW_NONE;

    (void)json_strict_text(json_get(n, key), &v); /* null and absent are nothing */
    if (view_copy(view_cut(v, cap - 1), ret, cap))
        ret[0] = '\0';
}

static void hear(const struct json_node *n, struct heard *ret)
{
    struct view outcome = VIEW_NONE;

    /* what is absent stays 0 */
    (void)json_int(json_get(n, "status"), &ret->status);
    (void)json_int(json_get(n, "ms"), &ret->ms);
    (void)json_int(json_get(n, "retry_after_ms"), &ret->retry_after_ms);
    (void)json_bool(json_get(n, "found"), &ret->found);
    (void)json_strict_text(json_get(n, "outcome"), &outcome);
    ret->done = view_is(outcome, "done");
    text_at(n, "message", ret->message, sizeof(ret->message));
    text_at(n, "words", ret->words, sizeof(ret->words));
    text_at(n, "answer", ret->answer, sizeof(ret->answer));
}

static void write_call(const struct probe *p, const struct call *c, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_open_object(&w, NULL);
    json_add_text(&w, "scope_id", view_of(p->scope));
    json_add_text(&w, "chat", view_of(p->chat));
    json_add_text(&w, "what", view_of(c->what));
    json_add_text(&w, "at", view_of(p->at));
    json_add_text_if(&w, "key", view_of(c->key));
    json_add_text_if(&w, "message", view_of(c->message));
    json_add_text_if(&w, "spelling", view_of(c->spelling));
    json_close_object(&w);
}

/* Said at once. What was found before goes out with it: there is a message in the chat already. */
static int fail(struct probe *p, int code, const char *words)
{
    p->failed = output_error(NULL, code, words);
    if (view_copy(view_cut(view_of(words), sizeof(p->error) - 1), p->error, sizeof(p->error)))
        p->error[0] = '\0'; /* never: it was cut */
    return p->failed;
}

/* 0, or the exit code with what was wrong said. */
static int ask(struct probe *p, const struct call *c, struct heard *ret)
{
    struct core_answer answer;
    struct json *doc = NULL;
    struct buf args;
    int rc = 0;

    *ret = (struct heard){0};
    core_answer_init(&answer);
    buf_init(&args, 64 << 10);
    write_call(p, c, &args);
    doc = core_ask(p->endpoint, view_of(p->verb->control), buf_view(&args), PROBE_WAIT_MS,
                   &answer);
    if (doc)
        hear(json_root(doc), ret);
    else
        rc = fail(p, answer.code, buf_str(&answer.error));
    json_free(doc);
    buf_fini(&args);
    core_answer_fini(&answer);
    return rc;
}

/* --- findings ------------------------------------------------------------------------------- */

static void finding_begin(struct probe *p, const char *question)
{
    json_open_object(&p->w, NULL);
    json_add_text(&p->w, "question", view_of(question));
}

/* @open: it stays a question. The words are shown to people as they are found. */
static void finding_end(struct probe *p, const char *question, bool open, const char *fmt, ...)
    AMO_PRINTF(4, 5);
static void finding_end(struct probe *p, const char *question, bool open, const char *fmt, ...)
{
    struct buf plain;
    struct buf line;
    char words[4096];
    va_list args;

    va_start(args, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start stands above */
    (void)vsnprintf(words, sizeof(words), fmt, args); /* a longer sentence is cut */
    va_end(args);
    json_add_bool(&p->w, "answered", !open);
    json_add_text(&p->w, "words", view_cut(view_of(words), sizeof(words)));
    json_close_object(&p->w);
    p->n_open += open;
    if (p->args->json)
        return;
    buf_init(&plain, 64 << 10);
    buf_init(&line, 64 << 10);
    (void)buf_add_f(&plain, "%s%s: ", question, open ? " (open)" : "");
    text_clean(view_of(words), &plain);
    text_fold(buf_view(&plain), 0, 2, screen_columns(), &line);
    (void)buf_add_char(&line, '\n');
    (void)output_buf(&line); /* said on stderr */
    buf_fini(&plain);
    buf_fini(&line);
}

/* The message, and the same again: what is a repeated msgid answered? */
static int find_repeat(struct probe *p)
{
    const struct call c = {.what = "message", .key = p->key};
    struct heard first;
    struct heard again;
    char text[4096];
    int rc = ask(p, &c, &first);
    bool same = false;

    if (rc == 0 && !first.done) {
        (void)snprintf(text, sizeof(text), "amojo did not take the test message: %s %s",
                       first.words, first.answer); /* cut: it is long enough */
        rc = fail(p, EXIT_FAILED, text);
    }
    rc = rc ? rc : ask(p, &c, &again);
    if (rc)
        return rc;
    same = again.done && strcmp(first.message, again.message) == 0;
    finding_begin(p, "repeated_msgid");
    json_add_int(&p->w, "status", first.status);
    json_add_int(&p->w, "repeat_status", again.status);
    json_add_bool(&p->w, "same_id", same);
    json_add_text(&p->w, "repeat_answer", view_of(again.answer));
    if (same)
        finding_end(p, "repeated_msgid", false,
                    "answered %" PRId64 " with the id of the first time: a repeat does no harm",
                    again.status);
    else if (again.done)
        finding_end(p, "repeated_msgid", false,
                    "answered %" PRId64 " with another id: amo made a second message of it! "
                    "Tell the makers of the bridge before customers use it",
                    again.status);
    else
        finding_end(p, "repeated_msgid", again.status != 400, "answered %" PRId64 ": %s",
                    again.status,
                    again.status == 400 ? "the bridge then looks into the history: as it should"
                                        : again.answer);
    return 0;
}

/* How long until the message is in the history? */
static int find_history(struct probe *p)
{
    const struct call c = {.what = "history", .key = p->key};
    int64_t began = clock_mono_ms();
    struct heard h = {0};
    struct probe_finding words;
    int64_t took = 0;
    int rc = 0;

    for (;;) {
        rc = ask(p, &c, &h);
        took = clock_mono_ms() - began;
        if (rc || h.found || took > PROBE_HISTORY_MS)
            break;
        (void)poll(NULL, 0, HISTORY_EACH_MS); /* a pause; one cut short only looks sooner */
    }
    if (rc)
        return rc;
    finding_begin(p, "history_delay");
    if (h.found)
        json_add_int(&p->w, "delay_ms", took);
    else
        json_add_null(&p->w, "delay_ms");
    probe_finding_history(h.found, took, h.words, &words);
    finding_end(p, "history_delay", words.open, "%s", words.text);
    return 0;
}

static bool is_taken(const struct heard *h)
{
    return h->status >= 200 && h->status < 300;
}

/* Which names does a delivery status need? */
static int find_spelling(struct probe *p)
{
    const struct call look = {.what = "newest"};
    struct call c = {.what = "status", .spelling = "old"};
    struct heard newest;
    struct heard old;
    struct heard new;
    int rc = ask(p, &look, &newest);

    if (rc)
        return rc;
    if (!newest.found) {
        finding_begin(p, "status_spelling");
        finding_end(p, "status_spelling", true,
                    "there is no message written in amoCRM among the last of this chat: write "
                    "one from the card and run again");
        return 0;
    }
    c.message = newest.message;
    rc = ask(p, &c, &old);
    c.spelling = "new";
    rc = rc ? rc : ask(p, &c, &new);
    if (rc)
        return rc;
    p->spelling = is_taken(&old) && is_taken(&new) ? "both"
                  : is_taken(&old)                 ? "old"
                  : is_taken(&new)                 ? "new"
                                                   : NULL;
    finding_begin(p, "status_spelling");
    json_add_int(&p->w, "old", old.status);
    json_add_int(&p->w, "new", new.status);
    finding_end(p, "status_spelling", !p->spelling,
                "msgid and delivery_status: %" PRId64 "; status_code: %" PRId64 "%s%s",
                old.status, new.status,
                p->spelling ? "" : "; neither was taken: ", p->spelling ? "" : new.answer);
    return 0;
}

/* What does "too many" look like? */
static int find_limit(struct probe *p)
{
    const struct call c = {.what = "look"};
    int64_t began = clock_mono_ms();
    struct heard h = {0};
    int64_t took = 0;
    int n = 0;
    int rc = 0;

    while (rc == 0 && n < BURST_MAX && h.status != 429) {
        rc = ask(p, &c, &h);
        n++;
    }
    if (rc)
        return rc;
    took = clock_mono_ms() - began;
    took = took < 1000 ? 1000 : took; /* whatever passed within the first second is a burst */
    p->rate = RATE_DEFAULT;
    finding_begin(p, "limit");
    json_add_int(&p->w, "calls", n);
    json_add_int(&p->w, "took_ms", took);
    json_add_bool(&p->w, "limited", h.status == 429);
    if (h.status != 429) {
        finding_end(p, "limit", false, "%d reads in %" PRId64 " ms, and amo never said 429", n,
                    took);
        return 0;
    }
    p->rate = (n - 1) * INT64_C(700) / took; /* a good deal below */
    p->rate = p->rate < 1 ? 1 : p->rate > RATE_DEFAULT ? RATE_DEFAULT : p->rate;
    json_add_int(&p->w, "retry_after_ms", h.retry_after_ms);
    json_add_text(&p->w, "answer", view_of(h.answer));
    finding_end(p, "limit", false,
                "429 at read %d after %" PRId64 " ms; Retry-After %s%" PRId64 " s; %s", n, took,
                h.retry_after_ms > 0 ? "" : "absent or not understood: ",
                h.retry_after_ms > 0 ? h.retry_after_ms / 1000 : 0, h.answer);
    return 0;
}

/* --- the whole ------------------------------------------------------------------------------ */

static void print_settings(const struct probe *p, struct buf *out)
{
    (void)buf_add_str(out, "\nsettings to choose\n"); /* errors stick in the buf */
    if (p->spelling)
        (void)buf_add_f(out, "  egress/status_spelling = \"%s\"\n", p->spelling);
    if (p->rate)
        (void)buf_add_f(out, "  scope/rate = %" PRId64 "\n", p->rate);
    if (!p->spelling && !p->rate)
        (void)buf_add_str(out, "  none: what they hang on is still open\n");
}

static int print_end(struct probe *p)
{
    struct buf out;
    int rc = 0;

    buf_init(&out, 1 << 20);
    json_close_array(&p->w);
    json_open_object(&p->w, "settings");
    json_add_text_if(&p->w, "egress/status_spelling", view_of(p->spelling));
    if (p->rate)
        json_add_int(&p->w, "scope/rate", p->rate);
    json_close_object(&p->w);
    if (p->failed)
        output_add_error(&p->w, p->failed, p->error);
    json_close_object(&p->w);
    if (p->args->json) {
        text_clean_json(buf_view(&p->json), &out);
        (void)buf_add_char(&out, '\n'); /* errors stick in the buf */
    } else if (!p->failed) {
        print_settings(p, &out);
    }
    rc = buf_error(&p->json) ? output_no_memory(p->args) : output_buf(&out);
    buf_fini(&out);
    return rc;
}

static int probe_all(struct probe *p)
{
    struct id id;
    int rc = id_random(&id);
    int printed = 0;

    if (rc)
        return output_error(p->args, EXIT_FAILED, "no random bytes");
    memcpy(p->key, "probe-", 6);
    id_format(&id, p->key + 6);
    clock_format_iso(clock_unix_ms(), p->at);
    json_open_object(&p->w, NULL);
    json_add_text(&p->w, "scope_id", view_of(p->scope));
    json_add_text(&p->w, "chat", view_of(p->chat));
    json_add_text(&p->w, "msgid", view_of(p->key));
    json_open_array(&p->w, "findings");
    rc = find_repeat(p);
    rc = rc ? rc : find_history(p);
    rc = rc ? rc : find_spelling(p);
    if (rc == 0 && args_value(p->args, "burst"))
        rc = find_limit(p);
    printed = print_end(p); /* whatever came of it: there is a message in the chat */
    rc = rc ? rc : printed;
    return rc ? rc : p->n_open ? EXIT_FAILED : EXIT_FINE;
}

/* Core says that there is no such account. Whoever only reads what would be done needs no core. */
static bool is_unknown(const struct probe *p, struct core_answer *answer)
{
    struct json *doc = NULL;
    struct json_writer w;
    struct buf args;

    core_answer_init(answer);
    buf_init(&args, 64 << 10);
    json_writer_init(&w, &args);
    json_open_object(&w, NULL);
    json_add_text(&w, "scope_id", view_of(p->scope));
    json_close_object(&w);
    doc =
        core_ask(p->endpoint, VIEW_LIT("account.show"), buf_view(&args), CORE_CALL_MS, answer);
    json_free(doc);
    buf_fini(&args);
    return !doc && answer->code == EXIT_FAILED;
}

/* Nothing is done without a chat and a yes; what would be is told, if there is such an account. */
static int explain(const struct probe *p)
{
    struct core_answer answer;
    int rc = 0;

    if (is_unknown(p, &answer)) {
        rc = output_error(p->args, EXIT_FAILED, buf_str(&answer.error));
    } else {
        if (!p->args->json)
            (void)fputs(explanation, stdout); /* the same is in the documents */
        rc =
            output_error(p->args, EXIT_USAGE, "nothing was done: --chat and --yes are missing");
    }
    core_answer_fini(&answer);
    return rc;
}

int probe_run(const struct args *a, const struct config *config)
{
    struct probe p = {.args = a,
                      .verb = a->verb->more,
                      .endpoint = config_text(config, "bus/control"),
                      .scope = a->operands[0],
                      .chat = args_value(a, "chat")};
    int rc = 0;

    if (!args_value(a, "yes") || !p.chat)
        return explain(&p);
    buf_init(&p.json, 1 << 20);
    json_writer_init(&p.w, &p.json);
    rc = probe_all(&p);
    buf_fini(&p.json);
    return rc;
}
