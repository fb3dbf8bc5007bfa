#include "proto/query.h"

#include "base/testing.h"

static void a_question_comes_back_as_it_went(void **state)
{
    const struct query q = {
        .number = 7, .connector = VIEW_LIT("wa"), .message_id = VIEW_LIT("wa1-1")};
    struct query back;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(query_encode(&q, &out), 0);
    assert_int_equal(query_decode(buf_view(&out), &back), 0);
    assert_true(back.number == 7 && view_equal(back.connector, q.connector) &&
                view_equal(back.message_id, q.message_id));
    buf_fini(&out);
}

static void an_answer_comes_back_as_it_went(void **state)
{
    const struct answer a = {.number = UINT64_MAX,
                             .found = true,
                             .mid = VIEW_LIT("wa-wa1-1"),
                             .direction = VIEW_LIT("in"),
                             .state = VIEW_LIT("failed"),
                             .reason = VIEW_LIT("refused"),
                             .words = VIEW_LIT("text: cannot be blank"),
                             .amo_id = VIEW_LIT("a"),
                             .service_id = VIEW_LIT("wa1-1"),
                             .taken_ms = 1,
                             .settled_ms = 2,
                             .reported = VIEW_LIT("read"),
                             .reported_ms = 3};
    struct answer back;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(answer_encode(&a, &out), 0);
    assert_int_equal(answer_decode(buf_view(&out), &back), 0);
    assert_true(back.number == a.number && back.found && back.taken_ms == 1 &&
                back.settled_ms == 2 && back.reported_ms == 3);
    assert_true(view_equal(back.mid, a.mid) && view_equal(back.direction, a.direction) &&
                view_equal(back.state, a.state) && view_equal(back.reason, a.reason) &&
                view_equal(back.words, a.words) && view_equal(back.amo_id, a.amo_id) &&
                view_equal(back.service_id, a.service_id) &&
                view_equal(back.reported, a.reported));
    buf_fini(&out);
}

static void a_replay_keeps_every_byte(void **state)
{
    const struct replay r = {
        .number = 3, .scope = VIEW_LIT("c_a"), .raw = VIEW_LIT("{\"broken\0\xff")};
    struct replay back;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(replay_encode(&r, &out), 0);
    assert_int_equal(replay_decode(buf_view(&out), &back), 0);
    assert_true(back.number == 3 && view_equal(back.scope, r.scope) &&
                view_equal(back.raw, r.raw));
    buf_fini(&out);
}

static void a_hint_is_an_event_and_nothing_else(void **state)
{
    struct view event = VIEW_NONE;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(ephemeral_encode(VIEW_LIT("\x80"), &out), 0);
    assert_int_equal(ephemeral_decode(buf_view(&out), &event), 0);
    assert_true(view_is(event, "\x80"));
    assert_int_equal(ephemeral_decode(VIEW_LIT("no map"), &event), PACK_E_MALFORMED);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_comes_back_as_it_went),
        cmocka_unit_test(an_answer_comes_back_as_it_went),
        cmocka_unit_test(a_replay_keeps_every_byte),
        cmocka_unit_test(a_hint_is_an_event_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
