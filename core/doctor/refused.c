/* `amoctl refused`, and what doctor says of it: requests that the ingresses refused lately.
 *
 * From: control.c, doctor.c. To: the caller. Holds: nothing. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/doctor/doctor.h"
#include "core/doctor/doctor_line.h"
#include "core/peers/heard.h"
#include "core/peers/trail.h"

#define LATELY_MS 3600000
#define LINES_MAX 10 /* of doctor; amoctl refused has them all */
#define KNOCKS    3  /* so few, and good ones since: a stranger's, or a slip that was mended */
#define QUIET_MS  600000 /* so long none, and good ones since: it is over */

/* --- the verb ----------------------------------------------------------------------------- */

static void add_row(struct json_writer *w, const struct trail_row *row)
{
    json_open_object(w, NULL);
    json_add_time(w, "last_at", row->last_unix_ms);
    json_add_int(w, "count", (int64_t)row->n);
    json_add_text(w, "kind",
                  row->side == REFUSAL_CHANNEL ? VIEW_LIT("channel") : VIEW_LIT("connector"));
    json_add_text(w, "name", view_of(row->name));
    json_add_int(w, "status", row->status);
    json_add_text(w, "code", view_of(row->code));
    json_add_text(w, "field", *row->field ? view_of(row->field) : VIEW_NONE);
    json_add_text(w, "reason", *row->reason ? view_of(row->reason) : VIEW_NONE);
    json_add_bool(w, "verified", row->verified);
    json_add_time(w, "since", row->since_unix_ms);
    json_add_text(w, "id", *row->id ? view_of(row->id) : VIEW_NONE);
    json_add_text(w, "address", *row->from ? view_of(row->from) : VIEW_NONE);
    json_close_object(w);
}

int verb_refused(struct control_ask *ask)
{
    const struct registry *r = ask->core->turn->registry;
    struct view connector = control_arg(ask, "connector");
    struct view channel = control_arg(ask, "channel");
    enum refusal_side side = channel.len ? REFUSAL_CHANNEL : REFUSAL_CONNECTOR;
    struct view name = channel.len ? channel : connector.len ? connector : VIEW_NONE;
    struct trail t;

    if (channel.len && connector.len)
        return control_fail(ask, EXIT_USAGE, "a channel or a connector, not both");
    if (channel.len && !registry_channel(r, channel))
        return control_unknown(ask, NEAR_CHANNEL, channel);
    if (connector.len && !registry_connector(r, connector))
        return control_unknown(ask, NEAR_CONNECTOR, connector);
    if (trail_read(ask->core, side, name, &t))
        return -ENOMEM;
    json_open_array(ask->w, NULL);
    for (size_t i = 0; i < t.n; i++)
        add_row(ask->w, &t.rows[i]);
    json_close_array(ask->w);
    mem_free(t.rows);
    return EXIT_FINE;
}

/* --- doctor ------------------------------------------------------------------------------- */

static const char *reason_words(const struct trail_row *row)
{
    static const struct {
        const char *reason;
        const char *words;
    } all[] = {
        {"signature",      "the signature does not fit the secret"             },
        {"no_signature",   "they carry no signature"                           },
        {"token",          "the token is not this connector's"                 },
        {"other_token",    "the token is another connector's"                  },
        {"no_proof",       "they carry neither a token nor a signature"        },
        {"timestamp",      "they were signed too long ago, or a clock is wrong"},
        {"missing_header", "a header of the signature is missing"              },
        {"limit",          "a header of the signature is too long"             },
    };

    for (size_t i = 0; i < AMO_COUNT(all); i++) {
        if (strcmp(row->reason, all[i].reason) == 0)
            return all[i].words;
    }
    return row->code;
}

/* "; this connector's token is 34 days old, set by root": how long the bridge has had what does not fit. */
static void add_age(const char *whose, const struct reg_set *set, struct buf *out)
{
    long long minutes = (long long)((clock_unix_ms() - set->ms) / 60000);

    if (set->ms <= 0 || minutes < 0)
        return; /* it is older than this is written down; or the clock went back */
    (void)buf_add_f(out, "; %s is ", whose); /* errors stick in the buf */
    if (minutes >= 2LL * 24 * 60)
        (void)buf_add_f(out, "%lld days", minutes / (24LL * 60));
    else if (minutes >= 120)
        (void)buf_add_f(out, "%lld hours", minutes / 60);
    else
        (void)buf_add_f(out, "%lld min", minutes);
    (void)buf_add_f(out, " old%s%s", set->by && *set->by ? ", set by " : "",
                    set->by ? set->by : "");
}

/* What a signature or token was compared with, and since when nothing fits any more. */
static void add_history(const struct control_ask *ask, const struct trail_row *row,
                        struct buf *out)
{
    const struct registry *r = ask->core->turn->registry;
    bool channel = row->side == REFUSAL_CHANNEL;
    const struct heard_row *heard =
        heard_of(ask->core, channel ? HEARD_CHANNEL : HEARD_CONNECTOR, view_of(row->name));
    const struct reg_channel *ch = channel ? registry_channel(r, view_of(row->name)) : NULL;
    const struct reg_connector *con =
        channel ? NULL : registry_connector(r, view_of(row->name));
    char last[CLOCK_ISO_LEN + 1];

    if (ch && strcmp(row->reason, "signature") == 0)
        add_age("the channel's secret here", &ch->secret_set, out);
    else if (con && strcmp(row->reason, "signature") == 0)
        add_age("the connector's secret here", &con->secret_set, out);
    else if (con && strcmp(row->reason, "token") == 0)
        add_age("the connector's token here", &con->token_set, out);
    if (!heard) {
        (void)buf_add_str(out, "; no good one has come so far");
        return;
    }
    clock_format_iso(heard->last_unix_ms, last);
    (void)buf_add_f(out, "; the last good one came at %s", last);
}

/* "3 …, the first at …, the last at …" */
static void add_line(struct control_ask *ask, struct check *c, const struct trail_row *row,
                     const char *what, const char *why)
{
    char since[CLOCK_ISO_LEN + 1];
    char last[CLOCK_ISO_LEN + 1];

    clock_format_iso(row->since_unix_ms, since);
    clock_format_iso(row->last_unix_ms, last);
    c->subject = view_of(row->name);
    check_add(ask->w, c, "%s refused with %u since %s: %" PRIu64 ", the last at %s%s%s: %s",
              what, row->status, since, row->n, last, *row->from ? " from " : "", row->from,
              why);
}

/* The line about requests that have not proven whose they are. */
static void add_unproven(struct control_ask *ask, struct check *c, const struct trail_row *row,
                         const char *what)
{
    struct buf why;

    buf_init(&why, 1024);
    (void)buf_add_str(&why, reason_words(row));
    add_history(ask, row, &why);
    add_line(ask, c, row, what, buf_str(&why));
    buf_fini(&why);
}

/* What to make of requests that have not proven whose they are. */
enum unproven {
    UNPROVEN_FAULT, /* nothing good has come since */
    UNPROVEN_MIXED, /* good ones come as well: of several processes one may have what is old */
    UNPROVEN_OVER, /* good ones have come since: it is over, or it was a stranger who knocked */
};

static enum unproven unproven_of(const struct control_ask *ask, const struct trail_row *row)
{
    enum heard_kind kind = row->side == REFUSAL_CHANNEL ? HEARD_CHANNEL : HEARD_CONNECTOR;
    const struct heard_row *heard = heard_of(ask->core, kind, view_of(row->name));

    if (!heard || heard->last_unix_ms <= row->last_unix_ms)
        return UNPROVEN_FAULT;
    return row->n <= KNOCKS || clock_unix_ms() - row->last_unix_ms >= QUIET_MS ? UNPROVEN_OVER
                                                                               : UNPROVEN_MIXED;
}

static void check_webhooks(struct control_ask *ask, const struct trail_row *row)
{
    static const char *const what[] = {"amo's webhooks", "good ones come as well; webhooks",
                                       "good ones have come since; webhooks"};
    static const char *const action[] = {
        "amoctl channel secret, if support has given a new one: amo does not send these again; "
        "amoctl explain requests-are-refused",
        "amoctl status: has one of the ingresses an older registry? amo does not send these "
        "again; amoctl explain requests-are-refused",
        NULL};
    enum unproven is = unproven_of(ask, row);
    struct check c = {.name = "webhooks",
                      .severity = is == UNPROVEN_OVER ? SEVERITY_GREEN : SEVERITY_YELLOW,
                      .action = action[is]};

    add_unproven(ask, &c, row, what[is]);
}

static void check_calls(struct control_ask *ask, const struct trail_row *row)
{
    static const char *const what[] = {"the service's calls", "good ones come as well; calls",
                                       "good ones have come since; calls"};
    static const char *const action[] = {
        "give the service its token and secret again (amoctl connector rotate makes new ones): "
        "it does not send these again; amoctl explain requests-are-refused",
        "is the address the service's? Then one of its processes has an old token or secret: "
        "give it the present one. Else it is a stranger's, and nothing is lost; "
        "amoctl explain requests-are-refused",
        NULL};
    enum unproven is = unproven_of(ask, row);
    struct check c = {.name = "calls",
                      .severity = is == UNPROVEN_OVER ? SEVERITY_GREEN : SEVERITY_YELLOW,
                      .action = action[is]};

    add_unproven(ask, &c, row, what[is]);
}

static void check_requests(struct control_ask *ask, const struct trail_row *row)
{
    char why[3 * REFUSAL_TEXT + 64];
    struct check c = {.name = "requests",
                      .severity = SEVERITY_YELLOW,
                      .action = "tell the service's developers: it does not send these again; "
                                "amoctl refused --connector NAME has all kinds"};

    (void)snprintf(why, sizeof(why), "%s%s%s%s%s", row->code, *row->field ? ", field " : "",
                   row->field, *row->id ? "; the last was message " : "", row->id); /* fits */
    add_line(ask, &c, row, "the service's requests", why);
}

/* amo sends once: whatever was refused of it is lost, also what a service would send again. What is refused before
 * anybody looks whose it is may be a stranger's. */
static bool is_lost_webhook(const struct trail_row *row)
{
    return row->side == REFUSAL_CHANNEL &&
           (row->verified || row->status == 413 || row->status == 429 || row->status == 503);
}

static void check_lost(struct control_ask *ask, const struct trail_row *row)
{
    struct check c = {.name = "webhooks",
                      .severity = SEVERITY_YELLOW,
                      .action =
                          "amo does not send these again: have managers look at their chats of "
                          "that time; amoctl explain requests-are-refused"};
    char why[REFUSAL_WORD + 64];

    (void)snprintf(why, sizeof(why), "%s%s", row->code, /* fits */
                   row->verified ? "" : ", before it was known whether they are amo's");
    add_line(ask, &c, row, "amo's webhooks", why);
}

/* Does it lose a message, unless somebody acts? A source of nobody's has lines of its own. */
static bool is_lost(const struct trail_row *row)
{
    return row->verified && row->side == REFUSAL_CONNECTOR &&
           (row->status == 400 || row->status == 409 || row->status == 413 ||
            row->status == 415 || row->status == 422) &&
           strcmp(row->code, "unknown_source") != 0;
}

/* Which of them it is of; NULL none. */
typedef void check_fn(struct control_ask *ask, const struct trail_row *row);
static check_fn *check_of(const struct trail_row *row)
{
    if (row->status == 401 || row->status == 403)
        return row->side == REFUSAL_CHANNEL ? check_webhooks : check_calls;
    if (is_lost_webhook(row))
        return check_lost;
    return is_lost(row) ? check_requests : NULL;
}

/* Those of one check, the latest first. */
static size_t check_rows(struct control_ask *ask, const struct trail *t, check_fn *check)
{
    int64_t now = clock_unix_ms();
    size_t n = 0;

    for (size_t i = 0; i < t->n && n < LINES_MAX; i++) {
        if (check_of(&t->rows[i]) != check || now - t->rows[i].last_unix_ms >= LATELY_MS)
            continue;
        check(ask, &t->rows[i]);
        n++;
    }
    return n;
}

/* --- silence ------------------------------------------------------------------------------ */

static bool has_account(const struct registry *r, const char *channel, const char *connector)
{
    struct view of = view_of(channel ? channel : connector);

    for (size_t i = 0; i < r->n_scopes; i++) {
        const struct reg_scope *s = &r->scopes[i];

        if (!s->disconnected && view_is(of, channel ? s->channel : s->connector))
            return true;
    }
    return false;
}

static bool check_silent(struct control_ask *ask, enum heard_kind kind, const char *name)
{
    const struct heard_row *row = heard_of(ask->core, kind, view_of(name));
    bool channel = kind == HEARD_CHANNEL;
    char since[CLOCK_ISO_LEN + 1];
    int64_t usual = 0;
    struct check c = {.name = "silence",
                      .subject = view_of(name),
                      .severity = SEVERITY_YELLOW,
                      .action = channel
                                    ? "ask somebody to write from amoCRM; amoctl explain "
                                      "nobody-is-heard"
                                    : "does the service run, and does it reach this bridge? "
                                      "amoctl explain nobody-is-heard"};

    /* accounts last: there may be many */
    if (!row || !heard_is_silent(row, clock_unix_ms(), &usual) ||
        !has_account(ask->core->turn->registry, channel ? name : NULL, channel ? NULL : name))
        return false;
    clock_format_iso(row->last_unix_ms, since);
    check_add(ask->w, &c,
              "nothing has come from this %s since %s; at this time of the day it is busy: "
              "%" PRId64 " in two hours",
              channel ? "channel" : "connector", since, usual);
    return true;
}

static void check_silence(struct control_ask *ask)
{
    const struct registry *r = ask->core->turn->registry;
    struct check fine = {.name = "silence", .severity = SEVERITY_GREEN};
    bool sure = !core_clock_doubtful(ask->core);
    size_t n = 0;

    for (size_t i = 0; sure && i < r->n_channels && n < LINES_MAX; i++)
        n += check_silent(ask, HEARD_CHANNEL, r->channels[i].id);
    for (size_t i = 0; sure && i < r->n_connectors && n < LINES_MAX; i++)
        n += check_silent(ask, HEARD_CONNECTOR, r->connectors[i].name);
    if (sure && n == 0)
        check_add(ask->w, &fine,
                  "whoever is usually busy at this time of the day has been heard");
}

int doctor_refused(struct control_ask *ask)
{
    struct check fine = {.name = "requests", .severity = SEVERITY_GREEN};
    size_t n = 0;
    struct trail t;
    int rc = trail_read(ask->core, REFUSAL_CHANNEL, VIEW_NONE, &t);

    if (rc)
        return rc;
    n += check_rows(ask, &t, check_webhooks);
    n += check_rows(ask, &t, check_lost);
    n += check_rows(ask, &t, check_calls);
    n += check_rows(ask, &t, check_requests);
    if (n == 0)
        check_add(ask->w, &fine,
                  "within the hour nothing was refused that its sender would not send again");
    mem_free(t.rows);
    check_silence(ask);
    return 0;
}
