/* Core's document as people read it. The shape alone decides: lists become tables, objects
 * keys and values; the end of its key shows the unit of a value. */

#include "tools/ctl/show.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/mem.h"
#include "tools/common/grid.h"
#include "tools/common/text.h"

#define SHOW_CELL_MAX ((size_t)8 << 20) /* bytes; a raw body is the longest value there is */
#define SHOW_DEPTH    4                 /* objects inside objects */
#define SHOW_INDENT   2
#define SHOW_ID_SHORT 8

static const struct names unnamed = {0};

/* What is shown, and where. */
struct page {
    struct json *doc;
    const struct names *names; /* of accounts */
    size_t width;              /* columns of the screen */
    struct view said;          /* elsewhere */
    bool brief;                /* ids of channels are cut: the table has no room for them */
    bool titled;               /* the row has the account's title itself */
};

static int show_list(const char *nothing, const struct page *p, const struct json_node *list,
                     size_t indent, struct buf *out);
static int show_object(const struct page *p, const struct json_node *n, size_t depth,
                       struct buf *out);
static int show_scope(const struct page *p, struct buf *out);
static int show_given(const struct page *p, struct buf *out);
static int show_trace(const struct page *p, struct buf *out);

int show_answer(enum show how, const char *nothing, struct json *doc,
                const struct show_style *style, struct buf *out)
{
    const struct page page = {.doc = doc,
                              .names = style->names ? style->names : &unnamed,
                              .width = style->width,
                              .said = style->said};
    const struct page *p = &page;

    switch (how) {
    case SHOW_LIST:
        return show_list(nothing, p, json_root(p->doc), 0, out);
    case SHOW_OBJECT:
        return show_object(p, json_root(p->doc), 0, out);
    case SHOW_SCOPE:
        return show_scope(p, out);
    case SHOW_GIVEN:
        return show_given(p, out);
    case SHOW_TRACE:
        return show_trace(p, out);
    }
    return -EPROTO;
}

/* What another field says for people: `told`, the scope id. */
static bool is_for_programs(struct view key)
{
    return view_is(key, "told_status") || view_is(key, "short");
}

/* --- one value ------------------------------------------------------------------------------ */

static bool ends_with(struct view v, const char *tail)
{
    size_t n = strlen(tail);

    return v.len > n && memcmp(v.ptr + v.len - n, tail, n) == 0;
}

static void put_duration(int64_t s, struct buf *out)
{
    /* errors stick in the buf, here and below */
    if (s < 60)
        (void)buf_add_f(out, "%" PRId64 " s", s);
    else if (s < 3600)
        (void)buf_add_f(out, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else if (s < 86400)
        (void)buf_add_f(out, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
    else
        (void)buf_add_f(out, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
}

static void put_bytes(int64_t n, struct buf *out)
{
    if (n < 1024)
        (void)buf_add_f(out, "%" PRId64 " B", n);
    else if (n < 1048576)
        (void)buf_add_f(out, "%.1f KiB", (double)n / 1024.0);
    else
        (void)buf_add_f(out, "%.1f MiB", (double)n / 1048576.0);
}

/* A number by the unit in its name. False: nothing special about it. */
static bool put_measure(struct view key, int64_t n, struct buf *out)
{
    char iso[CLOCK_ISO_LEN + 1];

    if (n < 0)
        return false;
    if (ends_with(key, "_s"))
        put_duration(n, out);
    else if (ends_with(key, "_bytes"))
        put_bytes(n, out);
    else if (ends_with(key, "_at") && n > 1000000000000) {
        clock_format_iso(n, iso);
        (void)buf_add_str(out, iso);
    } else {
        return false;
    }
    return true;
}

/* What people call the account of a scope id, and the destination that is one. */
static bool put_account(const struct page *p, struct view key, struct view text,
                        struct buf *out)
{
    return (view_is(key, "scope_id") || view_is(key, "was") || view_is(key, "destination")) &&
           names_put(p->names, text, !p->titled, out);
}

/* A channel's id in a table without room for it. */
static bool put_channel(const struct page *p, struct view key, struct view text,
                        struct buf *out)
{
    struct id id;

    if (!p->brief || !view_is(key, "channel") || id_parse(text, &id))
        return false;
    (void)buf_add(out, text.ptr, SHOW_ID_SHORT);
    return true;
}

static bool is_upper(struct view text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '_' && (text.ptr[i] < 'A' || text.ptr[i] > 'Z'))
            return false;
    }
    return true;
}

static void put_text(const struct page *p, struct view key, struct view text, struct buf *out)
{
    if (put_account(p, key, text, out) || put_channel(p, key, text, out))
        return;
    if (!view_is(key, "state") || !is_upper(text)) {
        (void)buf_add_view(out, text);
        return;
    }
    for (size_t i = 0; i < text.len; i++) /* READY, as the code calls it */
        (void)buf_add_char(out, (char)(text.ptr[i] == '_' ? ' ' : text.ptr[i] - 'A' + 'a'));
}

/* A text, number, truth or nothing. */
static int put_scalar(const struct page *p, struct view key, const struct json_node *n,
                      struct buf *out)
{
    struct view text = VIEW_NONE;
    int64_t number = 0;
    bool truth = false;
    int rc = 0;

    if (json_strict_text(n, &text)) {
        put_text(p, key, text.len ? text : VIEW_LIT("-"), out);
        return 0;
    }
    if (json_int(n, &number) && put_measure(key, number, out))
        return 0;
    rc = json_text(p->doc, n, &text); /* a number's own digits */
    if (rc)
        return rc;
    if (text.ptr)
        (void)buf_add_view(out, text);
    else if (json_bool(n, &truth))
        (void)buf_add_str(out, truth ? "yes" : "no");
    else
        (void)buf_add_str(out, view_is(key, "told") ? "nothing yet" : "-");
    return 0;
}

/* Any value in one line: "a, b" and "x=1 y=2". */
/* NOLINTNEXTLINE(misc-no-recursion): SHOW_DEPTH bounds it */
static int put_value(const struct page *p, struct view key, const struct json_node *n,
                     size_t depth, struct buf *out)
{
    size_t from = out->len;
    int rc = 0;

    if (!json_is_array(n) && !json_is_object(n))
        return put_scalar(p, key, n, out);
    if (depth > SHOW_DEPTH) {
        (void)buf_add_str(out, "...");
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < json_array_len(n); i++) {
        (void)buf_add_str(out, i ? ", " : "");
        rc = put_value(p, key, json_array_at(n, i), depth + 1, out);
    }
    for (struct json_walk w = {.object = n}; rc == 0 && json_walk_next(&w);) {
        (void)buf_add_str(out, out->len > from ? " " : "");
        (void)buf_add_view(out, w.key);
        (void)buf_add_char(out, '=');
        rc = put_value(p, w.key, w.value, depth + 1, out);
    }
    if (out->len == from)
        (void)buf_add_char(out, '-');
    return rc;
}

static int add_cell(const struct page *p, struct view key, const struct json_node *n,
                    struct grid *g)
{
    struct buf cell;
    int rc = 0;

    buf_init(&cell, SHOW_CELL_MAX);
    rc = put_value(p, key, n, 0, &cell);
    rc = rc ? rc : buf_error(&cell);
    if (rc == 0)
        grid_add(g, buf_view(&cell));
    buf_fini(&cell);
    return rc;
}

/* --- lists ---------------------------------------------------------------------------------- */

/* The keys of all rows, in the order they are met. */
struct columns {
    struct view keys[GRID_COLUMNS_MAX];
    size_t n;
};

static void columns_of_row(struct columns *c, const struct json_node *row)
{

    for (struct json_walk w = {.object = row}; c->n < GRID_COLUMNS_MAX && json_walk_next(&w);) {
        size_t i = 0;

        if (is_for_programs(w.key))
            continue;
        while (i < c->n && !view_equal(c->keys[i], w.key))
            i++;
        if (i == c->n)
            c->keys[c->n++] = w.key;
    }
}

/* "oldest_s" as OLDEST, "scope_id" as SCOPE ID. */
static void add_title(struct view key, struct grid *g)
{
    char title[64];
    size_t n = 0;

    if (ends_with(key, "_s"))
        key.len -= 2;
    else if (ends_with(key, "_bytes"))
        key.len -= 6;
    for (; n < key.len && n < sizeof(title); n++) {
        char c = key.ptr[n];

        title[n] = (char)(c == '_' ? ' ' : c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    grid_add(g, view_make(title, n));
}

/* Cell @key of @row; json_get takes a C string, and the keys are ours to walk anyway. */
static const struct json_node *cell_of(const struct json_node *row, struct view key)
{

    for (struct json_walk w = {.object = row}; json_walk_next(&w);) {
        if (view_equal(w.key, key))
            return w.value;
    }
    return NULL;
}

/* A column of numbers is set to the right; texts that look like numbers are not numbers. */
static bool is_number_column(const struct json_node *list, struct view key)
{
    bool any = false;

    for (size_t i = 0; i < json_array_len(list); i++) {
        const struct json_node *n = cell_of(json_array_at(list, i), key);
        struct view text = VIEW_NONE;
        double d = 0;

        if (json_strict_text(n, &text) || (n && !json_double(n, &d)))
            return false;
        any = any || n;
    }
    return any;
}

static int fill_table(const struct page *p, const struct columns *columns,
                      const struct json_node *list, struct grid *g)
{
    int rc = 0;

    grid_init(g, columns->n);
    for (size_t c = 0; c < columns->n; c++) {
        g->right[c] = is_number_column(list, columns->keys[c]);
        add_title(columns->keys[c], g);
    }
    for (size_t i = 0; rc == 0 && i < json_array_len(list); i++) {
        for (size_t c = 0; rc == 0 && c < columns->n; c++)
            rc = add_cell(p, columns->keys[c],
                          cell_of(json_array_at(list, i), columns->keys[c]), g);
    }
    return rc;
}

static bool has_column(const struct columns *columns, const char *key)
{
    for (size_t c = 0; c < columns->n; c++) {
        if (view_is(columns->keys[c], key))
            return true;
    }
    return false;
}

static int show_list(const char *nothing, const struct page *p, const struct json_node *list,
                     size_t indent, struct buf *out)
{
    struct columns columns = {.n = 0};
    struct page page = *p;
    struct grid g;
    int rc = 0;

    if (!json_is_array(list))
        return -EPROTO;
    for (size_t i = 0; i < json_array_len(list); i++)
        columns_of_row(&columns, json_array_at(list, i));
    if (columns.n == 0) {
        (void)buf_add_f(out, "%*s%s\n", (int)indent, "", nothing);
        return buf_error(out);
    }
    page.titled = has_column(&columns, "title");
    page.names = page.titled ? &unnamed : p->names;
    rc = fill_table(&page, &columns, list, &g);
    if (rc == 0 && indent + grid_width(&g) > p->width) {
        grid_fini(&g);
        page.names = p->names;
        page.brief = true;
        rc = fill_table(&page, &columns, list, &g);
    }
    rc = rc ? rc : grid_print(&g, indent, p->width, out);
    grid_fini(&g);
    return rc;
}

/* --- objects -------------------------------------------------------------------------------- */

static bool is_table(const struct json_node *n)
{
    return json_is_array(n) && json_is_object(json_array_at(n, 0));
}

/* What does not fit in a line comes after the others, under its own heading. */
/* NOLINTNEXTLINE(misc-no-recursion): SHOW_DEPTH bounds it */
static int show_inner(const struct page *p, const struct json_node *n, size_t depth,
                      struct buf *out)
{
    int rc = 0;

    for (struct json_walk w = {.object = n}; rc == 0 && json_walk_next(&w);) {
        bool table = is_table(w.value);

        if (!table && !(json_is_object(w.value) && depth < SHOW_DEPTH))
            continue;
        (void)buf_add_f(out, "\n%*s", (int)(depth * SHOW_INDENT), "");
        text_clean(w.key, out);
        (void)buf_add_char(out, '\n');
        rc = table ? show_list("", p, w.value, (depth + 1) * SHOW_INDENT, out)
                   : show_object(p, w.value, depth + 1, out);
    }
    return rc ? rc : buf_error(out);
}

/* NOLINTNEXTLINE(misc-no-recursion): SHOW_DEPTH bounds it */
static int show_object(const struct page *p, const struct json_node *n, size_t depth,
                       struct buf *out)
{
    struct page page = *p;
    struct grid g;
    int rc = 0;

    if (!json_is_object(n))
        return -EPROTO;
    page.names = json_get(n, "title") ? &unnamed : p->names;
    grid_init(&g, 2);
    for (struct json_walk w = {.object = n}; rc == 0 && json_walk_next(&w);) {
        struct view name = w.key;
        struct view text = VIEW_NONE;

        if (is_table(w.value) || (json_is_object(w.value) && depth < SHOW_DEPTH))
            continue;
        if (is_for_programs(w.key))
            continue;
        if (json_get(n, "stage") && (view_is(w.key, "outcome") || view_is(w.key, "cause")))
            continue; /* the same: `stage` and `words` say it to people */
        if (p->said.len && json_strict_text(w.value, &text) && view_equal(text, p->said))
            continue;
        if (ends_with(w.key, "_s"))
            name.len -= 2; /* the value names its unit */
        grid_add(&g, name);
        rc = add_cell(&page, w.key, w.value, &g);
    }
    rc = rc ? rc : grid_print_pairs(&g, depth * SHOW_INDENT, p->width, out);
    grid_fini(&g);
    return rc ? rc : show_inner(p, n, depth, out);
}

static int show_scope(const struct page *p, struct buf *out)
{
    struct view scope = VIEW_NONE;

    if (!json_strict_text(json_get(json_root(p->doc), "scope_id"), &scope))
        return -EPROTO;
    if (json_get(json_root(p->doc), "dry_run")) /* nothing for scripts: no account yet */
        return show_object(p, json_root(p->doc), 0, out);
    text_clean(scope, out);
    (void)buf_add_char(out, '\n');
    return buf_error(out);
}

static int show_given(const struct page *p, struct buf *out)
{
    bool secret = json_get(json_root(p->doc), "secret") != NULL;
    bool token = json_get(json_root(p->doc), "token") != NULL;
    int rc = show_object(p, json_root(p->doc), 0, out);

    if (secret || token) {
        struct buf words;

        buf_init(&words, 4096);
        (void)buf_add_f(&words,
                        "The %s made for this connector and %s not shown again: keep %s now.",
                        secret && token ? "secret and the token were"
                        : secret        ? "secret was"
                                        : "token was",
                        secret && token ? "are" : "is", secret && token ? "them" : "it");
        (void)buf_add_char(out, '\n');
        text_fold(buf_view(&words), 0, 0, p->width, out);
        (void)buf_add_char(out, '\n');
        rc = rc ? rc : buf_error(&words);
        buf_fini(&words);
    }
    return rc ? rc : buf_error(out);
}

/* --- journeys ------------------------------------------------------------------------------- */

static bool step_time(const struct json_node *step, int64_t *ret_ms)
{
    struct view text = VIEW_NONE;

    if (json_strict_text(json_get(step, "at"), &text))
        return clock_parse_iso(text, ret_ms) == 0;
    return json_int(json_get(step, "at"), ret_ms);
}

/* Everything a step tells beyond when and what, without what says nothing. */
static int put_details(const struct page *p, const struct json_node *step, struct buf *out)
{
    int rc = 0;

    for (struct json_walk w = {.object = step}; rc == 0 && json_walk_next(&w);) {
        struct view text = VIEW_NONE;

        if (!w.value || view_is(w.key, "at") || view_is(w.key, "what"))
            continue;
        if (json_strict_text(w.value, &text) && (text.len == 0 || view_is(text, "none")))
            continue;
        (void)buf_add_str(out, out->len ? " " : "");
        (void)buf_add_view(out, w.key);
        (void)buf_add_char(out, '=');
        rc = put_value(p, w.key, w.value, 1, out);
    }
    return rc ? rc : buf_error(out);
}

static int add_step(const struct page *p, const struct json_node *step, int64_t first_ms,
                    struct grid *g)
{
    char text[CLOCK_ISO_LEN + 1] = "-";
    struct view what = VIEW_LIT("-");
    int64_t at_ms = 0;
    struct buf details;
    int rc = 0;

    buf_init(&details, SHOW_CELL_MAX);
    if (step_time(step, &at_ms))
        clock_format_iso(at_ms, text);
    grid_add(g, view_of(text));
    if (at_ms)
        (void)snprintf(text, sizeof(text), "%+" PRId64 " ms", at_ms - first_ms); /* fits */
    grid_add(g, view_of(text));
    (void)json_strict_text(json_get(step, "what"), &what); /* else "-" */
    grid_add(g, what);
    rc = put_details(p, step, &details);
    grid_add(g, buf_view(&details));
    buf_fini(&details);
    return rc;
}

/* Indices of the steps in the order of time; steps without a time stay behind their neighbour. */
static int journey_order(const struct json_node *steps, size_t **ret_order)
{
    size_t n = json_array_len(steps);
    size_t *order = mem_zalloc_array(n + 1, sizeof(*order));
    int64_t *times = mem_zalloc_array(n + 1, sizeof(*times));

    if (!order || !times) {
        mem_free(order);
        mem_free(times);
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        size_t at = i;

        if (!step_time(json_array_at(steps, i), &times[i]))
            times[i] = i ? times[i - 1] : 0;
        for (; at > 0 && times[order[at - 1]] > times[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    mem_free(times);
    *ret_order = order;
    return 0;
}

static int show_journey(const struct page *p, const struct json_node *steps, struct buf *out)
{
    static const char *const titles[] = {"time", "since", "what", "details"};
    int64_t first_ms = 0;
    size_t *order = NULL;
    struct grid g;
    int rc = journey_order(steps, &order);

    if (rc)
        return rc;
    grid_init(&g, AMO_COUNT(titles));
    g.right[1] = true;
    g.plain[3] = true;
    for (size_t i = 0; i < AMO_COUNT(titles); i++)
        add_title(view_of(titles[i]), &g);
    /* without it, times are since 1970 */
    (void)step_time(json_array_at(steps, order[0]), &first_ms);
    for (size_t i = 0; rc == 0 && i < json_array_len(steps); i++)
        rc = add_step(p, json_array_at(steps, order[i]), first_ms, &g);
    rc = rc ? rc : grid_print(&g, SHOW_INDENT, p->width, out);
    grid_fini(&g);
    mem_free(order);
    return rc;
}

/* Made harmless, and folded. */
static int put_clean(struct view text, size_t width, struct buf *out)
{
    struct buf clean;
    int rc = 0;

    buf_init(&clean, SHOW_CELL_MAX);
    text_clean(text, &clean);
    text_fold(buf_view(&clean), 0, 2, width, out);
    rc = buf_error(&clean);
    buf_fini(&clean);
    return rc;
}

static int show_trace(const struct page *p, struct buf *out)
{
    static const char *const lists[] = {"waiting", "quarantine", "events"};
    const struct json_node *root = json_root(p->doc);
    const struct json_node *message = json_get(root, "message");
    struct view why = VIEW_NONE;
    int rc = 0;

    if (json_get(root, "candidates"))
        return show_object(p, root, 0, out);             /* several are meant */
    (void)json_strict_text(json_get(root, "why"), &why); /* else VIEW_NONE */
    if (message ? !json_is_array(json_get(root, "journey")) : !why.ptr)
        return -EPROTO;
    if (why.ptr) {
        rc = put_clean(why, p->width, out);
        (void)buf_add_str(out, "\n\n");
    }
    if (rc == 0 && message) {
        (void)buf_add_str(out, "message\n");
        rc = show_object(p, message, 1, out);
        (void)buf_add_str(out, "\njourney\n");
        rc = rc ? rc : show_journey(p, json_get(root, "journey"), out);
    }
    for (size_t i = 0; rc == 0 && i < AMO_COUNT(lists); i++) {
        const struct json_node *list = json_get(root, lists[i]);

        if (json_array_len(list) == 0)
            continue;
        (void)buf_add_f(out, "%s%s\n", message || i ? "\n" : "", lists[i]);
        rc = show_list("", p, list, SHOW_INDENT, out);
    }
    return rc ? rc : buf_error(out);
}
