#include "proto/envelope.h"

#include <string.h>

#include "base/testing.h"
#include "proto/messages.h"

static struct id id_of(unsigned char fill)
{
    struct id id;

    memset(id.bytes, fill, sizeof(id.bytes));
    return id;
}

static struct envelope example(void)
{
    return (struct envelope){
        .version = ENVELOPE_VERSION,
        .kind = MSG_COMMAND_PUSH,
        .edge_boot = id_of(0x11),
        .core_boot = id_of(0x22),
        .unix_ms = INT64_C(1767225660250),
    };
}

/* Version 1 to the byte: changing this needs a new version. */
static const unsigned char golden[] = {
    0x96, 0x01, 0x03, 0xc4, 0x10, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
    0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0xc4, 0x10, 0x22, 0x22, 0x22,
    0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22,
    0xc4, 0x00, 0xcf, 0x00, 0x00, 0x01, 0x9b, 0x76, 0xdb, 0x93, 0x5a,
};

static void the_bytes_of_version_one_do_not_change(void **state)
{
    struct envelope e = example();
    char bytes[ENVELOPE_MAX_LEN];
    size_t len = 0;

    (void)state;
    envelope_encode(&e, bytes, &len);
    assert_int_equal(len, sizeof(golden));
    assert_memory_equal(bytes, golden, len);
}

static void an_envelope_comes_back_as_it_went(void **state)
{
    struct envelope e = example();
    struct envelope back = {0};
    char bytes[ENVELOPE_MAX_LEN];
    size_t len = 0;

    (void)state;
    e.trace = id_of(0x33);
    e.unix_ms = -1;
    envelope_encode(&e, bytes, &len);
    assert_int_equal(envelope_decode(view_make(bytes, len), &back), 0);
    assert_int_equal(back.version, e.version);
    assert_int_equal(back.kind, e.kind);
    assert_true(id_equal(&back.edge_boot, &e.edge_boot));
    assert_true(id_equal(&back.core_boot, &e.core_boot));
    assert_true(id_equal(&back.trace, &e.trace));
    assert_int_equal(back.unix_ms, -1);
}

static void the_largest_envelope_fits_its_room(void **state)
{
    struct envelope e = {
        .version = UINT64_MAX,
        .kind = UINT64_MAX,
        .edge_boot = id_of(0xff),
        .core_boot = id_of(0xff),
        .trace = id_of(0xff),
        .unix_ms = INT64_MIN,
    };
    char bytes[ENVELOPE_MAX_LEN];
    size_t len = 0;

    (void)state;
    envelope_encode(&e, bytes, &len);
    assert_true(len <= ENVELOPE_MAX_LEN);
}

static void another_version_is_told_from_nonsense(void **state)
{
    struct envelope e = example();
    struct envelope back = {0};
    char bytes[ENVELOPE_MAX_LEN];
    size_t len = 0;

    (void)state;
    e.version = ENVELOPE_VERSION + 1;
    envelope_encode(&e, bytes, &len);
    assert_int_equal(envelope_decode(view_make(bytes, len), &back), ENVELOPE_E_VERSION);
    assert_int_equal(back.version, ENVELOPE_VERSION + 1);
    assert_true(
        id_equal(&back.edge_boot, &e.edge_boot)); /* so that it can be refused by name */
    e.version = 0;
    envelope_encode(&e, bytes, &len);
    assert_int_equal(envelope_decode(view_make(bytes, len), &back), ENVELOPE_E_VERSION);
}

static void a_number_of_a_message_we_do_not_know_passes(void **state)
{
    struct envelope e = example();
    struct envelope back = {0};
    char bytes[ENVELOPE_MAX_LEN];
    size_t len = 0;

    (void)state;
    e.kind = 4711;
    envelope_encode(&e, bytes, &len);
    assert_int_equal(envelope_decode(view_make(bytes, len), &back), 0);
    assert_int_equal(back.kind, 4711);
    assert_null(msg_name(back.kind));
}

static void every_torn_or_lengthened_envelope_is_malformed(void **state)
{
    unsigned char longer[sizeof(golden) + 1];
    struct envelope back = {.kind = 99};

    (void)state;
    for (size_t n = 0; n < sizeof(golden); n++)
        assert_int_equal(envelope_decode(view_make(golden, n), &back), ENVELOPE_E_MALFORMED);
    memcpy(longer, golden, sizeof(golden));
    longer[sizeof(golden)] = 0;
    assert_int_equal(envelope_decode(view_make(longer, sizeof(longer)), &back),
                     ENVELOPE_E_MALFORMED);
    assert_int_equal(back.kind, 99); /* untouched */
}

static void ids_of_a_wrong_length_or_kind_are_malformed(void **state)
{
    /* 15 bytes; text instead of bytes; nil */
    static const char *const ids[] = {"\xc4\x0f"
                                      "aaaaaaaaaaaaaaa",
                                      "\xb0"
                                      "aaaaaaaaaaaaaaaa",
                                      "\xc0"};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(ids); i++) {
        struct envelope back = {0};
        struct buf b;

        buf_init(&b, 256);
        (void)buf_add_str(&b, "\x96\x01\x03");
        (void)buf_add_str(&b, ids[i]);
        (void)buf_add(&b, "\xc4\x00\xc4\x00\x05", 5);
        assert_int_equal(buf_error(&b), 0);
        assert_int_equal(envelope_decode(buf_view(&b), &back), ENVELOPE_E_MALFORMED);
        buf_fini(&b);
    }
}

static void a_later_version_may_add_fields_behind_the_six(void **state)
{
    unsigned char longer[sizeof(golden) + 1];
    struct envelope back = {0};

    (void)state;
    memcpy(longer, golden, sizeof(golden));
    longer[0] = 0x97;
    longer[sizeof(golden)] = 0x2a;
    assert_int_equal(envelope_decode(view_make(longer, sizeof(longer)), &back), 0);
    assert_int_equal(back.kind, MSG_COMMAND_PUSH);
}

static void messages_and_roles_have_names(void **state)
{
    (void)state;
    assert_string_equal(msg_name(MSG_EVENT_PUSH), "EVENT_PUSH");
    assert_string_equal(msg_name(MSG_CONTROL_ANSWER), "CONTROL_ANSWER");
    assert_null(msg_name(0));
    assert_string_equal(role_name(ROLE_INGRESS), "ingress");
    assert_string_equal(role_name(ROLE_CORE), "core");
    assert_string_equal(role_name(ROLE_EGRESS), "egress");
    assert_string_equal(role_name(ROLE_AMOCTL), "amoctl");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_of_version_one_do_not_change),
        cmocka_unit_test(an_envelope_comes_back_as_it_went),
        cmocka_unit_test(the_largest_envelope_fits_its_room),
        cmocka_unit_test(another_version_is_told_from_nonsense),
        cmocka_unit_test(a_number_of_a_message_we_do_not_know_passes),
        cmocka_unit_test(every_torn_or_lengthened_envelope_is_malformed),
        cmocka_unit_test(ids_of_a_wrong_length_or_kind_are_malformed),
        cmocka_unit_test(a_later_version_may_add_fields_behind_the_six),
        cmocka_unit_test(messages_and_roles_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
