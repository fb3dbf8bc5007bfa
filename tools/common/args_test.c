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
    check_refused("fly", "there is no verb fly");
    check_refused("thing", "thing needs a verb; there are: add, list, show, drop");
    check_refused("thing fly", "there is no verb thing fly; there are: add, list, show, drop");
    check_refused("thing add --nme n", "unknown option --nme");
    check_refused("-n thing add", "unknown option -n");
    check_refused("thing add -nh", "unknown option -n");
    check_refused("thing add --nme=n", "unknown option --nme=n");
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

static void help_needs_nothing_else_to_be_right(void **state)
{
    static const char *const lines[] = {"--help",           "help",           "thing --help",
                                        "thing add --help", "help thing add", "-h thing show"};

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
        args_help(&program, &a, &out);
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
    args_help(&program, &a, &out);
    assert_non_null(
        view_find(buf_view(&out),
                  "usage: tool thing add --name NAME [--token-file FILE] [--allow-private]"));
    assert_non_null(view_find(buf_view(&out), "--token-file FILE      its token"));
    args_fini(&a);
    buf_fini(&why);
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
        cmocka_unit_test(help_needs_nothing_else_to_be_right),
        cmocka_unit_test(help_of_a_verb_tells_its_options),
        cmocka_unit_test(parsing_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
