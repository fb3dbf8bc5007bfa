#include "ingress/routes.h"

#include <string.h>

#include "ingress/exchange.h"
#include "ingress/ingress.h"
#include "proto/limits.h"

static void health(struct ingress *in, struct exchange *x)
{
    (void)in;
    exchange_answer(x, 200, "ok\n");
}

static void ready(struct ingress *in, struct exchange *x)
{
    struct buf reasons;

    buf_init(&reasons, 4096);
    if (ingress_ready(in, &reasons)) {
        x->status = 200;
        x->type = "text/plain; charset=utf-8";
        (void)buf_add_str(&x->answer, "ready\n"); /* short; the status says it, too */
        (void)buf_add_view(&x->answer, buf_view(&reasons));
    } else {
        exchange_fault(x, 503, "not_ready", buf_str(&reasons), NULL);
    }
    buf_fini(&reasons);
}

typedef void route_fn(struct ingress *in, struct exchange *x);

/* `*` is one part of the path, kept as the exchange's name. */
static const struct {
    const char *before;
    const char *after; /* NULL: no name in the path */
    enum method method;
    const char *allow;
    route_fn *fn;
} routes[] = {
    {"/messages/",      "",          METHOD_POST, "POST",      amo_route_head          },
    {"/v1/connectors/", "/messages", METHOD_POST, "POST",      connector_route_messages},
    {"/v1/connectors/", "/statuses", METHOD_POST, "POST",      connector_route_statuses},
    {"/healthz",        NULL,        METHOD_GET,  "GET, HEAD", health                  },
    {"/readyz",         NULL,        METHOD_GET,  "GET, HEAD", ready                   },
};

static bool path_fits(struct view path, const char *before, const char *after,
                      struct view *ret_name)
{
    size_t head = strlen(before);
    size_t tail = after ? strlen(after) : 0;

    if (!after)
        return view_is(path, before);
    if (!view_starts(path, before) || path.len <= head + tail ||
        memcmp(path.ptr + path.len - tail, after, tail) != 0)
        return false;
    *ret_name = view_make(path.ptr + head, path.len - head - tail);
    return !memchr(ret_name->ptr, '/', ret_name->len);
}

void routes_head(void *arg, struct exchange *x)
{
    struct ingress *in = arg;

    for (size_t i = 0; i < AMO_COUNT(routes); i++) {
        if (!path_fits(x->path, routes[i].before, routes[i].after, &x->name))
            continue;
        if (x->method == routes[i].method ||
            (x->method == METHOD_HEAD && routes[i].method == METHOD_GET)) {
            routes[i].fn(in, x);
            return;
        }
        x->allow = routes[i].allow;
        exchange_fault(x, 405, "method_not_allowed", "this path takes another method", NULL);
        return;
    }
    exchange_fault(x, 404, "unknown_route", "there is nothing at this path", NULL);
}
