#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/testing.h"

/* What log_line writes to stderr. */
static struct testing_words words;

static void catch_begin(void)
{
    testing_listen(&words);
}

static const char *catch_end(void)
{
    return testing_heard(&words);
}

static void a_line_says_when_who_and_what(void **state)
{
    const char *text = NULL;

    (void)state;
    log_setup("core", LOG_LEVEL_INFO, false);
    catch_begin();
    log_line(LOG_LEVEL_INFO, "command.done", "trace=%s ms=%d", "abc", 12);
    text = catch_end();
    assert_memory_equal(text, "ts=2", 4);
    assert_string_equal(strchr(text, ' '),
                        " level=info process=core what=command.done trace=abc ms=12\n");
}

static void a_line_below_the_level_is_not_written(void **state)
{
    (void)state;
    log_setup("core", LOG_LEVEL_WARN, false);
    assert_true(log_enabled(LOG_LEVEL_ERROR));
    assert_false(log_enabled(LOG_LEVEL_INFO));
    catch_begin();
    log_line(LOG_LEVEL_INFO, "ready", NULL);
    assert_string_equal(catch_end(), "");
}

static void json_lines_are_json(void **state)
{
    struct json *doc = NULL;
    struct view v = VIEW_NONE;

    (void)state;
    log_setup("ingress", LOG_LEVEL_INFO, true);
    catch_begin();
    log_line(LOG_LEVEL_INFO, "ready", "port=%d why=\"two words\" path=a\\b empty= last=x", 80);
    assert_int_equal(json_parse(view_of(catch_end()), &doc), 0);
    assert_true(json_strict_text(json_get(json_root(doc), "process"), &v));
    assert_true(view_is(v, "ingress"));
    assert_true(json_strict_text(json_get(json_root(doc), "port"), &v));
    assert_true(view_is(v, "80"));
    assert_true(json_strict_text(json_get(json_root(doc), "why"), &v));
    assert_true(view_is(v, "two words"));
    assert_true(json_strict_text(json_get(json_root(doc), "path"), &v));
    assert_true(view_is(v, "a_b"));
    assert_true(json_strict_text(json_get(json_root(doc), "empty"), &v));
    assert_true(view_is(v, ""));
    assert_true(json_strict_text(json_get(json_root(doc), "last"), &v));
    assert_true(view_is(v, "x"));
    json_free(doc);
}

static void control_characters_never_reach_the_terminal(void **state)
{
    (void)state;
    log_setup("core", LOG_LEVEL_INFO, false);
    catch_begin();
    log_line(LOG_LEVEL_INFO, "ready", "a=%s", "x\ny\x1b[31m\x7f");
    assert_non_null(strstr(catch_end(), " a=x_y_[31m_\n"));
}

static void an_outside_value_cannot_forge_a_pair(void **state)
{
    char space[LOG_VALUE_MAX];
    char longer[2 * LOG_VALUE_MAX];

    (void)state;
    assert_string_equal(log_value(view_of("a b=\"c\\\n\xd1"), space), "a_b__c___");
    assert_string_equal(log_value(VIEW_NONE, space), "-");
    memset(longer, 'x', sizeof(longer));
    assert_int_equal(strlen(log_value(view_make(longer, sizeof(longer)), space)),
                     LOG_VALUE_MAX - 1);
}

static void a_line_too_long_is_cut_and_still_one_line(void **state)
{
    char longer[3000];
    const char *text = NULL;

    (void)state;
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    log_setup("core", LOG_LEVEL_INFO, false);
    catch_begin();
    log_line(LOG_LEVEL_INFO, "ready", "a=%s", longer);
    text = catch_end();
    assert_int_equal(text[strlen(text) - 1], '\n');
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void a_failure_is_told_by_number_and_in_words(void **state)
{
    (void)state;
    log_setup("core", LOG_LEVEL_INFO, false);
    errno = EINTR;
    catch_begin();
    log_failed(LOG_LEVEL_ERROR, "store.failed", -ENOSPC, "file=%s", "/a/b");
    assert_non_null(
        strstr(catch_end(),
               " what=store.failed error=28 words=\"No space left on device\" file=/a/b\n"));
    assert_int_equal(errno, EINTR);
    catch_begin();
    log_failed(LOG_LEVEL_ERROR, "store.failed", 3, NULL);
    assert_non_null(strstr(catch_end(), " error=3 words=\"answer 3\"\n"));
}

static void level_names_are_known(void **state)
{
    enum log_level level = LOG_LEVEL_INFO;

    (void)state;
    assert_int_equal(log_level_parse(view_of("debug"), &level), 0);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse(view_of("Debug"), &level), -EINVAL);
    assert_int_equal(log_level_parse(VIEW_NONE, &level), -EINVAL);
}

static unsigned count_of(const char *text, const char *what)
{
    unsigned n = 0;

    for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}

static void what_comes_often_is_left_out_and_counted(void **state)
{
    const char *text = NULL;

    (void)state;
    log_setup("ingress", LOG_LEVEL_INFO, false);
    catch_begin();
    for (int i = 0; i < 1000; i++)
        log_often(LOG_LEVEL_INFO, "test.flood", VIEW_LIT("loud"), "n=%d", i);
    log_often(LOG_LEVEL_DEBUG, "test.flood", VIEW_LIT("loud"), NULL);
    log_often(LOG_LEVEL_INFO, "test.flood", VIEW_LIT("quiet one"), "n=%d", 7);
    log_often_flush(LOG_OFTEN_QUIET_MS);
    text = catch_end();
    assert_in_range(count_of(text, " n="), LOG_OFTEN_BURST + 1, LOG_OFTEN_BURST + 10);
    assert_non_null(strstr(text, "what=test.flood n=7\n"));
    assert_null(strstr(text, "log.left_out"));
    catch_begin();
    log_often_flush(0);
    log_often_flush(0);
    text = catch_end();
    assert_int_equal(count_of(text, "what=log.left_out of=test.flood who=loud left_out=9"), 1);
    assert_int_equal(count_of(text, "\n"), 1);
}

static void floods_of_many_names_are_bounded_together(void **state)
{
    char who[16];
    const char *text = NULL;

    (void)state;
    log_setup("ingress", LOG_LEVEL_INFO, false);
    catch_begin();
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(who, sizeof(who), "name-%d", i); /* fits */
        log_often(LOG_LEVEL_WARN, "test.names", view_of(who), NULL);
    }
    log_often_flush(0);
    text = catch_end();
    assert_in_range(count_of(text, "what=test.names"), 20, LOG_OFTEN_ALL_BURST);
    assert_int_equal(count_of(text, "what=log.left_out of=several"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_says_when_who_and_what),
        cmocka_unit_test(a_line_below_the_level_is_not_written),
        cmocka_unit_test(json_lines_are_json),
        cmocka_unit_test(control_characters_never_reach_the_terminal),
        cmocka_unit_test(an_outside_value_cannot_forge_a_pair),
        cmocka_unit_test(a_line_too_long_is_cut_and_still_one_line),
        cmocka_unit_test(a_failure_is_told_by_number_and_in_words),
        cmocka_unit_test(what_comes_often_is_left_out_and_counted),
        cmocka_unit_test(floods_of_many_names_are_bounded_together),
        cmocka_unit_test(level_names_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
