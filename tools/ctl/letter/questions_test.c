#include "tools/ctl/letter/questions.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/testing.h"

struct answer_case {
    enum registration_item item;
    const char *text;
    const char *want;  /* NULL: refused */
    const char *words; /* of the refusal, or of the warning */
};

static void check(const struct answer_case *c)
{
    struct registration r;
    struct buf why;
    int rc = 0;

    registration_init(&r);
    buf_init(&why, 4096);
    rc = registration_answer(&r, c->item, view_of(c->text), &why);
    if (c->want && (rc || strcmp(r.answers[c->item], c->want) != 0))
        fail_msg("%s: %d %s %s", c->text, rc, rc ? "" : r.answers[c->item], buf_str(&why));
    if (!c->want &&
        (rc != REGISTRATION_E_WRONG || r.answers[c->item] || !strstr(buf_str(&why), c->words)))
        fail_msg("%s: %d %s", c->text, rc, buf_str(&why));
    if (c->want && c->words ? !strstr(buf_str(&r.warnings), c->words) : r.warnings.len != 0)
        fail_msg("%s: %s", c->text, buf_str(&r.warnings));
    registration_fini(&r);
    buf_fini(&why);
}

static const struct answer_case cases[] = {
    {REGISTRATION_NAME,          " Messenger ",                                                       "Messenger",            NULL                 },
    {REGISTRATION_NAME,          "Мессенджер",                                              "Мессенджер", "not Latin"          },
    {REGISTRATION_NAME,          "1st",                                                               "1st",                  "begins with a digit"},
    {REGISTRATION_NAME,          "",                                                                  NULL,                   "an answer is needed"},
    {REGISTRATION_NAME,          "a\x07",                                                             NULL,                   "control"            },
    {REGISTRATION_NAME,          "\xff",                                                              NULL,                   "UTF-8"              },
    {REGISTRATION_NAME,          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
     NULL,                                                                                                                    "64"                 },
    {REGISTRATION_WEBHOOK_URL,   "https://chat.example.org/messages/:scope_id",
     "https://chat.example.org/messages/:scope_id",                                                                           NULL                 },
    {REGISTRATION_WEBHOOK_URL,   "https://a-b.xn--p1ai:8443/x/messages/:scope_id",
     "https://a-b.xn--p1ai:8443/x/messages/:scope_id",                                                                        NULL                 },
    {REGISTRATION_WEBHOOK_URL,   "https://chat.example.org/hook/:scope_id",
     "https://chat.example.org/hook/:scope_id",                                                                               "another path"       },
    {REGISTRATION_WEBHOOK_URL,   "http://chat.example.org/messages/:scope_id",                        NULL,
     "https is needed"                                                                                                                             },
    {REGISTRATION_WEBHOOK_URL,   "chat.example.org/messages/:scope_id",                               NULL,                   "an address as"      },
    {REGISTRATION_WEBHOOK_URL,   "https://chat.example.org/messages",                                 NULL,                   "must end with"      },
    {REGISTRATION_WEBHOOK_URL,   "https://chat.example.org",                                          NULL,                   "must end with"      },
    {REGISTRATION_WEBHOOK_URL,   "https://chat.example.org/:scope_id/x",                              NULL,                   "must end with"      },
    {REGISTRATION_WEBHOOK_URL,   "https://chat.example.org/messages/x:scope_id",                      NULL,
     "must end with"                                                                                                                               },
    {REGISTRATION_WEBHOOK_URL,   "https://chat.example.org/:scope_id/:scope_id",                      NULL,                   "once"               },
    {REGISTRATION_WEBHOOK_URL,   "https://chat.example.org/a?b/:scope_id",                            NULL,                   "no blanks"          },
    {REGISTRATION_WEBHOOK_URL,   "https://u@chat.example.org/:scope_id",                              NULL,                   "no blanks"          },
    {REGISTRATION_WEBHOOK_URL,   "https://{domain}/messages/:scope_id",                               NULL,                   "braces"             },
    {REGISTRATION_WEBHOOK_URL,   "https://10.0.0.1/messages/:scope_id",                               NULL,                   "IP address"         },
    {REGISTRATION_WEBHOOK_URL,   "https://[::1]/messages/:scope_id",                                  NULL,                   "IP address"         },
    {REGISTRATION_WEBHOOK_URL,   "https://localhost/messages/:scope_id",                              NULL,                   "localhost"          },
    {REGISTRATION_WEBHOOK_URL,   "https://bridge.LOCAL/messages/:scope_id",                           NULL,
     "private network"                                                                                                                             },
    {REGISTRATION_NAME,          "Mess\xe2\x80\xaeregne",                                             NULL,                   "turn"               },
    {REGISTRATION_WEBHOOK_URL,   "https://bridge.local/messages/:scope_id",                           NULL,
     "private network"                                                                                                                             },
    {REGISTRATION_WEBHOOK_URL,   "https://bridge/messages/:scope_id",                                 NULL,                   "not a public name"  },
    {REGISTRATION_WEBHOOK_URL,   "https://a..b/messages/:scope_id",                                   NULL,                   "not a public name"  },
    {REGISTRATION_WEBHOOK_URL,   "https://-a.ru/messages/:scope_id",                                  NULL,                   "not a public name"  },
    {REGISTRATION_WEBHOOK_URL,   "https://a.ru-/messages/:scope_id",                                  NULL,                   "not a public name"  },
    {REGISTRATION_WEBHOOK_URL,   "https:///messages/:scope_id",                                       NULL,                   "not a public name"  },
    {REGISTRATION_WEBHOOK_URL,   "https://чат.рф/messages/:scope_id",                            NULL,                   "xn--"               },
    {REGISTRATION_WEBHOOK_URL,   "https://a.ru:0/messages/:scope_id",                                 NULL,                   "port"               },
    {REGISTRATION_WEBHOOK_URL,   "https://a.ru:99999/messages/:scope_id",                             NULL,                   "port"               },
    {REGISTRATION_ACCOUNTS,      "31263018",                                                          "31263018",             NULL                 },
    {REGISTRATION_ACCOUNTS,      "1, 2;3  4,",                                                        "1,2,3,4",              NULL                 },
    {REGISTRATION_ACCOUNTS,      "abc",                                                               NULL,                   "numbers"            },
    {REGISTRATION_ACCOUNTS,      "1 2b",                                                              NULL,                   "numbers"            },
    {REGISTRATION_ACCOUNTS,      "007",                                                               NULL,                   "numbers"            },
    {REGISTRATION_ACCOUNTS,      "1234567890123",                                                     NULL,                   "numbers"            },
    {REGISTRATION_ACCOUNTS,      ",",                                                                 NULL,                   "at least one"       },
    {REGISTRATION_WRITE_FIRST,   "да",                                                              "yes",                  NULL                 },
    {REGISTRATION_WRITE_FIRST,   "N",                                                                 "no",                   NULL                 },
    {REGISTRATION_WRITE_FIRST,   "maybe",                                                             NULL,                   "yes or no"          },
    {REGISTRATION_PUBLIC,        "yes",                                                               "yes",                  "a later request"    },
    {REGISTRATION_TIME_WINDOW,   "нет",                                                            "no",                   NULL                 },
    {REGISTRATION_TIME_WINDOW,   "86400",                                                             "86400",                NULL                 },
    {REGISTRATION_TIME_WINDOW,   "59",                                                                NULL,                   "31 days"            },
    {REGISTRATION_TIME_WINDOW,   "2678401",                                                           NULL,                   "31 days"            },
    {REGISTRATION_TIME_WINDOW,   "1d",                                                                NULL,                   "31 days"            },
    {REGISTRATION_EMAIL,         "a.b+c@d.example.org",                                               "a.b+c@d.example.org",  NULL                 },
    {REGISTRATION_EMAIL,         "a@b",                                                               NULL,                   "e-mail"             },
    {REGISTRATION_EMAIL,         "@b.ru",                                                             NULL,                   "e-mail"             },
    {REGISTRATION_EMAIL,         ".a@b.ru",                                                           NULL,                   "e-mail"             },
    {REGISTRATION_EMAIL,         "a b@c.ru",                                                          NULL,                   "e-mail"             },
    {REGISTRATION_EMAIL,         "a@b@c.ru",                                                          NULL,                   "e-mail"             },
    {REGISTRATION_CLIENT_UUID,   "C439F6B2-8D4E-4A27-A9E1-BDD4BEB1E406",
     "c439f6b2-8d4e-4a27-a9e1-bdd4beb1e406",                                                                                  NULL                 },
    {REGISTRATION_CLIENT_UUID,   "c439f6b2",                                                          NULL,                   "UUID"               },
    {REGISTRATION_WIDGET_CODE,   "mobilon_testdev",                                                   "mobilon_testdev",      NULL                 },
    {REGISTRATION_WIDGET_CODE,   "Mobilon-Test",                                                      NULL,                   "a-z"                },
    {REGISTRATION_REACTIONS,     "all",                                                               "all",                  NULL                 },
    {REGISTRATION_REACTIONS,     "👍 ❤️, 1️⃣",                                              "👍 ❤️, 1️⃣", NULL                 },
    {REGISTRATION_REACTIONS,     "thumbs",                                                            NULL,                   "emoji"              },
    {REGISTRATION_REACTIONS,     "палец",                                                        NULL,                   "emoji"              },
    {REGISTRATION_REACTIONS,     "12",                                                                NULL,                   "emoji"              },
    {REGISTRATION_CODE,          "ru.mobilon.testdev",                                                "ru.mobilon.testdev",   NULL                 },
    {REGISTRATION_CODE,          "com.a1.b_2.c",                                                      "com.a1.b_2.c",         NULL                 },
    {REGISTRATION_CODE,          "mobilon",                                                           NULL,                   "2 to 4"             },
    {REGISTRATION_CODE,          "a.b.c.d.e",                                                         NULL,                   "2 to 4"             },
    {REGISTRATION_CODE,          "ru..a",                                                             NULL,                   "2 to 4"             },
    {REGISTRATION_CODE,          "ru.a.",                                                             NULL,                   "2 to 4"             },
    {REGISTRATION_CODE,          "Ru.Mobilon",                                                        NULL,                   "2 to 4"             },
    {REGISTRATION_CODE,          "r.mobilon",                                                         NULL,                   "2 to 4"             },
    {REGISTRATION_CODE,          "ru.1a",                                                             NULL,                   "2 to 4"             },
    {REGISTRATION_MAX_FILE_SIZE, "50",                                                                "50",                   NULL                 },
    {REGISTRATION_MAX_FILE_SIZE, "no",                                                                "no",                   NULL                 },
    {REGISTRATION_MAX_FILE_SIZE, "0",                                                                 NULL,                   "megabytes"          },
    {REGISTRATION_MAX_FILE_SIZE, "50 MB",                                                             NULL,                   "megabytes"          },
};

static void answers_are_understood_or_refused_in_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++)
        check(&cases[i]);
}

static void the_questions_stand_in_the_order_of_the_questionnaire(void **state)
{
    static const char *const flags[] = {
#define FLAG(id, flag, number) flag,
        REGISTRATION_ITEMS(FLAG)
#undef FLAG
    };
    static const int numbers[] = {
#define NUMBER(id, flag, number) number,
        REGISTRATION_ITEMS(NUMBER)
#undef NUMBER
    };

    (void)state;
    for (int i = 0; i < REGISTRATION_N; i++) {
        const struct registration_question *q =
            registration_question((enum registration_item)i);
        struct registration r;
        struct buf why;

        assert_string_equal(q->flag, flags[i]);
        assert_int_equal(q->number, numbers[i]);
        assert_true(q->ru && q->en && q->effect_ru && q->effect_en);
        if (!q->fallback)
            continue;
        registration_init(&r); /* a default is an answer */
        buf_init(&why, 4096);
        assert_int_equal(
            registration_answer(&r, (enum registration_item)i, view_of(q->fallback), &why), 0);
        registration_fini(&r);
        buf_fini(&why);
    }
}

static int answer_all(struct registration *r, struct buf *why)
{
    static const char *const answers[] = {"no",
                                          "https://a.example.org/messages/:scope_id",
                                          "1,2",
                                          "yes",
                                          "3600",
                                          "yes",
                                          "a@b.ru",
                                          "dir/i.svg",
                                          "c439f6b2-8d4e-4a27-a9e1-bdd4beb1e406",
                                          "yes",
                                          "no",
                                          "yes",
                                          "all",
                                          "yes",
                                          "no",
                                          "ru.a.b",
                                          "50"};
    int rc = 0;

    for (int i = 0; rc == 0 && i < REGISTRATION_N; i++)
        rc = registration_answer(r, (enum registration_item)i, view_of(answers[i]), why);
    return rc;
}

/* Also a name that sounds like an answer. */
static void the_letter_says_every_answer_by_its_number(void **state)
{
    static const char *const lines[] = {
        "1. Name: no\n",
        "3. Accounts that may use it: 1, 2\n",
        "4. Write first: yes\n",
        "5. Time window: yes, 3600 s; show the choice of templates after it\n",
        "7. Icon: SVG 14x14, attached: i.svg\n",
        "9. Code of the widget: yes\n",
        "12. Reactions: all\n",
        "15. Desired code of the channel: ru.a.b\n",
        "16. Largest file (Kommo): 50 MB\n",
        "Attached: i.svg\n"};
    struct registration r;
    struct json *doc = NULL;
    struct buf why;
    struct buf out;
    bool truth = false;
    int64_t n = 0;

    (void)state;
    registration_init(&r);
    buf_init(&why, 4096);
    buf_init(&out, 1 << 20);
    assert_int_equal(answer_all(&r, &why), 0);
    registration_letter(&r, REGISTRATION_EN, &out);
    for (size_t i = 0; i < AMO_COUNT(lines); i++) {
        if (!strstr(buf_str(&out), lines[i]))
            fail_msg("%s is not in %s", lines[i], buf_str(&out));
    }
    buf_reset(&out);
    registration_letter(&r, REGISTRATION_RU, &out);
    assert_non_null(strstr(buf_str(&out), "5. Временное окно: да, 3600 с; после него"));
    buf_reset(&out);
    assert_int_equal(registration_json(&r, VIEW_LIT("f"), &out), 0);
    assert_int_equal(json_parse(buf_view(&out), &doc), 0);
    assert_true(json_bool(json_path(json_root(doc), "answers.write_first"), &truth) && truth);
    assert_true(json_int(json_path(json_root(doc), "answers.time_window"), &n) && n == 3600);
    assert_int_equal(json_array_len(json_path(json_root(doc), "answers.accounts")), 2);
    json_free(doc);
    registration_fini(&r);
    buf_fini(&why);
    buf_fini(&out);
}

static void memory_may_fail_at_any_answer(void **state)
{
    int rc = -1;

    (void)state;
    for (uint64_t at = 1; rc; at++) {
        struct registration r;
        struct buf why;
        struct buf out;

        registration_init(&r);
        buf_init(&why, 4096);
        buf_init(&out, 1 << 20);
        mem_fail_at(at);
        rc = answer_all(&r, &why);
        rc = rc ? rc : registration_json(&r, VIEW_NONE, &out);
        mem_fail_at(0);
        assert_true(rc == 0 || rc == -ENOMEM);
        assert_true(at < 1000);
        registration_fini(&r);
        buf_fini(&why);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_understood_or_refused_in_words),
        cmocka_unit_test(the_questions_stand_in_the_order_of_the_questionnaire),
        cmocka_unit_test(the_letter_says_every_answer_by_its_number),
        cmocka_unit_test(memory_may_fail_at_any_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
