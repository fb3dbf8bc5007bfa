/* What came of a call, in words: one row for each way it can end. */

#include "core/model/call_summary.h"

#include <string.h>

#include "base/testing.h"

static void expect_words(struct result r, const char *const words[3])
{
    struct buf out;

    buf_init(&out, 4096);
    call_summary_connector(&r, &out);
    assert_int_equal(buf_error(&out), 0);
    for (size_t i = 0; i < 3 && words[i]; i++) {
        if (!strstr(buf_str(&out), words[i]))
            fail_msg("%s is not in: %s", words[i], buf_str(&out));
    }
    buf_fini(&out);
}

static void every_end_of_a_call_has_words_of_its_own(void **state)
{
    const struct {
        struct result result;
        const char *words[3];
    } rows[] = {
        {{.outcome = OUTCOME_DONE, .status = 204, .took_ms = 17},                                {"answered 204", "17 ms"}              },
        {{.cause = CAUSE_CONNECT, .stage = VIEW_LIT("dns")},                                     {"DNS", "not found"}                   },
        {{.cause = CAUSE_CONNECT, .stage = VIEW_LIT("connect"), .evidence = VIEW_LIT("e-1")},
         {"TCP", "refused", "e-1"}                                                                                                      },
        {{.cause = CAUSE_CONNECT, .stage = VIEW_LIT("tls"), .code = VIEW_LIT("expired")},
         {"TLS", "has expired"}                                                                                                         },
        {{.cause = CAUSE_CONNECT, .stage = VIEW_LIT("tls"), .code = VIEW_LIT("self_signed")},
         {"TLS", "self-signed"}                                                                                                         },
        {{.cause = CAUSE_CONNECT, .stage = VIEW_LIT("tls"), .code = VIEW_LIT("other_name")},
         {"TLS", "another name"}                                                                                                        },
        {{.cause = CAUSE_CONNECT, .stage = VIEW_LIT("tls"), .code = VIEW_LIT("handshake")},
         {"TLS", "no agreement"}                                                                                                        },
        {{.cause = CAUSE_PRIVATE, .stage = VIEW_LIT("address"), .evidence = VIEW_LIT("shared")},
         {"private network", "--allow-private", "shared"}                                                                               },
        {{.cause = CAUSE_TIMEOUT, .stage = VIEW_LIT("sent"), .took_ms = 14200},
         {"too slow", "within 15 s"}                                                                                                    },
        {{.cause = CAUSE_CUT, .stage = VIEW_LIT("sent")},                                        {"without an answer"}                  },
        {{.cause = CAUSE_UNREGISTERED},                                                          {"nothing was sent", "--allow-private"}},
        {{.cause = CAUSE_REFUSED, .status = 401},                                                {"signature", "clock", "401"}          },
        {{.cause = CAUSE_REFUSED, .status = 403},                                                {"signature", "secret", "403"}         },
        {{.cause = CAUSE_UNREADABLE, .status = 200},                                             {"a page", "200"}                      },
        {{.cause = CAUSE_REDIRECT, .status = 302},                                               {"never followed", "302"}              },
        {{.cause = CAUSE_REFUSED, .status = 404},                                                {"path", "404"}                        },
        {{.cause = CAUSE_GONE, .status = 410},                                                   {"gone", "410"}                        },
        {{.cause = CAUSE_REFUSED, .status = 422, .evidence = VIEW_LIT("e-2")},
         {"refused the test", "422", "e-2"}                                                                                             },
        {{.cause = CAUSE_THROTTLED, .status = 429},                                              {"fewer", "429"}                       },
        {{.cause = CAUSE_SERVER, .status = 500},                                                 {"in trouble", "500"}                  },
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(rows); i++)
        expect_words(rows[i].result, rows[i].words);
}

static void days_of_a_certificate_are_whole_ones(void **state)
{
    const struct result r = {.cert_until_ms = INT64_C(10) * 24 * 3600 * 1000};

    (void)state;
    assert_int_equal(call_summary_cert_days(&r, 0), 10);
    assert_int_equal(call_summary_cert_days(&r, 1), 9);
    assert_int_equal(call_summary_cert_days(&r, r.cert_until_ms + 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_end_of_a_call_has_words_of_its_own),
        cmocka_unit_test(days_of_a_certificate_are_whole_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
