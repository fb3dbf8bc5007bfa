/* `amoctl status` and `amoctl clock`: who is connected, and what time is believed. */

#include "base/clock.h"
#include "base/mem.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/moves.h"
#include "core/control/verbs.h"
#include "core/intake/intake.h"
#include "core/peers/peers.h"

static void peer_json(struct json_writer *w, const struct peer *p)
{
    json_open_object(w, NULL);
    json_add_text(w, "role", view_of(role_name(p->role)));
    json_add_text(w, "name", view_of(p->name));
    json_add_text(w, "version", view_of(p->version));
    json_add_bool(w, "alive", peer_is_alive(p, clock_mono_ms()));
    json_add_time(w, "since", p->since_unix_ms);
    json_add_int(w, "registry_version", (int64_t)p->registry_version);
    if (p->role == ROLE_INGRESS) {
        json_add_int(w, "spool_events", (int64_t)p->spool_events);
        json_add_int(w, "spool_bytes", (int64_t)p->spool_bytes);
    } else {
        json_add_int(w, "credit", (int64_t)p->credit);
        json_add_int(w, "in_flight", (int64_t)p->n_in_flight);
        json_add_int(w, "busy", (int64_t)p->busy);
    }
    json_close_object(w);
}

/* Into the open object. */
static void clock_fields(struct control_ask *ask)
{
    const struct core *c = ask->core;

    json_add_bool(ask->w, "in_doubt", c->turn->doubt.on);
    json_add_text(ask->w, "why", c->turn->doubt.why ? view_of(c->turn->doubt.why) : VIEW_NONE);
    json_add_time(ask->w, "trusted_until", c->turn->doubt.trusted_ms);
    json_add_time(ask->w, "now", clock_unix_ms());
    json_add_int(ask->w, "skew_ms", c->turn->skew_ms);
}

static void clock_json(struct control_ask *ask, const char *name)
{
    json_open_object(ask->w, name);
    clock_fields(ask);
    json_close_object(ask->w);
}

int verb_clock_show(struct control_ask *ask)
{
    clock_json(ask, NULL);
    return EXIT_FINE;
}

int verb_clock_agree(struct control_ask *ask)
{
    struct core *c = ask->core;
    int rc = 0;

    if (c->turn->doubt.on && store_damage(c->store))
        return control_fail(
            ask, EXIT_FAILED,
            "a part of the store is damaged, and the times written while the clock was in"
            " doubt cannot be corrected there: repair it first");
    if (moves_flag(ask, "dry_run")) {
        json_open_object(ask->w, NULL);
        clock_fields(ask);
        return control_would(ask, "%s",
                             c->turn->doubt.on
                                 ? "end the doubt: life times and retention run again"
                                 : "change nothing: the clock is not in doubt");
    }
    rc = doubt_agree(c);
    if (rc)
        return rc;
    clock_json(ask, NULL);
    return EXIT_FINE;
}

int verb_status(struct control_ask *ask)
{
    struct core *c = ask->core;
    int64_t dead = 0;
    int64_t quarantine = 0;
    int64_t waiting = 0;
    int rc = store_counts(c->store, &dead, &quarantine, &waiting);

    if (rc)
        return rc;
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "version", VIEW_LIT(AMO_VERSION));
    json_add_int(ask->w, "uptime_s", (clock_mono_ms() - c->control->began_mono_ms) / 1000);
    json_add_int(ask->w, "registry_version", (int64_t)c->turn->registry->version);
    json_add_int(ask->w, "channels", (int64_t)c->turn->registry->n_channels);
    json_add_int(ask->w, "accounts", (int64_t)c->turn->registry->n_scopes);
    json_add_int(ask->w, "connectors", (int64_t)c->turn->registry->n_connectors);
    json_add_int(ask->w, "commands", (int64_t)queue_count(c->queue));
    json_add_int(ask->w, "dead_letters", dead);
    json_add_int(ask->w, "quarantine", quarantine);
    json_add_int(ask->w, "waiting_events", waiting);
    json_add_int(ask->w, "set_aside", c->intake->n_aside);
    json_add_int(ask->w, "clock_skew_ms", c->turn->skew_ms);
    clock_json(ask, "clock");
    json_open_array(ask->w, "peers");
    for (struct list *i = c->peers->list.next; i != &c->peers->list; i = i->next)
        peer_json(ask->w, LIST_ENTRY(i, struct peer, link));
    json_close_array(ask->w);
    json_close_object(ask->w);
    return EXIT_FINE;
}
