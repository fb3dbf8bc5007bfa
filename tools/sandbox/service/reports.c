/* What: status reports of the services.
 * From: api (a message was taken), acts/client (a tester wants one).
 * To:   calls.
 * Holds: nothing. */
#include "tools/sandbox/service/reports.h"

#include "base/log.h"
#include "tools/sandbox/kit/jread.h"
#include "tools/sandbox/service/calls.h"
#include "tools/sandbox/service/store.h"

int reports_send(struct sandbox *s, const struct service_connector *k, const struct report *r,
                 uint64_t *ret_number)
{
    struct json_object *o = json_object_new_object();
    struct json_object *item = jread_append_object(jread_add_array(o, "statuses"));
    int rc = 0;

    jread_add_str(item, "id", r->id);
    jread_add_str(item, "status", r->status);
    jread_add(item, "error", r->error);
    jread_add_id(item, "conversation", r->conversation);
    rc = calls_send(s,
                    &(struct call_send){
                        .kind = CALL_STATUS,
                        .connector = k,
                        .method = "POST",
                        .path = "/statuses",
                        .conversation = r->conversation,
                        .id = r->id,
                        .body = view_of(jread_text(o)),
                    },
                    ret_number);
    json_object_put(o);
    return rc;
}

void reports_message(struct sandbox *s, const struct service_connector *k,
                     struct json_object *m)
{
    struct report r = {
        .id = jread_str(m, k->report_service_id ? "service_id" : "id"),
        .conversation = jread_str(m, "conversation"),
    };
    uint64_t number = 0;
    int rc = 0;

    switch (k->report) {
    case REPORT_NONE:
        return;
    case REPORT_FAILED:
        r.status = "failed";
        r.error = json_object_new_object();
        jread_add_str(r.error, "code", k->error_code);
        jread_add_str(r.error, "text", k->error_text);
        rc = reports_send(s, k, &r, &number);
        json_object_put(r.error);
        break;
    case REPORT_DELIVERED:
    case REPORT_READ:
        r.status = "delivered";
        rc = reports_send(s, k, &r, &number);
        r.status = "read";
        if (rc == 0 && k->report == REPORT_READ)
            rc = reports_send(s, k, &r, &number);
        break;
    }
    if (rc)
        log_line(LOG_LEVEL_WARN, "report.dropped", "connector=%s", k->name);
}
