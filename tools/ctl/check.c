/* Loads the configuration as a program does, and then looks at what programs look at when they start: users
 * that must exist, and names in the environment that nobody reads. */

#include "tools/ctl/check.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/config_env.h"
#include "base/json.h"
#include "base/process.h"
#include "proto/bus/callers.h"
#include "tools/common/args.h"
#include "tools/common/text.h"
#include "tools/ctl/output.h"

#define CHECK_TEXT_MAX ((size_t)1 << 16) /* of all mistakes, and of all remarks */

struct check {
    const char *file;
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

static void on_stranger(void *arg, const char *name, bool mistake, const char *like)
{
    struct check *c = arg;

    if (!mistake)
        (void)buf_add_f(line(&c->remarks), "%s: no setting has this name; it is ignored", name);
    else if (like)
        (void)buf_add_f(line(&c->wrong), "%s: no setting has this name; did you mean %s?", name,
                        like);
    else
        (void)buf_add_f(line(&c->wrong), "%s: no setting has this name", name);
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

/* --- what is printed -------------------------------------------------------------------------- */

static void add_lines(struct json_writer *w, const char *name, const struct buf *lines)
{
    struct view rest = buf_view(lines);

    json_open_array(w, name);
    while (rest.len) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t n = end ? (size_t)(end - rest.ptr) : rest.len;

        json_add_text(w, NULL, view_make(rest.ptr, n));
        n += end ? 1 : 0;
        rest = view_make(rest.ptr + n, rest.len - n);
    }
    json_close_array(w);
}

static void on_value_json(void *arg, const char *key, const char *origin, const char *shown)
{
    struct json_writer *w = arg;

    json_open_object(w, NULL);
    json_add_text(w, "key", view_of(key));
    json_add_text(w, "origin", view_of(origin));
    json_add_text(w, "value", view_of(shown));
    json_close_object(w);
}

static int print_json(const struct check *c, struct buf *out)
{
    struct json_writer w;
    int rc = 0;

    json_writer_init(&w, out);
    json_open_object(&w, NULL);
    json_add_text(&w, "file", json_utf8_valid(view_of(c->file)) ? view_of(c->file) : VIEW_NONE);
    json_add_bool(&w, "valid", c->wrong.len == 0);
    add_lines(&w, "mistakes", &c->wrong);
    add_lines(&w, "remarks", &c->remarks);
    if (c->wrong.len) {
        output_add_error(&w, EXIT_USAGE, buf_str(&c->wrong));
    } else {
        json_open_array(&w, "values");
        rc = config_walk(c->config, on_value_json, &w);
        json_close_array(&w);
    }
    json_close_object(&w);
    (void)buf_add_char(out, '\n');
    return rc;
}

static void on_value(void *arg, const char *key, const char *origin, const char *shown)
{
    struct buf *out = arg;

    (void)buf_add_f(out, "%-36s %-12s", key, origin);
    text_clean(view_of(shown), out);
    (void)buf_add_char(out, '\n');
}

/* Each on a line of its own on stderr. */
static void say_lines(const struct buf *lines)
{
    struct view rest = buf_view(lines);
    struct buf one;

    buf_init(&one, CHECK_TEXT_MAX);
    while (rest.len) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t n = end ? (size_t)(end - rest.ptr) : rest.len;

        buf_reset(&one);
        (void)buf_add_view(&one, view_make(rest.ptr, n));
        (void)output_error(NULL, EXIT_USAGE, buf_str(&one)); /* the code is the caller's */
        n += end ? 1 : 0;
        rest = view_make(rest.ptr + n, rest.len - n);
    }
    buf_fini(&one);
}

static int print(const struct args *a, const struct check *c)
{
    struct buf out;
    int rc = 0;

    buf_init(&out, (size_t)1 << 20);
    if (a->json)
        rc = print_json(c, &out);
    else if (c->wrong.len == 0)
        rc = config_walk(c->config, on_value, &out);
    say_lines(&c->wrong);
    say_lines(&c->remarks);
    rc = rc || buf_error(&out) ? output_no_memory(NULL) : output_text(buf_view(&out));
    buf_fini(&out);
    return c->wrong.len ? EXIT_USAGE : rc;
}

int check_run(const struct args *a)
{
    struct check c = {.file = a->operands[0]};
    int rc = 0;

    buf_init(&c.wrong, CHECK_TEXT_MAX);
    buf_init(&c.remarks, CHECK_TEXT_MAX);
    rc = config_load(c.file, &c.wrong, &c.config);
    if (rc == 0)
        rc = check_values(&c);
    config_strangers(on_stranger, &c);
    rc = rc == -ENOMEM ? output_no_memory(a) : print(a, &c);
    config_free(c.config);
    buf_fini(&c.wrong);
    buf_fini(&c.remarks);
    return rc;
}
