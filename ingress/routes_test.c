/* Requests through the routes into the spool, without HTTP: who is let in, what is answered, what
 * becomes an event; and that without memory a request is refused and leaves nothing half done. */

#include "ingress/routes.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/testing.h"
#include "ingress/accept/over.h"
#include "ingress/accept/refused.h"
#include "ingress/accept/registry_copy.h"
#include "ingress/accept/trail.h"
#include "ingress/connector/query.h"
#include "ingress/http/guard.h"
#include "ingress/http/metrics.h"
#include "ingress/http/request.h"
#include "ingress/ingress.h"
#include "ingress/spool/repeat.h"
#include "ingress/spool/spool.h"
#include "proto/event.h"
#include "proto/limits.h"
#include "proto/query.h"
#include "proto/registry.h"
#include "proto/session.h"

#define SECRET "channel secret"
#define API    "/v1/connectors/svc"
#define MESSAGE                                                                                \
    "{\"id\":\"m1\",\"source\":\"wa1\",\"conversation\":{\"id\":\"7900\"},"                    \
    "\"sender\":{\"id\":\"7900\"},\"type\":\"text\",\"text\":\"hello\"}"
#define WEBHOOK                                                                                \
    "{\"account_id\":\"acc\",\"time\":1767225661,\"message\":{\"receiver\":{\"id\":\"r\","     \
    "\"client_id\":\"c\"},\"sender\":{\"id\":\"s\"},\"conversation\":{\"id\":\"conv\","        \
    "\"client_id\":\"7900\"},\"timestamp\":1767225661,\"msec_timestamp\":1767225661000,"       \
    "\"message\":{\"id\":\"amo-1\",\"type\":\"text\",\"text\":\"hi\"}}}"

struct rig {
    struct ingress in;
    struct accept accept;
    struct queries queries;
    struct refused refused;
    struct trail trail;
    struct metrics metrics;
    struct request x;
    char dir[32];
    struct spool_cursor cursor;
};

static void nothing(void *arg)
{
    (void)arg; /* the loop never runs */
}

static void add_secret(struct secret *s, const char *text)
{
    assert_int_equal(secret_init(s, view_of(text)), 0);
}

/* One channel with two secrets; the connectors "svc" with an account and "other" without. */
static void registry_bytes(struct buf *out)
{
    struct registry *r = NULL;
    struct reg_channel *ch = NULL;
    struct reg_scope *s = NULL;

    assert_int_equal(registry_new(&r), 0);
    r->version = 1;
    ch = registry_add_channel(r);
    ch->id = mem_strdup("ch");
    add_secret(&ch->secrets[0], SECRET);
    add_secret(&ch->secrets[1], "the one before");
    for (int i = 0; i < 2; i++) {
        struct reg_connector *c = registry_add_connector(r);

        c->name = mem_strdup(i ? "other" : "svc");
        add_secret(&c->secrets[0], "connector secret of 24 by");
        add_secret(&c->tokens[0], i ? "other token" : "good token");
    }
    add_secret(&r->connectors[0].tokens[1], "old token");
    s = registry_add_scope(r);
    s->id = mem_strdup("ch_acc");
    s->channel = mem_strdup("ch");
    s->account = mem_strdup("acc");
    s->connector = mem_strdup("svc");
    assert_int_equal(registry_encode(r, ROLE_INGRESS, out), 0);
    registry_free(r);
}

static int begin(void **state)
{
    struct rig *r = mem_zalloc(sizeof(*r));
    struct spool_config config = {.max_bytes = 64 << 20};
    struct buf bytes;

    assert_non_null(r);
    (void)snprintf(r->dir, sizeof(r->dir), "routes.XXXXXX"); /* fits */
    assert_non_null(mkdtemp(r->dir));
    config.dir = r->dir;
    r->in.accept = &r->accept;
    r->in.queries = &r->queries;
    r->in.refused = &r->refused;
    r->in.trail = &r->trail;
    r->in.metrics = &r->metrics;
    accept_init(r->in.accept, nothing, r);
    queries_init(r->in.queries);
    refused_init(r->in.refused);
    trail_init(r->in.trail);
    assert_int_equal(loop_new(&r->in.loop), 0);
    assert_int_equal(metrics_init(r->in.metrics, "ingress"), 0);
    assert_int_equal(guard_new("", 10, &r->in.guard), 0);
    assert_int_equal(spool_open(&config, &r->in.spool), 0);
    assert_int_equal(repeat_open(r->dir, clock_unix_ms(), &r->in.repeat), 0);
    assert_int_equal(repeat_open_webhooks(r->dir, clock_unix_ms(), &r->in.webhooks), 0);
    assert_int_equal(registry_copy_open(r->dir, &r->in.registry), 0);
    buf_init(&bytes, 1 << 16);
    registry_bytes(&bytes);
    assert_int_equal(registry_copy_update(r->in.registry, buf_view(&bytes)), 0);
    buf_fini(&bytes);
    request_init(&r->x);
    spool_rewind(&r->cursor);
    *state = r;
    return 0;
}

static int end(void **state)
{
    struct rig *r = *state;

    request_fini(&r->x);
    registry_copy_close(r->in.registry);
    repeat_close(r->in.repeat);
    repeat_close(r->in.webhooks);
    spool_close(r->in.spool);
    guard_free(r->in.guard);
    metrics_fini(r->in.metrics);
    refused_fini(r->in.refused);
    trail_fini(r->in.trail);
    accept_fini(r->in.accept);
    loop_free(r->in.loop);
    testing_remove_folder(r->dir);
    mem_free(r);
    return 0;
}

/* --- requests ------------------------------------------------------------------------------- */

struct ask {
    enum method method;
    const char *path;
    const char *token; /* of a connector */
    const char *key;   /* amojo: what it is signed with; a connector: Idempotency-Key */
    const char *type;
    const char *body;
};

static void sign(const struct ask *a, char ret[41])
{
    unsigned char mac[CRYPTO_SHA1_LEN];

    assert_int_equal(crypto_hmac_sha1(view_of(a->key), view_of(a->body), mac), 0);
    crypto_hex(mac, sizeof(mac), ret);
}

/* As the listener hands it on. */
static void ask(struct rig *r, struct ask a)
{
    static char signature[41];
    static char authorization[64];
    struct request *x = &r->x;

    mem_fail_at(0);
    request_reset(x);
    x->method = a.method;
    x->path = view_of(a.path);
    x->content_type = view_of(a.type);
    if (a.token) {
        (void)snprintf(authorization, sizeof(authorization), "Bearer %s", a.token); /* fits */
        x->authorization = view_of(authorization);
        x->idempotency_key = view_of(a.key);
    } else if (a.key) {
        sign(&a, signature);
        x->signature = view_of(signature);
    }
    x->body.max = 1 << 20; /* its memory is kept from one request to the next */
    if (a.body)
        assert_int_equal(buf_add_str(&x->body, a.body), 0);
}

/* The rest of it, for which there may be no memory; the status. */
static unsigned answer(struct rig *r)
{
    struct request *x = &r->x;

    routes_head(&r->in, x);
    if (!x->status && x->whole)
        x->whole(&r->in, x);
    return x->status;
}

static unsigned status_of(struct rig *r, struct ask a)
{
    ask(r, a);
    return answer(r);
}

static unsigned post(struct rig *r, const char *path, const char *key, const char *body)
{
    return status_of(r, (struct ask){METHOD_POST, path, "good token", key, NULL, body});
}

static bool says(const struct rig *r, const char *what)
{
    return view_find(buf_view(&r->x.answer), what) != NULL;
}

/* The next event of the spool; its texts are good until the next call. */
static struct event next_event(struct rig *r)
{
    uint64_t number = 0;
    struct view body;
    struct event e;

    assert_int_equal(spool_flush(r->in.spool), 0);
    assert_int_equal(spool_read(r->in.spool, &r->cursor, &number, &body), 0);
    assert_int_equal(event_decode(body, &e), 0);
    return e;
}

static void no_event(struct rig *r)
{
    uint64_t number = 0;
    struct view body;

    assert_int_equal(spool_flush(r->in.spool), 0);
    assert_int_equal(spool_read(r->in.spool, &r->cursor, &number, &body), SPOOL_E_END);
}

/* --- paths ---------------------------------------------------------------------------------- */

static void a_path_is_known_with_its_methods_only(void **state)
{
    static const struct {
        enum method method;
        const char *path;
        unsigned status;
    } cases[] = {
        {METHOD_GET,   "/healthz",           200},
        {METHOD_HEAD,  "/healthz",           200},
        {METHOD_POST,  "/healthz",           405},
        {METHOD_GET,   "/healthz/",          404},
        {METHOD_GET,   "/",                  404},
        {METHOD_GET,   "/messages/ch_acc",   405},
        {METHOD_POST,  "/messages/",         404},
        {METHOD_POST,  "/messages/ch_acc/x", 404},
        {METHOD_POST,  "/messages/ch acc",   404},
        {METHOD_POST,  "/messages/no_acc",   404},
        {METHOD_POST,  API "/messages/",     404},
        {METHOD_PATCH, API "/messages",      405},
        {METHOD_OTHER, API "/statuses",      405},
        {METHOD_POST,  API "/nothing",       404},
    };
    struct rig *r = *state;

    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        if (status_of(r, (struct ask){.method = cases[i].method, .path = cases[i].path}) !=
            cases[i].status)
            fail_msg("%s: %u", cases[i].path, r->x.status);
        assert_int_equal(cases[i].status == 405, r->x.allow != NULL);
    }
    no_event(r);
}

/* --- amojo ---------------------------------------------------------------------------------- */

static unsigned webhook(struct rig *r, const char *key, const char *body)
{
    return status_of(r, (struct ask){METHOD_POST, "/messages/ch_acc", NULL, key, NULL, body});
}

static void a_signed_webhook_becomes_an_event(void **state)
{
    struct rig *r = *state;
    struct event e;

    assert_int_equal(webhook(r, SECRET, WEBHOOK), 200);
    assert_true(r->x.waits && r->x.trusted); /* answered after the flush */
    e = next_event(r);
    assert_int_equal(e.kind, EVENT_AMO_MESSAGE);
    assert_true(view_is(e.scope, "ch_acc") && view_is(e.message_id, "amo-1"));
    assert_false(id_is_zero(&e.trace));
    assert_true(e.taken_ms > 0);
    assert_int_equal(webhook(r, "the one before", WEBHOOK), 200); /* counted, and taken */
    (void)next_event(r);
    no_event(r);
}

static void a_webhook_that_proves_nothing_is_refused(void **state)
{
    struct rig *r = *state;

    assert_int_equal(webhook(r, NULL, WEBHOOK), 401);
    assert_null(r->x.whole); /* at the head */
    assert_int_equal(webhook(r, "guessed", WEBHOOK), 401);
    assert_false(r->x.trusted || r->x.waits);
    no_event(r);
}

static void a_webhook_that_is_not_understood_is_kept_and_refused(void **state)
{
    struct rig *r = *state;
    struct event e;

    assert_int_equal(webhook(r, SECRET, "{\"message\":1}"), 400);
    assert_true(r->x.waits);
    assert_string_equal(request_result(&r->x), "quarantined");
    e = next_event(r);
    assert_int_equal(e.kind, EVENT_QUARANTINE);
    assert_true(view_is(e.raw, "{\"message\":1}") && e.reason.len > 0);
}

/* --- connectors ----------------------------------------------------------------------------- */

static void a_caller_proves_who_he_is(void **state)
{
    static const struct {
        const char *token;
        unsigned status;
    } cases[] = {
        {"good token",  202},
        {"old token",   200}, /* the same message again */
        {"other token", 403},
        {"guessed",     401},
        {NULL,          401},
    };
    struct rig *r = *state;

    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        struct ask a = {METHOD_POST, API "/messages", cases[i].token, NULL, NULL, MESSAGE};

        if (status_of(r, a) != cases[i].status)
            fail_msg("%s: %u", cases[i].token, r->x.status);
        assert_int_equal(r->x.challenge, cases[i].status == 401);
    }
    (void)next_event(r);
    no_event(r);
    assert_int_equal(status_of(r, (struct ask){METHOD_POST, "/v1/connectors/none/messages",
                                               "good token", NULL, NULL, MESSAGE}),
                     404);
    assert_int_equal(status_of(r, (struct ask){METHOD_POST, API "/messages", "good token", NULL,
                                               "text/plain", MESSAGE}),
                     415);
    assert_int_equal(status_of(r, (struct ask){METHOD_POST, API "/messages", "good token", NULL,
                                               "application/json; charset=utf-8", MESSAGE}),
                     200);
}

static void a_message_is_taken_once(void **state)
{
    struct rig *r = *state;
    struct event e;

    assert_int_equal(post(r, API "/messages", NULL, MESSAGE), 202);
    assert_true(r->x.waits && says(r, "\"status\":\"accepted\"") && says(r, "\"mid\":\""));
    e = next_event(r);
    assert_int_equal(e.kind, EVENT_SERVICE_MESSAGE);
    assert_true(view_is(e.connector, "svc") && view_is(e.message_id, "m1"));
    assert_int_equal(post(r, API "/messages", NULL, MESSAGE), 200);
    assert_true(says(r, "duplicate"));
    assert_false(r->x.waits); /* the first is on the disk */
    assert_int_equal(post(r, API "/messages", NULL, MESSAGE " "), 409);
    assert_true(says(r, "\"field\":\"id\""));
    no_event(r);
}

static void a_repeat_in_one_batch_waits_with_its_first(void **state)
{
    struct rig *r = *state;

    assert_int_equal(post(r, API "/messages", "key-1", MESSAGE), 202);
    assert_int_equal(post(r, API "/messages", "key-1", MESSAGE), 200);
    assert_true(r->x.waits);
    assert_int_equal(post(r, API "/messages", "key-1", MESSAGE "\n"), 409);
    assert_true(says(r, "Idempotency-Key"));
    (void)next_event(r);
    no_event(r);
}

static void what_no_account_takes_is_refused_and_remembered(void **state)
{
    struct rig *r = *state;
    struct ask a = {METHOD_POST, "/v1/connectors/other/messages", "other token", NULL, NULL,
                    MESSAGE};

    assert_int_equal(status_of(r, a), 422);
    assert_true(says(r, "no_account"));
    assert_non_null(view_find(refused_text(r->in.refused, clock_unix_ms()), "other\twa1\t1"));
    a.path = "/v1/connectors/other/typing";
    a.body =
        "{\"source\":\"wa1\",\"conversation\":{\"id\":\"7900\"},\"sender\":{\"id\":\"1\"}}";
    assert_int_equal(status_of(r, a), 422);
    no_event(r);
}

/* --- over a share of core ------------------------------------------------------------------- */

static void tell_one(struct rig *r, const struct share_over *o, int64_t ago_ms)
{
    bool account = o->scope.len > 0;
    struct buf body;

    buf_init(&body, 4096);
    assert_int_equal(shares_begin(&body, !account, account), 0);
    if (account)
        assert_int_equal(shares_accounts(&body, 1), 0);
    assert_int_equal(shares_add(&body, o), 0);
    over_hear(&r->in.accept->over, buf_view(&body), clock_mono_ms() - ago_ms);
    buf_fini(&body);
}

static void tell_over(struct rig *r, const char *connector, const char *share, bool reports,
                      uint64_t retry_s, int64_t ago_ms)
{
    const struct share_over o = {.connector = view_of(connector),
                                 .share = view_of(share),
                                 .reports = reports,
                                 .retry_s = retry_s};

    tell_one(r, &o, ago_ms);
}

static void who_is_over_a_share_hears_it_at_the_head(void **state)
{
    struct rig *r = *state;
    struct ask a = {METHOD_POST, API "/messages", "good token", NULL, NULL, MESSAGE};

    tell_over(r, "svc", "queue", false, 90, 0);
    ask(r, a);
    routes_head(&r->in, &r->x);
    assert_int_equal(r->x.status, 429);
    assert_null(r->x.whole); /* its body is not read */
    assert_true(says(r, "\"code\":\"over_share\"") && says(r, "(queue)"));
    assert_in_range(r->x.retry_after_s, 80, 90);
    assert_int_equal(post(r, API "/statuses", NULL, "{\"statuses\":[]}"), 429);
    /* what leaves nothing in core is answered, and so are others, and a stranger hears nothing of it */
    assert_int_equal(
        post(r, API "/typing", NULL,
             "{\"source\":\"wa1\",\"conversation\":{\"id\":\"1\"},\"sender\":{\"id\":\"1\"}}"),
        202);
    a.path = "/v1/connectors/other/messages";
    a.token = "other token";
    assert_int_equal(status_of(r, a), 422);
    a.path = API "/messages";
    a.token = "wrong token";
    assert_int_equal(status_of(r, a), 401);
    no_event(r);
    tell_over(r, "other", "queue", false, 90, 0); /* the list is the whole list */
    assert_int_equal(post(r, API "/messages", NULL, MESSAGE), 202);
}

static void over_a_share_of_reports_messages_are_taken(void **state)
{
    struct rig *r = *state;

    tell_over(r, "svc", "waiting", true, 60, 0);
    assert_int_equal(post(r, API "/statuses", NULL, "{\"statuses\":[]}"), 429);
    assert_int_equal(status_of(r, (struct ask){METHOD_PATCH, API "/messages/m1", "good token",
                                               NULL, NULL, "{\"text\":\"x\"}"}),
                     429);
    assert_int_equal(post(r, API "/reactions", NULL, "{}"), 429);
    assert_int_equal(post(r, API "/messages", NULL, MESSAGE), 202);
    over_forget(&r->in.accept->over); /* a session with core begins */
    assert_int_equal(post(r, API "/reactions", NULL, "{}"), 422);
    /* its time is over, and the list would have come again */
    tell_over(r, "svc", "waiting", true, 1, 2LL * LIMIT_SHARES_TOLD_MS + 1);
    assert_int_equal(post(r, API "/reactions", NULL, "{}"), 422);
    over_hear(&r->in.accept->over, VIEW_LIT("nonsense"), clock_mono_ms());
    assert_int_equal(post(r, API "/reactions", NULL, "{}"), 422);
}

static void over_a_share_for_one_account_messages_for_others_are_taken(void **state)
{
    struct rig *r = *state;
    struct share_over o = {.connector = VIEW_LIT("svc"),
                           .scope = VIEW_LIT("ch_acc"),
                           .share = VIEW_LIT("queue"),
                           .retry_s = 60};
    struct ask a = {METHOD_POST, API "/messages", "good token", NULL, NULL, MESSAGE};

    tell_one(r, &o, 0);
    ask(r, a);
    routes_head(&r->in, &r->x);
    assert_non_null(r->x.whole); /* whose it is stands in its body */
    assert_int_equal(status_of(r, a), 429);
    assert_true(says(r, "\"code\":\"over_share\"") && says(r, "\"field\":\"source\""));
    assert_true(says(r, "ch_acc") && says(r, "(queue)"));
    assert_in_range(r->x.retry_after_s, 50, 60);
    no_event(r);
    /* of a report nobody knows whom it is for, what leaves nothing is answered, and amo sends once */
    assert_int_equal(post(r, API "/reactions", NULL, "{}"), 422);
    assert_int_equal(
        post(r, API "/typing", NULL,
             "{\"source\":\"wa1\",\"conversation\":{\"id\":\"1\"},\"sender\":{\"id\":\"1\"}}"),
        202);
    assert_int_equal(webhook(r, SECRET, WEBHOOK), 200);
    o.scope = VIEW_LIT("ch_other");
    tell_one(r, &o, 0);
    assert_int_equal(post(r, API "/messages", NULL, MESSAGE), 202);
    o.connector = VIEW_LIT("other");
    o.scope = VIEW_LIT("ch_acc");
    tell_one(r, &o, 0);
    assert_int_equal(post(r, API "/messages", NULL, MESSAGE), 200);
}

static void who_may_ask_again_soon_is_refused_until_core_has_told_again(void **state)
{
    struct rig *r = *state;

    tell_over(r, "svc", "queue", false, 1, LIMIT_SHARES_TOLD_MS + 1000);
    assert_int_equal(post(r, API "/messages", NULL, MESSAGE), 429);
    assert_int_equal(r->x.retry_after_s, 1);
    tell_over(r, "svc", "queue", false, 60, 20000);
    assert_int_equal(post(r, API "/messages", NULL, MESSAGE), 429);
    assert_in_range(r->x.retry_after_s, 30, 40);
    no_event(r);
    tell_over(r, "svc", "queue", false, 60, 61000); /* no lost list shuts anybody out */
    assert_int_equal(post(r, API "/messages", NULL, MESSAGE), 202);
}

/* --- what is wrong with a request ----------------------------------------------------------- */

static void a_request_that_is_wrong_says_where(void **state)
{
    struct rig *r = *state;
    char key[300];

    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    assert_int_equal(post(r, API "/messages", NULL, "{"), 400);
    assert_int_equal(post(r, API "/messages", NULL, "{\"id\":\"m1\"}"), 422);
    assert_true(says(r, "\"field\":"));
    assert_int_equal(post(r, API "/messages", key, MESSAGE), 422);
    assert_true(says(r, "Idempotency-Key"));
    no_event(r);
}

static void statuses_are_judged_one_by_one(void **state)
{
    struct rig *r = *state;
    struct event e;

    assert_int_equal(post(r, API "/statuses", NULL,
                          "{\"statuses\":[{\"id\":\"amo-1\",\"status\":\"delivered\"},"
                          "{\"id\":\"amo-2\",\"status\":\"eaten\"},"
                          "{\"id\":\"amo-3\",\"status\":\"read\"}]}"),
                     202);
    assert_true(says(r, "rejected") && says(r, "amo-3"));
    e = next_event(r);
    assert_int_equal(e.kind, EVENT_SERVICE_STATUS);
    assert_true(view_is(e.message_id, "amo-1"));
    e = next_event(r);
    assert_true(view_is(e.message_id, "amo-3"));
    no_event(r);
}

static unsigned edit(struct rig *r, const char *path, const char *key)
{
    return status_of(r, (struct ask){METHOD_PATCH, path, "good token", key, NULL,
                                     "{\"type\":\"text\",\"text\":\"new\"}"});
}

static void an_edit_names_its_message_in_the_path(void **state)
{
    struct rig *r = *state;
    struct event e;

    assert_int_equal(edit(r, API "/messages/m%2D1", NULL), 202);
    e = next_event(r);
    assert_int_equal(e.kind, EVENT_SERVICE_EDIT);
    assert_true(view_is(e.message_id, "m-1"));
    assert_int_equal(edit(r, API "/messages/m%2", NULL), 422);
    assert_int_equal(edit(r, API "/messages/m%FF", NULL), 422);
    assert_int_equal(edit(r, API "/messages/m%201", NULL), 422);
    assert_int_equal(edit(r, API "/messages/m1", "key-1"), 202);
    (void)next_event(r);
    assert_int_equal(edit(r, API "/messages/m1", "key-1"), 200);
    assert_int_equal(edit(r, API "/messages/m2", "key-1"), 202); /* a key of another message */
    (void)next_event(r);
    no_event(r);
}

static void a_reaction_is_kept_and_typing_is_not(void **state)
{
    struct rig *r = *state;
    struct event e;

    assert_int_equal(post(r, API "/reactions", NULL,
                          "{\"source\":\"wa1\",\"conversation\":{\"id\":\"7900\"},"
                          "\"message_id\":\"amo-1\",\"sender\":{\"id\":\"7900\"},"
                          "\"emoji\":\"\xf0\x9f\x91\x8d\"}"),
                     202);
    e = next_event(r);
    assert_int_equal(e.kind, EVENT_SERVICE_REACTION);
    assert_int_equal(post(r, API "/typing", NULL,
                          "{\"source\":\"wa1\",\"conversation\":{\"id\":\"7900\"},"
                          "\"sender\":{\"id\":\"7900\"}}"),
                     202);
    assert_string_equal(request_result(&r->x), "dropped"); /* core is away */
    assert_false(r->x.waits);
    no_event(r);
}

/* --- questions ------------------------------------------------------------------------------ */

static void a_question_needs_core(void **state)
{
    struct rig *r = *state;

    assert_int_equal(status_of(r, (struct ask){METHOD_GET, API "/messages/m1", "good token",
                                               NULL, NULL, ""}),
                     503);
    assert_true(says(r, "core_away"));
    assert_int_equal(status_of(r, (struct ask){METHOD_GET, API "/messages/m%201", "good token",
                                               NULL, NULL, ""}),
                     422);
}

/* --- without memory ------------------------------------------------------------------------- */

/* With the @nth allocation of the answer failing: it is as it should be, or 503 and the very same
 * request is new when it comes again. True when that allocation was reached. */
static bool fails_at(struct rig *r, struct ask a, uint64_t nth, unsigned want,
                     unsigned *ret_taken)
{
    uint64_t before = 0;
    unsigned status = 0;
    bool reached = false;

    ask(r, a);
    before = mem_count();
    mem_fail_at(nth);
    status = answer(r);
    reached = mem_count() - before >= nth;
    mem_fail_at(0);
    if (status != want) {
        assert_int_equal(status, 503);
        assert_true(r->x.retry_after_s > 0);
        assert_false(r->x.ok);
        return reached;
    }
    (*ret_taken)++;
    assert_true(r->x.waits);
    return reached;
}

static void without_memory_a_webhook_is_refused_or_kept(void **state)
{
    struct rig *r = *state;
    unsigned n_taken = 0;
    uint64_t n = 1;

    while (n < 100 &&
           fails_at(r,
                    (struct ask){METHOD_POST, "/messages/ch_acc", NULL, SECRET, NULL, WEBHOOK},
                    n, 200, &n_taken))
        n++;
    assert_true(n > 2 && n < 100);
    while (n_taken--) { /* as many as were promised, each whole */
        struct event e = next_event(r);

        assert_int_equal(e.kind, EVENT_AMO_MESSAGE);
        assert_true(view_is(e.content.text, "hi"));
    }
    no_event(r);
}

/* Each time another message: one that was refused must not be a duplicate of itself. */
static void without_memory_a_message_is_refused_and_may_come_again(void **state)
{
    struct rig *r = *state;
    char body[512];
    bool reached = true;
    unsigned n_events = 0;
    uint64_t n = 1;

    for (; reached && n < 200; n++) {
        unsigned n_taken = 0;
        struct ask a = {METHOD_POST, API "/messages", "good token", NULL, NULL, body};

        (void)snprintf(body, sizeof(body),
                       "{\"id\":\"m%d\",\"source\":\"wa1\",\"conversation\":{\"id\":\"7900\"},"
                       "\"sender\":{\"id\":\"7900\"},\"type\":\"text\",\"text\":\"hello\"}",
                       (int)n); /* fits */
        reached = fails_at(r, a, n, 202, &n_taken);
        if (n_taken == 0)
            assert_int_equal(status_of(r, a), 202);
        n_events++;
    }
    assert_true(n > 4 && n < 200);
    while (n_events--)
        assert_int_equal(next_event(r).kind, EVENT_SERVICE_MESSAGE);
    no_event(r);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(a_path_is_known_with_its_methods_only),
        WITH_RIG(a_signed_webhook_becomes_an_event),
        WITH_RIG(a_webhook_that_proves_nothing_is_refused),
        WITH_RIG(a_webhook_that_is_not_understood_is_kept_and_refused),
        WITH_RIG(a_caller_proves_who_he_is),
        WITH_RIG(a_message_is_taken_once),
        WITH_RIG(a_repeat_in_one_batch_waits_with_its_first),
        WITH_RIG(what_no_account_takes_is_refused_and_remembered),
        WITH_RIG(who_is_over_a_share_hears_it_at_the_head),
        WITH_RIG(over_a_share_of_reports_messages_are_taken),
        WITH_RIG(over_a_share_for_one_account_messages_for_others_are_taken),
        WITH_RIG(who_may_ask_again_soon_is_refused_until_core_has_told_again),
        WITH_RIG(a_request_that_is_wrong_says_where),
        WITH_RIG(statuses_are_judged_one_by_one),
        WITH_RIG(an_edit_names_its_message_in_the_path),
        WITH_RIG(a_reaction_is_kept_and_typing_is_not),
        WITH_RIG(a_question_needs_core),
        WITH_RIG(without_memory_a_webhook_is_refused_or_kept),
        WITH_RIG(without_memory_a_message_is_refused_and_may_come_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
