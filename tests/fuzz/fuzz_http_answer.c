/* Any bytes as what a remote side answers: its dates, and its body as a service's. What is judged of
 * them is within its bounds, and what is kept for people is one that can be shown.
 *
 * The first byte chooses the status and how the answer came; what stands before the first line end is
 * the header, the rest the body. */

#include <string.h>

#include "base/json.h"
#include "egress/evidence.h"
#include "egress/judge.h"
#include "proto/foreign_id.h"
#include "proto/limits.h"
#include "tests/fuzz/fuzz.h"

#define NOW_MS   INT64_C(1767225600000)
#define SECRET   VIEW_LIT("v1,c2VjcmV0")
#define SKEW_FAR (INT64_C(1) << 50)

static const unsigned statuses[] = {200, 202, 301, 400, 404, 422, 429, 503};

static void check_dates(struct view header)
{
    int64_t skew = 0;
    int64_t wait = judge_retry_after(header, NOW_MS);

    FUZZ_MUST(wait >= 0 && wait <= LIMIT_RETRY_AFTER_MS);
    if (judge_skew(header, NOW_MS, &skew)) /* years 0 to 9999 and a bit */
        FUZZ_MUST(skew > -SKEW_FAR && skew < SKEW_FAR);
}

static void check_shown(struct view text, size_t max)
{
    FUZZ_MUST(text.len <= max && json_utf8_valid(text));
    for (size_t i = 0; i < text.len; i++)
        FUZZ_MUST((unsigned char)text.ptr[i] >= ' ' && text.ptr[i] != 0x7f);
}

/* Not in one piece. */
static void check_evidence(const struct http_answer *a)
{
    const struct view masks[] = {SECRET};
    struct buf out;

    buf_init(&out, (size_t)16 * LIMIT_EVIDENCE_BYTES); /* as an attempt has it */
    FUZZ_MUST(evidence_add(&out, a, masks, 1, NULL) == 0);
    check_shown(buf_view(&out), LIMIT_EVIDENCE_BYTES);
    FUZZ_MUST(!view_find(buf_view(&out), SECRET.ptr));
    buf_reset(&out);
    FUZZ_MUST(evidence_add_words(&out, a->body, 200, NULL) == 0);
    check_shown(buf_view(&out), 200);
    buf_fini(&out);
}

static void check_service(const struct http_answer *a)
{
    const struct command c = {.kind = COMMAND_SERVICE_MESSAGE, .key = VIEW_LIT("key")};
    struct target_reading r;

    target_webhook.read(&c, a, &r);
    FUZZ_MUST(!r.service_message_id.ptr || foreign_id_is_fine(r.service_message_id));
    FUZZ_MUST(!r.service_conversation.ptr || foreign_id_is_fine(r.service_conversation));
    FUZZ_MUST(!r.found && !r.amo_message_id.ptr && !r.scope_id.ptr);
    FUZZ_MUST(r.form >= FORM_EMPTY && r.form <= FORM_PAGE);
    FUZZ_MUST((r.form == FORM_EMPTY) <= (a->body.len == 0));
    target_reading_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct http_answer a = {.end = HTTP_ANSWERED, .words = "", .stage = STAGE_ANSWERED};
    struct view rest;
    const char *end = NULL;

    if (len < 2)
        return 0;
    rest = view_make(bytes + 1, len - 1);
    end = memchr(rest.ptr, '\n', rest.len);
    a.status = statuses[bytes[0] & 7];
    a.truncated = bytes[0] & 0x08;
    a.html = bytes[0] & 0x10;
    a.status_line = view_make(rest.ptr, end ? (size_t)(end - rest.ptr) : 0);
    a.body = end ? view_make(end + 1, rest.len - a.status_line.len - 1) : rest;
    check_dates(a.status_line);
    check_evidence(&a);
    check_service(&a);
    return 0;
}
