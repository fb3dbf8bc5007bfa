/* What --help prints: verbs of every day first, then which others there are; of a group or of one
 * verb everything. */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "tools/common/args.h"
#include "tools/common/screen.h"
#include "tools/common/text.h"

#define LEFT  22 /* columns of what a line is about */
#define ABOUT 8  /* how far what a verb is about is set in below it */

void args_put_verb(const struct args_verb *v, struct buf *out)
{
    /* errors stick in the buf, here and below */
    (void)buf_add_f(out, "%s%s%s", v->group, v->name ? " " : "", v->name ? v->name : "");
}

/* A part of a usage line, which is not broken itself. */
static void put_part(struct view part, size_t indent, size_t width, size_t *at, struct buf *out)
{
    if (*at + 1 + part.len > width) {
        (void)buf_add_f(out, "\n%*s", (int)indent, "");
        *at = indent;
    } else {
        (void)buf_add_char(out, ' ');
        *at += 1;
    }
    (void)buf_add_view(out, part);
    *at += part.len;
}

/* The verb with its options and operand. @at: the column where it begins. */
static void put_usage(const struct args_verb *v, size_t at, size_t indent, size_t width,
                      struct buf *out)
{
    struct buf part;

    buf_init(&part, 4096);
    args_put_verb(v, &part);
    (void)buf_add_view(out, buf_view(&part));
    at += part.len;
    for (size_t i = 0; i < v->n_options; i++) {
        const struct args_option *o = &v->options[i];

        buf_reset(&part);
        (void)buf_add_f(&part, "%s--%s%s%s%s", o->required ? "" : "[", o->name,
                        o->word ? " " : "", o->word ? o->word : "", o->required ? "" : "]");
        put_part(buf_view(&part), indent, width, &at, out);
    }
    if (v->operand) {
        buf_reset(&part);
        (void)buf_add_f(&part, "%s%s%s%s", v->optional ? "[" : "", v->operand_word,
                        v->many ? "..." : "", v->optional ? "]" : "");
        put_part(buf_view(&part), indent, width, &at, out);
    }
    buf_fini(&part);
}

/* "  left    what it is about", folded. */
static void put_line(const char *left, struct view about, size_t width, struct buf *out)
{
    size_t at = 2 + LEFT + 1;

    (void)buf_add_f(out, "  %-*s ", LEFT, left);
    if (strlen(left) > LEFT)
        at = strlen(left) + 3;
    text_fold(about, at, 2 + LEFT + 1, width, out);
    (void)buf_add_char(out, '\n');
}

/* Does the group have verbs of two words? */
static bool has_more(const struct args_program *p, const char *group)
{
    for (size_t i = 0; i < p->n_verbs; i++) {
        if (strcmp(p->verbs[i].group, group) == 0 && p->verbs[i].name)
            return true;
    }
    return false;
}

/* Every verb of @group, NULL: of all, with its options; or @two: those of two words. */
static void help_verbs(const struct args_program *p, const char *group, bool two, size_t width,
                       struct buf *out)
{
    for (size_t i = 0; i < p->n_verbs; i++) {
        const struct args_verb *v = &p->verbs[i];

        if ((group && strcmp(group, v->group) != 0) || (two && !v->name))
            continue;
        (void)buf_add_str(out, "  ");
        put_usage(v, 2, ABOUT - 2, width, out);
        (void)buf_add_f(out, "\n%*s", ABOUT, "");
        text_fold(view_of(v->about), ABOUT, ABOUT, width, out);
        (void)buf_add_char(out, '\n');
    }
}

static void help_verb(const struct args_program *p, const struct args_verb *v, size_t width,
                      struct buf *out)
{
    (void)buf_add_f(out, "usage: %s ", p->name);
    put_usage(v, strlen("usage: ") + strlen(p->name) + 1, ABOUT, width, out);
    (void)buf_add_str(out, "\n\n");
    text_fold(view_of(v->about), 0, 0, width, out);
    (void)buf_add_str(out, v->n_options > 0 ? "\n\n" : "\n");
    for (size_t i = 0; i < v->n_options; i++) {
        const struct args_option *o = &v->options[i];
        char left[64];

        /* names and words of our own table: they fit */
        (void)snprintf(left, sizeof(left), "--%s%s%s", o->name, o->word ? " " : "",
                       o->word ? o->word : "");
        put_line(left, view_of(o->about), width, out);
    }
    (void)buf_add_char(out, '\n');
    put_line("--config FILE", VIEW_LIT("settings; AMO_* in the environment wins"), width, out);
    put_line("--json", VIEW_LIT("for programs: JSON on stdout"), width, out);
    put_line("--help", VIEW_LIT("this page"), width, out);
    if (!v->name && has_more(p, v->group)) {
        (void)buf_add_str(out, "\nalso\n");
        help_verbs(p, v->group, true, width, out);
    }
}

/* --- the general help ----------------------------------------------------------------------- */

static bool names_group(const char *groups, const char *group)
{
    size_t len = strlen(group);

    for (const char *at = groups; (at = strstr(at, group)); at += len) {
        if ((at == groups || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    }
    return false;
}

static bool is_daily(const struct args_program *p, const struct args_verb *v)
{
    struct buf words;
    bool daily = false;

    buf_init(&words, 256);
    args_put_verb(v, &words);
    for (size_t i = 0; i < p->n_daily && !daily; i++)
        daily = strcmp(buf_str(&words), p->daily[i]) == 0;
    buf_fini(&words);
    return daily;
}

/* One line: what the verb of one word is about, unless that has been told, and which others there are. */
static void put_group(const struct args_program *p, const char *group, size_t width,
                      struct buf *out)
{
    struct buf about;
    const char *between = "";

    buf_init(&about, 4096);
    for (size_t i = 0; i < p->n_verbs; i++) {
        const struct args_verb *v = &p->verbs[i];

        if (strcmp(v->group, group) != 0 || (!v->name && is_daily(p, v)))
            continue;
        (void)buf_add_f(&about, "%s%s", between, v->name ? v->name : v->about);
        between = v->name ? ", " : "; also: ";
    }
    put_line(group, buf_view(&about), width, out);
    buf_fini(&about);
}

/* Is it the first verb of its group? */
static bool begins_group(const struct args_program *p, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(p->verbs[i].group, p->verbs[at].group) == 0)
            return false;
    }
    return true;
}

static bool is_in_sections(const struct args_program *p, const char *group)
{
    assert(p->sections || p->n_sections == 0);
    for (size_t i = 0; i < p->n_sections; i++) {
        if (names_group(p->sections[i].groups, group))
            return true;
    }
    return false;
}

/* Has it been told in full already? */
static bool is_told(const struct args_program *p, const char *group)
{
    for (size_t i = 0; i < p->n_verbs; i++) {
        if (strcmp(p->verbs[i].group, group) == 0 && !is_daily(p, &p->verbs[i]))
            return false;
    }
    return true;
}

/* @section NULL: what is in none. */
static void help_section(const struct args_program *p, const struct args_section *section,
                         size_t width, struct buf *out)
{
    bool begun = false;

    for (size_t i = 0; i < p->n_verbs; i++) {
        const char *group = p->verbs[i].group;

        if (!begins_group(p, i) || is_told(p, group) ||
            (section ? !names_group(section->groups, group) : is_in_sections(p, group)))
            continue;
        if (!begun)
            (void)buf_add_f(out, "\n%s\n", section ? section->title : "Other");
        begun = true;
        put_group(p, group, width, out);
    }
}

/* In the order of p->daily. */
static void help_daily(const struct args_program *p, size_t width, struct buf *out)
{
    struct buf left;

    (void)buf_add_str(out, "\nEvery day\n");
    buf_init(&left, 256);
    for (size_t k = 0; k < p->n_daily; k++) {
        for (size_t i = 0; i < p->n_verbs; i++) {
            const struct args_verb *v = &p->verbs[i];

            buf_reset(&left);
            args_put_verb(v, &left);
            if (strcmp(buf_str(&left), p->daily[k]) != 0)
                continue;
            if (v->operand)
                (void)buf_add_f(&left, " %s", v->operand_word);
            put_line(buf_str(&left), view_of(v->about), width, out);
        }
    }
    buf_fini(&left);
}

static void put_notes(const char *notes, size_t width, struct buf *out)
{
    while (*notes) {
        size_t len = strcspn(notes, "\n");

        text_fold(view_make(notes, len), 0, 0, width, out);
        (void)buf_add_char(out, '\n');
        notes += len + (notes[len] == '\n');
    }
}

static void help_program(const struct args_program *p, size_t width, struct buf *out)
{
    text_fold(view_of(p->about), 0, 0, width, out);
    (void)buf_add_char(out, '\n');
    if (p->n_sections == 0) {
        (void)buf_add_char(out, '\n');
        help_verbs(p, NULL, false, width, out);
    } else {
        help_daily(p, width, out);
        for (size_t i = 0; i < p->n_sections; i++)
            help_section(p, &p->sections[i], width, out);
        help_section(p, NULL, width, out);
    }
    (void)buf_add_char(out, '\n');
    put_notes(p->notes, width, out);
}

void args_help(const struct args_program *p, const struct args *a, size_t width,
               struct buf *out)
{
    if (a->verb) {
        help_verb(p, a->verb, width, out);
        return;
    }
    (void)buf_add_f(out, "usage: %s [--config FILE] [--json] %s [OPTIONS]\n", p->name,
                    a->group ? a->group : "VERB");
    if (a->group) {
        (void)buf_add_char(out, '\n');
        help_verbs(p, a->group, false, width, out);
    } else {
        help_program(p, width, out);
    }
}

bool args_tell(const struct args_program *p, const struct args *a)
{
    struct buf out;
    bool told = false;

    buf_init(&out, 1 << 20);
    if (a->version)
        (void)buf_add_f(&out, "%s " AMO_VERSION "\n", p->name);
    else
        args_help(p, a, screen_columns(), &out);
    told = !buf_error(&out) && fwrite(buf_str(&out), 1, out.len, stdout) == out.len &&
           fflush(stdout) == 0;
    buf_fini(&out);
    return told;
}
