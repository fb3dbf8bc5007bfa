/* How many conversations a verb moves, and whom it cuts off.
 *
 * From: verbs. To: verbs, which refuse or go on. Holds: nothing; what is tried is undone. */

#include "core/control/moves.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "core/deliver/moved.h"
#include "core/intake/echo.h"
#include "core/model/reach.h"
#include "core/peers/peers.h"
#include "core/peers/spools.h"
#include "core/store/reach.h"

struct counting {
    struct core *core;
    const struct registry *next;
    struct moves *m;
};

bool moves_flag(struct control_ask *ask, const char *key)
{
    bool flag = false;

    return json_bool(json_get(json_root(ask->args), key), &flag) && flag;
}

/* The account that ingress would name; NULL nobody, also for a conversation without a number. */
static const struct reg_scope *by_ingress(const struct registry *r,
                                          const struct conversation *of)
{
    bool known = false;

    return of->source[0] ? registry_scope_of_source(r, view_of(of->connector),
                                                    view_of(of->source), &known)
                         : NULL;
}

/* Does it come to another company than before, by this change? */
static bool changes_hands(const struct conversation *of, const struct reg_scope *before,
                          const struct reg_scope *after)
{
    if (!after || (before && strcmp(before->id, after->id) == 0))
        return false;
    return !reach_is_same_account(of->scope, after->id);
}

/* The same number stands in several groups when it had several accounts: named once. When it was heard last is looked
 * for only if somebody is told: that goes through many messages. */
static int name_number(struct moves *m, const struct conversation *of)
{
    int rc = 0;

    if (m->n_named == MOVES_NAMED)
        return 0;
    rc = control_copy(view_of(of->connector), &m->named[m->n_named].connector);
    rc = rc ? rc : control_copy(view_of(of->source), &m->named[m->n_named].source);
    m->n_named++; /* half of it is freed as well */
    return rc;
}

/* The conversations of one number and account; they are counted only if they are somebody else's then. */
static int count_group(struct counting *k, const struct conversation *of)
{
    const struct registry *now = k->core->turn->registry;
    struct reach before = reach_of(now, of);
    struct reach after = reach_of(k->next, of);
    const struct reg_scope *ingress_before = by_ingress(now, of);
    const struct reg_scope *ingress_after = by_ingress(k->next, of);
    bool moves = after.way == REACH_FOLLOWS;
    bool others = changes_hands(of, before.scope, after.scope) ||
                  changes_hands(of, ingress_before, ingress_after);
    bool cut = after.way == REACH_NOBODY && before.way != REACH_NOBODY;
    int64_t after_id = 0;
    int64_t n = 0;
    int rc = 0;

    if (moves || others || cut)
        rc = store_reach_count(k->core->store, of, INT64_MAX, &after_id, &n);
    if (rc)
        return rc;
    k->m->moves += moves ? n : 0;
    k->m->others += others ? n : 0;
    k->m->cut += cut ? n : 0;
    if (ingress_before && !ingress_after && strcmp(ingress_before->id, of->scope) == 0)
        return name_number(k->m, of);
    return 0;
}

static int count_groups(struct counting *k)
{
    struct conversation of = {0};
    int rc = store_reach_next(k->core->store, &of);

    while (rc == 0) {
        rc = count_group(k, &of);
        rc = rc ? rc : store_reach_next(k->core->store, &of);
    }
    conversation_fini(&of);
    return rc == STORE_E_NONE ? 0 : rc;
}

/* Has a number or an account that was somebody's another one, or none, then? Core may have forgotten all
 * conversations of it. */
static bool is_given(const struct registry *now, const struct registry *next)
{
    for (size_t i = 0; i < now->n_sources; i++) {
        const struct reg_source *was = &now->sources[i];
        const struct reg_source *is =
            registry_source(next, view_of(was->connector), view_of(was->source));

        if (!is || strcmp(is->scope, was->scope) != 0)
            return true;
    }
    for (size_t i = 0; i < now->n_scopes; i++) {
        struct view id = view_of(now->scopes[i].id);

        if (registry_scope_connected(now, id) && !registry_scope_connected(next, id))
            return true;
    }
    return false;
}

/* The store stands as @make left it: what is loaded is the registry as it would be. */
static int count_next(struct control_ask *ask, struct moves *m)
{
    struct registry *next = NULL;
    struct counting k = {.core = ask->core, .m = m};
    int rc = store_registry_load(ask->core->store, &ask->core->turn->keys, &next);

    k.next = next;
    rc = rc ? rc : count_groups(&k);
    m->given = rc == 0 && is_given(ask->core->turn->registry, next);
    registry_free(next);
    return rc;
}

int moves_count(struct control_ask *ask, moves_make_fn *make, void *arg, struct moves *ret)
{
    int undone = 0;
    int rc = 0;

    memset(ret, 0, sizeof(*ret));
    ret->dry_run = moves_flag(ask, "dry_run");
    rc = store_savepoint(ask->core->store);
    if (rc)
        return rc;
    rc = make(ask, arg);
    rc = rc ? rc : count_next(ask, ret);
    undone = store_rollback_to(ask->core->store);
    return rc ? rc : undone;
}

void moves_fini(struct moves *m)
{
    for (size_t i = 0; i < m->n_named; i++) {
        mem_free(m->named[i].connector);
        mem_free(m->named[i].source);
    }
    m->n_named = 0;
}

/* A store that was put back learns from the spools what it has forgotten; until then it would take words that
 * have arrived for words of whoever has the number next. Nobody can say that it was not put back: who was
 * told what by a core before is not always known. 0 when nothing is to be waited for. */
static int learning_admitted(struct control_ask *ask)
{
    const struct core *c = ask->core;
    int64_t now = clock_mono_ms();
    const char *missed = spools_missed(c, now);
    const struct peer *p = spools_sending_again(c, NULL, now);
    const char *when = c->queue->full ? "when its queue has room" : "in a few seconds";

    if (missed)
        return control_fail(ask, EXIT_FAILED,
                            "core has just started, and ingress %s, which may have something to"
                            " send again, is not back: try again in a few seconds",
                            missed);
    if (p)
        return control_fail(
            ask, EXIT_FAILED,
            "core has just started, and ingress %s has still to send again %" PRIu64
            " of the %" PRIu64 " events that it may have sent before:"
            " try again %s",
            p->name, spools_left(p), num_max(p->n_again, spools_left(p)), when);
    if (echo_waits_for_spools(c))
        return control_fail(ask, EXIT_FAILED,
                            "core has just started, and some events that ingresses sent again"
                            " wait until core knows whose they are: try again in a few"
                            " seconds");
    return 0;
}

int moves_admitted(struct control_ask *ask, const struct moves *m)
{
    bool learns = (m->moves + m->cut > 0 || m->given) && !m->dry_run;
    int rc = learns ? learning_admitted(ask) : 0;

    if (rc)
        return rc;
    if (m->others == 0 || m->dry_run || m->meant || moves_flag(ask, "move"))
        return 0;
    return control_fail(ask, EXIT_FAILED,
                        "%lld conversation%s of another account would go to this one, and the"
                        " clients' messages with them: --move does it, --dry-run says how many",
                        (long long)m->others, m->others == 1 ? "" : "s");
}

/* "wa1 (last heard …), …" */
static int named_words(struct control_ask *ask, const struct moves *m, struct buf *words)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < m->n_named; i++) {
        char at[CLOCK_ISO_LEN + 1];
        int64_t last_ms = 0;

        rc = store_source_last(ask->core->store, view_of(m->named[i].connector),
                               view_of(m->named[i].source), &last_ms);
        clock_format_iso(last_ms, at);
        (void)buf_add_f(words, "%s%s (last heard %s)", words->len ? ", " : "",
                        m->named[i].source,
                        last_ms ? at : "long ago"); /* a longer list is cut */
    }
    return rc;
}

int moves_cut_admitted(struct control_ask *ask, const struct moves *m)
{
    struct buf words;
    int rc = 0;

    if (m->n_named == 0 || m->dry_run || moves_flag(ask, "yes"))
        return 0;
    buf_init(&words, 600);
    rc = named_words(ask, m, &words);
    rc = rc ? rc
            : control_fail(
                  ask, EXIT_FAILED,
                  "with a second account each source must be listed, and these are not, "
                  "though clients write"
                  " by them: %s%s. amoctl source add each of them first, or --yes: their "
                  "clients are refused"
                  " until you do",
                  buf_str(&words), m->n_named == MOVES_NAMED ? ", perhaps more" : "");
    buf_fini(&words);
    return rc;
}

void moves_end(const struct moves *m, struct control_ask *ask, const char *what)
{
    json_add_int(ask->w, "moves", m->moves);
    json_add_int(ask->w, "cut_off", m->cut);
    if (m->dry_run)
        (void)control_would(ask,
                            "%s; conversations that move with it: %lld, that reach nobody"
                            " from then on: %lld",
                            what, (long long)m->moves, (long long)m->cut);
    else
        json_close_object(ask->w);
}
