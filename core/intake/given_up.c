/* Compares what comes with messages that were given up and may have arrived.
 *
 * From: lookup.c. To: the dead letters of the store. Holds: nothing. */

#include "core/intake/given_up.h"

#include "core/intake/echo.h"
#include "core/intake/intake.h"
#include "core/store/dead.h"
#include "core/turn/message.h"
#include "proto/command.h"

/* The text of an event, and the given-up message that has the same. */
struct given_up {
    struct view words;
    struct unclear_since since;
    int64_t message; /* 0 none */
};

static int same_words(void *arg, int64_t message, struct view body)
{
    struct given_up *g = arg;
    struct command cmd;

    if (command_decode(body, &cmd) || !view_equal(cmd.content.text, g->words))
        return 0;
    g->message = message;
    return 1;
}

static int in_lane(struct core *c, struct given_up *g, int64_t conversation, bool to_amo)
{
    return store_dead_unclear_walk(c->store, command_lane_of(conversation, to_amo),
                                   to_amo ? COMMAND_AMO_OUTGOING : COMMAND_SERVICE_MESSAGE,
                                   &g->since, same_words, g);
}

/* What came before the words were first tried is none of what became of them. It may have been set aside for hours,
 * while a colleague wrote the like. */
static int64_t begun_before(const struct core *c)
{
    const struct echo_row *row = c->intake->echo_row;

    return row && row->came.at_ms && !c->intake->forgotten ? row->came.at_ms : INT64_MAX;
}

int given_up_words(struct core *c, const struct event *e, const struct conversation *conv,
                   int64_t *ret_message)
{
    bool to_amo = e->kind == EVENT_AMO_MESSAGE;
    int64_t waited_ms = c->intake->echo_row ? e->taken_ms : INT64_MAX;
    struct given_up g = {.words = e->content.text};
    int rc = 0;

    g.since.unclear_ms = to_amo && !c->intake->forgotten ? waited_ms : 0;
    g.since.other_ms = to_amo ? INT64_MAX : waited_ms;
    g.since.begun_ms = to_amo ? begun_before(c) : INT64_MAX;
    if (conv && g.words.len && g.since.unclear_ms != INT64_MAX)
        rc = in_lane(c, &g, conv->id, to_amo);
    *ret_message = g.message;
    return rc < 0 ? rc : 0;
}

static int first_in_lane(struct core *c, const struct conversation *conv, void *arg)
{
    return in_lane(c, arg, conv->id, false);
}

int given_up_first_words(struct core *c, const struct event *e, const struct phone *client,
                         int64_t *ret_message)
{
    struct given_up g = {.words = e->content.text};
    int rc = 0;

    g.since.other_ms = e->taken_ms;
    g.since.begun_ms = INT64_MAX;
    if (c->intake->echo_in_hand && g.words.len)
        rc = echo_first_words(c, e, client, first_in_lane, &g);
    *ret_message = g.message;
    return rc < 0 ? rc : 0;
}

static bool comes_from_amo(const struct event *e)
{
    return e->kind == EVENT_AMO_MESSAGE || e->kind == EVENT_AMO_REACTION;
}

int given_up_arrived(struct core *c, const struct event *e, const struct facts *m,
                     enum decision_kind decided)
{
    const struct message *named = m->target ? m->target : m->duplicate;

    if (!named || named->state != MESSAGE_FAILED || m->duplicate_elsewhere)
        return 0;
    if (decided != DECISION_NOTHING && decided != DECISION_STATUS && decided != DECISION_EDIT &&
        decided != DECISION_REACTION)
        return 0; /* it may be another's */
    if (comes_from_amo(e) == (named->direction == MESSAGE_OUTBOUND))
        return 0; /* whoever sent it to us says nothing of the other side */
    return view_is(e->status, "failed") ? 0 : message_arrived(c, named);
}
