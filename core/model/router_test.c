#include "core/model/router.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/testing.h"
#include "proto/limits.h"

#define TAKEN_MS  1700000000000LL
#define OLDEST_MS (TAKEN_MS - 180LL * 86400000)

static char scope_id[] = "ch_acc";
static char channel_id[] = "ch";
static char connector_name[] = "svc";
static const struct reg_scope scope = {
    .id = scope_id, .channel = channel_id, .connector = connector_name};

static char conv_service_id[] = "thread-9";
static char conv_phone[] = "79005550101";
static const struct conversation unlinked = {
    .id = 5, .connector = connector_name, .scope = scope_id, .phone = conv_phone};
static const struct conversation linked = {
    .id = 6, .connector = connector_name, .scope = scope_id, .service_id = conv_service_id};

static const struct message inbound = {
    .id = 1, .direction = MESSAGE_INBOUND, .connector = connector_name};
static const struct message outbound = {
    .id = 2, .direction = MESSAGE_OUTBOUND, .connector = connector_name};
static char other_connector[] = "else";
static const struct message foreign = {
    .id = 3, .direction = MESSAGE_OUTBOUND, .connector = other_connector};
static const struct message told_1 = {
    .id = 4, .direction = MESSAGE_OUTBOUND, .connector = connector_name, .reported_status = 1};
static const struct message told_2 = {
    .id = 4, .direction = MESSAGE_OUTBOUND, .connector = connector_name, .reported_status = 2};
static const struct message told_failed = {
    .id = 4, .direction = MESSAGE_OUTBOUND, .connector = connector_name, .reported_status = -1};
static const struct message delayed = {.id = 4,
                                       .direction = MESSAGE_OUTBOUND,
                                       .connector = connector_name,
                                       .reported_status = REPORTED_DELAYED};
static const struct message imported = {
    .id = 4, .direction = MESSAGE_IMPORTED, .connector = connector_name, .reported_status = 0};

/* --- events --------------------------------------------------------------------------------- */

static struct event amo_message(void)
{
    return (struct event){.kind = EVENT_AMO_MESSAGE,
                          .taken_ms = TAKEN_MS,
                          .sent_ms = TAKEN_MS - 500,
                          .scope = VIEW_LIT("ch_acc"),
                          .chat_id = VIEW_LIT("chat-1"),
                          .sender_id = VIEW_LIT("manager"),
                          .receiver_id = VIEW_LIT("client-ref"),
                          .receiver_phone = VIEW_LIT("+7 (999) 123-45-67"),
                          .message_id = VIEW_LIT("amo-msg-1"),
                          .content.type = VIEW_LIT("text"),
                          .content.text = VIEW_LIT("hello")};
}

static struct event service_message(void)
{
    return (struct event){.kind = EVENT_SERVICE_MESSAGE,
                          .taken_ms = TAKEN_MS,
                          .connector = VIEW_LIT("svc"),
                          .source = VIEW_LIT("line1"),
                          .conversation = VIEW_LIT("thread-9"),
                          .sender_id = VIEW_LIT("client-7"),
                          .sender_phone = VIEW_LIT("89991234567"),
                          .message_id = VIEW_LIT("m-1"),
                          .content.type = VIEW_LIT("text"),
                          .content.text = VIEW_LIT("hi")};
}

static struct event service_status(const char *status)
{
    return (struct event){.kind = EVENT_SERVICE_STATUS,
                          .taken_ms = TAKEN_MS,
                          .connector = VIEW_LIT("svc"),
                          .message_id = VIEW_LIT("svc-1"),
                          .status = view_of(status)};
}

static struct decision route(struct event e, struct facts m)
{
    struct decision p;

    assert_int_equal(router_route(&e, &m, OLDEST_MS, &p), 0);
    return p;
}

static void assert_ends(struct decision p, enum decision_kind kind, const char *reason)
{
    assert_int_equal(p.kind, kind);
    assert_string_equal(p.reason, reason);
}

/* --- from amo ------------------------------------------------------------------------------- */

static void a_message_of_a_known_chat_goes_to_its_conversation(void **state)
{
    struct decision p =
        route(amo_message(), (struct facts){.scope = &scope, .conversation = &linked});

    (void)state;
    assert_int_equal(p.kind, DECISION_APPLY);
    assert_ptr_equal(p.conversation, &linked);
    assert_false(p.new_chat);
    assert_false(p.adopt);
}

static void a_manager_who_writes_first_makes_a_conversation_by_phone(void **state)
{
    struct decision p = route(amo_message(), (struct facts){.scope = &scope});

    (void)state;
    assert_int_equal(p.kind, DECISION_APPLY);
    assert_null(p.conversation);
    assert_true(p.new_chat);
    assert_string_equal(p.phone.key, "79991234567");
    assert_string_equal(p.user_id, "svc-79991234567");
    assert_true(p.client_id[0]);
    assert_int_equal(p.source.len, 0);
}

static void a_second_card_writes_into_the_same_conversation(void **state)
{
    struct decision p =
        route(amo_message(), (struct facts){.scope = &scope, .by_phone = &unlinked});

    (void)state;
    assert_int_equal(p.kind, DECISION_APPLY);
    assert_ptr_equal(p.conversation, &unlinked);
    assert_true(p.new_chat);
    p = route(amo_message(), (struct facts){.scope = &scope, .by_phone = &linked});
    assert_ptr_equal(p.conversation, &linked); /* or the client wrote before */
    assert_true(p.new_chat);
}

static void a_webhook_before_the_answer_is_found_by_our_own_id(void **state)
{
    struct event e = amo_message();
    struct decision p;

    (void)state;
    e.chat_client_id = VIEW_LIT("svc-line1-thread-9");
    p = route(e, (struct facts){.scope = &scope, .by_client = &linked});
    assert_int_equal(p.kind, DECISION_APPLY);
    assert_ptr_equal(p.conversation, &linked);
    assert_true(p.new_chat);
}

static void a_client_id_nobody_knows_is_refused_and_not_written_first(void **state)
{
    struct event e = amo_message();
    struct decision p;

    (void)state;
    e.chat_client_id = VIEW_LIT("from-another-bridge");
    p = route(e, (struct facts){.scope = &scope});
    assert_ends(p, DECISION_REFUSE, "unknown_conversation");
    assert_int_equal(p.status_code, -1);
    assert_int_equal(p.error_code, 905);
}

static void writing_first_takes_the_scopes_own_source(void **state)
{
    struct event e = amo_message();
    struct decision p;

    (void)state;
    p = route(e, (struct facts){.scope = &scope, .own_source = VIEW_LIT("line1")});
    assert_true(view_is(p.source, "line1"));
    assert_string_equal(p.client_id, "svc-line1-79991234567");
    e.source = VIEW_LIT("line2"); /* but the manager's own choice wins */
    p = route(e, (struct facts){.scope = &scope, .own_source = VIEW_LIT("line1")});
    assert_true(view_is(p.source, "line2"));
}

struct amo_case {
    const char *name;
    struct facts facts;
    const char *phone; /* NULL: as it is */
    const char *type;
    const char *text;
    int64_t sent_ms; /* 0: as it is */
    const char *id;  /* NULL: as it is */
    enum decision_kind kind;
    const char *reason;
};

static const struct amo_case no_further[] = {
    {"unknown scope",        {0},                NULL, "text",    "x", 0,             NULL, DECISION_QUARANTINE, "unknown_scope"},
    {"repeat",
     {.scope = &scope, .duplicate = &outbound},
     NULL,                                             "text",
     "x",                                                              0,
     NULL,                                                                                  DECISION_NOTHING,
     "repeat"                                                                                                                   },
    {"echo of our own",
     {.scope = &scope, .duplicate = &inbound},
     NULL,                                             "text",
     "x",                                                              0,
     NULL,                                                                                  DECISION_NOTHING,
     "echo"                                                                                                                     },
    {"old repeat",
     {.scope = &scope, .duplicate = &outbound},
     NULL,                                             "text",
     "x",                                                              OLDEST_MS - 1,
     NULL,                                                                                  DECISION_NOTHING,
     "repeat"                                                                                                                   },
    {"too old",
     {.scope = &scope, .conversation = &linked},
     NULL,                                             "text",
     "x",                                                              OLDEST_MS - 1,
     NULL,                                                                                  DECISION_QUARANTINE,
     "too_old"                                                                                                                  },
    {"picture",
     {.scope = &scope, .conversation = &linked},
     NULL,                                             "picture",
     "",                                                               0,
     NULL,                                                                                  DECISION_REFUSE,
     "nothing_to_deliver"                                                                                                       },
    {"no text",
     {.scope = &scope, .conversation = &linked},
     NULL,                                             "text",
     "",                                                               0,
     NULL,                                                                                  DECISION_REFUSE,
     "nothing_to_deliver"                                                                                                       },
    {"no phone",             {.scope = &scope},  "",   "text",    "x", 0,             NULL, DECISION_REFUSE,     "no_phone"     },
    {"phone without digits",
     {.scope = &scope},
     "n/a",                                            "text",
     "x",                                                              0,
     NULL,                                                                                  DECISION_REFUSE,
     "no_phone"                                                                                                                 },
    {"no id",
     {.scope = &scope, .conversation = &linked},
     NULL,                                             "text",
     "x",                                                              0,
     "",                                                                                    DECISION_QUARANTINE,
     "bad_message_id"                                                                                                           },
};

static void messages_from_amo_that_go_no_further(void **state)
{
    (void)state;
    for (size_t i = 0; i < AMO_COUNT(no_further); i++) {
        struct event e = amo_message();
        struct decision p;

        e.content.type = view_of(no_further[i].type);
        e.content.text = view_of(no_further[i].text);
        e.receiver_phone =
            no_further[i].phone ? view_of(no_further[i].phone) : e.receiver_phone;
        e.sent_ms = no_further[i].sent_ms ? no_further[i].sent_ms : e.sent_ms;
        e.message_id = no_further[i].id ? view_of(no_further[i].id) : e.message_id;
        p = route(e, no_further[i].facts);
        if (p.kind != no_further[i].kind || strcmp(p.reason, no_further[i].reason) != 0)
            print_message("case: %s\n", no_further[i].name);
        assert_ends(p, no_further[i].kind, no_further[i].reason);
    }
}

static void the_age_limit_is_exact_and_needs_a_time(void **state)
{
    struct event e = amo_message();
    struct facts m = {.scope = &scope, .conversation = &linked};

    (void)state;
    e.sent_ms = OLDEST_MS;
    assert_int_equal(route(e, m).kind, DECISION_APPLY);
    e.sent_ms = 0; /* unknown is not old */
    assert_int_equal(route(e, m).kind, DECISION_APPLY);
}

static void kinds_that_make_no_message_end_at_once(void **state)
{
    struct event e = amo_message();

    (void)state;
    e.kind = EVENT_AMO_TYPING;
    assert_ends(route(e, (struct facts){0}), DECISION_NOTHING, "typing");
    e.kind = EVENT_AMO_REACTION;
    assert_ends(route(e, (struct facts){0}), DECISION_QUARANTINE, "unknown_scope");
    e.kind = EVENT_QUARANTINE;
    assert_ends(route(e, (struct facts){0}), DECISION_QUARANTINE, "not_understood");
    e.kind = 99;
    assert_ends(route(e, (struct facts){0}), DECISION_QUARANTINE, "unknown_kind");
}

/* --- from a service ------------------------------------------------------------------------- */

static void a_new_client_makes_a_new_conversation(void **state)
{
    struct decision p = route(service_message(), (struct facts){.scope = &scope});

    (void)state;
    assert_int_equal(p.kind, DECISION_APPLY);
    assert_null(p.conversation);
    assert_string_equal(p.mid, "svc-m-1");
    assert_string_equal(p.client_id, "svc-line1-thread-9");
    assert_string_equal(p.user_id, "svc-client-7");
    assert_string_equal(p.phone.key, "79991234567");
    assert_true(view_is(p.source, "line1"));
    assert_false(p.adopt);
}

static void a_known_conversation_is_used_again(void **state)
{
    struct decision p =
        route(service_message(), (struct facts){.scope = &scope, .conversation = &linked});

    (void)state;
    assert_int_equal(p.kind, DECISION_APPLY);
    assert_ptr_equal(p.conversation, &linked);
    assert_false(p.adopt);
}

static void a_client_who_answers_before_the_id_is_learnt_is_found_by_phone(void **state)
{
    struct decision p =
        route(service_message(), (struct facts){.scope = &scope, .by_phone = &unlinked});

    (void)state;
    assert_int_equal(p.kind, DECISION_APPLY);
    assert_ptr_equal(p.conversation, &unlinked);
    assert_true(p.adopt);
}

static void the_same_phone_in_another_thread_stays_apart(void **state)
{
    struct decision p =
        route(service_message(), (struct facts){.scope = &scope, .by_phone = &linked});

    (void)state;
    assert_int_equal(p.kind, DECISION_APPLY);
    assert_null(p.conversation);
    assert_false(p.adopt);
}

static void a_service_that_names_the_thread_by_phone_adopts_the_conversation(void **state)
{
    struct decision p =
        route(service_message(), (struct facts){.scope = &scope, .by_client = &unlinked});

    (void)state;
    assert_int_equal(p.kind, DECISION_APPLY);
    assert_ptr_equal(p.conversation, &unlinked);
    assert_true(p.adopt);
}

static void messages_from_a_service_that_go_no_further(void **state)
{
    struct event e = service_message();

    (void)state;
    assert_ends(route(e, (struct facts){.scope = &scope, .duplicate = &inbound}),
                DECISION_NOTHING, "repeat");
    assert_ends(route(e, (struct facts){.source_known = true}), DECISION_QUARANTINE,
                "connector_without_account");
    assert_ends(route(e, (struct facts){0}), DECISION_QUARANTINE, "unknown_source");
    e.content.type = VIEW_LIT("unknown");
    assert_ends(route(e, (struct facts){.scope = &scope}), DECISION_QUARANTINE,
                "unsupported_type");
    e.content.type = VIEW_LIT("text");
    e.content.text = VIEW_LIT("");
    assert_ends(route(e, (struct facts){.scope = &scope}), DECISION_QUARANTINE,
                "empty_message");
}

static void a_message_without_an_id_is_refused(void **state)
{
    struct event e = service_message();
    struct facts m = {.scope = &scope};
    struct decision p;

    (void)state;
    e.message_id = VIEW_LIT("");
    assert_int_equal(router_route(&e, &m, OLDEST_MS, &p), -EINVAL);
}

/* --- statuses ------------------------------------------------------------------------------- */

struct status_case {
    const char *status;
    const struct message *target;
    enum decision_kind kind;
    const char *reason;
    int64_t code;
};

static void statuses_only_step_forward_and_success_wins_over_failure(void **state)
{
    const struct status_case cases[] = {
        {"delivered", &outbound,    DECISION_STATUS,     NULL,              1 },
        {"read",      &outbound,    DECISION_STATUS,     NULL,              2 },
        {"failed",    &outbound,    DECISION_STATUS,     NULL,              -1},
        {"sent",      &outbound,    DECISION_NOTHING,    "sent",            0 },
        {"delivered", &told_1,      DECISION_NOTHING,    "no_news",         0 },
        {"read",      &told_1,      DECISION_STATUS,     NULL,              2 },
        {"delivered", &told_2,      DECISION_NOTHING,    "no_news",         0 },
        {"read",      &told_2,      DECISION_NOTHING,    "no_news",         0 },
        {"failed",    &told_1,      DECISION_NOTHING,    "no_news",         0 },
        {"failed",    &told_2,      DECISION_NOTHING,    "no_news",         0 },
        {"failed",    &told_failed, DECISION_NOTHING,    "no_news",         0 },
        {"failed",    &delayed,     DECISION_STATUS,     NULL,              -1},
        {"delivered", &delayed,     DECISION_STATUS,     NULL,              1 },
        {"read",      &imported,    DECISION_NOTHING,    "imported",        0 },
        {"delivered", &told_failed, DECISION_STATUS,     NULL,              1 },
        {"read",      &told_failed, DECISION_STATUS,     NULL,              2 },
        {"delivered", NULL,         DECISION_WAIT,       "unknown_message", 0 },
        {"sent",      NULL,         DECISION_WAIT,       "unknown_message", 0 },
        {"delivered", &foreign,     DECISION_QUARANTINE, "foreign_message", 0 },
        {"delivered", &inbound,     DECISION_QUARANTINE, "foreign_message", 0 },
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(cases); i++) {
        struct decision p =
            route(service_status(cases[i].status), (struct facts){.target = cases[i].target});

        if (p.kind != cases[i].kind)
            print_message("case %zu: %s\n", i, cases[i].status);
        assert_int_equal(p.kind, cases[i].kind);
        assert_int_equal(p.status_code, cases[i].code);
        if (cases[i].reason)
            assert_string_equal(p.reason, cases[i].reason);
    }
}

static void a_failure_carries_its_code_and_words(void **state)
{
    static const struct {
        const char *code;
        int64_t number;
    } codes[] = {
        {"chat_deleted",   901},
        {"channel_off",    902},
        {"internal",       903},
        {"not_on_channel", 904},
        {"other",          905},
        {NULL,             905}
    };
    struct facts m = {.target = &outbound};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(codes); i++) {
        struct event e = service_status("failed");
        struct decision p;

        e.error_code = view_of(codes[i].code);
        e.error_text = VIEW_LIT("number is switched off");
        p = route(e, m);
        assert_int_equal(p.error_code, codes[i].number);
        assert_true(view_is(p.error_text, "number is switched off"));
    }
    assert_true(view_is(route(service_status("failed"), m).error_text, "not delivered"));
}

static void words_for_the_manager_have_a_limit(void **state)
{
    static char text[1000];
    struct event e = service_status("failed");

    (void)state;
    memset(text, 'x', sizeof(text));
    e.error_text = view_make(text, sizeof(text));
    assert_int_equal(route(e, (struct facts){.target = &outbound}).error_text.len,
                     LIMIT_ERROR_TEXT);
}

static void a_status_with_a_conversation_teaches_it_even_without_news(void **state)
{
    struct event e = service_status("sent");
    struct facts m = {.target = &outbound};

    (void)state;
    assert_false(route(e, m).adopt);
    e.conversation = VIEW_LIT("thread-9");
    assert_true(route(e, m).adopt);
}

/* --- numbers that moved --------------------------------------------------------------------- */

static char old_scope_id[] = "ch_old";
static const struct reg_scope old_scope = {
    .id = old_scope_id, .channel = channel_id, .connector = connector_name};

static void
a_managers_words_in_a_chat_whose_number_moved_are_refused_unless_they_may_be_there(void **state)
{
    struct event e = amo_message();
    struct facts m = {.scope = &old_scope, .conversation = &linked};

    (void)state;
    e.scope = VIEW_LIT("ch_old");
    assert_ends(route(e, m), DECISION_REFUSE, "moved_conversation");
    m.maybe_done = true;
    assert_int_equal(route(e, m).kind, DECISION_APPLY);
    assert_string_equal(route(e, m).scope, "ch_old");
    assert_ptr_equal(route(e, m).conversation, &linked);
    /* nobody has the number now: the same */
    m.scope = &scope;
    m.unreachable = true;
    assert_string_equal(route(amo_message(), m).scope, "ch_acc");
    m.maybe_done = false;
    assert_ends(route(amo_message(), m), DECISION_REFUSE, "unreachable");
    m.unreachable = false;
    m.maybe_done = true;
    assert_null(route(amo_message(), m).scope);
}

/* Its first words may have reached the client by a number that was somebody's else's since: nobody calls them
 * undelivered. And whose account has left meanwhile keeps what waited. */
static void first_words_that_may_be_there_are_not_refused_either(void **state)
{
    static const struct reg_scope left = {.id = old_scope_id,
                                          .channel = channel_id,
                                          .connector = connector_name,
                                          .disconnected = true};
    struct event e = amo_message();
    struct facts m = {.scope = &scope, .unknown_source = true, .foreign_source = true};

    (void)state;
    e.chat_client_id = VIEW_NONE;
    e.receiver_phone = VIEW_LIT("+7 900 000-00-01");
    assert_ends(route(e, m), DECISION_REFUSE, "foreign_source");
    m.foreign_source = false;
    assert_ends(route(e, m), DECISION_REFUSE, "unknown_source");
    m.maybe_done = true;
    assert_string_equal(route(e, m).scope, "ch_acc");
    m.foreign_source = true;
    assert_string_equal(route(e, m).scope, "ch_acc");
    m = (struct facts){.scope = &left};
    e.scope = VIEW_LIT("ch_old");
    assert_int_equal(route(e, m).kind, DECISION_APPLY);
    assert_string_equal(route(e, m).scope, "ch_old");
    m.conversation = &linked;
    assert_string_equal(route(e, m).scope, "ch_old");
}

static void what_has_waited_is_for_whom_had_the_number_when_it_came(void **state)
{
    struct event e = service_message();
    struct facts m = {
        .scope = &scope, .conversation = &linked, .bot_known = true, .came_for = "ch_old"};

    (void)state;
    assert_string_equal(route(e, m).scope, "ch_old"); /* a client's go along from there */
    e.outgoing = true;
    assert_string_equal(route(e, m).scope, "ch_old");
    assert_ptr_equal(route(e, m).conversation, &linked);
    m.came_for = "ch_acc";
    assert_null(route(e, m).scope);
    m.came_for = NULL;
    assert_null(route(e, m).scope);
}

/* --- ids ------------------------------------------------------------------------------------ */

static void hashed(const char *prefix, const char *joined, size_t len, char ret[80])
{
    unsigned char digest[CRYPTO_SHA256_LEN];
    char hex[2 * CRYPTO_SHA256_LEN + 1];

    assert_int_equal(crypto_sha256(view_make(joined, len), digest), 0);
    crypto_hex(digest, sizeof(digest), hex);
    (void)snprintf(ret, 80, "%s-h%.40s", prefix, hex);
}

static void ids_of_messages_are_derived_from_the_senders(void **state)
{
    static const char odd[] = "svc\0m/1";
    static const char amo[] = "ch_acc\0amo-msg-1";
    struct event e = service_message();
    char want[80];
    char got[ID_DERIVED_MAX + 1];

    (void)state;
    assert_int_equal(router_mid(&e, got), 0);
    assert_string_equal(got, "svc-m-1");
    e.message_id = VIEW_LIT("m/1"); /* '/' is not plain */
    hashed("svc", odd, sizeof(odd) - 1, want);
    assert_int_equal(router_mid(&e, got), 0);
    assert_string_equal(got, want);
    e = amo_message();
    hashed("amo", amo, sizeof(amo) - 1, want);
    assert_int_equal(router_mid(&e, got), 0);
    assert_string_equal(got, want);
    assert_true(strlen(got) <= ID_DERIVED_MAX);
}

static void ids_of_conversations_know_their_source(void **state)
{
    static const char long_id[] =
        "a-very-long-conversation-id-that-does-not-fit-into-sixty-four-bytes";
    char joined[200];
    char want[80];
    char got[ID_DERIVED_MAX + 1];
    size_t n = 0;

    (void)state;
    assert_int_equal(router_client_id(VIEW_LIT("svc"), VIEW_LIT("l"), VIEW_LIT("t"), got), 0);
    assert_string_equal(got, "svc-l-t");
    assert_int_equal(router_client_id(VIEW_LIT("svc"), VIEW_LIT(""), VIEW_LIT("t"), got), 0);
    assert_string_equal(got, "svc-t");
    n = (size_t)snprintf(joined, sizeof(joined), "svc%cl%c%s", 0, 0, long_id);
    hashed("svc", joined, n, want);
    assert_int_equal(router_client_id(VIEW_LIT("svc"), VIEW_LIT("l"), view_of(long_id), got),
                     0);
    assert_string_equal(got, want);
}

static void the_same_event_always_has_the_same_ids(void **state)
{
    struct decision one = route(service_message(), (struct facts){.scope = &scope});
    struct decision two = route(service_message(), (struct facts){.scope = &scope});

    (void)state;
    assert_string_equal(one.mid, two.mid);
    assert_string_equal(one.client_id, two.client_id);
    assert_string_equal(one.user_id, two.user_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_of_a_known_chat_goes_to_its_conversation),
        cmocka_unit_test(a_manager_who_writes_first_makes_a_conversation_by_phone),
        cmocka_unit_test(a_second_card_writes_into_the_same_conversation),
        cmocka_unit_test(a_webhook_before_the_answer_is_found_by_our_own_id),
        cmocka_unit_test(a_client_id_nobody_knows_is_refused_and_not_written_first),
        cmocka_unit_test(writing_first_takes_the_scopes_own_source),
        cmocka_unit_test(messages_from_amo_that_go_no_further),
        cmocka_unit_test(the_age_limit_is_exact_and_needs_a_time),
        cmocka_unit_test(kinds_that_make_no_message_end_at_once),
        cmocka_unit_test(a_new_client_makes_a_new_conversation),
        cmocka_unit_test(a_known_conversation_is_used_again),
        cmocka_unit_test(a_client_who_answers_before_the_id_is_learnt_is_found_by_phone),
        cmocka_unit_test(the_same_phone_in_another_thread_stays_apart),
        cmocka_unit_test(a_service_that_names_the_thread_by_phone_adopts_the_conversation),
        cmocka_unit_test(messages_from_a_service_that_go_no_further),
        cmocka_unit_test(a_message_without_an_id_is_refused),
        cmocka_unit_test(statuses_only_step_forward_and_success_wins_over_failure),
        cmocka_unit_test(a_failure_carries_its_code_and_words),
        cmocka_unit_test(words_for_the_manager_have_a_limit),
        cmocka_unit_test(a_status_with_a_conversation_teaches_it_even_without_news),
        cmocka_unit_test(
            a_managers_words_in_a_chat_whose_number_moved_are_refused_unless_they_may_be_there),
        cmocka_unit_test(first_words_that_may_be_there_are_not_refused_either),
        cmocka_unit_test(what_has_waited_is_for_whom_had_the_number_when_it_came),
        cmocka_unit_test(ids_of_messages_are_derived_from_the_senders),
        cmocka_unit_test(ids_of_conversations_know_their_source),
        cmocka_unit_test(the_same_event_always_has_the_same_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
