#include "tools/sandbox/kit/http_date.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* Exactly @n digits at *@p. */
static bool date_digits(const char **p, int n, int *ret)
{
    int v = 0;

    for (int i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        v = v * 10 + (**p - '0');
    }
    *ret = v;
    return true;
}

static bool date_text(const char **p, const char *text)
{
    size_t n = strlen(text);

    if (strncmp(*p, text, n) != 0)
        return false;
    *p += n;
    return true;
}

static bool date_name(const char **p, const char *const *names, int n_names, int *ret)
{
    for (int i = 0; i < n_names; i++) {
        if (date_text(p, names[i])) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* Minutes east of Greenwich. */
static bool date_zone(const char **p, int *ret_min)
{
    int hours = 0;
    int minutes = 0;
    bool west = **p == '-';

    if (date_text(p, "GMT")) {
        *ret_min = 0;
        return true;
    }
    if (!date_text(p, west ? "-" : "+"))
        return false;
    if (!date_digits(p, 2, &hours) || !date_digits(p, 2, &minutes) || hours > 14 ||
        minutes > 59)
        return false;
    *ret_min = (hours * 60 + minutes) * (west ? -1 : 1);
    return true;
}

int http_date_parse(const char *text, int64_t *ret_unix_s)
{
    const char *p = text;
    struct tm tm = {0};
    struct tm back = {0};
    int weekday = 0;
    int zone = 0;
    time_t t = 0;

    if (!date_name(&p, day_names, 7, &weekday) || !date_text(&p, ", ") ||
        !date_digits(&p, 2, &tm.tm_mday) || !date_text(&p, " ") ||
        !date_name(&p, month_names, 12, &tm.tm_mon) || !date_text(&p, " ") ||
        !date_digits(&p, 4, &tm.tm_year) || !date_text(&p, " "))
        return -EINVAL;
    if (!date_digits(&p, 2, &tm.tm_hour) || !date_text(&p, ":") ||
        !date_digits(&p, 2, &tm.tm_min) || !date_text(&p, ":") ||
        !date_digits(&p, 2, &tm.tm_sec) || !date_text(&p, " ") || !date_zone(&p, &zone) || *p)
        return -EINVAL;
    if (tm.tm_year < 1970 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return -EINVAL;
    tm.tm_year -= 1900;
    back = tm;
    t = timegm(&back);
    /* timegm mends an impossible day; the header may not name one. */
    if (back.tm_mday != tm.tm_mday || back.tm_wday != weekday)
        return -EINVAL;
    *ret_unix_s = (int64_t)t - (int64_t)zone * 60;
    return 0;
}

void http_date_format(int64_t unix_s, char ret[HTTP_DATE_LEN + 1])
{
    time_t t = (time_t)unix_s;
    struct tm tm = {0};
    char text[64];
    int n = 0;

    (void)gmtime_r(&t, &tm); /* fails only for years beyond int */
    n = snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                 day_names[tm.tm_wday % 7], tm.tm_mday, month_names[tm.tm_mon % 12],
                 (tm.tm_year + 1900) % 10000, tm.tm_hour, tm.tm_min, tm.tm_sec);
    assert(n == HTTP_DATE_LEN);
    memcpy(ret, text, HTTP_DATE_LEN + 1);
}
