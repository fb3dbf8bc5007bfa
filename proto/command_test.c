#include "proto/command.h"

#include <string.h>

#include "base/testing.h"

/* Fills every field of a struct with a value of its own by way of the codec's own keys, so that a
 * field nobody packs is found. */
static struct command full_command(void)
{
    struct command c = {
        .kind = COMMAND_AMO_MESSAGE,
        .id = UINT64_C(0x8000000000000001),
        .attempt = 3,
        .trace = {{7}},
        .start_within_ms = 1000,
        .finish_within_ms = 15000,
        .sent_ms = INT64_C(1767225660250),
        .silent = true,
        .write_first = true,
        .status_code = -1,
        .error_code = 905,
    };
    struct view *const texts[] = {
        &c.key,           &c.scope,           &c.connector,
        &c.source,        &c.conversation_id, &c.conversation_ref_id,
        &c.conversation,  &c.chat_id,         &c.sender_id,
        &c.sender_ref_id, &c.sender_name,     &c.sender_phone,
        &c.sender_email,  &c.sender_avatar,   &c.sender_link,
        &c.receiver_id,   &c.receiver_phone,  &c.receiver_name,
        &c.author,        &c.message_id,      &c.type,
        &c.text,          &c.reply_id,        &c.error_text,
        &c.account,       &c.title,
    };
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz";

    for (size_t i = 0; i < AMO_COUNT(texts); i++)
        *texts[i] = view_make(alphabet, i + 1);
    return c;
}

static void every_field_of_a_command_crosses_the_bus(void **state)
{
    struct command c = full_command();
    struct command back;
    struct command again;
    struct buf one;
    struct buf two;

    (void)state;
    buf_init(&one, 4096);
    buf_init(&two, 4096);
    assert_int_equal(command_encode(&c, &one), 0);
    assert_int_equal(command_decode(buf_view(&one), &back), 0);
    assert_int_equal(command_encode(&back, &two), 0);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.ptr, two.ptr, one.len);
    assert_true(back.id == c.id && back.attempt == 3 && back.status_code == -1);
    assert_true(back.silent && back.write_first && back.sent_ms == c.sent_ms);
    assert_true(view_equal(back.title, c.title) && view_equal(back.key, c.key));
    /* 37 fields: one more in the struct needs a row in the table and a line above */
    assert_int_equal((unsigned char)one.ptr[0], 0xde);
    assert_int_equal((unsigned char)one.ptr[2], 37);
    assert_int_equal(command_decode(buf_view(&two), &again), 0);
    buf_fini(&one);
    buf_fini(&two);
}

/* What a worker of version 1 understands. */
static const char golden_command[] = "\x86\xa4kind\x02\xa2id\x2a\xa7"
                                     "attempt\x01\xa3key\xa1k\xabstatus_code\xff\xaa"
                                     "error_code\xcd\x03\x89";

static void the_bytes_of_a_command_do_not_change(void **state)
{
    const struct command c = {
        .kind = COMMAND_AMO_STATUS,
        .id = 42,
        .attempt = 1,
        .key = VIEW_LIT("k"),
        .status_code = -1,
        .error_code = 905,
    };
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(command_encode(&c, &out), 0);
    assert_int_equal(out.len, sizeof(golden_command) - 1);
    assert_memory_equal(out.ptr, golden_command, out.len);
    buf_fini(&out);
}

static void a_command_of_no_known_kind_is_malformed(void **state)
{
    struct command c;

    (void)state;
    assert_int_equal(command_decode(VIEW_LIT("\x80"), &c), PACK_E_MALFORMED);
    assert_int_equal(command_decode(VIEW_LIT("\x81\xa4kind\x00"), &c), PACK_E_MALFORMED);
    assert_int_equal(command_decode(VIEW_LIT("\x81\xa4kind\x63"), &c), PACK_E_MALFORMED);
    assert_int_equal(command_decode(VIEW_LIT("\x81\xa4kind\xa1x"), &c), PACK_E_MALFORMED);
    assert_int_equal(command_decode(VIEW_LIT("nonsense"), &c), PACK_E_MALFORMED);
    assert_int_equal(command_decode(VIEW_LIT("\x82\xa4kind\x01\xa3new\xc3"), &c), 0);
}

static void every_field_of_a_result_crosses_the_bus(void **state)
{
    const struct result r = {
        .id = 1,
        .attempt = 2,
        .outcome = OUTCOME_HOLD,
        .cause = CAUSE_THROTTLED,
        .status = 429,
        .retry_after_ms = 2000,
        .took_ms = 12,
        .began_ms = INT64_C(1767225660250),
        .skew_ms = -1500,
        .skew_known = true,
        .found = true,
        .complete = true,
        .evidence = VIEW_LIT("HTTP/1.1 429"),
        .words = VIEW_LIT("words"),
        .amo_message_id = VIEW_LIT("m"),
        .amo_chat_id = VIEW_LIT("c"),
        .amo_sender_id = VIEW_LIT("s"),
        .service_conversation = VIEW_LIT("sc"),
        .service_message_id = VIEW_LIT("sm"),
        .scope_id = VIEW_LIT("scope"),
    };
    struct pack_doc d;
    struct result back;
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    assert_int_equal(result_encode(&r, &out), 0);
    assert_int_equal((unsigned char)out.ptr[0], 0xde);
    assert_int_equal((unsigned char)out.ptr[2], 20);
    assert_int_equal(pack_doc_open(&d, buf_view(&out)), 0);
    assert_int_equal(result_decode_object(pack_doc_root(&d), &back), 0);
    assert_true(back.id == 1 && back.attempt == 2 && back.outcome == OUTCOME_HOLD);
    assert_true(back.skew_ms == -1500 && back.skew_known && back.found && back.complete);
    assert_true(view_equal(back.scope_id, r.scope_id) && view_equal(back.words, r.words));
    pack_doc_close(&d);
    buf_fini(&out);
}

static void a_result_without_a_known_outcome_is_malformed(void **state)
{
    static const char *const wrong[] = {"\x80", "\x81\xa7outcome\x63", "\x90"};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(wrong); i++) {
        struct pack_doc d;
        struct result r;

        assert_int_equal(pack_doc_open(&d, view_of(wrong[i])), 0);
        assert_int_equal(result_decode_object(pack_doc_root(&d), &r), PACK_E_MALFORMED);
        pack_doc_close(&d);
    }
}

static void kinds_outcomes_and_causes_have_names(void **state)
{
    (void)state;
    assert_string_equal(command_kind_name(COMMAND_AMO_MESSAGE), "amo.message");
    assert_string_equal(command_kind_name(COMMAND_SERVICE_MESSAGE), "service.message");
    assert_string_equal(command_kind_name(99), "unknown");
    assert_string_equal(outcome_name(OUTCOME_DONE), "done");
    assert_string_equal(outcome_name(OUTCOME_UNSTARTED), "unstarted");
    assert_string_equal(outcome_name(99), "none");
    assert_string_equal(cause_name(CAUSE_UNREGISTERED), "unregistered");
    assert_string_equal(cause_name(CAUSE_GONE), "gone");
    assert_string_equal(cause_name(99), "none");
}

static int encode_both(void *arg)
{
    const struct command c = {.kind = 1, .text = VIEW_LIT("x")};
    const struct result r = {.outcome = 1, .words = VIEW_LIT("x")};
    struct buf out;
    int rc = 0;

    (void)arg;
    buf_init(&out, 4096);
    rc = command_encode(&c, &out);
    buf_fini(&out);
    if (rc)
        return rc;
    rc = result_encode(&r, &out);
    buf_fini(&out);
    return rc;
}

static void encoding_without_memory_says_so(void **state)
{
    (void)state;
    testing_fail_each_allocation(encode_both, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_a_command_crosses_the_bus),
        cmocka_unit_test(the_bytes_of_a_command_do_not_change),
        cmocka_unit_test(a_command_of_no_known_kind_is_malformed),
        cmocka_unit_test(every_field_of_a_result_crosses_the_bus),
        cmocka_unit_test(a_result_without_a_known_outcome_is_malformed),
        cmocka_unit_test(kinds_outcomes_and_causes_have_names),
        cmocka_unit_test(encoding_without_memory_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
