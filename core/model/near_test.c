#include "core/model/near.h"

#include "base/mem.h"
#include "base/testing.h"

static const char *const sources[][2] = {
    {"wa", "wa2"        },
    {"wa", "79005550101"},
    {"wa", "Main Line"  },
    {"tg", "support"    }
};

static struct registry *registry(void)
{
    struct registry *r = NULL;
    struct reg_scope *s = NULL;

    assert_int_equal(registry_new(&r), 0);
    for (size_t i = 0; i < AMO_COUNT(sources); i++) {
        struct reg_source *src = registry_add_source(r);

        assert_non_null(src);
        src->connector = mem_strdup(sources[i][0]);
        src->source = mem_strdup(sources[i][1]);
        src->scope = mem_strdup("ch_0d3f5c1e-0000-4000-8000-000000000001");
    }
    s = registry_add_scope(r);
    assert_non_null(s);
    s->id = mem_strdup("ch_0d3f5c1e-0000-4000-8000-000000000001");
    s->account = mem_strdup("0d3f5c1e-0000-4000-8000-000000000001");
    s->title = mem_strdup("Messenger");
    registry_add_connector(r)->name = mem_strdup("wa");
    registry_add_connector(r)->name = mem_strdup("telegram");
    registry_add_channel(r)->id = mem_strdup("3b1f0a52-6c1d-4c8e-9a37-5f20c1d4e8b6");
    return r;
}

static void a_source_that_is_written_otherwise_is_found(void **state)
{
    static const struct {
        const char *word;
        const char *want; /* NULL: none */
    } cases[] = {
        {"WA2",                "wa2"        },
        {" wa2 ",              "wa2"        },
        {"w2",                 NULL         }, /* of so few letters none may be wrong */
        {"wa-2",               "wa2"        },
        {"wa3",                NULL         }, /* another one of the kind */
        {"+79005550101",       "79005550101"},
        {"+7 (900) 555-01-01", "79005550101"},
        {"9005550101",         "79005550101"},
        {"7900555010",         "79005550101"},
        {"79005550102",        NULL         }, /* another phone */
        {"mainline",           "Main Line"  },
        {"man line",           "Main Line"  },
        {"support",            "support"    }, /* of another connector: only the very same */
        {"suport",             NULL         },
        {"nothing",            NULL         },
        {"",                   NULL         },
    };
    struct registry *r = registry();

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        const struct reg_source *s = near_source(r, VIEW_LIT("wa"), view_of(cases[i].word));

        if (cases[i].want ? !s || !view_is(view_of(s->source), cases[i].want) : s != NULL)
            fail_msg("%s: %s", cases[i].word, s ? s->source : "none");
    }
    registry_free(r);
}

static void a_name_that_may_have_been_meant_is_asked_for(void **state)
{
    static const struct {
        enum near_what what;
        const char *word;
        const char *want;
    } cases[] = {
        {NEAR_CONNECTOR, "WA",                                      "; did you mean wa?"      },
        {NEAR_CONNECTOR, "telegrm",                                 "; did you mean telegram?"},
        {NEAR_CONNECTOR, "whatsapp",                                ""                        },
        {NEAR_ACCOUNT,   "messenger",
         "; did you mean ch_0d3f5c1e-0000-4000-8000-000000000001 (Messenger)?"                },
        {NEAR_ACCOUNT,   "ch_0d3f5c1e-0000-4000-8000-000000000011",
         "; did you mean ch_0d3f5c1e-0000-4000-8000-000000000001 (Messenger)?"                },
        {NEAR_ACCOUNT,   "ch_ffffffff-0000-4000-8000-000000000001", ""                        },
        {NEAR_CHANNEL,   "3B1F0A52-6c1d-4c8e-9a37-5f20c1d4e8b6",
         "; did you mean 3b1f0a52-6c1d-4c8e-9a37-5f20c1d4e8b6?"                               },
        {NEAR_CHANNEL,   "",                                        ""                        },
    };
    struct registry *r = registry();

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        struct buf out;

        buf_init(&out, 512);
        near_words(r, cases[i].what, view_of(cases[i].word), &out);
        if (strcmp(buf_str(&out), cases[i].want) != 0)
            fail_msg("%s: %s", cases[i].word, buf_str(&out));
        buf_fini(&out);
    }
    registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_that_is_written_otherwise_is_found),
        cmocka_unit_test(a_name_that_may_have_been_meant_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
