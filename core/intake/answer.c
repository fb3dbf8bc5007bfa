/* Where is message X?
 *
 * From: an ingress (QUERY). To: the same (ANSWER). Holds: nothing. */

#include "core/intake/answer.h"

#include "base/log.h"
#include "core/intake/lookup.h"
#include "core/model/message.h"
#include "core/peers/peers.h"
#include "proto/limits.h"
#include "proto/query.h"

/* The service had it, and has said since what became of it. That it failed is said in the words that an older
 * ingress knows as well. */
static void answer_reported(const struct message *m, struct answer *a)
{
    a->reported = view_of(message_told_name(m->reported_status));
    a->reported_ms = m->reported_ms;
    if (m->reported_status != -1)
        return;
    a->state = view_of(message_state_name(MESSAGE_FAILED));
    a->reason = m->reported_why[0] ? view_of(m->reported_why) : VIEW_LIT("failed");
    a->words = view_of(m->reported_words);
}

static void answer_about(const struct message *m, struct answer *a)
{
    a->found = true;
    a->mid = view_of(m->mid);
    a->direction = m->direction == MESSAGE_INBOUND ? VIEW_LIT("in") : VIEW_LIT("out");
    a->state = view_of(message_state_name(m->state));
    if (m->state == MESSAGE_FAILED) {
        a->reason = view_of(m->reason);
        a->words = view_of(m->words);
    }
    if (m->state == MESSAGE_DELIVERED_TO_SERVICE && m->reported_why)
        answer_reported(m, a);
    a->amo_id = view_of(m->amo_id);
    a->service_id = view_of(m->service_id);
    a->taken_ms = m->taken_ms;
    a->settled_ms = m->settled_ms;
}

void answer_query(struct core *c, struct peer *p, struct view body)
{
    struct answer a = {0};
    struct message m = {0};
    struct wanted wanted = {0};
    struct query q;
    struct buf out;
    int rc = 0;

    if (query_decode(body, &q) || q.connector.len == 0) {
        log_often(LOG_LEVEL_ERROR, "query.malformed", view_of(p->name), "peer=%s", p->name);
        return;
    }
    a.number = q.number;
    core_ask(c);
    rc = core_turn(c);
    wanted.connector = q.connector;
    rc = rc ? rc : lookup_message(c, &wanted, q.message_id, &m);
    if (rc == 0)
        answer_about(&m, &a);
    (void)core_asked(c, "query", rc); /* told */
    buf_init(&out, LIMIT_CONTROL_BYTES);
    /* without an answer the asker says that core is away, which is as good as true */
    if (rc >= 0 && answer_encode(&a, &out) == 0)
        (void)!peer_post(c, p, MSG_ANSWER, NULL, buf_view(&out));
    buf_fini(&out);
    message_fini(&m);
}
