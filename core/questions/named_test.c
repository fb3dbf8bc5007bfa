#include "core/questions/named.h"

#include <stdio.h>
#include <string.h>

#include "base/process.h"
#include "core/store/db.h"
#include "core/store/private.h"
#include "core/testing/amoctl.h"

static size_t rows_of(const struct reply *reply, const char *name)
{
    return name ? json_array_len(json_get(json_root(reply->doc), name))
                : json_array_len(json_root(reply->doc));
}

static void add_conversation(struct rig *r, const char *service_id, const char *name)
{
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(
        db_run(r->core.store->db,
               "/* test */ INSERT INTO conversations (connector, source, service_id,"
               " scope, client_id, user_id, name, linked)"
               " VALUES ('svc', 'line2', ?1, 'ch_acc', ?1, ?1, ?2, 0)",
               "tt", view_of(service_id), view_of(name)),
        0);
    rig_commit(r);
}

/* So many answers of @verb to @key=@word. */
static size_t found_by(struct rig *r, const char *verb, const char *key, const char *word)
{
    char args[200];
    struct reply reply;
    size_t n = 0;

    (void)snprintf(args, sizeof(args), "{\"%s\":\"%s\"}", key, word);
    reply = ctl_ask(r, verb, args);
    n = reply.code == EXIT_FINE
            ? rows_of(&reply, strcmp(verb, "message.list") ? NULL : "messages")
            : 0;
    json_free(reply.doc);
    return n;
}

static void a_number_that_is_offered_can_be_taken(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct reply reply;

    rig_take(r, &e);
    add_conversation(r, "1", "Ann");
    reply = ctl_ask(r, "message.list", "{\"who\":\"1\"}");
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_int_equal(rows_of(&reply, "conversations"), 2);
    assert_non_null(strstr(reply.error, "take the number of one, as id:1"));
    json_free(reply.doc);
    assert_int_equal(found_by(r, "message.list", "who", "id:1"), 1);
    assert_int_equal(found_by(r, "message.list", "who", "id:2"), 0);
    reply = ctl_ask(r, "message.list", "{\"who\":\"id:79991234567\"}"); /* the client's phone */
    assert_int_equal(reply.code, EXIT_FAILED);
    json_free(reply.doc);
}

static void a_phone_is_found_with_and_without_its_country(void **state)
{
    static const char *const spelled[] = {"79991234567", "+7 (999) 123-45-67",
                                          "8 999 123-45-67", "9991234567", "(999) 123-45-67"};
    struct rig *r = *state;
    struct event e = rig_client_text("m1");

    rig_take(r, &e);
    for (size_t i = 0; i < AMO_COUNT(spelled); i++) {
        if (found_by(r, "message.list", "who", spelled[i]) != 1)
            fail_msg("not found by %s", spelled[i]);
    }
    assert_int_equal(found_by(r, "message.list", "who", "+9991234567"),
                     0); /* another country's */
}

/* Others have spoken in it as well: no client's message is looked for there by phone, but a person is. */
static void a_conversation_of_several_people_is_found_by_the_phone(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");

    rig_take(r, &e);
    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(
        db_run(r->core.store->db, "/* test */ UPDATE conversations SET shared=1", ""), 0);
    rig_commit(r);
    assert_int_equal(found_by(r, "message.list", "who", "79991234567"), 1);
}

static void case_accents_and_blanks_do_not_count_in_names(void **state)
{
    static const char *const names[][2] = {
        {"ИВАН",             "иван"                  },
        {"Қайрат",         "қайрат"              },
        {"Әсел",             "әсел"                  },
        {"Ґала",             "ґала"                  },
        {"Єва",               "єва"                    },
        {"Łukasz",              "łukasz"                   },
        {"Şule",                "şule"                     },
        {"Сергей",         "серге\xd0\xb8\xcc\x86"}, /* the й in two characters */
        {"Фёдор",           "ФЕДОР"                },
        {"Ivan  \xc2\xa0Petrov", "ivan petrov"               },
        {"100%",                 "100%"                      },
        {"a_b",                  "A_B"                       },
    };
    struct rig *r = *state;
    char id[16];

    for (size_t i = 0; i < AMO_COUNT(names); i++) {
        (void)snprintf(id, sizeof(id), "t%zu", i);
        add_conversation(r, id, names[i][0]);
    }
    for (size_t i = 0; i < AMO_COUNT(names); i++) {
        if (found_by(r, "conversation.list", "client", names[i][1]) != 1)
            fail_msg("%s is not found by %s", names[i][0], names[i][1]);
    }
    assert_int_equal(found_by(r, "conversation.list", "client", "_"), 1);
}

/* Others of that name may be among those that were not looked at. */
static void one_namesake_among_many_is_not_taken_for_the_only_one(void **state)
{
    struct rig *r = *state;
    struct reply reply;

    assert_int_equal(core_turn(&r->core), 0);
    assert_int_equal(
        db_run(r->core.store->db,
               "/* test */ WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k"
               " WHERE i < 30000) INSERT INTO conversations (connector, source, service_id,"
               " scope, client_id, user_id, name, linked) SELECT 'svc', 'line2', 't' || i,"
               " 'ch_acc', 'c' || i, 'u' || i, CASE WHEN i IN (1, 29990) THEN 'Petrov'"
               " ELSE 'Ivan ' || i END, 0 FROM k",
               ""),
        0);
    rig_commit(r);
    reply = ctl_ask(r, "message.list", "{\"who\":\"petrov\"}");
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_int_equal(rows_of(&reply, "conversations"), 1);
    assert_non_null(strstr(reply.error, "among the newest"));
    assert_non_null(strstr(reply.error, "conversation list --name looks further"));
    json_free(reply.doc);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_number_that_is_offered_can_be_taken),
        CASE(a_phone_is_found_with_and_without_its_country),
        CASE(a_conversation_of_several_people_is_found_by_the_phone),
        CASE(case_accents_and_blanks_do_not_count_in_names),
        CASE(one_namesake_among_many_is_not_taken_for_the_only_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
