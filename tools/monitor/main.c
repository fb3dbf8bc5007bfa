/* amo-monitor: what passes between the processes, live. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/num.h"
#include "base/process.h"
#include "proto/bus/socket.h"
#include "tools/common/args.h"
#include "tools/common/grid.h"
#include "tools/common/listening.h"
#include "tools/common/screen.h"
#include "tools/common/text.h"
#include "tools/ctl/core_call.h"
#include "tools/monitor/tail.h"

static const struct args_option tail_options[] = {
    {"frames",       "frames",       ARGS_FLAG, false, NULL,
     "each frame with all its fields, as who sent it and as who got it tells"           },
    {"kind",         "kind",         ARGS_TEXT, false, "LIST",
     "of event, command, result, taken, session, heartbeat, registry, control, query, all, or "
     "names of frames; without it what makes up steps, or all frames but heartbeats"    },
    {"scope",        "scope",        ARGS_TEXT, false, "SCOPE",   "of this account only"},
    {"conversation", "conversation", ARGS_TEXT, false, "ID",
     "both sides of this one, by any id or phone"                                       },
    {"trace",        "trace",        ARGS_TEXT, false, "ID",      "of this trace id"    },
    {"reveal",       "reveal",       ARGS_FLAG, false, NULL,
     "texts, names and phones as they are (never secrets)"                              },
    {"count",        "count",        ARGS_TEXT, false, "N",       "stop after N frames" },
    {"for",          "for",          ARGS_TEXT, false, "SECONDS", "stop after so long"  },
};

static const struct args_verb verbs[] = {
    ARGS_VERB(.group = "tail", .about = "print what passes, a line for each step of a message",
              .options = tail_options, .n_options = AMO_COUNT(tail_options)),
    ARGS_VERB(.group = "sockets", .about = "the taps there are on this host"),
};

static const struct args_program program = {
    .name = "amo-monitor",
    .about = "Shows what passes between the processes of the bridge. Personal data is masked.",
    .notes =
        "Processes are found by their sockets at bus/tap of --config FILE, or of AMO_BUS_TAP "
        "or AMO_RUN_DIR in the environment, which wins.\n"
        "A line of tail: time (UTC), process, from whom to whom, source, conversation, what, "
        "and "
        "what came of it; behind done, the time since the message came to the door. A phone is "
        "shown by its end. Wider terminals show more.\n"
        "With --frames > was sent and < was received by the process. \"dropped N\" are frames "
        "that the monitor was too slow for.\n"
        "Exit: 0 fine, 1 failed, 2 usage or configuration, 3 no process was found.\n",
    .verbs = verbs,
    .n_verbs = AMO_COUNT(verbs),
};

static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

/* No SA_RESTART: what waits shall notice. */
static int catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    (void)sigemptyset(&action.sa_mask); /* cannot fail */
    return sigaction(SIGINT, &action, NULL) || sigaction(SIGTERM, &action, NULL) ? -errno : 0;
}

static int complain(int code, const char *before, struct view what, const char *after)
{
    struct buf line;

    buf_init(&line, 8192);
    (void)buf_add_str(&line, before);
    text_clean(what, &line);
    (void)buf_add_str(&line, after);
    (void)fprintf(stderr, "amo-monitor: %s\n", buf_str(&line)); /* there is no other way */
    buf_fini(&line);
    return code;
}

/* --- tail ----------------------------------------------------------------------------------- */

static int tail_numbers(const struct args *a, struct tail *ret)
{
    const char *count = args_value(a, "count");
    const char *seconds = args_value(a, "for");
    uint64_t s = 0;

    if (count && num_parse_range(view_of(count), 1, UINT64_MAX, &ret->count))
        return complain(EXIT_USAGE, "--count ", view_of(count), " is no number of frames");
    if (seconds && num_parse_range(view_of(seconds), 1, 1000000000, &s))
        return complain(EXIT_USAGE, "--for ", view_of(seconds), " is no number of seconds");
    ret->for_ms = (int64_t)s * 1000;
    return 0;
}

static int refuse_kind(struct view word)
{
    struct nearest n;
    char after[128];

    nearest_init(&n, word);
    filter_offer_words(&n);
    (void)snprintf(after, sizeof(after), "%s%s%s (try amo-monitor tail --help)",
                   n.name.ptr ? "; did you mean " : "", n.name.ptr ? n.name.ptr : "",
                   n.name.ptr ? "?" : ""); /* words are short */
    return complain(EXIT_USAGE, "--kind has no word ", word, after);
}

static int tail_settings(const struct args *a, struct tail *ret)
{
    const char *trace = args_value(a, "trace");
    struct view word = VIEW_NONE;

    ret->style.json = a->json;
    ret->style.reveal = args_value(a, "reveal") != NULL;
    ret->steps = !a->json && !args_value(a, "frames");
    ret->filter.scope = args_value(a, "scope");
    if (filter_parse_kinds(args_value(a, "kind"), &ret->filter.kinds, &word))
        return refuse_kind(word);
    if (ret->steps && !args_value(a, "kind"))
        ret->filter.kinds = filter_kinds_of_steps();
    if (trace && id_parse(view_of(trace), &ret->filter.trace))
        return complain(EXIT_USAGE, "--trace ", view_of(trace),
                        " is no trace id (amoctl trace finds it by any id)");
    return tail_numbers(a, ret);
}

static struct view text_in(const struct json_node *object, const char *key)
{
    struct view text = VIEW_NONE;

    return json_strict_text(json_get(object, key), &text) ? text : VIEW_NONE;
}

/* The names that core knows of it. */
static void add_names(struct sides *s, const struct json_node *c)
{
    const struct json_node *chats = json_get(c, "chats");

    sides_add(s, text_in(c, "connector"), text_in(c, "conversation"));
    sides_add(s, VIEW_NONE, text_in(c, "client_id"));
    sides_add(s, VIEW_NONE, text_in(c, "chat_id"));
    for (size_t i = 0; i < json_array_len(chats); i++)
        sides_add(s, VIEW_NONE, text_in(json_array_at(chats, i), "chat_id"));
}

/* What core knows of @word: a mistyped one would show nothing for ever. @s NULL: nothing is kept of it. */
static int ask_core(const char *endpoint, const char *verb, const char *key, const char *word,
                    struct sides *s)
{
    struct core_answer answer;
    struct json_writer w;
    struct json *doc = NULL;
    struct buf args;
    int rc = 0;

    core_answer_init(&answer);
    buf_init(&args, 64 << 10);
    json_writer_init(&w, &args);
    json_open_object(&w, NULL);
    json_add_text(&w, key, view_of(word));
    json_close_object(&w);
    doc = core_ask(endpoint, view_of(verb), buf_view(&args), CORE_CALL_MS, &answer);
    if (!doc)
        rc = complain(answer.code, word, VIEW_LIT(": "), buf_str(&answer.error));
    else if (s)
        add_names(s, json_root(doc));
    json_free(doc);
    buf_fini(&args);
    core_answer_fini(&answer);
    return rc;
}

/* Without core what is called so is shown, and what is learnt from that. */
static int ask_for_names(const struct args *a, const struct config *c, struct sides *s)
{
    const char *endpoint = config_text(c, "bus/control");
    const char *conversation = args_value(a, "conversation");
    const char *scope = args_value(a, "scope");
    int rc = 0;

    if (listening_check(endpoint + strlen("ipc://")))
        sides_add(s, VIEW_NONE, view_of(conversation ? conversation : ""));
    else if (conversation)
        rc = ask_core(endpoint, "conversation.show", "id", conversation, s);
    if (rc == 0 && scope && listening_check(endpoint + strlen("ipc://")) == 0)
        rc = ask_core(endpoint, "account.show", "scope_id", scope, NULL);
    return rc;
}

static int run_tail(const struct args *a, const struct config *c, struct find *f)
{
    struct tail t = {.stop = &stop_asked, .out = stdout};
    struct sides *sides = NULL;
    int rc = tail_settings(a, &t);

    if (rc)
        return rc;
    rc = catch_signals();
    if (rc)
        return EXIT_FAILED;
    bus_init();
    rc = sides_new(&sides) ? complain(EXIT_FAILED, "out of memory", VIEW_NONE, "")
                           : ask_for_names(a, c, sides);
    t.sides = args_value(a, "conversation") ? sides : NULL;
    rc = rc ? rc : tail_run(&t, f);
    bus_fini();
    sides_free(sides);
    return rc;
}

/* --- sockets -------------------------------------------------------------------------------- */

struct listing {
    struct grid grid;
    struct json_writer json;
};

static int on_socket(void *arg, const char *name, const char *path)
{
    struct listing *l = arg;
    int rc = listening_check(path);
    struct view state = rc == 0         ? VIEW_LIT("listening")
                        : rc == -EACCES ? VIEW_LIT("not allowed")
                                        : VIEW_LIT("left behind");

    grid_add(&l->grid, view_of(name));
    grid_add(&l->grid, view_of(path));
    grid_add(&l->grid, state);
    json_open_object(&l->json, NULL);
    json_add_text(&l->json, "process", view_of(name));
    json_add_text(&l->json, "socket", view_of(path));
    json_add_text(&l->json, "state", state);
    json_close_object(&l->json);
    return 0;
}

static int print(struct view text)
{
    return fwrite(text.ptr, 1, text.len, stdout) == text.len && fflush(stdout) == 0
               ? EXIT_FINE
               : EXIT_FAILED;
}

static int print_listing(const struct args *a, const struct listing *l, const struct find *f)
{
    struct buf out;
    int rc = 0;

    buf_init(&out, 1 << 20);
    if (a->json) {
        text_clean_json(buf_view(l->json.out), &out);
        (void)buf_add_char(&out, '\n');
        rc = buf_error(&out);
    } else if (find_count(f) == 0) {
        rc = buf_add_f(&out, "no taps in %s\n", find_directory(f));
    } else {
        rc = grid_print(&l->grid, 0, screen_columns(), &out);
    }
    rc = rc ? complain(EXIT_FAILED, "out of memory", VIEW_NONE, "") : print(buf_view(&out));
    buf_fini(&out);
    return rc;
}

static int run_sockets(const struct args *a, struct find *f)
{
    struct listing l;
    struct buf json;
    int rc = 0;

    buf_init(&json, 1 << 20);
    json_writer_init(&l.json, &json);
    grid_init(&l.grid, 3);
    grid_add(&l.grid, VIEW_LIT("PROCESS"));
    grid_add(&l.grid, VIEW_LIT("SOCKET"));
    grid_add(&l.grid, VIEW_LIT("STATE"));
    json_open_array(&l.json, NULL);
    rc = find_scan(f, on_socket, &l);
    json_close_array(&l.json);
    if (rc == -EACCES)
        rc = complain(EXIT_UNREACHABLE, "not allowed to look into ", view_of(find_directory(f)),
                      "");
    else if (rc)
        rc = complain(EXIT_FAILED, "cannot look into ", view_of(find_directory(f)), "");
    else
        rc = print_listing(a, &l, f);
    grid_fini(&l.grid);
    buf_fini(&json);
    return rc;
}

/* --- main ----------------------------------------------------------------------------------- */

static int run_verb(const struct args *a)
{
    struct config *config = NULL;
    struct find *f = NULL;
    struct buf why;
    int rc = 0;

    buf_init(&why, 4096);
    rc = config_load(a->config, &why, &config);
    if (rc) {
        rc = complain(EXIT_USAGE, "", buf_view(&why), "");
        goto out;
    }
    rc = find_new(config_text(config, "bus/tap"), &f);
    if (rc == -EPROTONOSUPPORT)
        rc = complain(EXIT_USAGE, "bus/tap ", view_of(config_text(config, "bus/tap")),
                      " cannot be used: only ipc:// endpoints are spoken yet");
    else if (rc)
        rc = complain(EXIT_FAILED, "out of memory", VIEW_NONE, "");
    else
        rc = strcmp(a->verb->group, "tail") == 0 ? run_tail(a, config, f) : run_sockets(a, f);
out:
    find_free(f);
    config_free(config);
    buf_fini(&why);
    return rc;
}

int main(int argc, char **argv)
{
    struct args a = {0};
    struct buf why;
    int rc = 0;

    buf_init(&why, 4096);
    rc = args_parse(&program, argc, argv, &a, &why);
    if (rc < 0)
        rc = complain(EXIT_FAILED, "out of memory", VIEW_NONE, "");
    else if (rc)
        rc = complain(EXIT_USAGE, "", buf_view(&why), "");
    else if (a.version || a.help)
        rc = args_tell(&program, &a) ? EXIT_FINE : EXIT_FAILED;
    else
        rc = run_verb(&a);
    args_fini(&a);
    buf_fini(&why);
    return rc;
}
