/* What a number of amoctl probe means: a minute need not pass for it. */

#include "tools/ctl/probe/findings.h"

#include <string.h>

#include "base/testing.h"

static void expect_history(bool found, int64_t took_ms, bool open, const char *words)
{
    struct probe_finding w;

    probe_finding_history(found, took_ms, "status 204", &w);
    assert_int_equal(w.open, open);
    if (!strstr(w.text, words))
        fail_msg("%s is not in: %s", words, w.text);
}

static void a_message_that_never_shows_leaves_a_question(void **state)
{
    (void)state;
    expect_history(false, 60001, true, "not in the history after 60 s (status 204)");
    expect_history(false, 0, true, "not in the history");
}

static void a_message_that_shows_late_is_told_apart(void **state)
{
    (void)state;
    expect_history(true, 12, false, "shown after 12 ms; the bridge looks after");
    expect_history(true, 40000, false, "shown after 40000 ms; the bridge looks after");
    expect_history(true, 40001, false, "shown after 40001 ms, later than");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_that_never_shows_leaves_a_question),
        cmocka_unit_test(a_message_that_shows_late_is_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
