/* Any bytes into all readers of the connector API: either a fault with a code, or an event that
 * keeps the API's rules and is the same after its way through the spool. */

#include "base/clock.h"
#include "base/json.h"
#include "ingress/connector/normalize.h"
#include "proto/foreign_id.h"
#include "proto/limits.h"
#include "tests/fuzz/fuzz.h"

/* 2026-03-02 */
#define NOW_MS INT64_C(1772442900000)

static void check_fault(int rc, const struct service_fault *f)
{
    FUZZ_MUST(rc == 0 || rc == SERVICE_E_FAULT);
    FUZZ_MUST(rc == 0 || ((f->status == 400 || f->status == 422) && f->code && f->message));
}

/* There is room for one more: none was lost. */
static void check_warnings(const struct service_warnings *w)
{
    FUZZ_MUST(w->n < SERVICE_WARNINGS_MAX);
    for (size_t i = 0; i < w->n; i++)
        FUZZ_MUST(w->all[i].field && w->all[i].code && w->all[i].message);
}

/* A part that travels as JSON is JSON. */
static void check_part(struct view part)
{
    struct json *doc = NULL;

    FUZZ_MUST(!part.ptr || (json_parse(part, &doc) == 0 && json_is_object(json_root(doc))));
    json_free(doc);
}

static void check_number(struct view digits)
{
    struct json *doc = NULL;
    struct view strict = VIEW_NONE;
    double d = 0;

    if (!digits.ptr)
        return;
    FUZZ_MUST(json_parse(digits, &doc) == 0 && json_double(json_root(doc), &d));
    FUZZ_MUST(!json_strict_text(json_root(doc), &strict) && d >= -180 && d <= 180);
    json_free(doc);
}

static void check_content(const struct content *c)
{
    check_part(c->shared_post);
    check_part(c->post);
    check_number(c->lat);
    check_number(c->lon);
    FUZZ_MUST(!c->lat.ptr == !c->lon.ptr);
    FUZZ_MUST(!c->media.ptr || (c->media.len <= LIMIT_URL && c->media_name.len > 0));
    FUZZ_MUST(!c->text.ptr || json_utf8_valid(c->text));
}

static void check_encoded(const struct event *e)
{
    struct event back;
    struct buf out;

    buf_init(&out, (size_t)16 * 1024 * 1024);
    FUZZ_MUST(event_encode(e, &out) == 0);
    FUZZ_MUST(event_decode(buf_view(&out), &back) == 0);
    FUZZ_MUST(back.kind == e->kind && view_equal(back.content.text, e->content.text));
    FUZZ_MUST(view_equal(back.message_id, e->message_id));
    buf_fini(&out);
}

static void check_message(struct view body)
{
    struct service_fault fault = {0};
    struct service_normal n;
    int rc = service_message(body, NOW_MS, &n, &fault);
    const struct event *e = &n.event;

    check_fault(rc, &fault);
    if (rc)
        return;
    FUZZ_MUST(service_id_valid(e->message_id) && e->source.len > 0 && e->conversation.len > 0);
    FUZZ_MUST(e->outgoing ? e->receiver_id.len > 0 : e->sender_id.len > 0);
    FUZZ_MUST(e->content.type.len > 0 && e->sent_ms >= 0 && e->sent_ms <= CLOCK_MS_MAX);
    check_warnings(&n.warnings);
    check_content(&e->content);
    check_encoded(e);
    service_normal_fini(&n);
}

static void check_changes(struct view body)
{
    service_read_fn *const reads[] = {service_edit, service_reaction, service_typing};

    for (size_t i = 0; i < AMO_COUNT(reads); i++) {
        struct service_fault fault = {0};
        struct service_normal n;
        int rc = reads[i](body, NOW_MS, &n, &fault);

        check_fault(rc, &fault);
        if (rc)
            continue;
        FUZZ_MUST(reads[i] != service_reaction || foreign_id_is_fine(n.event.message_id));
        FUZZ_MUST(reads[i] != service_typing ||
                  (n.event.expires_ms >= 1000 && n.event.expires_ms <= 30000));
        check_content(&n.event.content);
        check_encoded(&n.event);
        service_normal_fini(&n);
    }
}

static void check_statuses(struct view body)
{
    struct service_warnings warnings;
    struct service_fault fault = {0};
    struct json *doc = NULL;
    struct event e;
    size_t n = 0;
    int rc = service_statuses(body, &doc, &n, &fault);

    check_fault(rc, &fault);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        int item = 0;

        fault = (struct service_fault){0};
        item = service_status(doc, i, NOW_MS, &e, &warnings, &fault);
        check_fault(item, &fault);
        FUZZ_MUST(item || foreign_id_is_fine(e.message_id));
        check_warnings(&warnings);
    }
    if (rc == 0) {
        FUZZ_MUST(n > 0 && n <= LIMIT_STATUSES);
        json_free(doc);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct view body = view_make(bytes, len);

    check_message(body);
    check_changes(body);
    check_statuses(body);
    return 0;
}
