/* amoctl doctor: what no longer reaches anyone. Conversations: doctor_conversations.c.
 *
 * From: doctor.c. To: its checks. Holds: nothing. */

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "core/control/control.h"
#include "core/doctor/doctor.h"
#include "core/doctor/doctor_line.h"
#include "core/model/near.h"
#include "core/peers/peers.h"

#define DAY_MS (24LL * 3600 * 1000)

/* --- accounts that left, sources, connectors that are gone ------------------------------------- */

static void check_left(struct control_ask *ask, const struct reg_scope *s)
{
    struct core *c = ask->core;
    const struct dest *d = queue_dest(c->queue, DEST_SCOPE, view_of(s->id));
    size_t n = d ? d->n_account : 0;
    char left[CLOCK_ISO_LEN + 1];
    char end[CLOCK_ISO_LEN + 1];
    struct check check = {
        .name = "reach",
        .subject = view_of(s->id),
        .severity = SEVERITY_YELLOW,
        .action =
            s->disconnected
                ? "amoctl account connect brings it back; amoctl source add --move gives "
                  "its number to another account; amoctl queue drop --scope gives up what "
                  "waits"
                : "amoctl account resume, when it is to work again; amoctl queue drop "
                  "--scope gives up what waits"};

    if (n == 0)
        return;
    clock_format_iso(s->left_ms, left);
    clock_format_iso(s->left_ms + DAY_MS * (int64_t)config_number(c->config, "core/away_days"),
                     end);
    if (s->disconnected)
        check_add(ask->w, &check,
                  "commands that wait for an account that left at %s: %zu; given up at %s",
                  left, n, end);
    else
        check_add(ask->w, &check,
                  "commands that wait, without ever being given up, while it is paused: %zu",
                  n);
}

static void check_source(struct control_ask *ask, const struct reg_source *src)
{
    const struct reg_scope *s = registry_scope(ask->core->turn->registry, view_of(src->scope));
    struct check c = {.name = "source",
                      .subject = view_of(src->source),
                      .severity = SEVERITY_YELLOW,
                      .action = "amoctl source add for the account that has the number now, or "
                                "amoctl source remove"};

    if (s && !s->disconnected && strcmp(s->connector, src->connector) == 0)
        return;
    check_add(ask->w, &c, "listed at %s for an account that %s: its clients are refused",
              src->connector,
              !s                ? "no longer exists"
              : s->disconnected ? "left"
                                : "uses another connector");
}

static void check_dest(struct control_ask *ask, const struct dest *d)
{
    const struct registry *r = ask->core->turn->registry;
    struct view name = view_of(d->name);
    struct check c = {.name = "reach",
                      .subject = view_of(d->key),
                      .severity = SEVERITY_RED,
                      .action = "amoctl queue drop gives them up"};

    if (d->n_waiting == 0 || (d->kind == DEST_SCOPE ? registry_scope(r, name) != NULL
                                                    : registry_connector(r, name) != NULL))
        return;
    check_add(ask->w, &c, "it no longer exists, and commands still wait for it: %zu",
              d->n_waiting);
}

static void check_accounts(struct control_ask *ask, const struct reg_scope *s)
{
    struct check c = {.name = "account",
                      .subject = view_of(s->id),
                      .severity = SEVERITY_RED,
                      .action = "amoctl account disconnect, then connect with a connector"};

    if (!s->disconnected &&
        !registry_connector(ask->core->turn->registry, view_of(s->connector)))
        check_add(ask->w, &c, "its connector %s no longer exists", s->connector);
    if (s->disconnected || s->paused)
        check_left(ask, s);
}

/* --- refused by ingress ------------------------------------------------------------------------- */

/* The next part of @v up to @stop, which is taken off it. */
static struct view part(struct view *v, char stop)
{
    const char *at = v->len ? memchr(v->ptr, stop, v->len) : NULL;
    size_t n = at ? (size_t)(at - v->ptr) : v->len;
    struct view head = view_make(v->ptr, n);

    *v = view_make(v->ptr + n + (at != NULL), v->len - n - (at != NULL));
    return head;
}

/* Whoever was listed since then is not refused any more. */
static bool is_still_nobodys(const struct registry *r, struct view connector,
                             struct view source)
{
    bool known = false;

    return registry_connector(r, connector) &&
           !registry_scope_of_source(r, connector, source, &known);
}

/* One of nearly that name is somebody's: then the service writes it in another way, and to list it twice would
 * hide that. */
static void add_near(const struct registry *r, const struct reg_source *near,
                     struct view connector, struct buf *out)
{
    const struct reg_scope *s = registry_scope(r, view_of(near->scope));

    (void)buf_add_f(out, "; nearly the same is %s, which account %s has", near->source,
                    s && s->title && *s->title ? s->title : near->scope);
    if (!view_is(connector, near->connector))
        (void)buf_add_f(out, " at connector %s", near->connector);
}

static void refused_line(struct control_ask *ask, struct view connector, struct view source,
                         struct view n)
{
    const struct registry *r = ask->core->turn->registry;
    const struct reg_source *near = near_source(r, connector, source);
    struct buf words;
    struct check c = {.name = "source",
                      .subject = source,
                      .severity = SEVERITY_YELLOW,
                      .action = near
                                    ? "have the service use the name that is listed, or amoctl "
                                      "source add for this one as well; the service does not "
                                      "send again what was refused"
                                    : "amoctl source add, if the number is one of yours; the "
                                      "service does not send again what was refused"};

    buf_init(&words, 1024);
    (void)buf_add_f(&words,
                    "belongs to no account; messages of connector %.*s by it that were refused"
                    " within the hour: %.*s",
                    (int)connector.len, connector.ptr, (int)n.len, n.ptr);
    if (near)
        add_near(r, near, connector, &words);
    check_add(ask->w, &c, "%s", buf_str(&words));
    buf_fini(&words);
}

static void check_refused(struct control_ask *ask, const struct peer *p)
{
    struct view rest = buf_view(&p->refused);

    while (rest.len) {
        struct view line = part(&rest, '\n');
        struct view connector = part(&line, '\t');
        struct view source = part(&line, '\t');

        if (is_still_nobodys(ask->core->turn->registry, connector, source))
            refused_line(ask, connector, source, part(&line, '\t'));
    }
}

void doctor_reach(struct control_ask *ask)
{
    const struct registry *r = ask->core->turn->registry;
    const struct dest *d = NULL;
    size_t iter = 0;

    for (size_t i = 0; i < r->n_scopes; i++)
        check_accounts(ask, &r->scopes[i]);
    for (size_t i = 0; i < r->n_sources; i++)
        check_source(ask, &r->sources[i]);
    while ((d = table_next(ask->core->queue->dests, &iter)))
        check_dest(ask, d);
    for (const struct list *i = ask->core->peers->list.next; i != &ask->core->peers->list;
         i = i->next)
        check_refused(ask, LIST_ENTRY_CONST(i, struct peer, link));
}
