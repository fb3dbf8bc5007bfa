/* Who may write how much, and what those hear who may not.
 *
 * From: the routes, at the head; accept.c. To: the spool's accounts.
 * Holds: nothing. */

#include "ingress/accept/share.h"

#include "base/log.h"
#include "ingress/accept/push.h"
#include "ingress/accept/registry_copy.h"
#include "ingress/http/metrics.h"
#include "ingress/http/request.h"
#include "ingress/ingress.h"
#include "ingress/spool/spool.h"
#include "proto/event.h"
#include "proto/registry.h"

/* core takes what is there: there is room in a moment. It is away for a restart or for longer, or has no room */
#define SHARE_SOON_S     1
#define SHARE_RETRY_S    10
#define SHARE_HEAD_BYTES 4096U /* of an event whose body is not there yet: most are smaller */

static struct spool_writer writer_of(const struct ingress *in, struct view connector,
                                     struct view scope)
{
    /* there is none while the spool is read at the start */
    const struct registry *r = in->registry ? registry_copy_get(in->registry) : NULL;

    if (connector.len)
        return (struct spool_writer){.side = SPOOL_CONNECTOR, .name = connector};
    return (struct spool_writer){
        .side = SPOOL_AMOJO, .name = scope, .alone = r && r->n_scopes <= 1};
}

void share_writer(const struct ingress *in, const struct event *e, struct spool_writer *ret)
{
    *ret = writer_of(in, e->connector, e->scope);
}

void share_writer_of(void *arg, struct view body, struct spool_writer *ret)
{
    struct event e;

    if (event_decode(body, &e))
        e = (struct event){0};
    *ret = writer_of(arg, e.connector, e.scope);
}

void share_refused(struct ingress *in, struct request *x)
{
    char space[LOG_VALUE_MAX];

    stat_rows_add(in->metrics->over_share, x->name, 1);
    log_often(LOG_LEVEL_WARN, "share.reached", x->name, "source=%s name=%s",
              x->source == SOURCE_AMOJO ? "amojo" : "connector", log_value(x->name, space));
    x->logged = true;
    x->retry_after_s =
        push_is_up(in->push) && !push_waits(in->push) ? SHARE_SOON_S : SHARE_RETRY_S;
    request_unavailable(x, "spool_share",
                        "as much of this sender is waiting as may wait; try again later");
}

bool share_left(struct ingress *in, struct request *x)
{
    bool amojo = x->source == SOURCE_AMOJO;
    struct spool_writer w =
        writer_of(in, amojo ? VIEW_NONE : x->name, amojo ? x->name : VIEW_NONE);

    /* a full spool is told when the body is there: the connection stays, for there may be room by then */
    if (spool_room(in->spool, &w, SHARE_HEAD_BYTES) != SPOOL_E_SHARE)
        return true;
    share_refused(in, x);
    return false;
}

static void show_one(void *arg, const struct spool_writer *w, uint64_t bytes, uint64_t events)
{
    struct metrics *f = arg;

    if (w->side != SPOOL_CONNECTOR)
        return;
    stat_rows_put(f->spool_connector, w->name, (double)bytes);
    stat_rows_put(f->spool_connector_events, w->name, (double)events);
}

void share_show(struct metrics *f, const struct spool *s)
{
    struct spool_stats now;

    spool_stats(s, &now);
    stat_set(f->spool_amojo, (double)now.side_bytes[SPOOL_AMOJO]);
    stat_rows_clear(f->spool_connector);
    stat_rows_clear(f->spool_connector_events);
    spool_each_share(s, show_one, f);
}
