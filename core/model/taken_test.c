#include "core/model/taken.h"

#include "base/crypto.h"
#include "base/testing.h"

static void add_all(struct taken_set *t, uint64_t low, uint64_t high)
{
    for (uint64_t n = low; n <= high; n++)
        assert_int_equal(taken_add(t, n), 0);
}

static void fresh_set_has_nothing_but_what_was_never_given(void **state)
{
    static struct taken_set t;

    (void)state;
    taken_init(&t);
    assert_true(taken_has(&t, 0));
    assert_false(taken_has(&t, 1));
    assert_int_equal(t.mark, 0);
}

static void neighbours_grow_into_one_range(void **state)
{
    static struct taken_set t;

    (void)state;
    taken_init(&t);
    add_all(&t, 5, 9);
    add_all(&t, 1, 3);
    assert_int_equal(t.n_ranges, 2);
    assert_false(taken_has(&t, 4));
    add_all(&t, 4, 4); /* closes the gap */
    assert_int_equal(t.n_ranges, 1);
    assert_int_equal(t.ranges[0].low, 1);
    assert_int_equal(t.ranges[0].high, 9);
    assert_int_equal(t.mark, 9);
}

static void range_grows_at_its_lower_end(void **state)
{
    static struct taken_set t;

    (void)state;
    taken_init(&t);
    add_all(&t, 10, 10);
    add_all(&t, 9, 9);
    assert_int_equal(t.n_ranges, 1);
    assert_int_equal(t.ranges[0].low, 9);
    assert_int_equal(t.mark, 10);
}

static void taking_twice_is_harmless(void **state)
{
    static struct taken_set t;

    (void)state;
    taken_init(&t);
    add_all(&t, 3, 3);
    add_all(&t, 3, 3);
    assert_int_equal(t.n_ranges, 1);
    assert_int_equal(t.mark, 3);
}

static void raising_low_forgets_ranges_and_keeps_the_answers(void **state)
{
    static struct taken_set t;

    (void)state;
    taken_init(&t);
    add_all(&t, 2, 3);
    add_all(&t, 6, 9);
    taken_raise_low(&t, 8);
    assert_int_equal(t.n_ranges, 1);
    assert_int_equal(t.ranges[0].low, 8);
    assert_true(taken_has(&t, 1)); /* below low: taken or never given */
    assert_true(taken_has(&t, 9));
    assert_false(taken_has(&t, 10));
    taken_raise_low(&t, 4); /* never falls */
    assert_int_equal(t.low, 8);
    taken_raise_low(&t, 100);
    assert_int_equal(t.n_ranges, 0);
    assert_int_equal(t.mark, 9); /* what was taken last stays known */
}

static void a_spool_gives_up_no_number_that_core_never_saw(void **state)
{
    static struct taken_set t;

    (void)state;
    taken_init(&t);
    add_all(&t, 2, 3);
    taken_heed_low(&t, 3); /* 1 was given up: it is no gap any more */
    assert_int_equal(taken_first_gap(&t), 4);
    taken_heed_low(&t, 103);
    assert_int_equal(t.low, 4);
    assert_false(taken_has(&t, 4));
    assert_false(taken_has(&t, 102));
    taken_heed_low(&t, UINT64_MAX);
    assert_false(taken_has(&t, 4));
    add_all(&t, 4, 4);
    taken_heed_low(&t, 2); /* never falls */
    assert_int_equal(t.low, 4);
    assert_int_equal(taken_first_gap(&t), 5);
}

static void the_first_gap_is_found_from_anywhere(void **state)
{
    static struct taken_set t;

    (void)state;
    taken_init(&t);
    assert_int_equal(taken_gap_from(&t, 0), 1);
    assert_int_equal(taken_gap_from(&t, 9), 9);
    add_all(&t, 2, 3);
    add_all(&t, 6, 9);
    assert_int_equal(taken_first_gap(&t), 1);
    assert_int_equal(taken_gap_from(&t, 2), 4);
    assert_int_equal(taken_gap_from(&t, 4), 4);
    assert_int_equal(taken_gap_from(&t, 7), 10);
    assert_int_equal(taken_gap_from(&t, 30), 30);
    taken_raise_low(&t, 6);
    assert_int_equal(taken_first_gap(&t), 10);
    assert_int_equal(taken_gap_from(&t, 2), 10);
}

static void too_many_gaps_are_refused_without_harm(void **state)
{
    static struct taken_set t;
    uint64_t n = 0;

    (void)state;
    taken_init(&t);
    for (size_t i = 0; i < TAKEN_RANGES_MAX; i++) {
        n = 2 * (i + 1);
        assert_int_equal(taken_add(&t, n), 0);
    }
    assert_int_equal(taken_add(&t, n + 2), -ENOSPC);
    assert_false(taken_has(&t, n + 2));
    assert_int_equal(t.mark, n);
    assert_int_equal(taken_add(&t, n + 1), 0); /* an end still grows */
    assert_int_equal(taken_add(&t, 3), 0);     /* closing a gap makes room */
    assert_int_equal(taken_add(&t, n + 3), 0);
}

static void ranges_come_back_from_their_bytes(void **state)
{
    static struct taken_set t;
    static struct taken_set back;
    struct buf bytes;

    (void)state;
    taken_init(&t);
    add_all(&t, 2, 3);
    add_all(&t, 7, 7);
    buf_init(&bytes, 1 << 16);
    assert_int_equal(taken_encode_ranges(&t, &bytes), 0);
    taken_init(&back);
    assert_int_equal(taken_decode_ranges(&back, buf_view(&bytes)), 0);
    assert_int_equal(back.n_ranges, 2);
    assert_true(taken_has(&back, 3));
    assert_false(taken_has(&back, 6));
    buf_fini(&bytes);
}

static void unsorted_or_too_many_ranges_are_refused(void **state)
{
    static struct taken_set t;
    struct buf bytes;

    (void)state;
    buf_init(&bytes, 1 << 20);
    taken_init(&t);
    assert_int_equal(pairs_add(&bytes, 7, 9), 0);
    assert_int_equal(pairs_add(&bytes, 9, 12), 0);
    assert_int_equal(taken_decode_ranges(&t, buf_view(&bytes)), -EINVAL);
    buf_reset(&bytes);
    assert_int_equal(pairs_add(&bytes, 9, 7), 0);
    assert_int_equal(taken_decode_ranges(&t, buf_view(&bytes)), -EINVAL);
    buf_reset(&bytes);
    for (uint64_t i = 0; i <= TAKEN_RANGES_MAX; i++)
        assert_int_equal(pairs_add(&bytes, 2 * i, 2 * i), 0);
    assert_int_equal(taken_decode_ranges(&t, buf_view(&bytes)), -EINVAL);
    buf_fini(&bytes);
}

#define MODEL 600U

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 8;
}

static void assert_like_model(const struct taken_set *t, const bool *model, uint64_t low)
{
    for (uint64_t n = 0; n < MODEL; n++)
        assert_int_equal(taken_has(t, n), n < low || model[n]);
    for (size_t i = 0; i < t->n_ranges; i++) {
        assert_true(t->ranges[i].low <= t->ranges[i].high);
        assert_true(t->ranges[i].low >= t->low);
        if (i) /* apart, or they would be one */
            assert_true(t->ranges[i - 1].high + 1 < t->ranges[i].low);
    }
}

static void random_takes_agree_with_a_bitmap(void **state)
{
    static struct taken_set t;
    uint32_t seed = 0;

    (void)state;
    assert_int_equal(crypto_random(&seed, sizeof(seed)), 0);
    print_message("seed %u\n", seed);
    for (int round = 0; round < 40; round++) {
        bool model[MODEL] = {false};
        uint64_t low = 1;
        uint64_t mark = 0;

        taken_init(&t);
        for (int step = 0; step < 400; step++) {
            uint64_t n = low + next_random(&seed) % (MODEL - low);

            if (next_random(&seed) % 20 == 0 && n < low + 60) {
                taken_raise_low(&t, n);
                low = n;
            } else {
                mark = n > mark && !model[n] && n >= low ? n : mark;
                model[n] = true;
                assert_int_equal(taken_add(&t, n), 0);
            }
            if (step % 20 == 0)
                assert_like_model(&t, model, low);
        }
        assert_like_model(&t, model, low);
        assert_int_equal(t.mark, mark);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fresh_set_has_nothing_but_what_was_never_given),
        cmocka_unit_test(neighbours_grow_into_one_range),
        cmocka_unit_test(range_grows_at_its_lower_end),
        cmocka_unit_test(taking_twice_is_harmless),
        cmocka_unit_test(raising_low_forgets_ranges_and_keeps_the_answers),
        cmocka_unit_test(a_spool_gives_up_no_number_that_core_never_saw),
        cmocka_unit_test(the_first_gap_is_found_from_anywhere),
        cmocka_unit_test(too_many_gaps_are_refused_without_harm),
        cmocka_unit_test(ranges_come_back_from_their_bytes),
        cmocka_unit_test(unsorted_or_too_many_ranges_are_refused),
        cmocka_unit_test(random_takes_agree_with_a_bitmap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
