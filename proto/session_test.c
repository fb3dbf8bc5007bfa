#include "proto/session.h"

#include <stdio.h>
#include <string.h>

#include "base/testing.h"
#include "proto/messages.h"

static void a_hello_comes_back_as_it_went(void **state)
{
    const struct hello h = {
        .role = ROLE_EGRESS,
        .name = VIEW_LIT("egress-2"),
        .version = VIEW_LIT("0.1.0"),
        .registry_version = 9,
        .spool = {{5}},
        .low = 3,
        .next = UINT64_MAX,
        .known = 77,
        .credit = 128,
        .credit_bytes = 8 << 20,
        .held = VIEW_LIT("0123456789abcdef"),
        .session = 4,
        .mono_ms = 123456,
    };
    struct hello back;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(hello_encode(&h, &out), 0);
    assert_int_equal(hello_decode(buf_view(&out), &back), 0);
    assert_true(back.role == ROLE_EGRESS && back.registry_version == 9 && back.low == 3);
    assert_true(back.next == UINT64_MAX && back.credit == 128 && back.credit_bytes == 8 << 20);
    assert_true(view_equal(back.name, h.name) && view_equal(back.held, h.held));
    assert_true(id_equal(&back.spool, &h.spool));
    assert_true(back.session == 4 && back.mono_ms == 123456);
    buf_fini(&out);
}

static void a_welcome_comes_back_as_it_went(void **state)
{
    const struct welcome w = {
        .credit = 512,
        .credit_bytes = 1 << 20,
        .spool = {{6}},
        .mark = 77,
        .taken = VIEW_LIT("0123456789abcdef"),
        .registry = VIEW_LIT("\x80"),
        .lease_ms = 20000,
        .echo_ms = 123456,
        .core_ms = 77,
    };
    struct welcome back;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(welcome_encode(&w, &out), 0);
    assert_int_equal(welcome_decode(buf_view(&out), &back), 0);
    assert_true(back.credit == 512 && back.mark == 77 && back.lease_ms == 20000);
    assert_true(view_equal(back.registry, w.registry) && view_equal(back.taken, w.taken));
    assert_true(back.echo_ms == 123456 && back.core_ms == 77);
    buf_fini(&out);
}

static void no_registry_is_told_from_an_empty_one(void **state)
{
    struct welcome back;

    (void)state;
    assert_int_equal(welcome_decode(VIEW_LIT("\x80"), &back), 0);
    assert_null(back.registry.ptr);
    assert_int_equal(back.lease_ms, 0);
}

static void a_heartbeat_comes_back_as_it_went(void **state)
{
    const struct heartbeat h = {.registry_version = 1,
                                .credit = 2,
                                .credit_bytes = 3,
                                .spool_events = 4,
                                .spool_bytes = 5,
                                .low = 6,
                                .busy = 7,
                                .mono_ms = 8,
                                .leaving = 1,
                                .spool_max = 9,
                                .disk_free = 10,
                                .disk_size = 11,
                                .closed = 1,
                                .state = VIEW_LIT("disk full\n"),
                                .closed_from_ms = 12,
                                .closed_to_ms = 13,
                                .closed_why = VIEW_LIT("disk full")};
    const struct heartbeat_answer a = {.echo_ms = 7, .core_ms = 8};
    struct heartbeat_answer answer;
    struct heartbeat back;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(heartbeat_encode(&h, &out), 0);
    assert_int_equal(heartbeat_decode(buf_view(&out), &back), 0);
    assert_true(view_equal(back.state, h.state) && view_equal(back.closed_why, h.closed_why));
    back.state = h.state;
    back.closed_why = h.closed_why;
    assert_memory_equal(&back, &h, sizeof(h));
    buf_reset(&out);
    assert_int_equal(heartbeat_answer_encode(&a, &out), 0);
    assert_int_equal(heartbeat_answer_decode(buf_view(&out), &answer), 0);
    assert_memory_equal(&answer, &a, sizeof(a));
    /* a core of before says nothing */
    assert_int_equal(heartbeat_answer_decode(VIEW_LIT("\x80"), &answer), 0);
    assert_true(answer.echo_ms == 0 && answer.core_ms == 0);
    buf_fini(&out);
}

static void a_turn_of_the_spool_comes_back_as_it_went(void **state)
{
    const struct spool_rotate t = {.number = UINT64_MAX, .kept = 3};
    struct spool_rotate back;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(spool_rotate_encode(&t, &out), 0);
    assert_int_equal(spool_rotate_decode(buf_view(&out), &back), 0);
    assert_memory_equal(&back, &t, sizeof(t));
    assert_int_equal(spool_rotate_decode(VIEW_LIT("\x90"), &back), PACK_E_MALFORMED);
    buf_fini(&out);
}

static void pairs_are_read_back_and_a_torn_end_is_not_counted(void **state)
{
    uint64_t a = 0;
    uint64_t b = 0;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(pairs_add(&out, 1, UINT64_MAX), 0);
    assert_int_equal(pairs_add(&out, UINT64_C(0x0102030405060708), 2), 0);
    assert_memory_equal(out.ptr + 16, "\1\2\3\4\5\6\7\10\0\0\0\0\0\0\0\2", 16);
    assert_int_equal(pairs_count(buf_view(&out)), 2);
    assert_int_equal(pairs_count(view_make(out.ptr, 31)), 1);
    assert_int_equal(pairs_count(VIEW_NONE), 0);
    pairs_at(buf_view(&out), 1, &a, &b);
    assert_true(a == UINT64_C(0x0102030405060708) && b == 2);
    pairs_at(buf_view(&out), 0, &a, &b);
    assert_true(a == 1 && b == UINT64_MAX);
    buf_fini(&out);
}

static void taken_comes_back_as_it_went(void **state)
{
    const struct id spool = {{9}};
    struct id back;
    struct view pairs;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(taken_encode(&spool, VIEW_LIT("0123456789abcdef"), &out), 0);
    assert_int_equal(taken_decode(buf_view(&out), &back, &pairs), 0);
    assert_true(id_equal(&back, &spool) && pairs.len == 16);
    buf_reset(&out);
    assert_int_equal(taken_encode(NULL, VIEW_LIT(""), &out), 0);
    assert_int_equal(taken_decode(buf_view(&out), &back, &pairs), 0);
    assert_true(id_is_zero(&back) && pairs.len == 0);
    buf_fini(&out);
}

static void events_are_pushed_with_their_numbers(void **state)
{
    const struct id spool = {{4}};
    const msgpack_object *items = NULL;
    struct pack_doc d;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(event_push_begin(&out, &spool, 7, 2), 0);
    assert_int_equal(event_push_add(&out, 8, VIEW_LIT("one"), 0), 0);
    assert_int_equal(event_push_add(&out, 9, VIEW_LIT("two"), 1), 0);
    assert_int_equal(pack_doc_open(&d, buf_view(&out)), 0);
    assert_int_equal(pack_u64(pack_get(pack_doc_root(&d), "low")), 7);
    assert_int_equal(pack_array(pack_doc_root(&d), "events", &items), 2);
    assert_int_equal(items[1].via.array.size, 3);
    assert_int_equal(pack_u64(&items[1].via.array.ptr[0]), 9);
    assert_true(view_is(pack_text(&items[1].via.array.ptr[1]), "two"));
    assert_true(pack_bool(&items[1].via.array.ptr[2]));
    assert_false(pack_bool(&items[0].via.array.ptr[2]));
    pack_doc_close(&d);
    buf_fini(&out);
}

static void nonsense_is_malformed_and_unknown_keys_are_not(void **state)
{
    /* "\x63" is 'c': written so, the escape before it ends where it should */
    static const char *const wrong[] = {
        "",
        "\xc1",
        "\x90",
        "\x81\xa4role\xa1x",
        "\x81\xa6\x63redit\xa1x",
        "\x81\xa5pairs\x01",
        "\x81\xa5taken\x01",
    };
    struct hello h;
    struct welcome w;
    struct heartbeat hb;
    struct id id;
    struct view pairs;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(hello_decode(view_of(wrong[i]), &h), PACK_E_MALFORMED);
        assert_int_equal(welcome_decode(view_of(wrong[i]), &w), PACK_E_MALFORMED);
        assert_int_equal(heartbeat_decode(view_of(wrong[i]), &hb), PACK_E_MALFORMED);
        assert_int_equal(taken_decode(view_of(wrong[i]), &id, &pairs), PACK_E_MALFORMED);
    }
    assert_int_equal(hello_decode(view_of(wrong[3]), &h), PACK_E_MALFORMED);
    assert_int_equal(heartbeat_decode(view_of(wrong[4]), &hb), PACK_E_MALFORMED);
    assert_int_equal(taken_decode(view_of(wrong[5]), &id, &pairs), PACK_E_MALFORMED);
    assert_int_equal(welcome_decode(view_of(wrong[6]), &w), PACK_E_MALFORMED);
    assert_int_equal(hello_decode(VIEW_LIT("\x81\xa5later\xc3"), &h), 0);
    assert_int_equal(heartbeat_decode(VIEW_LIT("\x81\xa5later\xc3"), &hb), 0);
}

static void share_seen(void *arg, const struct share_over *o)
{
    char *text = arg;
    size_t n = strlen(text);

    (void)snprintf(text + n, 100 - n, "%.*s %.*s %.*s %d %d;", (int)o->connector.len,
                   o->connector.ptr, (int)o->scope.len, o->scope.len ? o->scope.ptr : "",
                   (int)o->share.len, o->share.ptr, o->reports, (int)o->retry_s);
}

static void shares_come_back_as_they_went(void **state)
{
    const struct share_over all = {
        .connector = VIEW_LIT("svc"), .share = VIEW_LIT("queue"), .retry_s = 90};
    const struct share_over some = {.connector = VIEW_LIT("two"),
                                    .share = VIEW_LIT("reports"),
                                    .reports = true,
                                    .retry_s = 600};
    const struct share_over one = {.connector = VIEW_LIT("two"),
                                   .scope = VIEW_LIT("ch_acc"),
                                   .share = VIEW_LIT("queue"),
                                   .retry_s = 60};
    char text[100] = "";
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(shares_begin(&out, 2, true), 0);
    assert_int_equal(shares_add(&out, &all), 0);
    assert_int_equal(shares_add(&out, &some), 0);
    assert_int_equal(shares_accounts(&out, 1), 0);
    assert_int_equal(shares_add(&out, &one), 0);
    assert_int_equal(shares_decode(buf_view(&out), share_seen, text), 0);
    assert_string_equal(text, "svc  queue 0 90;two  reports 1 600;two ch_acc queue 0 60;");
    text[0] = '\0';
    assert_int_equal(shares_decode(view_make(out.ptr, out.len - 1), share_seen, text),
                     PACK_E_MALFORMED);
    /* rows that are none, and a list that is none */
    assert_int_equal(shares_decode(VIEW_LIT("\x81\xa4over\x92\x01\x91\xa1x"), share_seen, text),
                     0);
    assert_int_equal(shares_decode(VIEW_LIT("\x81\xa4over\xa1x"), share_seen, text), 0);
    assert_int_equal(shares_decode(VIEW_LIT("\x81\xa8"
                                            "accounts\x91\x94\xa1x\xc0\xa1y\x01"),
                                   share_seen, text),
                     0); /* for no account */
    assert_string_equal(text, "");
    buf_fini(&out);
}

static int encode_each(void *arg)
{
    const struct hello h = {.role = 1, .name = VIEW_LIT("x")};
    const struct welcome w = {.credit = 1};
    const struct id spool = {{1}};
    struct buf out;
    int rc = 0;

    (void)arg;
    buf_init(&out, 4096);
    rc = hello_encode(&h, &out);
    buf_fini(&out);
    rc = rc ? rc : welcome_encode(&w, &out);
    buf_fini(&out);
    rc = rc ? rc : event_push_begin(&out, &spool, 1, 1);
    rc = rc ? rc : event_push_add(&out, 1, VIEW_LIT("event"), 0);
    buf_fini(&out);
    rc = rc ? rc : pairs_add(&out, 1, 2);
    buf_fini(&out);
    return rc;
}

static void encoding_without_memory_says_so(void **state)
{
    (void)state;
    testing_fail_each_allocation(encode_each, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_comes_back_as_it_went),
        cmocka_unit_test(a_welcome_comes_back_as_it_went),
        cmocka_unit_test(no_registry_is_told_from_an_empty_one),
        cmocka_unit_test(a_heartbeat_comes_back_as_it_went),
        cmocka_unit_test(a_turn_of_the_spool_comes_back_as_it_went),
        cmocka_unit_test(pairs_are_read_back_and_a_torn_end_is_not_counted),
        cmocka_unit_test(taken_comes_back_as_it_went),
        cmocka_unit_test(events_are_pushed_with_their_numbers),
        cmocka_unit_test(shares_come_back_as_they_went),
        cmocka_unit_test(nonsense_is_malformed_and_unknown_keys_are_not),
        cmocka_unit_test(encoding_without_memory_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
