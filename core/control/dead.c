/* `amoctl dead`: what was given up. */

#include "base/clock.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/peers/peers.h"
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

static int dead_retry_one(struct control_ask *ask, int64_t id)
{
    struct command_row row;
    bool may_double = false;
    int rc = store_dead_may_double(ask->core->store, id, clock_unix_ms() - KNOWN_AGAIN_MS,
                                   &may_double);

    rc = rc ? rc : store_dead_retry(ask->core->store, id, clock_unix_ms(), &row);

    if (rc == STORE_E_NONE)
        return control_fail(ask, EXIT_FAILED, "no dead letter %lld", (long long)id);
    if (rc == 0 && row.message && command_is_message((enum command_kind)row.kind))
        rc = message_again(ask->core, row.message);
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

/* A service is asked to know its calls again for a day. After that a repeat of one that may have had
 * its effect is a second message at the client. */
static int dead_may_go(struct control_ask *ask, int64_t id)
{
    bool may_double = false;
    bool has_arrived = false;
    bool all_the_same = false;
    int rc = store_dead_may_double(ask->core->store, id, clock_unix_ms() - KNOWN_AGAIN_MS,
                                   &may_double);

    rc = rc ? rc : store_dead_has_arrived(ask->core->store, id, &has_arrived);
    if (rc || !(may_double || has_arrived) ||
        (json_bool(json_get(json_root(ask->args), "may_double"), &all_the_same) &&
         all_the_same))
        return rc;
    if (has_arrived)
        return control_fail(ask, EXIT_FAILED,
                            "the message of dead letter %lld has arrived, as the other side"
                            " has shown since: \"dead drop\" deletes the letter;"
                            " --may-double sends it again all the same",
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

int verb_dead_retry(struct control_ask *ask)
{
    int rc = dead_exist(ask, true);

    return rc ? rc : control_each_id(ask, "retried", dead_retry_one);
}

int verb_dead_drop(struct control_ask *ask)
{
    int rc = dead_exist(ask, false);

    return rc ? rc : control_each_id(ask, "dropped", dead_drop_one);
}
