/* What a process knows of itself, and what it refused, reaches doctor: no line is green while messages are lost. */

#include <stdio.h>

#include "base/clock.h"
#include "base/process.h"
#include "core/peers/trail.h"
#include "core/store/erase.h"
#include "core/testing/amoctl.h"
#include "proto/session.h"

#define MIB  ((uint64_t)1 << 20)
#define HOUR INT64_C(3600000)

/* Is there a line about @check in @state whose words, or what to do, have @words? */
static bool has_line(struct rig *r, const char *check, const char *state, const char *words)
{
    struct reply reply = ctl_ask(r, "doctor", "{}");
    const struct json_node *checks = json_get(json_root(reply.doc), "checks");
    bool found = false;

    assert_int_equal(reply.code, 0);
    for (size_t i = 0; i < json_array_len(checks); i++) {
        const struct json_node *n = json_array_at(checks, i);
        struct view name = VIEW_NONE;
        struct view severity = VIEW_NONE;
        struct view text = VIEW_NONE;
        struct view todo = VIEW_NONE;

        assert_true(json_strict_text(json_get(n, "check"), &name));
        assert_true(json_strict_text(json_get(n, "state"), &severity));
        assert_true(json_strict_text(json_get(n, "words"), &text));
        (void)json_strict_text(json_get(n, "todo"), &todo); /* none when it is green */
        found = found || (view_is(name, check) && view_is(severity, state) &&
                          (view_find(text, words) || view_find(todo, words)));
    }
    json_free(reply.doc);
    return found;
}

static void seen(struct rig *r, const char *check, const char *state, const char *words)
{
    if (!has_line(r, check, state, words))
        fail_msg("no line: %s, %s: %s", check, state, words);
}

static void unseen(struct rig *r, const char *check, const char *state)
{
    if (has_line(r, check, state, ""))
        fail_msg("a line: %s, %s", check, state);
}

/* --- what an ingress says of itself --------------------------------------------------------- */

/* The line that an ingress has when it says nothing of itself; ctl_ask gives it a version that is not the present one. */
static void ordinary(struct rig *r)
{
    seen(r, "ingress", "yellow", "holds an older registry");
}

static void beats(struct rig *r, const struct heartbeat *hb)
{
    peer_told_state(r->ingress, hb, clock_unix_ms());
}

static void an_ingress_that_takes_nothing_is_red_with_its_reason(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_unix_ms();
    const struct heartbeat closed = {.closed = 1,
                                     .state = VIEW_LIT("disk full\nspool damaged: 3 events\n"),
                                     .closed_from_ms = now - 5000,
                                     .closed_to_ms = now,
                                     .closed_why = VIEW_LIT("disk full")};
    struct heartbeat after = {.closed_from_ms = now - 65000,
                              .closed_to_ms = now - 60000,
                              .closed_why = VIEW_LIT("disk\x1b[2Jfull")};
    const struct heartbeat ends = {.closed = 1, .state = VIEW_LIT("stopping\n")};
    const struct heartbeat damaged = {.state = VIEW_LIT("spool damaged: 3 events\n")};

    ordinary(r);
    beats(r, &closed);
    seen(r, "ingress", "red", ": disk full; spool damaged: 3 events; amo's webhooks are lost");
    assert_false(has_line(r, "ingress", "yellow", ""));
    beats(r, &after);
    seen(r, "ingress", "yellow", "(disk_[2Jfull): what amo sent then is lost");
    after.closed_from_ms -= HOUR;
    after.closed_to_ms -= HOUR;
    beats(r, &after);
    ordinary(r);
    beats(r, &ends);
    seen(r, "ingress", "yellow", "about to end");
    beats(r, &damaged);
    seen(r, "ingress", "yellow", "spool damaged");
    beats(r, &(struct heartbeat){.registry_version = 1}); /* an older one does not say */
    ordinary(r);
}

static void what_an_ingress_says_of_its_times_is_not_believed_blindly(void **state)
{
    struct rig *r = *state;
    int64_t now = clock_unix_ms();
    const struct heartbeat ahead = {.closed_from_ms = now + 2 * HOUR,
                                    .closed_to_ms = now + 3 * HOUR,
                                    .closed_why = VIEW_LIT("spool full")};
    const struct heartbeat crossed = {.closed_from_ms = now, .closed_to_ms = now - 1};

    beats(r, &ahead); /* its clock is */
    seen(r, "ingress", "yellow", "(spool full)");
    assert_true(r->ingress->state.closed_to_ms <= clock_unix_ms());
    beats(r, &crossed);
    ordinary(r);
}

static void an_ingress_that_is_gone_is_told_with_its_spool(void **state)
{
    struct rig *r = *state;
    struct id spool = r->spool;
    int64_t now = clock_unix_ms();

    assert_int_equal(store_ingress_seen(r->core.store, VIEW_LIT("ingress-2"), &spool, now), 0);
    assert_int_equal(
        store_ingress_seen(r->core.store, VIEW_LIT("ingress-3"), &spool, now - 200 * HOUR), 0);
    rig_commit(r);
    seen(r, "ingress", "yellow", "not here now: what it took");
    ctl_sad(r, "trace", "{\"id\":\"nothing\"}", EXIT_FAILED, "ingress-2");
    assert_int_equal(
        store_ingress_seen(r->core.store, VIEW_LIT("ingress-2"), &spool, now - 200 * HOUR), 0);
    rig_commit(r);
    assert_false(has_line(r, "ingress", "yellow", "not here now"));
}

static void a_spool_is_judged_by_its_own_limit_and_disk(void **state)
{
    struct rig *r = *state;
    struct heartbeat hb = {
        .spool_max = 10 * MIB, .disk_free = 900 * 1024 * MIB, .disk_size = 1000 * 1024 * MIB};

    r->ingress->spool_bytes =
        8 * MIB; /* of the 4 GiB that core's own configuration says: nothing */
    seen(r, "spool", "green", "% left");
    beats(r, &hb);
    seen(r, "spool", "yellow", "21 % left; its disk has 921600 MiB, ");
    r->ingress->spool_bytes = 0;
    seen(r, "spool", "green", "100 % left; its disk has 921600 MiB, ");
    hb.disk_free = 100 * MIB;
    beats(r, &hb);
    seen(r, "spool", "red", "free the disk that its spool is on");
}

/* --- what it refused ------------------------------------------------------------------------ */

static void refuses(struct rig *r, struct refusal one)
{
    struct buf out;

    buf_init(&out, 65536);
    assert_int_equal(refusals_begin(&out, 1), 0);
    assert_int_equal(refusals_add(&out, &one), 0);
    trail_hear(&r->core, r->ingress, buf_view(&out));
    buf_fini(&out);
}

static struct refusal of(enum refusal_side side, uint64_t status, const char *code,
                         const char *reason, uint64_t n)
{
    return (struct refusal){.side = side,
                            .name = side == REFUSAL_CHANNEL ? VIEW_LIT("ch") : VIEW_LIT("svc"),
                            .status = status,
                            .code = view_of(code),
                            .reason = view_of(reason),
                            .from = VIEW_LIT("203.0.113.9"),
                            .n = n,
                            .since_ms = clock_unix_ms() - 60000,
                            .last_ms = clock_unix_ms() - 1000};
}

static void a_webhook_that_was_refused_for_lack_of_room_is_lost(void **state)
{
    struct rig *r = *state;
    struct refusal one = of(REFUSAL_CHANNEL, 503, "spool_full", "", 250);

    one.verified = true;
    refuses(r, one);
    seen(r, "webhooks", "yellow", "250, the last at");
    seen(r, "webhooks", "yellow", "203.0.113.9: spool_full");
    unseen(r, "requests", "green");
}

static void what_a_service_sends_again_is_not_lost(void **state)
{
    struct rig *r = *state;
    struct refusal one = of(REFUSAL_CONNECTOR, 503, "spool_full", "", 250);

    one.verified = true;
    refuses(r, one);
    seen(r, "requests", "green", "its sender would not send again");
}

static void a_webhook_refused_before_it_was_known_whose_it_is_may_be_amos(void **state)
{
    struct rig *r = *state;

    refuses(r, of(REFUSAL_CHANNEL, 404, "unknown_route", "", 1)); /* of any stranger */
    seen(r, "requests", "green", "its sender would not send again");
    refuses(r, of(REFUSAL_CHANNEL, 429, "too_many", "", 9));
    refuses(r, of(REFUSAL_CHANNEL, 413, "too_large", "", 1));
    seen(r, "webhooks", "yellow", "too_many, before it was known whether they are amo's");
    seen(r, "webhooks", "yellow", "too_large, before it was known whether they are amo's");
}

static void takes_from_svc(struct rig *r, const char *id)
{
    struct event e = rig_client_text(id);

    rig_take(r, &e);
}

static void a_strangers_knock_is_not_the_services_fault(void **state)
{
    struct rig *r = *state;

    refuses(r, of(REFUSAL_CONNECTOR, 401, "unauthorized", "token", 1));
    seen(r, "calls", "yellow", "connector rotate");
    takes_from_svc(r, "m1"); /* the service itself is fine */
    seen(r, "calls", "green", "good ones have come since");
    unseen(r, "calls", "yellow");
}

static void one_of_several_processes_with_an_old_token_is_told_without_a_rotation(void **state)
{
    struct rig *r = *state;

    refuses(r, of(REFUSAL_CONNECTOR, 401, "unauthorized", "token", 40));
    takes_from_svc(r, "m1");
    seen(r, "calls", "yellow", "one of its processes has an old token");
    assert_false(has_line(r, "calls", "yellow", "connector rotate"));
}

static void half_of_the_webhooks_refused_is_not_over(void **state)
{
    struct rig *r = *state;
    struct refusal one = of(REFUSAL_CHANNEL, 401, "unauthorized", "signature", 500);
    struct event e = rig_manager_text("amo-1");

    refuses(r, one);
    rig_take(r, &e); /* by the other ingress */
    seen(r, "webhooks", "yellow", "good ones come as well");
    one.n = 501;
    one.last_ms = clock_unix_ms() - 11 * 60000;
    one.since_ms = one.last_ms - 60000;
    refuses(r, one); /* and none for ten minutes */
    seen(r, "webhooks", "green", "good ones have come since");
}

/* --- what services report ------------------------------------------------------------------- */

static void reports(struct rig *r, int n, const char *status)
{
    char amo[32];
    char own[32];

    (void)snprintf(amo, sizeof(amo), "amo-%d", n);
    (void)snprintf(own, sizeof(own), "s-%d", n);
    rig_manager_message_done(r, amo, own);
    for (int i = 0; i < 2; i++) { /* said twice, it is one message */
        struct event e = rig_status(own, status);

        e.error_code = VIEW_LIT("logged\x1bout");
        rig_take(r, &e);
    }
}

static void a_service_that_reports_everything_as_failed_is_told(void **state)
{
    struct rig *r = *state;
    int n = 0;

    seen(r, "reported", "green", "no service");
    while (n < 4)
        reports(r, n++, "failed");
    seen(r, "reported", "green", "no service"); /* so few may be the clients' */
    reports(r, n++, "failed");
    seen(r, "reported", "yellow", "as failed: 5, the last at");
    seen(r, "reported", "yellow", ": logged_out");
    while (n < 11)
        reports(r, n++, "sent");
    seen(r, "reported", "green", "no service"); /* most have not failed */
}

static void an_hour_without_a_failure_is_over(void **state)
{
    struct rig *r = *state;
    uint64_t counts[FATES];
    int64_t now = clock_mono_ms();

    for (int i = 0; i < 9; i++)
        fates_note(&r->core, VIEW_LIT("svc"), FATE_FAILED, VIEW_LIT("other"), now, 1);
    fates_note(&r->core, VIEW_LIT("nobody"), FATE_FAILED, VIEW_LIT("other"), now, 1);
    assert_null(fates_of(&r->core, VIEW_LIT("nobody"), now, counts));
    assert_non_null(fates_of(&r->core, VIEW_LIT("svc"), now, counts));
    assert_int_equal(counts[FATE_FAILED], 9);
    assert_non_null(fates_of(&r->core, VIEW_LIT("svc"), now + HOUR, counts));
    assert_int_equal(counts[FATE_FAILED], 0);
    fates_note(&r->core, VIEW_LIT("svc"), FATE_SENT, VIEW_NONE, now + 100 * HOUR, 1);
    assert_non_null(fates_of(&r->core, VIEW_LIT("svc"), now + 100 * HOUR, counts));
    assert_true(counts[FATE_FAILED] == 0 && counts[FATE_SENT] == 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_ingress_that_takes_nothing_is_red_with_its_reason),
        CASE(what_an_ingress_says_of_its_times_is_not_believed_blindly),
        CASE(an_ingress_that_is_gone_is_told_with_its_spool),
        CASE(a_spool_is_judged_by_its_own_limit_and_disk),
        CASE(a_webhook_that_was_refused_for_lack_of_room_is_lost),
        CASE(what_a_service_sends_again_is_not_lost),
        CASE(a_webhook_refused_before_it_was_known_whose_it_is_may_be_amos),
        CASE(a_strangers_knock_is_not_the_services_fault),
        CASE(one_of_several_processes_with_an_old_token_is_told_without_a_rotation),
        CASE(half_of_the_webhooks_refused_is_not_over),
        CASE(a_service_that_reports_everything_as_failed_is_told),
        CASE(an_hour_without_a_failure_is_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
