#include "base/config_scan.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"

#define CONFIG_LINES_MAX 2000

struct scanner {
    struct config_scan *out;
    struct buf path;               /* of the line just read */
    size_t ends[CONFIG_DEPTH_MAX]; /* length of the path at each level */
    unsigned n_levels;             /* levels of the line before */
    const char *reason;
};

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("$-_@.&+/", c));
}

static struct view skip_blanks(struct view v)
{
    while (v.len && (v.ptr[0] == ' ' || v.ptr[0] == '\t'))
        v = view_make(v.ptr + 1, v.len - 1);
    return v;
}

/* Cuts the comment behind a quoted value off. NULL or what is wrong. */
static const char *check_quoted(struct view *value)
{
    const char *end = memchr(value->ptr + 1, value->ptr[0], value->len - 1);
    struct view rest;

    if (!end)
        return "the quote is never closed";
    rest = skip_blanks(view_make(end + 1, value->len - (size_t)(end + 1 - value->ptr)));
    if (rest.len && rest.ptr[0] != '#')
        return "text behind the closing quote";
    value->len = (size_t)(end + 1 - value->ptr);
    return NULL;
}

static const char *check_value(struct view *value)
{
    if (value->len && (value->ptr[0] == '"' || value->ptr[0] == '\''))
        return check_quoted(value);
    if (value->len && memchr(value->ptr, '#', value->len))
        return "an unquoted '#' would cut the value off: quote the value, or give the comment "
               "a "
               "line of its own";
    return NULL;
}

static int path_extend(struct scanner *s, unsigned level, struct view name)
{
    s->path.len = level ? s->ends[level - 1] : 0;
    if (level)
        (void)buf_add_char(&s->path, '/');
    (void)buf_add_view(&s->path, name);
    s->ends[level] = s->path.len;
    s->n_levels = level + 1;
    return buf_error(&s->path);
}

static int line_add(struct scanner *s, unsigned number, unsigned level, struct view name,
                    const struct view *value)
{
    struct config_line *l = &s->out->lines[s->out->n_lines];
    int rc = path_extend(s, level, name);

    if (rc)
        return rc;
    l->path = mem_strdup(buf_str(&s->path));
    if (!l->path)
        return -ENOMEM;
    l->line = number;
    l->level = level;
    l->has_value = value != NULL;
    s->out->n_lines++;
    for (unsigned i = 0; i < level; i++)
        (void)buf_add_str(&s->out->clean, "    ");
    (void)buf_add_view(&s->out->clean, name);
    if (value) {
        (void)buf_add_str(&s->out->clean, " = ");
        (void)buf_add_view(&s->out->clean, *value);
    }
    return buf_add_char(&s->out->clean, '\n');
}

static int refuse(struct scanner *s, const char *reason)
{
    s->reason = reason;
    return -EINVAL;
}

static bool has_control(struct view v)
{
    for (size_t i = 0; i < v.len; i++) {
        if ((unsigned char)v.ptr[i] < ' ' && v.ptr[i] != '\t')
            return true;
    }
    return false;
}

/* A line that is neither blank nor a comment. */
static int scan_entry(struct scanner *s, unsigned number, struct view line, size_t n_spaces)
{
    struct view rest = view_make(line.ptr + n_spaces, line.len - n_spaces);
    struct view name = view_make(rest.ptr, 0);
    unsigned level = (unsigned)(n_spaces / 4);
    const char *wrong = NULL;

    if (rest.ptr[0] == '\t' || n_spaces % 4)
        return refuse(s, "indent by four spaces");
    if (level > s->n_levels || level >= CONFIG_DEPTH_MAX)
        return refuse(s, "indented too far");
    while (name.len < rest.len && is_name_char(rest.ptr[name.len]))
        name.len++;
    /* zconfig takes no '/' at either end of a key */
    if (name.len == 0 || name.ptr[0] == '/' || name.ptr[name.len - 1] == '/')
        return refuse(s, "a key was expected");
    rest = skip_blanks(view_make(rest.ptr + name.len, rest.len - name.len));
    if (rest.len == 0 || rest.ptr[0] == '#')
        return line_add(s, number, level, name, NULL);
    if (rest.ptr[0] != '=')
        return refuse(s, "'=' was expected behind the key");
    rest = skip_blanks(view_make(rest.ptr + 1, rest.len - 1));
    wrong = check_value(&rest);
    if (wrong)
        return refuse(s, wrong);
    return line_add(s, number, level, name, &rest);
}

static int scan_line(struct scanner *s, unsigned number, struct view line)
{
    struct view rest;
    size_t n_spaces = 0;

    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    while (line.len && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\t'))
        line.len--;
    rest = skip_blanks(line);
    if (rest.len == 0 || rest.ptr[0] == '#')
        return 0;
    if (line.len > CONFIG_LINE_MAX)
        return refuse(s, "the line is too long");
    if (has_control(line))
        return refuse(s, "control character");
    if (s->out->n_lines == CONFIG_LINES_MAX)
        return refuse(s, "too many lines");
    while (line.ptr[n_spaces] == ' ')
        n_spaces++;
    return scan_entry(s, number, line, n_spaces);
}

int config_scan(struct view text, struct config_scan *ret_scan, unsigned *ret_line,
                const char **ret_reason)
{
    struct config_scan out = {.n_lines = 0};
    struct scanner s = {.out = &out};
    unsigned number = 0;
    int rc = 0;

    buf_init(&out.clean, 2 * CONFIG_FILE_MAX);
    buf_init(&s.path, CONFIG_DEPTH_MAX * (CONFIG_LINE_MAX + 1));
    out.lines = mem_zalloc_array(CONFIG_LINES_MAX, sizeof(*out.lines));
    if (!out.lines) {
        rc = -ENOMEM;
        goto out;
    }
    if (view_starts(text, "\xef\xbb\xbf"))
        text = view_make(text.ptr + 3, text.len - 3);
    while (!rc && text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;

        rc = scan_line(&s, ++number, view_make(text.ptr, len));
        len += end ? 1 : 0;
        text = view_make(text.ptr + len, text.len - len);
    }
    if (rc == -ENOSPC)
        rc = refuse(&s, "the file is too long");
    if (rc == -EINVAL) {
        *ret_line = number;
        *ret_reason = s.reason;
    }
    if (rc)
        goto out;

    *ret_scan = out;
    out = (struct config_scan){.n_lines = 0}; /* handed over */
out:
    buf_fini(&s.path);
    config_scan_fini(&out);
    return rc;
}

void config_scan_fini(struct config_scan *s)
{
    for (size_t i = 0; s->lines && i < s->n_lines; i++)
        mem_free(s->lines[i].path);
    mem_free(s->lines);
    buf_fini(&s->clean);
    *s = (struct config_scan){.n_lines = 0};
}
