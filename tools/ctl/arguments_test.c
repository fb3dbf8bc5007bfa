#include "tools/ctl/arguments.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/testing.h"
#include "proto/control.h"
#include "proto/limits.h"
#include "tools/ctl/verbs.h"

static void write_file(const char *path, struct view text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.ptr, text.len), (ssize_t)text.len);
    assert_int_equal(close(fd), 0);
}

/* The arguments that @words (with the program's name first) become; the verb's code. */
static int arguments_of_words(const char *const *words, int n, struct buf *out, struct buf *why)
{
    char space[16][64];
    char *argv[16];
    struct args a;
    int rc = 0;

    assert_true(n <= 16);
    for (int i = 0; i < n; i++) {
        assert_int_equal(view_copy(view_of(words[i]), space[i], sizeof(space[i])), 0);
        argv[i] = space[i];
    }
    rc = args_parse(&amoctl_program, n, argv, &a, why);
    if (rc)
        return rc;
    rc = arguments_write(&a, out, why);
    args_fini(&a);
    return rc;
}

#define CHECK(want, ...)                                                                       \
    do {                                                                                       \
        static const char *const words[] = {"amoctl", __VA_ARGS__};                            \
        struct buf out;                                                                        \
        struct buf why;                                                                        \
        buf_init(&out, LIMIT_CONTROL_BYTES);                                                   \
        buf_init(&why, 4096);                                                                  \
        assert_int_equal(arguments_of_words(words, (int)AMO_COUNT(words), &out, &why), 0);     \
        assert_string_equal(buf_str(&out), want);                                              \
        buf_fini(&out);                                                                        \
        buf_fini(&why);                                                                        \
    } while (0)

#define REFUSED(want, ...)                                                                     \
    do {                                                                                       \
        static const char *const words[] = {"amoctl", __VA_ARGS__};                            \
        struct buf out;                                                                        \
        struct buf why;                                                                        \
        buf_init(&out, LIMIT_CONTROL_BYTES);                                                   \
        buf_init(&why, 4096);                                                                  \
        assert_int_equal(arguments_of_words(words, (int)AMO_COUNT(words), &out, &why),         \
                         ARGUMENTS_E_USAGE);                                                   \
        assert_string_equal(buf_str(&why), want);                                              \
        buf_fini(&out);                                                                        \
        buf_fini(&why);                                                                        \
    } while (0)

static void options_and_operands_become_cores_arguments(void **state)
{
    (void)state;
    CHECK("{}", "status");
    CHECK("{\"id\":\"7\"}", "dead", "show", "7");
    CHECK("{\"ids\":[\"7\",\"9\"]}", "dead", "retry", "7", "9");
    CHECK("{\"scope_id\":\"c_a\"}", "account", "pause", "c_a");
    CHECK("{\"scope_id\":\"c_a\"}", "conversation", "list", "--scope", "c_a");
    CHECK("{\"channel\":\"c\",\"account\":\"a\",\"connector\":\"n\",\"title\":\"T \\\" t\"}",
          "account", "connect", "--channel", "c", "--account", "a", "--connector", "n",
          "--title", "T \" t");
    CHECK("{\"connector\":\"n\",\"source\":\"+7\",\"scope_id\":\"c_a\"}", "source", "add",
          "--connector", "n", "--source", "+7", "--scope", "c_a");
    CHECK("{\"name\":\"n\",\"kind\":\"http\",\"url\":\"http://h\",\"allow_private\":true}",
          "connector", "add", "--name", "n", "--kind", "http", "--url", "http://h",
          "--allow-private");
}

static void supports_answer_goes_as_it_came(void **state)
{
    (void)state;
    write_file("reply.json", VIEW_LIT("{\"a\": 1} // \xd1\x8f\n"));
    CHECK("{\"reply\":\"{\\\"a\\\": 1} // \xd1\x8f\\n\",\"url\":\"http://s\"}", "channel",
          "add", "--reply", "reply.json", "--amojo-url", "http://s");
}

static void a_final_newline_of_a_secret_file_does_not_count(void **state)
{
    (void)state;
    write_file("secret", VIEW_LIT("whsec_c2VjcmV0\n"));
    write_file("token", VIEW_LIT("token"));
    CHECK("{\"name\":\"n\",\"kind\":\"http\",\"url\":\"u\",\"secret\":\"whsec_c2VjcmV0\","
          "\"token\":\"token\"}",
          "connector", "add", "--name", "n", "--kind", "http", "--url", "u", "--secret-file",
          "secret", "--token-file", "token");
}

static void a_file_that_cannot_be_used_is_named(void **state)
{
    (void)state;
    write_file("empty", VIEW_LIT(""));
    write_file("binary", VIEW_LIT("\xff\xfe"));
    REFUSED("nowhere: No such file or directory", "channel", "add", "--reply", "nowhere");
    REFUSED("empty: is empty", "channel", "add", "--reply", "empty");
    REFUSED("binary: is not UTF-8", "channel", "add", "--reply", "binary");
    REFUSED("nowhere: No such file or directory", "connector", "add", "--name", "n", "--kind",
            "http", "--url", "u", "--token-file", "nowhere");
    REFUSED("empty: is empty", "connector", "add", "--name", "n", "--kind", "http", "--url",
            "u", "--token-file", "empty");
    REFUSED("binary: is not text", "connector", "add", "--name", "n", "--kind", "http", "--url",
            "u", "--secret-file", "binary");
    REFUSED("ID: is not UTF-8", "trace", "\xff");
}

/* Every verb of core can be asked for, and each in one place. */
static void the_verbs_are_those_of_core(void **state)
{
    static const char *const core[] = {
#define NAME(symbol, verb, kind, args, answer) verb,
        CONTROL_VERBS(NAME)
#undef NAME
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(core); i++) {
        size_t n = 0;

        for (size_t at = 0; at < amoctl_program.n_verbs; at++) {
            const struct verb *v = amoctl_program.verbs[at].more;

            n += v->control && strcmp(v->control, core[i]) == 0;
            n += v->each && strcmp(v->each, core[i]) == 0;
        }
        assert_int_equal(n, 1);
    }
}

/* Is @key a word of @list, outside what stands in brackets as an explanation? */
static bool names(const char *list, const char *key)
{
    size_t len = strlen(key);

    for (const char *at = list; (at = strstr(at, key)); at += len) {
        bool begins = at == list || strchr(" [", at[-1]);

        if (begins && (at[len] == '\0' || strchr(" ,;][", at[len])))
            return true;
    }
    return false;
}

static const char *arguments_of(const char *control)
{
    static const char *const rows[][2] = {
#define ROW(symbol, verb, kind, args, answer) {verb, args},
        CONTROL_VERBS(ROW)
#undef ROW
    };

    for (size_t i = 0; i < AMO_COUNT(rows); i++) {
        if (strcmp(control, rows[i][0]) == 0)
            return rows[i][1];
    }
    fail_msg("core has no verb %s", control);
    return "";
}

/* What the command line makes of a verb that is one call is in core's table of arguments. */
static void options_are_arguments_of_the_verb(void **state)
{
    (void)state;
    for (size_t i = 0; i < amoctl_program.n_verbs; i++) {
        const struct args_verb *v = &amoctl_program.verbs[i];
        const struct verb *more = v->more;
        const char *arguments = NULL;

        if (!more->control || more->run)
            continue;
        arguments = arguments_of(more->control);
        if (v->operand && !names(arguments, v->operand))
            fail_msg("%s has no argument %s", more->control, v->operand);
        for (size_t o = 0; o < v->n_options; o++) {
            if (!names(arguments, v->options[o].key))
                fail_msg("%s has no argument %s", more->control, v->options[o].key);
        }
    }
}

static bool has_dry_run(const struct args_verb *v)
{
    for (size_t i = 0; i < v->n_options; i++) {
        if (strcmp(v->options[i].name, "dry-run") == 0)
            return true;
    }
    return false;
}

static void what_changes_something_can_be_tried(void **state)
{
    (void)state;
    for (size_t i = 0; i < amoctl_program.n_verbs; i++) {
        const struct args_verb *v = &amoctl_program.verbs[i];
        const struct verb *more = v->more;

        if (more->control &&
            (control_kind_of(view_of(more->control)) == CONTROL_CHANGES) != has_dry_run(v))
            fail_msg("%s: --dry-run is for what changes something, and for that alone",
                     more->control);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_operands_become_cores_arguments),
        cmocka_unit_test(supports_answer_goes_as_it_came),
        cmocka_unit_test(a_final_newline_of_a_secret_file_does_not_count),
        cmocka_unit_test(a_file_that_cannot_be_used_is_named),
        cmocka_unit_test(the_verbs_are_those_of_core),
        cmocka_unit_test(options_are_arguments_of_the_verb),
        cmocka_unit_test(what_changes_something_can_be_tried),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
