/* Support's answer: what is kept of it, obeyed and told. */

#include "core/model/channel_flags.h"

#include <stdio.h>
#include <string.h>

#include "base/testing.h"

static void kept_of(const char *answer, struct buf *kept)
{
    struct json *doc = NULL;
    struct buf why;

    buf_init(&why, 1024);
    buf_init(kept, 1 << 16);
    assert_int_equal(json_parse(view_of(answer), &doc), 0);
    assert_int_equal(channel_flags_keep(doc, json_root(doc), VIEW_LIT("ru"), kept, &why), 0);
    json_free(doc);
}

static struct reg_channel obeyed(const char *answer)
{
    struct reg_channel c = {0};
    struct buf kept;

    kept_of(answer, &kept);
    assert_int_equal(channel_flags_apply(buf_view(&kept), &c), 0);
    buf_fini(&kept);
    return c;
}

/* "" when the account may be connected. */
static void admitted(const char *answer, const char *account, const char *words)
{
    struct buf kept;
    struct buf why;
    int rc = 0;

    kept_of(answer, &kept);
    buf_init(&why, 1024);
    rc = channel_flags_admit(buf_view(&kept), view_of(account), &why);
    assert_int_equal(rc, words[0] ? CHANNEL_FLAGS_E_OBJECTION : 0);
    assert_non_null(strstr(buf_str(&why), words));
    buf_fini(&why);
    buf_fini(&kept);
}

static void told(const char *answer, bool cares, struct buf *out)
{
    struct json_writer w;
    struct buf kept;

    kept_of(answer, &kept);
    buf_init(out, 1 << 16);
    json_writer_init(&w, out);
    json_open_object(&w, NULL);
    assert_int_equal(channel_flags_tell(buf_view(&kept), "flags", cares, &w), 0);
    json_close_object(&w);
    buf_fini(&kept);
}

static void the_secret_and_strange_members_are_not_kept(void **state)
{
    struct buf kept;

    (void)state;
    kept_of(
        "{\"id\":\"c\",\"secret_key\":\"s3cret\",\"contact_email\":\"a@b\",\"enabled\":true}",
        &kept);
    assert_null(strstr(buf_str(&kept), "s3cret"));
    assert_null(strstr(buf_str(&kept), "a@b"));
    assert_non_null(strstr(buf_str(&kept), "\"enabled\":true"));
    buf_fini(&kept);
}

static void what_is_absent_restricts_nothing(void **state)
{
    struct reg_channel c = obeyed("{}");

    (void)state;
    assert_false(c.no_quotes);
    assert_false(c.no_reactions);
    assert_true(channel_takes_reaction(&c, VIEW_LIT("\xf0\x9f\x91\x8d")));
    admitted("{}", "any", "");
    admitted("{\"enabled\":null,\"allowed_acc_list\":[]}", "any", "");
}

static void a_store_of_before_restricts_nothing(void **state)
{
    struct reg_channel c = {0};

    (void)state;
    assert_int_equal(channel_flags_apply(VIEW_NONE, &c), 0);
    assert_int_equal(channel_flags_apply(VIEW_LIT("nonsense"), &c), 0);
    assert_int_equal(channel_flags_apply(VIEW_LIT("{\"reactions_all\":false}"), &c), 0);
    assert_false(c.no_quotes || c.no_reactions);
}

static void quotes_and_reactions_are_as_support_says(void **state)
{
    struct reg_channel c = obeyed("{\"supports_reply\":false,\"reactions_all\":false,"
                                  "\"reactions_list\":\"\"}");

    (void)state;
    assert_true(c.no_quotes);
    assert_false(channel_takes_reaction(&c, VIEW_LIT("\xf0\x9f\x91\x8d")));
    assert_false(channel_takes_reaction(&c, VIEW_NONE));
    c = obeyed("{\"supports_reply\":true,\"reactions_all\":true,\"reactions_list\":\"\"}");
    assert_false(c.no_quotes);
    assert_true(channel_takes_reaction(&c, VIEW_LIT("x")));
    c = obeyed(
        "{\"reactions_all\":false,\"reactions_list\":\"\xf0\x9f\x91\x8d,\xf0\x9f\x91\x8e\"}");
    assert_true(channel_takes_reaction(&c, VIEW_LIT("\xf0\x9f\x91\x8e")));
    assert_true(channel_takes_reaction(&c, VIEW_NONE));
    assert_false(channel_takes_reaction(&c, VIEW_LIT("\xf0\x9f\x94\xa5")));
    mem_free(c.reactions_list);
}

static void an_account_that_support_does_not_allow_is_refused(void **state)
{
    static const char answer[] =
        "{\"enabled\":true,\"webhook_v2\":true,\"allowed_acc_list\":["
        "{\"id\":\"one\",\"external_id\":\"amocrm:1\"},{\"id\":\"two\"}]}";

    (void)state;
    admitted(answer, "one", "");
    admitted(answer, "TWO", "");
    admitted(answer, "three", "one, two");
    admitted(answer, "on", "allowed_acc_list");
    admitted("{\"enabled\":false}", "one", "switched this channel off");
    admitted("{\"webhook_v2\":false}", "one", "version 1");
}

static void what_cannot_be_read_is_not_taken_for_a_permission(void **state)
{
    static const char *const answers[] = {
        "{\"enabled\":\"perhaps\"}", "{\"allowed_acc_list\":\"one\"}", "{\"reactions_all\":[]}",
        "{\"allowed_acc_list\":[{\"external_id\":\"amocrm:1\"}]}"};

    (void)state;
    for (size_t i = 0; i < AMO_COUNT(answers); i++) {
        struct json *doc = NULL;
        struct buf kept;
        struct buf why;

        buf_init(&kept, 1 << 16);
        buf_init(&why, 1024);
        assert_int_equal(json_parse(view_of(answers[i]), &doc), 0);
        assert_int_equal(channel_flags_keep(doc, json_root(doc), VIEW_NONE, &kept, &why),
                         CHANNEL_FLAGS_E_OBJECTION);
        assert_true(why.len > 10);
        json_free(doc);
        buf_fini(&kept);
        buf_fini(&why);
    }
}

static void every_flag_is_told_in_words(void **state)
{
    static const char *const flags[] = {
        "enabled",   "webhook_v2",     "write_first",      "supports_reply", "saves_files",
        "reactions", "webhook_events", "allowed_acc_list", "bot.id",         "time_window",
        "segment",   "webhook_url_v2", "test_mode",        "en_enabled"};
    struct buf out;

    (void)state;
    told("{\"enabled\":true,\"webhook_v2\":true,\"write_first\":true,\"supports_reply\":true,"
         "\"saves_files\":true,\"reactions_all\":true,\"reactions_list\":\"\","
         "\"webhook_events\":[\"messages\"],\"bot\":{\"id\":\"b\"},\"test_mode\":false,"
         "\"time_window\":{\"enabled\":true,\"expires\":86400,\"need_template\":true},"
         "\"webhook_url_v2\":\"https://b.example/messages/:scope_id\",\"en_enabled\":false}",
         false, &out);
    for (size_t i = 0; i < AMO_COUNT(flags); i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "\"flag\":\"%s\"", flags[i]);
        if (!strstr(buf_str(&out), text))
            fail_msg("%s is not told", flags[i]);
    }
    assert_non_null(strstr(buf_str(&out), "86400 s"));
    assert_non_null(strstr(buf_str(&out), "only by a template"));
    buf_fini(&out);
}

static void a_password_in_an_address_is_not_shown(void **state)
{
    struct buf out;

    (void)state;
    told("{\"webhook_url_v2\":\"https://user:word@b.example/messages/:scope_id\"}", false,
         &out);
    assert_non_null(strstr(buf_str(&out), "has a user or a password in it"));
    assert_null(strstr(buf_str(&out), "user:word"));
    buf_fini(&out);
}

static void only_what_needs_attention_is_told_to_whom_cares(void **state)
{
    struct buf out;

    (void)state;
    told("{\"enabled\":true,\"webhook_v2\":true,\"write_first\":true,\"supports_reply\":true,"
         "\"bot\":{\"id\":\"b\"}}",
         true, &out);
    assert_string_equal(buf_str(&out), "{\"flags\":[]}");
    buf_fini(&out);
    told("{\"enabled\":false,\"write_first\":false}", true, &out);
    assert_non_null(strstr(buf_str(&out), "\"state\":\"problem\""));
    assert_non_null(strstr(buf_str(&out), "\"state\":\"note\""));
    assert_null(strstr(buf_str(&out), "\"state\":\"ok\""));
    buf_fini(&out);
}

static int flags_case(void *arg)
{
    static const char answer[] = "{\"enabled\":true,\"reactions_all\":false,\"reactions_list\":"
                                 "\"ab\",\"allowed_acc_list\":[{\"id\":\"one\"}]}";
    struct reg_channel c = {0};
    struct json *doc = NULL;
    struct buf kept;
    struct buf why;
    int rc = json_parse(VIEW_LIT(answer), &doc);

    (void)arg;
    buf_init(&why, 1024);
    buf_init(&kept, 1 << 16);
    rc = rc ? rc : channel_flags_keep(doc, json_root(doc), VIEW_LIT("ru"), &kept, &why);
    rc = rc ? rc : channel_flags_apply(buf_view(&kept), &c);
    if (rc == 0)
        assert_string_equal(c.reactions_list, "ab");
    mem_free(c.reactions_list);
    json_free(doc);
    buf_fini(&kept);
    return rc;
}

static void flags_survive_every_failed_allocation(void **state)
{
    (void)state;
    testing_fail_each_allocation(flags_case, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_secret_and_strange_members_are_not_kept),
        cmocka_unit_test(what_is_absent_restricts_nothing),
        cmocka_unit_test(a_store_of_before_restricts_nothing),
        cmocka_unit_test(quotes_and_reactions_are_as_support_says),
        cmocka_unit_test(an_account_that_support_does_not_allow_is_refused),
        cmocka_unit_test(what_cannot_be_read_is_not_taken_for_a_permission),
        cmocka_unit_test(every_flag_is_told_in_words),
        cmocka_unit_test(a_password_in_an_address_is_not_shown),
        cmocka_unit_test(only_what_needs_attention_is_told_to_whom_cares),
        cmocka_unit_test(flags_survive_every_failed_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
