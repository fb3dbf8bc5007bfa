/* Reads single values of amojo's JSON: texts, counts and times. A time that is more than a day
 * in the future counts as absent. */

#include "ingress/amojo/read.h"

#include "base/clock.h"

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

/* amo's clock and ours may differ; by more than a day neither does */
#define AHEAD_MS (24LL * 3600 * 1000)

int64_t amo_read_when(const struct amo_reader *r, const struct json_node *n, const char *key)
{
    int64_t number = 0;
    int64_t ms = json_int(json_get(n, key), &number) ? clock_ms_of_number(number) : 0;

    return ms > r->now_ms + AHEAD_MS ? 0 : ms;
}

int64_t amo_read_time(const struct amo_reader *r, const struct json_node *n, int64_t otherwise)
{
    int64_t fine = amo_read_when(r, n, "msec_timestamp");
    int64_t coarse = amo_read_when(r, n, "timestamp");

    if (coarse > fine + 1000 || (coarse && coarse < fine - 1000))
        return coarse > fine ? coarse : fine;
    return fine ? fine : otherwise;
}
