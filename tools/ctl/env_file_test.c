#include "tools/ctl/env_file.h"

#include <stdio.h>
#include <string.h>

#include "base/testing.h"

static void put(void *arg, const struct env_line *l)
{
    struct buf *out = arg;

    (void)buf_add_f(out, "%u %.*s", l->line, (int)l->name.len, l->name.ptr);
    if (l->value.ptr)
        (void)buf_add_f(out, "=<%.*s>", (int)l->value.len, l->value.ptr);
    (void)buf_add_str(out, l->replaced ? " $;" : ";");
}

static void check(const char *text, const char *systemd, const char *compose)
{
    unsigned line = 0;
    struct buf out;

    buf_init(&out, 4096);
    assert_int_equal(env_file_systemd(view_of(text), put, &out), 0);
    assert_string_equal(buf_str(&out), systemd);
    buf_reset(&out);
    if (env_file_compose(view_of(text), put, &out, &line) == ENV_FILE_E_REFUSED)
        (void)buf_add_f(&out, "refused at %u", line);
    assert_string_equal(buf_str(&out), compose);
    buf_fini(&out);
}

static void same(const char *text, const char *both)
{
    check(text, both, both);
}

static void plain_lines_are_read_alike(void **state)
{
    (void)state;
    same("", "");
    same("# all of it\n\n", "");
    same("A=1\nB=2", "1 A=<1>;2 B=<2>;");
    same("  A = 1 \r\n#B=2\r\nC=\n", "1 A=<1>;3 C=<>;");
    same("A=\"one two\"\nB='#'\nC=a#b\n", "1 A=<one two>;2 B=<#>;3 C=<a#b>;");
    same("A=\"one\ntwo\"\nB=1\n", "1 A=<one\ntwo>;3 B=<1>;");
    same("A=\"\\\"\\\\\"\nB=\"\\$x\"\n", "1 A=<\"\\>;2 B=<$x>;");
}

static void the_two_differ_in_the_rest(void **state)
{
    (void)state;
    check("A=info # why\n", "1 A=<info # why>;", "1 A=<info>;");
    check("A=\"info\" # why\nB=1\n", "1 A=<info# why>;2 B=<1>;", "1 A=<info>;2 B=<1>;");
    check("export A=1\n", "1 export A=<1>;", "1 A=<1>;");
    check("A: 1\n", "1 A: 1;", "1 A=<1>;");
    check("; why\nA=1\n", "2 A=<1>;", "refused at 1");
    check("A=$HOME\nB=\"${X}\"\nC='$X'\n", "1 A=<$HOME>;2 B=<${X}>;3 C=<$X>;",
          "1 A=<$HOME> $;2 B=<${X}> $;3 C=<$X>;");
    check("A=a\\b\\\nc\n", "1 A=<abc>;", "1 A=<a\\b\\>;2 c;");
    check("A=\"a\\n\\z\"\n", "1 A=<a\\n\\z>;", "1 A=<a\n\\z>;");
    check("A='it\\'s'\n", "1 A=<it\\s'>;", "1 A=<it's>;");
    check("# why \\\nA=1\nB=2\n", "3 B=<2>;", "2 A=<1>;3 B=<2>;");
    check("A=\"one\nB=1\n", "1 A=<one\nB=1\n>;", "refused at 1");
    check("A B=1\n", "1 A B=<1>;", "refused at 1");
    check("A\nB=1\n", "1 A;2 B=<1>;", "1 A;2 B=<1>;");
}

static void every_beginning_of_a_file_is_read(void **state)
{
    static const char text[] =
        "export A=\"a\\\"$ \\\\ \\\nb\" # c\\\n'x\\'=1\n; y \\\n: z=\\\n\t=";
    unsigned line = 0;

    (void)state;
    for (size_t n = 0; n < sizeof(text); n++) {
        struct buf out;
        int rc = 0;

        buf_init(&out, 4096);
        assert_int_equal(env_file_systemd(view_make(text, n), put, &out), 0);
        rc = env_file_compose(view_make(text, n), put, &out, &line);
        assert_true(rc == 0 || rc == ENV_FILE_E_REFUSED);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_lines_are_read_alike),
        cmocka_unit_test(the_two_differ_in_the_rest),
        cmocka_unit_test(every_beginning_of_a_file_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
