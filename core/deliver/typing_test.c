/* Typing: at once or never, and nothing of it is written down. */

#include "core/deliver/deliver.h"
#include "core/deliver/typing.h"

#include <string.h>

#include "base/clock.h"
#include "core/deliver/calls.h"
#include "core/testing/rig.h"
#include "proto/limits.h"
#include "proto/query.h"

static struct event client_types(void)
{
    struct event e = {.kind = EVENT_SERVICE_TYPING,
                      .taken_ms = clock_unix_ms(),
                      .connector = VIEW_LIT("svc"),
                      .source = VIEW_LIT("line1"),
                      .conversation = VIEW_LIT("thread"),
                      .sender_id = VIEW_LIT("client")};

    memset(e.trace.bytes, 3, sizeof(e.trace.bytes));
    return e;
}

static struct event manager_types(void)
{
    struct event e = {.kind = EVENT_AMO_TYPING,
                      .taken_ms = clock_unix_ms(),
                      .scope = VIEW_LIT("ch_acc"),
                      .chat_id = VIEW_LIT("chat-1"),
                      .sender_id = VIEW_LIT("manager")};

    memset(e.trace.bytes, 4, sizeof(e.trace.bytes));
    return e;
}

static void takes(struct rig *r, struct event e)
{
    struct buf bytes;
    struct buf body;

    buf_init(&bytes, LIMIT_FRAME_BYTES);
    buf_init(&body, LIMIT_FRAME_BYTES);
    assert_int_equal(event_encode(&e, &bytes), 0);
    assert_int_equal(ephemeral_encode(buf_view(&bytes), &body), 0);
    ephemeral_take(&r->core, buf_view(&body));
    buf_fini(&bytes);
    buf_fini(&body);
}

static void forget_the_last(struct rig *r)
{
    memset(r->core.deliver->typing, 0, sizeof(r->core.deliver->typing));
}

/* How many calls would go now; the first in @ret. */
static size_t calls(struct rig *r, struct command *ret)
{
    struct command all[8];
    size_t n = rig_calls(r, clock_mono_ms(), all, 8);

    if (n && ret)
        *ret = all[0];
    return n;
}

static void assert_nothing(struct rig *r, struct event e)
{
    forget_the_last(r);
    takes(r, e);
    assert_true(list_is_empty(&r->core.deliver->calls));
    assert_int_equal(rig_stored_commands(r), 0);
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(r->core.turn->exit_code, 0);
}

/* --- what goes ------------------------------------------------------------------------------ */

static void a_client_types_and_amo_shows_it(void **state)
{
    struct rig *r = *state;
    struct conversation conv;
    struct command c = {0};

    rig_client_message_done(r, "m1", "amo-1");
    conv = rig_conversation(r);
    takes(r, client_types());
    assert_int_equal(calls(r, &c), 1);
    assert_int_equal(c.kind, COMMAND_AMO_TYPING);
    assert_true(c.id & (1ULL << 63)); /* it is stored nowhere */
    assert_true(view_is(c.scope, "ch_acc"));
    assert_true(view_is(c.conversation_id, conv.client_id));
    assert_true(view_is(c.sender_id, conv.user_id));
    assert_true(c.expires_ms > clock_unix_ms());
    assert_true(c.expires_ms <= clock_unix_ms() + 5000);
    conversation_fini(&conv);
    assert_int_equal(rig_stored_commands(r), 0);
}

static void a_manager_types_and_the_service_is_told(void **state)
{
    struct rig *r = *state;
    struct command c = {0};

    rig_client_message_done(r, "m1", "amo-1");
    takes(r, manager_types());
    assert_int_equal(calls(r, &c), 1);
    assert_int_equal(c.kind, COMMAND_SERVICE_TYPING);
    assert_true(view_is(c.connector, "svc"));
    assert_true(view_is(c.conversation, "thread"));
    assert_true(c.key.len > 0);
    assert_true(view_is(c.source, "line1"));
}

static void a_manager_is_found_by_our_id_of_the_chat(void **state)
{
    struct rig *r = *state;
    struct event message = rig_client_text("m1");
    struct event e = manager_types();
    struct conversation conv;

    rig_take(r, &message); /* amo's id of the chat is not known yet */
    conv = rig_conversation(r);
    e.chat_client_id = view_of(conv.client_id);
    takes(r, e);
    assert_int_equal(calls(r, NULL), 1);
    conversation_fini(&conv);
}

static void it_is_told_once_in_a_while(void **state)
{
    struct rig *r = *state;

    rig_client_message_done(r, "m1", "amo-1");
    for (int i = 0; i < 5; i++)
        takes(r, client_types());
    assert_int_equal(calls(r, NULL), 1);
    takes(r, manager_types()); /* the other direction counts by itself */
    assert_int_equal(calls(r, NULL), 1);
    for (size_t i = 0; i < TYPING_SLOTS; i++)
        r->core.deliver->typing[i].mono_ms -= 4001;
    takes(r, client_types());
    assert_int_equal(calls(r, NULL), 1);
}

/* --- what does not -------------------------------------------------------------------------- */

static void what_is_stale_is_dropped(void **state)
{
    struct rig *r = *state;
    struct event e = client_types();

    rig_client_message_done(r, "m1", "amo-1");
    e.taken_ms -= 5001; /* he did not say how long */
    assert_nothing(r, e);
    e = client_types();
    e.expires_ms = clock_unix_ms() - 1;
    assert_nothing(r, e);
    e.expires_ms = INT64_MIN;
    assert_nothing(r, e);
    e.expires_ms = -1;
    assert_nothing(r, e);
}

static void nobody_types_for_hours(void **state)
{
    struct rig *r = *state;
    struct event e = client_types();
    struct command c = {0};

    rig_client_message_done(r, "m1", "amo-1");
    e.expires_ms = INT64_MAX;
    takes(r, e);
    assert_int_equal(calls(r, &c), 1);
    assert_true(c.expires_ms <= clock_unix_ms() + 30000);
}

static void one_that_could_not_go_in_its_time_is_forgotten(void **state)
{
    struct rig *r = *state;

    rig_client_message_done(r, "m1", "amo-1");
    takes(r, client_types());
    call_tick(&r->core, clock_mono_ms() + 4000);
    assert_false(list_is_empty(&r->core.deliver->calls));
    call_tick(&r->core, clock_mono_ms() + 5001);
    assert_true(list_is_empty(&r->core.deliver->calls));
}

static void conversations_nobody_knows_are_ignored(void **state)
{
    struct rig *r = *state;
    struct event client = client_types();
    struct event manager = manager_types();

    assert_nothing(r, client);
    assert_nothing(r, manager);
    rig_client_message_done(r, "m1", "amo-1");
    client.conversation = VIEW_LIT("another");
    assert_nothing(r, client);
    client.conversation = VIEW_NONE;
    assert_nothing(r, client);
    manager.scope = VIEW_LIT("ch_two"); /* a chat of another account */
    assert_nothing(r, manager);
    manager.scope = VIEW_NONE;
    assert_nothing(r, manager);
    manager = manager_types();
    manager.chat_id = VIEW_NONE;
    assert_nothing(r, manager);
    client = client_types();
    client.connector = VIEW_LIT("two");
    assert_nothing(r, client);
}

/* A manager wrote first: neither side can name the conversation to the other yet. */
static void before_the_chat_is_linked_nothing_goes(void **state)
{
    struct rig *r = *state;
    struct event first = rig_manager_text("amo-1");
    struct event manager = manager_types();

    first.source = VIEW_LIT("line1");
    (void)rig_push(r, &first);
    rig_turn(r);
    manager.chat_id = VIEW_LIT("chat");
    forget_the_last(r);
    takes(r, manager); /* the service has not told its id */
    assert_true(list_is_empty(&r->core.deliver->calls));
    rig_result(
        r, r->worker, rig_command(r, COMMAND_SERVICE_MESSAGE),
        (struct result){.outcome = OUTCOME_DONE, .service_conversation = VIEW_LIT("thread")});
    rig_commit(r);
    assert_nothing(r, client_types()); /* amo does not know ours */
    rig_client_message_done(r, "m1", "amo-2");
    forget_the_last(r);
    takes(r, client_types());
    assert_int_equal(calls(r, NULL), 1);
}

static void nothing_goes_where_messages_are_held(void **state)
{
    struct rig *r = *state;
    struct dest *scope = NULL;
    struct dest *hook = NULL;

    rig_client_message_done(r, "m1", "amo-1");
    scope = queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("ch_acc"));
    hook = queue_dest(r->core.queue, DEST_CONNECTOR, VIEW_LIT("svc"));
    dest_hold(r->core.queue, scope, HOLD_FORBIDDEN, 0, 0, clock_mono_ms());
    assert_nothing(r, client_types());
    dest_hold(r->core.queue, hook, HOLD_GONE, 0, 0, clock_mono_ms());
    assert_nothing(r, manager_types());
    dest_release(scope, clock_mono_ms());
    dest_pause(r->core.queue, scope, true, clock_mono_ms());
    assert_nothing(r, client_types());
}

static void one_that_fails_is_not_tried_again_and_holds_nobody(void **state)
{
    struct rig *r = *state;
    struct command c = {0};

    rig_client_message_done(r, "m1", "amo-1");
    takes(r, client_types());
    assert_int_equal(calls(r, &c), 1);
    rig_result_raw(r, r->worker,
                   &(struct result){.id = c.id,
                                    .attempt = c.attempt,
                                    .outcome = OUTCOME_HOLD,
                                    .cause = CAUSE_FORBIDDEN});
    assert_true(list_is_empty(&r->core.deliver->calls));
    assert_false(dest_is_held(queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("ch_acc"))));
    assert_int_equal(r->worker->n_in_flight, 0);
    rig_commit(r);
    rig_assert_counts(r, 0, 0, 0);
}

static void too_many_at_once_are_dropped(void **state)
{
    struct rig *r = *state;
    size_t n = 0;

    rig_client_message_done(r, "m1", "amo-1");
    for (int i = 0; i < 1100; i++) {
        forget_the_last(r);
        takes(r, client_types());
    }
    for (struct list *i = r->core.deliver->calls.next; i != &r->core.deliver->calls;
         i = i->next)
        n++;
    assert_int_equal(n, 1000);
    assert_int_equal(r->core.turn->exit_code, 0);
}

static void what_is_no_typing_is_ignored(void **state)
{
    struct rig *r = *state;
    struct event message = rig_client_text("m1");
    struct event typing = client_types();

    assert_nothing(r, message); /* a message must come through the spool */
    assert_false(rig_has_message(r, "msvc-m1"));
    ephemeral_take(&r->core, VIEW_LIT("\x93no frame"));
    ephemeral_take(&r->core, VIEW_NONE);
    typing.taken_ms = -1;
    assert_nothing(r, typing);
    rig_take(r, &typing); /* nor does typing come through a spool: poison of an older time */
    assert_int_equal(rig_stored_commands(r), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_client_types_and_amo_shows_it),
        CASE(a_manager_types_and_the_service_is_told),
        CASE(a_manager_is_found_by_our_id_of_the_chat),
        CASE(it_is_told_once_in_a_while),
        CASE(what_is_stale_is_dropped),
        CASE(nobody_types_for_hours),
        CASE(one_that_could_not_go_in_its_time_is_forgotten),
        CASE(conversations_nobody_knows_are_ignored),
        CASE(before_the_chat_is_linked_nothing_goes),
        CASE(nothing_goes_where_messages_are_held),
        CASE(one_that_fails_is_not_tried_again_and_holds_nobody),
        CASE(too_many_at_once_are_dropped),
        CASE(what_is_no_typing_is_ignored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
