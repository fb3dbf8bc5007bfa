/* Reads the file twice, as systemd and as compose, and compares what the two make of it. */

#include "tools/ctl/check_env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "tools/ctl/env_file.h"

#define FILE_MAX       ((size_t)1 << 20) /* bytes */
#define ASSIGNMENTS    1000              /* lines that are looked at, of either reader */
#define CLEARED_SHOWN  5
#define NAME_SHOWN_MAX 64

extern char **environ; /* POSIX names no header that declares it */

static const char prefix[] = "AMO_";

struct assignment {
    char *name;
    char *value; /* NULL: the line gives none */
    unsigned line;
    bool replaced;
};

struct reading {
    struct assignment *rows; /* owned */
    size_t n;
    bool full; /* there are more lines than are looked at */
    int error;
};

struct check_env {
    const char *path;
    struct reading systemd;
    struct reading compose;
    unsigned refused; /* the line where compose refuses the file; 0: nowhere */
};

/* A line about @line of the file begins in @out. What does not fit is left out. */
static struct buf *line_of(const struct check_env *e, unsigned line, struct buf *out)
{
    if (buf_view(out).len)
        (void)buf_add_char(out, '\n');
    (void)buf_add_f(out, line ? "%s:%u: " : "%s: ", e->path, line);
    return out;
}

/* --- reading -------------------------------------------------------------------------------- */

static int append(struct reading *r, const struct env_line *l)
{
    struct assignment *a = &r->rows[r->n];

    r->full = r->n == ASSIGNMENTS;
    if (r->full || memchr(l->name.ptr, '\0', l->name.len))
        return 0;
    a->name = mem_strndup(l->name.ptr, l->name.len);
    a->value = l->value.ptr ? mem_strndup(l->value.ptr, l->value.len) : NULL;
    if (!a->name || (l->value.ptr && !a->value))
        return -ENOMEM;
    a->line = l->line;
    a->replaced = l->replaced;
    r->n++;
    return 0;
}

static void on_line(void *arg, const struct env_line *l)
{
    struct reading *r = arg;

    if (!r->error)
        r->error = append(r, l);
}

static int read_both(struct check_env *e, struct view text)
{
    unsigned line = 0;
    int rc = 0;

    e->systemd.rows = mem_zalloc_array(ASSIGNMENTS, sizeof(*e->systemd.rows));
    e->compose.rows = mem_zalloc_array(ASSIGNMENTS, sizeof(*e->compose.rows));
    if (!e->systemd.rows || !e->compose.rows)
        return -ENOMEM;
    rc = env_file_systemd(text, on_line, &e->systemd);
    rc = rc ? rc : e->systemd.error;
    if (rc)
        return rc;
    rc = env_file_compose(text, on_line, &e->compose, &line);
    if (rc == ENV_FILE_E_REFUSED) {
        e->refused = line;
        rc = 0;
    }
    return rc ? rc : e->compose.error;
}

/* The last of this name, which counts. */
static const struct assignment *find(const struct reading *r, struct view name)
{
    for (size_t i = r->n; i > 0; i--) {
        if (view_is(name, r->rows[i - 1].name))
            return &r->rows[i - 1];
    }
    return NULL;
}

static bool is_ours(const struct assignment *a)
{
    return strncmp(a->name, prefix, sizeof(prefix) - 1) == 0;
}

static bool is_name(const char *name)
{
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789") ==
           strlen(name);
}

/* --- into the environment ------------------------------------------------------------------- */

/* What this shell has is nothing that a program started with the file would see. */
static void clear_own(const struct check_env *e, struct buf *remarks)
{
    const char *between = "left out of this shell's environment: ";
    size_t n = 0;

    for (char **v = environ; v && *v;) {
        char name[NAME_SHOWN_MAX];
        size_t len = strcspn(*v, "=");

        if (strncmp(*v, prefix, sizeof(prefix) - 1) != 0 ||
            view_copy(view_make(*v, len), name, sizeof(name)) ||
            unsetenv(name)) { /* NOLINT(concurrency-mt-unsafe): one thread */
            v++;
            continue;
        }
        if (n++ == 0)
            (void)line_of(e, 0, remarks);
        if (n <= CLEARED_SHOWN)
            (void)buf_add_f(remarks, "%s%s", between, name);
        between = ", ";
    }
    if (n > CLEARED_SHOWN)
        (void)buf_add_f(remarks, " and %zu more", n - CLEARED_SHOWN);
}

static int set_all(const struct check_env *e)
{
    for (size_t i = 0; i < e->systemd.n; i++) {
        const struct assignment *a = &e->systemd.rows[i];

        if (is_ours(a) && a->value && is_name(a->name) &&
            setenv(a->name, a->value, 1)) /* NOLINT(concurrency-mt-unsafe): one thread */
            return -ENOMEM;
    }
    return 0;
}

/* --- what the two make of it ---------------------------------------------------------------- */

static void judge_line(const struct check_env *e, const struct assignment *a, struct buf *wrong,
                       struct buf *remarks)
{
    const struct assignment *last = find(&e->systemd, view_of(a->name));

    if (!a->value)
        (void)buf_add_f(line_of(e, a->line, wrong),
                        "NAME=VALUE was expected; systemd leaves this line out");
    else if (!is_name(a->name))
        (void)buf_add_f(line_of(e, a->line, wrong),
                        "%.60s is no name; systemd leaves this line out%s", a->name,
                        strncmp(a->name, "export ", strlen("export ")) == 0
                            ? ": write it without export"
                            : "");
    else if (last != a)
        (void)buf_add_f(line_of(e, a->line, remarks),
                        "%s: given again in line %u, which counts", a->name,
                        last ? last->line : 0);
}

/* No values here: a variable that is no setting may be a secret of somebody else. */
static const char *difference(const struct assignment *s, const struct assignment *c)
{
    size_t n = 0;

    if (!c)
        return "docker compose does not read this line";
    if (c->replaced)
        return "docker compose puts something else for what begins with $, systemd does not: "
               "put "
               "the value in single quotes";
    if (!c->value)
        return "docker compose takes the value from its own environment";
    n = strlen(c->value);
    if (strncmp(s->value, c->value, n) == 0 && strchr(s->value + n, '#'))
        return "the comment behind the value is a part of it for systemd, not for docker "
               "compose: give it a line of its own";
    return "systemd and docker compose read this value differently: put all of it in one pair "
           "of quotes, without backslashes";
}

static void compare(const struct check_env *e, const struct assignment *s, struct buf *remarks)
{
    const struct assignment *c = find(&e->compose, view_of(s->name));

    if (!s->value || !is_ours(s) || !is_name(s->name) ||
        find(&e->systemd, view_of(s->name)) != s || (e->refused && s->line >= e->refused))
        return;
    if (!c || !c->value || c->replaced || strcmp(s->value, c->value) != 0)
        (void)buf_add_f(line_of(e, s->line, remarks), "%s: %s", s->name, difference(s, c));
}

static void compare_all(const struct check_env *e, struct buf *wrong, struct buf *remarks)
{
    for (size_t i = 0; i < e->systemd.n; i++) {
        judge_line(e, &e->systemd.rows[i], wrong, remarks);
        compare(e, &e->systemd.rows[i], remarks);
    }
    for (size_t i = 0; i < e->compose.n; i++) {
        const struct assignment *c = &e->compose.rows[i];

        if (is_ours(c) && c->value && !find(&e->systemd, view_of(c->name)))
            (void)buf_add_f(line_of(e, c->line, remarks), "%s: docker compose alone reads this",
                            c->name);
    }
    if (e->systemd.full)
        (void)buf_add_f(line_of(e, 0, wrong), "only %d variables are looked at, there are more",
                        ASSIGNMENTS);
    if (e->refused)
        (void)buf_add_f(line_of(e, e->refused, remarks),
                        "docker compose refuses the whole file because of this line");
}

/* --- the file ------------------------------------------------------------------------------- */

static int read_file(struct check_env *e, struct buf *text, struct buf *wrong)
{
    int rc = file_read(e->path, text);

    if (rc == 0 || rc == -ENOMEM)
        return rc;
    (void)buf_add_f(line_of(e, 0, wrong), "%s",
                    rc == -ENOSPC ? "the file is too long"
                                  /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
                                  : strerror(-rc));
    return 0;
}

int check_env_load(const char *path, struct buf *wrong, struct buf *remarks,
                   struct check_env **ret_env)
{
    struct check_env *e = mem_zalloc(sizeof(*e));
    struct buf text;
    int rc = 0;

    if (!e)
        return -ENOMEM;
    e->path = path;
    buf_init(&text, FILE_MAX);
    rc = read_file(e, &text, wrong);
    rc = rc ? rc : read_both(e, buf_view(&text));
    if (rc == 0) {
        clear_own(e, remarks);
        rc = set_all(e);
        compare_all(e, wrong, remarks);
    }
    buf_fini(&text);
    if (rc == 0) {
        *ret_env = e;
        e = NULL; /* handed over */
    }
    check_env_free(e);
    return rc;
}

static void reading_free(struct reading *r)
{
    for (size_t i = 0; r->rows && i < r->n; i++) {
        mem_free(r->rows[i].name);
        mem_free(r->rows[i].value);
    }
    mem_free(r->rows);
}

void check_env_free(struct check_env *e)
{
    if (!e)
        return;
    reading_free(&e->systemd);
    reading_free(&e->compose);
    mem_free(e);
}

unsigned check_env_line(const struct check_env *e, struct view name)
{
    const struct assignment *a = e ? find(&e->systemd, name) : NULL;

    return a && a->value ? a->line : 0;
}

/* --- is it one? ----------------------------------------------------------------------------- */

bool check_env_looks_like(const char *path)
{
    struct view rest = VIEW_NONE;
    struct buf text;
    bool is = false;

    buf_init(&text, FILE_MAX);
    if (file_read(path, &text) == 0)
        rest = buf_view(&text);
    while (rest.len) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t n = end ? (size_t)(end - rest.ptr) + 1 : rest.len;
        struct view line = view_trim(view_make(rest.ptr, n), " \t\r\n");

        if (line.len && line.ptr[0] != '#' && line.ptr[0] != ';') {
            size_t k = view_starts(line, "export ") ? strlen("export ") : 0;
            size_t from = k;

            while (k < line.len &&
                   ((line.ptr[k] >= 'A' && line.ptr[k] <= 'Z') || line.ptr[k] == '_' ||
                    (k > from && line.ptr[k] >= '0' && line.ptr[k] <= '9')))
                k++;
            is = k > from && k < line.len && line.ptr[k] == '=';
            break;
        }
        rest = view_make(rest.ptr + n, rest.len - n);
    }
    buf_fini(&text);
    return is;
}
