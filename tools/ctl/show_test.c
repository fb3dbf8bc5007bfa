#include "tools/ctl/show.h"

#include "base/testing.h"

static int shown_as(enum show how, const char *json, const struct show_style *style,
                    struct buf *out)
{
    struct json *doc = NULL;
    int rc = json_parse(view_of(json), &doc);

    rc = rc ? rc : show_answer(how, "nothing here", doc, style, out);
    json_free(doc);
    return rc;
}

static int shown(enum show how, const char *json, struct buf *out)
{
    return shown_as(how, json, &(struct show_style){.width = 80}, out);
}

static void check(enum show how, const char *json, const char *want)
{
    struct buf out;

    buf_init(&out, 1 << 20);
    assert_int_equal(shown(how, json, &out), 0);
    assert_string_equal(buf_str(&out), want);
    buf_fini(&out);
}

static void a_list_is_a_table_with_the_keys_as_titles(void **state)
{
    (void)state;
    check(SHOW_LIST,
          "[{\"scope_id\":\"a\",\"waiting\":12,\"held\":null},"
          "{\"scope_id\":\"bcd\",\"waiting\":3,\"held\":\"throttled\",\"off\":true}]",
          "SCOPE ID  WAITING  HELD       OFF\n"
          "a              12  -          -\n"
          "bcd             3  throttled  yes\n");
}

static void an_empty_list_says_so(void **state)
{
    (void)state;
    check(SHOW_LIST, "[]", "nothing here\n");
}

static void an_object_is_keys_and_values_with_tables_below(void **state)
{
    (void)state;
    check(SHOW_OBJECT,
          "{\"version\":\"1\",\"uptime_s\":3700,\"ids\":[1,2],\"none\":[],"
          "\"peers\":[{\"name\":\"in\",\"spool_bytes\":2048}],\"answer\":{\"a\":true,\"b\":"
          "\"\"}}",
          "version  1\n"
          "uptime   1 h 1 min\n"
          "ids      1, 2\n"
          "none     -\n"
          "\npeers\n"
          "  NAME    SPOOL\n"
          "  in    2.0 KiB\n"
          "\nanswer\n"
          "  a  yes\n"
          "  b  -\n");
}

static void the_scope_id_stands_alone(void **state)
{
    (void)state;
    check(SHOW_SCOPE, "{\"scope_id\":\"chan_acc\"}", "chan_acc\n");
}

static void a_secret_made_just_now_comes_with_a_warning(void **state)
{
    (void)state;
    check(SHOW_GIVEN, "{\"name\":\"n\"}", "name  n\n");
    check(SHOW_GIVEN, "{\"name\":\"n\",\"token\":\"t\"}",
          "name   n\ntoken  t\n"
          "\nThe token was made for this connector and is not shown again: keep it now.\n");
    check(SHOW_GIVEN, "{\"secret\":\"s\",\"token\":\"t\"}",
          "secret  s\ntoken   t\n"
          "\nThe secret and the token were made for this connector and are not shown again:\n"
          "keep them now.\n");
}

static void a_journey_tells_times_since_its_beginning(void **state)
{
    (void)state;
    check(SHOW_TRACE,
          "{\"message\":{\"mid\":\"m\",\"amo_id\":null},\"journey\":["
          "{\"at\":\"2026-11-22T13:00:00.100Z\",\"what\":\"accepted by ingress\"},"
          "{\"at\":\"2026-11-22T13:00:01.350Z\",\"what\":\"amo.message\",\"attempt\":1,"
          "\"outcome\":\"done\",\"cause\":\"none\",\"words\":null}],\"waiting\":[]}",
          "message\n"
          "  mid     m\n"
          "  amo_id  -\n"
          "\njourney\n"
          "  TIME                         SINCE  WHAT\n"
          "  2026-11-22T13:00:00.100Z     +0 ms  accepted by ingress\n"
          "  2026-11-22T13:00:01.350Z  +1250 ms  amo.message\n"
          "      attempt=1 outcome=done\n");
}

static void steps_are_told_in_the_order_of_time(void **state)
{
    (void)state;
    check(SHOW_TRACE,
          "{\"message\":{},\"journey\":[{\"at\":\"2026-11-22T13:00:00.100Z\",\"what\":\"a\"},"
          "{\"at\":\"2026-11-22T13:00:00.130Z\",\"what\":\"d\"},{\"what\":\"e\"},"
          "{\"at\":\"2026-11-22T13:00:00.110Z\",\"what\":\"b\"},"
          "{\"at\":\"2026-11-22T13:00:00.110Z\",\"what\":\"c\"}],"
          "\"waiting\":[{\"state\":\"READY\"}]}",
          "message\n\njourney\n"
          "  TIME                       SINCE  WHAT  DETAILS\n"
          "  2026-11-22T13:00:00.100Z   +0 ms  a\n"
          "  2026-11-22T13:00:00.110Z  +10 ms  b\n"
          "  2026-11-22T13:00:00.110Z  +10 ms  c\n"
          "  2026-11-22T13:00:00.130Z  +30 ms  d\n"
          "  -                              -  e\n"
          "\nwaiting\n"
          "  STATE\n"
          "  ready\n");
}

#define CHANNEL "f90ba33d-c9d9-44da-b76c-c349b0ecbe41"
#define ACCOUNT "2b13cae0-24f7-4058-b9ad-c13ee05e1b53"

static void check_named(enum show how, const char *json, size_t width, const char *want)
{
    struct show_style style = {.width = width};
    struct json *list = NULL;
    struct names names;
    struct buf out;

    buf_init(&out, 1 << 20);
    assert_int_equal(json_parse(VIEW_LIT("[{\"scope_id\":\"" CHANNEL "_" ACCOUNT
                                         "\",\"short\":\"2b13cae0\",\"title\":\"Acme\"}]"),
                                &list),
                     0);
    assert_int_equal(names_init(&names, list), 0);
    style.names = &names;
    assert_int_equal(shown_as(how, json, &style, &out), 0);
    assert_string_equal(buf_str(&out), want);
    names_fini(&names);
    buf_fini(&out);
}

static void an_account_is_shown_by_its_name(void **state)
{
    (void)state;
    check_named(SHOW_LIST,
                "[{\"id\":1,\"scope_id\":\"" CHANNEL "_" ACCOUNT "\",\"held\":null}]", 160,
                "ID  SCOPE ID       HELD\n"
                " 1  2b13cae0 Acme  -\n");
    check_named(SHOW_LIST,
                "[{\"destination\":\"scope:" CHANNEL "_" ACCOUNT "\"},"
                "{\"destination\":\"connector:wa\"}]",
                80,
                "DESTINATION\n"
                "scope:2b13cae0 Acme\n"
                "connector:wa\n");
    check_named(SHOW_OBJECT, "{\"scope_id\":\"" CHANNEL "_" ACCOUNT "\",\"paused\":true}", 80,
                "scope_id  2b13cae0 Acme\n"
                "paused    yes\n");
}

static void a_row_with_the_title_has_the_whole_id_where_there_is_room(void **state)
{
    static const char list[] = "[{\"short\":\"2b13cae0\",\"scope_id\":\"" CHANNEL "_" ACCOUNT
                               "\",\"channel\":\"" CHANNEL "\",\"title\":\"Acme\"}]";

    (void)state;
    check_named(SHOW_LIST, list, 160,
                "SCOPE ID                                                                   "
                "CHANNEL                               TITLE\n" CHANNEL "_" ACCOUNT "  " CHANNEL
                "  Acme\n");
    check_named(SHOW_LIST, list, 80,
                "SCOPE ID  CHANNEL   TITLE\n"
                "2b13cae0  f90ba33d  Acme\n");
    check_named(SHOW_OBJECT, "{\"scope_id\":\"" CHANNEL "_" ACCOUNT "\",\"title\":\"Acme\"}",
                80,
                "scope_id\n  " CHANNEL "_" ACCOUNT "\n"
                "title     Acme\n");
}

static void what_amo_was_told_is_a_word(void **state)
{
    (void)state;
    check(SHOW_OBJECT, "{\"told\":\"failed\",\"told_status\":-1,\"told_code\":904}",
          "told       failed\ntold_code  904\n");
    check(SHOW_OBJECT, "{\"told\":null,\"settled\":5}", "told     nothing yet\nsettled  5\n");
}

static void what_stderr_says_is_not_said_twice(void **state)
{
    struct show_style style = {.width = 80, .said = VIEW_LIT("no such host")};
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(shown_as(SHOW_OBJECT,
                              "{\"stage\":\"dns\",\"words\":\"no such host\",\"ms\":1}", &style,
                              &out),
                     0);
    assert_string_equal(buf_str(&out), "stage  dns\nms     1\n");
    buf_fini(&out);
}

static void nothing_from_outside_reaches_the_terminal_raw(void **state)
{
    (void)state;
    check(SHOW_LIST, "[{\"title\":\"a\\u001b[2J\\nb\\u009b\"}]", "TITLE\na[2J b\n");
    check(SHOW_OBJECT, "{\"k\\u0007\":\"\\u202ev\"}", "k  v\n");
    check(SHOW_OBJECT, "{\"k\\u001b\":{\"a\":1}}", "\nk\n  a  1\n");
    check(SHOW_SCOPE, "{\"scope_id\":\"a\\u001bb\"}", "ab\n");
}

static void a_document_of_another_shape_is_refused(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    assert_int_equal(shown(SHOW_LIST, "{}", &out), -EPROTO);
    assert_int_equal(shown(SHOW_OBJECT, "[]", &out), -EPROTO);
    assert_int_equal(shown(SHOW_OBJECT, "5", &out), -EPROTO);
    assert_int_equal(shown(SHOW_OBJECT, "null", &out), -EPROTO);
    assert_int_equal(shown(SHOW_SCOPE, "{}", &out), -EPROTO);
    assert_int_equal(shown(SHOW_GIVEN, "[]", &out), -EPROTO);
    assert_int_equal(shown(SHOW_TRACE, "{\"message\":{}}", &out), -EPROTO);
    assert_int_equal(shown(SHOW_TRACE, "{\"journey\":[]}", &out), -EPROTO);
    buf_fini(&out);
}

static void rows_of_any_shape_are_survived(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    assert_int_equal(shown(SHOW_LIST, "[1,null,\"a\",{\"b\":[{\"c\":{\"d\":[[]]}}]}]", &out),
                     0);
    assert_int_equal(shown(SHOW_TRACE, "{\"message\":{},\"journey\":[1,{\"at\":5}]}", &out), 0);
    buf_fini(&out);
}

static int show_case(void *arg)
{
    struct buf out;
    int rc = 0;

    (void)arg;
    buf_init(&out, 1 << 20);
    rc = shown(SHOW_OBJECT, "{\"a\":1,\"b\":[{\"c\":1.5},{\"d\":\"e\"}]}", &out);
    buf_fini(&out);
    return rc;
}

static void showing_survives_every_failed_allocation(void **state)
{
    (void)state;
    testing_fail_each_allocation(show_case, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_a_table_with_the_keys_as_titles),
        cmocka_unit_test(an_empty_list_says_so),
        cmocka_unit_test(an_object_is_keys_and_values_with_tables_below),
        cmocka_unit_test(the_scope_id_stands_alone),
        cmocka_unit_test(a_secret_made_just_now_comes_with_a_warning),
        cmocka_unit_test(a_journey_tells_times_since_its_beginning),
        cmocka_unit_test(steps_are_told_in_the_order_of_time),
        cmocka_unit_test(an_account_is_shown_by_its_name),
        cmocka_unit_test(a_row_with_the_title_has_the_whole_id_where_there_is_room),
        cmocka_unit_test(what_amo_was_told_is_a_word),
        cmocka_unit_test(what_stderr_says_is_not_said_twice),
        cmocka_unit_test(nothing_from_outside_reaches_the_terminal_raw),
        cmocka_unit_test(a_document_of_another_shape_is_refused),
        cmocka_unit_test(rows_of_any_shape_are_survived),
        cmocka_unit_test(showing_survives_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
