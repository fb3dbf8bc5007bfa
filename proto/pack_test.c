#include "proto/pack.h"

#include <string.h>

#include "base/ids.h"
#include "base/testing.h"

struct thing {
    struct view text;
    struct view bytes;
    uint64_t number;
    int64_t signed_number;
    bool flag;
    struct id id;
};

static const struct field fields[] = {
    FIELD(FIELD_TEXT, thing, text),  FIELD(FIELD_BIN, thing, bytes),
    FIELD(FIELD_U64, thing, number), FIELD(FIELD_I64, thing, signed_number),
    FIELD(FIELD_BOOL, thing, flag),  FIELD(FIELD_ID, thing, id),
};
#define N_FIELDS AMO_COUNT(fields)

static void pack_thing(const struct thing *t, struct buf *out)
{
    buf_init(out, 4096);
    assert_int_equal(pack_struct(out, fields, N_FIELDS, t), 0);
}

/* @bytes literal with its length, decoded. */
static int unpack_literal(const char *bytes, size_t len, struct thing *ret)
{
    return unpack_struct_bytes(view_make(bytes, len), fields, N_FIELDS, ret);
}
#define UNPACK(literal, ret) unpack_literal(literal, sizeof(literal) - 1, ret)

static void a_full_struct_comes_back_as_it_went(void **state)
{
    struct thing t = {
        .text = VIEW_LIT("привет"),
        .bytes = VIEW_LIT("\0\xff"),
        .number = UINT64_MAX,
        .signed_number = INT64_MIN,
        .flag = true,
        .id = {{1, 2, 3}},
    };
    struct thing back;
    struct buf out;

    (void)state;
    pack_thing(&t, &out);
    assert_int_equal(unpack_struct_bytes(buf_view(&out), fields, N_FIELDS, &back), 0);
    assert_true(view_equal(back.text, t.text));
    assert_true(view_equal(back.bytes, t.bytes));
    assert_true(back.number == t.number && back.signed_number == t.signed_number && back.flag);
    assert_true(id_equal(&back.id, &t.id));
    assert_true(back.text.ptr > out.ptr && back.text.ptr < out.ptr + out.len); /* borrowed */
    buf_fini(&out);
}

static void what_is_empty_is_left_out_but_a_present_empty_text_stays(void **state)
{
    struct thing t = {0};
    struct thing back = {.number = 7, .flag = true};
    struct buf out;

    (void)state;
    pack_thing(&t, &out);
    assert_int_equal(out.len, 1);
    assert_int_equal((unsigned char)out.ptr[0], 0x80);
    assert_int_equal(unpack_struct_bytes(buf_view(&out), fields, N_FIELDS, &back), 0);
    assert_true(back.text.ptr == NULL && back.number == 0 && !back.flag);
    buf_fini(&out);
    t.text = VIEW_LIT("");
    pack_thing(&t, &out);
    assert_int_equal(unpack_struct_bytes(buf_view(&out), fields, N_FIELDS, &back), 0);
    assert_true(back.text.ptr != NULL && back.text.len == 0);
    buf_fini(&out);
}

static void keys_we_do_not_know_are_ignored_whatever_they_hold(void **state)
{
    struct thing back;

    (void)state;
    assert_int_equal(UNPACK("\x83\xa3new\x92\x01\x80\xa6number\x05\x2a\xc0", &back), 0);
    assert_int_equal(back.number, 5);
}

static void the_last_of_two_equal_keys_counts_and_order_does_not(void **state)
{
    struct thing back;

    (void)state;
    assert_int_equal(UNPACK("\x83\xa4"
                            "flag\xc3\xa6number\x01\xa6number\x02",
                            &back),
                     0);
    assert_true(back.flag);
    assert_int_equal(back.number, 2);
}

static void a_field_of_a_wrong_type_is_malformed(void **state)
{
    struct thing back;

    (void)state;
    assert_int_equal(UNPACK("\x81\xa4text\x05", &back), PACK_E_MALFORMED);
    assert_int_equal(UNPACK("\x81\xa4text\xc4\x01x", &back), PACK_E_MALFORMED);
    assert_int_equal(UNPACK("\x81\xa5"
                            "bytes\xa1x",
                            &back),
                     PACK_E_MALFORMED);
    assert_int_equal(UNPACK("\x81\xa6number\xff", &back), PACK_E_MALFORMED);
    assert_int_equal(UNPACK("\x81\xa6number\xa1"
                            "5",
                            &back),
                     PACK_E_MALFORMED);
    assert_int_equal(UNPACK("\x81\xa4"
                            "flag\x01",
                            &back),
                     PACK_E_MALFORMED);
    assert_int_equal(UNPACK("\x81\xa2id\xc4\x01x", &back), PACK_E_MALFORMED);
    assert_int_equal(UNPACK("\x81\xa2id\xc0", &back), PACK_E_MALFORMED);
}

static void what_is_not_one_whole_map_is_malformed(void **state)
{
    struct thing back;
    struct pack_doc d;

    (void)state;
    assert_int_equal(UNPACK("", &back), PACK_E_MALFORMED);
    assert_int_equal(UNPACK("\xc1", &back), PACK_E_MALFORMED);
    assert_int_equal(UNPACK("\x90", &back), PACK_E_MALFORMED);
    assert_int_equal(UNPACK("\x81\xa4text", &back), PACK_E_MALFORMED);
    assert_int_equal(UNPACK("\x80\x80", &back), PACK_E_MALFORMED);
    /* lengths far beyond the bytes */
    assert_int_equal(UNPACK("\xdf\xff\xff\xff\xff", &back), PACK_E_MALFORMED);
    assert_int_equal(UNPACK("\x81\xa4text\xdb\xff\xff\xff\xff", &back), PACK_E_MALFORMED);
    assert_int_equal(pack_doc_open(&d, VIEW_NONE), PACK_E_MALFORMED);
}

/* Each takes many times its one byte once it is taken apart. */
static void what_holds_very_many_values_is_malformed(void **state)
{
    static char bytes[2000000];
    struct pack_doc d;

    (void)state;
    memset(bytes, 0x05, sizeof(bytes));
    for (uint32_t n = 1000000; n <= 1600000; n += 600000) {
        int rc = 0;

        bytes[0] = (char)0xdd;
        for (int i = 0; i < 4; i++)
            bytes[1 + i] = (char)(n >> (24 - 8 * i));
        rc = pack_doc_open(&d, view_make(bytes, 5 + (size_t)n));
        assert_int_equal(rc, n == 1000000 ? 0 : PACK_E_MALFORMED);
        if (rc == 0)
            pack_doc_close(&d);
    }
}

static void a_nest_is_understood_to_its_limit_and_no_deeper(void **state)
{
    char bytes[64];
    struct pack_doc d;

    (void)state;
    memset(bytes, 0x91, sizeof(bytes));
    for (size_t depth = 1; depth < sizeof(bytes); depth++) {
        int rc = 0;

        bytes[depth] = 0x05;
        rc = pack_doc_open(&d, view_make(bytes, depth + 1));
        bytes[depth] = (char)0x91;
        assert_int_equal(rc, depth <= 30 ? 0 : PACK_E_MALFORMED);
        if (rc == 0)
            pack_doc_close(&d);
    }
}

static void members_are_found_by_key_and_read_by_type(void **state)
{
    static const char bytes[] = "\x84\xa1t\xa3"
                                "abc\xa1n\x07\xa1i\xf9\xa1l\x93\x01\x02\x03";
    const msgpack_object *items = NULL;
    const msgpack_object *root = NULL;
    struct pack_doc d;

    (void)state;
    assert_int_equal(pack_doc_open(&d, view_make(bytes, sizeof(bytes) - 1)), 0);
    root = pack_doc_root(&d);
    assert_true(view_is(pack_text(pack_get(root, "t")), "abc"));
    assert_int_equal(pack_u64(pack_get(root, "n")), 7);
    assert_int_equal(pack_i64(pack_get(root, "i")), -7);
    assert_int_equal(pack_u64(pack_get(root, "i")), 0);
    assert_int_equal(pack_array(root, "l", &items), 3);
    assert_int_equal(pack_u64(&items[2]), 3);
    assert_int_equal(pack_array(root, "t", &items), 0);
    assert_null(items);
    assert_null(pack_get(root, "absent"));
    assert_null(pack_get(pack_get(root, "t"), "x"));
    assert_null(pack_text(NULL).ptr);
    assert_false(pack_bool(pack_get(root, "n")));
    pack_doc_close(&d);
}

static void a_full_buffer_sticks(void **state)
{
    struct thing t = {.text = VIEW_LIT("longer than the room there is")};
    struct buf out;

    (void)state;
    buf_init(&out, 10);
    assert_int_equal(pack_struct(&out, fields, N_FIELDS, &t), -ENOSPC);
    buf_fini(&out);
}

static int pack_case(void *arg)
{
    struct thing t = {.text = VIEW_LIT("x"), .number = 5};
    struct buf out;
    int rc = 0;

    (void)arg;
    buf_init(&out, 4096);
    rc = pack_struct(&out, fields, N_FIELDS, &t);
    buf_fini(&out);
    return rc;
}

static void packing_without_memory_says_so(void **state)
{
    (void)state;
    testing_fail_each_allocation(pack_case, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_struct_comes_back_as_it_went),
        cmocka_unit_test(what_is_empty_is_left_out_but_a_present_empty_text_stays),
        cmocka_unit_test(keys_we_do_not_know_are_ignored_whatever_they_hold),
        cmocka_unit_test(the_last_of_two_equal_keys_counts_and_order_does_not),
        cmocka_unit_test(a_field_of_a_wrong_type_is_malformed),
        cmocka_unit_test(what_is_not_one_whole_map_is_malformed),
        cmocka_unit_test(what_holds_very_many_values_is_malformed),
        cmocka_unit_test(a_nest_is_understood_to_its_limit_and_no_deeper),
        cmocka_unit_test(members_are_found_by_key_and_read_by_type),
        cmocka_unit_test(a_full_buffer_sticks),
        cmocka_unit_test(packing_without_memory_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
