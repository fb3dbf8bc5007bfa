#include "proto/registry.h"

#include <stdio.h>
#include <string.h>

#include "base/testing.h"
#include "proto/pack.h"

#define CHANNEL "0b024cf5-011a-41f4-b10c-62b7e5052de5"

static void set(char **field, const char *value)
{
    *field = mem_strdup(value);
    assert_non_null(*field);
}

static void add_scope(struct registry *r, const char *id, const char *connector)
{
    struct reg_scope *s = registry_add_scope(r);

    set(&s->id, id);
    set(&s->channel, CHANNEL);
    set(&s->account, "a");
    set(&s->connector, connector);
    set(&s->title, "Title");
    s->paused = strcmp(id, "paused") == 0;
}

static void add_source(struct registry *r, const char *connector, const char *source,
                       const char *scope)
{
    struct reg_source *s = registry_add_source(r);

    set(&s->connector, connector);
    set(&s->source, source);
    set(&s->scope, scope);
}

static struct registry *example(void)
{
    struct registry *r = NULL;
    struct reg_channel *channel = NULL;
    struct reg_connector *connector = NULL;

    assert_int_equal(registry_new(&r), 0);
    r->version = 42;
    channel = registry_add_channel(r);
    set(&channel->id, CHANNEL);
    set(&channel->code, "ru.mobilon.test");
    set(&channel->name, "Мессенджер");
    set(&channel->url, "https://amojo.amocrm.ru");
    set(&channel->bot_id, "bot");
    assert_int_equal(secret_init(&channel->secrets[0], VIEW_LIT("channel secret")), 0);
    connector = registry_add_connector(r);
    set(&connector->name, "demo");
    set(&connector->url, "https://service.example/");
    connector->allow_private = true;
    connector->off = true;
    assert_int_equal(secret_init(&connector->secrets[0], VIEW_LIT("new")), 0);
    assert_int_equal(secret_init(&connector->secrets[1], VIEW_LIT("old")), 0);
    assert_int_equal(secret_init(&connector->tokens[0], VIEW_LIT("token")), 0);
    add_scope(r, CHANNEL "_a", "demo");
    add_scope(r, "paused", "other");
    return r;
}

static struct registry *through_the_bus(const struct registry *r, enum role role)
{
    struct registry *back = NULL;
    struct buf out;

    buf_init(&out, 1 << 20);
    assert_int_equal(registry_encode(r, role, &out), 0);
    assert_int_equal(registry_decode(buf_view(&out), &back), 0);
    buf_fini(&out);
    return back;
}

static void egress_gets_what_signing_and_calling_take(void **state)
{
    struct registry *r = example();
    struct registry *back = through_the_bus(r, ROLE_EGRESS);
    const struct reg_connector *c = registry_connector(back, VIEW_LIT("demo"));
    const struct reg_channel *channel = registry_channel(back, VIEW_LIT(CHANNEL));

    (void)state;
    assert_int_equal(back->version, 42);
    assert_string_equal(c->url, "https://service.example/");
    assert_true(c->allow_private && c->off);
    assert_true(view_is(secret_view(&c->secrets[0]), "new"));
    assert_true(view_is(secret_view(&c->secrets[1]), "old"));
    assert_null(c->tokens[0].bytes);
    assert_string_equal(channel->name, "Мессенджер");
    assert_string_equal(channel->url, "https://amojo.amocrm.ru");
    assert_true(view_is(secret_view(&channel->secrets[0]), "channel secret"));
    assert_true(registry_scope(back, VIEW_LIT("paused"))->paused);
    assert_false(registry_scope(back, VIEW_LIT(CHANNEL "_a"))->paused);
    registry_free(back);
    registry_free(r);
}

static void ingress_gets_what_verifying_takes_and_no_address(void **state)
{
    struct registry *r = example();
    struct registry *back = through_the_bus(r, ROLE_INGRESS);
    const struct reg_connector *c = registry_connector(back, VIEW_LIT("demo"));

    (void)state;
    assert_string_equal(c->url, "");
    assert_true(view_is(secret_view(&c->tokens[0]), "token"));
    assert_true(view_is(secret_view(&c->secrets[0]), "new"));
    registry_free(back);
    registry_free(r);
}

static void what_is_not_registered_is_not_found(void **state)
{
    struct registry *r = example();

    (void)state;
    assert_null(registry_channel(r, VIEW_LIT("x")));
    assert_null(registry_connector(r, VIEW_LIT("dem")));
    assert_null(registry_connector(r, VIEW_NONE));
    assert_null(registry_scope(r, VIEW_LIT("x")));
    assert_null(registry_scope(NULL, VIEW_LIT("x")));
    registry_free(r);
}

static void a_scope_id_is_a_channel_and_an_account(void **state)
{
    (void)state;
    assert_true(view_is(registry_scope_channel(VIEW_LIT("c_a_b")), "c"));
    assert_true(view_is(registry_scope_account(VIEW_LIT("c_a_b")), "a_b"));
    assert_true(view_is(registry_scope_channel(VIEW_LIT("c")), "c"));
    assert_null(registry_scope_account(VIEW_LIT("c")).ptr);
    assert_int_equal(registry_scope_channel(VIEW_NONE).len, 0);
}

static void one_scope_takes_any_source_and_several_need_a_list(void **state)
{
    struct registry *r = example();
    bool known = false;

    (void)state;
    assert_string_equal(
        registry_scope_of_source(r, VIEW_LIT("demo"), VIEW_LIT("any"), &known)->id,
        CHANNEL "_a");
    assert_true(known);
    assert_null(registry_scope_of_source(r, VIEW_LIT("nobody"), VIEW_LIT("any"), &known));
    assert_true(known); /* nothing to choose from: not the source's fault */
    add_scope(r, "second", "demo");
    add_source(r, "demo", "wa1", CHANNEL "_a");
    add_source(r, "demo", "wa2", "second");
    add_source(r, "other", "wa3", "second");
    assert_string_equal(
        registry_scope_of_source(r, VIEW_LIT("demo"), VIEW_LIT("wa2"), &known)->id, "second");
    assert_true(known);
    assert_null(registry_scope_of_source(r, VIEW_LIT("demo"), VIEW_LIT("wa3"), &known));
    assert_false(known);
    registry_free(r);
}

/* Whatever their order is, and some were added later. */
static void rows_are_found_in_order_and_without(void **state)
{
    static const char *const ids[] = {"a_1", "a_10", "a_2", "b_1", "a_3", "a_0"};
    struct registry *r = NULL;

    (void)state;
    assert_int_equal(registry_new(&r), 0);
    for (size_t n = 0; n < AMO_COUNT(ids); n++) {
        add_scope(r, ids[n], "demo");
        add_source(r, n % 2 ? "demo" : "other", ids[n], ids[n]);
        if (n != 1)
            registry_ready(r);
        for (size_t i = 0; i < AMO_COUNT(ids); i++) {
            struct view connector = i % 2 ? VIEW_LIT("demo") : VIEW_LIT("other");
            const struct reg_scope *s = registry_scope(r, view_of(ids[i]));
            const struct reg_source *src = registry_source(r, connector, view_of(ids[i]));

            assert_ptr_equal(s, i <= n ? &r->scopes[i] : NULL);
            assert_ptr_equal(src, i <= n ? &r->sources[i] : NULL);
            assert_null(registry_source(r, i % 2 ? VIEW_LIT("other") : VIEW_LIT("demo"),
                                        view_of(ids[i])));
        }
        assert_null(registry_scope(r, VIEW_LIT("a_")));
        assert_null(registry_scope(r, VIEW_LIT("c")));
        assert_null(registry_scope(r, VIEW_NONE));
    }
    assert_int_equal(r->n_scopes_ordered, 4); /* behind "b_1" stands another "a" */
    registry_free(r);
}

static void many_rows_come_back_in_order(void **state)
{
    struct registry *r = NULL;
    struct registry *back = NULL;
    char name[32];

    (void)state;
    assert_int_equal(registry_new(&r), 0);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof(name), "scope-%d", i);
        add_scope(r, name, "demo");
        add_source(r, "demo", name, name);
    }
    back = through_the_bus(r, ROLE_EGRESS);
    assert_int_equal(back->n_scopes, 100);
    assert_int_equal(back->n_sources, 100);
    assert_string_equal(back->scopes[99].id, "scope-99");
    assert_string_equal(back->sources[57].scope, "scope-57");
    registry_free(back);
    registry_free(r);
}

static void nonsense_is_malformed_and_newer_keys_are_not(void **state)
{
    struct registry *r = NULL;

    (void)state;
    assert_int_equal(registry_decode(VIEW_LIT(""), &r), PACK_E_MALFORMED);
    assert_int_equal(registry_decode(VIEW_LIT("\x90"), &r), PACK_E_MALFORMED);
    assert_int_equal(registry_decode(VIEW_LIT("\x81\xa8"
                                              "channels\x91\x80"),
                                     &r),
                     PACK_E_MALFORMED);
    assert_int_equal(registry_decode(VIEW_LIT("\x81\xa6scopes\x91\x81\xa2id\x01"), &r),
                     PACK_E_MALFORMED);
    assert_int_equal(registry_decode(VIEW_LIT("\x81\xa7sources\x91\x81\xa9"
                                              "connector\xa1x"),
                                     &r),
                     PACK_E_MALFORMED);
    assert_null(r);
    assert_int_equal(registry_decode(VIEW_LIT("\x82\xa7version\x05\xa5later\x90"), &r), 0);
    assert_int_equal(r->version, 5);
    registry_free(r);
}

static void three_secrets_are_one_too_many(void **state)
{
    static const char bytes[] = "\x81\xaa"
                                "connectors\x91\x83\xa4name\xa1"
                                "d\xa3url\xa0\xa7secrets\x93\xc4\x01"
                                "a\xc4\x01"
                                "b\xc4\x01"
                                "c";
    struct registry *r = NULL;

    (void)state;
    assert_int_equal(registry_decode(view_make(bytes, sizeof(bytes) - 1), &r),
                     PACK_E_MALFORMED);
    assert_null(r);
}

static int decode_case(void *arg)
{
    const struct buf *bytes = arg;
    struct registry *r = NULL;
    int rc = registry_decode(buf_view(bytes), &r);

    if (rc == 0)
        registry_free(r);
    return rc;
}

static void decoding_without_memory_leaves_nothing_behind(void **state)
{
    struct registry *r = example();
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    assert_int_equal(registry_encode(r, ROLE_EGRESS, &out), 0);
    testing_fail_each_allocation(decode_case, &out);
    buf_fini(&out);
    registry_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(egress_gets_what_signing_and_calling_take),
        cmocka_unit_test(ingress_gets_what_verifying_takes_and_no_address),
        cmocka_unit_test(what_is_not_registered_is_not_found),
        cmocka_unit_test(a_scope_id_is_a_channel_and_an_account),
        cmocka_unit_test(one_scope_takes_any_source_and_several_need_a_list),
        cmocka_unit_test(rows_are_found_in_order_and_without),
        cmocka_unit_test(many_rows_come_back_in_order),
        cmocka_unit_test(nonsense_is_malformed_and_newer_keys_are_not),
        cmocka_unit_test(three_secrets_are_one_too_many),
        cmocka_unit_test(decoding_without_memory_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
