/* Any bytes as a command, a result, and the lists of them that COMMAND_PUSH and RESULT_PUSH carry:
 * what is let through has a known kind or outcome and times that can be added up. */

#include "proto/command.h"
#include "proto/limits.h"
#include "proto/pack.h"
#include "tests/fuzz/same.h"

/* Ten thousand years of milliseconds and some more: two of them can still be added. */
#define TIME_FAR (INT64_C(1) << 54)

static int result_decode(struct view bytes, struct result *ret)
{
    struct pack_doc d;
    int rc = pack_doc_open(&d, bytes);

    if (rc)
        return rc;
    rc = result_decode_object(pack_doc_root(&d), ret);
    pack_doc_close(&d);
    return rc;
}

FUZZ_SAME(command)
FUZZ_SAME(result)

static void check_known_command(const msgpack_object *o)
{
    struct command c;
    int rc = command_decode_object(o, &c);

    FUZZ_MUST(rc == 0 || rc == PACK_E_MALFORMED);
    if (rc == 0)
        FUZZ_MUST(!view_is(view_of(command_kind_name(c.kind)), "unknown"));
}

static bool is_time(int64_t ms)
{
    return ms >= -TIME_FAR && ms <= TIME_FAR;
}

static void check_known_result(const msgpack_object *o)
{
    struct result r;
    int rc = result_decode_object(o, &r);

    FUZZ_MUST(rc == 0 || rc == PACK_E_MALFORMED);
    if (rc)
        return;
    FUZZ_MUST(!view_is(view_of(outcome_name(r.outcome)), "none"));
    FUZZ_MUST(cause_name(r.cause)[0] != '\0');
    FUZZ_MUST(r.retry_after_ms >= -1 && r.retry_after_ms <= LIMIT_RETRY_AFTER_MS);
    FUZZ_MUST(r.took_ms >= 0 && r.began_ms >= 0 && r.cert_until_ms >= 0);
    FUZZ_MUST(is_time(r.took_ms) && is_time(r.began_ms) && is_time(r.skew_ms) &&
              is_time(r.cert_until_ms));
}

static void check_lists(struct view bytes)
{
    const msgpack_object *items = NULL;
    struct pack_doc d;
    size_t n = 0;

    if (pack_doc_open(&d, bytes))
        return;
    check_known_command(pack_doc_root(&d));
    check_known_result(pack_doc_root(&d));
    n = pack_array(pack_doc_root(&d), "commands", &items);
    for (size_t i = 0; i < n; i++)
        check_known_command(&items[i]);
    n = pack_array(pack_doc_root(&d), "results", &items);
    for (size_t i = 0; i < n; i++)
        check_known_result(&items[i]);
    pack_doc_close(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct view v = view_make(bytes, len);

    check_command(v);
    check_result(v);
    check_lists(v);
    return 0;
}
