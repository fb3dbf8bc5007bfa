/* Settings: all of them or none are changed. */
#include "tools/sandbox/record/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/testing/json.h"

static void patch(struct settings *s, const char *text, const char *words)
{
    struct json_object *o = testing_json(text);
    struct jcheck c = {""};

    settings_patch(s, o, &c);
    assert_string_equal(c.words, words);
    json_object_put(o);
}

static void what_is_named_is_changed_and_shown(void **state)
{
    struct settings s;
    struct json_object *o = NULL;

    (void)state;
    settings_init(&s);
    patch(&s,
          "{'repeat':400,'clock_offset_ms':-5000,'tls_verify':false,'journal':'brief',"
          "'unknown_refs':'adopt','file_details':'optional','status_spelling':'new'}",
          "");
    assert_int_equal(s.repeat, 400);
    assert_true(s.adopt_unknown);
    assert_true(s.lenient_files);
    assert_int_equal(s.status_spelling, SPELLING_NEW);
    o = settings_json(&s);
    testing_assert_at(o, "repeat", "400");
    testing_assert_at(o, "clock_offset_ms", "-5000");
    testing_assert_at(o, "tls_verify", "false");
    testing_assert_at(o, "journal", "'brief'");
    testing_assert_at(o, "unknown_refs", "'adopt'");
    testing_assert_at(o, "file_details", "'optional'");
    testing_assert_at(o, "status_spelling", "'new'");
    testing_assert_at(o, "webhook_newline", "true");
    json_object_put(o);
}

static void an_echo_is_a_boolean_or_early(void **state)
{
    struct settings s;
    struct json_object *o = NULL;

    (void)state;
    settings_init(&s);
    patch(&s, "{'echo':true}", "");
    assert_int_equal(s.echo, ECHO_AFTER);
    patch(&s, "{'echo':'early'}", "");
    assert_int_equal(s.echo, ECHO_EARLY);
    o = settings_json(&s);
    testing_assert_at(o, "echo", "'early'");
    json_object_put(o);
    patch(&s, "{'echo':false}", "");
    assert_int_equal(s.echo, ECHO_OFF);
    patch(&s, "{'echo':'late'}", "echo: must be true, false or early");
}

static void a_mistake_leaves_everything_as_it_was(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"{'repeat':400,'colour':1}", "colour: is not a setting"                  },
        {"{'repeat':300}",            "repeat: must be 200 or 400"                },
        {"{'repeat':'200'}",          "repeat: must be an integer"                },
        {"{'max_log':-1}",            "max_log: is out of range"                  },
        {"{'client_timeout_ms':0}",   "client_timeout_ms: is out of range"        },
        {"{'tls_verify':1}",          "tls_verify: must be a boolean"             },
        {"{'journal':'loud'}",        "journal: must be full, brief or off"       },
        {"{'unknown_refs':'maybe'}",  "unknown_refs: must be refuse or adopt"     },
        {"{'file_details':true}",     "file_details: must be required or optional"},
        {"{'status_spelling':'odd'}", "status_spelling: must be any, old or new"  },
        {"[1]",                       "body: must be an object"                   },
    };
    struct settings s;
    struct json_object *before = NULL;

    (void)state;
    settings_init(&s);
    before = settings_json(&s);
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        struct json_object *after = NULL;

        patch(&s, cases[i].text, cases[i].words);
        after = settings_json(&s);
        assert_true(json_object_equal(before, after));
        json_object_put(after);
    }
    json_object_put(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_named_is_changed_and_shown),
        cmocka_unit_test(an_echo_is_a_boolean_or_early),
        cmocka_unit_test(a_mistake_leaves_everything_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
