/* Any bytes as what a stranger's request has before its body is looked at: its path, the addresses it
 * says it was forwarded for, and its signatures. None of them is believed for being strange. */

#include <string.h>

#include "base/request_path.h"
#include "ingress/http/guard.h"
#include "proto/sign.h"
#include "tests/fuzz/fuzz.h"

#define OUT_MAX ((size_t)1 << 20)

static void check_path(struct view target)
{
    struct view path = request_path_of(target);
    struct buf plain;
    struct buf again;

    if (!path.ptr)
        return;
    FUZZ_MUST(path.len <= target.len);
    buf_init(&plain, OUT_MAX);
    buf_init(&again, OUT_MAX);
    FUZZ_MUST(request_path_plain(path, &plain) == 0);
    FUZZ_MUST(plain.len <= path.len);
    if (!request_path_is_escaped(path))
        FUZZ_MUST(view_equal(path, buf_view(&plain)));
    /* what was made plain has no other spelling; but "%2541" is "%41" and no more than that */
    if (!view_find(path, "%25")) {
        FUZZ_MUST(request_path_plain(buf_view(&plain), &again) == 0);
        FUZZ_MUST(view_equal(buf_view(&plain), buf_view(&again)) ||
                  view_find(buf_view(&plain), "%"));
    }
    buf_fini(&again);
    buf_fini(&plain);
}

/* Who is not trusted is believed nothing; and whoever comes out is an address. */
static void check_forwarded(struct view forwarded)
{
    static struct guard *guard;
    struct address peer = {
        {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}
    };
    struct address stranger = {
        {[10] = 0xff, [11] = 0xff, [12] = 9, [15] = 1}
    };
    struct address a;

    if (!guard)
        FUZZ_MUST(guard_new("10.0.0.0/8", 10, &guard) == 0);
    a = guard_origin(guard, &stranger, forwarded);
    FUZZ_MUST(memcmp(&a, &stranger, sizeof(a)) == 0);
    (void)guard_origin(guard, &peer, forwarded); /* anybody: read within its bytes */
    a = stranger;
    if (address_parse(forwarded, &a)) /* written on success only */
        FUZZ_MUST(memcmp(&a, &stranger, sizeof(a)) == 0);
}

/* The input in four parts, at its first line ends. */
static struct view part(struct view *rest)
{
    const char *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    struct view v = *rest;

    if (!end)
        *rest = view_make(rest->ptr + rest->len, 0);
    else
        *rest = view_make(end + 1, rest->len - (size_t)(end + 1 - rest->ptr));
    v.len = end ? (size_t)(end - v.ptr) : v.len;
    return v;
}

static void check_signatures(struct view bytes)
{
    struct view rest = bytes;
    struct view id = part(&rest);
    struct view timestamp = part(&rest);
    struct view signatures = part(&rest);
    struct secret secret = {0};
    struct secret decoded = {0};

    FUZZ_MUST(secret_init(&secret, VIEW_LIT("a secret that nobody knows")) == 0);
    FUZZ_MUST(webhook_verify(&secret, 1, id, timestamp, signatures, rest, 1767225600) !=
              WEBHOOK_FITS);
    FUZZ_MUST(!amojo_webhook_verify(&secret, 1, rest, signatures));
    if (webhook_secret_decode(bytes, &decoded) == 0)
        FUZZ_MUST(secret_view(&decoded).len >= 24 && secret_view(&decoded).len <= 64);
    secret_fini(&decoded);
    secret_fini(&secret);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct view v = view_make(bytes, len);

    if (len == 0)
        return 0;
    check_path(v);
    check_forwarded(v);
    check_signatures(v);
    return 0;
}
