#include "proto/event.h"

#include <string.h>

#include "base/testing.h"
#include "proto/pack.h"

static void event_of_a_managers_message_comes_back_as_it_went(void **state)
{
    const struct event e = {
        .kind = EVENT_AMO_MESSAGE,
        .trace = {{1, 2, 3}},
        .taken_ms = INT64_C(1767225660250),
        .sent_ms = INT64_C(1767225660000),
        .scope = VIEW_LIT("c_a"),
        .source = VIEW_LIT("wa1"),
        .chat_id = VIEW_LIT("chat"),
        .write_first = true,
        .sender_id = VIEW_LIT("manager"),
        .receiver_phone = VIEW_LIT("79005550101"),
        .message_id = VIEW_LIT("m"),
        .type = VIEW_LIT("text"),
        .text = VIEW_LIT(""),
        .media_size = 48210,
    };
    struct event back;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(event_encode(&e, &out), 0);
    assert_int_equal(event_decode(buf_view(&out), &back), 0);
    assert_true(back.kind == e.kind && back.taken_ms == e.taken_ms &&
                back.sent_ms == e.sent_ms);
    assert_true(id_equal(&back.trace, &e.trace));
    assert_true(back.write_first && !back.silent && back.media_size == 48210);
    assert_true(view_equal(back.receiver_phone, e.receiver_phone));
    assert_true(back.text.ptr && back.text.len == 0); /* empty is not absent */
    assert_null(back.chat_client_id.ptr);
    buf_fini(&out);
}

static void a_quarantined_body_keeps_every_byte(void **state)
{
    const struct event e = {
        .kind = EVENT_QUARANTINE,
        .raw = VIEW_LIT("{\"broken\0\xff"),
        .reason = VIEW_LIT("not JSON"),
    };
    struct event back;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(event_encode(&e, &out), 0);
    assert_int_equal(event_decode(buf_view(&out), &back), 0);
    assert_true(view_equal(back.raw, e.raw) && view_equal(back.reason, e.reason));
    buf_fini(&out);
}

static const char golden_event[] = "\x86\xa4kind\x04\xa8taken_ms\xcd\x03\xe8\xa9"
                                   "connector\xa4"
                                   "demo\xac"
                                   "conversation\xab"
                                   "79005550101\xaamessage_id\xa3m-1\xa4text\xa2hi";

static void the_bytes_of_an_event_do_not_change(void **state)
{
    const struct event e = {
        .kind = EVENT_SERVICE_MESSAGE,
        .taken_ms = 1000,
        .connector = VIEW_LIT("demo"),
        .conversation = VIEW_LIT("79005550101"),
        .message_id = VIEW_LIT("m-1"),
        .text = VIEW_LIT("hi"),
    };
    struct event back;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(event_encode(&e, &out), 0);
    assert_int_equal(out.len, sizeof(golden_event) - 1);
    assert_memory_equal(out.ptr, golden_event, out.len);
    assert_int_equal(event_decode(view_make(golden_event, sizeof(golden_event) - 1), &back), 0);
    assert_true(view_is(back.conversation, "79005550101"));
    buf_fini(&out);
}

static void keys_of_a_newer_ingress_are_ignored(void **state)
{
    struct event back;

    (void)state;
    assert_int_equal(event_decode(VIEW_LIT("\x82\xa4kind\x01\xa5later\x92\x01\x02"), &back), 0);
    assert_int_equal(back.kind, EVENT_AMO_MESSAGE);
}

static void what_is_no_event_is_malformed_and_touches_nothing(void **state)
{
    struct event back = {.kind = 99};

    (void)state;
    assert_int_equal(event_decode(VIEW_LIT(""), &back), PACK_E_MALFORMED);
    assert_int_equal(event_decode(VIEW_LIT("\x80"), &back), PACK_E_MALFORMED);
    assert_int_equal(event_decode(VIEW_LIT("\x81\xa4kind\x07"), &back), PACK_E_MALFORMED);
    assert_int_equal(event_decode(VIEW_LIT("\x81\xa4kind\xc2"), &back), PACK_E_MALFORMED);
    assert_int_equal(event_decode(VIEW_LIT("\x82\xa4kind\x01\xa4text\x01"), &back),
                     PACK_E_MALFORMED);
    assert_int_equal(event_decode(VIEW_LIT("\x91\x01"), &back), PACK_E_MALFORMED);
    for (size_t n = 0; n < sizeof(golden_event) - 1; n++)
        assert_int_equal(event_decode(view_make(golden_event, n), &back), PACK_E_MALFORMED);
    assert_int_equal(back.kind, 99);
}

static void kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(event_kind_name(EVENT_AMO_MESSAGE), "amo.message");
    assert_string_equal(event_kind_name(EVENT_QUARANTINE), "quarantine");
    assert_string_equal(event_kind_name(0), "unknown");
    assert_string_equal(event_kind_name(77), "unknown");
}

static int encode_case(void *arg)
{
    const struct event e = {.kind = 1, .text = VIEW_LIT("x")};
    struct buf out;
    int rc = 0;

    (void)arg;
    buf_init(&out, 4096);
    rc = event_encode(&e, &out);
    buf_fini(&out);
    return rc;
}

static void encoding_without_memory_says_so(void **state)
{
    (void)state;
    testing_fail_each_allocation(encode_case, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_of_a_managers_message_comes_back_as_it_went),
        cmocka_unit_test(a_quarantined_body_keeps_every_byte),
        cmocka_unit_test(the_bytes_of_an_event_do_not_change),
        cmocka_unit_test(keys_of_a_newer_ingress_are_ignored),
        cmocka_unit_test(what_is_no_event_is_malformed_and_touches_nothing),
        cmocka_unit_test(kinds_have_names),
        cmocka_unit_test(encoding_without_memory_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
