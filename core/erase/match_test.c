#include "core/erase/match.h"

#include <errno.h>

#include "base/testing.h"

static void a_phone_is_found_in_whatever_form(void **state)
{
    static const char *const his[] = {"79165557788",
                                      "+7 916 555-77-88",
                                      "8 (916) 555.77.88",
                                      "9165557788",
                                      "tel:+79165557788;ext=1",
                                      "a 1 79165557788",
                                      "{\"phone\":79165557788}",
                                      "+7\xc2\xa0"
                                      "916\xe2\x80\x91"
                                      "555/77/88",
                                      "{\"p\":\"+7\\u00a0916\\u2011555\\t77\\/88\"}",
                                      "{\"p\":\"+7 916\\u00a0\\u2013\\u00a0555-77-88\"}",
                                      "{\"p\":\"\\u0020916 555\\n77 88\"}",
                                      "who=%2B7%20916%20555-77-88&x=1",
                                      "8&nbsp;916&nbsp;555&nbsp;77&nbsp;88",
                                      "{\"p\":\"\\u211679165557788\"}",
                                      "tel79165557788ext5"};
    static const char *const others[] = {"",
                                         "79165557789",
                                         "7916555778",
                                         "916 55577x88",
                                         "7916\n5557788",
                                         "-------",
                                         "[7916,5557788]",
                                         "{\"a\":\"7916\",\"b\":\"5557788\"}",
                                         "7916\\u00355557788",
                                         "791655577889",
                                         "17000079165557788",
                                         "7916%355557788"};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(his); i++)
        assert_true(erase_has_phone(view_of(his[i]), "79165557788"));
    for (size_t i = 0; i < AMO_COUNT(others); i++)
        assert_false(erase_has_phone(view_of(others[i]), "79165557788"));
    assert_true(erase_has_phone(view_of("+49 30 1234567"), "49301234567"));
    assert_false(erase_has_phone(view_of("112"), "112")); /* says nothing */
    /* a short one may stand anywhere by chance */
    assert_true(erase_has_phone(view_of("call 123-45-67"), "1234567"));
    assert_true(erase_has_phone(view_of("4951234567"), "1234567"));
    assert_false(erase_has_phone(view_of("{\"ts\":1791234567890}"), "1234567"));
    assert_false(erase_has_phone(view_of("f3c1-1234-567a-b"), "1234567"));
}

static void a_conversation_is_known_by_phone_or_by_an_id_that_is_one(void **state)
{
    char phone[] = "79165557788";
    char other[] = "79165557789";
    char id[] = "+7 (916) 555-77-88@c.us";
    char group[] = "79165557788-1400000000@g.us";
    struct conversation c = {.phone = phone};

    (void)state;
    assert_true(erase_is_conversation(&c, "79165557788", false));
    assert_true(erase_is_conversation(&c, "9165557788", false)); /* typed without its country */
    assert_false(erase_is_conversation(&c, "165557788", false));
    c = (struct conversation){.phone = other};
    assert_false(erase_is_conversation(&c, "79165557788", false));
    c.service_id = id;
    assert_true(erase_is_conversation(&c, "79165557788", false));
    c = (struct conversation){.service_id = group};
    assert_false(erase_is_conversation(&c, "79165557788", false));
    c.contact = id;
    assert_true(erase_is_conversation(&c, "79165557788", false));
}

static struct erase_person person(void)
{
    struct erase_person p = {0};
    struct conversation c = {.id = 7};

    c.connector = mem_strdup("svc");
    c.source = mem_strdup("line1");
    c.service_id = mem_strdup("thread");
    c.client_id = mem_strdup("svc-line1-thread");
    c.user_id = mem_strdup("svc-client");
    c.user_ref = mem_strdup("ref-of-amo");
    c.contact = mem_strdup("client");
    c.phone = mem_strdup("79165557788");
    c.chat_id = mem_strdup("chat-now");
    assert_int_equal(erase_person_add(&p, &c), 0);
    assert_int_equal(erase_person_add_chat(&p, VIEW_LIT("chat-before")), 0);
    assert_int_equal(erase_person_add_chat(&p, VIEW_LIT("chat-before")), 0);
    assert_int_equal(erase_person_add_phone(&p, VIEW_LIT("12-34")), 0); /* none */
    assert_int_equal(p.n_chats, 2);
    assert_int_equal(p.n_phones, 1);
    return p;
}

/* A service may have one name for many: a phone tells them apart. */
static void a_name_of_the_services_counts_unless_another_phone_is_known(void **state)
{
    struct erase_person p = person();
    char svc[] = "svc";
    char two[] = "two";
    char client[] = "client";
    char his[] = "79165557788";
    char other[] = "79165557789";
    struct conversation c = {.connector = svc, .contact = client};
    struct event e = {.connector = VIEW_LIT("svc"), .sender_id = VIEW_LIT("client")};

    (void)state;
    assert_true(erase_is_contact(&p, &c) && !erase_is_namesake(&p, &c));
    c.phone = his;
    assert_true(erase_is_contact(&p, &c) && !erase_is_namesake(&p, &c));
    c.phone = other;
    assert_true(!erase_is_contact(&p, &c) && erase_is_namesake(&p, &c));
    c.connector = two;
    assert_true(!erase_is_contact(&p, &c) && !erase_is_namesake(&p, &c));
    assert_true(erase_is_event(&p, &e));
    e.sender_phone = VIEW_LIT("+7 916 555 77 89");
    assert_false(erase_is_event(&p, &e));
    e = (struct event){.connector = VIEW_LIT("svc"), .receiver_id = VIEW_LIT("client")};
    assert_true(erase_is_event(&p, &e));
    e.receiver_phone = VIEW_LIT("+7 916 555 77 89");
    assert_false(erase_is_event(&p, &e));
    e = (struct event){.connector = VIEW_LIT("svc"), .receiver_id = VIEW_LIT("79165557788")};
    assert_true(erase_is_event(&p, &e));
    erase_person_fini(&p);
}

static void a_command_is_of_the_client_or_of_somebody_beside_him(void **state)
{
    struct command c = {.sender_phone = VIEW_LIT("+79165557788")};
    bool client = false;

    (void)state;
    assert_true(erase_is_command(&c, "79165557788", false, &client) && client);
    c.sender_id = VIEW_LIT("svc-another");
    assert_true(erase_is_command(&c, "79165557788", false, &client) && !client);
    c = (struct command){.receiver_phone = VIEW_LIT("89165557788")};
    assert_true(erase_is_command(&c, "79165557788", false, &client) && client);
    c = (struct command){.content.text = VIEW_LIT("call 79165557788")};
    assert_false(
        erase_is_command(&c, "79165557788", false, &client)); /* another speaks of him */
}

static void an_event_is_his_by_any_of_his_names(void **state)
{
    struct erase_person p = person();
    const struct event his[] = {
        {.chat_id = VIEW_LIT("chat-before")            },
        {.chat_id = VIEW_LIT("other"),                   .chat_client_id = VIEW_LIT("svc-line1-thread")},
        {.chat_id = VIEW_LIT("other"),                                              .receiver_id = VIEW_LIT("ref-of-amo")},
        {.receiver_phone = VIEW_LIT("+7 916 555 77 88"),.chat_id = VIEW_LIT("other")},
        {.connector = VIEW_LIT("svc"),
         .source = VIEW_LIT("line1"),
         .conversation = VIEW_LIT("thread")},
        {.connector = VIEW_LIT("svc"),                                              .conversation = VIEW_LIT("thread")},
        {.connector = VIEW_LIT("svc"),
         .conversation = VIEW_LIT("group"),
         .sender_id = VIEW_LIT("client")},
        {.connector = VIEW_LIT("two"),                                              .conversation = VIEW_LIT("79165557788@c.us")},
        {.connector = VIEW_LIT("svc"),
         .message_id = VIEW_LIT("m"),
         .content.text = VIEW_LIT("call +7 916 5557788")},
        {.raw = VIEW_LIT("{\"c\":\"chat-now\"}"),                   .reason = VIEW_LIT("?")},
        {.raw = VIEW_LIT("{\"c\":\"+7 916 555-77-88\"")               },
    };
    const struct event others[] = {
        {.chat_id = VIEW_LIT("chat-no")    },
        {.connector = VIEW_LIT("two"),
         .conversation = VIEW_LIT("thread"),
         .sender_id = VIEW_LIT("client")},
        {.connector = VIEW_LIT("svc"),
         .source = VIEW_LIT("line2"),
         .conversation = VIEW_LIT("thread")},
        {.connector = VIEW_LIT("svc"),
         .message_id = VIEW_LIT("m"),
         .content.text = VIEW_LIT("hello")},
        {.connector = VIEW_LIT("svc"),
         .conversation = VIEW_LIT("other"),
         .sender_id = VIEW_LIT("x"),
         .content.text = VIEW_LIT("call +7 916 5557788")},
        {.raw = VIEW_LIT("{\"c\":\"thread of chat-now\"}")      },
        {.raw = VIEW_LIT("") },
    };

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(his); i++) {
        if (!erase_is_event(&p, &his[i]))
            fail_msg("event %zu is his", i);
    }
    for (size_t i = 0; i < AMO_COUNT(others); i++) {
        if (erase_is_event(&p, &others[i]))
            fail_msg("event %zu is another's", i);
    }
    erase_person_fini(&p);
    assert_true(erase_is_nobodys(&others[3]));
    assert_false(erase_is_nobodys(&others[4])); /* somebody's */
    assert_false(erase_is_nobodys(&others[5])); /* a body that nobody understood */
}

static void of_two_ids_the_phone_is_told_from_others(void **state)
{
    struct erase_person p = person();

    (void)state;
    assert_false(erase_ids_have_phone(&p, &p.conversations[0]));
    mem_free(p.conversations[0].client_id);
    p.conversations[0].client_id = mem_strdup("svc-line1-79165557788");
    assert_true(erase_ids_have_phone(&p, &p.conversations[0]));
    erase_person_fini(&p);
}

static int person_of_pieces(void *arg)
{
    struct erase_person p = {0};
    struct conversation c = {0};
    int rc = -ENOMEM;

    (void)arg;
    c.phone = mem_strdup("79165557788");
    if (c.phone)
        rc = erase_person_add_phone(&p, VIEW_LIT("79165557787"));
    rc = rc ? rc : erase_person_add_chat(&p, VIEW_LIT("chat"));
    rc = rc ? rc : erase_person_add(&p, &c);
    conversation_fini(&c);
    erase_person_fini(&p);
    return rc;
}

static void without_memory_nothing_leaks(void **state)
{
    (void)state;
    testing_fail_each_allocation(person_of_pieces, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_phone_is_found_in_whatever_form),
        cmocka_unit_test(a_conversation_is_known_by_phone_or_by_an_id_that_is_one),
        cmocka_unit_test(a_name_of_the_services_counts_unless_another_phone_is_known),
        cmocka_unit_test(a_command_is_of_the_client_or_of_somebody_beside_him),
        cmocka_unit_test(an_event_is_his_by_any_of_his_names),
        cmocka_unit_test(of_two_ids_the_phone_is_told_from_others),
        cmocka_unit_test(without_memory_nothing_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
