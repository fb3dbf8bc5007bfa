/* Any bytes as the body of amojo's answer to each kind of call: what is learnt of it are ids that
 * can be kept and are not our own, and words that lie in the answer.
 *
 * The first byte chooses the status and how the answer came, the second the kind of the call. */

#include "egress/amojo.h"
#include "proto/limits.h"
#include "tests/fuzz/fuzz.h"

#define OWN_CHAT VIEW_LIT("6f2c2b3e-3f9b-4f0e-9a3e-0d8d7b1f2a10")
#define OWN_KEY  VIEW_LIT("mb-msg-1")

static const unsigned statuses[] = {200, 204, 201, 400, 403, 404, 429, 500};

static void check_id(struct view id, struct view ours)
{
    FUZZ_MUST(!id.ptr || (id.len > 0 && id.len <= LIMIT_ID && !view_equal(id, ours)));
}

static void check_reading(const struct command *c, const struct http_answer *a)
{
    struct target_reading r;
    bool good = a->status >= 200 && a->status <= 299;

    amojo_read(c, a, &r);
    FUZZ_MUST(!r.doc || (a->end == HTTP_ANSWERED && !a->truncated));
    check_id(r.amo_message_id, c->kind == COMMAND_AMO_HISTORY ? VIEW_NONE : c->key);
    check_id(r.amo_chat_id, c->conversation_id);
    check_id(r.amo_sender_id, c->sender_id);
    check_id(r.amo_receiver_id, c->receiver_id);
    check_id(r.scope_id, VIEW_NONE);
    FUZZ_MUST(good || (!r.readable && !r.found && !r.complete));
    FUZZ_MUST(!r.found || (r.complete && r.amo_message_id.len > 0));
    FUZZ_MUST(r.next_offset == 0 || (r.complete && r.next_offset == c->offset + 50));
    FUZZ_MUST(!good || c->kind != COMMAND_AMO_MESSAGE ||
              r.readable == (r.amo_message_id.len > 0));
    target_reading_fini(&r);
    FUZZ_MUST(!r.doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct command c = {
        .key = OWN_KEY,
        .conversation_id = OWN_CHAT,
        .sender_id = OWN_CHAT,
        .receiver_id = OWN_CHAT,
        .message_client_id = OWN_KEY,
        .until_ms = INT64_C(1767225600000),
    };
    struct http_answer a = {.end = HTTP_ANSWERED, .words = ""};

    if (len < 2)
        return 0;
    a.status = statuses[bytes[0] & 7];
    a.truncated = bytes[0] & 0x08;
    a.html = bytes[0] & 0x10;
    if (bytes[0] & 0x20)
        c.key = VIEW_NONE;
    a.body = view_make(bytes + 2, len - 2);
    c.kind = bytes[1] & 0x7f;
    if (c.kind == 0 || c.kind > COMMAND_AMO_HOOK)
        c.kind = COMMAND_AMO_HISTORY;
    check_reading(&c, &a);
    return 0;
}
