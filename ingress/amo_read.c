#include "ingress/amo_read.h"

struct view amo_read_value(struct amo_reader *r, const struct json_node *n)
{
    struct view v = VIEW_NONE;

    if (!n || r->rc)
        return VIEW_NONE;
    r->rc = json_text(r->doc, n, &v);
    return r->rc ? VIEW_NONE : v;
}

struct view amo_read_text(struct amo_reader *r, const struct json_node *n, const char *key)
{
    return amo_read_value(r, json_get(n, key));
}

struct view amo_read_path(struct amo_reader *r, const struct json_node *n, const char *path)
{
    return amo_read_value(r, json_path(n, path));
}

uint64_t amo_read_count(const struct json_node *n, const char *key)
{
    int64_t v = 0;

    return json_int(json_get(n, key), &v) && v > 0 ? (uint64_t)v : 0;
}

int64_t amo_read_seconds(const struct json_node *n, const char *key)
{
    int64_t v = 0;

    return json_int(json_get(n, key), &v) && v > 0 && v <= INT64_MAX / 1000 ? v * 1000 : 0;
}

int64_t amo_read_time(const struct json_node *n)
{
    int64_t ms = 0;

    if (json_int(json_get(n, "msec_timestamp"), &ms) && ms > 0)
        return ms;
    return amo_read_seconds(n, "timestamp");
}
