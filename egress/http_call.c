/* One call: an easy handle, the request, the answer.
 *
 * From: egress/transfer.c fills the request in.
 * To: curl; back through the callbacks below into the answer.
 * Holds: the request's bytes until the call is over (curl does not copy them). */

#include "egress/http_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/url.h"
#include "egress/address.h"
#include "proto/limits.h"

/* what is kept of one header's value */
#define HEADER_VALUE_MAX  512
/* an idle call keeps its buffers up to this size */
#define KEEP_BYTES        65536
/* curl takes 64 KiB for sending by default, for each handle that ever sent over TLS */
#define SEND_BUFFER_BYTES 16384L
/* seconds a resolved name is good for */
#define DNS_CACHE_S       60L
/* so long a name is asked for IPv4 alone after it did not resolve in time */
#define IPV4_ALONE_MS     600000

static size_t on_body(char *bytes, size_t size, size_t n, void *arg);
static bool is_html(struct view type)
{
    static const char html[] = "text/html";

    while (type.len && (unsigned char)type.ptr[0] <= ' ')
        type = view_make(type.ptr + 1, type.len - 1);
    return type.len >= sizeof(html) - 1 && strncasecmp(type.ptr, html, sizeof(html) - 1) == 0;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *arg);
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to);
static int on_resolver_start(void *resolver, void *reserved, void *arg);
static int on_send(void *arg, char *remote_ip, char *local_ip, int remote_port, int local_port);

static CURLcode first_error(CURLcode a, CURLcode b)
{
    return a != CURLE_OK ? a : b;
}

static int error_of(CURLcode rc)
{
    if (rc == CURLE_OK)
        return 0;
    return rc == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EIO;
}

static CURLcode set_number(CURL *easy, CURLoption option, long value)
{
    return curl_easy_setopt(easy, option, value);
}

static CURLcode set_text(CURL *easy, CURLoption option, const char *value)
{
    return curl_easy_setopt(easy, option, value);
}

static CURLcode set_pointer(CURL *easy, CURLoption option, void *value)
{
    return curl_easy_setopt(easy, option, value);
}

static CURLcode set_numbers(CURL *easy)
{
    static const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        {CURLOPT_QUICK_EXIT,        1                      }, /* a resolver thread that hangs must not hang us with it */
        {CURLOPT_NOSIGNAL,          1                      },
        {CURLOPT_FOLLOWLOCATION,    0                      },
        {CURLOPT_HTTP_VERSION,      CURL_HTTP_VERSION_1_1  },
        {CURLOPT_PATH_AS_IS,        1                      }, /* what is signed is what is sent */
        {CURLOPT_SSL_VERIFYPEER,    1                      },
        {CURLOPT_SSL_VERIFYHOST,    2                      },
        {CURLOPT_SSLVERSION,        CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER_BYTES      },
    };
    CURLcode rc = CURLE_OK;

    for (size_t i = 0; i < AMO_COUNT(numbers); i++)
        rc = first_error(rc, set_number(easy, numbers[i].option, numbers[i].value));
    return rc;
}

static CURLcode set_texts(struct http_call *c)
{
    CURLcode rc = CURLE_OK;

    /* the environment has no say in where signed calls go */
    rc = first_error(rc, set_text(c->easy, CURLOPT_PROXY, ""));
    /* a CAPATH beside it switches curl's cache of the parsed bundle off */
    rc = first_error(rc, set_text(c->easy, CURLOPT_CAPATH, NULL));
    rc = first_error(rc, set_text(c->easy, CURLOPT_CAINFO, c->http->ca_file));
    return first_error(rc,
                       set_text(c->easy, CURLOPT_USERAGENT, "amo-message-server/" AMO_VERSION));
}

/* NOLINTNEXTLINE(readability-function-cognitive-complexity): curl checks types in macros */
static CURLcode set_callbacks(struct http_call *c)
{
    static const CURLoption data[] = {
        CURLOPT_PRIVATE,        CURLOPT_WRITEDATA,           CURLOPT_HEADERDATA,
        CURLOPT_OPENSOCKETDATA, CURLOPT_RESOLVER_START_DATA, CURLOPT_PREREQDATA,
    };
    CURL *e = c->easy;
    CURLcode rc = curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);

    rc = first_error(rc, curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header));
    rc = first_error(rc, curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket));
    rc = first_error(rc,
                     curl_easy_setopt(e, CURLOPT_RESOLVER_START_FUNCTION, on_resolver_start));
    rc = first_error(rc, curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_send));
    rc = first_error(rc, set_pointer(e, CURLOPT_ERRORBUFFER, c->error));
    for (size_t i = 0; i < AMO_COUNT(data); i++)
        rc = first_error(rc, set_pointer(e, data[i], c));
    return rc;
}

/* What is the same for every call. */
static int set_for_ever(struct http_call *c)
{
    CURLcode rc = set_numbers(c->easy);

    rc = first_error(rc, set_texts(c));
    return error_of(first_error(rc, set_callbacks(c)));
}

int http_call_new(struct http *h, struct http_call **ret_call)
{
    struct http_call *c = mem_zalloc(sizeof(*c));
    int rc = -ENOMEM;

    if (!c)
        return -ENOMEM;
    list_init(&c->link);
    c->http = h;
    http_request_init(&c->request);
    buf_init(&c->body, LIMIT_ANSWER_BYTES);
    buf_init(&c->status_line, HEADER_VALUE_MAX);
    buf_init(&c->date, HEADER_VALUE_MAX);
    buf_init(&c->retry_after, HEADER_VALUE_MAX);
    c->easy = curl_easy_init();
    if (!c->easy)
        goto out;
    rc = set_for_ever(c);
    if (rc == 0) {
        *ret_call = c;
        c = NULL;
    }
out:
    http_call_free(c);
    return rc;
}

void http_call_free(struct http_call *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    http_request_fini(&c->request);
    buf_fini(&c->body);
    buf_fini(&c->status_line);
    buf_fini(&c->date);
    buf_fini(&c->retry_after);
    mem_free(c);
}

static void shrink(struct buf *b)
{
    size_t max = b->max;

    if (b->cap > KEEP_BYTES) {
        buf_fini(b);
        buf_init(b, max);
    }
    buf_reset(b);
}

void http_call_clear(struct http_call *c)
{
    shrink(&c->body);
    buf_reset(&c->status_line);
    buf_reset(&c->date);
    buf_reset(&c->retry_after);
    c->error[0] = '\0';
    c->n_sent = 0;
    c->must_wait = false;
    c->truncated = false;
    c->html = false;
    c->head_is_whole = false;
    c->refused = NULL;
}

static int add_header(struct http_call *c, const char *line)
{
    struct curl_slist *more = curl_slist_append(c->headers, line);

    if (!more)
        return -ENOMEM;
    c->headers = more;
    return 0;
}

static int set_headers(struct http_call *c)
{
    struct view lines = buf_view(&c->request.headers);
    char line[1024];
    int rc = 0;

    curl_slist_free_all(c->headers);
    c->headers = NULL;
    /* curl would ask before it sends a large body, and wait a second for silence */
    rc = add_header(c, "Expect:");
    while (rc == 0 && lines.len) {
        const char *end = memchr(lines.ptr, '\n', lines.len);
        size_t len = end ? (size_t)(end - lines.ptr) : lines.len;

        rc = view_copy(view_make(lines.ptr, len), line, sizeof(line));
        rc = rc ? rc : add_header(c, line);
        lines = view_make(lines.ptr + len + (end != NULL), lines.len - len - (end != NULL));
    }
    return rc;
}

static void find_host(struct http_call *c)
{
    struct url url = {.is_https = false};
    unsigned char address[16];
    size_t n = 0;

    /* no host without a web address: what has been judged has one */
    (void)url_split(buf_view(&c->request.url), &url);
    n = url.host.len < HTTP_HOST_MAX ? url.host.len : HTTP_HOST_MAX;
    memcpy(c->host, n ? url.host.ptr : "", n);
    c->host[n] = '\0';
    c->literal = c->host[0] == '[' || inet_pton(AF_INET, c->host, address) == 1;
}

static bool is_ipv4_alone(const struct http *h, const char *host)
{
    for (size_t i = 0; i < NAMES_MAX; i++) {
        if (h->names.slots[i].until_ms > clock_mono_ms() &&
            strcasecmp(h->names.slots[i].host, host) == 0)
            return true;
    }
    return false;
}

void http_call_unresolved(const struct http_call *c)
{
    struct names *n = &c->http->names;
    size_t at = n->next;

    for (size_t i = 0; i < NAMES_MAX; i++) {
        if (strcasecmp(n->slots[i].host, c->host) == 0)
            at = i;
    }
    if (is_ipv4_alone(c->http, c->host)) { /* that was not it: both again */
        n->slots[at].until_ms = 0;
        return;
    }
    if (at == n->next)
        n->next = (n->next + 1) % NAMES_MAX;
    memcpy(n->slots[at].host, c->host, sizeof(c->host));
    n->slots[at].until_ms = clock_mono_ms() + IPV4_ALONE_MS;
}

/* A look must see what is there now: no name, connection or certificate of before. */
static CURLcode set_freshness(struct http_call *c)
{
    long fresh = c->request.fresh ? 1 : 0;
    CURLcode rc = set_number(c->easy, CURLOPT_FRESH_CONNECT, fresh);

    rc = first_error(rc, set_number(c->easy, CURLOPT_FORBID_REUSE, fresh));
    rc = first_error(rc, set_number(c->easy, CURLOPT_CERTINFO, fresh));
    return first_error(rc,
                       set_number(c->easy, CURLOPT_DNS_CACHE_TIMEOUT, fresh ? 0 : DNS_CACHE_S));
}

static CURLcode set_method(struct http_call *c)
{
    const struct http_request *q = &c->request;
    bool plain = strcmp(q->method, "GET") == 0 || strcmp(q->method, "POST") == 0;
    /* any other method carries a body as POST does, under its own name */
    CURLcode rc = set_text(c->easy, CURLOPT_CUSTOMREQUEST, plain ? NULL : q->method);

    if (strcmp(q->method, "GET") == 0)
        return first_error(rc, set_number(c->easy, CURLOPT_HTTPGET, 1));
    rc = first_error(rc, set_number(c->easy, CURLOPT_POST, 1));
    /* not copied: ours until the end */
    rc = first_error(rc, set_text(c->easy, CURLOPT_POSTFIELDS, buf_str(&q->body)));
    return first_error(rc, set_number(c->easy, CURLOPT_POSTFIELDSIZE, (long)q->body.len));
}

int http_call_prepare(struct http_call *c, int64_t left_ms)
{
    int64_t connect_ms = c->http->connect_ms < left_ms ? c->http->connect_ms : left_ms;
    bool tls = url_is_https(buf_view(&c->request.url));
    CURLcode code = CURLE_OK;
    int rc = set_headers(c);

    if (rc)
        return rc;
    find_host(c);
    code = set_text(c->easy, CURLOPT_URL, buf_str(&c->request.url));
    /* what the configured address says and nothing else */
    code = first_error(code, set_text(c->easy, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http"));
    code = first_error(code, set_method(c));
    code = first_error(code, set_freshness(c));
    code = first_error(code,
                       set_number(c->easy, CURLOPT_IPRESOLVE,
                                  is_ipv4_alone(c->http, c->host) ? CURL_IPRESOLVE_V4
                                                                  : CURL_IPRESOLVE_WHATEVER));
    code = first_error(code, set_pointer(c->easy, CURLOPT_HTTPHEADER, c->headers));
    code = first_error(code, set_number(c->easy, CURLOPT_TIMEOUT_MS, (long)left_ms));
    code = first_error(code, set_number(c->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms));
    return error_of(code);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct http_call *c = arg;
    size_t len = size * n;
    size_t space = LIMIT_ANSWER_BYTES - c->body.len;

    if (len > space) {
        c->truncated = true;
        (void)buf_add(&c->body, bytes, space); /* the call ends here either way */
        return 0;
    }
    return buf_add(&c->body, bytes, len) ? 0 : len;
}

static void keep_value(struct buf *b, struct view value)
{
    while (value.len && (unsigned char)value.ptr[value.len - 1] <= ' ')
        value.len--;
    while (value.len && (unsigned char)value.ptr[0] <= ' ')
        value = view_make(value.ptr + 1, value.len - 1);
    buf_reset(b);
    (void)buf_add(b, value.ptr, value.len); /* too long reads as empty: not understood */
    if (buf_error(b))
        buf_reset(b);
}

static bool is_header(struct view line, const char *name, struct view *ret_value)
{
    size_t n = strlen(name);

    if (line.len <= n || line.ptr[n] != ':' || strncasecmp(line.ptr, name, n) != 0)
        return false;
    *ret_value = view_make(line.ptr + n + 1, line.len - n - 1);
    return true;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
    struct http_call *c = arg;
    struct view line = view_make(bytes, size * n);
    struct view value = VIEW_NONE;

    if (view_starts(line, "HTTP/")) { /* a new head: what an interim one said is void */
        keep_value(&c->status_line, line);
        buf_reset(&c->date);
        buf_reset(&c->retry_after);
        c->html = false;
        c->head_is_whole = false;
    } else if (line.ptr[0] == '\r' || line.ptr[0] == '\n') {
        c->head_is_whole = true;
    } else if (is_header(line, "date", &value)) {
        keep_value(&c->date, value);
    } else if (is_header(line, "content-type", &value)) {
        c->html = is_html(value);
    } else if (is_header(line, "retry-after", &value)) {
        keep_value(&c->retry_after, value);
    }
    return line.len;
}

/* The name is resolved, and this is what curl is about to dial. */
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct http_call *c = arg;
    int fd = -1;

    (void)purpose;
    (void)dns_gate_leave(&c->http->gate, c); /* an address needed no slot */
    if (c->request.policy == HTTP_POLICY_PUBLIC && !address_is_public(&to->addr)) {
        c->refused = address_network(&to->addr);
        return CURL_SOCKET_BAD;
    }
    fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
    if (fd >= 0)
        c->http->n_connects++;
    /* cppcheck-suppress resourceLeak ; curl owns it from here and closes it */
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int on_resolver_start(void *resolver, void *reserved, void *arg)
{
    struct http_call *c = arg;

    (void)resolver;
    (void)reserved;
    if (c->literal || dns_gate_enter(&c->http->gate, c, c->request.policy, c->host))
        return 0;
    c->must_wait = true;
    return 1;
}

/* NOLINTBEGIN(readability-non-const-parameter): the type is curl's */
/* Connected (or connected already): from here on the other side may have seen the request. */
static int on_send(void *arg, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct http_call *c = arg;

    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    c->n_sent++;
    return CURL_PREREQFUNC_OK;
}
/* NOLINTEND(readability-non-const-parameter) */

static enum http_end end_of(const struct http_call *c, CURLcode result, long status)
{
    bool read = result == CURLE_OK || (result == CURLE_WRITE_ERROR && c->truncated);

    /* curl calls it an answer when the connection ends inside the head */
    if (read && status > 0 && c->head_is_whole)
        return HTTP_ANSWERED;
    if (c->n_sent == 0)
        return c->refused ? HTTP_PRIVATE : HTTP_NOT_SENT;
    return result == CURLE_OPERATION_TIMEDOUT ? HTTP_SENT_TIMEOUT : HTTP_SENT_CUT;
}

static bool is_tls_error(CURLcode result)
{
    return result == CURLE_SSL_CONNECT_ERROR || result == CURLE_PEER_FAILED_VERIFICATION ||
           result == CURLE_SSL_CERTPROBLEM || result == CURLE_SSL_CIPHER ||
           result == CURLE_SSL_CACERT_BADFILE || result == CURLE_SSL_ISSUER_ERROR ||
           result == CURLE_SSL_INVALIDCERTSTATUS;
}

/* Nothing was sent: which step was it that failed? */
static enum stage unsent_stage(const struct http_call *c, CURLcode result)
{
    curl_off_t named = 0;
    curl_off_t connected = 0;

    if (result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL)
        return STAGE_NONE;
    if (result == CURLE_COULDNT_RESOLVE_HOST)
        return STAGE_DNS;
    if (is_tls_error(result))
        return STAGE_TLS;
    /* they only read a number of the handle: cannot fail */
    (void)curl_easy_getinfo(c->easy, CURLINFO_NAMELOOKUP_TIME_T, &named);
    (void)curl_easy_getinfo(c->easy, CURLINFO_CONNECT_TIME_T, &connected);
    if (connected > 0)
        return STAGE_TLS;
    return named > 0 || c->literal ? STAGE_CONNECT : STAGE_DNS;
}

static enum stage stage_of(const struct http_call *c, CURLcode result, enum http_end end)
{
    switch (end) {
    case HTTP_ANSWERED:
        return STAGE_ANSWERED;
    case HTTP_PRIVATE:
        return STAGE_ADDRESS;
    case HTTP_SENT_TIMEOUT:
    case HTTP_SENT_CUT:
        return STAGE_SENT;
    case HTTP_NOT_SENT:
        break;
    }
    return unsent_stage(c, result);
}

/* Why the certificate was not taken; the numbers are OpenSSL's (x509_vfy.h). */
static const char *tls_refused(const struct http_call *c, CURLcode result)
{
    static const struct {
        long number;
        const char *word;
    } reasons[] = {
        {2,  "unknown_authority"},
        {9,  "not_yet_valid"    },
        {10, "expired"          },
        {18, "self_signed"      },
        {19, "self_signed"      },
        {20, "unknown_authority"},
        {21, "unknown_authority"},
        {23, "revoked"          },
    };
    long number = 0;

    if (result != CURLE_PEER_FAILED_VERIFICATION)
        return "handshake";
    (void)curl_easy_getinfo(c->easy, CURLINFO_SSL_VERIFYRESULT, &number);
    for (size_t i = 0; i < AMO_COUNT(reasons); i++) {
        if (reasons[i].number == number)
            return reasons[i].word;
    }
    return strstr(c->error, "name") ? "other_name" : "not_trusted";
}

/* The end of the first certificate: the server's own. */
static int64_t cert_until_ms(const struct http_call *c)
{
    struct curl_certinfo *info = NULL;
    const char *key = "Expire date:";

    if (curl_easy_getinfo(c->easy, CURLINFO_CERTINFO, &info) != CURLE_OK || !info ||
        info->num_of_certs < 1)
        return 0;
    for (const struct curl_slist *i = info->certinfo[0]; i; i = i->next) {
        time_t at = 0;

        if (strncmp(i->data, key, strlen(key)) != 0)
            continue;
        at = curl_getdate(i->data + strlen(key), NULL);
        return at > 0 ? (int64_t)at * 1000 : 0;
    }
    return 0;
}

void http_call_answer(struct http_call *c, CURLcode result, struct http_answer *ret)
{
    long status = 0;

    /* it only reads a number of the handle: cannot fail */
    (void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    *ret = (struct http_answer){
        .end = end_of(c, result, status),
        .truncated = c->truncated,
        .html = c->html,
        .resent = c->n_sent > 1,
        .body = buf_view(&c->body),
        .status_line = buf_view(&c->status_line),
        .date = buf_view(&c->date),
        .retry_after = buf_view(&c->retry_after),
        .words = "",
        .took_ms = clock_mono_ms() - c->began_ms,
    };
    ret->stage = stage_of(c, result, ret->end);
    if (c->request.fresh && ret->stage == STAGE_TLS)
        ret->tls_refused = tls_refused(c, result);
    if (c->request.fresh && c->n_sent)
        ret->cert_until_ms = cert_until_ms(c);
    if (ret->end == HTTP_ANSWERED)
        ret->status = (unsigned)status;
    else if (ret->end == HTTP_PRIVATE)
        ret->words = c->refused;
    else
        ret->words = c->error[0] ? c->error : curl_easy_strerror(result);
}
