/* `amoctl audit`: what operators ordered lately, and what came of it.
 *
 * From: control.c. To: the store, which is only read. Holds: nothing. */

#include <string.h>

#include "base/num.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/questions/when.h"
#include "core/store/peers.h"

#define ROWS_DEFAULT 20
#define ROWS_MAX     200
#define LOOKED       2000 /* rows that one call looks through: about a millisecond */

struct page {
    struct json_writer *w;
    int64_t since_ms;
    struct view verb; /* "account.pause", or the group "account"; "" any */
    struct view user;
    uint64_t limit;
    uint64_t n;
    int64_t looked;
    int64_t last;
};

static bool is_of_verb(struct view verb, struct view wanted)
{
    if (verb.len > wanted.len && verb.ptr[wanted.len] == '.')
        verb.len = wanted.len;
    return !wanted.len || view_equal(verb, wanted);
}

static int add_order(void *arg, const struct store_order *o)
{
    struct page *p = arg;

    if (p->n == p->limit)
        return STORE_E_NONE; /* the page is full */
    p->looked++;
    p->last = o->id;
    /* a clock that went back may have newer ones behind it: all are looked at */
    if (o->at_ms < p->since_ms || !is_of_verb(o->verb, p->verb) ||
        (p->user.len && !view_equal(o->user, p->user)))
        return 0;
    p->n++;
    json_open_object(p->w, NULL);
    json_add_time(p->w, "at", o->at_ms);
    json_add_text(p->w, "user", o->user);
    json_add_text(p->w, "verb", o->verb);
    json_add_text(p->w, "arguments", o->args.len ? o->args : VIEW_NONE);
    json_add_text(p->w, "outcome", o->outcome);
    json_add_text(p->w, "words", o->words);
    json_close_object(p->w);
    return 0;
}

/* "account pause" as it is typed, or "account.pause" as it is written down. */
static int read_verb(struct control_ask *ask, char space[64], struct view *ret)
{
    struct view word = control_arg(ask, "verb");

    if (word.len >= 64)
        return control_fail(ask, EXIT_USAGE, "--verb takes a verb, or a group of verbs");
    for (size_t i = 0; i < word.len; i++)
        space[i] = (char)(word.ptr[i] == ' ' ? '.' : word.ptr[i]);
    *ret = view_make(space, word.len);
#define IS_VERB(symbol, verb, kind, args, answer) is_of_verb(VIEW_LIT(verb), *ret) ||
    if (CONTROL_VERBS(IS_VERB) false)
        return 0;
#undef IS_VERB
    return control_fail(ask, EXIT_USAGE, "no such verb as %.*s; see amoctl --help",
                        (int)word.len, word.ptr);
}

static int read_page(struct control_ask *ask, struct page *p, char space[64],
                     int64_t *ret_before)
{
    struct view page = control_arg(ask, "page");
    int rc = when_read(ask, "since", &p->since_ms);

    rc = rc ? rc : read_verb(ask, space, &p->verb);
    if (rc)
        return rc;
    if (json_get(json_root(ask->args), "limit") &&
        num_parse_range(control_arg(ask, "limit"), 1, ROWS_MAX, &p->limit))
        return control_fail(ask, EXIT_USAGE, "--limit takes a number from 1 to %d", ROWS_MAX);
    if (page.len && (num_parse_i64(page, ret_before) || *ret_before <= 0))
        return control_fail(ask, EXIT_USAGE, "--page takes what the page before has named");
    p->user = control_arg(ask, "user");
    return 0;
}

int verb_audit(struct control_ask *ask)
{
    struct page p = {.w = ask->w, .since_ms = INT64_MIN, .limit = ROWS_DEFAULT};
    int64_t before = INT64_MAX;
    char space[64];
    int rc = read_page(ask, &p, space, &before);

    if (rc)
        return rc;
    json_open_object(ask->w, NULL);
    json_open_array(ask->w, "orders");
    rc = store_orders_walk(ask->core->store, before, LOOKED, add_order, &p);
    json_close_array(ask->w);
    json_add_int(ask->w, "looked_at", p.looked);
    if (rc == STORE_E_NONE || p.looked == LOOKED)
        json_add_int(ask->w, "next", p.last);
    json_close_object(ask->w);
    return rc == STORE_E_NONE ? 0 : rc;
}
