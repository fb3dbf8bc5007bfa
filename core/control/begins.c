/* Finds what an operator names by an id, or by the first characters of one. What several have is not guessed.
 *
 * From: verbs that take the id of a message. To: the store, which is only read. Holds: nothing. */

#include "core/control/begins.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/model/message.h"
#include "core/store/store.h"

/* @id NULL: the message's mid. */
static int candidate_json(struct control_ask *ask, const char *id, int64_t message)
{
    struct json_writer *w = ask->w;
    struct message m = {0};
    int rc = message ? store_message(ask->core->store, message, &m) : 0;

    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    json_open_object(w, NULL);
    json_add_text(w, "id", view_of(id ? id : m.mid));
    if (m.id) {
        json_add_time(w, "at", m.taken_ms);
        json_add_text(w, "direction",
                      m.direction == MESSAGE_INBOUND ? VIEW_LIT("inbound")
                                                     : VIEW_LIT("outbound"));
        json_add_text(w, "state", view_of(message_state_name(m.state)));
        json_add_int(w, "conversation", m.conversation);
        json_add_text(w, "connector", view_of(m.connector));
        json_add_text(w, "scope_id", view_of(m.scope));
    } else {
        json_add_text(w, "state", VIEW_LIT("no message"));
    }
    json_close_object(w);
    message_fini(&m);
    return 0;
}

static void choice_open(struct control_ask *ask)
{
    json_open_object(ask->w, NULL);
    json_open_array(ask->w, "candidates");
}

static void choice_close(struct control_ask *ask)
{
    json_close_array(ask->w);
    json_close_object(ask->w);
    ask->whole = true;
}

static int choose(struct control_ask *ask, struct view word, const struct ids_found *found)
{
    int rc = 0;

    choice_open(ask);
    for (size_t i = 0; rc == 0 && i < found->n; i++)
        rc = candidate_json(ask, found->ids[i].id, found->ids[i].message);
    if (rc)
        return rc;
    choice_close(ask);
    return control_fail(ask, EXIT_FAILED, "%s%zu ids begin with %.*s: give more of one",
                        found->more ? "at least " : "", found->n, (int)word.len, word.ptr);
}

static int choose_whole(struct control_ask *ask, struct view word, const int64_t *ids, size_t n)
{
    bool more = n > IDS_FOUND_MAX;
    int rc = 0;

    n = more ? IDS_FOUND_MAX : n;
    choice_open(ask);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = candidate_json(ask, NULL, ids[i]);
    if (rc)
        return rc;
    choice_close(ask);
    return control_fail(ask, EXIT_FAILED,
                        "%s%zu messages have the id %.*s: take the one you mean by the id in"
                        " its row",
                        more ? "at least " : "", n, (int)word.len, word.ptr);
}

int begins_whole(struct control_ask *ask, struct view word, struct message *ret)
{
    int64_t ids[IDS_FOUND_MAX + 1];
    size_t n = 0;
    int rc = store_messages_by_any(ask->core->store, word, ids, AMO_COUNT(ids), &n);

    if (rc || n == 0)
        return rc;
    return n == 1 ? store_message(ask->core->store, ids[0], ret)
                  : choose_whole(ask, word, ids, n);
}

int begins_find(struct control_ask *ask, struct view word, char **ret_full)
{
    struct ids_found found;
    int rc = store_ids_beginning(ask->core->store, word, &found);

    if (rc)
        return rc;
    *ret_full = NULL;
    if (found.n > 1)
        rc = choose(ask, word, &found);
    else if (found.n == 1)
        rc = control_copy(view_of(found.ids[0].id), ret_full);
    ids_found_fini(&found);
    return rc;
}

int begins_message(struct control_ask *ask, struct view word, struct message *ret)
{
    char *full = NULL;
    int rc = begins_whole(ask, word, ret);

    if (rc || ret->id)
        return rc;
    rc = begins_find(ask, word, &full);
    if (rc == 0 && full)
        rc = begins_whole(ask, view_of(full), ret);
    mem_free(full);
    if (rc || ret->id)
        return rc;
    return control_fail(ask, EXIT_FAILED, "no message is known by this id");
}

int begins_message_given(struct control_ask *ask, int64_t *ret)
{
    struct view id = control_arg(ask, "id");
    struct message m = {0};
    int rc = id.len ? begins_message(ask, id, &m) : 0;

    *ret = m.id;
    message_fini(&m);
    return rc;
}

int begins_conversation_given(struct control_ask *ask, int64_t *ret)
{
    const struct json_node *conversation = json_get(json_root(ask->args), "conversation");
    uint64_t number = 0;

    *ret = 0;
    if (!conversation)
        return 0;
    if (!json_int(conversation, ret) &&
        num_parse_range(control_arg(ask, "conversation"), 1, INT64_MAX, &number))
        return control_fail(ask, EXIT_USAGE,
                            "--conversation takes our number, as in conversation list");
    *ret = *ret ? *ret : (int64_t)number;
    return 0;
}
