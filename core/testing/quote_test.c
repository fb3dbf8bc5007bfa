/* Quotes and forwards, in both directions, in every form: named by the receiver's id, by ours, or
 * by their words when neither side could find them. */

#include <stdio.h>
#include <string.h>

#include "core/deliver/resolve.h"
#include "core/store/private.h"
#include "core/testing/rig.h"
#include "proto/limits.h"

static void take(struct rig *r, struct event e)
{
    rig_take(r, &e);
}

static void done(struct rig *r, enum command_kind kind, struct result result)
{
    rig_turn(r);
    assert_non_null(rig_command(r, kind));
    result.outcome = OUTCOME_DONE;
    rig_result(r, r->worker, rig_command(r, kind), result);
    rig_commit(r);
}

static void dies(struct rig *r, enum command_kind kind)
{
    rig_turn(r);
    assert_non_null(rig_command(r, kind));
    rig_result(r, r->worker, rig_command(r, kind),
               (struct result){.outcome = OUTCOME_DEAD, .cause = CAUSE_REFUSED});
    rig_commit(r);
    assert_null(rig_command(r, kind));
}

/* A message of another thread of the same connector and account. */
static struct event other_thread(const char *id)
{
    struct event e = rig_client_text(id);

    e.conversation = VIEW_LIT("thread-2");
    e.sender_id = VIEW_LIT("client-2");
    e.sender_phone = VIEW_NONE;
    return e;
}

static void other_thread_done(struct rig *r, const char *id, const char *amo_id)
{
    take(r, other_thread(id));
    done(r, COMMAND_AMO_MESSAGE,
         (struct result){.amo_message_id = view_of(amo_id), .amo_chat_id = VIEW_LIT("chat-2")});
}

/* --- a client quotes ------------------------------------------------------------------------ */

static struct event quoting(const char *id, const char *quoted)
{
    struct event e = rig_client_text(id);

    e.content.reply_id = view_of(quoted);
    e.content.reply_text = VIEW_LIT("what was said");
    e.content.reply_author = VIEW_LIT("Ann");
    return e;
}

/* How the client's message "q" would quote @quoted: "id:…", "msgid:…" or "words". */
static void assert_quoted_for_amo(struct rig *r, const char *quoted, const char *want)
{
    struct resolved body;
    char got[200];
    const struct content *t = &body.body.content;

    take(r, quoting("q", quoted));
    rig_resolve(r, COMMAND_AMO_MESSAGE, &body);
    if (t->reply_id.len)
        (void)snprintf(got, sizeof(got), "id:%.*s", (int)t->reply_id.len, t->reply_id.ptr);
    else if (t->reply_client_id.len)
        (void)snprintf(got, sizeof(got), "msgid:%.*s", (int)t->reply_client_id.len,
                       t->reply_client_id.ptr);
    else
        (void)snprintf(got, sizeof(got), "words");
    assert_string_equal(got, want);
    assert_true(view_is(t->reply_text, "what was said")); /* egress falls back on it */
    assert_true(view_is(t->text, "hello"));
    resolved_fini(&body);
}

static void amo_is_given_its_own_id_of_the_quoted_message(void **state)
{
    rig_client_message_done(*state, "m1", "amo-1");
    assert_quoted_for_amo(*state, "m1", "id:amo-1");
}

static void amo_is_given_its_id_of_a_managers_message(void **state)
{
    rig_manager_message_done(*state, "amo-1", "s-1");
    assert_quoted_for_amo(*state, "s-1", "id:amo-1");
}

static void a_service_may_name_it_as_we_do(void **state)
{
    rig_client_message_done(*state, "m1", "amo-1");
    assert_quoted_for_amo(*state, "svc-m1", "id:amo-1");
}

static void amo_is_given_our_id_where_it_never_told_its_own(void **state)
{
    struct rig *r = *state;

    take(r, rig_client_text("m1"));
    done(r, COMMAND_AMO_MESSAGE,
         (struct result){.amo_message_id = VIEW_LIT("amo-1"),
                         .amo_chat_id = VIEW_LIT("chat-1")});
    /* as a store of before knows it */
    assert_int_equal(db_exec(r->core.store->db, "UPDATE messages SET amo_id=NULL"), 0);
    assert_quoted_for_amo(r, "m1", "msgid:svc-m1");
}

static void an_imported_message_is_quoted_like_any(void **state)
{
    struct rig *r = *state;

    take(r, rig_outgoing_text("o1"));
    done(r, COMMAND_AMO_OUTGOING, (struct result){.amo_message_id = VIEW_LIT("amo-1")});
    assert_quoted_for_amo(r, "o1", "id:amo-1");
}

static void a_message_of_another_chat_is_quoted_by_its_words(void **state)
{
    other_thread_done(*state, "m1", "amo-1");
    assert_quoted_for_amo(*state, "m1", "words");
}

static void a_message_amo_never_got_is_quoted_by_its_words(void **state)
{
    take(*state, rig_client_text("m1"));
    dies(*state, COMMAND_AMO_MESSAGE);
    rig_turn(*state);
    assert_quoted_for_amo(*state, "m1", "words");
}

static void a_message_nobody_knows_is_quoted_by_its_words(void **state)
{
    assert_quoted_for_amo(*state, "m1", "words");
}

static void an_id_nothing_could_have_is_quoted_by_its_words(void **state)
{
    char id[LIMIT_ID + 2] = "";

    memset(id, 'x', sizeof(id) - 1);
    assert_quoted_for_amo(*state, id, "words");
}

/* It is looked up when the message leaves: its parent may be answered meanwhile. */
static void the_id_is_the_one_known_when_it_leaves(void **state)
{
    struct rig *r = *state;
    struct event q = quoting("q", "m1");
    struct resolved body;
    struct core_command *c = NULL;

    take(r, rig_client_text("m1"));
    take(r, q);
    c = queue_find(r->core.queue, 2);
    assert_int_equal(resolve_command(&r->core, c, &body), 0);
    assert_true(view_is(body.body.content.reply_client_id, "svc-m1"));
    resolved_fini(&body);
    rig_turn(r);
    rig_result(r, r->worker, queue_find(r->core.queue, 1),
               (struct result){.outcome = OUTCOME_DONE, .amo_message_id = VIEW_LIT("amo-1")});
    rig_commit(r);
    assert_int_equal(resolve_command(&r->core, c, &body), 0);
    assert_true(view_is(body.body.content.reply_id, "amo-1"));
    assert_int_equal(body.body.content.reply_client_id.len, 0);
    resolved_fini(&body);
}

static void what_is_imported_quotes_as_well(void **state)
{
    struct rig *r = *state;
    struct event e = rig_outgoing_text("o1");
    struct resolved body;

    rig_client_message_done(r, "m1", "amo-1");
    e.content.reply_id = VIEW_LIT("m1");
    e.content.forward_id = VIEW_LIT("m1");
    take(r, e);
    rig_resolve(r, COMMAND_AMO_OUTGOING, &body);
    assert_true(view_is(body.body.content.reply_id, "amo-1"));
    assert_true(view_is(body.body.content.forward_id, "amo-1"));
    resolved_fini(&body);
}

/* --- a client forwards ---------------------------------------------------------------------- */

static struct event forwarding(const char *id, const char *forwarded)
{
    struct event e = rig_client_text(id);

    e.content.forward_id = view_of(forwarded);
    e.content.forward_type = VIEW_LIT("text");
    e.content.forward_text = VIEW_LIT("what was said");
    e.content.forward_author = VIEW_LIT("Ann");
    return e;
}

static void resolve_forward(struct rig *r, const char *forwarded, struct resolved *ret)
{
    take(r, forwarding("f", forwarded));
    rig_resolve(r, COMMAND_AMO_MESSAGE, ret);
    assert_true(view_is(ret->body.content.forward_text, "what was said"));
}

static void a_forwarded_message_of_the_chat_is_named(void **state)
{
    struct rig *r = *state;
    struct resolved body;

    rig_client_message_done(r, "m1", "amo-1");
    resolve_forward(r, "m1", &body);
    assert_true(view_is(body.body.content.forward_id, "amo-1"));
    assert_int_equal(body.body.forward_conversation_id.len, 0);
    assert_int_equal(body.body.forward_conversation_ref_id.len, 0);
    resolved_fini(&body);
}

static void a_forwarded_message_of_another_chat_says_from_where(void **state)
{
    struct rig *r = *state;
    struct resolved body;

    other_thread_done(r, "m1", "amo-1");
    resolve_forward(r, "m1", &body);
    assert_true(view_is(body.body.content.forward_id, "amo-1"));
    assert_true(view_is(body.body.forward_conversation_ref_id, "chat-2"));
    assert_true(view_starts(body.body.forward_conversation_id, "svc-"));
    resolved_fini(&body);
}

static void a_forwarded_message_of_another_account_goes_by_its_words(void **state)
{
    struct rig *r = *state;
    struct conversation conv;
    struct resolved body;
    struct message m;

    other_thread_done(r, "m1", "amo-1");
    m = rig_message(r, "msvc-m1");
    assert_int_equal(store_conversation(r->core.store, m.conversation, &conv), 0);
    assert_int_equal(core_turn(&r->core), 0);
    /* as if its line had belonged to another account then */
    rig_register_second(r);
    assert_int_equal(core_turn(&r->core), 0);
    {
        struct message foreign = m;
        char scope[] = "ch_two";
        char mid[] = "svc-m7";
        char service_id[] = "m7";
        char amo_id[] = "amo-7";
        int64_t id = 0;

        foreign.scope = scope;
        foreign.mid = mid;
        foreign.service_id = service_id;
        foreign.amo_id = amo_id;
        assert_int_equal(store_message_add(r->core.store, &foreign, &id), 0);
    }
    resolve_forward(r, "m7", &body);
    assert_int_equal(body.body.content.forward_id.len, 0);
    assert_int_equal(body.body.content.forward_client_id.len, 0);
    assert_int_equal(body.body.forward_conversation_ref_id.len, 0);
    resolved_fini(&body);
    conversation_fini(&conv);
    message_fini(&m);
}

static void a_forwarded_message_amo_never_got_goes_by_its_words(void **state)
{
    struct rig *r = *state;
    struct resolved body;

    take(r, rig_client_text("m1"));
    dies(r, COMMAND_AMO_MESSAGE);
    resolve_forward(r, "m1", &body);
    assert_int_equal(body.body.content.forward_id.len, 0);
    assert_int_equal(body.body.content.forward_client_id.len, 0);
    resolved_fini(&body);
}

static void a_forward_by_id_alone_is_a_message(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("f");
    struct resolved body;

    rig_client_message_done(r, "m1", "amo-1");
    e.content.text = VIEW_LIT("");
    e.content.forward_id = VIEW_LIT("m1");
    take(r, e);
    rig_resolve(r, COMMAND_AMO_MESSAGE, &body);
    assert_true(view_is(body.body.content.forward_id, "amo-1"));
    resolved_fini(&body);
}

/* --- a manager quotes ----------------------------------------------------------------------- */

static struct event manager_quotes(const char *quoted, const char *our_id)
{
    struct event e = rig_manager_text("amo-q");

    e.chat_id = VIEW_LIT("chat-1");
    e.content.reply_id = view_of(quoted);
    e.content.reply_client_id = view_of(our_id);
    e.content.reply_text = VIEW_LIT("one\ntwo");
    return e;
}

static void assert_for_service(struct rig *r, struct event e, const char *reply,
                               const char *text)
{
    struct resolved body;

    if (!rig_has_message(r, "msvc-m0"))
        rig_client_message_done(r, "m0", "amo-0"); /* the conversation is there */
    take(r, e);
    rig_resolve(r, COMMAND_SERVICE_MESSAGE, &body);
    if (!view_is(body.body.content.text, text))
        print_message("%.*s\n", (int)body.body.content.text.len, body.body.content.text.ptr);
    assert_true(view_is(body.body.content.text, text));
    if (reply)
        assert_true(view_is(body.body.content.reply_id, reply));
    else
        assert_int_equal(body.body.content.reply_id.len, 0);
    assert_int_equal(body.body.content.reply_client_id.len, 0);
    resolved_fini(&body);
}

static void a_service_is_given_its_own_id_of_the_quoted_message(void **state)
{
    rig_client_message_done(*state, "m1", "amo-1");
    assert_for_service(*state, manager_quotes("amo-1", NULL), "m1", "good day");
}

static void amo_may_name_it_as_we_do(void **state)
{
    rig_client_message_done(*state, "m1", "amo-1");
    assert_for_service(*state, manager_quotes(NULL, "svc-m1"), "m1", "good day");
    rig_turn(*state);
}

static void an_unknown_id_of_amos_and_our_id_find_it_as_well(void **state)
{
    rig_client_message_done(*state, "m1", "amo-1");
    assert_for_service(*state, manager_quotes("amo-x", "svc-m1"), "m1", "good day");
}

static void a_managers_own_message_is_quoted_by_the_services_id(void **state)
{
    struct rig *r = *state;

    rig_client_message_done(r, "m0", "amo-0");
    rig_manager_message_done(r, "amo-1", "s-1");
    assert_for_service(r, manager_quotes("amo-1", NULL), "s-1", "good day");
}

static void one_the_service_gave_no_name_is_quoted_by_our_id(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("amo-1");
    struct message m;

    rig_client_message_done(r, "m0", "amo-0");
    e.chat_id = VIEW_LIT("chat-1");
    take(r, e);
    done(r, COMMAND_SERVICE_MESSAGE, (struct result){.status = 204});
    m = rig_message(r, "aamo-1");
    assert_for_service(r, manager_quotes("amo-1", NULL), m.mid, "good day");
    message_fini(&m);
}

static void words_nobody_knows_lead_the_text(void **state)
{
    assert_for_service(*state, manager_quotes("amo-x", NULL), NULL, "> one\n> two\ngood day");
}

static void words_without_any_id_lead_the_text(void **state)
{
    assert_for_service(*state, manager_quotes(NULL, NULL), NULL, "> one\n> two\ngood day");
}

static void words_of_another_chat_lead_the_text(void **state)
{
    other_thread_done(*state, "m1", "amo-1");
    assert_for_service(*state, manager_quotes("amo-1", NULL), NULL, "> one\n> two\ngood day");
}

static void words_of_a_message_the_service_never_took_lead_the_text(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("amo-1");

    rig_client_message_done(r, "m0", "amo-0");
    e.chat_id = VIEW_LIT("chat-1");
    take(r, e);
    dies(r, COMMAND_SERVICE_MESSAGE);
    rig_turn(r);
    assert_for_service(r, manager_quotes("amo-1", NULL), NULL, "> one\n> two\ngood day");
}

static void a_clients_message_amo_refused_is_still_the_services_own(void **state)
{
    struct rig *r = *state;

    rig_client_message_done(r, "m0", "amo-0");
    take(r, rig_client_text("m1"));
    dies(r, COMMAND_AMO_MESSAGE);
    rig_turn(r);
    assert_for_service(r, manager_quotes(NULL, "svc-m1"), "m1", "good day");
}

static void a_quote_of_many_lines_is_led_whole(void **state)
{
    struct rig *r = *state;
    struct event e = manager_quotes("amo-x", NULL);
    size_t lines = 100000;
    char *text = mem_zalloc(lines + 1);
    struct resolved body;

    assert_non_null(text);
    memset(text, '\n', lines);
    e.content.reply_text = view_make(text, lines);
    rig_client_message_done(r, "m0", "amo-0");
    take(r, e);
    rig_resolve(r, COMMAND_SERVICE_MESSAGE, &body);
    assert_int_equal(body.body.content.text.len, lines * 3 + strlen("good day"));
    resolved_fini(&body);
    mem_free(text);
}

/* --- a manager forwards --------------------------------------------------------------------- */

static struct event manager_forwards(const char *forwarded)
{
    struct event e = rig_manager_text("amo-f");

    e.chat_id = VIEW_LIT("chat-1");
    e.content.text = VIEW_LIT("look");
    e.content.forward_id = view_of(forwarded);
    e.content.forward_type = VIEW_LIT("text");
    e.content.forward_text = VIEW_LIT("what was said");
    e.content.forward_author = VIEW_LIT("Bob");
    return e;
}

/* @want: the service's id of the forwarded message, NULL when it cannot be named. */
static void assert_forwarded(struct rig *r, const char *forwarded, const char *want)
{
    struct resolved body;

    if (!rig_has_message(r, "msvc-m0"))
        rig_client_message_done(r, "m0", "amo-0");
    take(r, manager_forwards(forwarded));
    rig_resolve(r, COMMAND_SERVICE_MESSAGE, &body);
    assert_true(view_is(body.body.content.text, "look\nwhat was said")); /* in any case */
    assert_true(view_is(body.body.content.forward_author, "Bob"));
    if (want)
        assert_true(view_is(body.body.content.forward_id, want));
    else
        assert_int_equal(body.body.content.forward_id.len, 0);
    assert_int_equal(body.body.content.forward_client_id.len, 0);
    resolved_fini(&body);
}

static void a_service_is_told_which_message_is_forwarded(void **state)
{
    rig_client_message_done(*state, "m1", "amo-1");
    assert_forwarded(*state, "amo-1", "m1");
}

static void a_message_forwarded_from_another_chat_of_the_service_is_named(void **state)
{
    other_thread_done(*state, "m1", "amo-1");
    assert_forwarded(*state, "amo-1", "m1");
}

static void a_forwarded_message_nobody_knows_has_no_name(void **state)
{
    assert_forwarded(*state, "amo-x", NULL);
}

static void a_forwarded_message_the_service_never_took_has_no_name(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("amo-1");

    rig_client_message_done(r, "m0", "amo-0");
    e.chat_id = VIEW_LIT("chat-1");
    take(r, e);
    dies(r, COMMAND_SERVICE_MESSAGE);
    rig_turn(r);
    assert_forwarded(r, "amo-1", NULL);
}

static void a_forward_that_says_nothing_itself_becomes_the_message(void **state)
{
    struct rig *r = *state;
    struct event e = manager_forwards("amo-x");
    struct resolved body;

    rig_client_message_done(r, "m0", "amo-0");
    e.content.text = VIEW_LIT("");
    e.content.forward_text = VIEW_LIT("caption");
    e.content.forward_type = VIEW_LIT("picture");
    e.content.forward_media = VIEW_LIT("https://a/1.jpg");
    e.content.forward_media_size = 5;
    take(r, e);
    rig_resolve(r, COMMAND_SERVICE_MESSAGE, &body);
    assert_true(view_is(body.body.content.type, "picture"));
    assert_true(view_is(body.body.content.media, "https://a/1.jpg"));
    assert_int_equal(body.body.content.media_size, 5);
    assert_true(view_is(body.body.content.text, "caption"));
    resolved_fini(&body);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(amo_is_given_its_own_id_of_the_quoted_message),
        CASE(amo_is_given_its_id_of_a_managers_message),
        CASE(a_service_may_name_it_as_we_do),
        CASE(amo_is_given_our_id_where_it_never_told_its_own),
        CASE(an_imported_message_is_quoted_like_any),
        CASE(a_message_of_another_chat_is_quoted_by_its_words),
        CASE(a_message_amo_never_got_is_quoted_by_its_words),
        CASE(a_message_nobody_knows_is_quoted_by_its_words),
        CASE(an_id_nothing_could_have_is_quoted_by_its_words),
        CASE(the_id_is_the_one_known_when_it_leaves),
        CASE(what_is_imported_quotes_as_well),
        CASE(a_forwarded_message_of_the_chat_is_named),
        CASE(a_forwarded_message_of_another_chat_says_from_where),
        CASE(a_forwarded_message_of_another_account_goes_by_its_words),
        CASE(a_forwarded_message_amo_never_got_goes_by_its_words),
        CASE(a_forward_by_id_alone_is_a_message),
        CASE(a_service_is_given_its_own_id_of_the_quoted_message),
        CASE(amo_may_name_it_as_we_do),
        CASE(an_unknown_id_of_amos_and_our_id_find_it_as_well),
        CASE(a_managers_own_message_is_quoted_by_the_services_id),
        CASE(one_the_service_gave_no_name_is_quoted_by_our_id),
        CASE(words_nobody_knows_lead_the_text),
        CASE(words_without_any_id_lead_the_text),
        CASE(words_of_another_chat_lead_the_text),
        CASE(words_of_a_message_the_service_never_took_lead_the_text),
        CASE(a_clients_message_amo_refused_is_still_the_services_own),
        CASE(a_quote_of_many_lines_is_led_whole),
        CASE(a_service_is_told_which_message_is_forwarded),
        CASE(a_message_forwarded_from_another_chat_of_the_service_is_named),
        CASE(a_forwarded_message_nobody_knows_has_no_name),
        CASE(a_forwarded_message_the_service_never_took_has_no_name),
        CASE(a_forward_that_says_nothing_itself_becomes_the_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
