/* The list of refusals in a heartbeat: golden bytes, and what is no list. */

#include "proto/refusal.h"

#include "base/testing.h"
#include "proto/pack.h"

struct seen {
    size_t n;
    struct refusal last;
};

static void see(void *arg, const struct refusal *r)
{
    struct seen *s = arg;

    s->n++;
    s->last = *r;
}

static const struct refusal one = {
    .side = REFUSAL_CONNECTOR,
    .name = {"wa",       2},
    .status = 422,
    .code = {"required", 8},
    .verified = true,
    .n = 3,
    .since_ms = 1,
    .last_ms = 2
};

static void its_bytes_do_not_change(void **state)
{
    static const char golden[] = "\x91\x88\xa4side\x02\xa4name\xa2wa\xa6status\xcd\x01\xa6"
                                 "\xa4"
                                 "code\xa8required\xa8verified\xc3\xa1n\x03\xa8since_ms\x01"
                                 "\xa7last_ms\x02";
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(refusals_begin(&out, 1), 0);
    assert_int_equal(refusals_add(&out, &one), 0);
    assert_true(view_equal(buf_view(&out), view_make(golden, sizeof(golden) - 1)));
    buf_fini(&out);
}

static void a_list_is_read_up_to_its_limit(void **state)
{
    struct seen s = {0};
    struct buf out;

    (void)state;
    buf_init(&out, 65536);
    assert_int_equal(refusals_begin(&out, REFUSAL_ROWS + 5), 0);
    for (size_t i = 0; i < REFUSAL_ROWS + 5; i++)
        assert_int_equal(refusals_add(&out, &one), 0);
    assert_int_equal(refusals_decode(buf_view(&out), see, &s), 0);
    assert_int_equal(s.n, REFUSAL_ROWS);
    assert_true(view_is(s.last.name, "wa") && s.last.status == 422 && s.last.verified);
    assert_null(s.last.field.ptr);
    buf_fini(&out);
}

static void what_is_no_row_is_left_out(void **state)
{
    struct seen s = {0};

    (void)state;
    assert_int_equal(refusals_decode(VIEW_LIT("\x80"), see, &s), PACK_E_MALFORMED);
    assert_int_equal(refusals_decode(VIEW_LIT("\x92\x01\xa1x"), see, &s), 0);
    assert_int_equal(refusals_decode(VIEW_LIT("\x91\x81\xa1n\xa1x"), see, &s), 0);
    assert_int_equal(s.n, 0);
    assert_true(refusals_decode(VIEW_LIT("\x92\x01"), see, &s) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_bytes_do_not_change),
        cmocka_unit_test(a_list_is_read_up_to_its_limit),
        cmocka_unit_test(what_is_no_row_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
