/* What an erasure does to commands in every state, to a failing store, and what it says. */

#include "core/erase/erase.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/deliver/calls.h"
#include "core/deliver/dispatch.h"
#include "core/deliver/resolve.h"
#include "core/deliver/settle.h"
#include "core/intake/intake.h"
#include "core/store/db.h"
#include "core/store/quarantine.h"
#include "core/testing/amoctl.h"
#include "proto/session.h"

/* for what must happen, on a machine that is busy with other things */
#define DEADLINE_MS 30000

/* The ingress is alive and answers each turn at once. */
static void ingress_answers(struct rig *r)
{
    r->ingress->heard_mono_ms = clock_mono_ms();
    if (r->core.erase->running)
        r->ingress->turned = r->core.erase->running->turn;
}

/* Core's clock stands meanwhile: however slow the disk and the checkpoint thread are, nothing is given
 * up because of it. */
static bool answered(struct rig *r, struct reply *ret)
{
    int64_t now = clock_mono_ms();

    while (clock_mono_ms() < now + DEADLINE_MS) {
        ingress_answers(r);
        if (ctl_wait(r, 1, now, ret))
            return true;
        if (r->core.turn->exit_code)
            return false;
    }
    return false;
}

static struct reply erased(struct rig *r, const char *args)
{
    struct reply reply = {0};

    ctl_call(r, "erase", args);
    if (!answered(r, &reply))
        fail_msg("not answered");
    return reply;
}

static int64_t removed(const struct reply *reply, const char *what)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "removed.%s", what);
    return ctl_int(json_root(reply->doc), path);
}

static bool warns(const struct reply *reply, const char *words)
{
    const struct json_node *all = json_get(json_root(reply->doc), "warnings");

    for (size_t i = 0; i < json_array_len(all); i++) {
        struct view text;

        if (json_strict_text(json_array_at(all, i), &text) && view_find(text, words))
            return true;
    }
    return false;
}

static void assert_fine(struct rig *r, const char *args)
{
    struct reply reply = erased(r, args);

    if (reply.code)
        fail_msg("%s: %s", args, reply.error);
    json_free(reply.doc);
}

/* It is done, so many of @what are gone, and it warns of that; NULL: whatever it says there. */
static void assert_erases(struct rig *r, const char *args, const char *what, int64_t n,
                          const char *warning)
{
    struct reply reply = erased(r, args);

    assert_int_equal(reply.code, 0);
    if (what)
        assert_int_equal(removed(&reply, what), n);
    if (warning)
        assert_true(warns(&reply, warning));
    json_free(reply.doc);
}

static void takes(struct rig *r, struct event e)
{
    rig_take(r, &e);
}

static void assert_message(struct rig *r, const char *key, const char *state,
                           const char *reason)
{
    struct message m = rig_message(r, key);

    assert_string_equal(message_state_name(m.state), state);
    if (reason)
        assert_string_equal(m.reason, reason);
    else
        assert_null(m.reason);
    assert_null(m.words);
    message_fini(&m);
}

static bool has_check(const struct reply *reply, const char *words)
{
    const struct json_node *all = json_get(json_root(reply->doc), "checks");

    for (size_t i = 0; i < json_array_len(all); i++) {
        struct view text;

        if (json_strict_text(json_get(json_array_at(all, i), "words"), &text) &&
            view_find(text, words))
            return true;
    }
    return false;
}

static int64_t count(struct rig *r, const char *select)
{
    struct db_rows *rows = NULL;
    struct db *db = NULL;
    struct buf why;
    char sql[200];
    int64_t n = 0;

    buf_init(&why, 1024);
    assert_int_equal(db_open(store_path(r->core.store), &why, &db), 0);
    (void)snprintf(sql, sizeof(sql), "/* test */ %s", select); /* fits */
    assert_int_equal(db_query(db, &rows, sql, ""), 0);
    assert_int_equal(db_next(rows), 1);
    n = db_int(rows, 0);
    db_end(rows);
    db_close(db);
    buf_fini(&why);
    return n;
}

#define EVIDENCE "SELECT count(*) FROM attempts WHERE evidence IS NOT NULL"

/* --- waiting -------------------------------------------------------------------------------- */

/* Does @words stand in a file of the store? */
static bool files_have(struct rig *r, const char *words)
{
    static const char *const ends[] = {"", "-wal"};
    bool found = false;

    for (size_t i = 0; i < AMO_COUNT(ends); i++) {
        char path[300];

        (void)snprintf(path, sizeof(path), "%s%s", store_path(r->core.store), ends[i]);
        found = found || testing_file_has(path, words);
    }
    return found;
}

static void what_waits_is_given_up_and_its_writer_told(void **state)
{
    struct rig *r = *state;
    struct resolved said;
    struct reply reply;

    takes(r, rig_client_text("m1"));
    takes(r, rig_manager_text("amo-1"));
    assert_int_equal(rig_stored_commands(r), 2);
    reply = erased(r, "{\"phone\":\"+7 999 1234567\"}");
    assert_int_equal(reply.code, 0);
    assert_int_equal(removed(&reply, "commands"), 2);
    assert_int_equal(removed(&reply, "messages"), 2);
    json_free(reply.doc);
    assert_message(r, "ssvc/m1", "failed", "erased");
    assert_message(r, "aamo-1", "failed", "erased");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_MESSAGE), 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 0);
    rig_resolve(r, COMMAND_AMO_STATUS, &said);
    assert_int_equal(said.body.status_code, -1);
    assert_int_equal(said.body.error_code, 903);
    assert_true(view_is(said.body.error_text, "not delivered: erased"));
    resolved_fini(&said);
    rig_resolve(r, COMMAND_SERVICE_FAILED, &said);
    assert_true(view_is(said.body.reason, "erased"));
    assert_int_equal(said.body.error_text.len, 0);
    resolved_fini(&said);
    /* what says so is nobody's words: a repeat leaves it alone */
    assert_fine(r, "{\"conversation\":1}");
    assert_int_equal(rig_stored_commands(r), 2);
    assert_int_equal(count(r, "SELECT count(*) FROM conversations WHERE phone IS NOT NULL OR"
                              " name IS NOT NULL"),
                     0);
    assert_int_equal(count(r, "SELECT count(*) FROM erasures"), 2);
}

static void a_status_that_waits_loses_the_services_words(void **state)
{
    struct rig *r = *state;
    struct event failed = rig_status("m-s", "failed");
    struct resolved said;

    rig_manager_message_done(r, "amo-1", "m-s");
    failed.error_text = VIEW_LIT("Ann has no such number");
    rig_take(r, &failed);
    assert_fine(r, "{\"conversation\":1}");
    rig_resolve(r, COMMAND_AMO_STATUS, &said);
    assert_true(view_is(said.body.error_text, "not delivered"));
    assert_int_equal(said.body.error_code, 905);
    resolved_fini(&said);
}

/* --- on the way ----------------------------------------------------------------------------- */

static void a_result_done_is_settled_as_ever(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct reply reply = erased(r, "{\"conversation\":1}");

    assert_int_equal(removed(&reply, "commands_under_way"), 1);
    assert_true(warns(&reply, "on their way"));
    json_free(reply.doc);
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE,
                               .amo_message_id = VIEW_LIT("amo-1"),
                               .evidence = VIEW_LIT("hello Ann")});
    rig_commit(r);
    assert_message(r, "aamo-1", "delivered_to_amo", NULL);
    assert_int_equal(rig_stored_commands(r), 0);
    assert_int_equal(count(r, EVIDENCE), 0);
    assert_int_equal(count(r, "SELECT count(*) FROM attempts"), 1);
}

struct unhappy {
    uint64_t outcome;
    uint64_t cause;
};

static void any_other_result_gives_it_up(void **state)
{
    static const struct unhappy cases[] = {
        {OUTCOME_DEAD,      CAUSE_REFUSED   },
        {OUTCOME_RETRY,     CAUSE_SERVER    },
        {OUTCOME_UNKNOWN,   CAUSE_TIMEOUT   },
        {OUTCOME_UNKNOWN,   CAUSE_UNREADABLE},
        {OUTCOME_DONE,      CAUSE_NONE      }, /* without amo's id */
        {OUTCOME_HOLD,      CAUSE_THROTTLED },
        {OUTCOME_UNSTARTED, CAUSE_NONE      },
    };

    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        struct rig *r = *state;
        struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");

        assert_fine(r, "{\"conversation\":1}");
        rig_result(r, r->worker, c,
                   (struct result){.outcome = cases[i].outcome,
                                   .cause = cases[i].cause,
                                   .words = VIEW_LIT("Ann is not here"),
                                   .evidence = VIEW_LIT("hello Ann")});
        rig_assert_accounts(r);
        rig_commit(r);
        assert_message(r, "ssvc/m1", "failed", "erased");
        rig_assert_counts(r, 0, 0, 0);
        assert_int_equal(count(r, EVIDENCE), 0);
        assert_int_equal(rig_count(r, COMMAND_AMO_MESSAGE), 0);
        assert_int_equal(rig_count(r, COMMAND_SERVICE_FAILED), 1);
        assert_int_equal(ctl_teardown(state), 0);
        assert_int_equal(ctl_setup(state), 0);
    }
}

static void a_lost_worker_gives_it_up(void **state)
{
    struct rig *r = *state;

    (void)rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    assert_fine(r, "{\"conversation\":1}");
    r->worker->credit = 64;
    dispatch_lost(&r->core, r->worker);
    r->worker->n_in_flight = 0;
    rig_turn(r);
    rig_commit(r);
    assert_message(r, "aamo-1", "failed", "erased");
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), 0);
}

static void after_a_restart_its_answer_is_still_not_written_down(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    uint64_t attempt = c->attempt;
    struct buf held;

    assert_fine(r, "{\"conversation\":1}");
    rig_restart(r);
    c = rig_command(r, COMMAND_AMO_MESSAGE);
    assert_true(c->erased);
    buf_init(&held, 64);
    assert_int_equal(pairs_add(&held, (uint64_t)c->id, attempt), 0);
    dispatch_worker_joined(&r->core, r->worker, buf_view(&held));
    buf_fini(&held);
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE,
                               .amo_message_id = VIEW_LIT("amo-1"),
                               .evidence = VIEW_LIT("hello Ann")});
    rig_commit(r);
    assert_message(r, "ssvc/m1", "delivered_to_amo", NULL);
    assert_int_equal(count(r, EVIDENCE), 0);
}

static void an_unclear_one_is_not_asked_for_any_more(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct command asked[4];

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_UNKNOWN, .cause = CAUSE_UNREADABLE});
    rig_commit(r);
    assert_int_equal(rig_command(r, COMMAND_AMO_MESSAGE)->state, COMMAND_CHECKING);
    assert_fine(r, "{\"conversation\":1}");
    assert_int_equal(rig_count(r, COMMAND_AMO_MESSAGE), 0);
    assert_int_equal(rig_calls(r, clock_mono_ms() + 60000, asked, AMO_COUNT(asked)), 0);
    assert_message(r, "ssvc/m1", "failed", "erased");
}

/* --- others --------------------------------------------------------------------------------- */

/* Somebody else in the same conversation; 79000000001. */
static struct event others_text(const char *id)
{
    struct event e = rig_client_text(id);

    e.sender_id = VIEW_LIT("second");
    e.sender_phone = VIEW_LIT("+7 900 000-00-01");
    return e;
}

static void of_a_group_only_what_the_person_said_goes(void **state)
{
    struct rig *r = *state;
    struct event other = others_text("m2");
    struct reply reply;

    takes(r, rig_client_text("m1"));
    rig_take(r, &other);
    reply = erased(r, "{\"phone\":\"79000000001\"}");
    assert_int_equal(reply.code, 0);
    assert_int_equal(removed(&reply, "commands"), 1);
    assert_int_equal(removed(&reply, "names"), 0);
    json_free(reply.doc);
    assert_message(r, "ssvc/m1", "accepted", NULL);
    assert_message(r, "ssvc/m2", "failed", "erased");
    assert_int_equal(count(r, "SELECT count(*) FROM conversations WHERE phone IS NOT NULL"), 1);
}

static void of_the_persons_own_conversation_others_keep_their_words(void **state)
{
    struct rig *r = *state;
    struct event other = others_text("m2");

    takes(r, rig_client_text("m1"));
    rig_take(r, &other);
    assert_erases(r, "{\"phone\":\"79991234567\"}", "commands", 1,
                  "that others wrote, and that stay: 1");
    assert_message(r, "ssvc/m1", "failed", "erased");
    assert_message(r, "ssvc/m2", "accepted", NULL);
    assert_int_equal(rig_count(r, COMMAND_AMO_MESSAGE), 1);
}

static void a_dead_letter_in_somebody_elses_conversation_goes_too(void **state)
{
    struct rig *r = *state;
    struct event other = others_text("m2");

    rig_client_message_done(r, "m1", "amo-1");
    rig_take(r, &other);
    rig_turn(r);
    rig_result(r, r->worker, rig_command(r, COMMAND_AMO_MESSAGE),
               (struct result){.outcome = OUTCOME_DEAD,
                               .cause = CAUSE_REFUSED,
                               .words = VIEW_LIT("his words"),
                               .evidence = VIEW_LIT("his words again")});
    rig_commit(r);
    assert_int_equal(count(r, EVIDENCE), 1);
    assert_erases(r, "{\"phone\":\"79000000001\"}", "dead_letters", 1, NULL);
    assert_int_equal(count(r, "SELECT count(*) FROM dead WHERE body IS NOT NULL"), 0);
    assert_int_equal(count(r, "SELECT count(*) FROM dead"), 1);
    assert_int_equal(count(r, "SELECT count(*) FROM messages WHERE words IS NOT NULL"), 0);
    assert_int_equal(count(r, EVIDENCE), 0);
}

static void a_dead_letter_of_somebody_else_in_his_conversation_stays(void **state)
{
    struct rig *r = *state;
    struct event other = others_text("m2");

    rig_client_message_done(r, "m1", "amo-1");
    rig_take(r, &other);
    settle_dead(&r->core, rig_command(r, COMMAND_AMO_MESSAGE), "refused", VIEW_LIT("words"));
    rig_commit(r);
    assert_erases(r, "{\"conversation\":1}", "dead_letters", 0,
                  "that others wrote, and that stay: 1");
    assert_int_equal(count(r, "SELECT count(*) FROM dead WHERE body IS NOT NULL"), 1);
}

/* The remote side refused it once, with his phone in its words; it arrived later. */
static void what_was_said_of_him_in_somebody_elses_conversation_goes(void **state)
{
    struct rig *r = *state;
    struct event other = others_text("m2");
    struct core_command *c = NULL;

    rig_client_message_done(r, "m1", "amo-1");
    rig_take(r, &other);
    rig_turn(r);
    c = rig_command(r, COMMAND_AMO_MESSAGE);
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE,
                               .amo_message_id = VIEW_LIT("amo-2"),
                               .evidence = VIEW_LIT("{\"phone\":\"+7 900 000 00 01\"}")});
    rig_commit(r);
    assert_int_equal(count(r, EVIDENCE), 1);
    assert_erases(r, "{\"phone\":\"79000000001\"}", "evidence", 1, NULL);
    assert_int_equal(count(r, EVIDENCE), 0);
}

/* A service that has one name for two clients, whose phones it tells. */
static void a_namesake_with_another_phone_stays_and_is_told(void **state)
{
    struct rig *r = *state;
    struct event other = rig_client_text("m2");

    other.conversation = VIEW_LIT("of another");
    other.sender_phone = VIEW_LIT("+7 900 000-00-01");
    takes(r, rig_client_text("m1"));
    rig_take(r, &other);
    assert_erases(r, "{\"phone\":\"79991234567\"}", "commands", 1, "conversation 2 and 0 more");
    assert_message(r, "ssvc/m1", "failed", "erased");
    assert_message(r, "ssvc/m2", "accepted", NULL);
    assert_int_equal(count(r, "SELECT count(*) FROM conversations WHERE phone IS NOT NULL"), 1);
}

/* Named beside the conversation's client, and yet he: found twice, counted once. */
static void what_is_found_twice_is_counted_once(void **state)
{
    struct rig *r = *state;
    struct event named = rig_client_text("m2");

    named.sender_id = VIEW_LIT("his other name");
    takes(r, rig_client_text("m1"));
    rig_take(r, &named);
    assert_erases(r, "{\"phone\":\"79991234567\",\"dry_run\":true}", "commands", 2, NULL);
    assert_erases(r, "{\"phone\":\"79991234567\"}", "commands", 2, NULL);
}

/* The service tells the phone once, and his name of him in both. */
static void the_same_client_is_found_without_his_phone(void **state)
{
    struct rig *r = *state;
    struct event before = rig_client_text("m1");

    before.conversation = VIEW_LIT("older thread");
    before.sender_phone = VIEW_NONE;
    rig_take(r, &before);
    takes(r, rig_client_text("m2"));
    assert_erases(r, "{\"phone\":\"79991234567\"}", "commands", 2, NULL);
    assert_message(r, "ssvc/m1", "failed", "erased");
    assert_int_equal(count(r, "SELECT count(*) FROM conversations WHERE name IS NOT NULL"), 0);
}

/* Core dies when it has committed and not cleaned: the wish stands, and the next start, or the next
 * question, cleans. */
static void a_death_before_the_cleaning_is_made_good(void **state)
{
    struct rig *r = *state;
    struct reply reply;

    takes(r, rig_client_text("m1"));
    ctl_call(r, "erase", "{\"conversation\":1}");
    for (int64_t until = clock_mono_ms() + DEADLINE_MS;
         !(r->core.erase->running && r->core.erase->running->step > ERASE_COMMITTING);) {
        assert_true(clock_mono_ms() < until);
        ingress_answers(r);
        assert_false(ctl_wait(r, 1, 0, &reply));
    }
    assert_int_equal(count(r, "SELECT count(*) FROM meta WHERE key='rebuild'"), 1);
    rig_restart(r);
    assert_int_equal(count(r, "SELECT count(*) FROM meta WHERE key='rebuild'"), 0);
    /* without a start in between: whoever asks again, by phone, cleans */
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(store_wish_rebuild(r->core.store), 0);
    rig_commit(r);
    reply = erased(r, "{\"phone\":\"79991234567\"}");
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_non_null(strstr(reply.error, "nothing of this person"));
    assert_int_equal(count(r, "SELECT count(*) FROM meta WHERE key='rebuild'"), 0);
}

/* Somebody who reads the file keeps the log from being emptied: the wish outlives him, and starts. */
static void a_reader_in_the_way_is_outlived(void **state)
{
    struct rig *r = *state;
    struct db *reader = NULL;
    struct reply reply = {0};
    int64_t now = clock_mono_ms();
    struct buf why;

    takes(r, rig_client_text("m1"));
    assert_true(files_have(r, "+7 999 123-45-67") || files_have(r, "79991234567"));
    buf_init(&why, 1024);
    assert_int_equal(db_open(store_path(r->core.store), &why, &reader), 0);
    assert_int_equal(db_exec(reader, "BEGIN; SELECT count(*) FROM commands"), 0);
    ctl_call(r, "erase", "{\"phone\":\"79991234567\"}");
    for (int64_t until = now + DEADLINE_MS; clock_mono_ms() < until;) {
        ingress_answers(r);
        now += r->core.erase->running && r->core.erase->running->ticket ? 1000 : 0;
        if (ctl_wait(r, 1, now, &reply))
            break;
    }
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_true(warns(&reply, "could not be emptied in time"));
    json_free(reply.doc);
    assert_int_equal(count(r, "SELECT count(*) FROM meta WHERE key='rebuild'"), 1);
    rig_restart(r); /* is not held up, and forgets nothing */
    assert_int_equal(count(r, "SELECT count(*) FROM meta WHERE key='rebuild'"), 1);
    reply = ctl_ask(r, "doctor", "{}");
    assert_true(has_check(&reply, "traces of people who were erased"));
    json_free(reply.doc);
    db_close(reader);
    buf_fini(&why);
    rig_restart(r);
    assert_int_equal(count(r, "SELECT count(*) FROM meta WHERE key='rebuild'"), 0);
    assert_false(files_have(r, "hello"));
    assert_false(files_have(r, "9991234567"));
    reply = ctl_ask(r, "doctor", "{}");
    assert_false(has_check(&reply, "traces of people who were erased"));
    json_free(reply.doc);
}

static void an_ingress_that_says_nothing_is_named(void **state)
{
    struct rig *r = *state;
    struct reply reply = {0};
    int64_t now = clock_mono_ms();

    takes(r, rig_client_text("m1"));
    ctl_call(r, "erase", "{\"conversation\":1}");
    r->ingress->spool_events = 12;
    for (int64_t until = now + DEADLINE_MS; clock_mono_ms() < until;) {
        r->ingress->heard_mono_ms = clock_mono_ms() + 1000000;
        /* not while the store is cleaned, which takes as long as it takes */
        if (r->core.erase->running && r->core.erase->running->step < ERASE_CLEAN)
            now += 1000;
        if (ctl_wait(r, 1, now, &reply))
            break;
    }
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_non_null(strstr(reply.error, "not everywhere"));
    assert_true(warns(&reply, "ingress ingress has not let go of what it holds (events that "
                              "core has not taken: 12)"));
    assert_int_equal(removed(&reply, "commands"), 1);
    json_free(reply.doc);
}

/* What came while core looked is in the spool yet: it asks a second time, and says when nobody
 * answers that. */
static void the_second_turn_is_waited_for_too(void **state)
{
    struct rig *r = *state;
    struct reply reply = {0};
    int64_t now = clock_mono_ms();
    uint64_t first = 0;

    takes(r, rig_client_text("m1"));
    ctl_call(r, "erase", "{\"conversation\":1}");
    for (int64_t until = now + DEADLINE_MS; clock_mono_ms() < until;) {
        if (r->core.erase->running && first == 0)
            first = r->ingress->turned = r->core.erase->running->turn;
        r->ingress->heard_mono_ms = clock_mono_ms() + 1000000;
        if (r->core.erase->running && r->core.erase->running->step == ERASE_SPOOLS_AGAIN)
            now += 1000;
        if (ctl_wait(r, 1, now, &reply))
            break;
    }
    assert_true(first > 0);
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_true(warns(&reply, "ingress ingress has not let go"));
    assert_int_equal(removed(&reply, "commands"), 1);
    json_free(reply.doc);
}

/* Evidence of a call that was about no message: of a command that waits, or of one long gone. */
static void evidence_without_a_message_goes_too(void **state)
{
    struct rig *r = *state;
    struct attempt_row of_waiting = {.evidence = VIEW_LIT("hello Ann")};
    struct attempt_row loose = {.command = 900, .evidence = VIEW_LIT("to 79991234567")};
    struct attempt_row other = {.command = 901, .evidence = VIEW_LIT("to 79990000000")};

    takes(r, rig_client_text("m1"));
    of_waiting.command = rig_command(r, COMMAND_AMO_MESSAGE)->id;
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(store_attempt_add(r->core.store, &of_waiting), 0);
    assert_int_equal(store_attempt_add(r->core.store, &loose), 0);
    assert_int_equal(store_attempt_add(r->core.store, &other), 0);
    rig_commit(r);
    assert_erases(r, "{\"phone\":\"79991234567\",\"dry_run\":true}", "evidence", 2, NULL);
    assert_int_equal(count(r, EVIDENCE), 3);
    assert_erases(r, "{\"phone\":\"79991234567\"}", "evidence", 2, NULL);
    assert_int_equal(count(r, EVIDENCE), 1);
    assert_int_equal(count(r, "SELECT command FROM attempts WHERE evidence IS NOT NULL"), 901);
}

static void an_event_that_waits_goes_and_makes_room(void **state)
{
    struct rig *r = *state;

    takes(r, rig_client_text("m1"));
    takes(r, rig_edit("m-not-there-yet", "his other words"));
    assert_int_equal(r->core.intake->n_deferred, 1);
    assert_erases(r, "{\"conversation\":1}", NULL, 0, "it is not known who wrote them: 1;");
    assert_int_equal(r->core.intake->n_deferred, 1);
    assert_erases(r, "{\"conversation\":1,\"unowned\":true}", "waiting_events", 1, NULL);
    assert_int_equal(r->core.intake->n_deferred, 0);
    rig_assert_counts(r, 0, 0, 0);
}

static void what_is_set_aside_for_its_account_goes_too(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("w-1");

    takes(r, rig_client_text("m1"));
    r->core.queue->max = 3;
    e.chat_id = VIEW_LIT("chat-9");
    e.receiver_phone = VIEW_LIT("79991234567");
    takes(r, e);
    e.message_id = VIEW_LIT("w-2");
    takes(r, e);
    assert_int_equal(r->core.intake->n_aside, 1);
    assert_erases(r, "{\"phone\":\"79991234567\"}", "waiting_events", 1, NULL);
    assert_int_equal(r->core.intake->n_aside, 0);
    assert_int_equal(r->core.intake->n_deferred, 0);
}

static void damaged_files_are_told(void **state)
{
    struct rig *r = *state;

    takes(r, rig_client_text("m1"));
    r->ingress->kept_files = 2;
    assert_erases(r, "{\"conversation\":1}", NULL, 0, "not searched: 2;");
}

static void a_large_store_is_written_anew_at_the_next_start(void **state)
{
    struct rig *r = *state;
    struct reply reply;

    takes(r, rig_client_text("m1"));
    r->core.erase->rebuild_max_bytes = 0;
    assert_erases(r, "{\"conversation\":1}", NULL, 0, "too large to be rewritten");
    reply = erased(r, "{\"phone\":\"79991234567\"}");
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_non_null(strstr(reply.error, "traces of what was erased before"));
    assert_int_equal(count(r, "SELECT count(*) FROM meta WHERE key='rebuild'"), 1);
    rig_restart(r);
    assert_int_equal(count(r, "SELECT count(*) FROM meta WHERE key='rebuild'"), 0);
    assert_message(r, "ssvc/m1", "failed", "erased");
}

static void there_is_one_at_a_time_and_it_ends_without_who_asked(void **state)
{
    struct rig *r = *state;
    struct reply reply = {0};

    takes(r, rig_client_text("m1"));
    r->ingress->heard_mono_ms = clock_mono_ms() + 1000000; /* alive, and says nothing yet */
    ctl_begin(r, "erase", "{\"conversation\":1}");
    assert_non_null(r->core.erase->running);
    ctl_call(r, "erase", "{\"conversation\":1}");
    assert_true(ctl_wait(r, DEADLINE_MS, clock_mono_ms(), &reply));
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_non_null(strstr(reply.error, "another erasure"));
    control_forget_waits(&r->core); /* nobody waits any more */
    for (int64_t until = clock_mono_ms() + DEADLINE_MS;
         r->core.erase->running && clock_mono_ms() < until;) {
        ingress_answers(r);
        assert_false(ctl_wait(r, 1, 0, &reply));
    }
    assert_null(r->core.erase->running);
    assert_message(r, "ssvc/m1", "failed", "erased");
}

static void a_dry_run_changes_nothing(void **state)
{
    struct rig *r = *state;
    struct reply reply;

    takes(r, rig_client_text("m1"));
    reply = erased(r, "{\"phone\":\"79991234567\",\"dry_run\":true}");
    assert_int_equal(reply.code, 0);
    assert_int_equal(removed(&reply, "commands"), 1);
    assert_int_equal(removed(&reply, "names"), 1);
    json_free(reply.doc);
    assert_message(r, "ssvc/m1", "accepted", NULL);
    assert_int_equal(rig_stored_commands(r), 1);
    assert_int_equal(count(r, "SELECT count(*) FROM erasures"), 0);
}

/* --- a failing store ------------------------------------------------------------------------ */

/* Is it all there, or all gone? */
static bool is_whole(struct rig *r)
{
    int64_t names = count(r, "SELECT count(*) FROM conversations WHERE phone IS NOT NULL");
    int64_t bodies = count(r, "SELECT count(*) FROM commands WHERE kind IN (1,6)");
    int64_t quarantine = count(r, "SELECT count(*) FROM quarantine WHERE event IS NOT NULL");

    if (names != (bodies == 2) || names != quarantine)
        fail_msg("half erased: %lld %lld %lld", (long long)names, (long long)bodies,
                 (long long)quarantine);
    return names == 1;
}

static void whichever_call_fails_it_is_all_or_nothing_and_a_repeat_ends_it(void **state)
{
    struct rig *r = *state;
    struct event kept = rig_manager_text("amo-2");
    bool done = false;
    int fails = 0;

    kept.scope = VIEW_LIT("ch_unknown");
    takes(r, rig_client_text("m1"));
    takes(r, rig_manager_text("amo-1"));
    rig_take(r, &kept);
    rig_assert_counts(r, 0, 1, 0);
    for (uint64_t nth = 1; !done && nth < 400; nth++) {
        struct reply reply = {0};

        ctl_call(r, "erase", "{\"phone\":\"79991234567\"}");
        db_fail_at(nth);
        done = answered(r, &reply) && reply.code == 0;
        db_fail_at(0);
        json_free(reply.doc);
        fails += r->core.turn->exit_code != 0;
        if (r->core.turn->exit_code)
            rig_restart(r);
        if (!is_whole(r) && !done) { /* committed, and not told */
            assert_fine(r, "{\"conversation\":1}");
            done = true;
        }
    }
    if (!done || fails <= 20)
        fail_msg("done %d fails %d", done, fails);
    assert_false(is_whole(r));
    assert_message(r, "ssvc/m1", "failed", "erased");
}

/* As only a broken edge would send it, and an older core has kept it. */
static void an_entry_that_cannot_be_looked_up_is_nobodys(void **state)
{
    struct rig *r = *state;
    struct event odd = rig_status("s-1", "delivered");
    char connector[600];
    struct buf bytes;

    memset(connector, 'c', sizeof(connector));
    odd.connector = view_make(connector, sizeof(connector));
    buf_init(&bytes, 1 << 16);
    assert_int_equal(event_encode(&odd, &bytes), 0);
    takes(r, rig_client_text("m1"));
    rig_push_bytes(r, r->next_number++, buf_view(&bytes), false);
    rig_commit(r);
    rig_assert_counts(r, 0, 1, 0);
    buf_fini(&bytes);
    assert_fine(r, "{\"phone\":\"79991234567\"}");
    assert_int_equal(r->core.turn->exit_code, 0);
    rig_assert_counts(r, 0, 1, 0);
}

/* And whatever else goes wrong about one row is the verb's failure, not core's. */
/* An account that is paused for long may have very many. */
static void very_many_that_are_set_aside_go_as_fast_as_they_came(void **state)
{
    struct rig *r = *state;
    const int n = 16000;
    int64_t began = 0;
    int64_t wrote_ms = 0;
    struct reply reply;
    struct buf bytes;

    takes(r, rig_client_text("m1"));
    assert_int_equal(core_turn(&r->core), 0);
    buf_init(&bytes, 1 << 16);
    began = clock_mono_ms();
    for (int i = 0; i < n; i++) {
        const struct aside_row row = {.at_ms = clock_unix_ms()};
        struct event e = rig_manager_text("w");

        buf_reset(&bytes);
        assert_int_equal(event_encode(&e, &bytes), 0);
        assert_int_equal(
            store_aside_add(r->core.store, VIEW_LIT("ch_acc"), buf_view(&bytes), &row), 0);
    }
    buf_fini(&bytes);
    rig_commit(r);
    wrote_ms = clock_mono_ms() - began;
    assert_int_equal(intake_count(&r->core), 0);
    began = clock_mono_ms();
    reply = erased(r, "{\"phone\":\"79991234567\"}");
    began = clock_mono_ms() - began;
    print_message("written in %lld ms, erased in %lld ms\n", (long long)wrote_ms,
                  (long long)began);
    assert_int_equal(removed(&reply, "waiting_events"), n);
    json_free(reply.doc);
    assert_int_equal(r->core.intake->n_aside, 0);
    assert_true(began < 4 * wrote_ms);
}

static void an_error_of_one_row_is_an_answer(void **state)
{
    struct rig *r = *state;
    int failed = 0;

    takes(r, rig_client_text("m1"));
    db_fail_as_row(true);
    for (uint64_t nth = 1; nth < 120; nth += 3) {
        struct reply reply = {0};

        ctl_call(r, "erase", "{\"phone\":\"79991234567\",\"dry_run\":true}");
        db_fail_at(nth);
        assert_true(answered(r, &reply));
        db_fail_at(0);
        assert_int_equal(r->core.turn->exit_code, 0);
        failed += reply.code == EXIT_FAILED;
        json_free(reply.doc);
        rig_commit(r);
    }
    db_fail_as_row(false);
    assert_true(failed > 3);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)
    const struct CMUnitTest tests[] = {
        CASE(an_entry_that_cannot_be_looked_up_is_nobodys),
        CASE(an_error_of_one_row_is_an_answer),
        CASE(what_waits_is_given_up_and_its_writer_told),
        CASE(a_status_that_waits_loses_the_services_words),
        CASE(a_result_done_is_settled_as_ever),
        CASE(any_other_result_gives_it_up),
        CASE(a_lost_worker_gives_it_up),
        CASE(after_a_restart_its_answer_is_still_not_written_down),
        CASE(an_unclear_one_is_not_asked_for_any_more),
        CASE(of_a_group_only_what_the_person_said_goes),
        CASE(of_the_persons_own_conversation_others_keep_their_words),
        CASE(a_dead_letter_in_somebody_elses_conversation_goes_too),
        CASE(a_dead_letter_of_somebody_else_in_his_conversation_stays),
        CASE(what_was_said_of_him_in_somebody_elses_conversation_goes),
        CASE(a_namesake_with_another_phone_stays_and_is_told),
        CASE(what_is_found_twice_is_counted_once),
        CASE(a_reader_in_the_way_is_outlived),
        CASE(the_same_client_is_found_without_his_phone),
        CASE(a_death_before_the_cleaning_is_made_good),
        CASE(an_ingress_that_says_nothing_is_named),
        CASE(the_second_turn_is_waited_for_too),
        CASE(evidence_without_a_message_goes_too),
        CASE(an_event_that_waits_goes_and_makes_room),
        CASE(what_is_set_aside_for_its_account_goes_too),
        CASE(very_many_that_are_set_aside_go_as_fast_as_they_came),
        CASE(damaged_files_are_told),
        CASE(a_large_store_is_written_anew_at_the_next_start),
        CASE(there_is_one_at_a_time_and_it_ends_without_who_asked),
        CASE(a_dry_run_changes_nothing),
        CASE(whichever_call_fails_it_is_all_or_nothing_and_a_repeat_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
