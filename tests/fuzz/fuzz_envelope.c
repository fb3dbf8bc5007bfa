/* Any bytes as a frame's envelope and as an event. What is let through must come back the same when
 * it is sent again. */

#include <string.h>

#include "proto/envelope.h"
#include "proto/event.h"
#include "tests/fuzz/fuzz.h"

#define OUT_MAX ((size_t)4 * 1024 * 1024)

static void check_envelope(struct view bytes)
{
    struct envelope e;
    struct envelope back;
    char space[ENVELOPE_MAX_LEN];
    size_t len = 0;

    if (envelope_decode(bytes, &e))
        return;
    envelope_encode(&e, space, &len);
    FUZZ_MUST(envelope_decode(view_make(space, len), &back) == 0);
    FUZZ_MUST(memcmp(&e, &back, sizeof(e)) == 0);
}

static void check_event(struct view bytes)
{
    struct event e;
    struct event back;
    struct buf out;

    if (event_decode(bytes, &e))
        return;
    buf_init(&out, OUT_MAX);
    FUZZ_MUST(event_encode(&e, &out) == 0);
    FUZZ_MUST(event_decode(buf_view(&out), &back) == 0);
    FUZZ_MUST(view_equal(e.content.text, back.content.text) && e.kind == back.kind &&
              e.sent_ms == back.sent_ms);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct view v = view_make(bytes, len);

    check_envelope(v);
    check_event(v);
    return 0;
}
