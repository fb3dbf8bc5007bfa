/* amoctl doctor, conversations that reach nobody: with many of them no turn of core looks at all. */

#include <stdio.h>

#include <sqlite3.h>

#include "base/process.h"
#include "core/control/control.h"
#include "core/doctor/doctor.h"
#include "core/testing/amoctl.h"

#define MANY    20000 /* of a number that nobody has */
#define NUMBERS 5000  /* with a conversation each */
#define REACH   "{\"what\":\"reach\",\"subject\":\"\"}"

/* what SQLite does for a row that is looked at: some five steps of its machine for one that is only counted */
#define STEPS_OF_ROW 40

/* of all connections, since somebody set it to 0 */
static _Atomic int64_t steps;

static int statement_ended(unsigned type, void *arg, void *statement, void *ns)
{
    (void)type;
    (void)arg;
    (void)ns;
    steps += sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
    return 0;
}

static int opened(sqlite3 *db, const char **error, const struct sqlite3_api_routines *api)
{
    (void)error;
    (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_PROFILE, statement_ended, NULL);
}

static void add(struct rig *r, const char *source, const char *scope, int i)
{
    char thread[32];
    char connector[] = "svc";
    char number[32];
    char account[32];
    struct conversation c = {.connector = connector,
                             .source = number,
                             .service_id = thread,
                             .scope = account,
                             .client_id = thread};

    (void)snprintf(thread, sizeof(thread), "%s-%d", source, i);
    (void)snprintf(number, sizeof(number), "%s", source);
    (void)snprintf(account, sizeof(account), "%s", scope);
    assert_int_equal(store_conversation_add(r->core.store, &c), 0);
}

/* The number "old" is nobody's, the others are: of two accounts, so that it does not belong to the only one. */
static void many_conversations(struct rig *r)
{
    char source[32];

    rig_register_account(r, "ch_two");
    assert_int_equal(core_turn(&r->core), 0);
    for (int i = 0; i < MANY; i++)
        add(r, "old", "ch_gone", i);
    for (int i = 0; i < NUMBERS; i++) {
        (void)snprintf(source, sizeof(source), "line%d", i);
        assert_int_equal(store_source_put(r->core.store, VIEW_LIT("svc"), view_of(source),
                                          VIEW_LIT("ch_acc")),
                         0);
        add(r, source, "ch_acc", i);
    }
    rig_register_source(r, "line1", "ch_acc");
    rig_commit(r);
}

/* The next piece, in a turn of its own; the steps that it took. */
static int64_t one_piece(struct rig *r)
{
    int64_t n = 0;

    steps = 0;
    doctor_conversations_on(&r->core);
    n = steps;
    rig_commit(r);
    return n;
}

/* The one line that it ends with. */
static void told(struct rig *r, const char *state, const char *words)
{
    struct reply reply = {0};
    const struct json_node *line = NULL;
    struct view text = VIEW_NONE;

    assert_true(ctl_wait(r, 20000, 0, &reply));
    assert_int_equal(reply.code, EXIT_FINE);
    line = json_array_at(json_get(json_root(reply.doc), "checks"), 0);
    ctl_text(&reply, line, "check", "reach");
    ctl_text(&reply, line, "state", state);
    assert_true(json_strict_text(json_get(line, "words"), &text));
    assert_non_null(view_find(text, words));
    json_free(reply.doc);
}

static void no_turn_looks_at_all_of_them(void **state)
{
    struct rig *r = *state;
    int64_t all = 0;
    int n = 0;

    many_conversations(r);
    ctl_begin(r, "doctor.check", REACH);
    for (; r->core.control->reaching; n++) {
        int64_t took = one_piece(r);

        assert_in_range(took, 1, DOCTOR_PIECE_ROWS * STEPS_OF_ROW);
        all += took;
    }
    assert_true(n >= (MANY + NUMBERS) / DOCTOR_PIECE_ROWS);
    assert_true(all > MANY + NUMBERS); /* or nothing was measured */
    told(r, "yellow", "20000 conversations of connector svc reach no account by this number");
    steps = 0;
    ctl_fine(r, "doctor", "{}");
    assert_in_range(steps, 1, DOCTOR_PIECE_ROWS * STEPS_OF_ROW);
}

static void a_change_of_the_registry_begins_it_again(void **state)
{
    struct rig *r = *state;

    many_conversations(r);
    ctl_begin(r, "doctor.check", REACH);
    for (int i = 0; i < 4; i++)
        (void)one_piece(r);
    assert_non_null(r->core.control->reaching);
    rig_register_source(r, "old", "ch_two");
    while (r->core.control->reaching)
        (void)one_piece(r);
    told(r, "green", "every conversation reaches an account");
}

static void whoever_asks_meanwhile_is_told_as_well(void **state)
{
    struct rig *r = *state;

    many_conversations(r);
    ctl_begin(r, "doctor.check", REACH);
    (void)one_piece(r);
    ctl_begin(r, "doctor.check", REACH);
    while (r->core.control->reaching)
        (void)one_piece(r);
    told(r, "yellow", "20000 conversations");
    told(r, "yellow", "20000 conversations");
    assert_true(list_is_empty(&r->core.control->waits));
}

static void it_ends_when_nobody_waits_for_it(void **state)
{
    struct rig *r = *state;

    many_conversations(r);
    ctl_begin(r, "doctor.check", REACH);
    (void)one_piece(r);
    assert_non_null(r->core.control->reaching);
    control_forget_waits(&r->core);
    assert_null(r->core.control->reaching);
    (void)one_piece(r); /* of nothing */
    ctl_begin(r, "doctor.check", REACH);
    while (r->core.control->reaching)
        (void)one_piece(r);
    told(r, "yellow", "20000 conversations");
    ctl_begin(r, "doctor.check", REACH); /* core ends while it is under way */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(no_turn_looks_at_all_of_them),
        CASE(a_change_of_the_registry_begins_it_again),
        CASE(whoever_asks_meanwhile_is_told_as_well),
        CASE(it_ends_when_nobody_waits_for_it),
    };

    (void)sqlite3_auto_extension((void (*)(void))opened);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
