/* What the doctor makes of numbers and addresses. */

#include "core/doctor/doctor_line.h"

#include "base/testing.h"

#define MIB 1048576UL

/* A disk of @total MiB with @left of them free: its severity and what is said. */
static void expect_space(unsigned long total, unsigned long left, const char *state,
                         const char *words)
{
    const struct statvfs s = {.f_frsize = MIB, .f_blocks = total, .f_bavail = left};
    struct json_writer w;
    struct json *doc = NULL;
    struct view v = VIEW_NONE;
    struct buf text;

    buf_init(&text, 4096);
    json_writer_init(&w, &text);
    check_space(&w, "/data", &s);
    assert_int_equal(json_parse(buf_view(&text), &doc), 0);
    assert_true(json_strict_text(json_get(json_root(doc), "state"), &v));
    if (!view_is(v, state))
        fail_msg("%lu MiB of %lu: %.*s", left, total, (int)v.len, v.ptr);
    assert_true(json_strict_text(json_get(json_root(doc), "words"), &v));
    assert_true(view_is(v, words));
    assert_true(json_strict_text(json_get(json_root(doc), "subject"), &v));
    assert_true(view_is(v, "/data"));
    json_free(doc);
    buf_fini(&text);
}

static void a_disk_is_judged_by_its_bytes_and_by_its_part(void **state)
{
    (void)state;
    expect_space(10000, 5000, "green", "5000 MiB free, 50 %");
    expect_space(10000, 2048, "green", "2048 MiB free, 20 %");
    expect_space(10000, 2047, "yellow", "2047 MiB free, 20 %");
    expect_space(1000, 256, "yellow", "256 MiB free, 25 %");
    expect_space(1000, 255, "red", "255 MiB free, 25 %");
    expect_space(100000, 5000, "green", "5000 MiB free, 5 %");
    expect_space(100000, 4999, "yellow", "4999 MiB free, 4 %");
    expect_space(1000000, 19999, "red", "19999 MiB free, 1 %");
    expect_space(0, 0, "red", "0 MiB free, 0 %");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_is_judged_by_its_bytes_and_by_its_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
