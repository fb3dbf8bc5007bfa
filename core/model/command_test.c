#include "core/model/command.h"

#include <string.h>

#include "base/compiler.h"
#include "base/testing.h"

static const enum command_state states[] = {
#define STATE_ROW(name, meaning) COMMAND_##name,
    COMMAND_STATES(STATE_ROW)
#undef STATE_ROW
};

static const struct {
    enum command_state from;
    enum command_state to;
    const char *why;
} moves[] = {
#define MOVE_ROW(from, to, why) {COMMAND_##from, COMMAND_##to, why},
    COMMAND_MOVES(MOVE_ROW)
#undef MOVE_ROW
};

static bool in_table(enum command_state from, enum command_state to)
{
    for (size_t i = 0; i < AMO_COUNT(moves); i++) {
        if (moves[i].from == from && moves[i].to == to)
            return true;
    }
    return false;
}

static void every_move_of_the_table_is_allowed_and_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < AMO_COUNT(states); i++) {
        for (size_t j = 0; j < AMO_COUNT(states); j++)
            assert_int_equal(command_may_move(states[i], states[j]),
                             in_table(states[i], states[j]));
    }
}

static void nothing_leaves_the_end_states_and_nothing_comes_back_to_queued(void **state)
{
    (void)state;
    for (size_t i = 0; i < AMO_COUNT(states); i++) {
        assert_false(command_may_move(COMMAND_DONE, states[i]));
        assert_false(command_may_move(COMMAND_DEAD, states[i]));
        assert_false(command_may_move(states[i], COMMAND_QUEUED));
        assert_false(command_may_move(states[i], states[i]));
    }
}

static void only_what_is_ready_goes_to_a_worker(void **state)
{
    (void)state;
    for (size_t i = 0; i < AMO_COUNT(states); i++)
        assert_int_equal(command_may_move(states[i], COMMAND_IN_FLIGHT),
                         states[i] == COMMAND_READY);
}

static void every_state_that_is_no_end_can_die(void **state)
{
    (void)state;
    for (size_t i = 0; i < AMO_COUNT(states); i++) {
        if (states[i] != COMMAND_DONE && states[i] != COMMAND_DEAD)
            assert_true(command_may_move(states[i], COMMAND_DEAD));
    }
}

static void every_move_stands_once_and_says_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < AMO_COUNT(moves); i++) {
        assert_true(strlen(moves[i].why) > 0);
        for (size_t j = 0; j < i; j++)
            assert_false(moves[i].from == moves[j].from && moves[i].to == moves[j].to);
    }
}

static void names_are_those_of_the_table(void **state)
{
    (void)state;
    assert_string_equal(command_state_name(COMMAND_QUEUED), "QUEUED");
    assert_string_equal(command_state_name(COMMAND_IN_FLIGHT), "IN_FLIGHT");
    assert_string_equal(command_state_name((enum command_state)99), "?");
}

static void messages_live_a_day_and_statuses_an_hour(void **state)
{
    (void)state;
    assert_true(command_is_message(COMMAND_AMO_MESSAGE));
    assert_true(command_is_message(COMMAND_SERVICE_MESSAGE));
    assert_false(command_is_message(COMMAND_AMO_STATUS));
    assert_int_equal(command_life_ms(COMMAND_AMO_MESSAGE), 24LL * 3600 * 1000);
    assert_int_equal(command_life_ms(COMMAND_SERVICE_MESSAGE), 24LL * 3600 * 1000);
    assert_int_equal(command_life_ms(COMMAND_AMO_STATUS), 3600LL * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_move_of_the_table_is_allowed_and_no_other),
        cmocka_unit_test(nothing_leaves_the_end_states_and_nothing_comes_back_to_queued),
        cmocka_unit_test(only_what_is_ready_goes_to_a_worker),
        cmocka_unit_test(every_state_that_is_no_end_can_die),
        cmocka_unit_test(every_move_stands_once_and_says_why),
        cmocka_unit_test(names_are_those_of_the_table),
        cmocka_unit_test(messages_live_a_day_and_statuses_an_hour),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
