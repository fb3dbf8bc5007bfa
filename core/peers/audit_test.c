#include "core/peers/audit.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/testing.h"
#include "proto/bus/callers.h"

static void a_user_is_named_as_the_host_has_it_now(void **state)
{
    struct caller who = {.known = true, .uid = 0};
    char name[AUDIT_USER_MAX];

    (void)state;
    audit_user(&who, name);
    assert_string_equal(name, "root");
    who.uid = 3999999999U;
    audit_user(&who, name);
    assert_string_equal(name, "uid-3999999999");
    who.known = false;
    audit_user(&who, name);
    assert_string_equal(name, "unknown");
}

static struct testing_words words;

/* What the log says of @verb with @args. */
static const char *line_of(const char *verb, const char *args)
{
    const struct caller who = {.known = true, .uid = 0, .pid = 7};
    const struct audit a = {&who, "root", view_of(verb), "done"};
    struct json *doc = NULL;
    const char *text = NULL;

    assert_int_equal(json_parse(view_of(args), &doc), 0);
    testing_listen(&words);
    audit_write(&a, strstr(args, "of thread 12") ? 12 : 0, doc);
    text = testing_heard(&words);
    json_free(doc);
    return text;
}

static void an_order_is_one_line_with_ids_and_flags(void **state)
{
    (void)state;
    assert_non_null(strstr(line_of("queue.drop", "{\"connector\":\"wa\",\"dry_run\":true}"),
                           " what=operator.verb user=root uid=0 pid=7 verb=queue.drop"
                           " result=done connector=wa dry_run=yes\n"));
    assert_non_null(strstr(line_of("dead.retry", "{\"ids\":[1,\"2\",3,4,5,6,7]}"),
                           " ids=1,2,3,4,5,and_2_more\n"));
    assert_non_null(strstr(line_of("verb.of_tomorrow", "{}"), " verb=verb.of_tomorrow"));
    /* nobody forges a pair */
    assert_non_null(strstr(line_of("account.pause", "{\"scope_id\":\"a b=c\\nd\"}"),
                           " scope_id=a_b_c_d\n"));
}

static void neither_secrets_nor_texts_nor_phones_are_written(void **state)
{
    static const char *const args[] = {
        "{\"secret\":\"hidden\",\"name\":\"wa\"}",
        "{\"token\":\"hidden\"}",
        "{\"reply\":\"{hidden}\"}",
        "{\"rows\":[{\"name\":\"hidden\"}]}",
        "{\"phone\":\"hidden\"}",
        "{\"url\":\"https://hidden:x@host\"}",
        "{\"new_key_of_tomorrow\":\"hidden\"}",
        "{\"text\":\"hidden\"}",
        "{\"ids\":[{\"id\":\"hidden\"}]}",
        "{\"name\":{\"x\":\"hidden\"}}",
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(args); i++)
        assert_null(strstr(line_of("some.verb", args[i]), "hidden"));
    assert_non_null(strstr(line_of("erase", "{\"phone\":\"79005550101\"}"), " given=phone\n"));
    assert_null(strstr(line_of("message.retry", "{\"id\":\"+7 (900) 555-01-01\"}"), "555"));
    assert_null(strstr(line_of("x.y", "{\"ids\":[\"79005550101\"]}"), "5550101"));
}

#define ACCOUNT                                                                                \
    "01a22f13-5994-7b9a-aba0-446655440000_"                                                    \
    "01a22f13-5994-7b9a-aba0-446655440001"

static void an_id_that_is_made_of_an_address_is_not_written_either(void **state)
{
    static const char *const people[] = {"79161112233@c.us", "wa:79161112233", "hidden@mail.ru",
                                         "false_+79161112233_3EB0", "7.916.111-22-33"};
    static const char *const ours[] = {"12", "svc-m1", "01a22f13-5994-7b9a-aba0-446655440000",
                                       ACCOUNT};
    char args[200];

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(people); i++) {
        (void)snprintf(args, sizeof(args), "{\"id\":\"%s\"}", people[i]);
        assert_non_null(strstr(line_of("message.retry", args), " id=given\n"));
        (void)snprintf(args, sizeof(args), "{\"ids\":[\"%s\"],\"scope_id\":\"%s\"}", people[i],
                       people[i]);
        assert_non_null(strstr(line_of("x.y", args), " ids=given scope_id=given\n"));
    }
    for (size_t i = 0; i < AMO_COUNT(ours); i++) {
        (void)snprintf(args, sizeof(args), "{\"scope_id\":\"%s\"}", ours[i]);
        assert_non_null(strstr(line_of("account.pause", args), ours[i]));
    }
}

static void a_refusal_is_kept_without_whom_it_names(void **state)
{
    struct json *args = NULL;
    struct buf kept;

    (void)state;
    buf_init(&kept, 4096);
    assert_int_equal(json_parse(VIEW_LIT("{\"id\":\"wa:79161112233\",\"who\":\"Ann\"}"), &args),
                     0);
    audit_words(args, VIEW_LIT("nothing is called wa:79161112233 of Ann"), &kept);
    assert_string_equal(buf_str(&kept), "nothing is called ************** of ***");
    json_free(args);
    buf_fini(&kept);
}

static void who_only_looks_leaves_no_line_unless_it_reveals(void **state)
{
    static const char *const looks[] = {"status", "queue", "trace", "dead.list",
                                        "account.show"};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(looks); i++)
        assert_string_equal(line_of(looks[i], "{}"), "");
    assert_string_equal(line_of("message.list", "{\"reveal\":false}"), "");
    assert_non_null(strstr(line_of("message.list", "{\"reveal\":true,\"phone\":\"1\"}"),
                           " reveal=yes given=phone\n"));
    assert_non_null(
        strstr(line_of("message.list", "{\"reveal\":true,\"who\":\"of thread 12\"}"),
               " reveal=yes given=who conversation=12\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_is_named_as_the_host_has_it_now),
        cmocka_unit_test(an_order_is_one_line_with_ids_and_flags),
        cmocka_unit_test(neither_secrets_nor_texts_nor_phones_are_written),
        cmocka_unit_test(an_id_that_is_made_of_an_address_is_not_written_either),
        cmocka_unit_test(a_refusal_is_kept_without_whom_it_names),
        cmocka_unit_test(who_only_looks_leaves_no_line_unless_it_reveals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
