/* `amoctl dead` and `amoctl message retry`: what was given up, and is sent again. */

#include "base/clock.h"
#include "base/process.h"
#include "core/control/begins.h"
#include "core/control/control.h"
#include "core/control/moves.h"
#include "core/control/verbs.h"
#include "core/deliver/moved.h"
#include "core/peers/peers.h"
#include "core/store/attempt.h"
#include "core/turn/message.h"
#include "proto/limits.h"

/* how long a service is asked to know the id of a call again (docs/connector.md) */
#define KNOWN_AGAIN_MS INT64_C(86400000)

int verb_dead_list(struct control_ask *ask)
{
    int rc = 0;

    json_open_array(ask->w, NULL);
    rc = store_dead_json(ask->core->store, 0, ask->w);
    json_close_array(ask->w);
    return rc;
}

int verb_dead_show(struct control_ask *ask)
{
    int64_t id = 0;
    int rc = control_id_of(ask, json_get(json_root(ask->args), "id"), &id);

    if (rc)
        return rc;
    json_open_object(ask->w, NULL);
    rc = store_dead_json(ask->core->store, id, ask->w);
    json_close_object(ask->w);
    return rc == STORE_E_NONE ? control_fail(ask, EXIT_FAILED, "no such dead letter") : rc;
}

static int message_again(struct core *c, int64_t id)
{
    struct message m = {0};
    int rc = store_message(c->store, id, &m);

    rc = rc ? rc : message_move(c, &m, MESSAGE_ACCEPTED, 0);
    message_fini(&m);
    return rc == STORE_E_NONE ? 0 : rc;
}

static bool all_the_same(struct control_ask *ask)
{
    return moves_flag(ask, "may_double");
}

static int dead_retry_one(struct control_ask *ask, int64_t id)
{
    struct command_row row;
    bool may_double = false;
    bool leaves = false;
    int rc = store_dead_may_double(ask->core->store, id, clock_unix_ms() - KNOWN_AGAIN_MS,
                                   &may_double);

    rc = rc ? rc : store_dead_retry(ask->core->store, id, clock_unix_ms(), &row);

    if (rc == STORE_E_NONE)
        return control_fail(ask, EXIT_FAILED, "no dead letter %lld", (long long)id);
    if (rc == 0 && row.message && command_is_message((enum command_kind)row.kind))
        rc = message_again(ask->core, row.message);
    if (rc == 0 && all_the_same(ask))
        rc = reach_by_now(ask->core, &row, true, &leaves);
    rc = rc ? rc : core_enqueue(ask->core, &row);
    if (rc == 0) {
        queue_find(ask->core->queue, row.id)->tried = true; /* in its life before */
        ask->core->turn->reach_due = true; /* its account may have left meanwhile */
        json_open_object(ask->w, NULL);
        json_add_int(ask->w, "dead", id);
        json_add_int(ask->w, "command", row.id);
        json_add_text(ask->w, "place", VIEW_LIT("tail of its lane"));
        if (row.kind == COMMAND_SERVICE_MESSAGE) /* amo has no status that says "sent" */
            json_add_text(ask->w, "card",
                          VIEW_LIT("shows -1 until the service says delivered or read"));
        if (may_double)
            json_add_text(ask->w, "warning",
                          VIEW_LIT("the client may get it twice: the service was called for it"
                                   " over a day ago and need not know the call again"));
        json_close_object(ask->w);
    }
    command_row_fini(&row);
    return rc;
}

static int dead_drop_one(struct control_ask *ask, int64_t id)
{
    int rc = store_dead_drop(ask->core->store, id);

    if (rc == STORE_E_NONE)
        return control_fail(ask, EXIT_FAILED, "no dead letter %lld", (long long)id);
    if (rc == 0)
        json_add_int(ask->w, NULL, id);
    return rc;
}

/* It would go by another service than it was tried by. That one may have it, and the other cannot know. */
static int other_may_have_it(struct core *c, int64_t id, bool *ret)
{
    struct command_row row;
    struct message m = {0};
    int rc = store_dead(c->store, id, &row);

    *ret = false;
    if (rc)
        return rc == STORE_E_NONE || rc == STORE_E_ERASED ? 0
                                                          : rc; /* said by those who send it */
    rc = reach_by_now(c, &row, false, ret);
    if (rc == 0 && *ret) {
        rc = store_message(c->store, row.message, &m);
        rc = rc ? rc : store_message_maybe_at_service(c->store, row.message, ret);
        *ret = *ret || view_is(view_of(m.reason), "unclear") ||
               view_is(view_of(m.reason), "workers_lost");
    }
    message_fini(&m);
    command_row_fini(&row);
    return rc == STORE_E_NONE ? 0 : rc;
}

/* A service is asked to know its calls again for a day. After that a repeat of one that may have had
 * its effect is a second message at the client. */
static int dead_may_go(struct control_ask *ask, int64_t id)
{
    bool may_double = false;
    bool has_arrived = false;
    bool other_has_it = false;
    int rc = store_dead_may_double(ask->core->store, id, clock_unix_ms() - KNOWN_AGAIN_MS,
                                   &may_double);

    rc = rc ? rc : store_dead_has_arrived(ask->core->store, id, &has_arrived);
    rc = rc ? rc : other_may_have_it(ask->core, id, &other_has_it);
    if (rc || !(may_double || has_arrived || other_has_it) || all_the_same(ask))
        return rc;
    if (has_arrived)
        return control_fail(ask, EXIT_FAILED,
                            "the message of dead letter %lld has arrived, as the other side"
                            " has shown since: \"dead drop\" deletes the letter;"
                            " --may-double sends it again all the same",
                            (long long)id);
    if (other_has_it)
        return control_fail(ask, EXIT_FAILED,
                            "dead letter %lld may be at the client by the service that its"
                            " conversation had before, which gave no clear answer; the one"
                            " that it has now cannot know. Look there first; --may-double"
                            " sends it all the same",
                            (long long)id);
    return control_fail(ask, EXIT_FAILED,
                        "dead letter %lld may be at the client: the service was called for it"
                        " over a day ago and gave no clear answer, and need not know the call"
                        " again. Look there first; --may-double sends it all the same",
                        (long long)id);
}

/* All or none: which of them exist is asked before anything changes. */
static int dead_exist(struct control_ask *ask, bool retry)
{
    const struct json_node *ids = json_get(json_root(ask->args), "ids");

    if (json_array_len(ids) > LIMIT_LIST_ROWS)
        return control_fail(ask, EXIT_USAGE, "at most %u ids at once", LIMIT_LIST_ROWS);
    for (size_t i = 0; i < json_array_len(ids); i++) {
        struct json_writer w;
        struct buf sink;
        int64_t id = 0;
        int rc = control_id_of(ask, json_array_at(ids, i), &id);

        for (size_t j = 0; rc == 0 && j < i; j++) {
            int64_t other = 0;

            if (json_int(json_array_at(ids, j), &other) && other == id)
                rc = control_fail(ask, EXIT_USAGE, "%lld is named twice", (long long)id);
        }
        buf_init(&sink, 1 << 20);
        json_writer_init(&w, &sink);
        json_open_object(&w, NULL);
        rc = rc ? rc : store_dead_json(ask->core->store, id, &w);
        buf_fini(&sink);
        if (rc == STORE_E_NONE)
            return control_fail(ask, EXIT_FAILED, "no dead letter %lld", (long long)id);
        rc = rc ? rc : store_dead_whole(ask->core->store, id);
        if (rc == STORE_E_ERASED && retry)
            return control_fail(ask, EXIT_FAILED,
                                "dead letter %lld was erased with its person: there is nothing"
                                " to send",
                                (long long)id);
        if (rc && rc != STORE_E_ERASED)
            return rc;
        rc = retry ? dead_may_go(ask, id) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

/* Of a dry run: it could be done. */
static int retry_named(struct control_ask *ask, int64_t id)
{
    json_open_object(ask->w, NULL);
    json_add_int(ask->w, "dead", id);
    json_close_object(ask->w);
    return 0;
}

int verb_dead_retry(struct control_ask *ask)
{
    int rc = dead_exist(ask, true);

    if (rc)
        return rc;
    return control_each_id(ask, "retried",
                           "send dead letters again, each at the end of its lane",
                           moves_flag(ask, "dry_run") ? retry_named : dead_retry_one);
}

int verb_dead_drop(struct control_ask *ask)
{
    int rc = dead_exist(ask, false);

    if (rc)
        return rc;
    return control_each_id(ask, "dropped", "delete dead letters for good",
                           moves_flag(ask, "dry_run") ? control_id_alone : dead_drop_one);
}

/* --- by the message ---------------------------------------------------------------------------- */

/* Its own command; NULL: that is settled. */
static int command_of(struct core *c, const struct message *m, struct core_command **ret)
{
    int64_t id = 0;
    int rc = store_command_of_message(c->store, m->id, &id);

    *ret = rc == 0 ? queue_find(c->queue, id) : NULL;
    return rc == STORE_E_NONE ? 0 : rc;
}

static const char *state_words(const struct core_command *cmd)
{
    switch (cmd->state) {
    case COMMAND_QUEUED:
        return "it stands behind others of its conversation";
    case COMMAND_READY:
    case COMMAND_WAITING:
        return "it is the next one of its conversation to go";
    case COMMAND_IN_FLIGHT:
        return "it is being tried now";
    case COMMAND_CHECKING:
        return "amo is being asked whether it has it";
    case COMMAND_DONE:
    case COMMAND_DEAD:
        break;
    }
    return "it is settled";
}

/* It was not given up: if all that it waits for is the time between two attempts, it waits no longer. */
static int retry_now(struct control_ask *ask, struct core_command *cmd)
{
    const struct dest *d = cmd->lane->dest;
    bool dry_run = moves_flag(ask, "dry_run");

    json_open_object(ask->w, NULL);
    json_add_int(ask->w, "command", cmd->id);
    json_add_text(ask->w, "place", VIEW_LIT("as before"));
    json_add_text(ask->w, "words", view_of(state_words(cmd)));
    json_add_text(ask->w, "held",
                  dest_is_held(d) ? view_of(hold_reason_name(d->hold)) : VIEW_NONE);
    if (dry_run)
        return control_would(ask,
                             cmd->state == COMMAND_WAITING
                                 ? "try command %lld now, instead of after its back-off"
                                 : "change nothing: command %lld does not wait between"
                                   " two attempts",
                             (long long)cmd->id);
    json_close_object(ask->w);
    if (cmd->state == COMMAND_WAITING) {
        queue_move(ask->core->queue, cmd, COMMAND_READY, 0, clock_mono_ms());
        core_wake(ask->core);
    }
    return EXIT_FINE;
}

/* Nothing of it is here that could be sent. */
static int nothing_to_retry(struct control_ask *ask, const struct message *m)
{
    if (m->state == MESSAGE_FAILED)
        return control_fail(ask, EXIT_FAILED,
                            "it was given up, and its dead letter is there no more: it must be"
                            " written anew");
    if (m->state == MESSAGE_ACCEPTED)
        return control_fail(ask, EXIT_FAILED,
                            "nothing of it waits here, and it was not given up");
    if (m->reported_status == -1)
        return control_fail(
            ask, EXIT_FAILED,
            "the service has taken it, and reported later that it failed: it does"
            " not send again what it has; it must be written anew");
    return control_fail(ask, EXIT_FAILED, "the other side has it: there is nothing to send");
}

static int retry_letter(struct control_ask *ask, int64_t id)
{
    int rc = store_dead_whole(ask->core->store, id);

    if (rc == STORE_E_ERASED)
        return control_fail(ask, EXIT_FAILED,
                            "it was erased with its person: there is nothing to send");
    rc = rc ? rc : dead_may_go(ask, id);
    if (rc || !moves_flag(ask, "dry_run"))
        return rc ? rc : dead_retry_one(ask, id);
    json_open_object(ask->w, NULL);
    json_add_int(ask->w, "dead", id);
    return control_would(ask, "send dead letter %lld again, at the end of its lane",
                         (long long)id);
}

int verb_message_retry(struct control_ask *ask)
{
    struct core_command *cmd = NULL;
    struct message m = {0};
    struct view word = VIEW_NONE;
    int64_t letter = 0;
    int rc = control_need(ask, "id", &word);

    rc = rc ? rc : begins_message(ask, word, &m);
    if (rc)
        return rc;
    rc = command_of(ask->core, &m, &cmd);
    if (rc == 0 && !cmd)
        rc = store_dead_of_message(ask->core->store, m.id, &letter);
    if (cmd)
        rc = retry_now(ask, cmd);
    else if (rc == STORE_E_NONE)
        rc = nothing_to_retry(ask, &m);
    else
        rc = rc ? rc : retry_letter(ask, letter);
    message_fini(&m);
    return rc;
}
