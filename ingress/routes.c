/* The table of routes: which path and method goes to which function.
 *
 * From: the listener, once the head of a request is complete.
 * To: the route function of the path, in amojo/ or connector/; health and readiness are
 * answered here.
 * Holds: nothing. */

#include "ingress/routes.h"

#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "ingress/amojo/route.h"
#include "ingress/connector/connector.h"
#include "ingress/http/request.h"
#include "ingress/ingress.h"

static void health(struct ingress *in, struct request *x)
{
    (void)in;
    request_answer(x, 200, "ok\n");
}

static void ready(struct ingress *in, struct request *x)
{
    struct buf reasons;

    buf_init(&reasons, 4096);
    if (ingress_ready(in, &reasons)) {
        x->status = 200;
        x->type = "text/plain; charset=utf-8";
        (void)buf_add_str(&x->answer, "ready\n"); /* short; the status says it, too */
        (void)buf_add_view(&x->answer, buf_view(&reasons));
    } else {
        request_fault(x, 503, "not_ready", buf_str(&reasons), NULL);
    }
    buf_fini(&reasons);
}

typedef void route_fn(struct ingress *in, struct request *x);

#define CONNECTORS "/v1/connectors/"
#define READS      "GET, HEAD"

/* `before` name `after` id: parts of the path that have no '/', kept with the request. */
static const struct route {
    const char *before;
    const char *after; /* NULL: no name in the path */
    bool id;           /* an id follows */
    const char *allow;
    route_fn *get; /* NULL: another method; HEAD goes with GET */
    route_fn *post;
    route_fn *patch;
} routes[] = {
  /* clang-format off */
    {"/messages/", "",            false, "POST",         NULL,                  amo_route_head,            NULL},
    {CONNECTORS,   "/messages",   false, "POST",         NULL,                  connector_route_messages,  NULL},
    {CONNECTORS,   "/messages/",  true,  READS ", PATCH", connector_route_query, NULL,                     connector_route_edit},
    {CONNECTORS,   "/statuses",   false, "POST",         NULL,                  connector_route_statuses,  NULL},
    {CONNECTORS,   "/reactions",  false, "POST",         NULL,                  connector_route_reactions, NULL},
    {CONNECTORS,   "/typing",     false, "POST",         NULL,                  connector_route_typing,    NULL},
    {"/healthz",   NULL,          false, READS,          health,                NULL,                      NULL},
    {"/readyz",    NULL,          false, READS,          ready,                 NULL,                      NULL},
  /* clang-format on */
};

/* Whom a request is for that no route takes, so that it is not refused in silence. */
static void name_asker(struct request *x, bool of_connector)
{
    size_t head = strlen(CONNECTORS);
    const char *slash = NULL;
    struct view rest;

    x->source = of_connector ? SOURCE_CONNECTOR : SOURCE_AMOJO;
    if (x->name.ptr)
        return;
    rest = view_make(x->path.ptr + head, x->path.len - head);
    slash = rest.len ? memchr(rest.ptr, '/', rest.len) : NULL;
    x->name = slash ? view_make(rest.ptr, (size_t)(slash - rest.ptr)) : rest;
}

/* Splits @path at the fixed parts. @ret_id is as sent. */
static bool path_fits(const struct route *r, struct view path, struct view *ret_name,
                      struct view *ret_id)
{
    size_t head = strlen(r->before);
    struct view rest;
    const char *slash = NULL;
    size_t n = 0;

    if (!r->after)
        return view_is(path, r->before);
    if (!view_starts(path, r->before))
        return false;
    rest = view_make(path.ptr + head, path.len - head);
    slash = rest.len ? memchr(rest.ptr, '/', rest.len) : NULL;
    n = slash ? (size_t)(slash - rest.ptr) : rest.len;
    *ret_name = view_make(rest.ptr, n);
    rest = view_make(rest.ptr + n, rest.len - n);
    if (n == 0 || !view_starts(rest, r->after))
        return false;
    n = strlen(r->after);
    *ret_id = view_make(rest.ptr + n, rest.len - n);
    return r->id ? ret_id->len > 0 && !memchr(ret_id->ptr, '/', ret_id->len) : ret_id->len == 0;
}

/* Takes %XX for the byte it stands for. What is escaped wrongly, or is no text, is no id: it stays
 * empty, and whoever looks at it says so. */
static void take_id(struct request *x, struct view sent)
{
    size_t len = 0;

    x->id = VIEW_LIT("");
    for (size_t i = 0; i < sent.len; i++) {
        unsigned char c = (unsigned char)sent.ptr[i];

        if (c == '%') {
            if (sent.len - i < 3 || crypto_unhex(view_make(sent.ptr + i + 1, 2), &c))
                return;
            i += 2;
        }
        if (len == sizeof(x->id_buf))
            return;
        x->id_buf[len++] = (char)c;
    }
    if (json_utf8_valid(view_make(x->id_buf, len)))
        x->id = view_make(x->id_buf, len);
}

static route_fn *method_fn(const struct route *r, enum method method)
{
    switch (method) {
    case METHOD_GET:
    case METHOD_HEAD:
        return r->get;
    case METHOD_POST:
        return r->post;
    case METHOD_PATCH:
        return r->patch;
    case METHOD_OTHER:
        break;
    }
    return NULL;
}

void routes_head(void *arg, struct request *x)
{
    struct ingress *in = arg;

    for (size_t i = 0; i < AMO_COUNT(routes); i++) {
        struct view id = VIEW_NONE;
        route_fn *fn = NULL;

        if (!path_fits(&routes[i], x->path, &x->name, &id))
            continue;
        fn = method_fn(&routes[i], x->method);
        if (!fn) {
            x->allow = routes[i].allow;
            if (routes[i].after)
                name_asker(x, strcmp(routes[i].before, CONNECTORS) == 0);
            request_fault(x, 405, "method_not_allowed", "this path takes another method", NULL);
            return;
        }
        take_id(x, id);
        fn(in, x);
        return;
    }
    x->name = VIEW_NONE;
    if (view_starts(x->path, CONNECTORS))
        name_asker(x, true);
    request_fault(x, 404, "unknown_route", "there is nothing at this path", NULL);
}
