/* `amoctl connector test`: one connector.test call to a service, and its outcome explained.
 *
 * From: control.c. To: calls.c. Holds: the caller until the service has answered. */

#include <errno.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/deliver/calls.h"
#include "core/model/call_summary.h"
#include "proto/limits.h"

/* the operator waits this long */
#define TEST_WAIT_MS  20000
/* evidence of control characters alone grows sixfold */
#define TEST_JSON_MAX ((size_t)8 * LIMIT_EVIDENCE_BYTES)

struct pending_test {
    struct control_wait *wait;
    char *connector;
};

static void pending_free(void *arg)
{
    struct pending_test *p = arg;

    mem_free(p->connector);
    mem_free(p);
}

static void test_json(const struct pending_test *p, const struct result *r, struct view words,
                      struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_open_object(&w, NULL);
    json_add_text(&w, "connector", view_of(p->connector));
    json_add_text(&w, "outcome", view_of(outcome_name(r->outcome)));
    json_add_text(&w, "cause", view_of(cause_name(r->cause)));
    json_add_text(&w, "stage", r->outcome == OUTCOME_DONE ? VIEW_LIT("answered") : r->stage);
    json_add_int(&w, "status", (int64_t)r->status);
    json_add_int(&w, "ms", r->took_ms);
    json_add_text_if(&w, "tls", view_is(r->stage, "tls") ? r->code : VIEW_NONE);
    if (r->cert_until_ms)
        json_add_int(&w, "cert_days", call_summary_cert_days(r, clock_unix_ms()));
    json_add_text(&w, "words", words);
    json_add_text(&w, "answer", r->evidence);
    json_close_object(&w);
}

static void test_done(struct core *c, void *arg, const struct result *r)
{
    struct pending_test *p = arg;
    int64_t days = r ? call_summary_cert_days(r, clock_unix_ms()) : 0;
    struct buf json;
    struct buf words;

    if (!r) {
        control_wait_tell(p->wait, EXIT_UNREACHABLE, VIEW_NONE, call_unmade_words(c));
        return;
    }
    buf_init(&json, TEST_JSON_MAX);
    buf_init(&words, 4096);
    call_summary_connector(r, &words); /* fits: what was heard is cut */
    if (r->cert_until_ms)
        (void)buf_add_f(&words, "; its certificate ends in %lld day%s", (long long)days,
                        days == 1 ? "" : "s");
    test_json(p, r, buf_view(&words), &json);
    if (r->outcome == OUTCOME_DONE)
        control_wait_tell(p->wait, EXIT_FINE, buf_view(&json), NULL);
    else
        control_wait_tell(p->wait, EXIT_FAILED, buf_view(&json), buf_str(&words));
    buf_fini(&json);
    buf_fini(&words);
}

int verb_connector_test(struct control_ask *ask)
{
    struct core *c = ask->core;
    struct command body = {.kind = COMMAND_SERVICE_TEST, .sent_ms = clock_unix_ms()};
    struct pending_test *p = NULL;
    struct dest *d = NULL;
    char nonce[ID_TEXT_LEN + 8] = "test-";
    int rc = control_need(ask, "name", &body.connector);

    if (rc)
        return rc;
    if (!registry_connector(c->turn->registry, body.connector))
        return control_unknown(ask, NEAR_CONNECTOR, body.connector);
    rc = id_uuid7(clock_unix_ms(), &body.trace);
    if (rc)
        return rc;
    id_format(&body.trace, nonce + 5);
    body.key = view_of(nonce);
    d = queue_dest(c->queue, DEST_CONNECTOR, body.connector);
    p = mem_zalloc(sizeof(*p));
    if (!p || !d) {
        mem_free(p);
        return -ENOMEM;
    }
    p->connector = mem_strndup(body.connector.ptr, body.connector.len);
    p->wait = p->connector ? control_wait_new(c, p, pending_free) : NULL;
    if (!p->wait) {
        pending_free(p);
        return control_fail(ask, EXIT_FAILED, CONTROL_TOO_MANY);
    }
    rc = call_once(c, d, &body, clock_mono_ms() + TEST_WAIT_MS, test_done, p);
    return control_asked(ask, p->wait, rc);
}
