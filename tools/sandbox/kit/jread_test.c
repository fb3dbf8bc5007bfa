/* Reading JSON: quietly, and with the first mistake in words. */
#include "tools/sandbox/kit/jread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tools/sandbox/testing/json.h"

static bool parses(const char *text)
{
    struct json_object *o = jread_parse(view_of(text));
    bool fits = o != NULL;

    json_object_put(o);
    return fits;
}

static void one_json_value_is_parsed_and_nothing_else(void **state)
{
    (void)state;
    assert_true(parses("{}"));
    assert_true(parses(" [1,2] "));
    assert_true(parses("17"));
    assert_true(parses("\"text\""));
    assert_false(parses(""));
    assert_false(parses("{"));
    assert_false(parses("{} {}"));
    assert_false(parses("{\"a\":1,}"));
    assert_false(parses("\"\xff\""));
}

static void members_are_looked_up_by_their_kind(void **state)
{
    struct json_object *o =
        testing_json("{'s':'x','n':7,'b':true,'z':null,'o':{'k':1},'l':[1]}");

    (void)state;
    assert_string_equal(jread_str(o, "s"), "x");
    assert_null(jread_str(o, "n"));
    assert_null(jread_str(o, "absent"));
    assert_null(jread_get(o, "z"));
    assert_int_equal(jread_int(o, "n", 1), 7);
    assert_int_equal(jread_int(o, "s", 1), 1);
    assert_true(jread_bool(o, "b", false));
    assert_true(jread_bool(o, "n", true));
    assert_non_null(jread_object(o, "o"));
    assert_null(jread_object(o, "l"));
    assert_non_null(jread_array(o, "l"));
    assert_null(jread_array(o, "o"));
    assert_null(jread_get(NULL, "s"));
    assert_null(jread_str(jread_array(o, "l"), "s"));
    json_object_put(o);
}

static void members_are_walked_in_their_order(void **state)
{
    struct json_object *o = testing_json("{'b':1,'a':null,'c':3}");
    char keys[8] = "";
    size_t n = 0;

    (void)state;
    for (struct jread_walk w = jread_walk(o); jread_next(&w);) {
        assert_int_equal(strcmp(w.key, "a") == 0, w.value == NULL);
        keys[n++] = w.key[0];
    }
    assert_string_equal(keys, "bac");
    for (struct jread_walk w = jread_walk(NULL); jread_next(&w);)
        fail_msg("nothing has no members");
    json_object_put(o);
}

static void what_is_added_is_there_or_left_out(void **state)
{
    struct json_object *o = json_object_new_object();

    (void)state;
    jread_add_str(o, "a", "x");
    jread_add_str(o, "b", NULL);
    jread_add_str_or_null(o, "c", NULL);
    jread_add_int(o, "d", -5);
    jread_add_bool(o, "e", false);
    testing_assert_at(o, "", "{'a':'x','c':null,'d':-5,'e':false}");
    json_object_put(o);
}

/* The words after the member @key of @text was asked for as a string. */
static void members_are_copied_laid_over_and_made(void **state)
{
    static const char *const keys[] = {"a", "c", "d"};
    struct json_object *from = testing_json("{'a':1,'b':2,'c':null}");
    struct json_object *o = testing_json("{'a':0,'z':0}");

    (void)state;
    jread_copy(o, from, keys, AMO_COUNT(keys));
    jread_add_id(o, "who", "u");
    jread_add_id(o, "nobody", NULL);
    jread_add_str(jread_append_object(jread_add_array(o, "list")), "k", "v");
    assert_string_equal(jread_text(o),
                        "{\"a\":1,\"z\":0,\"who\":{\"id\":\"u\"},\"list\":[{\"k\":\"v\"}]}");
    assert_int_equal(jread_len(jread_array(o, "list")), 1);
    assert_string_equal(jread_str(jread_at(jread_array(o, "list"), 0), "k"), "v");
    assert_int_equal(jread_len(NULL), 0);
    json_object_put(o);
    o = testing_json("{'a':0,'c':3}");
    jread_lay_over(o, from);
    jread_lay_over(o, NULL);
    assert_string_equal(jread_text(o), "{\"a\":1,\"c\":null,\"b\":2}");
    json_object_put(o);
    json_object_put(from);
}

static void assert_str(const char *text, enum jcheck_need need, size_t max, const char *words)
{
    struct json_object *o = testing_json(text);
    struct jcheck c = {""};
    const char *v = jcheck_str(&c, o, "at", "k", need, max);

    assert_string_equal(c.words, words);
    if (*words)
        assert_null(v);
    json_object_put(o);
}

static void a_string_is_checked_for_presence_kind_and_length(void **state)
{
    (void)state;
    assert_str("{'k':'x'}", JCHECK_REQUIRED, 0, "");
    assert_str("{'k':''}", JCHECK_OPTIONAL, 0, "");
    assert_str("{'k':null}", JCHECK_OPTIONAL, 0, "");
    assert_str("{}", JCHECK_REQUIRED, 0, "at.k: is required");
    assert_str("{'k':null}", JCHECK_REQUIRED, 0, "at.k: is required");
    assert_str("{'k':''}", JCHECK_REQUIRED, 0, "at.k: cannot be blank");
    assert_str("{'k':1}", JCHECK_OPTIONAL, 0, "at.k: must be a string");
    assert_str("{'k':'\xd1\x8f\xd1\x8f'}", JCHECK_REQUIRED, 2, ""); /* characters, not bytes */
    assert_str("{'k':'abc'}", JCHECK_REQUIRED, 2, "at.k: is too long");
}

static void other_kinds_are_checked_alike(void **state)
{
    struct json_object *o = testing_json("{'n':1,'f':1.5,'s':'x','b':true,'o':{}}");
    static const char *const words[] = {"s: must be an integer", "s: must be a boolean",
                                        "s: must be an object",  "s: must be a number",
                                        "x: is required",        "n: must be a string"};
    struct jcheck c[6] = {{""}};
    struct jcheck good = {""};

    (void)state;
    assert_int_equal(jcheck_int(&good, o, "", "n", JCHECK_REQUIRED), 1);
    assert_true(jcheck_bool(&good, o, "", "b"));
    assert_false(jcheck_bool(&good, o, "", "absent"));
    assert_non_null(jcheck_object(&good, o, "", "o", JCHECK_REQUIRED));
    jcheck_float(&good, o, "", "f");
    jcheck_float(&good, o, "", "n");
    JCHECK_TEXTS(&good, o, "", "s", "absent");
    assert_false(jcheck_bad(&good));
    (void)jcheck_int(&c[0], o, "", "s", JCHECK_OPTIONAL);
    (void)jcheck_bool(&c[1], o, "", "s");
    (void)jcheck_object(&c[2], o, "", "s", JCHECK_OPTIONAL);
    jcheck_float(&c[3], o, "", "s");
    jcheck_float(&c[4], o, "", "x");
    JCHECK_TEXTS(&c[5], o, "", "s", "n", "f");
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(c[i].words, words[i]);
    json_object_put(o);
}

static void the_first_mistake_stays(void **state)
{
    struct jcheck c = {""};

    (void)state;
    jcheck_fail(&c, "", "a", "is wrong");
    jcheck_fail(&c, "", "b", "is worse");
    assert_string_equal(c.words, "a: is wrong");
    assert_true(jcheck_bad(&c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_json_value_is_parsed_and_nothing_else),
        cmocka_unit_test(members_are_looked_up_by_their_kind),
        cmocka_unit_test(members_are_walked_in_their_order),
        cmocka_unit_test(what_is_added_is_there_or_left_out),
        cmocka_unit_test(members_are_copied_laid_over_and_made),
        cmocka_unit_test(a_string_is_checked_for_presence_kind_and_length),
        cmocka_unit_test(other_kinds_are_checked_alike),
        cmocka_unit_test(the_first_mistake_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
