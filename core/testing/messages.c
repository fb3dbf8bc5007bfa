/* The part of the rig that makes events and takes them. */

#include <string.h>

#include "base/clock.h"
#include "core/intake/intake.h"
#include "core/store/db.h"
#include "core/testing/rig.h"
#include "proto/limits.h"

/* Each has one of its own, as from ingress. */
static void rig_trace(struct event *e, uint8_t kind)
{
    static uint64_t n;

    memset(e->trace.bytes, kind, sizeof(e->trace.bytes));
    n++;
    memcpy(e->trace.bytes, &n, sizeof(n));
}

struct event rig_client_text(const char *id)
{
    struct event e = {.kind = EVENT_SERVICE_MESSAGE,
                      .taken_ms = clock_unix_ms(),
                      .connector = VIEW_LIT("svc"),
                      .source = VIEW_LIT("line1"),
                      .conversation = VIEW_LIT("thread"),
                      .sender_id = VIEW_LIT("client"),
                      .sender_name = VIEW_LIT("Ann"),
                      .sender_phone = VIEW_LIT("+7 999 123-45-67"),
                      .message_id = view_of(id),
                      .content.type = VIEW_LIT("text"),
                      .content.text = VIEW_LIT("hello")};

    rig_trace(&e, 5);
    return e;
}

struct event rig_manager_text(const char *id)
{
    struct event e = {.kind = EVENT_AMO_MESSAGE,
                      .taken_ms = clock_unix_ms(),
                      .sent_ms = clock_unix_ms(),
                      .scope = VIEW_LIT("ch_acc"),
                      .chat_id = VIEW_LIT("chat"),
                      .sender_id = VIEW_LIT("manager"),
                      .receiver_id = VIEW_LIT("client-ref"),
                      .receiver_name = VIEW_LIT("Ann"),
                      .receiver_phone = VIEW_LIT("89991234567"),
                      .message_id = view_of(id),
                      .content.type = VIEW_LIT("text"),
                      .content.text = VIEW_LIT("good day")};

    rig_trace(&e, 6);
    return e;
}

struct event rig_status(const char *id, const char *status)
{
    return (struct event){.kind = EVENT_SERVICE_STATUS,
                          .taken_ms = clock_unix_ms(),
                          .connector = VIEW_LIT("svc"),
                          .message_id = view_of(id),
                          .status = view_of(status)};
}

struct event rig_outgoing_text(const char *id)
{
    struct event e = rig_client_text(id);

    e.outgoing = true;
    e.sender_id = VIEW_NONE;
    e.sender_name = VIEW_NONE;
    e.sender_phone = VIEW_NONE;
    e.receiver_id = VIEW_LIT("client");
    e.receiver_name = VIEW_LIT("Ann");
    e.receiver_phone = VIEW_LIT("+7 999 123-45-67");
    e.content.text = VIEW_LIT("from the other side");
    return e;
}

struct event rig_edit(const char *id, const char *text)
{
    struct event e = {.kind = EVENT_SERVICE_EDIT,
                      .taken_ms = clock_unix_ms(),
                      .connector = VIEW_LIT("svc"),
                      .message_id = view_of(id),
                      .content.text = view_of(text)};

    rig_trace(&e, 7);
    return e;
}

struct event rig_manager_reaction(const char *amo_id, const char *emoji)
{
    struct event e = {.kind = EVENT_AMO_REACTION,
                      .taken_ms = clock_unix_ms(),
                      .sent_ms = 1000,
                      .scope = VIEW_LIT("ch_acc"),
                      .chat_id = VIEW_LIT("chat-1"),
                      .sender_id = VIEW_LIT("manager"),
                      .message_id = view_of(amo_id),
                      .emoji = view_of(emoji),
                      .unset = emoji == NULL};

    rig_trace(&e, 8);
    return e;
}

struct event rig_client_reaction(const char *id, const char *emoji)
{
    struct event e = {.kind = EVENT_SERVICE_REACTION,
                      .taken_ms = clock_unix_ms(),
                      .connector = VIEW_LIT("svc"),
                      .message_id = view_of(id),
                      .emoji = view_of(emoji),
                      .unset = emoji == NULL};

    rig_trace(&e, 8);
    return e;
}

void rig_take(struct rig *r, const struct event *e)
{
    (void)rig_push(r, e);
    rig_commit(r);
    assert_int_equal(r->core.turn->exit_code, 0);
}

static int row_is_whole(void *arg, const struct command_row *row)
{
    (void)arg;
    assert_non_null(row->scope);
    if (row->kind != COMMAND_AMO_STATUS)
        assert_non_null(row->connector);
    return 0;
}

/* After a fault: nothing of it is there, and core goes on. */
static void assert_not_taken(struct rig *r, uint64_t number, int64_t commands, int64_t waiting)
{
    if (r->core.turn->exit_code)
        rig_restart(r); /* as the service manager does */
    assert_false(taken_has(&r->ingress->spool->taken, number));
    assert_int_equal(rig_stored_commands(r), commands);
    assert_int_equal(queue_count(r->core.queue), commands);
    assert_int_equal(r->core.intake->n_deferred, waiting);
}

void rig_take_with_faults(struct rig *r, const struct event *e, int64_t want_commands)
{
    int64_t commands = rig_stored_commands(r);
    int64_t waiting = r->core.intake->n_deferred;
    uint64_t number = r->next_number++;
    bool taken = false;
    struct buf bytes;

    buf_init(&bytes, LIMIT_FRAME_BYTES);
    assert_int_equal(event_encode(e, &bytes), 0);
    for (uint64_t n = 1; n < 80; n++) { /* its store calls, one after the other */
        db_fail_at(n);
        rig_push_bytes(r, number, buf_view(&bytes), false);
        db_fail_at(0);
        if (r->core.turn->exit_code == 0)
            break; /* the next one is of the commit or not of this event */
        assert_not_taken(r, number, commands, waiting);
    }
    rig_restart(r); /* nothing was committed */
    assert_not_taken(r, number, commands, waiting);
    for (uint64_t n = 1; n < 300 && !taken; n++) {
        r->fail_memory_at = n;
        rig_push_bytes(r, number, buf_view(&bytes), false);
        r->fail_memory_at = 0;
        taken = r->core.turn->exit_code == 0 && taken_has(&r->ingress->spool->taken, number);
        if (!taken)
            assert_not_taken(r, number, commands, waiting);
    }
    assert_true(taken);
    rig_commit(r);
    assert_int_equal(r->core.turn->exit_code, 0);
    assert_int_equal(rig_stored_commands(r), commands + want_commands);
    assert_int_equal(store_commands_walk(r->core.store, row_is_whole, NULL), 0);
    assert_int_equal(queue_count(r->core.queue), commands + want_commands);
    buf_fini(&bytes);
}

/* --- messages that have crossed ---------------------------------------------------------------- */

static void message_done(struct rig *r, enum command_kind kind, const struct event *e,
                         struct result result)
{
    struct core_command *c = NULL;

    (void)rig_push(r, e);
    rig_turn(r);
    c = rig_command(r, kind);
    assert_non_null(c);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    result.outcome = OUTCOME_DONE;
    rig_result(r, r->worker, c, result);
    rig_commit(r);
    assert_int_equal(r->core.turn->exit_code, 0);
    assert_null(rig_command(r, kind));
}

void rig_client_message_done(struct rig *r, const char *id, const char *amo_id)
{
    struct event e = rig_client_text(id);
    struct conversation conv = {0};

    /* in the chat that a manager began, if one did */
    (void)!store_conversation_by_service(r->core.store, VIEW_LIT("svc"), VIEW_LIT("line1"),
                                         VIEW_LIT("thread"), &conv);
    message_done(r, COMMAND_AMO_MESSAGE, &e,
                 (struct result){.amo_message_id = view_of(amo_id),
                                 .amo_chat_id =
                                     conv.chat_id ? view_of(conv.chat_id) : VIEW_LIT("chat-1"),
                                 .amo_sender_id = VIEW_LIT("client-ref")});
    conversation_fini(&conv);
}

void rig_manager_message_done(struct rig *r, const char *amo_id, const char *service_id)
{
    struct event e = rig_manager_text(amo_id);

    e.source = VIEW_LIT("line1");
    message_done(r, COMMAND_SERVICE_MESSAGE, &e,
                 (struct result){.service_message_id = view_of(service_id),
                                 .service_conversation = VIEW_LIT("thread")});
}

struct core_command *rig_outgoing_in_flight(struct rig *r, const char *id)
{
    struct event e = rig_outgoing_text(id);
    struct core_command *c = NULL;

    if (!rig_has_message(r, "msvc-m0"))
        rig_client_message_done(r, "m0", "amo-0");
    (void)rig_push(r, &e);
    rig_turn(r);
    c = rig_command(r, COMMAND_AMO_OUTGOING);
    assert_non_null(c);
    assert_int_equal(c->state, COMMAND_IN_FLIGHT);
    return c;
}

void rig_outgoing_answered(struct rig *r, const char *amo_id)
{
    rig_result(r, r->worker, rig_command(r, COMMAND_AMO_OUTGOING),
               (struct result){.outcome = OUTCOME_DONE,
                               .amo_message_id = view_of(amo_id),
                               .amo_chat_id = VIEW_LIT("chat-1"),
                               .amo_sender_id = VIEW_LIT("author-ref"),
                               .amo_receiver_id = VIEW_LIT("client-ref")});
    rig_commit(r);
}

void rig_service_took(struct rig *r, int64_t command, const char *thread, const char *id)
{
    rig_result(r, r->worker, queue_find(r->core.queue, command),
               (struct result){.outcome = OUTCOME_DONE,
                               .service_conversation = view_of(thread),
                               .service_message_id = view_of(id)});
    rig_commit(r);
}

void rig_assert_before(struct rig *r, const char *first, const char *second)
{
    struct message one = rig_message(r, first);
    struct message two = rig_message(r, second);

    assert_true(one.id < two.id);
    message_fini(&one);
    message_fini(&two);
}

struct conversation rig_conversation(struct rig *r)
{
    struct conversation c;

    assert_int_equal(store_conversation_by_service(r->core.store, VIEW_LIT("svc"),
                                                   VIEW_LIT("line1"), VIEW_LIT("thread"), &c),
                     0);
    return c;
}
