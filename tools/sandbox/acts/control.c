/* What: routes of /_sandbox/, their answers and errors.
 * From: http/request, through sandbox.c.
 * To:   setup, manager, client, list, waits, reset.
 * Holds: nothing. */
#include "tools/sandbox/acts/control.h"

#include <string.h>

#include "base/buf.h"
#include "tools/sandbox/acts/list.h"
#include "tools/sandbox/http/request.h"
#include "tools/sandbox/record/counters.h"
#include "tools/sandbox/record/world.h"

static const char prefix[] = "/_sandbox";

static control_fn control_health;
static control_fn control_counters;

static const struct {
    const char *method;
    const char *path;
    bool more; /* something may follow */
    control_fn *handle;
    act_fn *act; /* one act, or many: instead of handle */
} routes[] = {
    {"GET",    "/health",               false, control_health,          NULL                   },
    {"GET",    "/counters",             false, control_counters,        NULL                   },
    {"GET",    "/wait",                 false, control_wait,            NULL                   },
    {"GET",    "/settings",             false, control_settings_get,    NULL                   },
    {"PATCH",  "/settings",             false, control_settings_patch,  NULL                   },
    {"PUT",    "/settings",             false, control_settings_patch,  NULL                   },
    {"POST",   "/channels",             false, control_channels_post,   NULL                   },
    {"PUT",    "/channels",             false, control_channels_post,   NULL                   },
    {"GET",    "/channels",             true,  control_channels_get,    NULL                   },
    {"POST",   "/scopes",               false, control_scopes_post,     NULL                   },
    {"GET",    "/scopes",               false, control_scopes_get,      NULL                   },
    {"POST",   "/connectors",           false, control_connectors_post, NULL                   },
    {"PUT",    "/connectors",           false, control_connectors_post, NULL                   },
    {"GET",    "/connectors",           true,  control_connectors_get,  NULL                   },
    {"POST",   "/faults",               false, control_faults_post,     NULL                   },
    {"GET",    "/faults",               false, control_faults_get,      NULL                   },
    {"DELETE", "/faults",               true,  control_faults_delete,   NULL                   },
    {"POST",   "/reset",                false, control_reset,           NULL                   },
    {"POST",   "/manager/writes",       false, NULL,                    act_manager_write      },
    {"POST",   "/manager/writes-first", false, NULL,                    act_manager_write_first},
    {"POST",   "/manager/reacts",       false, NULL,                    act_manager_react      },
    {"POST",   "/manager/types",        false, NULL,                    act_manager_type       },
    {"POST",   "/webhooks",             false, NULL,                    act_webhook            },
    {"POST",   "/client/writes",        false, NULL,                    act_client_write       },
    {"POST",   "/client/statuses",      false, NULL,                    act_client_report      },
    {"POST",   "/client/edits",         false, NULL,                    act_client_edit        },
    {"POST",   "/client/reacts",        false, NULL,                    act_client_react       },
    {"POST",   "/client/types",         false, NULL,                    act_client_type        },
    {"POST",   "/client/calls",         false, NULL,                    act_client_call        },
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
static void control_dispatch(struct control_request q, control_fn *handle, act_fn *act)
{
    struct view raw = request_body(q.x);
    struct json_object *o = NULL;
    char decoded[256];

    if (view_copy(view_of(q.rest), decoded, sizeof(decoded))) {
        control_refuse(q.x, 404, "not_found", "", "no such address");
        return;
    }
    request_unescape(decoded);
    q.rest = decoded;
    q.body = raw.len ? jread_parse(raw) : NULL;
    if (raw.len && !q.body)
        control_refuse(q.x, 400, "not_json", "", "the body is not JSON");
    else
        o = act ? control_each(&q, act) : handle(&q);
    if (o)
        control_answer(q.x, 200, o);
    json_object_put(q.body);
}

void control_handle(struct sandbox *s, struct request *x)
{
    struct control_request q = {.sandbox = s, .x = x};
    const char *path = request_path(x) + strlen(prefix);
    const struct list_kind *list = list_find(path);
    bool known = list;

    for (size_t i = 0; i < AMO_COUNT(routes); i++) {
        if (!control_fits(routes[i].path, routes[i].more, path, &q.rest))
            continue;
        known = true;
        if (strcmp(routes[i].method, request_method(x)) != 0)
            continue;
        control_dispatch(q, routes[i].handle, routes[i].act);
        return;
    }
    if (list && strcmp(request_method(x), "GET") == 0)
        list_answer(s, x, list);
    else if (known)
        control_refuse(x, 405, "wrong_method", "", "not with this method");
    else
        control_refuse(x, 404, "not_found", "", "no such address; see docs/sandbox.md");
}

static struct json_object *control_health(struct control_request *q)
{
    struct json_object *o = json_object_new_object();

    jread_add_bool(o, "ok", true);
    jread_add_str(o, "version", AMO_VERSION);
    jread_add_int(o, "now_ms", sandbox_unix_ms(q->sandbox));
    return o;
}

static struct json_object *control_counters(struct control_request *q)
{
    return counters_json(&q->sandbox->counters);
}
