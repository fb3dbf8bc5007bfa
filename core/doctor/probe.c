/* `amoctl probe`: one call on a live account, in a chat that was named for it, and what came of it.
 * amoctl puts the calls together; nothing is kept here between them.
 *
 * From: control.c. To: calls.c. Holds: the caller until the call is over. */

#include "base/clock.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/deliver/calls.h"
#include "core/deliver/resolve.h"
#include "core/model/call_summary.h"
#include "proto/limits.h"

/* the operator waits this long */
#define PROBE_WAIT_MS  18000
#define PROBE_JSON_MAX ((size_t)8 * LIMIT_EVIDENCE_BYTES)

static void probe_json(const struct result *r, struct view words, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_open_object(&w, NULL);
    json_add_text(&w, "outcome", view_of(outcome_name(r->outcome)));
    json_add_text(&w, "cause", view_of(cause_name(r->cause)));
    json_add_text(&w, "stage", r->outcome == OUTCOME_DONE ? VIEW_LIT("answered") : r->stage);
    json_add_int(&w, "status", (int64_t)r->status);
    json_add_int(&w, "ms", r->took_ms);
    json_add_int(&w, "retry_after_ms", r->retry_after_ms);
    json_add_bool(&w, "found", r->found);
    json_add_text(&w, "message", r->amo_message_id);
    json_add_text(&w, "words", words);
    json_add_text(&w, "answer", r->evidence);
    json_close_object(&w);
}

static void probe_done(struct core *c, void *arg, const struct result *r)
{
    struct control_wait *wait = arg;
    struct buf words;
    struct buf json;

    (void)c;
    if (!r) {
        control_wait_tell(wait, EXIT_UNREACHABLE, VIEW_NONE,
                          "no answer in time: is an egress running, does the account's queue "
                          "leave room?");
        return;
    }
    buf_init(&words, 4096);
    buf_init(&json, PROBE_JSON_MAX);
    if (!call_summary_no_answer(r, NULL, &words))
        (void)buf_add_f(&words, "status %llu", (unsigned long long)r->status); /* fits */
    probe_json(r, buf_view(&words), &json);
    control_wait_tell(wait, EXIT_FINE, buf_view(&json), NULL);
    buf_fini(&words);
    buf_fini(&json);
}

/* --- the calls ------------------------------------------------------------------------------ */

/* A client's message into the chat's conversation, as every other of that client. */
static int probe_message(struct control_ask *ask, struct resolved *r)
{
    struct view key = VIEW_NONE;
    struct view at = VIEW_NONE;
    struct command *b = &r->body;
    int rc = control_need(ask, "key", &key);

    rc = rc ? rc : control_need(ask, "at", &at);
    if (rc)
        return rc;
    rc = store_conversation_by_chat(ask->core->store, b->scope, b->chat_id, &r->conversation);
    if (rc == STORE_E_NONE)
        return control_fail(ask, EXIT_FAILED,
                            "the bridge knows no conversation with this chat: let the test "
                            "client write to it once");
    if (rc)
        return rc;
    b->kind = COMMAND_AMO_MESSAGE;
    b->key = key;
    b->silent = true;
    b->source = view_of(r->conversation.source);
    b->content.type = VIEW_LIT("text");
    b->content.text = VIEW_LIT("A test of the connection. Please take no notice of it.");
    if (clock_parse_iso(at, &b->sent_ms))
        return control_fail(ask, EXIT_USAGE, "at is no time");
    resolve_chat(r);
    resolve_client(r);
    return 0;
}

static int probe_status(struct control_ask *ask, struct command *b)
{
    int rc = control_need(ask, "message", &b->message_id);

    rc = rc ? rc : control_need(ask, "spelling", &b->spelling);
    if (rc)
        return rc;
    if (!view_is(b->spelling, "old") && !view_is(b->spelling, "new"))
        return control_fail(ask, EXIT_USAGE, "the spelling is neither old nor new");
    b->kind = COMMAND_AMO_STATUS;
    b->status_code = 1;
    return 0;
}

static int probe_body(struct control_ask *ask, struct view what, struct resolved *r)
{
    struct command *b = &r->body;

    b->kind = COMMAND_AMO_HISTORY;
    if (view_is(what, "message"))
        return probe_message(ask, r);
    if (view_is(what, "status"))
        return probe_status(ask, b);
    if (view_is(what, "history"))
        return control_need(ask, "key", &b->key);
    if (view_is(what, "newest") || view_is(what, "look"))
        return 0;
    return control_fail(ask, EXIT_USAGE, "there is no such call");
}

static int probe_ask(struct control_ask *ask, struct view what, struct resolved *r)
{
    struct core *c = ask->core;
    /* a burst is made to meet amojo's limit, not ours */
    struct dest *d =
        view_is(what, "look") ? NULL : queue_dest(c->queue, DEST_SCOPE, r->body.scope);
    int rc = probe_body(ask, what, r);

    if (rc)
        return rc;
    ask->wait = control_wait_new(c, NULL, NULL);
    if (!ask->wait)
        return control_fail(ask, EXIT_FAILED, CONTROL_TOO_MANY);
    rc = call_once(c, d, &r->body, clock_mono_ms() + PROBE_WAIT_MS, probe_done, ask->wait);
    return control_asked(ask, ask->wait, rc);
}

int verb_probe_call(struct control_ask *ask)
{
    struct resolved r = {0};
    struct view what = VIEW_NONE;
    int rc = control_need(ask, "scope_id", &r.body.scope);
    const struct reg_scope *s =
        rc ? NULL : registry_scope(ask->core->turn->registry, r.body.scope);

    rc = rc ? rc : control_need(ask, "chat", &r.body.chat_id);
    rc = rc ? rc : control_need(ask, "what", &what);
    if (rc)
        return rc;
    if (!s)
        return control_unknown(ask, NEAR_ACCOUNT, r.body.scope);
    if (s->disconnected) /* it is paused as well */
        return control_fail(
            ask, EXIT_FAILED,
            "the account is disconnected: amoctl account connect brings it back");
    if (s->paused)
        return control_fail(ask, EXIT_FAILED, "the account is paused");
    rc = id_uuid7(clock_unix_ms(), &r.body.trace);
    if (rc)
        return rc;
    rc = probe_ask(ask, what, &r);
    resolved_fini(&r);
    return rc;
}
