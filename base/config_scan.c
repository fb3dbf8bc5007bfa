/* Scanner for ZPL configuration text. It reads line by line, keeps the path of headings above
 * the current line, and hands each key to the caller with that path. */

#include "base/config_scan.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/secret.h"

#define CONFIG_LINES_MAX 2000

struct scanner {
    config_line_fn *each;
    void *arg;
    struct buf path;               /* of the line just read */
    struct buf value;              /* of the same line */
    size_t ends[CONFIG_DEPTH_MAX]; /* length of the path at each level */
    unsigned n_levels;             /* levels of the line before */
    unsigned n_lines;              /* told so far */
    const char *reason;            /* what is wrong with the line just read */
    bool lost;                     /* it was wrong, and so what stands below it is nowhere */
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

/* What stands inside the quotes. NULL or what is wrong. */
static const char *check_quoted(struct view *value)
{
    const char *end = memchr(value->ptr + 1, value->ptr[0], value->len - 1);
    struct view rest;

    if (!end)
        return "the quote is never closed";
    rest = skip_blanks(view_make(end + 1, value->len - (size_t)(end + 1 - value->ptr)));
    if (rest.len && rest.ptr[0] != '#')
        return "text behind the closing quote";
    *value = view_make(value->ptr + 1, (size_t)(end - value->ptr) - 1);
    return NULL;
}

static const char *check_value(struct view *value)
{
    if (value->len && (value->ptr[0] == '"' || value->ptr[0] == '\''))
        return check_quoted(value);
    if (value->len && memchr(value->ptr, '#', value->len))
        return "an unquoted '#' would cut the value off: quote the value, or give the comment "
               "a line of its own";
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

static int line_tell(struct scanner *s, unsigned number, unsigned level, struct view name,
                     const struct view *value)
{
    struct config_line l = {.line = number};
    int rc = path_extend(s, level, name);

    buf_reset(&s->value);
    if (value)
        (void)buf_add_view(&s->value, *value);
    rc = rc ? rc : buf_error(&s->value);
    if (rc)
        return rc;
    l.path = buf_str(&s->path);
    l.value = value ? buf_str(&s->value) : NULL;
    s->n_lines++;
    s->lost = false;
    return s->each(s->arg, &l);
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

    if (level > s->n_levels && s->lost)
        return 0;
    if (rest.ptr[0] == '\t' || n_spaces % 4)
        return refuse(s, "indent by four spaces");
    if (level > s->n_levels || level >= CONFIG_DEPTH_MAX)
        return refuse(s, "indented too far");
    while (name.len < rest.len && is_name_char(rest.ptr[name.len]))
        name.len++;
    if (name.len == 0 || name.ptr[0] == '/' || name.ptr[name.len - 1] == '/')
        return refuse(s, "a key was expected");
    rest = skip_blanks(view_make(rest.ptr + name.len, rest.len - name.len));
    if (rest.len == 0 || rest.ptr[0] == '#')
        return line_tell(s, number, level, name, NULL);
    if (rest.ptr[0] != '=')
        return refuse(s, "'=' was expected behind the key");
    rest = skip_blanks(view_make(rest.ptr + 1, rest.len - 1));
    wrong = check_value(&rest);
    if (wrong)
        return refuse(s, wrong);
    return line_tell(s, number, level, name, &rest);
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
    if (s->n_lines == CONFIG_LINES_MAX) {
        s->n_lines++; /* and no line after this one */
        return refuse(s, "too many lines");
    }
    while (line.ptr[n_spaces] == ' ')
        n_spaces++;
    return scan_entry(s, number, line, n_spaces);
}

/* The line that was just read is wrong. */
static int mistake_tell(struct scanner *s, unsigned number, struct view line)
{
    const struct config_line l = {.path = "", .wrong = s->reason, .line = number};
    unsigned level = 0;

    while (level < 4 * s->n_levels && level < line.len && line.ptr[level] == ' ')
        level++;
    s->n_levels = level / 4;
    s->lost = true;
    s->reason = NULL;
    return s->each(s->arg, &l);
}

int config_scan(struct view text, config_line_fn *each, void *arg)
{
    struct scanner s = {.each = each, .arg = arg};
    unsigned number = 0;
    int rc = 0;

    buf_init(&s.value, CONFIG_LINE_MAX);
    buf_init(&s.path, CONFIG_DEPTH_MAX * (CONFIG_LINE_MAX + 1));
    if (view_starts(text, "\xef\xbb\xbf"))
        text = view_make(text.ptr + 3, text.len - 3);
    while (!rc && text.len && s.n_lines <= CONFIG_LINES_MAX) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;

        rc = scan_line(&s, ++number, view_make(text.ptr, len));
        if (s.reason)
            rc = mistake_tell(&s, number, view_make(text.ptr, len));
        len += end ? 1 : 0;
        text = view_make(text.ptr + len, text.len - len);
    }
    if (s.value.cap)
        secret_wipe(s.value.ptr, s.value.cap); /* it may have held secrets */
    buf_fini(&s.value);
    buf_fini(&s.path);
    return rc;
}
