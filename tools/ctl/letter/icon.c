/* libexpat reads the SVG; what it finds is looked at here: elements and their attributes, text,
 * and in the end the size of the root. */

#include "tools/ctl/letter/icon.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <expat.h>

#include "base/json.h"
#include "base/mem.h"

#define DEPTH_MAX 64
#define SIDE      14000 /* thousandths */
#define SVG_SPACE "http://www.w3.org/2000/svg"

/* What says how large it is. */
enum {
    WIDTH,
    HEIGHT,
    VIEW_BOX,
    GIVEN_N
};
static const char *const given_names[] = {"width", "height", "viewBox"};

struct look {
    XML_Parser parser;
    struct buf text; /* since the last tag: it comes in pieces */
    size_t depth;
    bool script;
    bool remote;
    bool named;                /* the root stands in SVG's namespace */
    struct buf given[GIVEN_N]; /* of the root; empty: not given */
    int error;                 /* 0, or what ended the reading */
    struct buf *why;
};

static void look_init(struct look *l, struct buf *why);
static void look_fini(struct look *l);
static int look_parse(struct look *l, struct view svg);
static int check_size(struct look *l);

static int wrong(struct look *l, const char *words)
{
    (void)buf_add_str(l->why, words); /* errors stick in the buf */
    return ICON_E_WRONG;
}

static void tell_doubts(const struct look *l, struct buf *doubts)
{
    if (!l->named)
        (void)buf_add_str(doubts, "the icon does not name SVG's namespace "
                                  "(xmlns=\"" SVG_SPACE "\"): browsers may not show it\n");
    if (l->script)
        (void)buf_add_str(doubts, "the icon has a script in it; support may refuse it\n");
    if (l->remote)
        (void)buf_add_str(doubts,
                          "the icon refers to something outside itself, which will not be "
                          "shown; put it inside\n");
}

int icon_check(struct view svg, struct buf *why, struct buf *doubts)
{
    struct look l;
    int rc = 0;

    look_init(&l, why);
    if (svg.len == 0)
        rc = wrong(&l, "is empty");
    else if (svg.len > ICON_BYTES_MAX)
        rc = wrong(&l, "is larger than 100 KB");
    else if (!json_utf8_valid(svg))
        rc = wrong(&l, "is not an SVG (SVG is text: is it a picture saved under this name?)");
    if (rc == 0)
        rc = look_parse(&l, svg);
    if (rc == 0)
        rc = check_size(&l);
    if (rc == 0)
        tell_doubts(&l, doubts);
    look_fini(&l);
    return rc;
}

/* --- reading -------------------------------------------------------------------------------- */

static void look_init(struct look *l, struct buf *why)
{
    *l = (struct look){.why = why};
    buf_init(&l->text, ICON_BYTES_MAX);
    for (size_t i = 0; i < GIVEN_N; i++)
        buf_init(&l->given[i], ICON_BYTES_MAX);
}

static void look_fini(struct look *l)
{
    XML_ParserFree(l->parser);
    buf_fini(&l->text);
    for (size_t i = 0; i < GIVEN_N; i++)
        buf_fini(&l->given[i]);
}

/* The reading ends with @rc, a first one with it. */
static void end(struct look *l, int rc)
{
    l->error = l->error ? l->error : rc;
    (void)XML_StopParser(l->parser, XML_FALSE); /* fails when it has ended already */
}

static void XMLCALL on_doctype(void *arg, const char *name, const char *system,
                               const char *public, int has_subset)
{
    struct look *l = arg;

    (void)name, (void)system, (void)public;
    if (has_subset)
        end(l, wrong(l, "defines entities, which no icon needs: save it as plain SVG"));
}

static void XMLCALL on_start(void *arg, const char *name, const char **attributes);
static void XMLCALL on_end(void *arg, const char *name);

static void XMLCALL on_text(void *arg, const char *bytes, int len)
{
    struct look *l = arg;

    if (buf_add(&l->text, bytes, (size_t)len))
        end(l, -ENOMEM); /* it is not longer than the file */
}

/* What expat says to a file that ends before its time. */
static bool is_cut_off(enum XML_Error error)
{
    return error == XML_ERROR_NO_ELEMENTS || error == XML_ERROR_UNCLOSED_TOKEN ||
           error == XML_ERROR_UNCLOSED_CDATA_SECTION;
}

static int parse_failed(struct look *l)
{
    enum XML_Error error = XML_GetErrorCode(l->parser);

    if (error == XML_ERROR_NO_MEMORY)
        return -ENOMEM;
    (void)buf_add_f(l->why, "%s: %s in line %lu",
                    is_cut_off(error) ? "is cut off" : "is not an SVG", XML_ErrorString(error),
                    (unsigned long)XML_GetCurrentLineNumber(l->parser));
    return ICON_E_WRONG;
}

static int look_parse(struct look *l, struct view svg)
{
    static const XML_Memory_Handling_Suite memory = {mem_alloc, mem_realloc, mem_free};

    /* its encoding was looked at, whatever it says itself; prefixes are left in the names: in a
     * piece of SVG they may lack their declaration */
    l->parser = XML_ParserCreate_MM("UTF-8", &memory, NULL);
    if (!l->parser)
        return -ENOMEM;
    XML_SetUserData(l->parser, l);
    XML_SetStartDoctypeDeclHandler(l->parser, on_doctype);
    XML_SetElementHandler(l->parser, on_start, on_end);
    XML_SetCharacterDataHandler(l->parser, on_text);
    if (XML_Parse(l->parser, svg.ptr, (int)svg.len, XML_TRUE) == XML_STATUS_OK)
        return 0;
    return l->error ? l->error : parse_failed(l);
}

/* --- elements and text ---------------------------------------------------------------------- */

/* Whatever the case. */
static bool begins(const char *text, const char *with)
{
    return strncasecmp(text, with, strlen(with)) == 0;
}

static bool holds(const char *text, const char *what)
{
    for (; *text; text++) {
        if (begins(text, what))
            return true;
    }
    return false;
}

/* url(…) of something else than a part of the icon, or @import. */
static bool fetches(const char *text)
{
    for (const char *at = text; *at; at++) {
        const char *rest = at + 4;

        if (!begins(at, "url("))
            continue;
        rest += strspn(rest, " '\"");
        if (*rest != '#' && !begins(rest, "data:"))
            return true;
    }
    return holds(text, "@import");
}

/* The text before a tag. */
static void look_at_text(struct look *l)
{
    l->remote = l->remote || fetches(buf_str(&l->text));
    buf_reset(&l->text);
}

/* Without its prefix. */
static const char *local(const char *name)
{
    const char *colon = strchr(name, ':');

    return colon ? colon + 1 : name;
}

static void look_at_attribute(struct look *l, const char *name, const char *value)
{
    if (begins(name, "on") || holds(value, "javascript:"))
        l->script = true;
    if ((strcmp(local(name), "href") == 0 || strcmp(name, "src") == 0) && *value &&
        *value != '#' && strncmp(value, "data:", 5) != 0)
        l->remote = true;
    l->remote = l->remote || fetches(value);
}

/* Does the attribute @name declare the namespace of the element @element? */
static bool declares(const char *name, const char *element)
{
    const char *colon = strchr(element, ':');
    size_t len = colon ? (size_t)(colon - element) : 0;

    if (!colon)
        return strcmp(name, "xmlns") == 0;
    return strncmp(name, "xmlns:", 6) == 0 && strlen(name + 6) == len &&
           strncmp(name + 6, element, len) == 0;
}

static void look_at_root(struct look *l, const char *element, const char *name,
                         const char *value)
{
    for (size_t i = 0; i < GIVEN_N; i++) {
        /* with a blank, so that an empty one was given, too */
        if (strcmp(name, given_names[i]) == 0 && buf_add_f(&l->given[i], "%s ", value))
            end(l, -ENOMEM);
    }
    if (declares(name, element) && strcmp(value, SVG_SPACE) == 0)
        l->named = true;
}

static void XMLCALL on_start(void *arg, const char *name, const char **attributes)
{
    struct look *l = arg;
    bool is_root = l->depth == 0;

    if (l->error) /* expat may have one more to tell after its end */
        return;
    if (is_root && strcmp(local(name), "svg") != 0)
        end(l, wrong(l, "is not an SVG: its element is not <svg>"));
    else if (l->depth == DEPTH_MAX)
        end(l, wrong(l, "nests its elements too deep"));
    look_at_text(l);
    l->depth++;
    if (strcmp(local(name), "script") == 0 || strcmp(local(name), "foreignObject") == 0)
        l->script = true;
    for (; *attributes; attributes += 2) {
        look_at_attribute(l, attributes[0], attributes[1]);
        if (is_root)
            look_at_root(l, name, attributes[0], attributes[1]);
    }
}

static void XMLCALL on_end(void *arg, const char *name)
{
    struct look *l = arg;

    (void)name; /* expat sees to it that it is the last one begun */
    look_at_text(l);
    l->depth--;
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
static int check_size(struct look *l)
{
    bool given = l->given[WIDTH].len && l->given[HEIGHT].len;

    for (size_t i = WIDTH; i <= HEIGHT; i++) {
        if (l->given[i].len && !is_side(buf_view(&l->given[i])))
            return wrong(l, i == HEIGHT ? "is not 14x14: its height is another one"
                                        : "is not 14x14: its width is another one");
    }
    if (!given && !l->given[VIEW_BOX].len)
        return wrong(
            l, "says no size: it needs width=\"14\" height=\"14\" or viewBox=\"0 0 14 14\"");
    if (!given && !is_box(buf_view(&l->given[VIEW_BOX])))
        return wrong(l, "is not 14x14: its viewBox is not 0 0 14 14");
    return 0;
}
