/* What an answer means.
 *
 * From: egress/transfer.c, once a call has ended.
 * To: egress/transfer.c, as outcome and cause of the result.
 * Holds: nothing; pure. */

#include "egress/judge.h"

#include <errno.h>

#include "base/clock.h"
#include "base/num.h"
#include "proto/limits.h"

#define AMOJO   JUDGE_ON(TARGET_AMOJO)
#define WEBHOOK JUDGE_ON(TARGET_WEBHOOK)
#define BOTH    (AMOJO | WEBHOOK)
#define ANY     JUDGE_ANY
#define OWN     JUDGE_ON(FORM_OWN)
#define PAGE    JUDGE_ON(FORM_PAGE)
#define NO_PAGE (~PAGE)
#define MESSAGE (JUDGE_ON(COMMAND_AMO_MESSAGE) | JUDGE_ON(COMMAND_AMO_OUTGOING))
/* calls about a message that amo may not show yet */
#define ABOUT                                                                                  \
    (JUDGE_ON(COMMAND_AMO_STATUS) | JUDGE_ON(COMMAND_AMO_REACTION) | JUDGE_ON(COMMAND_AMO_EDIT))

/* clang-format off */
const struct judge_row judge_table[] = {
    /* no answer */
    {BOTH, ANY, HTTP_NOT_SENT, 0, 0, -1, -1, ANY, OUTCOME_HOLD, CAUSE_CONNECT,
     "nothing was sent: the destination waits, the command loses nothing"},
    {BOTH, ANY, HTTP_PRIVATE, 0, 0, -1, -1, ANY, OUTCOME_HOLD, CAUSE_PRIVATE,
     "nothing was sent: an operator must allow private addresses or mend the name"},
    {BOTH, ANY, HTTP_SENT_TIMEOUT, 0, 0, -1, -1, ANY, OUTCOME_UNKNOWN, CAUSE_TIMEOUT,
     "it may have had its effect; the same key goes again"},
    {BOTH, ANY, HTTP_SENT_CUT, 0, 0, -1, -1, ANY, OUTCOME_UNKNOWN, CAUSE_CUT,
     "it may have had its effect; the same key goes again"},

    /* taken */
    {BOTH, ANY, HTTP_ANSWERED, 200, 299, 1, -1, ANY, OUTCOME_DONE, CAUSE_NONE,
     "taken"},
    {WEBHOOK, ANY, HTTP_ANSWERED, 200, 299, 0, -1, ANY, OUTCOME_UNKNOWN, CAUSE_PROXY,
     "a page: of whoever stands in front of the service, for a while"},
    {AMOJO, ABOUT, HTTP_ANSWERED, 200, 299, 0, -1, PAGE, OUTCOME_UNKNOWN, CAUSE_PROXY,
     "a page: of whoever stands in front of amojo, for a while"},
    {AMOJO, ANY, HTTP_ANSWERED, 200, 299, 0, -1, ANY, OUTCOME_UNKNOWN, CAUSE_UNREADABLE,
     "it proves nothing: no id where one must be, or not amojo's answer"},

    /* curl sent it twice: this answers the second, and what became of the first nobody knows */
    {AMOJO, MESSAGE, HTTP_ANSWERED, 400, 499, -1, 1, ANY, OUTCOME_UNKNOWN, CAUSE_REFUSED,
     "it may be the refusal of our own repeat, or what has changed since"},
    {AMOJO, MESSAGE, HTTP_ANSWERED, 500, 599, -1, 1, ANY, OUTCOME_UNKNOWN, CAUSE_SERVER,
     "its trouble came after the first"},

    /* elsewhere */
    {AMOJO, ANY, HTTP_ANSWERED, 300, 399, -1, -1, ANY, OUTCOME_UNKNOWN, CAUSE_REDIRECT,
     "never followed, the signature covers the path; what is behind it nobody knows"},
    {WEBHOOK, ANY, HTTP_ANSWERED, 300, 399, -1, -1, ANY, OUTCOME_HOLD, CAUSE_REDIRECT,
     "never followed: a proxy's, for a while, or the address is wrong"},

    /* whatever the body says */
    {BOTH, ANY, HTTP_ANSWERED, 410, 410, -1, -1, ANY, OUTCOME_HOLD, CAUSE_GONE,
     "the endpoint is gone: switched off until a person looks"},
    {BOTH, ANY, HTTP_ANSWERED, 413, 413, -1, -1, ANY, OUTCOME_DEAD, CAUSE_REFUSED,
     "too large, and will be: final"},
    {BOTH, ANY, HTTP_ANSWERED, 422, 422, -1, -1, ANY, OUTCOME_DEAD, CAUSE_REFUSED,
     "read, and not acceptable: final"},
    {BOTH, ANY, HTTP_ANSWERED, 429, 429, -1, -1, ANY, OUTCOME_HOLD, CAUSE_THROTTLED,
     "the destination wants less"},
    {WEBHOOK, ANY, HTTP_ANSWERED, 401, 401, -1, -1, ANY, OUTCOME_HOLD, CAUSE_FORBIDDEN,
     "our signature is not taken: about the connector, not about this command"},

    /* a service's own refusal */
    {BOTH, ANY, HTTP_ANSWERED, 408, 408, -1, -1, NO_PAGE, OUTCOME_RETRY, CAUSE_SERVER,
     "too slow for it; the same again"},
    {BOTH, ANY, HTTP_ANSWERED, 425, 425, -1, -1, NO_PAGE, OUTCOME_RETRY, CAUSE_SERVER,
     "too early; the same again"},
    {WEBHOOK, ANY, HTTP_ANSWERED, 400, 499, -1, -1, OWN, OUTCOME_DEAD, CAUSE_REFUSED,
     "final, in the documented form"},

    /* what stands before the remote side, for a while */
    {WEBHOOK, ANY, HTTP_ANSWERED, 402, 403, -1, -1, ANY, OUTCOME_HOLD, CAUSE_FORBIDDEN,
     "not in the service's form: a signature, a guard or an account, not this command"},
    {WEBHOOK, ANY, HTTP_ANSWERED, 404, 404, -1, -1, ANY, OUTCOME_HOLD, CAUSE_NOT_FOUND,
     "not in the service's form: it is not there just now"},
    {BOTH, ANY, HTTP_ANSWERED, 408, 408, -1, -1, PAGE, OUTCOME_RETRY, CAUSE_PROXY,
     "a proxy's page: it waited in vain for the remote side"},
    {BOTH, ANY, HTTP_ANSWERED, 425, 425, -1, -1, PAGE, OUTCOME_RETRY, CAUSE_PROXY,
     "a proxy's page"},
    {WEBHOOK, ANY, HTTP_ANSWERED, 400, 499, -1, -1, ANY, OUTCOME_HOLD, CAUSE_PROXY,
     "not in the service's form: something else has answered"},

    /* amojo's refusals */
    {AMOJO, ANY, HTTP_ANSWERED, 401, 403, -1, -1, ANY, OUTCOME_HOLD, CAUSE_FORBIDDEN,
     "signature, clock or account: about the scope, not about this command"},
    {AMOJO, ABOUT, HTTP_ANSWERED, 404, 404, -1, -1, NO_PAGE, OUTCOME_RETRY, CAUSE_NOT_FOUND,
     "the message may not be visible yet"},
    {AMOJO, ANY, HTTP_ANSWERED, 404, 404, -1, -1, ANY, OUTCOME_HOLD, CAUSE_NOT_FOUND,
     "the channel is not connected (any more): about the scope"},
    {AMOJO, ANY, HTTP_ANSWERED, 400, 499, -1, -1, PAGE, OUTCOME_HOLD, CAUSE_PROXY,
     "a page, and amojo has none: something before it has answered"},
    {AMOJO, ANY, HTTP_ANSWERED, 400, 499, -1, -1, ANY, OUTCOME_DEAD, CAUSE_REFUSED,
     "wrong, or a new message's repeated msgid: core asks the history when it may be that"},

    /* in trouble */
    {BOTH, ANY, HTTP_ANSWERED, 500, 599, -1, -1, PAGE, OUTCOME_RETRY, CAUSE_PROXY,
     "a proxy's page: the remote side is away; the same again, later"},
    {BOTH, ANY, HTTP_ANSWERED, 500, 599, -1, -1, ANY, OUTCOME_RETRY, CAUSE_SERVER,
     "its trouble; the same again, later"},

    /* whatever else calls itself an answer */
    {BOTH, ANY, HTTP_ANSWERED, 0, ~0U, -1, -1, ANY, OUTCOME_UNKNOWN, CAUSE_NOT_HTTP,
     "no status of HTTP: nothing can be concluded"},
};
/* clang-format on */
const size_t judge_n_rows = AMO_COUNT(judge_table);

static bool fits(int wanted, bool is)
{
    return wanted < 0 || (wanted != 0) == is;
}

const struct judge_row *judge(const struct judge_case *c)
{
    for (size_t i = 0; i < judge_n_rows; i++) {
        const struct judge_row *r = &judge_table[i];

        if (!(r->targets & JUDGE_ON(c->target)) || r->end != c->end)
            continue;
        if (r->kinds != JUDGE_ANY && (c->kind > 31 || !(r->kinds & JUDGE_ON(c->kind))))
            continue;
        if (c->end == HTTP_ANSWERED && (c->status < r->low || c->status > r->high))
            continue;
        if (c->end == HTTP_ANSWERED && !(r->forms & JUDGE_ON(c->form)))
            continue;
        if (fits(r->readable, c->readable) && fits(r->resent, c->resent))
            return r;
    }
    return &judge_table[judge_n_rows - 1];
}

static struct view trim(struct view v)
{
    while (v.len && (v.ptr[0] == ' ' || v.ptr[0] == '\t'))
        v = view_make(v.ptr + 1, v.len - 1);
    while (v.len && (v.ptr[v.len - 1] == ' ' || v.ptr[v.len - 1] == '\t'))
        v.len--;
    return v;
}

int64_t judge_retry_after(struct view text, int64_t now_ms)
{
    uint64_t seconds = 0;
    int64_t at_ms = 0;
    int rc = 0;

    text = trim(text);
    rc = num_parse_u64(text, &seconds);
    if (rc == 0 && seconds < (uint64_t)LIMIT_RETRY_AFTER_MS / 1000)
        return (int64_t)seconds * 1000;
    if (rc == 0 || rc == -ERANGE)
        return LIMIT_RETRY_AFTER_MS;
    if (clock_parse_http(text, &at_ms) || at_ms <= now_ms)
        return 0;
    return at_ms - now_ms > LIMIT_RETRY_AFTER_MS ? LIMIT_RETRY_AFTER_MS : at_ms - now_ms;
}

bool judge_skew(struct view date, int64_t middle_ms, int64_t *ret_skew_ms)
{
    int64_t at_ms = 0;

    if (view_empty(date) || clock_parse_http(trim(date), &at_ms))
        return false;
    *ret_skew_ms = at_ms + 500 - middle_ms;
    return true;
}

const char *target_name(enum target t)
{
    switch (t) {
    case TARGET_AMOJO:
        return "amojo";
    case TARGET_WEBHOOK:
        return "webhook";
    }
    return "unknown";
}
