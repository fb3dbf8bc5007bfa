/* A fixed table of kinds of refusals, and the lines and figures of each one.
 *
 * From: the listener, when an answer leaves; the calls that refuse one item of a list.
 * To: push, with each heartbeat. Holds: the table. */

#include "ingress/accept/trail.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ingress/accept/registry_copy.h"
#include "ingress/http/guard.h"
#include "ingress/http/metrics.h"
#include "ingress/http/request.h"
#include "ingress/ingress.h"
#include "proto/limits.h"
#include "proto/registry.h"

#define HOUR_MS 3600000
#define ROW_MAX (256U + TRAIL_NAME + 2 * REFUSAL_WORD + 3 * REFUSAL_TEXT) /* bytes, packed */

void trail_init(struct trail *t)
{
    memset(t, 0, sizeof(*t));
    buf_init(&t->text, (size_t)REFUSAL_ROWS * ROW_MAX);
}

void trail_fini(struct trail *t)
{
    buf_fini(&t->text);
}

/* --- the table ---------------------------------------------------------------------------- */

static bool is_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* No stranger can cause it: 403 takes the good token of another connector. */
static bool is_proven(bool verified, unsigned status)
{
    return verified || status == 403;
}

static bool is_of(const struct trail_row *row, const struct trail_what *w)
{
    return row->n && row->side == w->side &&
           is_proven(row->verified, row->status) == is_proven(w->verified, w->status) &&
           view_is(w->name, row->name);
}

static bool is_kind(const struct trail_row *row, const struct trail_what *w)
{
    return is_of(row, w) && row->verified == w->verified && row->status == w->status &&
           is_same(row->code, w->code) && is_same(row->field, w->field) &&
           is_same(row->reason, w->reason);
}

static bool is_older(const struct trail_row *row, const struct trail_row *than)
{
    return !than || row->last_unix_ms < than->last_unix_ms;
}

/* Its row; else one that is free, or whose kind makes room. NULL: there is none for it. */
static struct trail_row *row_of(struct trail *t, const struct trail_what *w)
{
    struct trail_row *free_row = NULL;
    struct trail_row *own = NULL;
    struct trail_row *strange = NULL;
    struct trail_row *oldest = NULL;
    size_t n_own = 0;

    for (size_t i = 0; i < TRAIL_ROWS; i++) {
        struct trail_row *row = &t->rows[i];

        if (is_kind(row, w))
            return row;
        if (!row->n) {
            free_row = row;
            continue;
        }
        if (is_of(row, w)) {
            n_own++;
            own = is_older(row, own) ? row : own;
        }
        if (!is_proven(row->verified, row->status))
            strange = is_older(row, strange) ? row : strange;
        oldest = is_older(row, oldest) ? row : oldest;
    }
    if (n_own >= TRAIL_OF_ONE)
        return own;
    if (free_row)
        return free_row;
    return strange || !is_proven(w->verified, w->status) ? strange : oldest;
}

/* Ids are whatever somebody sends: a sign that could break a line is shown as '_'. */
static void copy_plain(struct view v, char to[REFUSAL_TEXT + 1])
{
    size_t n = 0;

    for (; n < v.len && n < REFUSAL_TEXT; n++)
        to[n] = (char)(v.ptr[n] > ' ' && v.ptr[n] <= '~' ? v.ptr[n] : '_');
    to[n] = '\0';
}

static void row_begin(struct trail_row *row, const struct trail_what *w)
{
    memset(row, 0, sizeof(*row));
    memcpy(row->name, w->name.ptr, w->name.len);
    row->side = w->side;
    row->status = w->status;
    row->code = w->code;
    row->field = w->field;
    row->reason = w->reason;
    row->verified = w->verified;
}

void trail_note(struct trail *t, const struct trail_what *w, int64_t now_unix_ms)
{
    struct trail_row *row = NULL;

    if (w->name.len == 0 || w->name.len > TRAIL_NAME)
        return;
    row = row_of(t, w);
    if (!row)
        return;
    if (!is_kind(row, w))
        row_begin(row, w);
    if (!row->n || now_unix_ms - row->last_unix_ms >= HOUR_MS) {
        row->n = 0;
        row->since_unix_ms = now_unix_ms;
    }
    row->n++;
    row->last_unix_ms = now_unix_ms;
    copy_plain(w->id, row->id);
    copy_plain(view_of(w->from), row->from);
    row->told = false;
}

/* --- to core ------------------------------------------------------------------------------ */

static int row_pack(const struct trail_row *row, struct buf *out)
{
    const struct refusal r = {.side = row->side,
                              .name = view_of(row->name),
                              .status = row->status,
                              .code = view_of(row->code),
                              .field = view_of(row->field),
                              .reason = view_of(row->reason),
                              .verified = row->verified,
                              .id = *row->id ? view_of(row->id) : VIEW_NONE,
                              .from = *row->from ? view_of(row->from) : VIEW_NONE,
                              .n = row->n,
                              .since_ms = row->since_unix_ms,
                              .last_ms = row->last_unix_ms};

    return refusals_add(out, &r);
}

/* @ret: the first rows that are new, then one in its turn. */
static size_t rows_to_tell(struct trail *t, struct trail_row *ret[REFUSAL_ROWS])
{
    size_t n = 0;

    for (size_t i = 0; i < TRAIL_ROWS && n < REFUSAL_ROWS - 1; i++) {
        if (t->rows[i].n && !t->rows[i].told)
            ret[n++] = &t->rows[i];
    }
    for (size_t i = 0; i < TRAIL_ROWS; i++) {
        struct trail_row *row = &t->rows[t->next];

        t->next = (t->next + 1) % TRAIL_ROWS;
        if (!row->n || !row->told)
            continue;
        ret[n++] = row;
        break;
    }
    return n;
}

struct view trail_text(struct trail *t)
{
    struct trail_row *rows[REFUSAL_ROWS];
    size_t n = rows_to_tell(t, rows);
    int rc = 0;

    buf_reset(&t->text);
    if (n == 0)
        return VIEW_NONE;
    rc = refusals_begin(&t->text, n);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = row_pack(rows[i], &t->text);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rows[i]->told = true;
    return rc ? VIEW_NONE : buf_view(&t->text);
}

void trail_again(struct trail *t)
{
    for (size_t i = 0; i < TRAIL_ROWS; i++)
        t->rows[i].told = false;
}

/* --- one refusal -------------------------------------------------------------------------- */

/* Whom it is about: false when the registry knows nobody of this name. */
static bool who_of(const struct ingress *in, const struct request *x, struct trail_what *ret)
{
    const struct registry *r = in->registry ? registry_copy_get(in->registry) : NULL;
    const struct reg_channel *ch = NULL;
    const struct reg_connector *c = NULL;

    if (!r || !x->name.ptr)
        return false;
    if (x->source == SOURCE_AMOJO)
        ch = registry_channel(r, registry_scope_channel(x->name));
    else if (x->source == SOURCE_CONNECTOR)
        c = registry_connector(r, x->name);
    ret->side = ch ? REFUSAL_CHANNEL : REFUSAL_CONNECTOR;
    ret->name = ch ? view_of(ch->id) : c ? view_of(c->name) : VIEW_NONE;
    /* the token was good, but another connector's: it was not the one in the path */
    ret->verified = x->trusted && x->status != 403;
    return ch || c;
}

/* Of senders the lines of what was not verified have a budget of their own, which strangers may use up. */
static struct view budget_of(const struct trail_what *w, char space[TRAIL_NAME + 2])
{
    struct view name = view_cut(w->name, TRAIL_NAME);

    memcpy(space, name.ptr, name.len);
    space[name.len] = '?';
    return view_make(space, name.len + (w->verified ? 0 : 1));
}

/* warn: it is lost unless somebody acts. What a service is to send again, and what a stranger may have sent to a
 * connector, is info; amo sends nothing again. */
static enum log_level level_of(const struct trail_what *w)
{
    bool again = w->status == 429 || w->status == 503;

    if (w->side == REFUSAL_CONNECTOR && (again || !w->verified))
        return LOG_LEVEL_INFO;
    return LOG_LEVEL_WARN;
}

static bool is_of_source(const struct trail_what *w)
{
    return is_same(w->code, "unknown_source") || is_same(w->code, "no_account");
}

static void refusal_line(const struct ingress *in, const struct request *x,
                         const struct trail_what *w)
{
    const struct registry *r = registry_copy_get(in->registry);
    const char *what = is_of_source(w) ? "source.refused" : "webhook.refused";
    char budget[TRAIL_NAME + 2];
    char scope[LOG_VALUE_MAX];
    char name[LOG_VALUE_MAX];
    char id[LOG_VALUE_MAX];

    if (w->side == REFUSAL_CHANNEL)
        log_often(level_of(w), what, budget_of(w, budget),
                  "channel=%s scope=%s status=%u code=%s reason=%s verified=%s id=%s from=%s",
                  log_value(w->name, name),
                  log_value(registry_scope(r, x->name) ? x->name : VIEW_NONE, scope), w->status,
                  w->code, w->reason ? w->reason : "-", w->verified ? "yes" : "no",
                  log_value(w->id, id), w->from);
    else
        log_often(level_of(w), what, budget_of(w, budget),
                  "connector=%s status=%u code=%s field=%s reason=%s verified=%s id=%s from=%s",
                  log_value(w->name, name), w->status, w->code, w->field ? w->field : "-",
                  w->reason ? w->reason : "-", w->verified ? "yes" : "no", log_value(w->id, id),
                  w->from);
}

static void note(struct ingress *in, const struct request *x, struct trail_what *w)
{
    char from[ADDRESS_TEXT];

    w->from = address_format(&x->origin, from);
    metrics_count_refused(in->metrics, (int)x->source, w->status, w->name);
    trail_note(in->trail, w, clock_unix_ms());
    if (!x->logged)
        refusal_line(in, x, w);
}

struct view trail_tell(void *arg)
{
    const struct ingress *in = arg;

    return trail_text(in->trail);
}

void trail_request(void *arg, const struct request *x)
{
    struct ingress *in = arg;
    struct trail_what w = {.status = x->status,
                           .code = x->code ? x->code : "-",
                           .field = x->field,
                           .reason = x->reason};

    if (x->asks && x->status == 404)
        return; /* that is an answer */
    if (!who_of(in, x, &w))
        return;
    w.id = *x->about ? view_of(x->about) : x->id.len ? x->id : x->webhook_id;
    note(in, x, &w);
}

void trail_item(struct ingress *in, const struct request *x, unsigned status, const char *code,
                const char *field, struct view id)
{
    struct trail_what w = {.status = status, .code = code, .field = field, .id = id};

    if (who_of(in, x, &w))
        note(in, x, &w);
}
