#include "proto/command.h"

#include <assert.h>

#include "base/testing.h"
#include "proto/content_testing.h"

/* Every member of the two structs by name; content has its own lists. */
/* clang-format 14 packs these rows differently at each run */
/* clang-format off */
#define COMMAND_TEXTS(X)                                                                       \
    X(key) X(scope) X(connector) X(source) X(conversation_id) X(conversation_ref_id)           \
    X(conversation) X(chat_id)                                                                 \
    X(sender_id) X(sender_ref_id) X(sender_name) X(sender_phone) X(sender_email)               \
    X(sender_avatar) X(sender_link)                                                            \
    X(receiver_id) X(receiver_ref_id) X(receiver_phone) X(receiver_email) X(receiver_name)     \
    X(author) X(message_id) X(message_client_id) X(post_id) X(forward_conversation_id)         \
    X(forward_conversation_ref_id) X(emoji) X(error_text) X(reason) X(account) X(title) X(url)   \
    X(spelling)
#define COMMAND_NUMBERS(X)                                                                     \
    X(kind) X(id) X(attempt) X(start_within_ms) X(finish_within_ms) X(sent_ms) X(expires_ms)   \
    X(status_code) X(error_code) X(offset) X(until_ms)
#define COMMAND_FLAGS(X) X(silent) X(write_first) X(unset) X(time_window_off)
#define RESULT_TEXTS(X)                                                                        \
    X(evidence) X(words) X(code) X(stage) X(amo_message_id) X(amo_chat_id) X(amo_sender_id)             \
    X(amo_receiver_id) X(service_conversation) X(service_message_id) X(scope_id)     \
    X(sent_scope) X(sent_chat)
#define RESULT_NUMBERS(X)                                                                      \
    X(id) X(attempt) X(kind) X(outcome) X(cause) X(status) X(retry_after_ms) X(took_ms) X(began_ms) \
    X(skew_ms) X(cert_until_ms) X(next_offset)
#define RESULT_FLAGS(X) X(skew_known) X(found) X(complete)
/* clang-format on */

#define ONE(member) +1
enum {
    N_COMMAND_TEXTS = 0 COMMAND_TEXTS(ONE),
    N_COMMAND_NUMBERS = 0 COMMAND_NUMBERS(ONE),
    N_COMMAND_FLAGS = 0 COMMAND_FLAGS(ONE),
    N_RESULT_TEXTS = 0 RESULT_TEXTS(ONE),
    N_RESULT_NUMBERS = 0 RESULT_NUMBERS(ONE),
    N_RESULT_FLAGS = 0 RESULT_FLAGS(ONE),
};
/* with the trace, and what the flags leave of three words (of one, in a result) */
static_assert(sizeof(struct command) == N_COMMAND_TEXTS * sizeof(struct view) +
                                            N_COMMAND_NUMBERS * sizeof(uint64_t) +
                                            sizeof(struct content) + sizeof(struct id) + 24,
              "the lists name every member of struct command");
static_assert(sizeof(struct result) == N_RESULT_TEXTS * sizeof(struct view) +
                                           N_RESULT_NUMBERS * sizeof(uint64_t) +
                                           sizeof(struct id) + 8,
              "the lists name every member of struct result");

/* A value of its own for each member: so many characters of this, or so much. */
static const char letters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-+/=";

enum {
#define NUMBER(member) NUMBER_##member,
    NUMBER_NONE,
    COMMAND_NUMBERS(NUMBER) CONTENT_NUMBERS(NUMBER)
#undef NUMBER
};

static struct command full_command(void)
{
    struct command c = {.trace = {{7}}};
    size_t n = 0;

#define FILL(member) c.member = view_make(letters, ++n);
    COMMAND_TEXTS(FILL)
#undef FILL
#define FILL(member) c.content.member = view_make(letters, ++n);
    CONTENT_TEXTS(FILL)
#undef FILL
    assert_true(n < sizeof(letters));
#define FILL(member) c.member = NUMBER_##member;
    COMMAND_NUMBERS(FILL)
#undef FILL
#define FILL(member) c.content.member = NUMBER_##member;
    CONTENT_NUMBERS(FILL)
#undef FILL
#define FILL(member) c.member = true;
    COMMAND_FLAGS(FILL)
#undef FILL
    return c;
}

static void expect_same_content(const struct content *a, const struct content *b)
{
#define SAME(member) assert_true(view_equal(a->member, b->member));
    CONTENT_TEXTS(SAME)
#undef SAME
#define SAME(member) assert_true(a->member == b->member);
    CONTENT_NUMBERS(SAME)
#undef SAME
}

/* The number of members a map announces. */
static unsigned map_len(const struct buf *b)
{
    assert_int_equal((unsigned char)b->ptr[0], 0xde);
    return (unsigned)(unsigned char)b->ptr[1] << 8 | (unsigned char)b->ptr[2];
}

static void every_field_of_a_command_crosses_the_bus(void **state)
{
    const struct command c = full_command();
    struct command back;
    struct buf bytes;

    (void)state;
    buf_init(&bytes, 16384);
    assert_int_equal(command_encode(&c, &bytes), 0);
    assert_int_equal(map_len(&bytes), N_COMMAND_TEXTS + N_COMMAND_NUMBERS + N_COMMAND_FLAGS +
                                          1 + CONTENT_N_TEXTS + CONTENT_N_NUMBERS);
    assert_int_equal(command_decode(buf_view(&bytes), &back), 0);
#define SAME(member) assert_true(view_equal(back.member, c.member));
    COMMAND_TEXTS(SAME)
#undef SAME
#define SAME(member) assert_true(back.member == c.member);
    COMMAND_NUMBERS(SAME)
    COMMAND_FLAGS(SAME)
#undef SAME
    assert_true(id_equal(&back.trace, &c.trace));
    expect_same_content(&back.content, &c.content);
    buf_fini(&bytes);
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
    struct result r = {.id = 1,
                       .attempt = 2,
                       .kind = COMMAND_AMO_MESSAGE,
                       .trace = {{7}},
                       .outcome = OUTCOME_HOLD,
                       .cause = CAUSE_THROTTLED,
                       .status = 429,
                       .retry_after_ms = 2000,
                       .took_ms = 12,
                       .began_ms = INT64_C(1767225660250),
                       .skew_ms = -1500,
                       .cert_until_ms = INT64_C(1798761600000),
                       .next_offset = 50};
    struct pack_doc d;
    struct result back;
    struct buf out;
    size_t n = 0;

    (void)state;
#define FILL(member) r.member = view_make(letters, ++n);
    RESULT_TEXTS(FILL)
#undef FILL
#define FILL(member) r.member = true;
    RESULT_FLAGS(FILL)
#undef FILL
    buf_init(&out, 4096);
    assert_int_equal(result_encode(&r, &out), 0);
    assert_int_equal(map_len(&out), N_RESULT_TEXTS + N_RESULT_NUMBERS + N_RESULT_FLAGS + 1);
    assert_int_equal(pack_doc_open(&d, buf_view(&out)), 0);
    assert_int_equal(result_decode_object(pack_doc_root(&d), &back), 0);
#define SAME(member) assert_true(view_equal(back.member, r.member));
    RESULT_TEXTS(SAME)
#undef SAME
#define SAME(member) assert_true(back.member == r.member);
    RESULT_NUMBERS(SAME)
    RESULT_FLAGS(SAME)
#undef SAME
    assert_true(id_equal(&back.trace, &r.trace));
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
    assert_string_equal(command_kind_name(COMMAND_AMO_OUTGOING), "amo.outgoing");
    assert_string_equal(command_kind_name(COMMAND_AMO_DISCONNECT), "amo.disconnect");
    assert_string_equal(command_kind_name(COMMAND_SERVICE_TEST), "service.test");
    assert_string_equal(command_kind_name(COMMAND_AMO_REACH), "amo.reach");
    assert_string_equal(command_kind_name(COMMAND_AMO_HOOK), "amo.hook");
    assert_string_equal(command_kind_name(COMMAND_AMO_HOOK + 1), "unknown");
    assert_string_equal(command_kind_name(99), "unknown");
    assert_string_equal(outcome_name(OUTCOME_DONE), "done");
    assert_string_equal(outcome_name(OUTCOME_UNSTARTED), "unstarted");
    assert_string_equal(outcome_name(99), "none");
    assert_string_equal(cause_name(CAUSE_UNREGISTERED), "unregistered");
    assert_string_equal(cause_name(CAUSE_GONE), "gone");
    assert_string_equal(cause_name(99), "none");
    assert_null(stage_name(STAGE_NONE));
    assert_string_equal(stage_name(STAGE_DNS), "dns");
    assert_string_equal(stage_name(STAGE_ANSWERED), "answered");
}

static int encode_both(void *arg)
{
    const struct command c = {.kind = 1, .content.text = VIEW_LIT("x")};
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
