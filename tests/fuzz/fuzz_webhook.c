/* Any bytes into the reader of amojo's webhooks; whatever it makes of them must be an event that
 * encodes, decodes and says the same. */

#include <string.h>

#include "base/json.h"
#include "ingress/amojo/normalize.h"
#include "tests/fuzz/fuzz.h"

/* 2026-03-02 */
#define NOW_MS INT64_C(1772442900000)

#define SCOPE VIEW_LIT("channel_831f0943-4783-43d0-835e-d2d8d2553844")

static void check_event(const struct event *e)
{
    struct event back;
    struct buf out;

    buf_init(&out, (size_t)64 * 1024 * 1024);
    FUZZ_MUST(event_encode(e, &out) == 0);
    FUZZ_MUST(event_decode(buf_view(&out), &back) == 0);
    FUZZ_MUST(back.kind == e->kind);
    FUZZ_MUST(view_equal(back.content.text, e->content.text));
    FUZZ_MUST(view_equal(back.message_id, e->message_id));
    FUZZ_MUST(view_equal(back.raw, e->raw));
    FUZZ_MUST(view_equal(back.dedup, e->dedup));
    FUZZ_MUST(back.sent_ms == e->sent_ms && back.sent_ms >= 0);
    buf_fini(&out);
}

/* A part that travels as JSON is JSON, and not an empty one. */
static void check_part(struct view part, bool array)
{
    struct json *doc = NULL;

    if (!part.ptr)
        return;
    FUZZ_MUST(json_parse(part, &doc) == 0);
    if (array)
        FUZZ_MUST(json_array_len(json_root(doc)) > 0);
    else
        FUZZ_MUST(json_is_object(json_root(doc)));
    json_free(doc);
}

static void check_number(struct view digits)
{
    struct json *doc = NULL;
    struct view strict = VIEW_NONE;
    double d = 0;

    if (!digits.ptr)
        return;
    FUZZ_MUST(json_parse(digits, &doc) == 0 && json_double(json_root(doc), &d));
    FUZZ_MUST(!json_strict_text(json_root(doc), &strict));
    json_free(doc);
}

static void check_parts(const struct content *c)
{
    check_part(c->buttons, true);
    check_part(c->forward_ids, true);
    check_part(c->list, false);
    check_part(c->template, false);
    check_number(c->lat);
    check_number(c->lon);
    FUZZ_MUST(!c->lat.ptr == !c->lon.ptr);
}

static void check_accepted(const struct event *e)
{
    const struct content *c = &e->content;

    FUZZ_MUST(e->kind != EVENT_QUARANTINE && !e->raw.ptr);
    if (e->kind == EVENT_DOOR_TEST) {
        FUZZ_MUST(e->message_id.len > 0 && !e->chat_id.ptr);
        return;
    }
    FUZZ_MUST(e->chat_id.len > 0);
    FUZZ_MUST(e->write_first == !e->chat_client_id.ptr);
    if (e->kind != EVENT_AMO_MESSAGE)
        return;
    FUZZ_MUST(e->message_id.len > 0 && c->text.ptr && c->type.len > 0);
    FUZZ_MUST(json_utf8_valid(c->text));
    FUZZ_MUST(!c->text.len || !memchr(c->text.ptr, '\0', c->text.len));
    check_parts(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct view body = view_make(bytes, len);
    struct amo_normal n;

    FUZZ_MUST(amo_normalize(body, SCOPE, NOW_MS, &n) == 0);
    if (n.verdict == AMO_ACCEPT)
        check_accepted(&n.event);
    else
        FUZZ_MUST(n.event.kind == EVENT_QUARANTINE && n.event.reason.len > 0 &&
                  view_equal(n.event.raw, body));
    check_event(&n.event);
    amo_normal_fini(&n);
    return 0;
}
