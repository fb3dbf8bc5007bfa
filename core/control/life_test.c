/* The life of what is registered: secrets that take turns, accounts that leave and come back,
 * automatic connect calls, sources. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/rotation.h"
#include "core/deliver/calls.h"
#include "core/deliver/deliver.h"
#include "core/deliver/dispatch.h"
#include "core/testing/amoctl.h"
#include "core/watch.h"

#define MINUTE_MS 60000LL
#define HOUR_MS   (60 * MINUTE_MS)

static const struct reg_channel *channel(struct rig *r)
{
    return registry_channel(r->core.turn->registry, VIEW_LIT("ch"));
}

static const struct reg_connector *connector(struct rig *r)
{
    return registry_connector(r->core.turn->registry, VIEW_LIT("svc"));
}

static const struct reg_scope *scope(struct rig *r)
{
    return registry_scope(r->core.turn->registry, VIEW_LIT("ch_acc"));
}

static struct dest *dest(struct rig *r)
{
    return queue_dest(r->core.queue, DEST_SCOPE, VIEW_LIT("ch_acc"));
}

/* --- secrets ---------------------------------------------------------------------------------- */

#define SECRET(text) "{\"id\":\"ch\",\"secret\":\"" text "\"}"

static void a_new_channel_secret_signs_and_the_old_one_still_verifies(void **state)
{
    struct rig *r = *state;

    ctl_fine(r, "channel.secret", SECRET("fresh"));
    assert_true(view_is(secret_view(&channel(r)->secrets[0]), "fresh"));
    assert_true(view_is(secret_view(&channel(r)->secrets[1]), "channel secret"));
    assert_true(channel(r)->old_until_ms > clock_unix_ms() + 23 * HOUR_MS);
    rotation_tick(&r->core, clock_unix_ms() + 23 * HOUR_MS);
    assert_non_null(channel(r)->secrets[1].bytes);
    rotation_tick(&r->core, clock_unix_ms() + 25 * HOUR_MS);
    rig_commit(r);
    assert_null(channel(r)->secrets[1].bytes);
    assert_true(view_is(secret_view(&channel(r)->secrets[0]), "fresh"));
    assert_int_equal(channel(r)->old_until_ms, 0);
    rig_restart(r);
    assert_null(channel(r)->secrets[1].bytes);
    assert_true(view_is(secret_view(&channel(r)->secrets[0]), "fresh"));
}

static void a_rotation_survives_a_restart(void **state)
{
    struct rig *r = *state;

    ctl_fine(r, "channel.secret", SECRET("fresh"));
    ctl_fine(r, "connector.rotate", "{\"name\":\"svc\"}");
    rig_restart(r);
    assert_true(view_is(secret_view(&channel(r)->secrets[1]), "channel secret"));
    assert_true(view_is(secret_view(&connector(r)->secrets[1]), "connector secret of 24 by"));
    assert_true(connector(r)->old_until_ms > clock_unix_ms());
}

/* Of "secret" or "token", as @verb shows it: when and by whom it was set. */
static int64_t set_at(struct rig *r, const char *verb, const char *args, const char *at,
                      const char *by)
{
    struct reply reply = ctl_ask(r, verb, args);
    struct view text = VIEW_NONE;
    int64_t ms = 0;

    assert_int_equal(reply.code, EXIT_FINE);
    if (json_strict_text(json_get(json_root(reply.doc), at), &text))
        assert_int_equal(clock_parse_iso(text, &ms), 0);
    if (ms) {
        assert_true(json_strict_text(json_get(json_root(reply.doc), by), &text));
        assert_true(text.len > 0);
    }
    json_free(reply.doc);
    return ms;
}

#define CHANNEL_SET(r)                                                                         \
    set_at(r, "channel.show", "{\"id\":\"ch\"}", "secret_set_at", "secret_set_by")
#define CONNECTOR_SET(r, what)                                                                 \
    set_at(r, "connector.show", "{\"name\":\"svc\"}", what "_set_at", what "_set_by")

static void since_when_a_secret_is_in_force_is_known(void **state)
{
    struct rig *r = *state;
    int64_t before = clock_unix_ms();
    int64_t channel_ms = 0;
    int64_t secret_ms = 0;
    int64_t token_ms = 0;

    assert_int_equal(CHANNEL_SET(r), 0); /* the rig's was there before it was written down */
    ctl_fine(r, "channel.secret", SECRET("fresh"));
    channel_ms = CHANNEL_SET(r);
    assert_in_range(channel_ms, before, clock_unix_ms());
    ctl_fine(r, "connector.rotate", "{\"name\":\"svc\"}");
    secret_ms = CONNECTOR_SET(r, "secret");
    token_ms = CONNECTOR_SET(r, "token");
    assert_true(secret_ms >= before && token_ms >= secret_ms);
    rotation_tick(&r->core,
                  clock_unix_ms() + 25 * HOUR_MS); /* that the old ones end sets none */
    rig_commit(r);
    usleep(5000);
    ctl_fine(r, "connector.rotate", "{\"name\":\"svc\",\"only\":\"token\"}");
    rig_restart(r);
    assert_int_equal(CHANNEL_SET(r), channel_ms);
    assert_int_equal(CONNECTOR_SET(r, "secret"), secret_ms);
    assert_true(CONNECTOR_SET(r, "token") > token_ms);
    token_ms = CONNECTOR_SET(r, "token");
    ctl_fine(r, "connector.rotate", "{\"name\":\"svc\",\"finish\":true}");
    assert_int_equal(CONNECTOR_SET(r, "token"), token_ms);
}

static void a_rotation_must_end_before_the_next(void **state)
{
    struct rig *r = *state;

    ctl_sad(r, "channel.secret", "{\"id\":\"ch\",\"finish\":true}", EXIT_FAILED, "no rotation");
    ctl_fine(r, "channel.secret", SECRET("one"));
    ctl_sad(r, "channel.secret", SECRET("two"), EXIT_FAILED, "--finish");
    ctl_fine(r, "channel.secret", "{\"id\":\"ch\",\"finish\":true}");
    assert_null(channel(r)->secrets[1].bytes);
    assert_true(view_is(secret_view(&channel(r)->secrets[0]), "one"));
    ctl_fine(r, "channel.secret", SECRET("two"));
    /* a leak cannot wait: both of before are gone at once */
    ctl_fine(r, "channel.secret",
             "{\"id\":\"ch\",\"secret\":\"three\",\"overlap_hours\":\"0\"}");
    assert_true(view_is(secret_view(&channel(r)->secrets[0]), "three"));
    assert_null(channel(r)->secrets[1].bytes);
    ctl_sad(r, "channel.secret", SECRET("three"), EXIT_FAILED, "in use");
    ctl_sad(r, "channel.secret", "{\"id\":\"ch\"}", EXIT_USAGE, "secret is missing");
    ctl_sad(r, "channel.secret", "{\"id\":\"no\",\"secret\":\"x\"}", EXIT_FAILED,
            "no such channel");
    ctl_sad(r, "channel.secret", "{\"id\":\"ch\",\"secret\":\"x\",\"overlap_hours\":-1}",
            EXIT_USAGE, "overlap");
    ctl_sad(r, "channel.secret", "{\"id\":\"ch\",\"secret\":\"x\",\"overlap_hours\":\"soon\"}",
            EXIT_USAGE, "overlap");
}

static void a_connector_gets_both_anew_and_keeps_both_old_ones(void **state)
{
    struct rig *r = *state;
    struct reply reply =
        ctl_ask(r, "connector.rotate", "{\"name\":\"svc\",\"overlap_hours\":1}");

    assert_int_equal(reply.code, EXIT_FINE);
    assert_non_null(json_get(json_root(reply.doc), "secret"));
    assert_non_null(json_get(json_root(reply.doc), "token"));
    assert_non_null(json_get(json_root(reply.doc), "old_valid_until"));
    json_free(reply.doc);
    assert_int_equal(connector(r)->secrets[0].len, 32);
    assert_true(view_is(secret_view(&connector(r)->secrets[1]), "connector secret of 24 by"));
    ctl_sad(r, "connector.rotate", "{\"name\":\"svc\"}", EXIT_FAILED, "--finish");
    assert_null(connector(r)->tokens[1].bytes); /* it had none before */
    ctl_fine(r, "connector.rotate", "{\"name\":\"svc\",\"finish\":true}");
    ctl_fine(r, "connector.rotate", "{\"name\":\"svc\",\"overlap_hours\":1}");
    assert_non_null(connector(r)->tokens[1].bytes);
    rotation_tick(&r->core, clock_unix_ms() + 2 * HOUR_MS);
    rig_commit(r);
    assert_null(connector(r)->secrets[1].bytes);
    assert_null(connector(r)->tokens[1].bytes);
    assert_int_equal(connector(r)->secrets[0].len, 32);
    ctl_sad(r, "connector.rotate", "{\"name\":\"no\"}", EXIT_FAILED, "no such connector");
    ctl_sad(r, "connector.rotate", "{\"name\":\"svc\",\"secret\":\"weak\"}", EXIT_USAGE,
            "secret");
    ctl_sad(r, "connector.rotate", "{\"name\":\"svc\",\"token\":\"weak\"}", EXIT_USAGE,
            "token");
}

static void nothing_is_forgotten_while_the_clock_is_in_doubt(void **state)
{
    struct rig *r = *state;

    ctl_fine(r, "channel.secret", "{\"id\":\"ch\",\"secret\":\"x\",\"overlap_hours\":1}");
    assert_int_equal(core_turn(&r->core), 0);
    r->core.turn->registry->channels[0].old_until_ms = 1; /* long over */
    r->core.turn->doubt.on = true;
    watch_tick(&r->core);
    assert_non_null(channel(r)->secrets[1].bytes);
    r->core.turn->doubt.on = false;
    watch_tick(&r->core);
    rig_commit(r);
    assert_null(channel(r)->secrets[1].bytes);
}

static void a_new_secret_tries_again_what_403_has_held(void **state)
{
    struct rig *r = *state;

    dest_hold(r->core.queue, dest(r), HOLD_FORBIDDEN, 0, 0, clock_mono_ms());
    ctl_fine(r, "channel.secret", SECRET("fresh"));
    assert_false(dest_is_held(dest(r)));
}

#define REPLY(secret, more)                                                                    \
    "{\"reply\":\"{\\\"id\\\":\\\"ch\\\",\\\"secret_key\\\":\\\"" secret "\\\"" more "}\"}"

static void a_newer_answer_of_support_replaces_flags_and_rotates_the_secret(void **state)
{
    struct rig *r = *state;
    struct reply reply = ctl_ask(r, "channel.add", REPLY("channel secret", ""));
    bool rotated = true;

    assert_int_equal(reply.code, EXIT_FINE);
    assert_true(json_bool(json_get(json_root(reply.doc), "secret_rotated"), &rotated));
    assert_false(rotated);
    json_free(reply.doc);
    assert_null(channel(r)->secrets[1].bytes);
    ctl_fine(r, "channel.add", REPLY("newer", ",\\\"supports_reply\\\":false"));
    assert_true(view_is(secret_view(&channel(r)->secrets[0]), "newer"));
    assert_true(view_is(secret_view(&channel(r)->secrets[1]), "channel secret"));
    assert_true(channel(r)->no_quotes);
    /* a third one, or the old one again, would cut somebody off unseen */
    ctl_sad(r, "channel.add", REPLY("newest", ""), EXIT_FAILED, "--finish");
    ctl_sad(r, "channel.add", REPLY("channel secret", ""), EXIT_FAILED, "older");
    ctl_sad(r, "channel.add", REPLY("a\\nb", ""), EXIT_USAGE, "secret_key");
    ctl_sad(r, "channel.add", REPLY("newer", ",\\\"enabled\\\":[]"), EXIT_USAGE, "enabled");
    /* the same again: the rotation goes on as it was */
    ctl_fine(r, "channel.add", REPLY("newer", ""));
    assert_true(view_is(secret_view(&channel(r)->secrets[1]), "channel secret"));
    assert_false(channel(r)->no_quotes);
}

static void a_secret_that_comes_with_an_answer_frees_what_403_has_held(void **state)
{
    struct rig *r = *state;

    dest_hold(r->core.queue, dest(r), HOLD_FORBIDDEN, 0, 0, clock_mono_ms());
    ctl_fine(r, "channel.add", REPLY("channel secret", ""));
    assert_true(dest_is_held(dest(r)));
    ctl_fine(r, "channel.add", REPLY("newer", ""));
    assert_false(dest_is_held(dest(r)));
}

static void a_new_secret_waits_until_every_ingress_knows_it(void **state)
{
    struct rig *r = *state;
    struct reply reply;

    ctl_begin(r, "channel.secret", SECRET("fresh"));
    ctl_ingress_holds_registry(r);
    assert_true(ctl_wait(r, 20000, 0, &reply));
    assert_int_equal(reply.code, EXIT_FINE);
    json_free(reply.doc);
}

static void the_segment_decides_about_the_host(void **state)
{
    struct rig *r = *state;
    static const char kommo[] = "{\"reply\":\"{\\\"result\\\":{\\\"kommo\\\":{\\\"id\\\":"
                                "\\\"k\\\",\\\"secret_key\\\":\\\"s\\\"}}}\"%s}";
    char args[256];

    (void)snprintf(args, sizeof(args), kommo, "");
    ctl_fine(r, "channel.add", args);
    assert_string_equal(registry_channel(r->core.turn->registry, VIEW_LIT("k"))->url,
                        "https://amojo.kommo.com");
    (void)snprintf(args, sizeof(args), kommo, ",\"segment\":\"ru\"");
    ctl_sad(r, "channel.add", args, EXIT_USAGE, "segment kommo");
    ctl_sad(r, "channel.add",
            "{\"reply\":\"{\\\"ru\\\":{\\\"id\\\":\\\"r\\\",\\\"secret_key\\\":\\\"s\\\"},"
            "\\\"com\\\":{\\\"id\\\":\\\"c\\\",\\\"secret_key\\\":\\\"s\\\"}}\"}",
            EXIT_USAGE, "--segment");
    ctl_fine(r, "channel.add",
             "{\"reply\":\"{\\\"ru\\\":{\\\"id\\\":\\\"r\\\",\\\"secret_key\\\":\\\"s\\\"},"
             "\\\"com\\\":{\\\"id\\\":\\\"c\\\",\\\"secret_key\\\":\\\"s\\\"}}\","
             "\"segment\":\"com\"}");
    assert_string_equal(registry_channel(r->core.turn->registry, VIEW_LIT("c"))->url,
                        "https://amojo.amocrm.com");
    (void)snprintf(args, sizeof(args), kommo, ",\"segment\":\"moon\"");
    ctl_sad(r, "channel.add", args, EXIT_USAGE, "ru, com or kommo");
}

/* --- accounts --------------------------------------------------------------------------------- */

#define CONNECT "{\"channel\":\"ch\",\"account\":\"acc\",\"connector\":\"svc\"}"
#define SCOPE   "{\"scope_id\":\"ch_acc\"}"

/* The connect or disconnect call under way, as it leaves. */
static struct command called(struct rig *r)
{
    struct command c;

    assert_int_equal(rig_calls(r, clock_mono_ms(), &c, 1), 1);
    return c;
}

static struct reply answered(struct rig *r, const struct command *c, struct result result)
{
    struct reply reply = {0};

    result.id = c->id;
    result.attempt = c->attempt;
    rig_result_raw(r, r->worker, &result);
    assert_true(ctl_wait(r, 20000, 0, &reply));
    return reply;
}

static struct reply disconnected(struct rig *r, struct result result)
{
    struct command c;

    ctl_ingress_holds_registry(r);
    ctl_begin(r, "account.disconnect", SCOPE);
    c = called(r);
    assert_int_equal(c.kind, COMMAND_AMO_DISCONNECT);
    assert_true(view_is(c.account, "acc"));
    return answered(r, &c, result);
}

static void whoever_left_is_nobody_and_what_waits_stands_still(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct reply reply;
    bool known = false;

    (void)rig_push(r, &e);
    reply = disconnected(r, (struct result){.outcome = OUTCOME_DONE});
    assert_int_equal(reply.code, EXIT_FINE);
    json_free(reply.doc);
    assert_true(scope(r)->disconnected);
    assert_true(dest(r)->paused);
    assert_null(registry_scope_of_source(r->core.turn->registry, VIEW_LIT("svc"),
                                         VIEW_LIT("wa1"), &known));
    e = rig_manager_text("a1");
    (void)rig_push(r, &e);
    rig_assert_quarantined(r, "unknown_scope");
    assert_int_equal(rig_stored_commands(r), 1);
    ctl_sad(r, "account.disconnect", SCOPE, EXIT_FAILED, "already");
    ctl_sad(r, "account.pause", SCOPE, EXIT_FAILED, "disconnected");
    rig_restart(r);
    assert_true(dest(r)->paused);
    assert_true(scope(r)->disconnected);
}

static void leave(struct rig *r)
{
    ctl_fine(r, "account.disconnect", "{\"scope_id\":\"ch_acc\",\"no_call\":true}");
}

static void is_settled(struct rig *r, enum command_kind kind, struct result result)
{
    rig_result(r, r->worker, rig_command(r, kind), result);
    rig_commit(r);
    rig_turn(r);
}

static void assert_stands_still(struct rig *r, enum command_kind kind)
{
    assert_int_equal(rig_count(r, kind), 1);
    assert_string_equal(rig_command(r, kind)->lane->scope->name, "ch_acc");
    assert_int_equal(rig_command(r, kind)->state, COMMAND_READY);
}

/* It may be a colleague's, until that one's answer is there. Then it is a manager's, whose account has left. */
static void a_webhook_that_waits_when_its_account_leaves_stands_still_as_well(void **state)
{
    struct rig *r = *state;
    struct event e = rig_outgoing_text("o1");

    rig_register_source(r, "line1", "ch_acc");
    rig_client_message_done(r, "m0", "amo-0");
    (void)rig_push(r, &e);
    rig_turn(r);
    e = rig_manager_text("amo-2");
    e.chat_id = VIEW_LIT("chat-1");
    rig_take(r, &e);
    rig_assert_counts(r, 0, 0, 1);
    leave(r);
    rig_assert_counts(r, 0, 0, 1);
    is_settled(r, COMMAND_AMO_OUTGOING,
               (struct result){.outcome = OUTCOME_DONE,
                               .amo_message_id = VIEW_LIT("amo-1"),
                               .amo_chat_id = VIEW_LIT("chat-1"),
                               .amo_sender_id = VIEW_LIT("author-ref")});
    rig_assert_counts(r, 0, 0, 0);
    assert_stands_still(r, COMMAND_SERVICE_MESSAGE);
    rig_restart(r);
    assert_stands_still(r, COMMAND_SERVICE_MESSAGE);
    rig_register_account(r, "new_acc"); /* the same company by another channel */
    rig_register_source(r, "line1", "new_acc");
    assert_string_equal(rig_command(r, COMMAND_SERVICE_MESSAGE)->lane->scope->name, "new_acc");
    rig_assert_counts(r, 0, 0, 0);
}

/* What its service reports may be what a manager wrote; a client's words wait behind it. */
static void
what_a_service_sent_that_waits_when_the_account_leaves_stands_still_as_well(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("amo-1");

    rig_register_source(r, "line1", "ch_acc");
    rig_client_message_done(r, "m0", "amo-0");
    e.chat_id = VIEW_LIT("chat-1");
    (void)rig_push(r, &e);
    rig_turn(r);
    e = rig_outgoing_text("s-1");
    rig_take(r, &e);
    e = rig_client_text("m1");
    rig_take(r, &e);
    rig_assert_counts(r, 0, 0, 2);
    leave(r);
    ctl_sad(r, "channel.remove", "{\"id\":\"ch\"}", EXIT_FAILED, "still wait");
    is_settled(r, COMMAND_SERVICE_MESSAGE,
               (struct result){.outcome = OUTCOME_DONE, .service_message_id = VIEW_LIT("s-2")});
    rig_assert_counts(r, 0, 0, 0);
    assert_int_equal(rig_count(r, COMMAND_AMO_OUTGOING), 1);
    assert_int_equal(rig_count(r, COMMAND_AMO_MESSAGE), 1);
    assert_stands_still(r, COMMAND_AMO_OUTGOING);
    assert_string_equal(rig_command(r, COMMAND_AMO_MESSAGE)->lane->dest->name, "ch_acc");
}

static void whoever_comes_back_is_as_before(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");
    struct command c;
    struct reply reply;

    (void)rig_push(r, &e);
    json_free(disconnected(r, (struct result){.outcome = OUTCOME_DONE}).doc);
    ctl_ingress_holds_registry(r);
    ctl_begin(r, "account.connect", CONNECT);
    c = called(r);
    assert_int_equal(c.kind, COMMAND_AMO_CONNECT);
    reply = answered(r, &c, (struct result){.outcome = OUTCOME_DONE});
    assert_int_equal(reply.code, EXIT_FINE);
    json_free(reply.doc);
    assert_false(scope(r)->disconnected);
    assert_false(scope(r)->paused);
    assert_false(dest(r)->paused);
    assert_true(scope(r)->connected_ms > 0);
    e = rig_client_text("m2");
    (void)rig_push(r, &e);
    assert_int_equal(rig_stored_commands(r), 2);
}

static void amojo_that_knows_no_such_account_is_content(void **state)
{
    struct rig *r = *state;
    struct reply reply = disconnected(
        r, (struct result){.outcome = OUTCOME_DEAD, .cause = CAUSE_NOT_FOUND, .status = 404});

    assert_int_equal(reply.code, EXIT_FINE);
    json_free(reply.doc);
    assert_true(scope(r)->disconnected);
}

static void amojo_that_refuses_keeps_the_account_connected(void **state)
{
    struct rig *r = *state;
    struct reply reply = disconnected(
        r, (struct result){.outcome = OUTCOME_HOLD, .cause = CAUSE_FORBIDDEN, .status = 403});

    assert_int_equal(reply.code, EXIT_FAILED);
    assert_non_null(strstr(reply.error, "403"));
    assert_false(scope(r)->disconnected);
    assert_false(dest(r)->paused);
    ctl_fine(r, "account.disconnect", "{\"scope_id\":\"ch_acc\",\"no_call\":true}");
    assert_true(scope(r)->disconnected);
    assert_true(list_is_empty(&r->core.deliver->calls));
}

static void an_account_does_not_move_to_another_connector_unasked(void **state)
{
    struct rig *r = *state;

    rig_register_second(r);
    ctl_sad(r, "account.connect",
            "{\"channel\":\"ch\",\"account\":\"acc\",\"connector\":\"two\"}", EXIT_FAILED,
            "connector svc");
}

static void an_account_is_named_by_its_amojo_id(void **state)
{
    struct rig *r = *state;

    ctl_sad(r, "account.connect",
            "{\"channel\":\"ch\",\"account\":\"31263018\",\"connector\":\"svc\"}", EXIT_USAGE,
            "with=amojo_id");
    ctl_sad(r, "account.connect",
            "{\"channel\":\"ch\",\"account\":\"../x\",\"connector\":\"svc\"}", EXIT_USAGE,
            "UUID");
}

/* While amojo is asked: what was true when the call left need not be when it has answered. */
static void what_changed_while_amojo_was_asked_is_seen(void **state)
{
    static const char connect[] =
        "{\"channel\":\"ch\",\"account\":\"new\",\"connector\":\"svc\"}";
    static const char moved[] = "{\"channel\":\"ch\",\"account\":\"new\",\"connector\":\"two\","
                                "\"scope_id\":\"ch_new\"}";
    struct rig *r = *state;
    struct reply reply;
    struct command c;

    rig_register_second(r);
    ctl_ingress_holds_registry(r);
    ctl_begin(r, "account.connect", connect);
    c = called(r);
    ctl_fine(r, "account.connect", moved);
    reply = answered(r, &c, (struct result){.outcome = OUTCOME_DONE});
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_non_null(strstr(reply.error, "another connector"));
    assert_string_equal(registry_scope(r->core.turn->registry, VIEW_LIT("ch_new"))->connector,
                        "two");
    ctl_fine(r, "account.disconnect", "{\"scope_id\":\"ch_new\",\"no_call\":true}");
    ctl_fine(r, "account.disconnect", "{\"scope_id\":\"ch_acc\",\"no_call\":true}");
    ctl_begin(r, "account.connect", connect);
    c = called(r);
    ctl_fine(r, "connector.remove", "{\"name\":\"svc\"}");
    reply = answered(r, &c, (struct result){.outcome = OUTCOME_DONE});
    assert_int_equal(reply.code, EXIT_FAILED);
    assert_non_null(strstr(reply.error, "removed meanwhile"));
}

/* A second account of connector "svc". */
static void connect_second(struct rig *r)
{
    struct registry *reg = NULL;
    struct reg_scope *scope = NULL;

    assert_int_equal(registry_new(&reg), 0);
    assert_int_equal(core_turn(&r->core), 0);
    scope = registry_add_scope(reg);
    scope->id = mem_strdup("ch_second");
    scope->channel = mem_strdup("ch");
    scope->account = mem_strdup("second");
    scope->connector = mem_strdup("svc");
    scope->title = mem_strdup("Second");
    assert_int_equal(store_scope_put(r->core.store, scope), 0);
    assert_int_equal(core_registry_changed(&r->core), 0);
    registry_free(reg);
    rig_commit(r);
}

/* Until core has heard what its store may have forgotten no number moves; whoever asks is told how long. */
static void who_is_waited_for_and_how_much_is_left_is_said(void **state)
{
    static const char remove[] = "{\"connector\":\"svc\",\"source\":\"line1\"}";
    struct rig *r = *state;
    struct event e = rig_client_text("m1");

    rig_take(r, &e);
    rig_register_source(r, "line1", "ch_acc");
    connect_second(r);
    r->ingress->sent_before = 20;
    r->ingress->n_again = 19;
    ctl_sad(r, "source.remove", remove, EXIT_FAILED,
            "ingress ingress has still to send again 18 of the 19 events that it may have sent "
            "before: try again in a few seconds");
    r->core.queue->full = true;
    ctl_sad(r, "source.remove", remove, EXIT_FAILED, "try again when its queue has room");
    r->core.queue->full = false;
    r->ingress->sent_before = 2; /* that one is taken */
    ctl_fine(r, "source.remove", remove);
}

static void what_is_used_cannot_be_removed(void **state)
{
    struct rig *r = *state;
    struct event e = rig_client_text("m1");

    (void)rig_push(r, &e);
    ctl_sad(r, "channel.remove", "{\"id\":\"ch\"}", EXIT_FAILED, "disconnect first");
    ctl_sad(r, "connector.remove", "{\"name\":\"svc\"}", EXIT_FAILED, "disconnect first");
    ctl_sad(r, "connector.remove", "{\"name\":\"no\"}", EXIT_FAILED, "no such");
    ctl_fine(r, "account.disconnect", "{\"scope_id\":\"ch_acc\",\"no_call\":true}");
    ctl_sad(r, "channel.remove", "{\"id\":\"ch\"}", EXIT_FAILED,
            "still wait for accounts of it: 1;");
    ctl_sad(r, "connector.remove", "{\"name\":\"svc\"}", EXIT_FAILED, "still wait for it: 1;");
    ctl_sad(r, "source.add",
            "{\"connector\":\"svc\",\"source\":\"wa1\",\"scope_id\":\"ch_acc\"}", EXIT_FAILED,
            "this account has left");
    assert_int_equal(
        store_command_settle(r->core.store, rig_command(r, COMMAND_AMO_MESSAGE)->id), 0);
    queue_move(r->core.queue, rig_command(r, COMMAND_AMO_MESSAGE), COMMAND_DONE, 0,
               clock_mono_ms());
    ctl_fine(r, "channel.remove", "{\"id\":\"ch\"}");
    ctl_fine(r, "connector.remove", "{\"name\":\"svc\"}");
    assert_int_equal(r->core.turn->registry->n_channels, 0);
    assert_int_equal(r->core.turn->registry->n_scopes, 0);
    assert_int_equal(r->core.turn->registry->n_connectors, 0);
}

/* --- automatic connect calls ------------------------------------------------------------------ */

static void greet(struct rig *r)
{
    call_connect_at_start(&r->core, clock_mono_ms());
    rig_commit(r);
}

static void an_account_is_connected_after_a_start_but_not_twice_in_ten_minutes(void **state)
{
    struct rig *r = *state;
    struct command c;

    dest(r)->connected_once = false;
    greet(r);
    c = called(r);
    assert_int_equal(c.kind, COMMAND_AMO_CONNECT);
    greet(r);
    rig_restart(r);
    dest(r)->connected_once = false; /* this life has not, but the one before has */
    greet(r);
    assert_true(dest(r)->connected_once);
    assert_true(list_is_empty(&r->core.deliver->calls));
    call_reconnect(&r->core, dest(r)); /* nor after a storm of 403s */
    assert_true(list_is_empty(&r->core.deliver->calls));
    r->core.turn->registry->scopes[0].reconnected_ms -= 9 * MINUTE_MS;
    call_reconnect(&r->core, dest(r));
    assert_true(list_is_empty(&r->core.deliver->calls));
    r->core.turn->registry->scopes[0].reconnected_ms -= 2 * MINUTE_MS;
    call_reconnect(&r->core, dest(r));
    (void)called(r);
}

static void nobody_is_connected_without_a_worker_nor_while_paused_or_gone(void **state)
{
    struct rig *r = *state;

    dest(r)->connected_once = false;
    ctl_fine(r, "account.pause", SCOPE);
    greet(r);
    assert_true(list_is_empty(&r->core.deliver->calls));
    ctl_fine(r, "account.resume", SCOPE);
    r->worker->credit = 0;
    r->worker->credit_bytes = 0;
    greet(r);
    assert_true(list_is_empty(&r->core.deliver->calls));
    assert_false(dest(r)->connected_once); /* it is done as soon as there is one */
    ctl_fine(r, "account.disconnect", "{\"scope_id\":\"ch_acc\",\"no_call\":true}");
    assert_false(dest(r)->connected_once);
    call_reconnect(&r->core, dest(r));
    assert_true(list_is_empty(&r->core.deliver->calls));
}

static void an_unasked_connect_keeps_the_window_and_yields_to_a_disconnect(void **state)
{
    struct rig *r = *state;
    struct command c;

    r->core.turn->registry->scopes[0].window_off = true;
    call_reconnect(&r->core, dest(r));
    c = called(r);
    assert_true(c.time_window_off);
    ctl_fine(r, "account.disconnect", "{\"scope_id\":\"ch_acc\",\"no_call\":true}");
    rig_result_raw(r, r->worker,
                   &(struct result){.id = c.id, .attempt = c.attempt, .outcome = OUTCOME_DONE});
    c = called(r); /* amojo may have heard the two the other way round */
    assert_int_equal(c.kind, COMMAND_AMO_DISCONNECT);
    assert_true(view_is(c.account, "acc"));
}

static void a_storm_of_403s_connects_once(void **state)
{
    struct rig *r = *state;
    struct core_command *cmd = rig_in_flight(r, COMMAND_AMO_MESSAGE, "m1");
    struct result forbidden = {.outcome = OUTCOME_HOLD, .cause = CAUSE_FORBIDDEN};
    struct command c;

    rig_result(r, r->worker, cmd, forbidden);
    assert_true(list_is_empty(&r->core.deliver->calls)); /* signed again and tried once first */
    dispatch_due(&r->core, cmd->due.mono_ms);
    rig_turn(r);
    rig_result(r, r->worker, cmd, forbidden);
    assert_true(dest_is_held(dest(r)));
    c = called(r);
    assert_int_equal(c.kind, COMMAND_AMO_CONNECT);
    /* amojo lets it in again, and still refuses the message: no second call */
    rig_result_raw(r, r->worker,
                   &(struct result){.id = c.id, .attempt = c.attempt, .outcome = OUTCOME_DONE});
    assert_true(dest_is_held(dest(r)));
    rig_turn(r);
    assert_int_equal(cmd->state, COMMAND_IN_FLIGHT); /* whether it is over */
    rig_result(r, r->worker, cmd, forbidden);
    assert_true(dest_is_held(dest(r)));
    assert_true(list_is_empty(&r->core.deliver->calls));
}

/* --- sources ---------------------------------------------------------------------------------- */

#define SOURCE(name) "{\"connector\":\"svc\",\"source\":\"" name "\",\"scope_id\":\"ch_acc\"}"

static void sources_come_and_go_and_one_may_be_the_default(void **state)
{
    struct rig *r = *state;

    ctl_fine(r, "source.add", SOURCE("wa1"));
    ctl_fine(r, "source.add", SOURCE("wa2"));
    ctl_sad(r, "source.default", "{\"scope_id\":\"ch_acc\",\"source\":\"wa3\"}", EXIT_FAILED,
            "no such source");
    ctl_sad(r, "source.default", SCOPE, EXIT_USAGE, "--none");
    ctl_sad(r, "source.default", "{\"scope_id\":\"ch_acc\",\"source\":\"wa1\",\"none\":true}",
            EXIT_USAGE, "--none");
    ctl_sad(r, "source.default", "{\"scope_id\":\"no\",\"none\":true}", EXIT_FAILED,
            "no such account");
    ctl_fine(r, "source.default", "{\"scope_id\":\"ch_acc\",\"source\":\"wa2\"}");
    assert_string_equal(scope(r)->default_source, "wa2");
    ctl_sad(r, "source.remove", "{\"connector\":\"svc\",\"source\":\"wa3\"}", EXIT_FAILED,
            "no such source");
    ctl_fine(r, "source.remove", "{\"connector\":\"svc\",\"source\":\"wa2\"}");
    assert_null(scope(r)->default_source);
    assert_int_equal(r->core.turn->registry->n_sources, 1);
    ctl_fine(r, "source.default", "{\"scope_id\":\"ch_acc\",\"source\":\"wa1\"}");
    ctl_fine(r, "source.default", "{\"scope_id\":\"ch_acc\",\"none\":true}");
    assert_null(scope(r)->default_source);
    ctl_sad(r, "source.add", SOURCE("\xd0\xb8\xd1\x81\xd1\x82"), EXIT_USAGE, "ASCII");
    ctl_sad(r, "source.add", SOURCE("0123456789012345678901234567890123456"), EXIT_USAGE, "36");
}

static void a_manager_who_names_no_number_writes_from_the_default_one(void **state)
{
    struct rig *r = *state;
    struct event e = rig_manager_text("a1");
    struct conversation conv;

    ctl_fine(r, "source.add", SOURCE("wa1"));
    ctl_fine(r, "source.add", SOURCE("wa2"));
    e.source = VIEW_NONE;
    e.chat_client_id = VIEW_NONE;
    e.receiver_phone = VIEW_LIT("79005550177");
    (void)rig_push(r, &e);
    rig_assert_quarantined(r, "no_source");
    ctl_fine(r, "source.default", "{\"scope_id\":\"ch_acc\",\"source\":\"wa2\"}");
    e.message_id = VIEW_LIT("a2");
    (void)rig_push(r, &e);
    assert_int_equal(
        store_conversation_by_chat(r->core.store, VIEW_LIT("ch_acc"), e.chat_id, &conv), 0);
    assert_string_equal(conv.source, "wa2");
    conversation_fini(&conv);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_new_channel_secret_signs_and_the_old_one_still_verifies),
        CASE(a_rotation_survives_a_restart),
        CASE(since_when_a_secret_is_in_force_is_known),
        CASE(a_rotation_must_end_before_the_next),
        CASE(a_connector_gets_both_anew_and_keeps_both_old_ones),
        CASE(nothing_is_forgotten_while_the_clock_is_in_doubt),
        CASE(a_new_secret_tries_again_what_403_has_held),
        CASE(a_newer_answer_of_support_replaces_flags_and_rotates_the_secret),
        CASE(a_secret_that_comes_with_an_answer_frees_what_403_has_held),
        CASE(a_new_secret_waits_until_every_ingress_knows_it),
        CASE(the_segment_decides_about_the_host),
        CASE(whoever_left_is_nobody_and_what_waits_stands_still),
        CASE(a_webhook_that_waits_when_its_account_leaves_stands_still_as_well),
        CASE(what_a_service_sent_that_waits_when_the_account_leaves_stands_still_as_well),
        CASE(whoever_comes_back_is_as_before),
        CASE(amojo_that_knows_no_such_account_is_content),
        CASE(amojo_that_refuses_keeps_the_account_connected),
        CASE(an_account_does_not_move_to_another_connector_unasked),
        CASE(an_account_is_named_by_its_amojo_id),
        CASE(what_changed_while_amojo_was_asked_is_seen),
        CASE(who_is_waited_for_and_how_much_is_left_is_said),
        CASE(what_is_used_cannot_be_removed),
        CASE(an_account_is_connected_after_a_start_but_not_twice_in_ten_minutes),
        CASE(nobody_is_connected_without_a_worker_nor_while_paused_or_gone),
        CASE(an_unasked_connect_keeps_the_window_and_yields_to_a_disconnect),
        CASE(a_storm_of_403s_connects_once),
        CASE(sources_come_and_go_and_one_may_be_the_default),
        CASE(a_manager_who_names_no_number_writes_from_the_default_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
