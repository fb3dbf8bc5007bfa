/* A scanner of SVG in one pass: text, markup, tags with their attributes; then the size of
 * the root. */

#include "tools/ctl/letter/icon.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"

#define DEPTH_MAX 64
#define SIDE      14000 /* thousandths */

struct scan {
    struct view text; /* what is left */
    struct view open[DEPTH_MAX];
    size_t depth;
    bool rooted; /* the root element was there */
    bool script;
    bool remote;
    bool named;           /* the root names SVG's namespace */
    struct view sides[2]; /* width and height; VIEW_NONE: not given */
    struct view view_box;
    struct buf *why;
};

static int scan_markup(struct scan *s);
static int scan_tag(struct scan *s);
static int check_size(struct scan *s);

static int wrong(struct scan *s, const char *words)
{
    (void)buf_add_str(s->why, words); /* errors stick in the buf */
    return ICON_E_WRONG;
}

int icon_check(struct view svg, struct buf *why, struct buf *doubts)
{
    struct scan s = {.text = svg, .why = why};
    int rc = 0;

    if (svg.len == 0)
        return wrong(&s, "is empty");
    if (svg.len > ICON_BYTES_MAX)
        return wrong(&s, "is larger than 100 KB");
    if (!json_utf8_valid(svg))
        return wrong(&s, "is not an SVG (SVG is text: is it a picture saved under this name?)");
    if (view_starts(svg, "\xef\xbb\xbf"))
        s.text = view_make(svg.ptr + 3, svg.len - 3);
    while (rc == 0 && s.text.len)
        rc = scan_markup(&s);
    if (rc)
        return rc;
    if (!s.rooted)
        return wrong(&s, "is not an SVG: it has no <svg> element");
    if (s.depth)
        return wrong(&s, "is cut off: an element is not closed");
    rc = check_size(&s);
    if (rc)
        return rc;
    if (!s.named)
        (void)buf_add_str(doubts,
                          "the icon does not name SVG's namespace "
                          "(xmlns=\"http://www.w3.org/2000/svg\"): browsers may not show it\n");
    if (s.script)
        (void)buf_add_str(doubts, "the icon has a script in it; support may refuse it\n");
    if (s.remote)
        (void)buf_add_str(doubts,
                          "the icon refers to something outside itself, which will not be "
                          "shown; put it inside\n");
    return 0;
}

/* --- text and what is between the tags ------------------------------------------------------ */

static void skip(struct scan *s, size_t n)
{
    s->text = view_make(s->text.ptr + n, s->text.len - n);
}

/* Skips to behind @end; false when it is not there. */
static bool skip_behind(struct scan *s, const char *end)
{
    const char *at = view_find(s->text, end);

    if (!at)
        return false;
    skip(s, (size_t)(at - s->text.ptr) + strlen(end));
    return true;
}

/* Whatever the case. */
static bool begins(struct view v, const char *with)
{
    size_t n = strlen(with);

    return v.len >= n && strncasecmp(v.ptr, with, n) == 0;
}

static bool holds(struct view v, const char *what)
{
    for (size_t i = 0; i < v.len; i++) {
        if (begins(view_make(v.ptr + i, v.len - i), what))
            return true;
    }
    return false;
}

/* url(…) of something else than a part of the icon, or @import. */
static bool fetches(struct view v)
{
    for (size_t i = 0; i + 4 <= v.len; i++) {
        struct view rest = view_make(v.ptr + i, v.len - i);

        if (!begins(rest, "url("))
            continue;
        rest = view_make(rest.ptr + 4, rest.len - 4);
        while (rest.len && (rest.ptr[0] == ' ' || rest.ptr[0] == '\'' || rest.ptr[0] == '"'))
            rest = view_make(rest.ptr + 1, rest.len - 1);
        if (!view_starts(rest, "#") && !begins(rest, "data:"))
            return true;
    }
    return holds(v, "@import");
}

static int scan_text(struct scan *s)
{
    const char *tag = memchr(s->text.ptr, '<', s->text.len);
    struct view words = view_make(s->text.ptr, tag ? (size_t)(tag - s->text.ptr) : s->text.len);

    for (size_t i = 0; s->depth == 0 && i < words.len; i++) {
        if (!isspace((unsigned char)words.ptr[i]))
            return wrong(s, "is not an SVG: text stands outside its element");
    }
    s->remote = s->remote || fetches(words);
    skip(s, words.len);
    return 0;
}

static int scan_markup(struct scan *s)
{
    if (s->text.ptr[0] != '<')
        return scan_text(s);
    if (view_starts(s->text, "<!--"))
        return skip_behind(s, "-->") ? 0 : wrong(s, "is cut off: a comment does not end");
    if (view_starts(s->text, "<![CDATA[")) {
        struct view rest = s->text;

        if (!skip_behind(s, "]]>"))
            return wrong(s, "is cut off: a CDATA section does not end");
        rest.len -= s->text.len;
        s->remote = s->remote || fetches(rest);
        return 0;
    }
    if (view_starts(s->text, "<?"))
        return skip_behind(s, "?>") ? 0 : wrong(s, "is cut off: <? does not end");
    if (view_starts(s->text, "<!")) {
        struct view rest = s->text;

        if (!skip_behind(s, ">"))
            return wrong(s, "is cut off: <! does not end");
        rest.len -= s->text.len;
        if (memchr(rest.ptr, '[', rest.len))
            return wrong(s, "defines entities, which no icon needs: save it as plain SVG");
        return 0;
    }
    return scan_tag(s);
}

/* --- a tag ---------------------------------------------------------------------------------- */

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || strchr(":_.-", c) || (unsigned char)c >= 0x80;
}

static struct view take_name(struct scan *s)
{
    size_t n = 0;

    while (n < s->text.len && s->text.ptr[n] && is_name(s->text.ptr[n]))
        n++;
    skip(s, n);
    return view_make(s->text.ptr - n, n);
}

static void skip_space(struct scan *s)
{
    while (s->text.len && isspace((unsigned char)s->text.ptr[0]))
        skip(s, 1);
}

/* Without its prefix. */
static struct view local(struct view name)
{
    const char *colon = memchr(name.ptr, ':', name.len);

    return colon ? view_make(colon + 1, name.len - (size_t)(colon - name.ptr) - 1) : name;
}

static void take_attribute(struct scan *s, struct view name, struct view value)
{
    bool of_root = s->depth == 0;

    if (of_root && view_is(name, "width"))
        s->sides[0] = value;
    if (of_root && view_is(name, "height"))
        s->sides[1] = value;
    if (of_root && view_is(name, "viewBox"))
        s->view_box = value;
    if (of_root && view_starts(name, "xmlns") && view_is(value, "http://www.w3.org/2000/svg"))
        s->named = true;
    if (begins(name, "on"))
        s->script = true;
    if (holds(value, "javascript:"))
        s->script = true;
    if ((view_is(local(name), "href") || view_is(name, "src")) && value.len &&
        value.ptr[0] != '#' && !view_starts(value, "data:"))
        s->remote = true;
    s->remote = s->remote || fetches(value);
}

static int scan_attribute(struct scan *s)
{
    struct view name = take_name(s);
    const char *end = NULL;
    char quote = '\0';

    skip_space(s);
    if (name.len == 0 || s->text.len == 0 || s->text.ptr[0] != '=')
        return wrong(s, "is not an SVG: an attribute has no value");
    skip(s, 1);
    skip_space(s);
    if (s->text.len)
        quote = s->text.ptr[0];
    if (quote != '"' && quote != '\'')
        return wrong(s, "is not an SVG: an attribute's value is not in quotes");
    end = memchr(s->text.ptr + 1, quote, s->text.len - 1);
    if (!end)
        return wrong(s, "is cut off: an attribute's value does not end");
    take_attribute(s, name, view_make(s->text.ptr + 1, (size_t)(end - s->text.ptr) - 1));
    skip(s, (size_t)(end - s->text.ptr) + 1);
    return 0;
}

static int scan_end_tag(struct scan *s)
{
    struct view name;

    skip(s, 2);
    name = take_name(s);
    skip_space(s);
    if (s->text.len == 0 || s->text.ptr[0] != '>')
        return wrong(s, "is cut off: a tag does not end");
    skip(s, 1);
    if (s->depth == 0 || !view_equal(s->open[s->depth - 1], name))
        return wrong(s, "is not an SVG: its elements are not closed in order");
    s->depth--;
    return 0;
}

static int scan_tag(struct scan *s)
{
    struct view name;
    int rc = 0;

    if (view_starts(s->text, "</"))
        return scan_end_tag(s);
    skip(s, 1);
    name = take_name(s);
    if (s->depth == 0 && (s->rooted || !view_is(local(name), "svg")))
        return wrong(s, "is not an SVG: its element is not <svg>");
    if (view_is(local(name), "script") || view_is(local(name), "foreignObject"))
        s->script = true;
    for (;;) {
        skip_space(s);
        if (s->text.len == 0)
            return wrong(s, "is cut off: a tag does not end");
        if (s->text.ptr[0] == '>' || s->text.ptr[0] == '/')
            break;
        rc = scan_attribute(s);
        if (rc)
            return rc;
    }
    s->rooted = true;
    if (view_starts(s->text, "/>")) {
        skip(s, 2);
        return 0;
    }
    if (s->text.ptr[0] == '/')
        return wrong(s, "is not an SVG: a tag is broken");
    skip(s, 1);
    if (s->depth == DEPTH_MAX)
        return wrong(s, "nests its elements too deep");
    s->open[s->depth++] = name;
    return 0;
}

/* --- size ----------------------------------------------------------------------------------- */

/* The next number of @v in thousandths, which is shortened by it and the blanks and commas before;
 * -1: none. More digits than an icon needs make another number of it. */
static int64_t next_number(struct view *v)
{
    int64_t n = 0;
    int64_t unit = 1000;
    bool point = false;
    bool any = false;

    while (v->len && (isspace((unsigned char)v->ptr[0]) || v->ptr[0] == ','))
        *v = view_make(v->ptr + 1, v->len - 1);
    for (; v->len; *v = view_make(v->ptr + 1, v->len - 1)) {
        if (v->ptr[0] == '.' && !point) {
            point = true;
            continue;
        }
        if (!isdigit((unsigned char)v->ptr[0]))
            break;
        any = true;
        unit = point ? unit / 10 : unit;
        if (point)
            n += (v->ptr[0] - '0') * unit;
        else if (n < 1000000000)
            n = 10 * n + (v->ptr[0] - '0') * unit;
    }
    return any ? n : -1;
}

static bool is_side(struct view v)
{
    int64_t n = next_number(&v);

    while (v.len && isspace((unsigned char)v.ptr[v.len - 1]))
        v.len--;
    return n == SIDE && (v.len == 0 || view_is(v, "px"));
}

static bool is_box(struct view v)
{
    static const int64_t want[] = {0, 0, SIDE, SIDE};

    for (size_t i = 0; i < AMO_COUNT(want); i++) {
        if (next_number(&v) != want[i])
            return false;
    }
    return next_number(&v) < 0 && v.len == 0;
}

/* Sides that are given count; without them the view box does. */
static int check_size(struct scan *s)
{
    bool given = s->sides[0].ptr && s->sides[1].ptr;

    for (size_t i = 0; i < 2; i++) {
        if (s->sides[i].ptr && !is_side(s->sides[i]))
            return wrong(s, i ? "is not 14x14: its height is another one"
                              : "is not 14x14: its width is another one");
    }
    if (!given && !s->view_box.ptr)
        return wrong(
            s, "says no size: it needs width=\"14\" height=\"14\" or viewBox=\"0 0 14 14\"");
    if (!given && !is_box(s->view_box))
        return wrong(s, "is not 14x14: its viewBox is not 0 0 14 14");
    return 0;
}
