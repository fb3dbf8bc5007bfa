#include "ingress/spool/record.h"

#include "base/testing.h"
#include "ingress/spool/crc32c.h"

static void put(struct buf *out, uint64_t number, struct view aux, struct view body)
{
    struct record r = {.number = number, .low = 3, .batch = 5, .aux = aux, .body = body};

    assert_int_equal(record_put(&r, out), 0);
}

static void the_check_sum_is_crc32c(void **state)
{
    uint32_t parts = 0;

    (void)state;
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc32c(0, "", 0), 0);
    parts = crc32c(0, "1234", 4);
    assert_int_equal(crc32c(parts, "56789", 5), 0xe3069283);
}

static void a_record_comes_back_as_it_was_put(void **state)
{
    struct record r;
    struct buf b;
    size_t len = 0;

    (void)state;
    buf_init(&b, 4096);
    put(&b, 7, VIEW_LIT("aux"), VIEW_LIT("the body"));
    put(&b, 8, VIEW_NONE, VIEW_NONE);
    assert_int_equal(b.len, record_len(3, 8) + record_len(0, 0));
    assert_int_equal(record_parse(buf_view(&b), &r, &len), 0);
    assert_int_equal(len, record_len(3, 8));
    assert_int_equal(len % 8, 0);
    assert_int_equal(r.number, 7);
    assert_int_equal(r.low, 3);
    assert_int_equal(r.batch, 5);
    assert_true(view_is(r.aux, "aux"));
    assert_true(view_is(r.body, "the body"));
    assert_int_equal(record_parse(view_make(b.ptr + len, b.len - len), &r, &len), 0);
    assert_int_equal(r.number, 8);
    assert_int_equal(r.body.len, 0);
    buf_fini(&b);
}

static void a_cut_record_wants_more_and_never_passes(void **state)
{
    struct record r;
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    put(&b, 1, VIEW_LIT("a"), VIEW_LIT("some body"));
    for (size_t n = 1; n < b.len; n++) {
        size_t len = 0;

        assert_int_equal(record_parse(view_make(b.ptr, n), &r, &len), RECORD_E_MORE);
        assert_true(len > n && len <= b.len);
    }
    buf_fini(&b);
}

static void one_changed_bit_anywhere_is_seen(void **state)
{
    struct record r;
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    put(&b, 1, VIEW_LIT("a"), VIEW_LIT("some body"));
    for (size_t i = 0; i < b.len * 8; i++) {
        size_t len = 0;
        int rc = 0;

        b.ptr[i / 8] = (char)(b.ptr[i / 8] ^ (1 << (i % 8)));
        rc = record_parse(buf_view(&b), &r, &len);
        assert_true(rc == RECORD_E_BAD || rc == RECORD_E_MORE);
        b.ptr[i / 8] = (char)(b.ptr[i / 8] ^ (1 << (i % 8)));
    }
    buf_fini(&b);
}

static void zeros_are_the_end(void **state)
{
    static const char zeros[100];
    struct record r;
    size_t len = 0;

    (void)state;
    assert_int_equal(record_parse(view_make(zeros, 0), &r, &len), RECORD_E_END);
    assert_int_equal(record_parse(view_make(zeros, 5), &r, &len), RECORD_E_END);
    assert_int_equal(record_parse(view_make(zeros, sizeof(zeros)), &r, &len), RECORD_E_END);
}

static void what_is_too_long_is_not_put(void **state)
{
    struct record r = {
        .aux = {"", RECORD_AUX_MAX + 1}
    };
    struct buf b;

    (void)state;
    buf_init(&b, 64);
    assert_int_equal(record_put(&r, &b), -EMSGSIZE);
    r = (struct record){
        .body = {"", RECORD_MAX + 1}
    };
    assert_int_equal(record_put(&r, &b), -EMSGSIZE);
    r = (struct record){.body =
                            VIEW_LIT("a body that does not fit into the small buffer above")};
    assert_int_equal(record_put(&r, &b), -ENOSPC);
    assert_int_equal(b.len, 0);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_check_sum_is_crc32c),
        cmocka_unit_test(a_record_comes_back_as_it_was_put),
        cmocka_unit_test(a_cut_record_wants_more_and_never_passes),
        cmocka_unit_test(one_changed_bit_anywhere_is_seen),
        cmocka_unit_test(zeros_are_the_end),
        cmocka_unit_test(what_is_too_long_is_not_put),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
