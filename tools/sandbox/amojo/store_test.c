/* What amojo knows: found by all its names, cleared as far as is asked. */
#include "tools/sandbox/amojo/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/testing.h"
#include "tools/sandbox/kit/blob.h"
#include "tools/sandbox/kit/names.h"

/* A channel, an account, a client, a chat and a message; 0 or -ENOMEM. */
static int furnish(struct amojo_store *st, struct amojo_message **ret)
{
    struct amojo_channel *ch = NULL;
    struct amojo_scope *sc = NULL;
    struct amojo_user *u = NULL;
    struct amojo_chat *chat = NULL;
    struct blob *body = NULL;
    int rc = amojo_channel_add(st, "ch", 1000, &ch);

    if (rc == 0)
        rc = amojo_scope_add(st, ch, "acc", &sc);
    if (rc == 0)
        rc = amojo_user_add(st, sc, NULL, "u1", &u);
    if (rc == 0)
        rc = amojo_chat_add(st, sc, NULL, "c1", u, &chat);
    body = rc == 0 ? blob_new("{}", 2) : NULL;
    if (rc == 0)
        rc = body ? amojo_message_add(st, chat, NULL, "m1", body, ret) : -ENOMEM;
    blob_drop(body);
    return rc;
}

static void everything_is_found_by_both_sides_names(void **state)
{
    struct amojo_store st = {0};
    struct amojo_message *m = NULL;
    const struct amojo_scope *sc = NULL;

    (void)state;
    assert_int_equal(furnish(&st, &m), 0);
    sc = m->chat->scope;
    assert_string_equal(sc->id, "ch_acc");
    assert_ptr_equal(amojo_scope_find(&st, sc->channel, "acc"), sc);
    assert_null(amojo_scope_find(&st, sc->channel, "other"));
    assert_ptr_equal(amojo_find_chat(sc, m->chat->id, NULL), m->chat);
    assert_ptr_equal(amojo_find_chat(sc, NULL, "c1"), m->chat);
    assert_null(amojo_find_chat(sc, "wrong", "c1")); /* amo's id decides */
    assert_null(amojo_find_chat(sc, NULL, NULL));
    assert_ptr_equal(amojo_find_message(sc, m->id, NULL), m);
    assert_ptr_equal(amojo_find_message(sc, NULL, "m1"), m);
    assert_null(amojo_find_message(sc, "wrong", "m1")); /* amo's id decides */
    assert_ptr_equal(names_get(&sc->users_by_client, "u1"), m->chat->user);
    assert_int_equal(amojo_count_objects(&st), 4);
    amojo_clear(&st, true);
}

static void a_second_name_leads_to_the_same_and_the_first_is_shown(void **state)
{
    struct amojo_store st = {0};
    struct amojo_message *m = NULL;
    struct amojo_scope *sc = NULL;

    (void)state;
    assert_int_equal(furnish(&st, &m), 0);
    sc = m->chat->scope;
    assert_int_equal(amojo_chat_name(m->chat, "c2"), 0);
    assert_ptr_equal(amojo_find_chat(sc, NULL, "c1"), m->chat);
    assert_ptr_equal(amojo_find_chat(sc, NULL, "c2"), m->chat);
    assert_string_equal(m->chat->client_id, "c1");
    assert_int_equal(amojo_user_name(sc, m->chat->user, "u2"), 0);
    assert_string_equal(m->chat->user->client_id, "u1");
    assert_int_equal(amojo_message_name(m, "m2"), 0);
    assert_string_equal(m->client_id, "m2");
    assert_ptr_equal(amojo_find_message(sc, NULL, "m1"), m);
    amojo_clear(&st, true);
}

static void a_client_joins_a_chat_once(void **state)
{
    struct amojo_store st = {0};
    struct amojo_message *m = NULL;
    struct amojo_user *u = NULL;

    (void)state;
    assert_int_equal(furnish(&st, &m), 0);
    assert_int_equal(amojo_user_add(&st, m->chat->scope, "given", NULL, &u), 0);
    assert_string_equal(u->id, "given");
    assert_null(u->client_id);
    assert_int_equal(amojo_chat_join(m->chat, u), 0);
    assert_int_equal(amojo_chat_join(m->chat, u), 0);
    assert_int_equal(m->chat->clients.n, 2);
    amojo_clear(&st, true);
}

static void calls_for_a_message_are_counted(void **state)
{
    struct amojo_store st = {0};
    struct amojo_message *m = NULL;

    (void)state;
    assert_int_equal(furnish(&st, &m), 0);
    assert_int_equal(amojo_tries(m->chat->scope, "m1"), 0);
    amojo_try_count(m->chat->scope, "m1");
    amojo_try_count(m->chat->scope, "m1");
    assert_int_equal(amojo_tries(m->chat->scope, "m1"), 2);
    assert_int_equal(amojo_tries(m->chat->scope, NULL), 0);
    amojo_clear(&st, true);
}

static void clearing_goes_as_far_as_it_is_told(void **state)
{
    struct amojo_store st = {0};
    struct amojo_message *m = NULL;
    const struct amojo_scope *sc = NULL;

    (void)state;
    assert_int_equal(furnish(&st, &m), 0);
    sc = m->chat->scope;
    assert_int_equal(journal_add(&st.statuses, json_object_new_object()), 0);
    assert_int_equal(journal_add(&st.actions, json_object_new_object()), 0);
    amojo_clear_logs(&st);
    assert_int_equal(st.statuses.entries.n + st.actions.entries.n, 0);
    assert_int_equal(st.first_listed, 1);
    assert_non_null(amojo_find_message(sc, NULL, "m1")); /* a repeat is still one */
    amojo_clear(&st, false);
    assert_null(amojo_find_message(sc, NULL, "m1"));
    assert_int_equal(st.first_listed, 0);
    assert_ptr_equal(names_get(&st.scopes, "ch_acc"), sc);
    amojo_clear(&st, true);
    assert_null(names_get(&st.scopes, "ch_acc"));
    assert_int_equal(amojo_count_objects(&st), 0);
}

static void kinds_have_their_names(void **state)
{
    (void)state;
    assert_string_equal(amojo_from_name(FROM_MANAGER), "manager");
    assert_string_equal(amojo_from_name(FROM_CLIENT), "client");
}

static void without_memory_what_there_is_can_be_cleared(void **state)
{
    uint64_t before = mem_count();
    uint64_t n = 0;
    struct amojo_store whole = {0};
    struct amojo_message *m = NULL;

    (void)state;
    assert_int_equal(furnish(&whole, &m), 0);
    n = mem_count() - before;
    amojo_clear(&whole, true);
    for (uint64_t i = 1; i <= n; i++) {
        struct amojo_store st = {0};

        mem_fail_at(i);
        /* a shown name that could not be copied is missing, which is no failure */
        assert_true(furnish(&st, &m) == 0 || st.messages.n <= 1);
        mem_fail_at(0);
        amojo_clear(&st, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_found_by_both_sides_names),
        cmocka_unit_test(a_second_name_leads_to_the_same_and_the_first_is_shown),
        cmocka_unit_test(a_client_joins_a_chat_once),
        cmocka_unit_test(calls_for_a_message_are_counted),
        cmocka_unit_test(clearing_goes_as_far_as_it_is_told),
        cmocka_unit_test(kinds_have_their_names),
        cmocka_unit_test(without_memory_what_there_is_can_be_cleared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
