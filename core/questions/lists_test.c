/* Lists of what may be many: each part is bounded, and all parts together have every row once. */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/queue/queue.h"
#include "core/testing/amoctl.h"
#include "proto/limits.h"

#define MANY 1200 /* more than two parts */

/* Accounts of the rig's connector with a source each, beside those of the rig. */
static void many_accounts(struct rig *r)
{
    char connector[] = "svc";
    char channel[] = "ch";

    assert_int_equal(core_turn(&r->core), 0);
    for (int i = 0; i < MANY; i++) {
        char id[40];
        char source[20];
        struct reg_scope s = {.id = id,
                              .channel = channel,
                              .account = id + 3,
                              .connector = connector,
                              .title = channel};

        (void)snprintf(id, sizeof(id), "ch_many%05d", i * 7919 % 100000);
        (void)snprintf(source, sizeof(source), "n/%d", i);
        assert_int_equal(store_scope_put(r->core.store, &s), 0);
        assert_int_equal(
            store_source_put(r->core.store, VIEW_LIT("svc"), view_of(source), view_of(id)), 0);
    }
    rig_register_source(r, "last", "ch_many00000");
}

/* The rows of all parts, by their @key; none twice. */
static size_t rows_of(struct rig *r, const char *verb, const char *args, const char *key)
{
    struct table *seen = NULL;
    struct reply parts[40];
    char place[1024] = "";
    size_t n_parts = 0;
    size_t n = 0;

    assert_int_equal(table_new(&seen), 0);
    do {
        char question[2000];
        struct reply *p = &parts[n_parts++];

        assert_true(n_parts <= AMO_COUNT(parts));
        (void)snprintf(question, sizeof(question), "{%s%s\"page\":\"%s\"}", args,
                       args[0] ? "," : "", place);
        *p = ctl_ask(r, verb, question);
        assert_int_equal(p->code, EXIT_FINE);
        assert_true(json_array_len(json_root(p->doc)) <= CONTROL_PAGE_ROWS);
        for (size_t i = 0; i < json_array_len(json_root(p->doc)); i++, n++) {
            struct view v = VIEW_NONE;

            assert_true(
                json_strict_text(json_get(json_array_at(json_root(p->doc), i), key), &v));
            assert_int_equal(table_add(seen, v, r), 0);
        }
        (void)snprintf(place, sizeof(place), "%s", p->next);
    } while (place[0]);
    table_free(seen);
    for (size_t i = 0; i < n_parts; i++)
        json_free(parts[i].doc);
    return n;
}

static void every_account_and_source_is_in_one_part(void **state)
{
    struct rig *r = *state;

    many_accounts(r);
    assert_int_equal(rows_of(r, "account.list", "", "scope_id"),
                     r->core.turn->registry->n_scopes);
    assert_int_equal(rows_of(r, "source.list", "", "source"),
                     r->core.turn->registry->n_sources);
    assert_true(r->core.turn->registry->n_sources > MANY);
    assert_int_equal(rows_of(r, "connector.list", "", "name"), 1);
    assert_int_equal(rows_of(r, "channel.list", "", "id"), 1);
}

/* One answer has the first of them, and says how many more there are. */
static void of_a_connector_the_first_accounts_are_shown(void **state)
{
    struct rig *r = *state;
    const struct registry *reg = NULL;
    const struct json_node *root = NULL;
    struct reply reply;

    many_accounts(r);
    reg = r->core.turn->registry;
    reply = ctl_ask(r, "connector.show", "{\"name\":\"svc\"}");
    root = json_root(reply.doc);
    assert_int_equal(json_array_len(json_get(root, "accounts")), LIMIT_LIST_ROWS);
    assert_int_equal(ctl_int(root, "accounts_more"), (int64_t)reg->n_scopes - LIMIT_LIST_ROWS);
    assert_int_equal(json_array_len(json_get(root, "sources")), LIMIT_LIST_ROWS);
    assert_int_equal(ctl_int(root, "sources_more"), (int64_t)reg->n_sources - LIMIT_LIST_ROWS);
    json_free(reply.doc);
}

/* amoctl wants the titles of what it shows, and no others. */
static void accounts_are_listed_by_their_ids(void **state)
{
    struct rig *r = *state;
    struct reply reply;

    many_accounts(r);
    reply = ctl_ask(r, "account.list", "{\"scope_ids\":[\"ch_many07919\",\"nobody\",7]}");
    assert_int_equal(json_array_len(json_root(reply.doc)), 1);
    ctl_text(&reply, json_array_at(json_root(reply.doc), 0), "scope_id", "ch_many07919");
    assert_string_equal(reply.next, "");
    json_free(reply.doc);
    reply = ctl_ask(r, "account.list", "{\"scope_ids\":[]}");
    assert_int_equal(json_array_len(json_root(reply.doc)), 0);
    json_free(reply.doc);
}

static void every_destination_is_in_one_part(void **state)
{
    struct rig *r = *state;
    const struct registry *reg = NULL;

    many_accounts(r);
    reg = r->core.turn->registry;
    for (size_t i = 0; i < reg->n_scopes; i++) {
        struct dest *d = queue_dest(r->core.queue, DEST_SCOPE, view_of(reg->scopes[i].id));

        assert_non_null(d);
        if (i % 3)
            dest_hold(r->core.queue, d, HOLD_FORBIDDEN, 0, 0, clock_mono_ms());
    }
    assert_int_equal(rows_of(r, "queue", "", "destination"),
                     reg->n_scopes - (reg->n_scopes + 2) / 3);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_account_and_source_is_in_one_part),
        CASE(of_a_connector_the_first_accounts_are_shown),
        CASE(accounts_are_listed_by_their_ids),
        CASE(every_destination_is_in_one_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
