/* What: strptime, made strict: what it read must be written exactly as it was. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): for strptime */
#define _XOPEN_SOURCE 700
#include "tools/sandbox/kit/http_date.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

/* Minutes east of Greenwich: "GMT" or a sign and four digits. */
static bool date_zone(const char *zone, int *ret_min)
{
    int hours = 0;
    int minutes = 0;

    *ret_min = 0;
    if (strcmp(zone, "GMT") == 0)
        return true;
    if (strlen(zone) != 5 || !strchr("+-", zone[0]) || strspn(zone + 1, "0123456789") != 4)
        return false;
    hours = (zone[1] - '0') * 10 + zone[2] - '0';
    minutes = (zone[3] - '0') * 10 + zone[4] - '0';
    *ret_min = (hours * 60 + minutes) * (zone[0] == '-' ? -1 : 1);
    return hours <= 14 && minutes <= 59;
}

int http_date_parse(const char *text, int64_t *ret_unix_s)
{
    struct tm tm = {0};
    struct tm back = {0};
    char again[64];
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S ", &tm);
    int zone = 0;
    time_t t = 0;

    if (!end || tm.tm_year < 70 || tm.tm_sec > 60 || !date_zone(end, &zone))
        return -EINVAL;
    /* strptime is lenient about case, spaces and leading zeros: what it read must be written
     * exactly so. */
    if (strftime(again, sizeof(again), "%a, %d %b %Y %H:%M:%S ", &tm) != (size_t)(end - text) ||
        memcmp(again, text, (size_t)(end - text)) != 0)
        return -EINVAL;
    back = tm;
    t = timegm(&back);
    /* timegm mends an impossible day; the header may not name one. */
    if (back.tm_mday != tm.tm_mday || back.tm_wday != tm.tm_wday)
        return -EINVAL;
    *ret_unix_s = (int64_t)t - (int64_t)zone * 60;
    return 0;
}

void http_date_format(int64_t unix_s, char ret[HTTP_DATE_LEN + 1])
{
    time_t t = (time_t)unix_s;
    struct tm tm = {0};
    char text[64];
    size_t n = 0;

    (void)gmtime_r(&t, &tm); /* fails only for years beyond int */
    n = strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm); /* in the C locale */
    assert(n == HTTP_DATE_LEN);
    memcpy(ret, text, HTTP_DATE_LEN + 1);
}
