/* Loads the configuration as a program does, and then looks at what programs look at when they start: users
 * that must exist, and names in the environment that nobody reads. */

#include "tools/ctl/check.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/config_env.h"
#include "base/json.h"
#include "base/process.h"
#include "proto/bus/callers.h"
#include "tools/common/args.h"
#include "tools/common/text.h"
#include "tools/ctl/check_env.h"
#include "tools/ctl/output.h"

#define CHECK_TEXT_MAX ((size_t)1 << 16) /* of all mistakes, and of all remarks */

struct check {
    const char *file;      /* NULL: none */
    const char *env_file;  /* stands for the environment; NULL: this process's own does */
    struct check_env *env; /* of env_file */
    struct config *config;
    struct buf wrong;   /* a line for each mistake */
    struct buf remarks; /* a line for each thing that stops nothing */
};

/* A line begins in @out. What does not fit is left out. */
static struct buf *line(struct buf *out)
{
    if (buf_view(out).len)
        (void)buf_add_char(out, '\n');
    return out;
}

/* A line about the variable @name begins in @out; with its place, when a file gives it. */
static struct buf *line_about(const struct check *c, const char *name, struct buf *out)
{
    unsigned number = check_env_line(c->env, view_of(name));

    if (number)
        (void)buf_add_f(line(out), "%s:%u: %s: ", c->env_file, number, name);
    else
        (void)buf_add_f(line(out), "%s: ", name);
    return out;
}

static void on_stranger(void *arg, const char *name, bool mistake, const char *like)
{
    struct check *c = arg;

    if (!mistake)
        (void)buf_add_str(line_about(c, name, &c->remarks),
                          "no setting has this name; the programs ignore it");
    else if (like)
        (void)buf_add_f(line_about(c, name, &c->wrong),
                        "no setting has this name; did you mean %s?", like);
    else
        (void)buf_add_str(line_about(c, name, &c->wrong), "no setting has this name");
}

static int check_users(struct check *c)
{
    static const char *const keys[] = {"bus/ingress_users", "bus/egress_users", "bus/operators",
                                       "bus/core_users"};
    struct buf why;
    int rc = 0;

    buf_init(&why, 1024);
    for (size_t i = 0; i < AMO_COUNT(keys) && rc == 0; i++) {
        struct callers *callers = NULL;

        buf_reset(&why);
        rc = callers_new(config_text(c->config, keys[i]), &why, &callers);
        callers_free(callers);
        if (rc && rc != -ENOMEM) {
            (void)buf_add_f(line(&c->wrong), "%s: %s", keys[i], buf_str(&why));
            rc = 0;
        }
    }
    buf_fini(&why);
    return rc;
}

static void on_name(void *arg, const char *key, const char *origin, const char *shown)
{
    struct check *c = arg;

    (void)shown;
    if (strcmp(key, "name") == 0 && strcmp(origin, "file") == 0)
        (void)buf_add_f(line(&c->remarks),
                        "name: every program that reads this file gets this name, and only the "
                        "first of them can start; AMO_NAME belongs to one");
}

static int check_values(struct check *c)
{
    const char *ca_file = config_text(c->config, "egress/ca_file");
    int rc = check_users(c);

    rc = rc ? rc : config_walk(c->config, on_name, c);
    if (access(ca_file, R_OK) < 0)
        (void)buf_add_f(line(&c->remarks),
                        "egress/ca_file: %s cannot be read: no https address can be called",
                        ca_file);
    return rc;
}

/* The next of @rest's lines, which is taken off it. */
static struct view next_line(struct view *rest)
{
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t n = end ? (size_t)(end - rest->ptr) : rest->len;
    struct view one = view_make(rest->ptr, n);

    n += end ? 1 : 0;
    *rest = view_make(rest->ptr + n, rest->len - n);
    return one;
}

/* Reading the settings names variables; where their file gives them is put before. */
static int load(struct check *c)
{
    struct view rest = VIEW_NONE;
    struct buf why;
    int rc = 0;

    buf_init(&why, CHECK_TEXT_MAX);
    rc = config_load(c->file, &why, &c->config);
    for (rest = buf_view(&why); rest.len;) {
        struct view one = next_line(&rest);
        const char *colon = memchr(one.ptr, ':', one.len);
        struct view name = view_make(one.ptr, colon ? (size_t)(colon - one.ptr) : 0);
        unsigned number = check_env_line(c->env, name);

        (void)line(&c->wrong);
        if (number)
            (void)buf_add_f(&c->wrong, "%s:%u: ", c->env_file, number);
        (void)buf_add_view(&c->wrong, one);
    }
    buf_fini(&why);
    return rc;
}

/* --- who reads it ----------------------------------------------------------------------------- */

enum {
    CORE = 1,
    INGRESS = 2,
    EGRESS = 4,
    ALL = CORE | INGRESS | EGRESS,
};

/* The first that a key begins with. */
static const struct {
    const char *key;
    int programs;
} readers[] = {
    {"name",                    ALL             },
    {"data_dir",                ALL             },
    {"run_dir",                 ALL             },
    {"log/",                    ALL             },
    {"confine",                 ALL             },
    {"drain_ms",                INGRESS | EGRESS},
    {"ingress/spool_max_bytes", CORE | INGRESS  }, /* doctor compares it with the disk */
    {"ingress/",                INGRESS         },
    {"egress/attempt_ms",       CORE | EGRESS   },
    {"egress/",                 EGRESS          },
    {"bus/events",              CORE | INGRESS  },
    {"bus/commands",            CORE | EGRESS   },
    {"bus/tap",                 ALL             },
    {"bus/operators",           ALL             },
    {"bus/core_users",          INGRESS | EGRESS},
    {"bus/curve_dir",           0               }, /* not before there are tcp endpoints */
    {"",                        CORE            },
};

static int programs_of(const char *key)
{
    size_t i = 0;

    while (!view_starts(view_of(key), readers[i].key))
        i++; /* the last is the beginning of every key */
    return readers[i].programs;
}

static void add_programs(struct json_writer *w, const char *key)
{
    static const char *const names[] = {"core", "ingress", "egress"};

    json_open_array(w, "programs");
    for (size_t i = 0; i < AMO_COUNT(names); i++) {
        if (programs_of(key) & (1 << i))
            json_add_text(w, NULL, view_of(names[i]));
    }
    json_close_array(w);
}

/* --- what is printed -------------------------------------------------------------------------- */

static void add_lines(struct json_writer *w, const char *name, const struct buf *lines)
{
    struct view rest = buf_view(lines);

    json_open_array(w, name);
    while (rest.len)
        json_add_text(w, NULL, next_line(&rest));
    json_close_array(w);
}

struct value_sink {
    const struct check *check;
    struct json_writer *json;
    struct buf *out;
};

/* AMO_… of the environment is a line of the file that stands for it. */
static unsigned line_of_key(const struct check *c, const char *key, const char *origin)
{
    static const char *const tails[] = {"", "_FILE"};
    struct buf name;
    unsigned number = 0;

    if (!c->env || strcmp(origin, "environment") != 0)
        return 0;
    buf_init(&name, 256);
    for (size_t i = 0; i < AMO_COUNT(tails) && !number; i++) {
        buf_reset(&name);
        (void)buf_add_str(&name, "AMO_");
        for (const char *p = key; *p; p++)
            (void)buf_add_char(&name, (char)(*p == '/' ? '_' : toupper((unsigned char)*p)));
        (void)buf_add_str(&name, tails[i]);
        number = check_env_line(c->env, buf_view(&name));
    }
    buf_fini(&name);
    return number;
}

static void on_value_json(void *arg, const char *key, const char *origin, const char *shown)
{
    const struct value_sink *s = arg;
    unsigned number = line_of_key(s->check, key, origin);

    json_open_object(s->json, NULL);
    json_add_text(s->json, "key", view_of(key));
    json_add_text(s->json, "origin", number ? VIEW_LIT("env_file") : view_of(origin));
    if (number)
        json_add_int(s->json, "line", number);
    json_add_text(s->json, "value", view_of(shown));
    add_programs(s->json, key);
    json_close_object(s->json);
}

static void add_file(struct json_writer *w, const char *name, const char *path)
{
    struct view v = view_of(path ? path : "");

    json_add_text(w, name, path && json_utf8_valid(v) ? v : VIEW_NONE);
}

static int print_json(const struct check *c, struct buf *out)
{
    struct json_writer w;
    struct value_sink sink = {.check = c, .json = &w};
    int rc = 0;

    json_writer_init(&w, out);
    json_open_object(&w, NULL);
    add_file(&w, "file", c->file);
    add_file(&w, "env_file", c->env_file);
    json_add_bool(&w, "valid", c->wrong.len == 0);
    add_lines(&w, "mistakes", &c->wrong);
    add_lines(&w, "remarks", &c->remarks);
    if (c->wrong.len) {
        output_add_error(&w, EXIT_USAGE, buf_str(&c->wrong));
    } else {
        json_open_array(&w, "values");
        rc = config_walk(c->config, on_value_json, &sink);
        json_close_array(&w);
    }
    json_close_object(&w);
    (void)buf_add_char(out, '\n');
    return rc;
}

static void on_value(void *arg, const char *key, const char *origin, const char *shown)
{
    const struct value_sink *s = arg;
    unsigned number = line_of_key(s->check, key, origin);
    char where[32];

    (void)snprintf(where, sizeof(where), "env file:%u", number); /* fits */
    (void)buf_add_f(s->out, *shown ? "%-36s %-12s " : "%-36s %s", key, number ? where : origin);
    text_clean(view_of(shown), s->out);
    (void)buf_add_char(s->out, '\n');
}

/* Each on a line of its own on stderr. */
static void say_lines(const struct buf *lines)
{
    struct view rest = buf_view(lines);
    struct buf one;

    buf_init(&one, CHECK_TEXT_MAX);
    while (rest.len) {
        buf_reset(&one);
        (void)buf_add_view(&one, next_line(&rest));
        (void)output_error(NULL, EXIT_USAGE, buf_str(&one)); /* the code is the caller's */
    }
    buf_fini(&one);
}

static int print(const struct args *a, const struct check *c)
{
    struct buf out;
    struct value_sink sink = {.check = c, .out = &out};
    int rc = 0;

    buf_init(&out, (size_t)1 << 20);
    if (a->json)
        rc = print_json(c, &out);
    else if (c->wrong.len == 0)
        rc = config_walk(c->config, on_value, &sink);
    say_lines(&c->wrong);
    say_lines(&c->remarks);
    rc = rc || buf_error(&out) ? output_no_memory(NULL) : output_text(buf_view(&out));
    buf_fini(&out);
    return c->wrong.len ? EXIT_USAGE : rc;
}

/* A file that is read twice must not be a pipe. */
static bool is_env_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && check_env_looks_like(path);
}

int check_run(const struct args *a)
{
    struct check c = {.file = a->n_operands ? a->operands[0] : a->config,
                      .env_file = args_value(a, "env")};
    int rc = 0;

    buf_init(&c.wrong, CHECK_TEXT_MAX);
    buf_init(&c.remarks, CHECK_TEXT_MAX);
    if (c.file && !c.env_file && is_env_file(c.file)) {
        c.env_file = c.file;
        c.file = a->n_operands ? a->config : NULL;
    }
    if (c.env_file)
        rc = check_env_load(c.env_file, &c.wrong, &c.remarks, &c.env);
    rc = rc ? rc : load(&c);
    if (rc == 0)
        rc = check_values(&c);
    config_strangers(on_stranger, &c);
    rc = rc == -ENOMEM ? output_no_memory(a) : print(a, &c);
    config_free(c.config);
    check_env_free(c.env);
    buf_fini(&c.wrong);
    buf_fini(&c.remarks);
    return rc;
}
