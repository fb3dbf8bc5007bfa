#include "tools/ctl/letter/questions.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/testing.h"

struct answer_case {
    enum letter_item item;
    const char *text;
    const char *want;  /* NULL: refused */
    const char *words; /* of the refusal, or of the warning */
};

static void check(const struct answer_case *c)
{
    struct letter l;
    struct buf why;
    int rc = 0;

    letter_init(&l);
    buf_init(&why, 4096);
    rc = letter_answer(&l, c->item, view_of(c->text), &why);
    if (c->want && (rc || strcmp(l.answers[c->item], c->want) != 0))
        fail_msg("%s: %d %s %s", c->text, rc, rc ? "" : l.answers[c->item], buf_str(&why));
    if (!c->want &&
        (rc != LETTER_E_WRONG || l.answers[c->item] || !strstr(buf_str(&why), c->words)))
        fail_msg("%s: %d %s", c->text, rc, buf_str(&why));
    if (c->want && c->words ? !strstr(buf_str(&l.warnings), c->words) : l.warnings.len != 0)
        fail_msg("%s: %s", c->text, buf_str(&l.warnings));
    letter_fini(&l);
    buf_fini(&why);
}

static const struct answer_case cases[] = {
    {LETTER_NAME,          " Messenger ",                                                       "Messenger",            NULL                 },
    {LETTER_NAME,          "Мессенджер",                                              "Мессенджер", "not Latin"          },
    {LETTER_NAME,          "1st",                                                               "1st",                  "begins with a digit"},
    {LETTER_NAME,          "",                                                                  NULL,                   "an answer is needed"},
    {LETTER_NAME,          "a\x07",                                                             NULL,                   "control"            },
    {LETTER_NAME,          "\xff",                                                              NULL,                   "UTF-8"              },
    {LETTER_NAME,          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL,
     "64"                                                                                                                                    },
    {LETTER_WEBHOOK_URL,   "https://chat.example.org/messages/:scope_id",
     "https://chat.example.org/messages/:scope_id",                                                                     NULL                 },
    {LETTER_WEBHOOK_URL,   "https://a-b.xn--p1ai:8443/x/messages/:scope_id",
     "https://a-b.xn--p1ai:8443/x/messages/:scope_id",                                                                  NULL                 },
    {LETTER_WEBHOOK_URL,   "https://chat.example.org/hook/:scope_id",
     "https://chat.example.org/hook/:scope_id",                                                                         "another path"       },
    {LETTER_WEBHOOK_URL,   "http://chat.example.org/messages/:scope_id",                        NULL,                   "https is needed"    },
    {LETTER_WEBHOOK_URL,   "chat.example.org/messages/:scope_id",                               NULL,                   "an address as"      },
    {LETTER_WEBHOOK_URL,   "https://chat.example.org/messages",                                 NULL,                   "must end with"      },
    {LETTER_WEBHOOK_URL,   "https://chat.example.org",                                          NULL,                   "must end with"      },
    {LETTER_WEBHOOK_URL,   "https://chat.example.org/:scope_id/x",                              NULL,                   "must end with"      },
    {LETTER_WEBHOOK_URL,   "https://chat.example.org/messages/x:scope_id",                      NULL,                   "must end with"      },
    {LETTER_WEBHOOK_URL,   "https://chat.example.org/:scope_id/:scope_id",                      NULL,                   "once"               },
    {LETTER_WEBHOOK_URL,   "https://chat.example.org/a?b/:scope_id",                            NULL,                   "no blanks"          },
    {LETTER_WEBHOOK_URL,   "https://u@chat.example.org/:scope_id",                              NULL,                   "no blanks"          },
    {LETTER_WEBHOOK_URL,   "https://{domain}/messages/:scope_id",                               NULL,                   "braces"             },
    {LETTER_WEBHOOK_URL,   "https://10.0.0.1/messages/:scope_id",                               NULL,                   "IP address"         },
    {LETTER_WEBHOOK_URL,   "https://[::1]/messages/:scope_id",                                  NULL,                   "IP address"         },
    {LETTER_WEBHOOK_URL,   "https://localhost/messages/:scope_id",                              NULL,                   "localhost"          },
    {LETTER_WEBHOOK_URL,   "https://bridge.LOCAL/messages/:scope_id",                           NULL,                   "private network"    },
    {LETTER_NAME,          "Mess\xe2\x80\xaeregne",                                             NULL,                   "turn"               },
    {LETTER_WEBHOOK_URL,   "https://bridge.local/messages/:scope_id",                           NULL,                   "private network"    },
    {LETTER_WEBHOOK_URL,   "https://bridge/messages/:scope_id",                                 NULL,                   "not a public name"  },
    {LETTER_WEBHOOK_URL,   "https://a..b/messages/:scope_id",                                   NULL,                   "not a public name"  },
    {LETTER_WEBHOOK_URL,   "https://-a.ru/messages/:scope_id",                                  NULL,                   "not a public name"  },
    {LETTER_WEBHOOK_URL,   "https://a.ru-/messages/:scope_id",                                  NULL,                   "not a public name"  },
    {LETTER_WEBHOOK_URL,   "https:///messages/:scope_id",                                       NULL,                   "not a public name"  },
    {LETTER_WEBHOOK_URL,   "https://чат.рф/messages/:scope_id",                            NULL,                   "xn--"               },
    {LETTER_WEBHOOK_URL,   "https://a.ru:0/messages/:scope_id",                                 NULL,                   "port"               },
    {LETTER_WEBHOOK_URL,   "https://a.ru:99999/messages/:scope_id",                             NULL,                   "port"               },
    {LETTER_ACCOUNTS,      "31263018",                                                          "31263018",             NULL                 },
    {LETTER_ACCOUNTS,      "1, 2;3  4,",                                                        "1,2,3,4",              NULL                 },
    {LETTER_ACCOUNTS,      "abc",                                                               NULL,                   "numbers"            },
    {LETTER_ACCOUNTS,      "1 2b",                                                              NULL,                   "numbers"            },
    {LETTER_ACCOUNTS,      "007",                                                               NULL,                   "numbers"            },
    {LETTER_ACCOUNTS,      "1234567890123",                                                     NULL,                   "numbers"            },
    {LETTER_ACCOUNTS,      ",",                                                                 NULL,                   "at least one"       },
    {LETTER_WRITE_FIRST,   "да",                                                              "yes",                  NULL                 },
    {LETTER_WRITE_FIRST,   "N",                                                                 "no",                   NULL                 },
    {LETTER_WRITE_FIRST,   "maybe",                                                             NULL,                   "yes or no"          },
    {LETTER_PUBLIC,        "yes",                                                               "yes",                  "a later request"    },
    {LETTER_TIME_WINDOW,   "нет",                                                            "no",                   NULL                 },
    {LETTER_TIME_WINDOW,   "86400",                                                             "86400",                NULL                 },
    {LETTER_TIME_WINDOW,   "59",                                                                NULL,                   "31 days"            },
    {LETTER_TIME_WINDOW,   "2678401",                                                           NULL,                   "31 days"            },
    {LETTER_TIME_WINDOW,   "1d",                                                                NULL,                   "31 days"            },
    {LETTER_EMAIL,         "a.b+c@d.example.org",                                               "a.b+c@d.example.org",  NULL                 },
    {LETTER_EMAIL,         "a@b",                                                               NULL,                   "e-mail"             },
    {LETTER_EMAIL,         "@b.ru",                                                             NULL,                   "e-mail"             },
    {LETTER_EMAIL,         ".a@b.ru",                                                           NULL,                   "e-mail"             },
    {LETTER_EMAIL,         "a b@c.ru",                                                          NULL,                   "e-mail"             },
    {LETTER_EMAIL,         "a@b@c.ru",                                                          NULL,                   "e-mail"             },
    {LETTER_CLIENT_UUID,   "C439F6B2-8D4E-4A27-A9E1-BDD4BEB1E406",
     "c439f6b2-8d4e-4a27-a9e1-bdd4beb1e406",                                                                            NULL                 },
    {LETTER_CLIENT_UUID,   "c439f6b2",                                                          NULL,                   "UUID"               },
    {LETTER_WIDGET_CODE,   "mobilon_testdev",                                                   "mobilon_testdev",      NULL                 },
    {LETTER_WIDGET_CODE,   "Mobilon-Test",                                                      NULL,                   "a-z"                },
    {LETTER_REACTIONS,     "all",                                                               "all",                  NULL                 },
    {LETTER_REACTIONS,     "👍 ❤️, 1️⃣",                                              "👍 ❤️, 1️⃣", NULL                 },
    {LETTER_REACTIONS,     "thumbs",                                                            NULL,                   "emoji"              },
    {LETTER_REACTIONS,     "палец",                                                        NULL,                   "emoji"              },
    {LETTER_REACTIONS,     "12",                                                                NULL,                   "emoji"              },
    {LETTER_CODE,          "ru.mobilon.testdev",                                                "ru.mobilon.testdev",   NULL                 },
    {LETTER_CODE,          "com.a1.b_2.c",                                                      "com.a1.b_2.c",         NULL                 },
    {LETTER_CODE,          "mobilon",                                                           NULL,                   "2 to 4"             },
    {LETTER_CODE,          "a.b.c.d.e",                                                         NULL,                   "2 to 4"             },
    {LETTER_CODE,          "ru..a",                                                             NULL,                   "2 to 4"             },
    {LETTER_CODE,          "ru.a.",                                                             NULL,                   "2 to 4"             },
    {LETTER_CODE,          "Ru.Mobilon",                                                        NULL,                   "2 to 4"             },
    {LETTER_CODE,          "l.mobilon",                                                         NULL,                   "2 to 4"             },
    {LETTER_CODE,          "ru.1a",                                                             NULL,                   "2 to 4"             },
    {LETTER_MAX_FILE_SIZE, "50",                                                                "50",                   NULL                 },
    {LETTER_MAX_FILE_SIZE, "no",                                                                "no",                   NULL                 },
    {LETTER_MAX_FILE_SIZE, "0",                                                                 NULL,                   "megabytes"          },
    {LETTER_MAX_FILE_SIZE, "50 MB",                                                             NULL,                   "megabytes"          },
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
        LETTER_ITEMS(FLAG)
#undef FLAG
    };
    static const int numbers[] = {
#define NUMBER(id, flag, number) number,
        LETTER_ITEMS(NUMBER)
#undef NUMBER
    };

    (void)state;
    for (int i = 0; i < LETTER_N; i++) {
        const struct letter_question *q = letter_question((enum letter_item)i);
        struct letter l;
        struct buf why;

        assert_string_equal(q->flag, flags[i]);
        assert_int_equal(q->number, numbers[i]);
        assert_true(q->ru && q->en && q->effect_ru && q->effect_en);
        if (!q->fallback)
            continue;
        letter_init(&l); /* a default is an answer */
        buf_init(&why, 4096);
        assert_int_equal(letter_answer(&l, (enum letter_item)i, view_of(q->fallback), &why), 0);
        letter_fini(&l);
        buf_fini(&why);
    }
}

static int answer_all(struct letter *l, struct buf *why)
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

    for (int i = 0; rc == 0 && i < LETTER_N; i++)
        rc = letter_answer(l, (enum letter_item)i, view_of(answers[i]), why);
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
    struct letter l;
    struct json *doc = NULL;
    struct buf why;
    struct buf out;
    bool truth = false;
    int64_t n = 0;

    (void)state;
    letter_init(&l);
    buf_init(&why, 4096);
    buf_init(&out, 1 << 20);
    assert_int_equal(answer_all(&l, &why), 0);
    letter_write(&l, LETTER_EN, &out);
    for (size_t i = 0; i < AMO_COUNT(lines); i++) {
        if (!strstr(buf_str(&out), lines[i]))
            fail_msg("%s is not in %s", lines[i], buf_str(&out));
    }
    buf_reset(&out);
    letter_write(&l, LETTER_RU, &out);
    assert_non_null(strstr(buf_str(&out), "5. Временное окно: да, 3600 с; после него"));
    buf_reset(&out);
    assert_int_equal(letter_json(&l, VIEW_LIT("f"), &out), 0);
    assert_int_equal(json_parse(buf_view(&out), &doc), 0);
    assert_true(json_bool(json_path(json_root(doc), "answers.write_first"), &truth) && truth);
    assert_true(json_int(json_path(json_root(doc), "answers.time_window"), &n) && n == 3600);
    assert_int_equal(json_array_len(json_path(json_root(doc), "answers.accounts")), 2);
    json_free(doc);
    letter_fini(&l);
    buf_fini(&why);
    buf_fini(&out);
}

static void memory_may_fail_at_any_answer(void **state)
{
    int rc = -1;

    (void)state;
    for (uint64_t at = 1; rc; at++) {
        struct letter l;
        struct buf why;
        struct buf out;

        letter_init(&l);
        buf_init(&why, 4096);
        buf_init(&out, 1 << 20);
        mem_fail_at(at);
        rc = answer_all(&l, &why);
        rc = rc ? rc : letter_json(&l, VIEW_NONE, &out);
        mem_fail_at(0);
        assert_true(rc == 0 || rc == -ENOMEM);
        assert_true(at < 1000);
        letter_fini(&l);
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
