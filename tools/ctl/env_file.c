/* Two readers of the same text, each with the rules of its program and no others. */

#include "tools/ctl/env_file.h"

#include <errno.h>
#include <string.h>

#define PART_MAX ((size_t)1 << 20) /* bytes of a value; the caller's files are smaller */

struct reader {
    struct view text;
    size_t at;
    unsigned line; /* of the byte at @at */
    struct buf name;
    struct buf value;
};

static void reader_init(struct reader *r, struct view text)
{
    *r = (struct reader){.text = text, .line = 1};
    buf_init(&r->name, PART_MAX);
    buf_init(&r->value, PART_MAX);
}

static int reader_fini(struct reader *r)
{
    int rc = buf_error(&r->name) ? buf_error(&r->name) : buf_error(&r->value);

    buf_fini(&r->name);
    buf_fini(&r->value);
    return rc;
}

static bool is_over(const struct reader *r)
{
    return r->at == r->text.len;
}

/* The next byte, '\n' behind the last. */
static char peek(const struct reader *r)
{
    char c = '\n';

    if (!is_over(r))
        c = r->text.ptr[r->at];
    return c;
}

static char take(struct reader *r)
{
    char c = peek(r);

    r->line += c == '\n';
    r->at += !is_over(r);
    return c;
}

static bool is_one_of(char c, const char *these)
{
    return c && strchr(these, c) != NULL;
}

static void skip(struct reader *r, const char *these)
{
    while (!is_over(r) && is_one_of(peek(r), these))
        (void)take(r);
}

static void trim_end(struct buf *b, size_t keep, const char *these)
{
    size_t n = b->len;

    while (n > keep && is_one_of(b->ptr[n - 1], these))
        n--;
    if (n < b->len) {
        b->len = n;
        b->ptr[n] = '\0';
    }
}

/* --- systemd -------------------------------------------------------------------------------- */

static const char blanks[] = " \t\r\n";

/* A backslash at the end of a comment makes the next line a part of it. */
static void systemd_comment(struct reader *r)
{
    char c = '\0';

    while (!is_over(r) && (c = take(r)) != '\n') {
        if (c == '\\')
            (void)take(r);
    }
}

/* Up to the end of the quotes, or of the file. */
static void systemd_quoted(struct reader *r, char quote)
{
    while (!is_over(r)) {
        char c = take(r);

        if (c == quote)
            return;
        if (quote == '"' && c == '\\' && !is_over(r)) {
            char next = take(r);

            if (is_one_of(next, "\"\\`$"))
                (void)buf_add_char(&r->value, next);
            else if (next != '\n')
                (void)buf_add_f(&r->value, "\\%c", next);
            continue;
        }
        (void)buf_add_char(&r->value, c);
    }
}

/* Without quotes: quotes, '#' and '$' are characters as others. Blanks at its end are none of it. */
static void systemd_bare(struct reader *r)
{
    size_t keep = r->value.len;

    while (!is_over(r) && peek(r) != '\n') {
        char c = take(r);

        if (c == '\\') {
            c = take(r);
            if (c != '\n')
                (void)buf_add_char(&r->value, c);
            keep = r->value.len;
            continue;
        }
        (void)buf_add_char(&r->value, c);
    }
    trim_end(&r->value, keep, blanks);
}

static void systemd_value(struct reader *r)
{
    while (!is_over(r)) {
        char c = '\0';

        skip(r, " \t\r");
        c = peek(r);
        if (c != '"' && c != '\'') {
            systemd_bare(r);
            return;
        }
        (void)take(r);
        systemd_quoted(r, c);
    }
}

int env_file_systemd(struct view text, env_file_fn *each, void *arg)
{
    struct reader r;

    reader_init(&r, text);
    for (skip(&r, blanks); !is_over(&r); skip(&r, blanks)) {
        struct env_line l = {.line = r.line};
        bool given = false;

        if (peek(&r) == '#' || peek(&r) == ';') {
            systemd_comment(&r);
            continue;
        }
        buf_reset(&r.name);
        buf_reset(&r.value);
        while (peek(&r) != '\n' && peek(&r) != '=')
            (void)buf_add_char(&r.name, take(&r));
        trim_end(&r.name, 0, blanks);
        given = take(&r) == '=';
        if (given)
            systemd_value(&r);
        l.name = buf_view(&r.name);
        l.value = given ? buf_view(&r.value) : VIEW_NONE;
        each(arg, &l);
    }
    return reader_fini(&r);
}

/* --- compose -------------------------------------------------------------------------------- */

static const char spaces[] = " \t\v\f\r";

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           is_one_of(c, "_.-[]");
}

/* "NAME=", "NAME: " or "NAME" alone, which is taken from the environment. */
static int compose_name(struct reader *r, bool *ret_alone)
{
    static const char word[] = "export";
    size_t n = sizeof(word) - 1;

    if (r->text.len - r->at > n && memcmp(r->text.ptr + r->at, word, n) == 0 &&
        is_one_of(r->text.ptr[r->at + n], spaces))
        r->at += n;
    skip(r, spaces);
    buf_reset(&r->name);
    while (!is_one_of(peek(r), "=:\n")) {
        if (!is_name_char(peek(r)) && !is_one_of(peek(r), spaces))
            return ENV_FILE_E_REFUSED;
        (void)buf_add_char(&r->name, take(r));
    }
    trim_end(&r->name, 0, spaces);
    *ret_alone = peek(r) == '\n';
    if (memchr(buf_str(&r->name), ' ', r->name.len))
        return ENV_FILE_E_REFUSED;
    (void)take(r);
    return 0;
}

/* " #" begins a comment. */
static void compose_bare(struct reader *r, bool *replaced)
{
    char before = '\0';

    while (peek(r) != '\n' && !(peek(r) == '#' && before == ' ')) {
        before = take(r);
        *replaced = *replaced || before == '$';
        (void)buf_add_char(&r->value, before);
    }
    while (peek(r) != '\n')
        (void)take(r);
    trim_end(&r->value, 0, " \t\v\f\r");
}

static void compose_escape(struct reader *r, char c)
{
    static const char letters[] = "abfnrtv";
    static const char bytes[] = "\a\b\f\n\r\t\v";

    if (is_one_of(c, letters))
        c = bytes[strchr(letters, c) - letters];
    else if (!is_one_of(c, "$\"\\"))
        (void)buf_add_char(&r->value, '\\');
    (void)buf_add_char(&r->value, c);
}

static int compose_quoted(struct reader *r, char quote, bool *replaced)
{
    (void)take(r);
    while (!is_over(r)) {
        char c = take(r);

        if (c == quote)
            return 0;
        if (c != '\\') {
            *replaced = *replaced || (c == '$' && quote == '"');
            (void)buf_add_char(&r->value, c);
            continue;
        }
        c = take(r);
        if (quote == '"')
            compose_escape(r, c);
        else if (c == quote)
            (void)buf_add_char(&r->value, c);
        else
            (void)buf_add_f(&r->value, "\\%c", c);
    }
    return ENV_FILE_E_REFUSED;
}

int env_file_compose(struct view text, env_file_fn *each, void *arg, unsigned *ret_line)
{
    struct reader r;
    int rc = 0;
    int failed = 0;

    reader_init(&r, text);
    for (skip(&r, " \t\v\f\r\n"); rc == 0 && !is_over(&r); skip(&r, " \t\v\f\r\n")) {
        struct env_line l = {.line = r.line};
        bool alone = false;

        *ret_line = r.line;
        if (peek(&r) == '#') {
            while (take(&r) != '\n')
                ;
            continue;
        }
        buf_reset(&r.value);
        rc = compose_name(&r, &alone);
        if (rc == 0 && !alone) {
            skip(&r, spaces);
            if (peek(&r) == '"' || peek(&r) == '\'')
                rc = compose_quoted(&r, peek(&r), &l.replaced);
            else
                compose_bare(&r, &l.replaced);
        }
        if (rc == 0) {
            l.name = buf_view(&r.name);
            l.value = alone ? VIEW_NONE : buf_view(&r.value);
            each(arg, &l);
        }
    }
    failed = reader_fini(&r);
    return failed ? failed : rc;
}
