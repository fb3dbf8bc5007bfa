/* What ingresses refused, as core holds it: counts go on over restarts, and have their bounds. */

#include "core/peers/trail.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "core/testing/rig.h"

#define HOUR_MS 3600000

static void hear(struct rig *r, const struct peer *p, const struct refusal *one)
{
    struct buf out;

    buf_init(&out, 65536);
    assert_int_equal(refusals_begin(&out, 1), 0);
    assert_int_equal(refusals_add(&out, one), 0);
    trail_hear(&r->core, p, buf_view(&out));
    buf_fini(&out);
}

static struct refusal of_svc(uint64_t n, int64_t since_ms, int64_t last_ms)
{
    return (struct refusal){.side = REFUSAL_CONNECTOR,
                            .name = VIEW_LIT("svc"),
                            .status = 401,
                            .code = VIEW_LIT("unauthorized"),
                            .n = n,
                            .since_ms = since_ms,
                            .last_ms = last_ms};
}

static uint64_t count(struct rig *r)
{
    struct trail t;
    uint64_t n = 0;

    assert_int_equal(trail_read(&r->core, REFUSAL_CONNECTOR, VIEW_LIT("svc"), &t), 0);
    for (size_t i = 0; i < t.n; i++)
        n += t.rows[i].n;
    mem_free(t.rows);
    return n;
}

static void a_count_goes_on_in_the_next_process(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_unix_ms();
    struct refusal one = of_svc(3, now - 5000, now - 4000);

    hear(r, r->ingress, &one);
    hear(r, r->ingress, &one); /* said again */
    assert_int_equal(count(r), 3);
    one = of_svc(4, now - 5000, now - 3000);
    hear(r, r->ingress, &one);
    assert_int_equal(count(r), 4);
    one = of_svc(1, now - 1000, now - 1000); /* it was started anew */
    hear(r, r->ingress, &one);
    assert_int_equal(count(r), 5);
    one = of_svc(2, now - 1000, now);
    hear(r, r->ingress, &one);
    hear(r, r->ingress, &one);
    assert_int_equal(count(r), 6);
}

static void after_an_hour_a_count_begins_anew(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_unix_ms();
    struct refusal one = of_svc(3, now - 3 * (int64_t)HOUR_MS, now - 2 * (int64_t)HOUR_MS);

    hear(r, r->ingress, &one);
    one = of_svc(1, now, now);
    hear(r, r->ingress, &one);
    assert_int_equal(count(r), 1);
}

static void several_ingresses_are_one_row(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_unix_ms();
    struct peer other = {.name = "other"};
    struct refusal one = of_svc(3, now - 5000, now - 4000);
    struct trail t;

    hear(r, r->ingress, &one);
    one.n = 2;
    one.last_ms = now - 1000;
    one.id = VIEW_LIT("the last");
    hear(r, &other, &one);
    assert_int_equal(trail_read(&r->core, REFUSAL_CHANNEL, VIEW_NONE, &t), 0);
    assert_int_equal(t.n, 1);
    assert_true(t.rows[0].n == 5 && t.rows[0].last_unix_ms == now - 1000);
    assert_string_equal(t.rows[0].id, "the_last");
    mem_free(t.rows);
    assert_int_equal(trail_read(&r->core, REFUSAL_CHANNEL, VIEW_LIT("ch"), &t), 0);
    assert_int_equal(t.n, 0);
    mem_free(t.rows);
}

static void what_is_no_refusal_of_anybody_is_passed_over(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_unix_ms();
    struct refusal bad[] = {of_svc(1, now, now), of_svc(1, now, now), of_svc(1, now, now),
                            of_svc(0, now, now), of_svc(1, now, now)};

    bad[0].side = 3;
    bad[1].name = VIEW_LIT("nobody");
    bad[2].status = 200;
    bad[4].side = REFUSAL_CHANNEL; /* svc is none */
    for (size_t i = 0; i < AMO_COUNT(bad); i++)
        hear(r, r->ingress, &bad[i]);
    assert_int_equal(r->core.peers->trail.n, 0);
    trail_hear(&r->core, r->ingress, VIEW_LIT("nonsense"));
    bad[3].n = 1;
    bad[3].last_ms = now + HOUR_MS; /* nothing is refused in the future */
    hear(r, r->ingress, &bad[3]);
    assert_true(r->core.peers->trail.rows[0].last_unix_ms <= clock_unix_ms());
}

static void an_ingress_has_so_many_rows_and_all_of_them_so_many(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_unix_ms();
    struct peer other = {.name = ""};
    char code[16];

    for (unsigned k = 0; k < 6; k++) {
        (void)snprintf(other.name, sizeof(other.name), "i%u", k); /* fits */
        for (unsigned i = 0; i < TRAIL_OF_INGRESS + 10; i++) {
            struct refusal one = of_svc(1, now, now);

            (void)snprintf(code, sizeof(code), "code%u", i); /* fits */
            one.code = view_of(code);
            hear(r, &other, &one);
        }
        assert_int_equal(r->core.peers->trail.n,
                         k < 4 ? (k + 1) * TRAIL_OF_INGRESS : TRAIL_MAX);
    }
}

static void without_memory_nothing_is_lost_but_that(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_unix_ms();
    struct refusal one = of_svc(1, now, now);
    struct trail t;

    for (uint64_t at = 1; at < 8; at++) {
        struct buf out;

        buf_init(&out, 65536);
        assert_int_equal(refusals_begin(&out, 1), 0);
        assert_int_equal(refusals_add(&out, &one), 0);
        mem_fail_at(at);
        trail_hear(&r->core, r->ingress, buf_view(&out));
        mem_fail_at(0);
        buf_fini(&out);
    }
    hear(r, r->ingress, &one);
    assert_int_equal(count(r), 1);
    mem_fail_at(1);
    assert_int_not_equal(trail_read(&r->core, REFUSAL_CHANNEL, VIEW_NONE, &t), 0);
    mem_fail_at(0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_count_goes_on_in_the_next_process),
        CASE(after_an_hour_a_count_begins_anew),
        CASE(several_ingresses_are_one_row),
        CASE(what_is_no_refusal_of_anybody_is_passed_over),
        CASE(an_ingress_has_so_many_rows_and_all_of_them_so_many),
        CASE(without_memory_nothing_is_lost_but_that),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
