/* amoctl doctor: conversations that reach nobody.
 *
 * From: doctor_look.c; a timer. To: the callers, when it is over. Holds: the walk that is under way, for as long as
 * somebody waits for it.
 *
 * They are walked number by number, in pieces between which everything else has its turn; only those of a
 * number that reaches nobody are counted. A change of the registry begins it again, so that an answer is never a
 * mixture of two. Whoever asks while one is under way gets what it finds. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/doctor/doctor.h"
#include "core/doctor/doctor_line.h"
#include "core/model/reach.h"
#include "core/store/reach.h"
#include "proto/bus/loop.h"

/* lines of a kind; more are only counted */
#define LINES_MAX  10
/* they, and the documents around them */
#define JSON_MAX   ((size_t)64 << 10)
/* So long a piece takes at most, and what else there is has its turn before the next one. */
#define PIECE_US   3000
#define STEP_MS    2
/* conversations that are counted before the clock is looked at again */
#define COUNT_ROWS ((int64_t)200)

struct asker {
    struct list link;
    struct reaching *of;
    struct control_wait *wait;
};

struct reaching {
    struct core *core;
    struct list askers; /* whoever is the last to go ends it */
    bool timed;
    int timer;
    uint64_t version;       /* of the registry by which all of it is judged */
    struct conversation at; /* the number and account in hand: connector, source, scope */
    bool counts;            /* it reaches nobody, and is counted … */
    int64_t n_at;           /* … so many so far … */
    int64_t id;             /* … up to this one */
    bool over;
    int64_t lines;   /* numbers that were named */
    int64_t n;       /* conversations of connected accounts, or of none that is known */
    int64_t waiting; /* conversations of accounts that left */
    struct buf json;
    struct json_writer w;
};

static bool is_connected_elsewhere(const struct registry *r, const struct conversation *of)
{
    const struct reg_scope *s = registry_scope_connected(r, view_of(of->scope));

    return s && strcmp(s->connector, of->connector) != 0;
}

static const char *why_nobody(const struct registry *r, const struct conversation *of)
{
    if (is_connected_elsewhere(r, of))
        return "its account uses another connector, which lists the number for no account or "
               "for another one";
    if (registry_scope_connected(r, view_of(of->scope)))
        return "no account lists it, and the connector has several accounts";
    return "its account no longer exists";
}

/* All conversations of the number in hand are counted. */
static void strand(struct reaching *g)
{
    const struct registry *r = g->core->turn->registry;
    const struct conversation *of = &g->at;
    const struct reg_scope *before = registry_scope(r, view_of(of->scope));
    struct check c = {.name = "reach",
                      .subject = view_of(of->source[0] ? of->source : of->scope),
                      .severity = SEVERITY_YELLOW,
                      .action = "amoctl source add for the account whose number it is"};

    g->counts = false;
    if (before && before->disconnected) {
        g->waiting += g->n_at;
        return;
    }
    g->n += g->n_at;
    if (g->lines++ < LINES_MAX)
        check_add(&g->w, &c,
                  "%" PRId64
                  " conversations of connector %s reach no account by this number: %s",
                  g->n_at, of->connector, why_nobody(r, of));
}

/* The line about all of them. */
static void sum_up(struct reaching *g)
{
    struct check fine = {.name = "reach", .severity = SEVERITY_GREEN};

    g->over = true;
    if (g->lines > LINES_MAX) {
        fine.severity = SEVERITY_YELLOW;
        fine.action = "amoctl source list, then amoctl source add for each of these as well";
        check_add(&g->w, &fine, "%" PRId64 " more numbers are like these",
                  g->lines - LINES_MAX);
    } else if (g->n == 0 && g->waiting == 0) {
        check_add(&g->w, &fine, "every conversation reaches an account");
    } else if (g->n == 0) {
        check_add(&g->w, &fine,
                  "every conversation reaches an account, except %" PRId64
                  " of accounts that left, which wait until they return",
                  g->waiting);
    }
}

/* From the first number on, by the registry of now. */
static void begin(struct reaching *g)
{
    conversation_fini(&g->at);
    g->version = g->core->turn->registry->version;
    g->counts = g->over = false;
    g->lines = g->n = g->waiting = 0;
    buf_reset(&g->json);
    json_writer_init(&g->w, &g->json);
    json_open_object(&g->w, NULL);
    json_open_array(&g->w, "checks");
}

static int next_number(struct reaching *g)
{
    int rc = store_reach_next(g->core->store, &g->at);

    if (rc == STORE_E_NONE)
        sum_up(g);
    if (rc)
        return rc == STORE_E_NONE ? 0 : rc;
    g->counts = reach_of(g->core->turn->registry, &g->at).way == REACH_NOBODY;
    g->n_at = g->id = 0;
    return 0;
}

static int count_on(struct reaching *g, int64_t limit, int64_t *ret)
{
    int rc = store_reach_count(g->core->store, &g->at, limit, &g->id, ret);

    if (rc)
        return rc;
    g->n_at += *ret;
    if (*ret < limit)
        strand(g);
    return 0;
}

static int piece(struct reaching *g)
{
    int64_t until_mono_us = clock_mono_us() + PIECE_US;
    int64_t left = DOCTOR_PIECE_ROWS;
    int rc = 0;

    if (store_conversations_are_hurt(g->core->store)) {
        g->over = true; /* said as red; reading them would end core */
        return 0;
    }
    if (g->version != g->core->turn->registry->version)
        begin(g);
    while (rc == 0 && !g->over && left > 0 && clock_mono_us() < until_mono_us) {
        int64_t n = 1;

        rc =
            g->counts ? count_on(g, left < COUNT_ROWS ? left : COUNT_ROWS, &n) : next_number(g);
        left -= n;
    }
    return rc;
}

/* --- whoever waits for it ----------------------------------------------------------------------- */

static void reaching_free(struct reaching *g)
{
    g->core->control->reaching = NULL;
    if (g->timed)
        loop_remove_timer(g->core->loop, g->timer);
    conversation_fini(&g->at);
    buf_fini(&g->json);
    mem_free(g);
}

static void asker_gone(void *arg)
{
    struct asker *a = arg;
    struct reaching *g = a->of;

    list_remove(&a->link);
    mem_free(a);
    if (list_is_empty(&g->askers))
        reaching_free(g);
}

/* The last one takes @g with it. */
static void tell_all(struct reaching *g, int rc, const char *words)
{
    bool last = false;

    json_close_array(&g->w);
    json_close_object(&g->w);
    if (rc == 0 && buf_error(&g->json)) {
        rc = -ENOMEM;
        words = "core has no memory for the answer";
    }
    while (!last) {
        struct asker *a = LIST_ENTRY(g->askers.next, struct asker, link);

        last = a->link.next == &g->askers;
        control_wait_tell(a->wait, rc ? EXIT_FAILED : EXIT_FINE,
                          rc ? VIEW_NONE : buf_view(&g->json), rc ? words : NULL);
    }
}

void doctor_conversations_on(struct core *c)
{
    struct reaching *g = c->control->reaching;
    const char *words = "core could not do this; see its log";
    int rc = 0;

    if (!g || c->turn->exit_code)
        return;
    core_ask(c);
    rc = core_turn(c);
    rc = rc ? rc : piece(g);
    if (core_asked(c, "control", rc))
        words = "it needs a damaged part of the store: amoctl explain the-store-is-damaged";
    else if (rc)
        core_row_failed(c, "conversations", rc);
    if ((rc || g->over) && !c->turn->exit_code)
        tell_all(g, rc, words);
}

static void reaching_timer(void *arg)
{
    doctor_conversations_on(arg);
}

/* Until it has an asker it is nobody's. */
static struct reaching *reaching_new(struct core *c)
{
    struct reaching *g = mem_zalloc(sizeof(*g));

    if (!g)
        return NULL;
    g->core = c;
    list_init(&g->askers);
    buf_init(&g->json, JSON_MAX);
    begin(g);
    if (loop_add_timer(c->loop, STEP_MS, true, reaching_timer, c, &g->timer)) {
        reaching_free(g);
        return NULL;
    }
    g->timed = true;
    c->control->reaching = g;
    return g;
}

int doctor_conversations(struct control_ask *ask)
{
    struct core *c = ask->core;
    struct reaching *g = c->control->reaching ? c->control->reaching : reaching_new(c);
    struct asker *a = g ? mem_zalloc(sizeof(*a)) : NULL;

    if (!g)
        return -ENOMEM;
    if (a) {
        a->of = g;
        list_init(&a->link);
        a->wait = control_wait_new(c, a, asker_gone);
    }
    if (!a || !a->wait) {
        mem_free(a);
        if (list_is_empty(&g->askers))
            reaching_free(g);
        return control_fail(ask, EXIT_FAILED, CONTROL_TOO_MANY);
    }
    list_add_tail(&g->askers, &a->link);
    ask->wait = a->wait;
    return CONTROL_LATER;
}
