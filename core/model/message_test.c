#include "base/testing.h"
#include "core/model/message.h"

static void every_word_is_read_back_and_a_strange_one_is_accepted(void **state)
{
    (void)state;
    for (int s = MESSAGE_ACCEPTED; s <= MESSAGE_FAILED; s++)
        assert_int_equal(message_state_of(view_of(message_state_name((enum message_state)s))),
                         s);
    assert_int_equal(message_state_of(VIEW_LIT("lost")), MESSAGE_ACCEPTED);
    assert_int_equal(message_state_of(VIEW_NONE), MESSAGE_ACCEPTED);
}

static void the_moves_of_the_table_are_legal_and_no_others(void **state)
{
    size_t n = 0;

    (void)state;
    for (int from = MESSAGE_ACCEPTED; from <= MESSAGE_FAILED; from++) {
        for (int to = MESSAGE_ACCEPTED; to <= MESSAGE_FAILED; to++)
            n += message_move_why((enum message_state)from, (enum message_state)to) != NULL;
    }
    assert_int_equal(n, 8);
    assert_string_equal(message_move_why(MESSAGE_FAILED, MESSAGE_ACCEPTED),
                        "an operator tries it again");
    assert_null(message_move_why(MESSAGE_DELIVERED_TO_AMO, MESSAGE_FAILED));
    assert_null(message_move_why(MESSAGE_DELIVERED_TO_SERVICE, MESSAGE_DELIVERED_TO_AMO));
}

static void a_status_that_amo_is_told_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(message_told_name(1), "delivered");
    assert_string_equal(message_told_name(2), "read");
    assert_string_equal(message_told_name(-1), "failed");
    assert_string_equal(message_told_name(7), "?");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_word_is_read_back_and_a_strange_one_is_accepted),
    cmocka_unit_test(the_moves_of_the_table_are_legal_and_no_others),
    cmocka_unit_test(a_status_that_amo_is_told_has_a_name),
};

int main(void)
{
    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
