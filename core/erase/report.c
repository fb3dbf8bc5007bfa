/* The report of an erasure, for its asker and for the store. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/json.h"
#include "base/mem.h"
#include "core/erase/erase.h"
#include "core/peers/peers.h"
#include "proto/limits.h"

#define DAY_MS (24LL * 3600 * 1000)

/* One ingress that is here or was. */
struct seen {
    char name[64];
    const char *state;
    int64_t events;
    int64_t kept;
    bool recent; /* away, but not for good */
};

struct report {
    struct erasure *e;
    struct json_writer w;
    struct seen seen[LIMIT_PEERS + 1];
    size_t n_seen;
    bool complete;
};

static const char *state_of(const struct erasure *e, const struct peer *p)
{
    if (e->dry_run)
        return "connected";
    return p->turned == e->turn ? "clean" : "holds";
}

static void add_away(void *arg, struct view name, int64_t seen_ms)
{
    struct report *r = arg;
    struct seen *s = &r->seen[r->n_seen];
    int64_t days = (int64_t)config_number(r->e->core->config, "retention/dead_days");

    for (size_t i = 0; i < r->n_seen; i++) {
        if (view_is(name, r->seen[i].name))
            return;
    }
    if (r->n_seen >= LIMIT_PEERS || view_copy(name, s->name, sizeof(s->name)))
        return;
    s->state = "away";
    s->recent = clock_unix_ms() - seen_ms < days * DAY_MS;
    r->n_seen++;
}

static int see_ingresses(struct report *r)
{
    struct core *c = r->e->core;

    for (struct list *i = c->peers->list.next; i != &c->peers->list && r->n_seen < LIMIT_PEERS;
         i = i->next) {
        const struct peer *p = LIST_ENTRY(i, struct peer, link);
        struct seen *s = &r->seen[r->n_seen];

        if (p->role != ROLE_INGRESS || !peer_is_alive(p, clock_mono_ms()))
            continue;
        (void)snprintf(s->name, sizeof(s->name), "%s", p->name); /* as long */
        s->state = state_of(r->e, p);
        if (strcmp(s->state, "clean") != 0) /* what came since then is not meant */
            s->events = (int64_t)p->spool_events;
        s->kept = (int64_t)p->kept_files;
        r->n_seen++;
    }
    return store_ingresses_walk(c->store, add_away, r);
}

static void warn(struct report *r, const char *fmt, ...) AMO_PRINTF(2, 3);

static void warn(struct report *r, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start stands above */
    (void)vsnprintf(text, sizeof(text), fmt, args); /* a longer sentence is cut */
    va_end(args);
    json_add_text(&r->w, NULL, view_of(text));
}

/* How to ask again: by then the phone is not known any more. */
static const char *again(const struct erasure *e)
{
    return e->by_phone && e->person.n_conversations
               ? "run it again for each conversation named here"
               : "run it again";
}

static void warn_ingress(struct report *r, const struct seen *s)
{
    if (strcmp(s->state, "away") == 0) {
        warn(r, "ingress %s is not connected: its spool may hold something; %s when it is back",
             s->name, again(r->e));
        r->complete = r->complete && !s->recent;
    } else if (strcmp(s->state, "holds") == 0) {
        warn(
            r,
            "ingress %s has not let go of what it holds (events that core has not taken: %lld);"
            " %s later",
            s->name, (long long)s->events, again(r->e));
        r->complete = false;
    }
    if (s->kept)
        warn(r,
             "ingress %s keeps damaged spool files (.bad) that were not searched: %lld; delete"
             " them when they are not needed",
             s->name, (long long)s->kept);
}

static void warn_store(struct report *r)
{
    const struct erasure *e = r->e;
    int64_t named = 0;

    for (size_t i = 0; i < e->person.n_conversations; i++)
        named += erase_ids_have_phone(&e->person, &e->person.conversations[i]);
    if (named)
        warn(r, "ids stay; conversations in which the service built them from the phone: %lld",
             (long long)named);
    if (e->unowned)
        warn(r,
             "events about unknown messages, so that it is not known who wrote them: %lld;"
             " --unowned also erases them",
             (long long)e->unowned);
    if (e->of_others)
        warn(r, "messages in the client's conversations that others wrote, and that stay: %lld",
             (long long)e->of_others);
    if (e->namesakes)
        warn(r,
             "conversation %lld and %lld more have the service's name of this client, but "
             "another"
             " phone: they stay; --conversation erases one",
             (long long)e->namesake, (long long)e->namesakes - 1);
    if (e->under_way && !e->dry_run)
        warn(r, "messages that were on their way and may still arrive: %lld",
             (long long)e->under_way);
    if (e->too_many) {
        warn(r, "more than %u conversations: run it again for the others", LIMIT_ERASE);
        r->complete = false;
    }
    if (e->rebuilds_later)
        warn(r, "the store is too large to be rewritten now: traces may remain in unused parts"
                " of its file until core is restarted");
    if (e->not_clean) {
        warn(r, "the store's log could not be emptied in time; run it again");
        r->complete = false;
    }
}

static void report_removed(struct report *r)
{
    const struct erasure *e = r->e;
    const int64_t found = e->rows.names + e->rows.words + e->rows.evidence + e->rows.reactions +
                          e->given_up + e->under_way + e->rows.dead +
                          (int64_t)erase_ids(&e->quarantine) + (int64_t)erase_ids(&e->waiting);

    json_open_object(&r->w, "removed");
    json_add_int(&r->w, "names", e->rows.names);
    /* their rows stay: without anything to remove nothing was done to them */
    json_add_int(&r->w, "messages", found ? e->rows.messages : 0);
    json_add_int(&r->w, "words", e->rows.words);
    json_add_int(&r->w, "evidence", e->rows.evidence);
    json_add_int(&r->w, "reactions", e->rows.reactions);
    json_add_int(&r->w, "commands", e->given_up);
    json_add_int(&r->w, "commands_under_way", e->under_way);
    json_add_int(&r->w, "dead_letters", e->rows.dead);
    json_add_int(&r->w, "quarantine", (int64_t)erase_ids(&e->quarantine));
    json_add_int(&r->w, "waiting_events", (int64_t)erase_ids(&e->waiting));
    json_close_object(&r->w);
}

static void report_ingresses(struct report *r)
{
    json_open_array(&r->w, "ingresses");
    for (size_t i = 0; i < r->n_seen; i++) {
        json_open_object(&r->w, NULL);
        json_add_text(&r->w, "name", view_of(r->seen[i].name));
        json_add_text(&r->w, "state", view_of(r->seen[i].state));
        json_add_int(&r->w, "events", r->seen[i].events);
        json_close_object(&r->w);
    }
    json_close_array(&r->w);
}

int erase_report(struct erasure *e, struct buf *out, bool *ret_complete)
{
    struct report *r = mem_zalloc(sizeof(*r));
    int rc = 0;

    if (!r)
        return -ENOMEM;
    r->e = e;
    r->complete = true;
    json_writer_init(&r->w, out);
    rc = see_ingresses(r);
    json_open_object(&r->w, NULL);
    if (e->id > 0)
        json_add_int(&r->w, "erasure", e->id);
    json_add_bool(&r->w, "dry_run", e->dry_run);
    json_open_array(&r->w, "conversations");
    for (size_t i = 0; i < e->person.n_conversations; i++)
        json_add_int(&r->w, NULL, e->person.conversations[i].id);
    json_close_array(&r->w);
    report_removed(r);
    report_ingresses(r);
    json_open_array(&r->w, "warnings");
    for (size_t i = 0; i < r->n_seen; i++)
        warn_ingress(r, &r->seen[i]);
    warn_store(r);
    json_close_array(&r->w);
    json_close_object(&r->w);
    *ret_complete = r->complete || e->dry_run;
    mem_free(r);
    return rc ? rc : buf_error(out);
}
