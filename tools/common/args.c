/* Parses the command line with getopt_long, finds the verb, and checks its options and
 * operands. What is wrong is told with what may have been meant. */

#include "tools/common/args.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"

#define FEW_VERBS 8 /* of a program: then a mistake names all of them */

/* What was found before it is known which verb it is for. */
struct scan {
    const struct args_program *program;
    int argc;
    char **argv;
    struct option *table;           /* owned; for getopt_long, common options first */
    const struct args_option **own; /* owned; those of the verbs, each name once */
    const char **words;             /* owned */
    size_t n_words;
    const char **given; /* owned; pairs: option as written, value */
    size_t n_given;
    struct args found;
    struct buf *why;
};

static int list_options(struct scan *s);
static int scan_arguments(struct scan *s);
static int find_verb(struct scan *s);
static int fill_options(struct scan *s);
static int check_operands(struct scan *s);
static void say_whose_help(struct scan *s);

static int refuse(struct scan *s, const char *before, const char *what, const char *after)
{
    (void)buf_add_f(s->why, "%s%s%s", before, what, after); /* errors stick in the buf */
    return ARGS_E_USAGE;
}

int args_parse(const struct args_program *p, int argc, char **argv, struct args *ret,
               struct buf *ret_why)
{
    size_t space = argc > 0 ? (size_t)argc + 1 : 1;
    struct scan s = {.program = p, .argc = argc, .argv = argv, .why = ret_why};
    int rc = -ENOMEM;

    s.words = mem_zalloc_array(space, sizeof(*s.words));
    s.given = mem_zalloc_array(space, 2 * sizeof(*s.given));
    if (!s.words || !s.given)
        goto out;
    rc = list_options(&s);
    rc = rc ? rc : scan_arguments(&s);
    if (rc == 0 && !s.found.version)
        rc = find_verb(&s);
    if (rc == 0 && s.found.verb && !s.found.help) {
        rc = fill_options(&s);
        rc = rc ? rc : check_operands(&s);
    }
    if (rc == 0) {
        *ret = s.found;
        ret->words = s.words;
        s.words = NULL;
    }
    if (rc == ARGS_E_USAGE)
        say_whose_help(&s);
out:
    mem_free(s.words);
    mem_free(s.given);
    mem_free(s.table);
    mem_free(s.own);
    return rc;
}

void args_fini(struct args *a)
{
    mem_free(a->words);
    a->words = NULL;
}

/* --- what was given ------------------------------------------------------------------------- */

static const struct args_option *option_of(const struct args_verb *v, struct view name)
{
    for (size_t i = 0; i < v->n_options; i++) {
        if (view_is(name, v->options[i].name))
            return &v->options[i];
    }
    return NULL;
}

/* What getopt_long returns: a word, or an option of this list; those of the verbs come last. */
enum {
    GOT_WORD = 1,
    GOT_JSON = 256, /* above all letters */
    GOT_HELP,
    GOT_VERSION,
    GOT_CONFIG,
    GOT_OWN,
};

static const struct option common[] = {
    {"json",    no_argument,       NULL, GOT_JSON   },
    {"help",    no_argument,       NULL, GOT_HELP   },
    {"version", no_argument,       NULL, GOT_VERSION},
    {"config",  required_argument, NULL, GOT_CONFIG },
};

static bool is_listed(const struct scan *s, size_t n_own, const char *name)
{
    for (size_t i = 0; i < n_own; i++) {
        if (strcmp(s->own[i]->name, name) == 0)
            return true;
    }
    return false;
}

/* Options of all verbs: the same name takes a value everywhere or nowhere. */
static int list_options(struct scan *s)
{
    const struct args_program *p = s->program;
    size_t space = 1;
    size_t n = 0;

    for (size_t i = 0; i < p->n_verbs; i++)
        space += p->verbs[i].n_options;
    s->own = mem_zalloc_array(space, sizeof(const struct args_option *));
    s->table = mem_zalloc_array(AMO_COUNT(common) + space, sizeof(*s->table));
    if (!s->own || !s->table)
        return -ENOMEM;
    memcpy(s->table, common, sizeof(common));
    for (size_t i = 0; i < p->n_verbs; i++) {
        for (size_t k = 0; k < p->verbs[i].n_options; k++) {
            const struct args_option *o = &p->verbs[i].options[k];

            if (is_listed(s, n, o->name))
                continue;
            s->table[AMO_COUNT(common) + n] =
                (struct option){o->name, o->kind == ARGS_FLAG ? no_argument : required_argument,
                                NULL, GOT_OWN + (int)n};
            s->own[n++] = o;
        }
    }
    return 0;
}

static int refuse_unknown_option(struct scan *s, const char *given)
{
    struct view name = view_trim(view_of(given), "-");
    const char *end = memchr(name.ptr, '=', name.len);
    struct nearest n;

    nearest_init(&n, view_make(name.ptr, end ? (size_t)(end - name.ptr) : name.len));
    for (const struct option *o = s->table; o->name; o++)
        nearest_offer(&n, view_of(o->name));
    (void)refuse(s, "unknown option ", given, "");
    if (n.name.ptr)
        (void)refuse(s, "; did you mean --", n.name.ptr, "?");
    return ARGS_E_USAGE;
}

static int refuse_option(struct scan *s)
{
    const char letter[] = {'-', (char)optopt, '\0'};

    if (optopt >= GOT_OWN)
        return refuse(s, "--", s->own[optopt - GOT_OWN]->name, " takes no value");
    if (optopt >= GOT_JSON)
        return refuse(s, "--", common[optopt - GOT_JSON].name, " takes no value");
    return optopt ? refuse(s, "unknown option ", letter, "")
                  : refuse_unknown_option(s, s->argv[optind - 1]);
}

static int take_argument(struct scan *s, int got)
{
    switch (got) {
    case GOT_WORD:
        s->words[s->n_words++] = optarg;
        return 0;
    case GOT_JSON:
        s->found.json = true;
        return 0;
    case 'h':
    case GOT_HELP:
        s->found.help = true;
        return 0;
    case GOT_VERSION:
        s->found.version = true;
        return 0;
    case GOT_CONFIG:
        if (s->found.config)
            return refuse(s, "", "--config", " is given twice");
        s->found.config = optarg;
        return 0;
    case ':':
        return refuse(s, "", s->argv[optind - 1], " needs a value");
    case '?':
        return refuse_option(s);
    default:
        s->given[2 * s->n_given] = s->own[got - GOT_OWN]->name;
        s->given[2 * s->n_given + 1] = optarg ? optarg : "";
        s->n_given++;
        return 0;
    }
}

static int scan_arguments(struct scan *s)
{
    int got = 0;
    int rc = 0;

    optind = 0; /* from the beginning, as often as this is called */
    opterr = 0;
    /* '-': words come in their place, whatever POSIXLY_CORRECT says.
     * NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread is started */
    while (rc == 0 && (got = getopt_long(s->argc, s->argv, "-:h", s->table, NULL)) != -1)
        rc = take_argument(s, got);
    while (rc == 0 && optind < s->argc) /* behind "--" */
        s->words[s->n_words++] = s->argv[optind++];
    return rc;
}

/* --- which verb ----------------------------------------------------------------------------- */

static bool is_group(const struct args_program *p, const char *word)
{
    for (size_t i = 0; i < p->n_verbs; i++) {
        if (strcmp(p->verbs[i].group, word) == 0)
            return true;
    }
    return false;
}

/* @name NULL: the one that is the group's word alone. */
static const struct args_verb *verb_of(const struct args_program *p, const char *group,
                                       const char *name)
{
    for (size_t i = 0; i < p->n_verbs; i++) {
        const struct args_verb *v = &p->verbs[i];

        if (strcmp(v->group, group) == 0 &&
            (name ? v->name && strcmp(v->name, name) == 0 : !v->name))
            return v;
    }
    return NULL;
}

/* What can be said after @group. */
static void say_verbs(struct scan *s, const char *group)
{
    const char *between = "; there are: ";

    for (size_t i = 0; i < s->program->n_verbs; i++) {
        const struct args_verb *v = &s->program->verbs[i];

        if (strcmp(v->group, group) != 0 || !v->name)
            continue;
        (void)buf_add_f(s->why, "%s%s", between, v->name);
        between = ", ";
    }
}

/* Which verb may @first, or it and @second, be meant for? */
static void say_nearest(struct scan *s, const char *first, const char *second)
{
    const struct args_program *p = s->program;
    const struct args_verb *meant = NULL;
    bool alone = false; /* its group is meant */
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < p->n_verbs; i++) {
        const struct args_verb *v = &p->verbs[i];
        struct nearest n[2];
        struct buf both;
        struct buf full;

        buf_init(&both, 4096);
        buf_init(&full, 4096);
        (void)buf_add_f(&both, "%s%s%s", first, second ? " " : "", second ? second : "");
        args_put_verb(v, &full);
        nearest_init(&n[0], buf_view(&both));
        nearest_offer(&n[0], buf_view(&full));
        nearest_init(&n[1], view_of(first));
        nearest_offer(&n[1], view_of(v->group));
        for (size_t k = 0; k < AMO_COUNT(n); k++) {
            /* of two that are as near, what has as many words */
            size_t score = 2 * n[k].distance + (second ? k : 1 - k);

            if (n[k].name.ptr && score < best) {
                best = score;
                meant = v;
                alone = k == 1;
            }
        }
        buf_fini(&both);
        buf_fini(&full);
    }
    if (meant)
        (void)buf_add_f(s->why, "; did you mean %s%s%s?", meant->group,
                        !alone && meant->name ? " " : "",
                        !alone && meant->name ? meant->name : "");
}

/* "pause" alone, or "list channel": the verb is one of @word's groups. False when several are. */
static bool say_turned(struct scan *s, const char *word, const char *group)
{
    const struct args_program *p = s->program;
    const struct args_verb *meant = NULL;
    size_t n = 0;

    for (size_t i = 0; i < p->n_verbs; i++) {
        const struct args_verb *v = &p->verbs[i];

        if (!v->name || strcmp(v->name, word) != 0 ||
            (group && is_group(p, group) && strcmp(v->group, group) != 0))
            continue;
        meant = v;
        n++;
    }
    if (n != 1)
        return false;
    (void)buf_add_f(s->why, "; did you mean %s %s?", meant->group, meant->name);
    return true;
}

/* Of a program that has few. */
static void say_groups(struct scan *s)
{
    const char *between = "; there are: ";

    for (size_t i = 0; i < s->program->n_verbs; i++) {
        const char *group = s->program->verbs[i].group;

        if (i && strcmp(group, s->program->verbs[i - 1].group) == 0)
            continue;
        (void)buf_add_f(s->why, "%s%s", between, group);
        between = ", ";
    }
}

static int refuse_verb(struct scan *s, const char **words)
{
    const char *second = s->n_words > 1 ? words[1] : NULL;

    size_t said = 0;

    (void)buf_add_f(s->why, "there is no verb %s", words[0]);
    said = s->why->len;
    if (!say_turned(s, words[0], second))
        say_nearest(s, words[0], second);
    if (s->why->len == said && s->program->n_verbs <= FEW_VERBS)
        say_groups(s);
    return ARGS_E_USAGE;
}

static int refuse_name(struct scan *s, const char *group, const char *name)
{
    struct nearest n;

    if (!name) {
        (void)buf_add_f(s->why, "%s needs a verb", group);
        say_verbs(s, group);
        return ARGS_E_USAGE;
    }
    nearest_init(&n, view_of(name));
    for (size_t i = 0; i < s->program->n_verbs; i++) {
        const struct args_verb *v = &s->program->verbs[i];

        if (strcmp(v->group, group) == 0 && v->name)
            nearest_offer(&n, view_of(v->name));
    }
    (void)buf_add_f(s->why, "there is no verb %s %s", group, name);
    if (n.name.ptr)
        (void)buf_add_f(s->why, "; did you mean %s %s?", group, n.name.ptr);
    else
        say_verbs(s, group);
    return ARGS_E_USAGE;
}

/* "help" before the verb, or behind one that takes no operand. */
static const char **take_help(struct scan *s)
{
    const char **words = s->words;
    size_t n = s->n_words;
    const struct args_verb *v = NULL;

    if (n > 0 && strcmp(words[0], "help") == 0) {
        s->found.help = true;
        s->n_words--;
        return words + 1;
    }
    if (n < 2 || n > 3 || strcmp(words[n - 1], "help") != 0 || !is_group(s->program, words[0]))
        return words;
    v = verb_of(s->program, words[0], n == 3 ? words[1] : NULL);
    if (v ? v->operand == NULL : n == 2) {
        s->found.help = true;
        s->n_words--;
    }
    return words;
}

static int find_verb(struct scan *s)
{
    const char **words = take_help(s);
    size_t used = 2;

    if (s->n_words == 0)
        return s->found.help ? 0 : refuse(s, "a verb is missing", "", "");
    if (!is_group(s->program, words[0]))
        return refuse_verb(s, words);
    if (s->n_words > 1)
        s->found.verb = verb_of(s->program, words[0], words[1]);
    if (!s->found.verb) {
        s->found.verb = verb_of(s->program, words[0], NULL);
        used = 1;
    }
    if (!s->found.verb) {
        s->found.group = words[0];
        if (s->n_words == 1 && s->found.help)
            return 0;
        return refuse_name(s, words[0], s->n_words > 1 ? words[1] : NULL);
    }
    s->found.operands = words + used;
    s->found.n_operands = s->n_words - used;
    return 0;
}

/* Of the verb if it is known, else of its group, else of all. */
static void say_whose_help(struct scan *s)
{
    const struct args_program *p = s->program;
    const struct args_verb *v = s->found.verb;
    const char *group = s->n_words > 0 && is_group(p, s->words[0]) ? s->words[0] : NULL;

    if (!v && group)
        v = verb_of(p, group, s->n_words > 1 ? s->words[1] : NULL);
    (void)buf_add_f(s->why, " (try %s ", p->name);
    if (v)
        args_put_verb(v, s->why);
    else
        (void)buf_add_str(s->why, group ? group : "");
    (void)buf_add_str(s->why, v || group ? " --help)" : "--help)");
}

/* --- does it fit ---------------------------------------------------------------------------- */

static int fill_options(struct scan *s)
{
    const struct args_verb *v = s->found.verb;

    assert(v->n_options <= ARGS_OPTIONS_MAX);
    for (size_t i = 0; i < s->n_given; i++) {
        const struct args_option *o = option_of(v, view_of(s->given[2 * i]));

        if (!o)
            return refuse(s, "--", s->given[2 * i], " is an option of another verb");
        if (s->found.values[o - v->options])
            return refuse(s, "--", o->name, " is given twice");
        s->found.values[o - v->options] = s->given[2 * i + 1];
    }
    for (size_t i = 0; i < v->n_options; i++) {
        const char *value = s->found.values[i];

        if (v->options[i].required && !value)
            return refuse(s, "--", v->options[i].name, " is missing");
        if (value && v->options[i].kind != ARGS_FLAG && value[0] == '\0')
            return refuse(s, "--", v->options[i].name, " is empty");
    }
    return 0;
}

/* Has @group verbs of two words? */
static bool has_names(const struct scan *s, const char *group)
{
    for (size_t i = 0; i < s->program->n_verbs; i++) {
        const struct args_verb *v = &s->program->verbs[i];

        if (strcmp(v->group, group) == 0 && v->name)
            return true;
    }
    return false;
}

static int check_operands(struct scan *s)
{
    const struct args_verb *v = s->found.verb;
    size_t most = !v->operand ? 0 : v->many ? SIZE_MAX : 1;

    if (s->found.n_operands > most && most == 0 && !v->name && has_names(s, v->group))
        return refuse_name(s, v->group, s->found.operands[0]);
    if (s->found.n_operands > most)
        return refuse(s, "", s->found.operands[most], " is one word too many");
    if (v->operand && !v->optional && s->found.n_operands == 0)
        return refuse(s, "", v->operand_word, " is missing");
    for (size_t i = 0; i < s->found.n_operands; i++) {
        if (s->found.operands[i][0] == '\0')
            return refuse(s, "", v->operand_word, " is empty");
    }
    return 0;
}

const char *args_value(const struct args *a, const char *name)
{
    const struct args_option *o = option_of(a->verb, view_of(name));

    return o ? a->values[o - a->verb->options] : NULL;
}
