#include "proto/event.h"

#include <assert.h>

#include "base/testing.h"
#include "proto/content_testing.h"
#include "proto/pack.h"

/* Every member of the struct by name; content has its own lists. */
/* clang-format 14 packs these rows differently at each run */
/* clang-format off */
#define EVENT_TEXTS(X)                                                                         \
    X(scope) X(connector) X(source) X(chat_id) X(chat_client_id) X(conversation)               \
    X(sender_id) X(sender_name) X(sender_phone) X(sender_email) X(sender_avatar)               \
    X(sender_link)                                                                             \
    X(receiver_id) X(receiver_client_id) X(receiver_name) X(receiver_phone) X(receiver_email)  \
    X(message_id) X(raw_type) X(author) X(post_id) X(status) X(error_code) X(error_text)       \
    X(message_client_id) X(emoji) X(raw) X(reason) X(dedup) X(webhook_id)
#define EVENT_NUMBERS(X) X(kind) X(taken_ms) X(sent_ms) X(expires_ms) X(replay)
#define EVENT_FLAGS(X)   X(write_first) X(silent) X(outgoing) X(deleted) X(unset)
/* clang-format on */

#define ONE(member) +1
enum {
    N_EVENT_TEXTS = 0 EVENT_TEXTS(ONE),
    N_EVENT_NUMBERS = 0 EVENT_NUMBERS(ONE),
    N_EVENT_FLAGS = 0 EVENT_FLAGS(ONE),
};
/* with the trace, and four words that flags stand in */
static_assert(sizeof(struct event) == N_EVENT_TEXTS * sizeof(struct view) +
                                          N_EVENT_NUMBERS * sizeof(uint64_t) +
                                          sizeof(struct content) + sizeof(struct id) + 32,
              "the lists name every member of struct event");

/* A value of its own for each member: so many characters of this, or so much. */
static const char letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-+/=";

enum {
#define NUMBER(member) NUMBER_##member,
    NUMBER_NONE,
    EVENT_NUMBERS(NUMBER) CONTENT_NUMBERS(NUMBER)
#undef NUMBER
};

static void every_field_of_an_event_comes_back_as_it_went(void **state)
{
    struct event e = {.trace = {{7}}};
    struct event back;
    struct buf bytes;
    size_t n = 0;

    (void)state;
#define FILL(member) e.member = view_make(letters, ++n);
    EVENT_TEXTS(FILL)
#undef FILL
#define FILL(member) e.content.member = view_make(letters, ++n);
    CONTENT_TEXTS(FILL)
#undef FILL
    assert_true(n < sizeof(letters));
#define FILL(member) e.member = NUMBER_##member;
    EVENT_NUMBERS(FILL)
#undef FILL
#define FILL(member) e.content.member = NUMBER_##member;
    CONTENT_NUMBERS(FILL)
#undef FILL
#define FILL(member) e.member = true;
    EVENT_FLAGS(FILL)
#undef FILL
    buf_init(&bytes, 16384);
    assert_int_equal(event_encode(&e, &bytes), 0);
    assert_int_equal((unsigned char)bytes.ptr[0], 0xde);
    assert_int_equal((unsigned char)bytes.ptr[2], N_EVENT_TEXTS + N_EVENT_NUMBERS +
                                                      N_EVENT_FLAGS + 1 + CONTENT_N_TEXTS +
                                                      CONTENT_N_NUMBERS);
    assert_int_equal(event_decode(buf_view(&bytes), &back), 0);
#define SAME(member) assert_true(view_equal(back.member, e.member));
    EVENT_TEXTS(SAME)
#undef SAME
#define SAME(member) assert_true(view_equal(back.content.member, e.content.member));
    CONTENT_TEXTS(SAME)
#undef SAME
#define SAME(member) assert_true(back.member == e.member);
    EVENT_NUMBERS(SAME)
    EVENT_FLAGS(SAME)
#undef SAME
#define SAME(member) assert_true(back.content.member == e.content.member);
    CONTENT_NUMBERS(SAME)
#undef SAME
    assert_true(id_equal(&back.trace, &e.trace));
    buf_fini(&bytes);
}

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
        .content.type = VIEW_LIT("text"),
        .content.text = VIEW_LIT(""),
        .content.media_size = 48210,
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
    assert_true(back.write_first && !back.silent && back.content.media_size == 48210);
    assert_true(view_equal(back.receiver_phone, e.receiver_phone));
    assert_true(back.content.text.ptr && back.content.text.len == 0); /* empty is not absent */
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
        .content.text = VIEW_LIT("hi"),
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
    assert_int_equal(event_decode(VIEW_LIT("\x81\xa4kind\x0b"), &back), PACK_E_MALFORMED);
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
    assert_string_equal(event_kind_name(EVENT_SERVICE_TYPING), "service.typing");
    assert_string_equal(event_kind_name(EVENT_DOOR_TEST), "door.test");
    assert_string_equal(event_kind_name(0), "unknown");
    assert_string_equal(event_kind_name(77), "unknown");
}

static int encode_case(void *arg)
{
    const struct event e = {.kind = 1, .content.text = VIEW_LIT("x")};
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
        cmocka_unit_test(every_field_of_an_event_comes_back_as_it_went),
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
