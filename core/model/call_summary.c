/* The sentences for what a call came to: no answer, a TLS error, a refused address, an HTTP
 * status of a connector, and the other side's own words. */

#include "core/model/call_summary.h"

#include <inttypes.h>

#include "base/compiler.h"

/* of the other side's own words: the rest is in the document */
#define WORDS_HEARD 512
#define DAY_MS      (INT64_C(24) * 3600 * 1000)

struct view call_summary_heard(const struct result *r)
{
    return view_cut(r->evidence, WORDS_HEARD);
}

int64_t call_summary_cert_days(const struct result *r, int64_t now_ms)
{
    int64_t left = r->cert_until_ms - now_ms;

    return left < 0 ? -1 : left / DAY_MS;
}

/* errors stick in the buf, here and below */
static void add_heard(const struct result *r, struct buf *out)
{
    struct view heard = call_summary_heard(r);

    if (heard.len == 0)
        return;
    (void)buf_add_str(out, " (");
    (void)buf_add_view(out, heard);
    (void)buf_add_char(out, ')');
}

static const char *tls_words(struct view code)
{
    static const struct {
        const char *code;
        const char *words;
    } rows[] = {
        {"expired",           "the certificate has expired"                                      },
        {"not_yet_valid",     "the certificate is not valid yet; or our clock is wrong"          },
        {"self_signed",       "the certificate is self-signed"                                   },
        {"unknown_authority", "the certificate's authority is not in egress/ca_file, or the "
                              "server does not send the whole chain"},
        {"revoked",           "the certificate is revoked"                                       },
        {"other_name",        "the certificate is for another name"                              },
        {"not_trusted",       "the certificate is not trusted"                                   },
    };

    for (size_t i = 0; i < AMO_COUNT(rows); i++) {
        if (view_is(code, rows[i].code))
            return rows[i].words;
    }
    return "connected, but no agreement on TLS: is it https at all?";
}

static void add_sent(const struct result *r, struct buf *out)
{
    if (r->cause == CAUSE_TIMEOUT)
        (void)buf_add_f(out,
                        "too slow: it took the call and gave no answer within %" PRId64 " s",
                        (r->took_ms + 999) / 1000);
    else
        (void)buf_add_str(out, "it took the call and closed the connection without an answer");
}

static void add_address(const char *allow, struct buf *out)
{
    (void)buf_add_str(out, "address: its name leads into a private network, and that is not "
                           "dialled");
    if (allow)
        (void)buf_add_f(out, "; %s", allow);
}

bool call_summary_no_answer(const struct result *r, const char *allow, struct buf *out)
{
    if (r->status)
        return false;
    if (view_is(r->stage, "dns"))
        (void)buf_add_str(out, "DNS: the name in its address was not found");
    else if (view_is(r->stage, "address"))
        add_address(allow, out);
    else if (view_is(r->stage, "connect"))
        (void)buf_add_str(out, "TCP: no connection, it is refused or the host is unreachable");
    else if (view_is(r->stage, "tls"))
        (void)buf_add_f(out, "TLS: %s", tls_words(r->code));
    else if (view_is(r->stage, "sent"))
        add_sent(r, out);
    else if (r->cause == CAUSE_UNREGISTERED)
        (void)buf_add_str(out, "nothing was sent: its address cannot be used (plain http needs "
                               "--allow-private), or the worker does not know it yet");
    else
        (void)buf_add_f(out, "nothing was sent: %s", cause_name(r->cause));
    add_heard(r, out);
    return true;
}

static const char *refusal_words(uint64_t status)
{
    if (status == 401 || status == 403)
        return "the service did not accept our signature: compare the secret on both sides, "
               "and its clock with ours";
    if (status == 410)
        return "the service says that it is gone: it wants no calls at this address any more";
    if (status >= 200 && status < 300)
        return "it answered with a page, as no service does: something in front of the "
               "service answered in its place";
    if (status >= 300 && status < 400)
        return "it redirects, and a redirect is never followed: name the final address";
    if (status == 404)
        return "there is nothing at this address: look at the url's path";
    if (status == 429)
        return "the service wants fewer calls: try again later";
    if (status >= 400 && status < 500)
        return "the service refused the test";
    return status >= 500 ? "the service is in trouble" : "that is no answer of HTTP";
}

void call_summary_connector(const struct result *r, struct buf *out)
{
    if (call_summary_no_answer(r, "amoctl connector add --allow-private would allow it", out))
        return;
    if (r->outcome == OUTCOME_DONE) {
        (void)buf_add_f(out, "it answered %" PRIu64 " in %" PRId64 " ms", r->status,
                        r->took_ms);
        return;
    }
    (void)buf_add_f(out, "%s: status %" PRIu64 " after %" PRId64 " ms",
                    refusal_words(r->status), r->status, r->took_ms);
    add_heard(r, out);
}
