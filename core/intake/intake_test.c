#include "core/intake/intake.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "core/deliver/resolve.h"
#include "core/peers/spools.h"
#include "core/store/db.h"
#include "core/testing/rig.h"
#include "core/watch.h"
#include "proto/limits.h"
#include "proto/session.h"

#define HOUR_MS 3600000LL

static void take(struct rig *r, const struct event *e)
{
    (void)rig_push(r, e);
    rig_commit(r);
    assert_int_equal(r->core.turn->exit_code, 0);
}

/* --- once ----------------------------------------------------------------------------------- */

static void an_event_becomes_a_message_and_a_command_before_it_is_taken(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    uint64_t number = rig_push(r, &e);
    struct message m;
    struct core_command *c = NULL;

    assert_int_equal(pairs_count(buf_view(&r->ingress->acks)),
                     1); /* after the commit, not now */
    rig_commit(r);
    assert_int_equal(r->ingress->acks.len, 0);
    assert_true(taken_has(&r->ingress->spool->taken, number));
    m = rig_message(r, "msvc-m1");
    assert_int_equal(m.direction, MESSAGE_INBOUND);
    assert_string_equal(m.service_id, "m1");
    assert_int_equal(m.state, MESSAGE_ACCEPTED);
    c = rig_command(r, COMMAND_AMO_MESSAGE);
    assert_int_equal(c->message, m.id);
    assert_int_equal(c->state, COMMAND_READY);
    assert_false(c->tried);
    message_fini(&m);
}

static void what_was_taken_is_known_after_a_restart(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    uint64_t number = 0;
    struct core_command *c = NULL;

    take(r, &e);
    number = r->next_number - 1;
    rig_restart(r);
    assert_true(taken_has(&r->ingress->spool->taken, number));
    assert_int_equal(r->ingress->spool->taken.mark, number);
    c = rig_command(r, COMMAND_AMO_MESSAGE);
    assert_non_null(c);
    assert_true(c->tried); /* it may have been on its way */
}

static void a_repeat_is_acknowledged_but_not_stored_twice(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct buf bytes;

    take(r, &e);
    buf_init(&bytes, 1 << 16);
    assert_int_equal(event_encode(&e, &bytes), 0);
    assert_false(spools_differ(r->ingress->spool, r->next_number - 1, buf_view(&bytes)));
    assert_true(spools_differ(r->ingress->spool, r->next_number - 1, VIEW_LIT("other bytes")));
    assert_false(spools_differ(r->ingress->spool, r->next_number + 511, VIEW_LIT("unknown")));
    rig_push_bytes(r, r->next_number - 1, buf_view(&bytes), false); /* the same number */
    assert_int_equal(pairs_count(buf_view(&r->ingress->acks)), 1);
    rig_commit(r);
    (void)rig_push(r, &e); /* the service sent it twice */
    assert_int_equal(pairs_count(buf_view(&r->ingress->acks)), 1);
    rig_commit(r);
    assert_int_equal(rig_stored_commands(r), 1);
    assert_int_equal(queue_count(r->core.queue), 1);
    rig_assert_counts(r, 0, 0, 0);
    buf_fini(&bytes);
}

static void a_repeat_of_a_settled_message_makes_no_new_call(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct event e = rig_client_text("m1");

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE, .amo_message_id = VIEW_LIT("amo-1")});
    rig_turn(r);
    take(r, &e);
    assert_int_equal(queue_count(r->core.queue), 0);
}

static void our_own_message_coming_back_from_amo_is_no_message(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct event e = rig_manager_text("amo-1");

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE,
                               .amo_message_id = VIEW_LIT("amo-1"),
                               .amo_chat_id = VIEW_LIT("chat")});
    rig_turn(r);
    take(r, &e);
    assert_int_equal(queue_count(r->core.queue), 0);
    rig_assert_counts(r, 0, 0, 0);
}

/* --- poison --------------------------------------------------------------------------------- */

static void a_poison_event_goes_to_quarantine_and_the_rest_of_the_turn_stands(void **state)
{
    struct rig *r = *state;
    struct event first = rig_client_text("m1");
    struct event last = rig_client_text("m2");

    (void)rig_push(r, &first);
    rig_push_bytes(r, r->next_number++, VIEW_LIT("\x93no event"), false);
    (void)rig_push(r, &last);
    assert_int_equal(pairs_count(buf_view(&r->ingress->acks)), 3); /* it counts as taken */
    rig_commit(r);
    assert_int_equal(r->core.turn->exit_code, 0);
    rig_assert_counts(r, 0, 1, 0);
    rig_assert_quarantined(r, "failed");
    assert_true(rig_has_message(r, "msvc-m1"));
    assert_true(rig_has_message(r, "msvc-m2"));
    assert_int_equal(queue_count(r->core.queue), 2);
    assert_int_equal(rig_stored_commands(r), 2);
}

static void a_suspect_event_is_quarantined_unread(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct buf bytes;

    buf_init(&bytes, 1 << 16);
    assert_int_equal(event_encode(&e, &bytes), 0);
    rig_push_bytes(r, r->next_number++, buf_view(&bytes), true);
    rig_commit(r);
    rig_assert_counts(r, 0, 1, 0);
    rig_assert_quarantined(r, "suspect");
    assert_int_equal(queue_count(r->core.queue), 0);
    assert_true(taken_has(&r->ingress->spool->taken, r->next_number - 1));
    buf_fini(&bytes);
}

static void events_that_cannot_cross_are_kept_with_a_reason(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("amo-1");

    e.scope = VIEW_LIT("ch_unknown");
    take(r, &e);
    rig_assert_quarantined(r, "unknown_scope");
    e = rig_client_text("m1");
    e.connector = VIEW_LIT("nobody");
    take(r, &e);
    rig_assert_quarantined(r, "connector_without_account");
    e = rig_client_text("m2");
    e.content.type = VIEW_LIT("unknown");
    take(r, &e);
    rig_assert_quarantined(r, "unsupported_type");
    e = rig_manager_text("amo-2");
    e.sent_ms -= 181LL * 24 * HOUR_MS; /* a replayed capture */
    take(r, &e);
    rig_assert_quarantined(r, "too_old");
    rig_assert_counts(r, 0, 4, 0);
    assert_int_equal(queue_count(r->core.queue), 0);
}

/* A copied spool sends it again, when what it was for may be back. */
static void what_stands_in_quarantine_and_comes_again_stands_there_once(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct event m = rig_manager_text("amo-1");

    e.connector = VIEW_LIT("two");
    m.scope = VIEW_LIT("ch_two");
    take(r, &e);
    take(r, &m);
    rig_assert_counts(r, 0, 2, 0);
    rig_register_second(r);
    take(r, &e);
    take(r, &m);
    rig_assert_counts(r, 0, 2, 0);
    assert_int_equal(queue_count(r->core.queue), 0);
    e.trace = rig_client_text("m1").trace; /* the service itself sends it again */
    take(r, &e);
    rig_assert_counts(r, 0, 2, 0);
    assert_int_equal(queue_count(r->core.queue), 1);
}

static void events_of_another_spool_are_left_alone(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");

    memset(r->spool.bytes, 1, sizeof(r->spool.bytes)); /* not the one of its HELLO */
    (void)rig_push(r, &e);
    assert_int_equal(r->ingress->acks.len, 0);
    rig_commit(r);
    assert_int_equal(queue_count(r->core.queue), 0);
}

static void what_comes_under_a_taken_number_is_told_and_not_applied(void **state)
{
    static struct testing_words words;
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct event other = rig_client_text("m2");
    uint64_t number = rig_push(r, &e);
    struct buf bytes;
    char line[160];

    rig_commit(r);
    buf_init(&bytes, 1 << 16);
    assert_int_equal(event_encode(&e, &bytes), 0);
    testing_listen(&words);
    rig_push_bytes(r, number, buf_view(&bytes), false);
    assert_null(strstr(testing_heard(&words), "what=spool.other_bytes")); /* a repeat is none */
    buf_reset(&bytes);
    assert_int_equal(event_encode(&other, &bytes), 0);
    testing_listen(&words);
    rig_push_bytes(r, number, buf_view(&bytes), false);
    (void)snprintf(line, sizeof(line), "what=spool.other_bytes name=%s number=%" PRIu64,
                   r->ingress->name, number); /* fits */
    if (!strstr(testing_heard(&words), line))
        fail_msg("%s not in: %s", line, words.text);
    rig_commit(r);
    assert_false(rig_has_message(r, "msvc-m2"));
    assert_int_equal(queue_count(r->core.queue), 1);
    buf_fini(&bytes);
}

#define LARGE ((size_t)4 << 20)

static void push_large(struct rig *r, size_t n, size_t size)
{
    struct buf body;
    char *bytes = test_calloc(1, size);

    buf_init(&body, LIMIT_FRAME_BYTES);
    assert_int_equal(event_push_begin(&body, &r->spool, 1, n), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(event_push_add(&body, r->next_number++, view_make(bytes, size), false),
                         0);
    intake_push(&r->core, r->ingress, buf_view(&body));
    buf_fini(&body);
    test_free(bytes);
}

static void more_bytes_than_the_credit_end_the_session(void **state)
{
    struct rig *r = *state;

    push_large(r, 1, LIMIT_CREDIT_BYTES + 1); /* alone it may */
    assert_false(r->ingress->ended);
    rig_commit(r);
    push_large(r, 2, LARGE); /* the whole credit */
    assert_false(r->ingress->ended);
    rig_commit(r);
    push_large(r, 3, LARGE);
    assert_true(r->ingress->ended);
    assert_int_equal(pairs_count(buf_view(&r->ingress->acks)),
                     2); /* what was within it stands */
    rig_commit(r);
    rig_assert_counts(r, 0, 5, 0);
}

/* As a process does that was taken over and owns the spool: it says that all below @low is done. */
static void a_spool_gives_up_no_number_that_core_never_saw(void **state)
{
    struct rig *r = *state;
    struct event first = rig_client_text("m1");
    struct event next = rig_client_text("m2");
    struct buf body;

    take(r, &first);
    buf_init(&body, 1 << 10);
    assert_int_equal(event_push_begin(&body, &r->spool, r->ingress->spool->taken.mark + 100, 0),
                     0);
    intake_push(&r->core, r->ingress, buf_view(&body));
    take(r, &next);
    assert_true(rig_has_message(r, "msvc-m2"));
    buf_fini(&body);
}

/* --- the store fails ------------------------------------------------------------------------ */

static void whichever_store_call_fails_nothing_is_taken_and_nothing_is_lost(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct buf bytes;
    uint64_t n = 0;
    bool failed = false;

    buf_init(&bytes, 1 << 16);
    assert_int_equal(event_encode(&e, &bytes), 0);
    do {
        db_fail_at(++n);
        rig_push_bytes(r, 1, buf_view(&bytes), false);
        rig_commit(r);
        db_fail_at(0);
        failed = r->core.turn->exit_code != 0;
        if (!failed)
            break;
        assert_int_equal(r->core.turn->exit_code, EXIT_TEMPORARY);
        rig_restart(r); /* as the service manager does */
        assert_false(taken_has(&r->ingress->spool->taken, 1));
        assert_int_equal(rig_stored_commands(r), 0);
        rig_assert_counts(r, 0, 0, 0);
    } while (n < 100);
    assert_true(n > 8 && n < 100);
    assert_int_equal(rig_stored_commands(r), 1);
    assert_int_equal(queue_count(r->core.queue), 1);
    assert_true(taken_has(&r->ingress->spool->taken, 1));
    buf_fini(&bytes);
}

static void without_memory_nothing_is_taken_and_nothing_leaks(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct buf bytes;
    uint64_t n = 0;

    buf_init(&bytes, 1 << 16);
    assert_int_equal(event_encode(&e, &bytes), 0);
    for (n = 1; n < 200; n++) {
        r->fail_memory_at = n;
        rig_push_bytes(r, 1, buf_view(&bytes), false);
        rig_commit(r);
        if (r->core.turn->exit_code == 0 && queue_count(r->core.queue) == 1)
            break;
        if (r->core.turn->exit_code) {
            rig_restart(r);
            assert_false(taken_has(&r->ingress->spool->taken, 1));
        }
        assert_int_equal(rig_stored_commands(r), 0);
    }
    assert_true(n > 8 && n < 200);
    assert_int_equal(rig_stored_commands(r), 1);
    rig_assert_counts(r, 0, 0, 0); /* no memory is no poison */
    buf_fini(&bytes);
}

/* --- conversations -------------------------------------------------------------------------- */

static struct conversation by_thread(struct rig *r, const char *thread)
{
    struct conversation c;

    assert_int_equal(store_conversation_by_service(r->core.store, VIEW_LIT("svc"),
                                                   VIEW_LIT("line1"), view_of(thread), &c),
                     0);
    return c;
}

static void messages_of_one_thread_share_a_lane_and_both_directions_have_their_own(void **state)
{
    struct rig *r = *state;
    struct event one = rig_client_text("m1");
    struct event two = rig_client_text("m2");
    struct event out = rig_manager_text("amo-1");
    struct conversation c;
    struct core_command *to_service = NULL;

    take(r, &one);
    take(r, &two);
    c = by_thread(r, "thread");
    assert_int_equal(store_chat_put(r->core.store, VIEW_LIT("ch_acc"), VIEW_LIT("chat"), c.id),
                     0);
    take(r, &out);
    to_service = rig_command(r, COMMAND_SERVICE_MESSAGE);
    assert_non_null(to_service);
    assert_int_equal(to_service->state, COMMAND_READY); /* not behind what goes to amo */
    assert_int_equal(table_count(r->core.queue->lanes), 2);
    conversation_fini(&c);
}

static void a_client_who_answers_a_first_message_is_in_the_same_conversation(void **state)
{
    struct rig *r = *state;
    struct event first = rig_manager_text("amo-1");
    struct event answer = rig_client_text("m1");
    struct conversation c;
    struct conversation by_chat;

    take(r, &first);
    take(r, &answer); /* the service's answer to our call has not taught us the thread yet */
    c = by_thread(r, "thread");
    assert_int_equal(store_conversation_by_chat(r->core.store, VIEW_LIT("ch_acc"),
                                                VIEW_LIT("chat"), &by_chat),
                     0);
    assert_int_equal(c.id, by_chat.id);
    assert_string_equal(c.source, "line1");
    assert_string_equal(c.contact, "client");
    conversation_fini(&c);
    conversation_fini(&by_chat);
    answer = rig_client_text("m2"); /* and stays there */
    take(r, &answer);
    assert_int_equal(table_count(r->core.queue->lanes), 2);
}

static void a_thread_learnt_without_its_source_is_found_when_the_client_answers(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    struct event answer = rig_client_text("m1");
    struct conversation by_chat;
    struct conversation conv;

    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE,
                               .service_message_id = VIEW_LIT("s-1"),
                               .service_conversation = VIEW_LIT("thread")});
    rig_commit(r);
    take(r, &answer);
    conv = by_thread(r, "thread");
    assert_int_equal(store_conversation_by_chat(r->core.store, VIEW_LIT("ch_acc"),
                                                VIEW_LIT("chat"), &by_chat),
                     0);
    assert_int_equal(conv.id, by_chat.id); /* no second chat for one client */
    conversation_fini(&conv);
    conversation_fini(&by_chat);
}

static void a_manager_who_names_no_number_reaches_the_clients_own_conversation(void **state)
{
    struct rig *r = *state;
    struct event first = rig_client_text("m1");
    struct event card = rig_manager_text("amo-1");
    struct conversation by_chat;
    struct conversation conv;

    take(r, &first);
    take(r, &card); /* from another card: a chat we do not know */
    conv = by_thread(r, "thread");
    assert_int_equal(store_conversation_by_chat(r->core.store, VIEW_LIT("ch_acc"),
                                                VIEW_LIT("chat"), &by_chat),
                     0);
    assert_int_equal(conv.id, by_chat.id);
    assert_string_equal(conv.chat_id, "chat");
    conversation_fini(&conv);
    conversation_fini(&by_chat);
}

static void a_second_card_writes_into_the_conversation_of_the_phone(void **state)
{
    struct rig *r = *state;
    struct event first = rig_manager_text("amo-1");
    struct event second = rig_manager_text("amo-2");
    struct conversation one;
    struct conversation two;

    second.chat_id = VIEW_LIT("chat-2");
    take(r, &first);
    take(r, &second);
    assert_int_equal(
        store_conversation_by_chat(r->core.store, VIEW_LIT("ch_acc"), VIEW_LIT("chat"), &one),
        0);
    assert_int_equal(
        store_conversation_by_chat(r->core.store, VIEW_LIT("ch_acc"), VIEW_LIT("chat-2"), &two),
        0);
    assert_int_equal(one.id, two.id);
    assert_string_equal(two.chat_id, "chat-2"); /* answers go to the chat last written to */
    conversation_fini(&one);
    conversation_fini(&two);
}

static void a_refused_message_is_kept_and_the_manager_is_told(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("amo-1");
    struct core_command *c = NULL;
    struct resolved body;

    e.content.type = VIEW_LIT("picture");
    e.content.text = VIEW_LIT("");
    take(r, &e);
    rig_assert_counts(r, 0, 1, 0);
    rig_assert_quarantined(r, "nothing_to_deliver");
    c = rig_command(r, COMMAND_AMO_STATUS);
    assert_non_null(c);
    assert_int_equal(resolve_command(&r->core, c, &body), 0);
    assert_int_equal(body.body.status_code, -1);
    assert_int_equal(body.body.error_code, 905);
    assert_true(view_is(body.body.message_id, "amo-1"));
    assert_true(view_is(body.body.scope, "ch_acc"));
    resolved_fini(&body);
}

static void what_leaves_is_resolved_when_it_is_dispatched(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("amo-1");
    struct core_command *c = NULL;
    struct resolved body;
    struct conversation conv;

    take(r, &e);
    c = rig_command(r, COMMAND_SERVICE_MESSAGE);
    assert_int_equal(resolve_command(&r->core, c, &body), 0);
    assert_true(body.body.write_first);
    assert_null(body.body.conversation.ptr);
    assert_true(view_is(body.body.receiver_phone, "89991234567")); /* as it came */
    assert_int_equal(body.body.key.len, 45); /* "amo-h" and 40 hex digits */
    assert_true(view_is(body.body.content.text, "good day"));
    resolved_fini(&body);
    assert_int_equal(
        store_conversation_by_chat(r->core.store, VIEW_LIT("ch_acc"), VIEW_LIT("chat"), &conv),
        0);
    conv.service_id = mem_strdup("thread"); /* learnt while it waited */
    assert_int_equal(store_conversation_update(r->core.store, &conv), 0);
    conversation_fini(&conv);
    assert_int_equal(resolve_command(&r->core, c, &body), 0);
    assert_false(body.body.write_first);
    assert_true(view_is(body.body.conversation, "thread"));
    resolved_fini(&body);
}

/* --- statuses ------------------------------------------------------------------------------- */

static void
a_status_before_its_message_waits_and_is_released_when_the_id_is_learnt(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    struct event e = rig_status("svc-id", "delivered");
    struct message m;

    take(r, &e);
    rig_assert_counts(r, 0, 0, 1);
    assert_null(rig_command(r, COMMAND_AMO_STATUS));
    rig_result(r, r->worker, c,
               (struct result){.outcome = OUTCOME_DONE,
                               .service_message_id = VIEW_LIT("svc-id"),
                               .service_conversation = VIEW_LIT("thread")});
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
    assert_non_null(rig_command(r, COMMAND_AMO_STATUS));
    m = rig_message(r, "ssvc/svc-id");
    assert_int_equal(m.reported_status, 1);
    assert_int_equal(m.state, MESSAGE_DELIVERED_TO_SERVICE);
    message_fini(&m);
}

static void what_waits_has_a_bound(void **state)
{
    struct rig *r = *state;
    struct event e = rig_status("svc-1", "delivered");

    take(r, &e);
    rig_restart(r);
    assert_int_equal(r->core.intake->n_deferred, 1);
    r->core.intake->n_deferred = LIMIT_WAITING_ALL;
    e = rig_status("svc-2", "delivered");
    take(r, &e);
    rig_assert_counts(r, 0, 1, 1);
    rig_assert_quarantined(r, "too_many_waiting");
}

static void a_status_named_by_our_own_id_needs_no_waiting(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    struct message m = rig_message(r, "aamo-1");
    struct event e = rig_status(m.mid, "read");

    assert_int_equal(c->message, m.id);
    take(r, &e);
    assert_non_null(rig_command(r, COMMAND_AMO_STATUS));
    message_fini(&m);
}

static void a_status_whose_message_never_came_is_kept_for_a_person(void **state)
{
    struct rig *r = *state;
    struct event e = rig_status("svc-id", "delivered");
    struct buf bytes;

    buf_init(&bytes, 1 << 16);
    assert_int_equal(event_encode(&e, &bytes), 0);
    assert_int_equal(store_deferred_add(r->core.store, "ssvc/svc-id", buf_view(&bytes), "csvc",
                                        clock_unix_ms() - 1),
                     0);
    r->core.intake->n_deferred = 1;
    for (int i = 0; i < 5; i++)
        watch_tick(&r->core);
    rig_commit(r);
    rig_assert_counts(r, 0, 1, 0);
    rig_assert_quarantined(r, "unknown_message");
    buf_fini(&bytes);
}

static void delivered_is_dropped_when_read_waits_behind_it(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    struct event delivered = rig_status("svc-id", "delivered");
    struct event read = rig_status("svc-id", "read");
    struct core_command *left = NULL;
    struct resolved body;

    rig_result(
        r, r->worker, c,
        (struct result){.outcome = OUTCOME_DONE, .service_message_id = VIEW_LIT("svc-id")});
    rig_commit(r);
    take(r, &delivered);
    take(r, &read);
    assert_int_equal(queue_count(r->core.queue), 2);
    rig_turn(r);
    left = rig_command(r, COMMAND_AMO_STATUS);
    assert_non_null(left);
    assert_int_equal(left->state, COMMAND_IN_FLIGHT);
    assert_int_equal(resolve_command(&r->core, left, &body), 0);
    assert_int_equal(body.body.status_code, 2);
    resolved_fini(&body);
    rig_assert_accounts(r);
}

static void two_statuses_teach_the_thread_only_once(void **state)
{
    struct rig *r = *state;
    struct core_command *c = rig_in_flight(r, COMMAND_SERVICE_MESSAGE, "amo-1");
    struct event other = rig_client_text("m1");
    struct event e = rig_status("svc-id", "delivered");

    /* the client has written under another phone: that thread is taken */
    other.sender_phone = VIEW_LIT("+7 111 111-11-11");
    take(r, &other);
    rig_result(
        r, r->worker, c,
        (struct result){.outcome = OUTCOME_DONE, .service_message_id = VIEW_LIT("svc-id")});
    rig_commit(r);
    e.conversation = VIEW_LIT("thread");
    take(r, &e);
    rig_assert_counts(r, 0, 0, 0); /* told all the same */
    assert_non_null(rig_command(r, COMMAND_AMO_STATUS));
}

/* The answer that names the thread of a manager's first words is known to a store that was put back, and was not when
 * a forgotten core began a chat by what the client wrote. Managers have written in that chat. */
static void a_chat_that_a_forgotten_core_began_for_a_known_thread_is_known(void **state)
{
    struct rig *r = *state;
    struct event client = rig_client_text("m1");
    struct event manager = rig_manager_text("amo-2");
    struct conversation conv;
    size_t before = 0;

    rig_manager_message_done(r, "amo-1", "s-1");
    before = rig_count(r, COMMAND_SERVICE_MESSAGE);
    manager.chat_id = VIEW_LIT("chat-of-then");
    manager.chat_client_id = VIEW_LIT("svc-line1-thread");
    conv = rig_conversation(r);
    assert_string_not_equal(conv.client_id, "svc-line1-thread");
    r->ingress->sent_before = r->next_number + 1;
    r->ingress->forgets = true;
    take(r, &client);
    client.message_id = VIEW_LIT("m2");
    r->ingress->sent_before = r->next_number + 1;
    take(r, &client); /* the name is kept once */
    rig_restart(r);
    take(r, &manager);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_SERVICE_MESSAGE), before + 1);
    assert_int_equal(rig_command(r, COMMAND_SERVICE_MESSAGE)->lane->id / 2, conv.id);
    conversation_fini(&conv);
    conv = rig_conversation(r);
    assert_string_equal(conv.chat_id, "chat-of-then");
    conversation_fini(&conv);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_event_becomes_a_message_and_a_command_before_it_is_taken),
        CASE(what_was_taken_is_known_after_a_restart),
        CASE(a_repeat_is_acknowledged_but_not_stored_twice),
        CASE(a_repeat_of_a_settled_message_makes_no_new_call),
        CASE(our_own_message_coming_back_from_amo_is_no_message),
        CASE(a_poison_event_goes_to_quarantine_and_the_rest_of_the_turn_stands),
        CASE(a_suspect_event_is_quarantined_unread),
        CASE(events_that_cannot_cross_are_kept_with_a_reason),
        CASE(what_stands_in_quarantine_and_comes_again_stands_there_once),
        CASE(events_of_another_spool_are_left_alone),
        CASE(what_comes_under_a_taken_number_is_told_and_not_applied),
        CASE(more_bytes_than_the_credit_end_the_session),
        CASE(a_spool_gives_up_no_number_that_core_never_saw),
        CASE(whichever_store_call_fails_nothing_is_taken_and_nothing_is_lost),
        CASE(without_memory_nothing_is_taken_and_nothing_leaks),
        CASE(messages_of_one_thread_share_a_lane_and_both_directions_have_their_own),
        CASE(a_client_who_answers_a_first_message_is_in_the_same_conversation),
        CASE(a_thread_learnt_without_its_source_is_found_when_the_client_answers),
        CASE(a_manager_who_names_no_number_reaches_the_clients_own_conversation),
        CASE(a_second_card_writes_into_the_conversation_of_the_phone),
        CASE(a_refused_message_is_kept_and_the_manager_is_told),
        CASE(what_leaves_is_resolved_when_it_is_dispatched),
        CASE(a_status_before_its_message_waits_and_is_released_when_the_id_is_learnt),
        CASE(what_waits_has_a_bound),
        CASE(a_status_named_by_our_own_id_needs_no_waiting),
        CASE(a_status_whose_message_never_came_is_kept_for_a_person),
        CASE(delivered_is_dropped_when_read_waits_behind_it),
        CASE(two_statuses_teach_the_thread_only_once),
        CASE(a_chat_that_a_forgotten_core_began_for_a_known_thread_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
