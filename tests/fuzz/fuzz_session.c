/* Any bytes as the bodies that open and keep a session: each comes back the same, and a list of
 * pairs is read within its bytes. */

#include "proto/refusal.h"
#include "proto/session.h"
#include "tests/fuzz/same.h"

FUZZ_SAME(hello)
FUZZ_SAME(welcome)
FUZZ_SAME(heartbeat)
FUZZ_SAME(heartbeat_answer)
FUZZ_SAME(spool_rotate)
FUZZ_SAME(spool_refused)

static void check_pairs(struct view pairs)
{
    struct buf again;
    size_t n = pairs_count(pairs);

    FUZZ_MUST(n == pairs.len / 16);
    buf_init(&again, FUZZ_OUT_MAX);
    for (size_t i = 0; i < n; i++) {
        uint64_t a = 0;
        uint64_t b = 0;

        pairs_at(pairs, i, &a, &b);
        FUZZ_MUST(pairs_add(&again, a, b) == 0);
    }
    FUZZ_MUST(view_equal(buf_view(&again), view_make(n ? pairs.ptr : "", n * 16)));
    buf_fini(&again);
}

/* EVENT_TAKEN, RESULT_TAKEN: and the lists that other bodies carry. */
static void check_lists(struct view bytes)
{
    struct view pairs = VIEW_NONE;
    struct view pairs_again = VIEW_NONE;
    struct id spool;
    struct id spool_again;
    struct buf out;

    if (taken_decode(bytes, &spool, &pairs))
        return;
    check_pairs(pairs);
    buf_init(&out, FUZZ_OUT_MAX);
    FUZZ_MUST(taken_encode(&spool, pairs, &out) == 0);
    FUZZ_MUST(taken_decode(buf_view(&out), &spool_again, &pairs_again) == 0);
    FUZZ_MUST(view_equal(pairs, pairs_again));
    FUZZ_MUST(view_equal(id_view(&spool), id_view(&spool_again)));
    buf_fini(&out);
}

static void share_again(void *arg, const struct share_over *o)
{
    FUZZ_MUST(o->connector.len > 0 && shares_add(arg, o) == 0);
}

/* SHARES: what is read can be told again. */
static void check_shares(struct view bytes)
{
    struct buf out;

    buf_init(&out, FUZZ_OUT_MAX);
    (void)!shares_decode(bytes, share_again, &out); /* what came before the nonsense, too */
    buf_fini(&out);
}

static void refusal_again(void *arg, const struct refusal *r)
{
    FUZZ_MUST(refusals_add(arg, r) == 0);
}

/* What a heartbeat tells of refusals: at most so many rows, each can be told again. */
static void check_refusals(struct view bytes)
{
    struct buf out;

    buf_init(&out, FUZZ_OUT_MAX);
    (void)!refusals_decode(bytes, refusal_again, &out); /* nonsense is none */
    buf_fini(&out);
}

static void check_inner_lists(struct view bytes)
{
    struct hello h;
    struct welcome w;

    if (hello_decode(bytes, &h) == 0) {
        check_pairs(h.held);
        FUZZ_MUST(!h.lives.ptr || h.lives.ptr >= bytes.ptr);
    }
    if (welcome_decode(bytes, &w) == 0)
        check_pairs(w.taken);
}

static void check_going(struct view bytes)
{
    struct buf out;
    bool counts = going_counts(bytes);

    buf_init(&out, 64);
    FUZZ_MUST(going_encode(counts, &out) == 0);
    FUZZ_MUST(going_counts(buf_view(&out)) == counts);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct view v = view_make(bytes, len);

    check_hello(v);
    check_welcome(v);
    check_heartbeat(v);
    check_heartbeat_answer(v);
    check_spool_rotate(v);
    check_spool_refused(v);
    check_shares(v);
    check_refusals(v);
    check_lists(v);
    check_inner_lists(v);
    check_going(v);
    check_pairs(v);
    return 0;
}
