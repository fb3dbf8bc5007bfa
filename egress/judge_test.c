#include "egress/judge.h"

#include <string.h>

#include "base/clock.h"
#include "base/testing.h"
#include "egress/target.h"
#include "proto/limits.h"

/* What docs/delivery.md, docs/amojo.md and docs/connector.md say, written a second time: the
 * table is checked against it status by status. */

#define ANY_KIND 0

struct expected {
    enum target target;
    uint64_t kind; /* ANY_KIND: each kind of the target */
    enum http_end end;
    unsigned status;
    bool readable;
    bool resent;
    enum outcome outcome;
    enum cause cause;
};

static const struct expected expectations[] = {
    {TARGET_AMOJO,   ANY_KIND,                HTTP_NOT_SENT,     0,   false, false, OUTCOME_HOLD,    CAUSE_CONNECT  },
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_NOT_SENT,     0,   false, false, OUTCOME_HOLD,    CAUSE_CONNECT  },
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_PRIVATE,      0,   false, false, OUTCOME_HOLD,    CAUSE_PRIVATE  },
    {TARGET_AMOJO,   ANY_KIND,                HTTP_SENT_TIMEOUT, 0,   false, false, OUTCOME_UNKNOWN,
     CAUSE_TIMEOUT                                                                                                  },
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_SENT_TIMEOUT, 0,   false, true,  OUTCOME_UNKNOWN,
     CAUSE_TIMEOUT                                                                                                  },
    {TARGET_AMOJO,   ANY_KIND,                HTTP_SENT_CUT,     0,   false, true,  OUTCOME_UNKNOWN, CAUSE_CUT      },
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_SENT_CUT,     0,   false, false, OUTCOME_UNKNOWN, CAUSE_CUT      },

    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     200, true,  false, OUTCOME_DONE,    CAUSE_NONE     },
    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     202, true,  true,  OUTCOME_DONE,    CAUSE_NONE     },
    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     299, true,  false, OUTCOME_DONE,    CAUSE_NONE     },
    {TARGET_AMOJO,   COMMAND_AMO_MESSAGE,     HTTP_ANSWERED,     200, false, false, OUTCOME_UNKNOWN,
     CAUSE_UNREADABLE                                                                                               },
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_ANSWERED,     204, true,  false, OUTCOME_DONE,    CAUSE_NONE     },

    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     301, false, false, OUTCOME_UNKNOWN, CAUSE_REDIRECT },
    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     308, false, false, OUTCOME_UNKNOWN, CAUSE_REDIRECT },
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_ANSWERED,     302, false, false, OUTCOME_HOLD,    CAUSE_REDIRECT },

    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     400, false, false, OUTCOME_DEAD,    CAUSE_REFUSED  },
    {TARGET_AMOJO,   COMMAND_AMO_MESSAGE,     HTTP_ANSWERED,     400, false, true,  OUTCOME_UNKNOWN,
     CAUSE_REFUSED                                                                                                  },
    {TARGET_AMOJO,   COMMAND_AMO_OUTGOING,    HTTP_ANSWERED,     400, false, true,  OUTCOME_UNKNOWN,
     CAUSE_REFUSED                                                                                                  },
    {TARGET_AMOJO,   COMMAND_AMO_MESSAGE,     HTTP_ANSWERED,     404, false, true,  OUTCOME_UNKNOWN,
     CAUSE_REFUSED                                                                                                  },
    {TARGET_AMOJO,   COMMAND_AMO_OUTGOING,    HTTP_ANSWERED,     422, false, true,  OUTCOME_UNKNOWN,
     CAUSE_REFUSED                                                                                                  },
    {TARGET_AMOJO,   COMMAND_AMO_MESSAGE,     HTTP_ANSWERED,     503, false, true,  OUTCOME_UNKNOWN,
     CAUSE_SERVER                                                                                                   },
    {TARGET_AMOJO,   COMMAND_AMO_EDIT,        HTTP_ANSWERED,     400, false, true,  OUTCOME_DEAD,
     CAUSE_REFUSED                                                                                                  },
    {TARGET_AMOJO,   COMMAND_AMO_STATUS,      HTTP_ANSWERED,     400, false, true,  OUTCOME_DEAD,
     CAUSE_REFUSED                                                                                                  },
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_ANSWERED,     400, false, true,  OUTCOME_DEAD,    CAUSE_REFUSED  },
    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     401, false, false, OUTCOME_HOLD,    CAUSE_FORBIDDEN},
    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     402, false, false, OUTCOME_HOLD,    CAUSE_FORBIDDEN},
    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     403, false, false, OUTCOME_HOLD,    CAUSE_FORBIDDEN},
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_ANSWERED,     401, false, false, OUTCOME_HOLD,    CAUSE_FORBIDDEN},
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_ANSWERED,     403, false, false, OUTCOME_DEAD,    CAUSE_REFUSED  },
    {TARGET_AMOJO,   COMMAND_AMO_MESSAGE,     HTTP_ANSWERED,     404, false, false, OUTCOME_HOLD,
     CAUSE_NOT_FOUND                                                                                                },
    {TARGET_AMOJO,   COMMAND_AMO_CONNECT,     HTTP_ANSWERED,     404, false, false, OUTCOME_HOLD,
     CAUSE_NOT_FOUND                                                                                                },
    {TARGET_AMOJO,   COMMAND_AMO_CREATE_CHAT, HTTP_ANSWERED,     404, false, false, OUTCOME_HOLD,
     CAUSE_NOT_FOUND                                                                                                },
    {TARGET_AMOJO,   COMMAND_AMO_STATUS,      HTTP_ANSWERED,     404, false, false, OUTCOME_RETRY,
     CAUSE_NOT_FOUND                                                                                                },
    {TARGET_AMOJO,   COMMAND_AMO_REACTION,    HTTP_ANSWERED,     404, false, false, OUTCOME_RETRY,
     CAUSE_NOT_FOUND                                                                                                },
    {TARGET_AMOJO,   COMMAND_AMO_OUTGOING,    HTTP_ANSWERED,     404, false, false, OUTCOME_HOLD,
     CAUSE_NOT_FOUND                                                                                                },
    {TARGET_AMOJO,   COMMAND_AMO_EDIT,        HTTP_ANSWERED,     404, false, false, OUTCOME_RETRY,
     CAUSE_NOT_FOUND                                                                                                },
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_ANSWERED,     404, false, false, OUTCOME_DEAD,    CAUSE_REFUSED  },
    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     405, false, false, OUTCOME_DEAD,    CAUSE_REFUSED  },
    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     408, false, false, OUTCOME_RETRY,   CAUSE_SERVER   },
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_ANSWERED,     408, false, false, OUTCOME_RETRY,   CAUSE_SERVER   },
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_ANSWERED,     409, false, false, OUTCOME_DEAD,    CAUSE_REFUSED  },
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_ANSWERED,     410, false, false, OUTCOME_HOLD,    CAUSE_GONE     },
    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     410, false, false, OUTCOME_HOLD,    CAUSE_GONE     },
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_ANSWERED,     425, false, false, OUTCOME_RETRY,   CAUSE_SERVER   },
    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     429, false, false, OUTCOME_HOLD,    CAUSE_THROTTLED},
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_ANSWERED,     429, false, false, OUTCOME_HOLD,    CAUSE_THROTTLED},
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_ANSWERED,     499, false, false, OUTCOME_DEAD,    CAUSE_REFUSED  },

    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     500, false, false, OUTCOME_RETRY,   CAUSE_SERVER   },
    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     503, false, true,  OUTCOME_RETRY,   CAUSE_SERVER   },
    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     599, false, false, OUTCOME_RETRY,   CAUSE_SERVER   },
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_ANSWERED,     502, false, false, OUTCOME_RETRY,   CAUSE_SERVER   },
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_ANSWERED,     504, false, false, OUTCOME_RETRY,   CAUSE_SERVER   },

    {TARGET_AMOJO,   ANY_KIND,                HTTP_ANSWERED,     101, false, false, OUTCOME_UNKNOWN, CAUSE_NOT_HTTP },
    {TARGET_WEBHOOK, ANY_KIND,                HTTP_ANSWERED,     600, true,  false, OUTCOME_UNKNOWN,
     CAUSE_NOT_HTTP                                                                                                 },
};

/* Where the form of the body decides; above it is as the remote side writes. */
static const struct formed {
    enum answer_form form;
    struct expected e;
} formed[] = {
  /* final whatever the body looks like */
    {FORM_PAGE,
     {TARGET_WEBHOOK, ANY_KIND, HTTP_ANSWERED, 413, false, false, OUTCOME_DEAD, CAUSE_REFUSED}},
    {FORM_EMPTY,
     {TARGET_WEBHOOK, ANY_KIND, HTTP_ANSWERED, 422, false, false, OUTCOME_DEAD, CAUSE_REFUSED}},
 /* a page with 2xx is a proxy's, like one of 4xx and 5xx; a new message must be looked for */
    {FORM_PAGE,
     {TARGET_WEBHOOK, ANY_KIND, HTTP_ANSWERED, 200, false, false, OUTCOME_UNKNOWN,
      CAUSE_PROXY}                                                                            },
    {FORM_PAGE,
     {TARGET_AMOJO, COMMAND_AMO_EDIT, HTTP_ANSWERED, 200, false, false, OUTCOME_UNKNOWN,
      CAUSE_PROXY}                                                                            },
    {FORM_PAGE,
     {TARGET_AMOJO, COMMAND_AMO_MESSAGE, HTTP_ANSWERED, 200, false, false, OUTCOME_UNKNOWN,
      CAUSE_UNREADABLE}                                                                       },
 /* not in the service's own form: of something that stands before it */
    {FORM_OTHER,
     {TARGET_WEBHOOK, ANY_KIND, HTTP_ANSWERED, 400, false, false, OUTCOME_HOLD, CAUSE_PROXY}  },
    {FORM_PAGE,
     {TARGET_WEBHOOK, ANY_KIND, HTTP_ANSWERED, 401, false, false, OUTCOME_HOLD,
      CAUSE_FORBIDDEN}                                                                        },
    {FORM_EMPTY,
     {TARGET_WEBHOOK, ANY_KIND, HTTP_ANSWERED, 403, false, false, OUTCOME_HOLD,
      CAUSE_FORBIDDEN}                                                                        },
    {FORM_PAGE,
     {TARGET_WEBHOOK, ANY_KIND, HTTP_ANSWERED, 404, false, false, OUTCOME_HOLD,
      CAUSE_NOT_FOUND}                                                                        },
    {FORM_EMPTY,
     {TARGET_WEBHOOK, ANY_KIND, HTTP_ANSWERED, 405, false, false, OUTCOME_HOLD, CAUSE_PROXY}  },
    {FORM_PAGE,
     {TARGET_WEBHOOK, ANY_KIND, HTTP_ANSWERED, 408, false, false, OUTCOME_RETRY, CAUSE_PROXY} },
    {FORM_PAGE,
     {TARGET_AMOJO, ANY_KIND, HTTP_ANSWERED, 425, false, false, OUTCOME_RETRY, CAUSE_PROXY}   },
    {FORM_PAGE,
     {TARGET_WEBHOOK, ANY_KIND, HTTP_ANSWERED, 451, false, false, OUTCOME_HOLD, CAUSE_PROXY}  },
    {FORM_EMPTY,
     {TARGET_WEBHOOK, ANY_KIND, HTTP_ANSWERED, 500, false, false, OUTCOME_RETRY, CAUSE_SERVER}},
    {FORM_PAGE,
     {TARGET_WEBHOOK, ANY_KIND, HTTP_ANSWERED, 502, false, false, OUTCOME_RETRY, CAUSE_PROXY} },
    {FORM_PAGE,
     {TARGET_AMOJO, ANY_KIND, HTTP_ANSWERED, 503, false, false, OUTCOME_RETRY, CAUSE_PROXY}   },
 /* amojo's own form is not documented: text or nothing may be its own, a page is not */
    {FORM_OTHER,
     {TARGET_AMOJO, ANY_KIND, HTTP_ANSWERED, 400, false, false, OUTCOME_DEAD, CAUSE_REFUSED}  },
    {FORM_EMPTY,
     {TARGET_AMOJO, ANY_KIND, HTTP_ANSWERED, 400, false, false, OUTCOME_DEAD, CAUSE_REFUSED}  },
    {FORM_PAGE,
     {TARGET_AMOJO, ANY_KIND, HTTP_ANSWERED, 400, false, false, OUTCOME_HOLD, CAUSE_PROXY}    },
    {FORM_PAGE,
     {TARGET_AMOJO, ANY_KIND, HTTP_ANSWERED, 405, false, true, OUTCOME_HOLD, CAUSE_PROXY}     },
    {FORM_PAGE,
     {TARGET_AMOJO, ANY_KIND, HTTP_ANSWERED, 403, false, false, OUTCOME_HOLD, CAUSE_FORBIDDEN}},
    {FORM_PAGE,
     {TARGET_AMOJO, ANY_KIND, HTTP_ANSWERED, 404, false, false, OUTCOME_HOLD, CAUSE_NOT_FOUND}},
    {FORM_EMPTY,
     {TARGET_AMOJO, COMMAND_AMO_STATUS, HTTP_ANSWERED, 404, false, false, OUTCOME_RETRY,
      CAUSE_NOT_FOUND}                                                                        },
};

static bool used[64];

static void expect_one(const struct expected *e, enum answer_form form, uint64_t kind)
{
    const struct judge_case c = {
        .target = e->target,
        .kind = kind,
        .end = e->end,
        .status = e->status,
        .readable = e->readable,
        .resent = e->resent,
        .form = form,
    };
    const struct judge_row *row = judge(&c);

    assert_int_equal(row->outcome, e->outcome);
    assert_int_equal(row->cause, e->cause);
    used[row - judge_table] = true;
}

/* One exception to "any kind": refusals and trouble after a message was sent twice. */
static bool is_excepted(const struct expected *e, uint64_t kind)
{
    return e->end == HTTP_ANSWERED && e->status >= 400 && e->status < 600 && e->resent &&
           (kind == COMMAND_AMO_MESSAGE || kind == COMMAND_AMO_OUTGOING);
}

static void expect_all(const struct expected *e, enum answer_form form)
{
    if (e->kind != ANY_KIND) {
        expect_one(e, form, e->kind);
        return;
    }
    for (uint64_t kind = COMMAND_AMO_MESSAGE; kind <= COMMAND_AMO_HOOK; kind++) {
        if (target_of_kind(kind) == e->target && !is_excepted(e, kind))
            expect_one(e, form, kind);
    }
}

static void every_answer_means_what_the_documents_say_and_every_row_is_met(void **state)
{
    (void)state;
    memset(used, 0, sizeof(used));
    for (size_t i = 0; i < AMO_COUNT(expectations); i++)
        expect_all(&expectations[i], FORM_OWN);
    for (size_t i = 0; i < AMO_COUNT(formed); i++)
        expect_all(&formed[i].e, formed[i].form);
    assert_true(judge_n_rows <= AMO_COUNT(used));
    /* the row of unreadable 2xx answers is met by kinds that must learn something */
    for (size_t i = 0; i < judge_n_rows; i++)
        assert_true(used[i]);
}

static void every_status_of_every_kind_has_a_row_and_only_2xx_is_done(void **state)
{
    (void)state;
    for (unsigned status = 0; status < 1000; status++) {
        for (uint64_t kind = COMMAND_AMO_MESSAGE; kind <= COMMAND_AMO_HOOK; kind++) {
            const struct judge_case c = {
                .target = target_of_kind(kind),
                .kind = kind,
                .end = HTTP_ANSWERED,
                .status = status,
                .readable = true,
                .form = FORM_EMPTY + status % 4,
            };
            const struct judge_row *row = judge(&c);

            assert_non_null(row);
            assert_true(row->why && *row->why);
            assert_int_equal(row->outcome == OUTCOME_DONE, status >= 200 && status < 300);
            assert_int_not_equal(row->outcome, OUTCOME_UNSTARTED);
        }
    }
}

static int64_t retry_after(const char *text)
{
    int64_t now = 0;

    assert_int_equal(clock_parse_http(view_of("Thu, 29 Oct 2020 11:59:55 GMT"), &now), 0);
    return judge_retry_after(view_of(text), now);
}

static void retry_after_is_seconds_or_a_date_and_never_over_an_hour(void **state)
{
    (void)state;
    assert_int_equal(retry_after("0"), 0);
    assert_int_equal(retry_after("2"), 2000);
    assert_int_equal(retry_after(" 120 "), 120000);
    assert_int_equal(retry_after("3599"), 3599000);
    assert_int_equal(retry_after("3600"), LIMIT_RETRY_AFTER_MS);
    assert_int_equal(retry_after("86400"), LIMIT_RETRY_AFTER_MS);
    assert_int_equal(retry_after("99999999999999999999999"), LIMIT_RETRY_AFTER_MS);
    assert_int_equal(retry_after("Thu, 29 Oct 2020 12:00:05 GMT"), 10000);
    assert_int_equal(retry_after("Thu, 29 Oct 2020 11:59:50 GMT"), 0);
    assert_int_equal(retry_after("Fri, 30 Oct 2020 12:00:05 GMT"), LIMIT_RETRY_AFTER_MS);
}

static void a_retry_after_nobody_understands_is_none(void **state)
{
    (void)state;
    assert_int_equal(retry_after(""), 0);
    assert_int_equal(retry_after("-5"), 0);
    assert_int_equal(retry_after("1.5"), 0);
    assert_int_equal(retry_after("soon"), 0);
    assert_int_equal(judge_retry_after(VIEW_NONE, 0), 0);
}

static void the_skew_is_the_remote_clock_minus_ours(void **state)
{
    int64_t at = 0;
    int64_t skew = 7;

    (void)state;
    assert_int_equal(clock_parse_http(view_of("Thu, 29 Oct 2020 11:59:55 GMT"), &at), 0);
    assert_true(judge_skew(view_of("Thu, 29 Oct 2020 12:01:55 GMT"), at + 500, &skew));
    assert_int_equal(skew, 120000);
    assert_true(judge_skew(view_of(" Thu, 29 Oct 2020 11:59:55 GMT"), at + 10500, &skew));
    assert_int_equal(skew, -10000);
    assert_false(judge_skew(view_of("yesterday"), at, &skew));
    assert_false(judge_skew(VIEW_NONE, at, &skew));
    assert_int_equal(skew, -10000);
}

static void targets_have_names(void **state)
{
    (void)state;
    assert_string_equal(target_name(TARGET_AMOJO), "amojo");
    assert_string_equal(target_name(TARGET_WEBHOOK), "webhook");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_means_what_the_documents_say_and_every_row_is_met),
        cmocka_unit_test(every_status_of_every_kind_has_a_row_and_only_2xx_is_done),
        cmocka_unit_test(retry_after_is_seconds_or_a_date_and_never_over_an_hour),
        cmocka_unit_test(a_retry_after_nobody_understands_is_none),
        cmocka_unit_test(the_skew_is_the_remote_clock_minus_ours),
        cmocka_unit_test(targets_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
