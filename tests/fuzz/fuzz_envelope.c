/* Any bytes as a frame's envelope and as every kind of body that crosses the bus. What is let
 * through must come back the same when it is sent again. */

#include <errno.h>
#include <string.h>

#include "proto/command.h"
#include "proto/envelope.h"
#include "proto/event.h"
#include "proto/pack.h"
#include "proto/query.h"
#include "proto/registry.h"
#include "proto/session.h"
#include "tests/fuzz/fuzz.h"

#define OUT_MAX ((size_t)4 * 1024 * 1024)

static void check_envelope(struct view bytes)
{
    struct envelope e;
    struct envelope back;
    char room[ENVELOPE_MAX_LEN];
    size_t len = 0;

    if (envelope_decode(bytes, &e))
        return;
    envelope_encode(&e, room, &len);
    FUZZ_MUST(envelope_decode(view_make(room, len), &back) == 0);
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

static void check_command(struct view bytes)
{
    struct command c;
    struct command back;
    struct buf out;

    if (command_decode(bytes, &c))
        return;
    buf_init(&out, OUT_MAX);
    FUZZ_MUST(command_encode(&c, &out) == 0);
    FUZZ_MUST(command_decode(buf_view(&out), &back) == 0);
    FUZZ_MUST(view_equal(c.key, back.key) && c.id == back.id && c.attempt == back.attempt);
    buf_fini(&out);
}

/* Lists of maps, as COMMAND_PUSH and RESULT_PUSH carry them. */
static void check_lists(struct view bytes)
{
    const msgpack_object *items = NULL;
    struct pack_doc d;
    size_t n = 0;

    if (pack_doc_open(&d, bytes))
        return;
    n = pack_array(pack_doc_root(&d), "commands", &items);
    for (size_t i = 0; i < n; i++) {
        struct command c;

        FUZZ_MUST(command_decode_object(&items[i], &c) >= 0);
    }
    n = pack_array(pack_doc_root(&d), "results", &items);
    for (size_t i = 0; i < n; i++) {
        struct result r;

        FUZZ_MUST(result_decode_object(&items[i], &r) >= 0);
    }
    pack_doc_close(&d);
}

static void check_session(struct view bytes)
{
    struct hello h;
    struct welcome w;
    struct heartbeat hb;
    struct id spool;
    struct view pairs;

    FUZZ_MUST(hello_decode(bytes, &h) >= 0);
    FUZZ_MUST(welcome_decode(bytes, &w) >= 0);
    FUZZ_MUST(heartbeat_decode(bytes, &hb) >= 0);
    if (taken_decode(bytes, &spool, &pairs))
        return;
    for (size_t i = 0; i < pairs_count(pairs); i++) {
        uint64_t a = 0;
        uint64_t b = 0;

        pairs_at(pairs, i, &a, &b);
    }
}

static void check_registry(struct view bytes)
{
    struct registry *r = NULL;
    struct registry *back = NULL;
    struct buf out;

    if (registry_decode(bytes, &r))
        return;
    buf_init(&out, OUT_MAX);
    FUZZ_MUST(registry_encode(r, ROLE_EGRESS, &out) == 0);
    FUZZ_MUST(registry_decode(buf_view(&out), &back) == 0);
    FUZZ_MUST(r->version == back->version && r->n_scopes == back->n_scopes);
    registry_free(back);
    registry_free(r);
    buf_fini(&out);
}

static void check_queries(struct view bytes)
{
    struct query q;
    struct answer a;
    struct replay r;
    struct view event;

    FUZZ_MUST(query_decode(bytes, &q) >= 0);
    FUZZ_MUST(answer_decode(bytes, &a) >= 0);
    FUZZ_MUST(replay_decode(bytes, &r) >= 0);
    if (hint_decode(bytes, &event) == 0 && event.ptr)
        check_event(event);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct view v = view_make(bytes, len);

    check_envelope(v);
    check_event(v);
    check_command(v);
    check_lists(v);
    check_session(v);
    check_registry(v);
    check_queries(v);
    return 0;
}
