/* Any bytes into the reader of amojo's webhooks; whatever it makes of them must be an event that
 * encodes, decodes and says the same. */

#include <string.h>

#include "base/json.h"
#include "ingress/amo_normalize.h"
#include "tests/fuzz/fuzz.h"

#define SCOPE VIEW_LIT("channel_831f0943-4783-43d0-835e-d2d8d2553844")

static void check_event(const struct event *e)
{
    struct event back;
    struct buf out;

    buf_init(&out, (size_t)64 * 1024 * 1024);
    FUZZ_MUST(event_encode(e, &out) == 0);
    FUZZ_MUST(event_decode(buf_view(&out), &back) == 0);
    FUZZ_MUST(back.kind == e->kind);
    FUZZ_MUST(view_equal(back.text, e->text));
    FUZZ_MUST(view_equal(back.message_id, e->message_id));
    FUZZ_MUST(view_equal(back.raw, e->raw));
    FUZZ_MUST(view_equal(back.dedup, e->dedup));
    FUZZ_MUST(back.sent_ms == e->sent_ms && back.sent_ms >= 0);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct view body = view_make(bytes, len);
    struct amo_normal n;

    FUZZ_MUST(amo_normalize(body, SCOPE, &n) == 0);
    if (n.verdict == AMO_ACCEPT) {
        FUZZ_MUST(n.event.kind != EVENT_QUARANTINE);
        FUZZ_MUST(n.event.chat_id.len > 0);
        FUZZ_MUST(n.event.write_first == !n.event.chat_client_id.ptr);
        FUZZ_MUST(!n.event.raw.ptr || view_equal(n.event.raw, body));
        if (n.event.kind == EVENT_AMO_MESSAGE) {
            FUZZ_MUST(n.event.message_id.len > 0 && n.event.text.ptr && n.event.type.len > 0);
            FUZZ_MUST(json_utf8_valid(n.event.text));
            FUZZ_MUST(!n.event.text.len || !memchr(n.event.text.ptr, '\0', n.event.text.len));
        }
    } else {
        FUZZ_MUST(n.event.kind == EVENT_QUARANTINE && n.event.reason.len > 0);
        FUZZ_MUST(view_equal(n.event.raw, body));
    }
    check_event(&n.event);
    amo_normal_fini(&n);
    return 0;
}
