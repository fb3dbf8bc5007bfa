/* Any bytes into both readers of the connector API: either a fault with a code, or an event that
 * keeps the API's rules. */

#include "base/json.h"
#include "ingress/service_normalize.h"
#include "proto/limits.h"
#include "tests/fuzz/fuzz.h"

static void check_fault(int rc, const struct service_fault *f)
{
    FUZZ_MUST(rc == 0 || rc == SERVICE_E_FAULT);
    FUZZ_MUST(rc == 0 || ((f->status == 400 || f->status == 422) && f->code && f->message));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct view body = view_make(bytes, len);
    struct service_fault fault = {0};
    struct json *doc = NULL;
    struct event e;
    size_t n = 0;
    int rc = service_message(body, &doc, &e, &fault);

    check_fault(rc, &fault);
    if (rc == 0) {
        FUZZ_MUST(service_id_valid(e.message_id) && e.text.len > 0 && e.source.len > 0);
        FUZZ_MUST(e.conversation.len > 0 && e.sender_id.len > 0);
        json_free(doc);
        doc = NULL;
    }
    fault = (struct service_fault){0};
    rc = service_statuses(body, &doc, &n, &fault);
    check_fault(rc, &fault);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        fault = (struct service_fault){0};
        int item = service_status(doc, i, &e, &fault);

        check_fault(item, &fault);
        FUZZ_MUST(item || service_id_valid(e.message_id));
    }
    if (rc == 0) {
        FUZZ_MUST(n > 0 && n <= LIMIT_STATUSES);
        json_free(doc);
    }
    return 0;
}
