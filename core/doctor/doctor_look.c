/* `amoctl doctor`, the looks at remote sides: is the public address ours, is amojo there, does it
 * take our signature.
 *
 * From: control.c, one call for each look. To: calls.c, a worker makes the call; a test webhook
 * comes back by the ordinary road, intake.c.
 * Holds: the caller until the call is over, and until the webhook has come or is overdue. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/url.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/deliver/calls.h"
#include "core/doctor/doctor.h"
#include "core/doctor/doctor_line.h"
#include "core/intake/test_hook.h"
#include "core/model/call_summary.h"
#include "core/peers/peers.h"
#include "proto/limits.h"

/* a call of ours is over by then; and a webhook that was answered 200 is here so soon after */
#define LOOK_WAIT_MS   16000
#define LOOK_HEAR_MS   4000
/* a handful of checks, with evidence that may grow sixfold */
#define LOOK_JSON_MAX  ((size_t)32 * LIMIT_EVIDENCE_BYTES)
#define CERT_RED       5
#define CERT_YELLOW    21
#define SKEW_YELLOW_MS 5000
#define SKEW_RED_MS    60000

struct look {
    struct test_hook hook; /* what is waited for; no nonce: nothing */
    struct core *core;
    struct control_wait *wait;
    char *subject;
    char *url; /* what is called, for people */
    char *target;
    void (*judge)(struct look *l, const struct result *r, struct json_writer *w);
    bool heard;
    int timer;
    struct buf json; /* what was told before the webhook came or was overdue */
    struct json_writer w;
};

static void look_free(void *arg)
{
    struct look *l = arg;

    loop_remove_timer(l->core->loop, l->timer);
    list_remove(&l->hook.link);
    mem_free(l->subject);
    mem_free(l->url);
    mem_free(l->target);
    buf_fini(&l->json);
    mem_free(l);
}

static void look_over(struct look *l)
{
    json_close_array(&l->w);
    json_close_object(&l->w);
    if (buf_error(&l->json))
        control_wait_tell(l->wait, EXIT_FAILED, VIEW_NONE, "the answer is larger than allowed");
    else
        control_wait_tell(l->wait, EXIT_FINE, buf_view(&l->json), NULL);
}

/* --- judging -------------------------------------------------------------------------------- */

/* There is no answer: red with the step at which it failed. */
static bool judge_road(const struct check *as, const struct result *r, const char *action,
                       struct json_writer *w)
{
    struct check c = *as;
    struct buf words;
    bool failed = false;

    buf_init(&words, 4096);
    failed = call_summary_no_answer(r, NULL, &words);
    c.severity = SEVERITY_RED;
    c.action = action;
    if (failed)
        check_add(w, &c, "%s", buf_str(&words));
    buf_fini(&words);
    return failed;
}

static void judge_certificate(struct view subject, const struct result *r,
                              struct json_writer *w)
{
    int64_t days = call_summary_cert_days(r, clock_unix_ms());
    struct check c = {.name = "certificate",
                      .subject = subject,
                      .severity = check_low(days, CERT_RED, CERT_YELLOW),
                      .action = "renew it; look whether the renewal still works"};

    if (r->cert_until_ms)
        check_add(w, &c, "valid, %" PRId64 " day%s left", days, days == 1 ? "" : "s");
}

static void judge_clock(struct view subject, const struct result *r, struct json_writer *w)
{
    int64_t skew = r->skew_ms < 0 ? -r->skew_ms : r->skew_ms;
    struct check c = {.name = "clock",
                      .subject = subject,
                      .severity = SEVERITY_YELLOW,
                      .action =
                          "repair the time service (NTP): amojo refuses signatures that are "
                          "15 minutes off"};

    if (!r->skew_known) {
        c.action = "compare the clock with another one by hand";
        check_add(w, &c, "not known: there was no Date in the answer");
        return;
    }
    c.severity = skew < SKEW_YELLOW_MS ? SEVERITY_GREEN
                 : skew < SKEW_RED_MS  ? SEVERITY_YELLOW
                                       : SEVERITY_RED;
    if (skew < 1000) /* the Date has whole seconds */
        check_add(w, &c, "less than 1 s from amojo's");
    else
        check_add(w, &c, "%" PRId64 " s %s", skew / 1000,
                  r->skew_ms < 0 ? "ahead of amojo's" : "behind amojo's");
}

static void judge_amojo(struct look *l, const struct result *r, struct json_writer *w)
{
    struct check c = {.name = "amojo",
                      .subject = view_of(l->url),
                      .severity = SEVERITY_GREEN,
                      .action = NULL};

    if (judge_road(&c, r,
                   "look at DNS, firewall and egress/ca_file of the workers, and at the "
                   "channel's address (amoctl channel list)",
                   w))
        return;
    check_add(w, &c, "reached in %" PRId64 " ms", r->took_ms);
    judge_certificate(view_of(l->url), r, w);
    judge_clock(view_of(l->url), r, w);
}

static void judge_signature(struct look *l, const struct result *r, struct json_writer *w)
{
    struct check c = {
        .name = "signature", .subject = view_of(l->subject), .severity = SEVERITY_RED};
    struct view heard = call_summary_heard(r);

    if (judge_road(&c, r, "look at DNS, firewall and egress/ca_file of the workers", w))
        return;
    if (r->status >= 200 && r->status < 300) {
        c.severity = SEVERITY_GREEN;
        check_add(w, &c, "amojo takes it (status %" PRIu64 ")", r->status);
    } else if (r->status == 401 || r->status == 403) {
        c.action =
            "the clock first; then amoctl channel add with support's newest answer; then "
            "whether the account may use the channel";
        check_add(w, &c, "amojo refuses it (status %" PRIu64 "): %.*s", r->status,
                  (int)heard.len, heard.ptr ? heard.ptr : "");
    } else if (r->status == 404) {
        c.action = "amoctl account connect";
        check_add(w, &c, "amojo does not know this account of the channel (404)");
    } else {
        c.severity = SEVERITY_YELLOW;
        c.action = "ask again later";
        check_add(w, &c, "amojo answered %" PRIu64 ": %.*s", r->status, (int)heard.len,
                  heard.ptr ? heard.ptr : "");
    }
}

/* What stands at the public address, when it did not take our webhook. */
static void judge_door_status(struct look *l, const struct result *r, struct json_writer *w)
{
    struct check c = {
        .name = "front_door", .subject = view_of(l->url), .severity = SEVERITY_RED};
    const char *words = "did not come from this bridge";

    c.action = "look at the proxy before ingress, and whether ingress runs";
    if (r->status == 401 || r->status == 403) {
        words = "a bridge or a proxy that does not know the channel's secret answers there";
        c.action = "see whose address public_url is; let the proxy pass /messages/*";
    } else if (r->status == 404) {
        words = "whatever answers there is not an ingress that knows the channel";
        c.action = "let the proxy pass /messages/* to ingress; see whose address public_url is";
    } else if (r->status >= 300 && r->status < 400) {
        words = "it redirects, and amojo would not follow";
        c.action = "set public_url, and the URL that support has, to the final address";
    } else if (r->status >= 500) {
        words = "the proxy does not reach ingress, or ingress cannot take it";
    }
    check_add(w, &c, "answered %" PRIu64 ": %s", r->status, words);
}

static void find_listener(struct look *l, const struct result *r, struct json_writer *w)
{
    struct check c = {
        .name = "front_door", .subject = view_of(l->url), .severity = SEVERITY_GREEN};

    if (judge_road(&c, r, "fix DNS, the firewall, the proxy or its certificate", w))
        return;
    judge_certificate(view_of(l->url), r, w);
    if (r->status < 200 || r->status > 299)
        judge_door_status(l, r, w);
    else if (!l->hook.nonce[0])
        check_add(w, &c, "answered %" PRIu64 " in %" PRId64 " ms", r->status, r->took_ms);
}

/* --- the road of a test webhook ------------------------------------------------------------- */

static void door_heard(struct look *l)
{
    struct check c = {
        .name = "front_door", .subject = view_of(l->url), .severity = SEVERITY_GREEN};

    check_add(&l->w, &c, "a signed test webhook came through it to this core");
    look_over(l);
}

static void door_overdue(void *arg)
{
    struct look *l = arg;
    struct check c = {.name = "front_door",
                      .subject = view_of(l->url),
                      .severity = SEVERITY_RED,
                      .action =
                          "see whose address public_url is: it must lead to an ingress of "
                          "this core"};

    l->timer = 0;
    if (l->core->queue->full) {
        c.severity = SEVERITY_YELLOW;
        c.action = "see the check of the queue";
        check_add(&l->w, &c,
                  "a signed test webhook was answered 200 and has not come: so many commands "
                  "wait that events stay in the spools");
    } else {
        check_add(&l->w, &c,
                  "a signed test webhook was answered 200 but never reached this core: another "
                  "bridge answers at that address");
    }
    look_over(l);
}

static void hook_came(struct test_hook *h)
{
    struct look *l = LIST_ENTRY(h, struct look, hook);

    l->heard = true;
    if (l->timer) /* its call is over: nobody else would tell */
        door_heard(l);
}

static void look_done(struct core *c, void *arg, const struct result *r)
{
    struct look *l = arg;
    struct check none = {.name = "egress",
                         .subject = view_of(l->subject),
                         .severity = SEVERITY_RED,
                         .action = "start amo-egress, look at its log"};
    bool taken = r && r->status >= 200 && r->status <= 299;

    if (!r)
        check_add(&l->w, &none, "%s", call_unmade_words(c));
    else
        l->judge(l, r, &l->w);
    if (!l->hook.nonce[0] || !taken) {
        look_over(l);
        return;
    }
    if (l->heard)
        door_heard(l);
    else if (loop_add_timer(c->loop, LOOK_HEAR_MS, false, door_overdue, l, &l->timer))
        door_overdue(l); /* no memory for a timer: not heard so far */
}

/* --- asking --------------------------------------------------------------------------------- */

static int look_text(char **ret, struct view a, const char *b, struct view c)
{
    struct buf text;

    buf_init(&text, LIMIT_URL + 2 * LIMIT_ID);
    (void)buf_add_view(&text, a); /* asked once, below */
    (void)buf_add_str(&text, b);
    (void)buf_add_view(&text, c);
    *ret = buf_error(&text) ? NULL : mem_strdup(buf_str(&text));
    buf_fini(&text);
    return *ret ? 0 : -ENOMEM;
}

static struct view public_url(const struct core *c)
{
    struct view url = view_of(config_text(c->config, "public_url"));

    while (url.len && url.ptr[url.len - 1] == '/')
        url.len--;
    return url;
}

/* A test webhook, signed with the channel's secret; without a channel only a look. */
static int door_body(struct look *l, struct command *body)
{
    struct view channel = view_of(l->subject);
    char scope[128];
    struct id id;
    int rc = look_text(&l->url, public_url(l->core), "", VIEW_NONE);

    rc = rc ? rc : id_random(&id);
    /* there is no such account: it never can be a message; a channel's id has 64 bytes at most */
    (void)snprintf(scope, sizeof(scope), "%.64s_doctor", l->subject);
    if (rc == 0 && channel.len)
        rc = look_text(&l->target, view_of(l->url), "/messages/", view_of(scope));
    else if (rc == 0)
        rc = look_text(&l->target, view_of(l->url), "/healthz", VIEW_NONE);
    if (rc)
        return rc;
    l->judge = find_listener;
    body->kind = channel.len ? COMMAND_AMO_HOOK : COMMAND_AMO_REACH;
    body->scope = channel;
    body->url = view_of(l->target);
    if (channel.len) {
        memcpy(l->hook.nonce, "door-", 5);
        id_format(&id, l->hook.nonce + 5);
        body->key = view_of(l->hook.nonce);
        l->hook.came = hook_came;
        test_hook_await(l->core, &l->hook);
    }
    return 0;
}

static int amojo_body(struct look *l, const struct reg_channel *ch, struct command *body)
{
    l->judge = judge_amojo;
    body->kind = COMMAND_AMO_REACH;
    body->scope = view_of(l->subject);
    return look_text(&l->url, view_of(ch->url), "", VIEW_NONE);
}

/* The history of a chat that nobody has: documented to be 204. */
static int signature_body(struct look *l, struct command *body)
{
    char chat[ID_TEXT_LEN + 1];
    struct id id;
    int rc = id_random(&id);

    if (rc)
        return rc;
    id_format(&id, chat);
    l->judge = judge_signature;
    body->kind = COMMAND_AMO_HISTORY;
    body->scope = view_of(l->subject);
    body->key = VIEW_LIT("doctor");
    rc = look_text(&l->target, view_of(chat), "", VIEW_NONE);
    body->chat_id = view_of(l->target);
    return rc;
}

static int look_body(struct control_ask *ask, struct look *l, struct view what,
                     struct command *body)
{
    const struct registry *r = ask->core->turn->registry;
    struct view subject = view_of(l->subject);
    const struct reg_channel *ch = registry_channel(r, subject);

    if (view_is(what, "front_door") && (ch || subject.len == 0)) {
        if (public_url(ask->core).len == 0)
            return control_fail(ask, EXIT_FAILED, "public_url is not set");
        if (url_address(public_url(ask->core)) == ADDRESS_PERSON)
            return control_fail(ask, EXIT_FAILED, "public_url " URL_PERSON);
        return door_body(l, body);
    }
    if (view_is(what, "amojo") && ch)
        return amojo_body(l, ch, body);
    if (view_is(what, "signature") && registry_scope(r, subject))
        return signature_body(l, body);
    return control_fail(ask, EXIT_FAILED, "there is no such thing to look at");
}

static int look_ask(struct control_ask *ask, struct look *l, struct view what)
{
    struct command body = {.sent_ms = clock_unix_ms()};
    int rc = look_body(ask, l, what, &body);

    rc = rc ? rc : id_uuid7(clock_unix_ms(), &body.trace);
    if (rc)
        return rc;
    if (!peers_have_worker(ask->core, clock_mono_ms()))
        return control_fail(ask, EXIT_FAILED, "no egress is connected: nobody can look");
    rc = call_once(ask->core, NULL, &body, clock_mono_ms() + LOOK_WAIT_MS, look_done, l);
    return rc == -EBUSY ? control_fail(ask, EXIT_FAILED, CONTROL_TOO_MANY) : rc;
}

int verb_doctor_check(struct control_ask *ask)
{
    struct view subject = control_arg(ask, "subject");
    struct view what = VIEW_NONE;
    struct look *l = NULL;
    int rc = control_need(ask, "what", &what);

    if (rc)
        return rc;
    if (view_is(what, "reach"))
        return doctor_conversations(ask);
    l = mem_zalloc(sizeof(*l));
    if (!l)
        return -ENOMEM;
    l->core = ask->core;
    list_init(&l->hook.link);
    buf_init(&l->json, LOOK_JSON_MAX);
    json_writer_init(&l->w, &l->json);
    json_open_object(&l->w, NULL);
    json_open_array(&l->w, "checks");
    l->subject = mem_strndup(subject.ptr, subject.len);
    l->wait = l->subject ? control_wait_new(ask->core, l, look_free) : NULL;
    if (!l->wait) {
        look_free(l);
        return control_fail(ask, EXIT_FAILED, CONTROL_TOO_MANY);
    }
    rc = look_ask(ask, l, what);
    if (rc) {
        control_wait_drop(l->wait);
        return rc;
    }
    ask->wait = l->wait;
    return CONTROL_LATER;
}
