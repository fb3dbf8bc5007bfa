/* What: routes of /_sandbox/, their answers and errors.
 * From: http/exchange, through sandbox.c.
 * To:   setup, manager, client, list, waits, reset.
 * Holds: nothing. */
#include "tools/sandbox/acts/control.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "tools/sandbox/acts/answer.h"
#include "tools/sandbox/acts/waits.h"
#include "tools/sandbox/http/exchange.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/record/counters.h"
#include "tools/sandbox/record/world.h"

static const char prefix[] = "/_sandbox";

static control_fn control_health;
static control_fn control_counters;
static control_fn control_wait;

static const struct {
    const char *method;
    const char *path;
    bool more; /* something may follow */
    control_fn *handle;
} routes[] = {
    {"GET",    "/health",     false, control_health         },
    {"GET",    "/counters",   false, control_counters       },
    {"GET",    "/wait",       false, control_wait           },
    {"GET",    "/settings",   false, control_settings_get   },
    {"PATCH",  "/settings",   false, control_settings_patch },
    {"PUT",    "/settings",   false, control_settings_patch },
    {"POST",   "/channels",   false, control_channels_post  },
    {"PUT",    "/channels",   false, control_channels_post  },
    {"GET",    "/channels",   true,  control_channels_get   },
    {"POST",   "/scopes",     false, control_scopes_post    },
    {"GET",    "/scopes",     false, control_scopes_get     },
    {"POST",   "/connectors", false, control_connectors_post},
    {"PUT",    "/connectors", false, control_connectors_post},
    {"GET",    "/connectors", true,  control_connectors_get },
    {"POST",   "/faults",     false, control_faults_post    },
    {"GET",    "/faults",     false, control_faults_get     },
    {"DELETE", "/faults",     true,  control_faults_delete  },
    {"POST",   "/reset",      false, control_reset          },
};

/* All of them POST: one act, or many. */
static const struct {
    const char *path;
    control_act_fn *act;
} acts[] = {
    {"/manager/writes",       control_manager_write      },
    {"/manager/writes-first", control_manager_write_first},
    {"/manager/reacts",       control_manager_react      },
    {"/manager/types",        control_manager_type       },
    {"/webhooks",             control_webhook            },
    {"/client/writes",        control_client_write       },
    {"/client/statuses",      control_client_report      },
    {"/client/edits",         control_client_edit        },
    {"/client/reacts",        control_client_react       },
    {"/client/types",         control_client_type        },
    {"/client/calls",         control_client_call        },
};

/* Does @path begin with @route, as whole segments? What follows is in @ret_rest. */
static bool control_fits(const char *route, bool more, const char *path, const char **ret_rest)
{
    size_t n = strlen(route);

    if (strncmp(path, route, n) != 0)
        return false;
    if (path[n] == '\0') {
        *ret_rest = path + n;
        return true;
    }
    if (path[n] != '/' || !more)
        return false;
    *ret_rest = path + n + 1;
    return true;
}

/* Let @handle answer, or @act be acted: one of them is given. */
static void control_dispatch(struct sandbox *s, struct exchange *x, control_fn *handle,
                             control_act_fn *act, const char *rest)
{
    struct view raw = exchange_body(x);
    struct control_request q = {.x = x};
    char decoded[256];

    if (view_copy(view_of(rest), decoded, sizeof(decoded))) {
        control_refuse(x, 404, "not_found", "", "no such address");
        return;
    }
    exchange_unescape(decoded);
    q.rest = decoded;
    q.body = raw.len ? jread_parse(raw) : NULL;
    if (raw.len && !q.body)
        control_refuse(x, 400, "not_json", "", "the body is not JSON");
    else if (act)
        control_each(s, &q, act);
    else if (handle)
        handle(s, &q);
    json_object_put(q.body);
}

void control_handle(struct sandbox *s, struct exchange *x)
{
    const char *path = exchange_path(x) + strlen(prefix);
    const char *rest = NULL;
    bool known = false;

    for (size_t i = 0; i < AMO_COUNT(acts); i++) {
        if (strcmp(acts[i].path, path) != 0)
            continue;
        known = true;
        if (strcmp(exchange_method(x), "POST") != 0)
            continue;
        control_dispatch(s, x, NULL, acts[i].act, "");
        return;
    }
    for (size_t i = 0; i < AMO_COUNT(routes); i++) {
        if (!control_fits(routes[i].path, routes[i].more, path, &rest))
            continue;
        known = true;
        if (strcmp(routes[i].method, exchange_method(x)) != 0)
            continue;
        control_dispatch(s, x, routes[i].handle, NULL, rest);
        return;
    }
    if (control_list(s, x, path))
        return;
    if (known)
        control_refuse(x, 405, "wrong_method", "", "not with this method");
    else
        control_refuse(x, 404, "not_found", "", "no such address; see docs/sandbox.md");
}

static void control_health(struct sandbox *s, const struct control_request *q)
{
    struct json_object *o = json_object_new_object();

    jread_add_bool(o, "ok", true);
    jread_add_str(o, "version", AMO_VERSION);
    jread_add_int(o, "now_ms", sandbox_unix_ms(s));
    control_answer(q->x, 200, o);
}

static void control_counters(struct sandbox *s, const struct control_request *q)
{
    control_answer(q->x, 200, counters_json(&s->counters));
}

static void control_wait(struct sandbox *s, const struct control_request *q)
{
    waits_handle(s, q->x);
}

/* A copy of @v with {n} and {c} filled into every string. NULL stands for null. */
