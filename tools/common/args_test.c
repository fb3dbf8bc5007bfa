#include "tools/common/args.h"

#include <string.h>

#include "base/testing.h"

static const struct args_option add_options[] = {
    {"name",          "name",          ARGS_TEXT,   true,  "NAME", "its name"              },
    {"token-file",    "token",         ARGS_SECRET, false, "FILE", "its token"             },
    {"allow-private", "allow_private", ARGS_FLAG,   false, NULL,   "private addresses, too"},
};
static const struct args_option list_options[] = {
    {"scope", "scope_id", ARGS_TEXT, false, "SCOPE", "of this one"},
};
static const struct args_verb verbs[] = {
    ARGS_VERB(.group = "status", .about = "how it is"),
    ARGS_VERB(.group = "thing", .name = "add", .about = "add one", .options = add_options,
              .n_options = AMO_COUNT(add_options)),
    ARGS_VERB(.group = "thing", .name = "list", .about = "all of them", .options = list_options,
              .n_options = AMO_COUNT(list_options)),
    ARGS_VERB(.group = "thing", .name = "show", .about = "one", .operand = "id",
              .operand_word = "ID"),
    ARGS_VERB(.group = "thing", .name = "drop", .about = "some", .operand = "ids",
              .operand_word = "ID", .many = true),
};
static const struct args_program program = {.name = "tool",
                                            .about = "A tool.",
                                            .notes = "That is all.\n",
                                            .verbs = verbs,
                                            .n_verbs = 5};

#define ARGC_MAX 16

/* Words of @line, separated by single spaces; '_' stands for an empty one. */
static int parse(char *line, struct args *ret, struct buf *why)
{
    char *argv[ARGC_MAX];
    char program_name[] = "tool";
    int argc = 1;
    char *rest = line;

    argv[0] = program_name;
    while (rest && *rest) {
        assert_true(argc < ARGC_MAX);
        argv[argc] = strsep(&rest, " ");
        if (strcmp(argv[argc], "_") == 0)
            argv[argc][0] = '\0';
        argc++;
    }
    return args_parse(&program, argc, argv, ret, why);
}

static void check_refused(const char *text, const char *want)
{
    char line[256];
    struct args a;
    struct buf why;

    buf_init(&why, 4096);
    assert_int_equal(view_copy(view_of(text), line, sizeof(line)), 0);
    assert_int_equal(parse(line, &a, &why), ARGS_E_USAGE);
    assert_non_null(view_find(buf_view(&why), " (try tool ")); /* see below */
    why.ptr[view_find(buf_view(&why), " (try tool ") - why.ptr] = '\0';
    assert_string_equal(buf_str(&why), want);
    buf_fini(&why);
}

static void options_may_stand_before_and_after_the_verb(void **state)
{
    static const char *const lines[] = {
        "thing add --name n --token-file t --allow-private --json --config c",
        "--name n --token-file t --allow-private --json --config c thing add",
        "--json thing --name=n --allow-private add --token-file=t --config=c",
        "--js thing add --na n --tok=t --allow --conf c", /* a beginning that only one has */
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(lines); i++) {
        char line[256];
        struct args a;
        struct buf why;

        buf_init(&why, 4096);
        assert_int_equal(view_copy(view_of(lines[i]), line, sizeof(line)), 0);
        assert_int_equal(parse(line, &a, &why), 0);
        assert_ptr_equal(a.verb, &verbs[1]);
        assert_string_equal(args_value(&a, "name"), "n");
        assert_string_equal(args_value(&a, "token-file"), "t");
        assert_string_equal(args_value(&a, "allow-private"), "");
        assert_string_equal(a.config, "c");
        assert_true(a.json);
        assert_int_equal(a.n_operands, 0);
        args_fini(&a);
        buf_fini(&why);
    }
}

static void an_option_that_was_not_given_has_no_value(void **state)
{
    char line[] = "thing list";
    struct args a;
    struct buf why;

    (void)state;
    buf_init(&why, 4096);
    assert_int_equal(parse(line, &a, &why), 0);
    assert_null(args_value(&a, "scope"));
    assert_null(args_value(&a, "no-such-option"));
    args_fini(&a);
    buf_fini(&why);
}

static void operands_follow_the_verb(void **state)
{
    char one[] = "thing show 5";
    char many[] = "thing drop 1 --json 2 -- --3";
    struct args a;
    struct buf why;

    (void)state;
    buf_init(&why, 4096);
    assert_int_equal(parse(one, &a, &why), 0);
    assert_int_equal(a.n_operands, 1);
    assert_string_equal(a.operands[0], "5");
    args_fini(&a);
    assert_int_equal(parse(many, &a, &why), 0);
    assert_int_equal(a.n_operands, 3);
    assert_string_equal(a.operands[1], "2");
    assert_string_equal(a.operands[2], "--3");
    args_fini(&a);
    buf_fini(&why);
}

static void a_mistake_is_refused_and_named(void **state)
{
    (void)state;
    check_refused("", "a verb is missing");
    check_refused("fly", "there is no verb fly; there are: status, thing");
    check_refused("thing", "thing needs a verb; there are: add, list, show, drop");
    check_refused("thing fly", "there is no verb thing fly; there are: add, list, show, drop");
    check_refused("thing lst", "there is no verb thing lst; did you mean thing list?");
    check_refused("statu", "there is no verb statu; did you mean status?");
    check_refused("things list", "there is no verb things; did you mean thing list?");
    check_refused("thin", "there is no verb thin; did you mean thing?");
    check_refused("drop", "there is no verb drop; did you mean thing drop?");
    check_refused("list thing", "there is no verb list; did you mean thing list?");
    check_refused("thing add --nme n", "unknown option --nme; did you mean --name?");
    check_refused("-n thing add", "unknown option -n");
    check_refused("thing add -nh", "unknown option -n");
    check_refused("thing add --nme=n", "unknown option --nme=n; did you mean --name?");
    check_refused("thing add --quickly", "unknown option --quickly");
    check_refused("status --json=yes", "--json takes no value");
    check_refused("thing add", "--name is missing");
    check_refused("thing add --name", "--name needs a value");
    check_refused("thing add --name _", "--name is empty");
    check_refused("thing add --name=", "--name is empty");
    check_refused("thing add --name a --name b", "--name is given twice");
    check_refused("thing add --name a --allow-private=yes", "--allow-private takes no value");
    check_refused("thing list --name a", "--name is an option of another verb");
    check_refused("thing list more", "more is one word too many");
    check_refused("thing show", "ID is missing");
    check_refused("thing show _", "ID is empty");
    check_refused("thing show 1 2", "2 is one word too many");
    check_refused("thing drop", "ID is missing");
    check_refused("status --config", "--config needs a value");
    check_refused("status --config a --config b", "--config is given twice");
}

static void a_mistake_names_whose_help_to_read(void **state)
{
    static const char *const lines[][2] = {
        {"fly",              "(try tool --help)"           },
        {"thing fly",        "(try tool thing --help)"     },
        {"thing show",       "(try tool thing show --help)"},
        {"thing add --frob", "(try tool thing add --help)" },
        {"--frob thing",     "(try tool --help)"           },
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(lines); i++) {
        char line[64];
        struct args a;
        struct buf why;

        buf_init(&why, 4096);
        assert_int_equal(view_copy(view_of(lines[i][0]), line, sizeof(line)), 0);
        assert_int_equal(parse(line, &a, &why), ARGS_E_USAGE);
        if (!view_find(buf_view(&why), lines[i][1]))
            fail_msg("%s: %s", lines[i][0], buf_str(&why));
        buf_fini(&why);
    }
}

static void help_needs_nothing_else_to_be_right(void **state)
{
    static const char *const lines[] = {"--help",           "help",           "thing --help",
                                        "thing add --help", "help thing add", "-h thing show",
                                        "thing add help"};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(lines); i++) {
        char line[64];
        struct args a;
        struct buf why;
        struct buf out;

        buf_init(&why, 4096);
        buf_init(&out, 65536);
        assert_int_equal(view_copy(view_of(lines[i]), line, sizeof(line)), 0);
        assert_int_equal(parse(line, &a, &why), 0);
        assert_true(a.help);
        args_help(&program, &a, 80, &out);
        assert_non_null(view_find(buf_view(&out), i < 2   ? "That is all."
                                                  : i < 3 ? "thing drop ID..."
                                                          : "usage: tool thing"));
        args_fini(&a);
        buf_fini(&why);
        buf_fini(&out);
    }
}

static void help_of_a_verb_tells_its_options(void **state)
{
    char line[] = "thing add --help";
    struct args a;
    struct buf why;
    struct buf out;

    (void)state;
    buf_init(&why, 4096);
    buf_init(&out, 65536);
    assert_int_equal(parse(line, &a, &why), 0);
    args_help(&program, &a, 80, &out);
    assert_non_null(
        view_find(buf_view(&out),
                  "usage: tool thing add --name NAME [--token-file FILE] [--allow-private]"));
    assert_non_null(view_find(buf_view(&out), "--token-file FILE      its token"));
    args_fini(&a);
    buf_fini(&why);
    buf_fini(&out);
}

static void help_of_a_group_may_be_asked_for_behind_it(void **state)
{
    char behind[] = "thing help";
    char operand[] = "thing show help";
    struct args a;
    struct buf why;

    (void)state;
    buf_init(&why, 4096);
    assert_int_equal(parse(behind, &a, &why), 0);
    assert_true(a.help);
    assert_string_equal(a.group, "thing");
    args_fini(&a);
    assert_int_equal(parse(operand, &a, &why), 0);
    assert_false(a.help); /* it may be the name of a thing */
    assert_string_equal(a.operands[0], "help");
    args_fini(&a);
    buf_fini(&why);
}

static void the_general_help_begins_with_every_day(void **state)
{
    static const char *const daily[] = {"status", "thing show", "no such verb"};
    static const struct args_section sections[] = {
        {"Things", "thing nothing"}
    };
    struct args_program sorted = program;
    struct args a = {.help = true};
    struct buf out;

    (void)state;
    sorted.daily = daily;
    sorted.n_daily = AMO_COUNT(daily);
    sorted.sections = sections;
    sorted.n_sections = AMO_COUNT(sections);
    buf_init(&out, 65536);
    args_help(&sorted, &a, 80, &out);
    assert_string_equal(buf_str(&out), "usage: tool [--config FILE] [--json] VERB [OPTIONS]\n"
                                       "A tool.\n"
                                       "\nEvery day\n"
                                       "  status                 how it is\n"
                                       "  thing show ID          one\n"
                                       "\nThings\n"
                                       "  thing                  add, list, show, drop\n"
                                       "\nThat is all.\n");
    buf_fini(&out);
}

static int parse_case(void *arg)
{
    char line[] = "thing drop 1 2 3";
    struct args a;
    struct buf why;
    int rc = 0;

    (void)arg;
    buf_init(&why, 4096);
    rc = parse(line, &a, &why);
    if (rc == 0)
        args_fini(&a);
    buf_fini(&why);
    return rc;
}

static void parsing_survives_every_failed_allocation(void **state)
{
    (void)state;
    testing_fail_each_allocation(parse_case, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_may_stand_before_and_after_the_verb),
        cmocka_unit_test(an_option_that_was_not_given_has_no_value),
        cmocka_unit_test(operands_follow_the_verb),
        cmocka_unit_test(a_mistake_is_refused_and_named),
        cmocka_unit_test(a_mistake_names_whose_help_to_read),
        cmocka_unit_test(help_of_a_group_may_be_asked_for_behind_it),
        cmocka_unit_test(the_general_help_begins_with_every_day),
        cmocka_unit_test(help_needs_nothing_else_to_be_right),
        cmocka_unit_test(help_of_a_verb_tells_its_options),
        cmocka_unit_test(parsing_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
