/* amoctl doctor: what support switched on for each channel, and which accounts and connectors are held or paused.
 *
 * From: doctor.c. To: its checks. Holds: nothing. */

#include <inttypes.h>
#include <string.h>

#include "base/config.h"
#include "base/url.h"
#include "core/control/control.h"
#include "core/doctor/doctor.h"
#include "core/doctor/doctor_line.h"
#include "core/model/channel_flags.h"
#include "core/questions/why.h"

/* accounts, connectors of which the same is to be said; more are only counted */
#define LINES_MAX 20

struct flag_check {
    struct json_writer *w;
    struct check check;
    const char *public_url;
    size_t n_fine;
};

static void check_hook(struct flag_check *f, const struct channel_flag *flag)
{
    struct view hook = flag->value;
    struct check c = f->check;

    if (!*f->public_url)
        return;
    c.name = "webhook_url";
    c.action =
        "give support public_url with /messages/:scope_id behind it, or correct public_url";
    c.severity = url_is_below(hook, view_of(f->public_url)) ? SEVERITY_GREEN : SEVERITY_YELLOW;
    if (flag->state != CHANNEL_FLAG_OK) {
        c.severity = SEVERITY_YELLOW;
        check_add(f->w, &c, "the address that support has " URL_PERSON);
        return;
    }
    check_add(f->w, &c, "support sends webhooks to %.*s%s", (int)hook.len, hook.ptr,
              c.severity == SEVERITY_GREEN ? "" : ", which is not below public_url");
}

/* What one may want otherwise is told, and is nobody's fault. */
static void check_flag(void *arg, const struct channel_flag *flag)
{
    struct flag_check *f = arg;

    if (strcmp(flag->flag, "webhook_url_v2") == 0)
        check_hook(f, flag);
    f->n_fine += flag->state == CHANNEL_FLAG_OK;
    if (flag->state == CHANNEL_FLAG_OK)
        return;
    f->check.severity = flag->state == CHANNEL_FLAG_PROBLEM ? SEVERITY_RED : SEVERITY_GREEN;
    f->check.action = "ask support, then amoctl channel add --reply with its new answer";
    check_add(f->w, &f->check, "%s is %.*s: %s", flag->flag, (int)flag->value.len,
              flag->value.ptr, flag->meaning);
}

static int check_flags(struct control_ask *ask, const struct reg_channel *ch, struct view kept)
{
    struct flag_check f = {
        .w = ask->w,
        .public_url = config_text(ask->core->config, "public_url"),
        .check = {.name = "channel", .subject = view_of(ch->id)}
    };
    int rc = channel_flags_each(kept, check_flag, &f);

    f.check.severity = f.n_fine ? SEVERITY_GREEN : SEVERITY_YELLOW;
    f.check.action = "amoctl channel add with support's whole answer";
    if (rc == 0 && f.n_fine)
        check_add(ask->w, &f.check,
                  "%zu flags are as they should be; amoctl channel show tells each", f.n_fine);
    else if (rc == 0)
        check_add(ask->w, &f.check, "support's answer is not known");
    return rc;
}

static int check_channels(struct control_ask *ask)
{
    const struct registry *r = ask->core->turn->registry;
    struct check none = {.name = "channel",
                         .severity = SEVERITY_YELLOW,
                         .action = "amoctl channel add --reply with support's answer"};

    if (r->n_channels == 0)
        check_add(ask->w, &none, "there is no channel yet");
    for (size_t i = 0; i < r->n_channels; i++) {
        struct buf answer;
        int rc = 0;

        buf_init(&answer, 1 << 16);
        rc = store_channel_answer(ask->core->store, view_of(r->channels[i].id), &answer);
        rc = rc ? rc : check_flags(ask, &r->channels[i], buf_view(&answer));
        buf_fini(&answer);
        if (rc)
            return rc;
    }
    return 0;
}

/* Thousands in order are one line; of many that are not, the first have one each. */
struct told {
    size_t n_fine;
    size_t n_held;
    size_t n_paused;
};

/* @d, which is held: why, in words. */
static int add_held(struct control_ask *ask, const struct dest *d, const char *what,
                    struct check *c)
{
    struct buf words;
    int rc = 0;

    buf_init(&words, WHY_MAX);
    if (store_damage(ask->core->store)) /* the answers might be what is damaged */
        (void)buf_add_f(&words, ": %s", hold_reason_words(d->hold));
    else
        rc = why_held(ask->core, d, &words);
    if (rc == 0)
        check_add(ask->w, c, "%s: %s%s", what, hold_reason_name(d->hold), buf_str(&words));
    buf_fini(&words);
    return rc;
}

static int check_account(struct control_ask *ask, const struct reg_scope *s, struct told *t)
{
    const struct dest *d = queue_dest(ask->core->queue, DEST_SCOPE, view_of(s->id));
    struct check c = {.name = "account", .subject = view_of(s->id), .severity = SEVERITY_RED};

    if (d && dest_is_held(d)) {
        c.action = "amoctl explain a-destination-is-held; then amoctl account resume";
        return t->n_held++ < LINES_MAX ? add_held(ask, d, "calls to amojo are held", &c) : 0;
    }
    if (s->disconnected)
        return 0; /* it left: there is nothing to be wrong with */
    t->n_fine += !s->paused;
    if (!s->paused || t->n_paused++ >= LINES_MAX)
        return 0;
    c.severity = SEVERITY_YELLOW;
    c.action = "amoctl account resume, when it is to work again";
    check_add(ask->w, &c, "paused by an operator");
    return 0;
}

static int check_connector(struct control_ask *ask, const struct reg_connector *con,
                           struct told *t)
{
    const struct dest *d = queue_dest(ask->core->queue, DEST_CONNECTOR, view_of(con->name));
    bool held = d && dest_is_held(d);
    struct check c = {
        .name = "connector", .subject = view_of(con->name), .severity = SEVERITY_RED};

    if (!held && !con->off) {
        t->n_fine++;
        return 0;
    }
    if (t->n_held++ >= LINES_MAX)
        return 0;
    c.action = con->off || d->hold == HOLD_GONE
                   ? "fix the service, then run amoctl connector resume"
                   : "amoctl connector test says what is wrong; amoctl connector resume, once "
                     "it is not";
    if (held)
        return add_held(ask, d, "calls to it are held", &c);
    check_add(ask->w, &c, "switched off: the service answered 410");
    return 0;
}

static void add_more(struct control_ask *ask, const char *name, size_t n, enum severity how,
                     const char *words)
{
    struct check c = {
        .name = name, .severity = how, .action = "amoctl account list; amoctl queue"};

    if (n > LINES_MAX)
        check_add(ask->w, &c, "%zu more are %s", n - LINES_MAX, words);
}

static int check_destinations(struct control_ask *ask)
{
    const struct registry *r = ask->core->turn->registry;
    struct check fine = {.name = "account", .severity = SEVERITY_GREEN};
    struct told accounts = {0};
    struct told connectors = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < r->n_scopes; i++)
        rc = check_account(ask, &r->scopes[i], &accounts);
    for (size_t i = 0; rc == 0 && i < r->n_connectors; i++)
        rc = check_connector(ask, &r->connectors[i], &connectors);
    add_more(ask, "account", accounts.n_held, SEVERITY_RED, "held");
    add_more(ask, "account", accounts.n_paused, SEVERITY_YELLOW, "paused");
    add_more(ask, "connector", connectors.n_held, SEVERITY_RED, "held");
    if (accounts.n_fine)
        check_add(ask->w, &fine, "%zu connected, neither paused nor held", accounts.n_fine);
    fine.name = "connector";
    if (connectors.n_fine)
        check_add(ask->w, &fine, "%zu in use, none of them held", connectors.n_fine);
    return rc;
}

int doctor_registry(struct control_ask *ask)
{
    int rc = check_channels(ask);

    return rc ? rc : check_destinations(ask);
}
