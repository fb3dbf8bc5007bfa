/* Reads the parts that are only shown, by type, and writes the list of warnings for the answer. */

#include "ingress/connector/shown.h"

#include <math.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/url.h"
#include "ingress/connector/read.h"
#include "ingress/read/message_type.h"
#include "proto/limits.h"

#define LEFT_OUT "was left out: "

void service_shown_warn(struct service_shown *s, const char *code, const char *message,
                        const char *field)
{
    struct service_warnings *w = &s->warnings;

    if (w->n < AMO_COUNT(w->all))
        w->all[w->n++] = (struct service_warning){field, code, message};
}

void service_warnings_write(const struct service_warnings *warnings, struct json_writer *w)
{
    if (warnings->n == 0)
        return;
    json_open_array(w, "warnings");
    for (size_t i = 0; i < warnings->n; i++) {
        json_open_object(w, NULL);
        json_add_text(w, "field", view_of(warnings->all[i].field));
        json_add_text(w, "code", view_of(warnings->all[i].code));
        json_add_text(w, "message", view_of(warnings->all[i].message));
        json_close_object(w);
    }
    json_close_array(w);
}

static bool is_number(const struct json_node *n)
{
    struct view text = VIEW_NONE;
    double d = 0;

    return !json_strict_text(n, &text) && json_double(n, &d);
}

bool service_shown_object(struct service_shown *s, const char *path)
{
    const struct json_node *n = json_path(s->root, path);

    if (n && !json_is_object(n) && !service_node_is_nothing(n))
        service_shown_warn(s, "invalid", LEFT_OUT "must be an object", path);
    return json_is_object(n);
}

static bool is_empty(const struct json_node *n)
{
    struct view text = VIEW_NONE;

    return json_strict_text(n, &text) && text.len == 0;
}

/* The text at @path of whatever length, or VIEW_NONE. */
static struct view any_text(struct service_shown *s, const char *path)
{
    const struct json_node *n = json_path(s->root, path);
    struct view v = VIEW_NONE;

    if (!n || s->rc)
        return VIEW_NONE;
    s->rc = json_text(s->doc, n, &v);
    if (s->rc || is_empty(n))
        return VIEW_NONE;
    if (!v.ptr)
        service_shown_warn(s, "invalid", LEFT_OUT "must be a string", path);
    else if (is_number(n))
        service_shown_warn(s, "invalid", "must be a string: its digits were taken", path);
    return v;
}

struct view service_shown_text(struct service_shown *s, const char *path, size_t max)
{
    struct view v = any_text(s, path);

    if (v.len <= max)
        return v;
    service_shown_warn(s, "too_long", "was cut: is longer than allowed", path);
    return view_cut(v, max);
}

struct view service_shown_whole(struct service_shown *s, const char *path, size_t max)
{
    struct view v = any_text(s, path);

    if (v.len <= max)
        return v;
    service_shown_warn(s, "too_long", LEFT_OUT "is longer than allowed", path);
    return VIEW_NONE;
}

struct view service_shown_url(struct service_shown *s, const char *path)
{
    struct view v = service_shown_whole(s, path, LIMIT_URL);

    if (!v.ptr || url_is_plain(v))
        return v;
    service_shown_warn(s, "invalid", LEFT_OUT "must be an http or https URL of printable ASCII",
                       path);
    return VIEW_NONE;
}

struct view service_shown_type(struct service_shown *s, const char *path)
{
    struct view v = service_shown_whole(s, path, LIMIT_ID);

    if (!v.ptr || message_type_is_known(v))
        return v;
    service_shown_warn(s, "invalid",
                       LEFT_OUT
                       "must be text, picture, video, voice, audio, file, sticker, location or "
                       "contact",
                       path);
    return VIEW_NONE;
}

#define FORM "must be a time such as 2026-01-01T00:01:01.250Z"

/* the service's clock and ours may differ; by more than a day neither does */
#define AHEAD_MS (24LL * 3600 * 1000)

int64_t service_shown_time(struct service_shown *s, const char *path)
{
    const struct json_node *n = json_path(s->root, path);
    struct view text = VIEW_NONE;
    bool iso = false;
    int64_t ms = 0;

    if (!n || is_empty(n))
        return 0;
    iso = json_strict_text(n, &text) && clock_parse_iso(text, &ms) == 0;
    if (!iso)
        ms = json_int(n, &ms) ? clock_ms_of_number(ms) : 0;
    if (!iso && !ms) {
        service_shown_warn(s, "invalid", LEFT_OUT FORM, path);
        return 0;
    }
    if (ms < 0 || ms > CLOCK_MS_MAX || ms > s->now_ms + AHEAD_MS) {
        service_shown_warn(s, "invalid", LEFT_OUT "must be a time since 1970, and not ahead",
                           path);
        return 0;
    }
    if (!iso)
        service_shown_warn(s, "invalid", FORM ": the number was taken for one", path);
    return ms;
}

bool service_shown_bool(struct service_shown *s, const char *path, bool otherwise)
{
    const struct json_node *n = json_path(s->root, path);
    struct view text = VIEW_NONE;
    int64_t number = -1;
    bool b = otherwise;

    if (!n || json_bool(n, &b) || is_empty(n))
        return b;
    (void)json_int(n, &number);       /* 1 and "1" */
    (void)json_strict_text(n, &text); /* else empty */
    if (number == 0 || number == 1 || view_is(text, "true") || view_is(text, "false")) {
        service_shown_warn(s, "invalid", "must be true or false: was taken for it", path);
        return number == 1 || view_is(text, "true");
    }
    service_shown_warn(s, "invalid", LEFT_OUT "must be true or false", path);
    return otherwise;
}

/* False when there is none. */
static bool any_number(struct service_shown *s, const char *path, double *ret)
{
    const struct json_node *n = json_path(s->root, path);
    double d = 0;

    if (!n || is_empty(n))
        return false;
    if (!json_double(n, &d)) {
        service_shown_warn(s, "invalid", LEFT_OUT "must be a number", path);
        return false;
    }
    if (!is_number(n))
        service_shown_warn(s, "invalid", "must be a number: its digits were taken", path);
    else if (d != trunc(d))
        service_shown_warn(s, "invalid", "must be a whole number: was rounded", path);
    *ret = round(d);
    return true;
}

uint64_t service_shown_count(struct service_shown *s, const char *path, uint64_t low,
                             uint64_t high)
{
    double d = 0;

    if (!any_number(s, path, &d))
        return 0;
    if (d < (double)low || d >= (double)high + 1) {
        service_shown_warn(s, "invalid", LEFT_OUT "is out of range", path);
        return 0;
    }
    return (uint64_t)d;
}

uint64_t service_shown_within(struct service_shown *s, const char *path, uint64_t low,
                              uint64_t high)
{
    double d = 0;

    if (!any_number(s, path, &d))
        return 0;
    if (d >= (double)low && d <= (double)high)
        return (uint64_t)d;
    service_shown_warn(s, "invalid", "is out of range: the nearest allowed was taken", path);
    return d < (double)low ? low : high;
}
