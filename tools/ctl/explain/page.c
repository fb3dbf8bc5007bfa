/* Reads a page line by line: which section and which table a line is in, what a row is about, and
 * how it looks without its marks. */

#include "tools/ctl/explain/page.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/nearest.h"
#include "tools/common/grid.h"
#include "tools/common/text.h"

#define TEXT_MAX    ((size_t)4 << 20)
#define LINK_BYTES  128 /* bytes of a heading's link */
#define POINTED_MAX 8   /* sections that the rows of one name point to */

/* A line and where it stands. */
struct reader {
    struct view rest;
    struct view line;
    struct view section; /* the last heading's text */
    size_t level;        /* how many # it has */
    struct view chapter; /* the last heading with two of them */
    struct view titles;  /* the first row of this table; VIEW_NONE: no table */
    bool heading;        /* the line is one */
    bool row;            /* it is a row behind the titles */
    bool code;           /* it stands between ``` */
};

static bool is_heading(struct view line)
{
    return view_starts(line, "# ") || view_starts(line, "## ") || view_starts(line, "### ") ||
           view_starts(line, "#### ");
}

static bool next_line(struct reader *r)
{
    const char *end = NULL;

    if (r->rest.len == 0)
        return false;
    end = memchr(r->rest.ptr, '\n', r->rest.len);
    r->line = view_make(r->rest.ptr, end ? (size_t)(end - r->rest.ptr) : r->rest.len);
    r->rest = view_make(r->rest.ptr + r->line.len + (end ? 1 : 0),
                        r->rest.len - r->line.len - (end ? 1 : 0));
    if (view_starts(r->line, "```"))
        r->code = !r->code;
    r->heading = !r->code && is_heading(r->line);
    if (r->heading) {
        r->section = view_trim(r->line, "# ");
        r->level = (size_t)(r->section.ptr - r->line.ptr) - 1;
        r->chapter = r->level <= 2 ? r->section : r->chapter;
    }
    r->row = view_starts(r->line, "|") && r->titles.ptr && !view_starts(r->line, "|--");
    if (!view_starts(r->line, "|"))
        r->titles = VIEW_NONE;
    else if (!r->titles.ptr)
        r->titles = r->line;
    return true;
}

/* The next cell of a row, whose first "|" has been taken; false: there is none. */
static bool next_cell(struct view *row, struct view *ret)
{
    bool code = false;

    for (size_t i = 0; i < row->len; i++) {
        code = code != (row->ptr[i] == '`');
        if (row->ptr[i] != '|' || code || (i > 0 && row->ptr[i - 1] == '\\'))
            continue;
        *ret = view_trim(view_make(row->ptr, i), " ");
        *row = view_make(row->ptr + i + 1, row->len - i - 1);
        return true;
    }
    return false;
}

static struct view cells_of(struct view line)
{
    return line.len ? view_make(line.ptr + 1, line.len - 1) : line;
}

/* The next `code` of @text. */
static bool next_code(struct view *text, struct view *ret)
{
    const char *from = text->len ? memchr(text->ptr, '`', text->len) : NULL;
    const char *end = text->ptr + text->len;
    const char *to = from ? memchr(from + 1, '`', (size_t)(end - from - 1)) : NULL;

    if (!to)
        return false;
    *ret = view_make(from + 1, (size_t)(to - from - 1));
    *text = view_make(to + 1, (size_t)(end - to - 1));
    return true;
}

/* --- what a line is about ------------------------------------------------------------------- */

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Writes a letter of two bytes to @ret; a Russian one, which they are here, as a small one. */
static size_t put_letter(unsigned char a, unsigned char b, char *ret)
{
    if (a == 0xd0 && b >= 0x90 && b < 0xa0) {
        b = (unsigned char)(b + 0x20);
    } else if (a == 0xd0 && b >= 0xa0 && b < 0xb0) {
        a = 0xd1;
        b = (unsigned char)(b - 0x20);
    }
    ret[0] = (char)a;
    ret[1] = (char)b;
    return 2;
}

/* A heading as links call it: "A destination is held" as a-destination-is-held. */
static struct view link_of(struct view heading, char *ret)
{
    size_t n = 0;

    for (size_t i = 0; i < heading.len && n + 2 <= LINK_BYTES; i++) {
        char c = lower(heading.ptr[i]);

        if (((unsigned char)c & 0xe0) == 0xc0 && i + 1 < heading.len)
            n += put_letter((unsigned char)c, (unsigned char)heading.ptr[++i], ret + n);
        else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
            ret[n++] = c;
        else if (c == ' ')
            ret[n++] = '-';
    }
    return view_make(ret, n);
}

static bool is_called(struct view heading, struct view name)
{
    char a[LINK_BYTES];
    char b[LINK_BYTES];

    return name.len > 0 && view_equal(link_of(heading, a), link_of(name, b));
}

/* A code that is @name, perhaps with labels behind it, or with options behind a verb of two words. */
static bool is_code_of(struct view code, struct view name)
{
    if (code.len < name.len || memcmp(code.ptr, name.ptr, name.len) != 0)
        return false;
    return code.len == name.len || code.ptr[name.len] == '{' ||
           (code.ptr[name.len] == ' ' && memchr(name.ptr, ' ', name.len));
}

static bool is_row_of(struct view line, struct view name)
{
    struct view row = cells_of(line);
    struct view cell = VIEW_NONE;
    struct view code = VIEW_NONE;

    if (name.len == 0 || !next_cell(&row, &cell))
        return false;
    while (next_code(&cell, &code)) {
        if (is_code_of(code, name))
            return true;
    }
    return false;
}

void page_offer_names(struct view page, struct nearest *n)
{
    struct reader r = {.rest = page};

    while (next_line(&r)) {
        struct view row = cells_of(r.line);
        struct view cell = VIEW_NONE;
        struct view code = VIEW_NONE;

        if (r.heading)
            nearest_offer(n, r.section);
        if (r.row && next_cell(&row, &cell)) {
            while (next_code(&cell, &code))
                nearest_offer(n, code);
        }
    }
}

/* --- how it looks --------------------------------------------------------------------------- */

/* Is the character at @at the "[" of a link? */
static bool begins_link(struct view text, size_t at)
{
    struct view rest = view_make(text.ptr + at, text.len - at);
    const char *to = rest.ptr[0] == '[' ? view_find(rest, "](") : NULL;

    return to && !memchr(rest.ptr + 1, '[', (size_t)(to - rest.ptr) - 1);
}

/* Without marks: code and stress as plain words, of a link its words. */
static void put_plain(struct view text, struct buf *out)
{
    bool code = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '`')
            code = !code;
        else if (c == '\\' && i + 1 < text.len && text.ptr[i + 1] == '|')
            continue;
        else if (!code && c == ']' && i + 1 < text.len && text.ptr[i + 1] == '(')
            while (i < text.len && text.ptr[i] != ')')
                i++;
        else if (code || (c != '*' && !begins_link(text, i)))
            (void)buf_add_char(out, c); /* errors stick in the buf, here and below */
    }
}

/* @text without marks, folded. */
static int put_folded(struct view text, size_t at, size_t indent, size_t width, struct buf *out)
{
    struct buf plain;
    int rc = 0;

    buf_init(&plain, TEXT_MAX);
    put_plain(text, &plain);
    text_fold(buf_view(&plain), at, indent, width, out);
    rc = buf_error(&plain);
    buf_fini(&plain);
    return rc;
}

static int add_plain(struct view text, struct grid *g)
{
    struct buf plain;
    int rc = 0;

    buf_init(&plain, TEXT_MAX);
    put_plain(text, &plain);
    grid_add(g, buf_view(&plain));
    rc = buf_error(&plain);
    buf_fini(&plain);
    return rc;
}

/* A row as the titles of its table and what it says of each. */
static int put_row(const struct reader *r, size_t width, struct buf *out)
{
    struct view titles = cells_of(r->titles);
    struct view row = cells_of(r->line);
    struct view title = VIEW_NONE;
    struct view cell = VIEW_NONE;
    struct grid g;
    int rc = 0;

    grid_init(&g, 2);
    while (rc == 0 && next_cell(&row, &cell)) {
        if (!next_cell(&titles, &title) || title.len == 0)
            title = VIEW_LIT("what");
        if (cell.len == 0)
            continue;
        rc = add_plain(title, &g);
        rc = rc ? rc : add_plain(cell, &g);
    }
    rc = rc ? rc : grid_print_pairs(&g, 2, width, out);
    grid_fini(&g);
    return rc;
}

/* A row among others: its first cell, and the others below it. */
static int put_row_short(const struct reader *r, size_t width, struct buf *out)
{
    struct view titles = cells_of(r->titles);
    struct view row = cells_of(r->line);
    struct view title = VIEW_NONE;
    struct view cell = VIEW_NONE;
    size_t n = 0;
    int rc = 0;

    for (; rc == 0 && next_cell(&row, &cell); n++) {
        size_t indent = n ? 6 : 2;

        if (!next_cell(&titles, &title))
            title = VIEW_NONE;
        if (cell.len == 0)
            continue;
        (void)buf_add_f(out, "%*s", (int)indent, "");
        rc = put_folded(cell, indent, indent + (n ? 0 : 2), width, out);
        (void)buf_add_char(out, '\n');
    }
    return rc;
}

/* How far the lines of an item are set in: behind its mark. 0: it is none. */
static size_t item_indent(struct view line)
{
    struct view text = view_trim(line, " ");
    size_t before = (size_t)(text.ptr - line.ptr);
    size_t digits = 0;

    if (view_starts(text, "- "))
        return before + 2;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    return digits && digits < text.len && text.ptr[digits] == '.' ? before + digits + 2 : 0;
}

static int put_line(const struct reader *r, size_t width, struct buf *out)
{
    size_t before = 0;

    if (r->row)
        return put_row_short(r, width, out);
    if (view_starts(r->line, "|") || view_starts(r->line, "```"))
        return 0;
    if (r->heading)
        return put_folded(r->section, 0, 0, width, out) ? -ENOMEM : buf_add_char(out, '\n');
    while (before < r->line.len && r->line.ptr[before] == ' ')
        before++;
    before += r->code ? 4 : 0;
    (void)buf_add_f(out, "%*s", (int)before, "");
    if (r->code)
        text_fold(view_trim(r->line, " "), before, before + 4, width, out);
    else if (put_folded(view_trim(r->line, " "), before, item_indent(r->line), width, out))
        return -ENOMEM;
    return buf_add_char(out, '\n');
}

/* --- finding -------------------------------------------------------------------------------- */

struct finder {
    struct view page;
    struct view name;
    size_t width;
    page_fn *fn;
    void *arg;
    struct view pointed[POINTED_MAX]; /* headings */
    size_t n_pointed;
};

/* The heading that the first link of @line to a place on this page is of. */
static struct view linked_section(const struct finder *f, struct view line)
{
    const char *from = view_find(line, "](#");
    const char *end = line.ptr + line.len;
    const char *to = from ? memchr(from, ')', (size_t)(end - from)) : NULL;
    struct reader r = {.rest = f->page};

    while (to && next_line(&r)) {
        char link[LINK_BYTES];

        if (r.heading &&
            view_equal(link_of(r.section, link), view_make(from + 3, (size_t)(to - from - 3))))
            return r.section;
    }
    return VIEW_NONE;
}

static void point(struct finder *f, struct view section)
{
    for (size_t i = 0; i < f->n_pointed; i++) {
        if (view_equal(f->pointed[i], section))
            return;
    }
    if (section.ptr && f->n_pointed < POINTED_MAX)
        f->pointed[f->n_pointed++] = section;
}

/* The chapter whose sections say what to do: a row of one is told with the way to the whole section. */
static bool is_runbook(struct view chapter)
{
    return view_is(chapter, "Runbook") || view_is(chapter, "Что делать, если");
}

static int tell_row(struct finder *f, const struct reader *r)
{
    struct page_part part = {.section = r->section};
    char link[LINK_BYTES];
    struct buf text;
    int rc = 0;

    buf_init(&text, TEXT_MAX);
    rc = put_row(r, f->width, &text);
    if (is_runbook(r->chapter) && r->level > 2)
        part.more = link_of(r->section, link);
    else
        point(f, linked_section(f, r->line));
    part.text = buf_view(&text);
    rc = rc ? rc : buf_error(&text);
    rc = rc ? rc : f->fn(f->arg, &part);
    buf_fini(&text);
    return rc;
}

/* The section whose heading @r has just read, with those inside it. */
static int tell_section(struct finder *f, struct reader r)
{
    struct page_part part = {.section = r.section};
    size_t level = r.level;
    struct buf text;
    int rc = 0;

    buf_init(&text, TEXT_MAX);
    while (rc == 0 && next_line(&r) && !(r.heading && r.level <= level))
        rc = put_line(&r, f->width, &text);
    part.text = view_trim(buf_view(&text), "\n");
    rc = rc ? rc : buf_error(&text);
    rc = rc ? rc : f->fn(f->arg, &part);
    buf_fini(&text);
    return rc;
}

/* Reads on to the next heading. */
static bool next_heading(struct reader *r)
{
    while (next_line(r)) {
        if (r->heading)
            return true;
    }
    return false;
}

struct view page_same_heading(struct view page, struct view other, struct view name)
{
    struct reader a = {.rest = page};
    struct reader b = {.rest = other};

    while (next_heading(&a) && next_heading(&b)) {
        if (is_called(a.section, name))
            return b.section;
    }
    return VIEW_NONE;
}

int page_find(struct view page, struct view name, size_t width, page_fn *fn, void *arg)
{
    struct finder f = {.page = page, .name = name, .width = width, .fn = fn, .arg = arg};
    struct reader r = {.rest = page};
    int rc = 0;

    while (rc == 0 && next_line(&r)) {
        if (r.row && is_row_of(r.line, name))
            rc = tell_row(&f, &r);
        else if (r.heading && is_called(r.section, name))
            point(&f, r.section);
    }
    for (size_t i = 0; rc == 0 && i < f.n_pointed; i++) {
        struct reader again = {.rest = page};

        while (next_line(&again) && !(again.heading && view_equal(again.section, f.pointed[i])))
            ;
        rc = tell_section(&f, again);
    }
    return rc;
}
