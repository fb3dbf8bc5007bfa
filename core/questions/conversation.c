/* Conversations as an operator sees them: one with everything about it, or those that waits are in, or of an
 * account, or of a name.
 *
 * From: control.c. To: the store and the queue, which are only read. Holds: nothing. */

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/model/message.h"
#include "core/questions/kept.h"
#include "core/questions/mask.h"
#include "core/questions/named.h"
#include "core/questions/waiting.h"
#include "proto/limits.h"

#define COUNTED   1000 /* of its newest messages */
#define LAST      20   /* of them are shown */
#define KEPT_US   1000 /* so long it is counted what is kept of it */
#define LIST_MAX  500  /* rows of a list in one turn of core … */
#define LIST_US   3000 /* … and for so long */
#define LANES_MAX 120  /* of a list of those that wait: two a conversation at most */

/* --- one ---------------------------------------------------------------------------------------- */

static int last_messages(struct control_ask *ask, int64_t id)
{
    const struct messages_range range = {
        .of = MESSAGES_OF_CONVERSATION,
        .conversation = id,
        .before = {.taken_ms = INT64_MAX, .id = INT64_MAX}
    };
    struct store *s = ask->core->store;
    struct json_writer *w = ask->w;
    struct message_at at[LAST];
    size_t n = 0;
    int rc = store_messages_newest(s, &range, at, LAST, &n);

    json_open_array(w, "last_messages");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct message m = {0};

        rc = store_message(s, at[i].id, &m);
        if (rc)
            break;
        json_open_object(w, NULL);
        json_add_time(w, "at", m.taken_ms);
        json_add_text(w, "direction", view_of(named_direction(m.direction)));
        json_add_text(w, "type", view_of(m.type));
        json_add_text(w, "state", view_of(message_state_name(m.state)));
        json_add_text(w, "mid", view_of(m.mid));
        json_close_object(w);
        message_fini(&m);
    }
    json_close_array(w);
    return rc == STORE_E_NONE ? 0 : rc;
}

static int counts_json(struct control_ask *ask, int64_t id)
{
    struct message_counts n = {0};
    struct json_writer *w = ask->w;
    int rc = store_messages_count(ask->core->store, id, COUNTED, &n);

    json_open_object(w, "messages");
    json_add_int(w, "counted_among_newest", COUNTED);
    json_add_int(w, "inbound", n.inbound);
    json_add_int(w, "outbound", n.outbound);
    json_add_int(w, "imported", n.imported);
    json_add_time(w, "last_at", n.last_ms);
    json_close_object(w);
    return rc;
}

static int conversation_json(struct control_ask *ask, const struct conversation *c, bool reveal)
{
    struct store *s = ask->core->store;
    struct json_writer *w = ask->w;
    int rc = 0;

    json_open_object(w, NULL);
    named_json(ask->core, c, reveal, w);
    mask_add_phone(w, "contact", view_of(c->contact), reveal);
    json_add_bool(w, "shared", c->shared);
    json_add_text(w, "user_id", view_of(c->user_id));
    json_add_text(w, "user_ref", view_of(c->user_ref));
    json_add_bool(w, "amo_ids_named", c->amo_born && c->user_ref);
    json_open_array(w, "chats");
    rc = store_chats_json(s, c, w);
    json_close_array(w);
    rc = rc ? rc : counts_json(ask, c->id);
    rc = rc ? rc : last_messages(ask, c->id);
    rc = rc ? rc : kept_counts_json(ask->core, c, clock_mono_us() + KEPT_US, w);
    rc = rc ? rc : waiting_of_conversation(ask->core, c->id, w);
    json_close_object(w);
    return rc;
}

int verb_conversation_show(struct control_ask *ask)
{
    struct named named = {.n = 0};
    struct conversation c = {0};
    struct view word = VIEW_NONE;
    bool reveal = false;
    int rc = control_need(ask, "id", &word);

    rc = rc ? rc : named_find(ask, word, &named);
    if (rc)
        return rc;
    if (!named_is_one(&named))
        return named_choose(ask, &named);
    rc = store_conversation(ask->core->store, named.ids[0], &c);
    ask->whose = c.id; /* 0 when it is not there */
    (void)json_bool(json_get(json_root(ask->args), "reveal"), &reveal); /* absent: masked */
    rc = rc ? rc : conversation_json(ask, &c, reveal);
    conversation_fini(&c);
    return rc == STORE_E_NONE ? -EIO : rc;
}

/* --- lists -------------------------------------------------------------------------------------- */

struct listing {
    struct control_ask *ask;
    struct view scope; /* VIEW_NONE any */
    struct view name;  /* "" any */
    bool waiting;      /* only where something waits */
    bool reveal;
    int64_t page; /* 0: from the beginning */
    int64_t until_mono_us;
    int64_t last; /* row */
    size_t n;
};

static int list_row(struct listing *l, const struct conversation *c, const struct waits *waits)
{
    struct core *core = l->ask->core;
    int rc = 0;

    l->n++;
    l->last = c->id;
    json_open_object(l->ask->w, NULL);
    named_json(core, c, l->reveal, l->ask->w);
    rc = waits_json(core, waits, l->ask->w);
    json_close_object(l->ask->w);
    return rc;
}

static int list_one(void *arg, const struct conversation *c)
{
    struct listing *l = arg;
    struct waits waits;
    int rc = 0;

    waits_of(l->ask->core, c->id, &waits);
    rc = list_row(l, c, &waits);
    /* enough for one turn */
    return rc == 0 && clock_mono_us() > l->until_mono_us ? STORE_E_KNOWN : rc;
}

static int list_more(struct listing *l, int64_t page)
{
    return control_fail(l->ask, EXIT_FINE, "there are more: --page %lld", (long long)page);
}

static int list_newest(struct listing *l)
{
    int rc = store_conversations_newest(l->ask->core->store, l->scope,
                                        l->page ? l->page : INT64_MAX, LIST_MAX, list_one, l);

    return rc == STORE_E_KNOWN || (rc == 0 && l->n == LIST_MAX) ? list_more(l, l->last) : rc;
}

static int list_named(struct listing *l)
{
    struct named named = {.n = 0};
    int rc = named_by_name(l->ask->core, l->name, l->page ? l->page : INT64_MAX, &named);

    for (size_t i = 0; rc == 0 && i < named.n; i++) {
        struct conversation c = {0};

        rc = store_conversation(l->ask->core->store, named.ids[i], &c);
        if (rc == 0 && (!l->scope.ptr || view_is(l->scope, c.scope)))
            rc = list_one(l, &c);
        conversation_fini(&c);
        rc = rc == STORE_E_NONE || rc == STORE_E_KNOWN ? 0 : rc;
    }
    if (rc || !named.unnamed)
        return rc;
    return control_fail(l->ask, EXIT_FINE,
                        "looked at the names of %lld conversations; --page %lld goes on",
                        (long long)named.looked, (long long)named.unnamed);
}

/* One conversation in which something waits. */
struct stuck {
    int64_t conversation;
    struct waits waits;
};

static int older_first(const void *a, const void *b)
{
    const struct stuck *x = a;
    const struct stuck *y = b;

    return (x->waits.oldest_s < y->waits.oldest_s) - (x->waits.oldest_s > y->waits.oldest_s);
}

/* The two lanes of a conversation stand together. Lane 1 and below are nobody's. */
static size_t stuck_of_lanes(const struct core *c, const int64_t *lanes, size_t n_lanes,
                             struct stuck *ret)
{
    size_t n = 0;

    for (size_t i = 0; i < n_lanes; i++) {
        int64_t id = lanes[i] / 2;

        if (id == 0 || (n && ret[n - 1].conversation == id))
            continue;
        ret[n].conversation = id;
        waits_of(c, id, &ret[n].waits);
        n += ret[n].waits.n > 0;
    }
    qsort(ret, n, sizeof(*ret), older_first);
    return n;
}

static int list_stuck(struct listing *l, const struct stuck *stuck, size_t n)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct conversation c = {0};

        rc = store_conversation(l->ask->core->store, stuck[i].conversation, &c);
        if (rc == 0 && (!l->scope.ptr || view_is(l->scope, c.scope)))
            rc = list_row(l, &c, &stuck[i].waits);
        conversation_fini(&c);
        rc = rc == STORE_E_NONE ? 0 : rc;
    }
    return rc;
}

static int list_waiting(struct listing *l)
{
    struct core *c = l->ask->core;
    struct stuck *stuck = mem_zalloc_array(LANES_MAX, sizeof(*stuck));
    int64_t lanes[LANES_MAX];
    size_t n = 0;
    int rc = stuck ? store_lanes(c->store, l->page ? 2 * l->page + 1 : 1, lanes, LANES_MAX, &n)
                   : -ENOMEM;

    rc = rc ? rc : list_stuck(l, stuck, stuck_of_lanes(c, lanes, n, stuck));
    mem_free(stuck);
    return rc == 0 && n == LANES_MAX ? list_more(l, lanes[n - 1] / 2) : rc;
}

static int listing_read(struct listing *l)
{
    struct control_ask *ask = l->ask;
    const struct json_node *root = json_root(ask->args);
    struct view scope = control_arg(ask, "scope_id");
    struct view page = control_arg(ask, "page");
    uint64_t number = 0;

    if (scope.len && !registry_scope(ask->core->turn->registry, scope))
        return control_unknown(ask, NEAR_ACCOUNT, scope);
    if (page.len && num_parse_range(page, 1, INT64_MAX / 4, &number))
        return control_fail(ask, EXIT_USAGE, "--page takes what the page before has named");
    l->scope = scope.len ? scope : VIEW_NONE;
    l->name = control_arg(ask, "client");
    l->page = (int64_t)number;
    (void)json_bool(json_get(root, "waiting"), &l->waiting); /* absent: all */
    (void)json_bool(json_get(root, "reveal"), &l->reveal);   /* absent: masked */
    if (l->waiting && l->name.len)
        return control_fail(ask, EXIT_USAGE, "--waiting and --name do not go together");
    return 0;
}

int verb_conversation_list(struct control_ask *ask)
{
    struct listing l = {.ask = ask, .until_mono_us = clock_mono_us() + LIST_US};
    int rc = listing_read(&l);

    if (rc)
        return rc;
    json_open_array(ask->w, NULL);
    rc = l.waiting ? list_waiting(&l) : l.name.len ? list_named(&l) : list_newest(&l);
    json_close_array(ask->w);
    return rc;
}
