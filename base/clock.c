/* Reading the system's clocks, and dates as text: ISO 8601, RFC 2822 and the Date header of
 * HTTP. */

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/num.h"

static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static int64_t clock_read_us(clockid_t id)
{
    struct timespec ts = {0};

    (void)clock_gettime(id, &ts); /* both clocks always exist on Linux */
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_mono_ms(void)
{
    return clock_read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return clock_read_us(CLOCK_MONOTONIC);
}

int64_t clock_unix_ms(void)
{
    return clock_read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_ms_of_number(int64_t number)
{
    static const int64_t in_s[] = {1, 1000, 1000000, 1000000000};

    for (size_t i = 0; i < AMO_COUNT(in_s); i++) {
        if (number < 1000000000 * in_s[i] || number / in_s[i] > CLOCK_MS_MAX / 1000)
            continue;
        return in_s[i] < 1000 ? number * 1000 : number / (in_s[i] / 1000);
    }
    return 0;
}

/* the years 0 to 9999 */
#define FORMAT_MS_MIN (-62167219200000LL)
#define FORMAT_MS_MAX 253402300799999LL

static int64_t formattable(int64_t unix_ms)
{
    if (unix_ms < FORMAT_MS_MIN)
        return FORMAT_MS_MIN;
    return unix_ms > FORMAT_MS_MAX ? FORMAT_MS_MAX : unix_ms;
}

static void clock_split(int64_t unix_ms, struct tm *ret_tm, int *ret_ms)
{
    int64_t s = unix_ms / 1000;
    int64_t ms = unix_ms % 1000;
    time_t t = 0;

    if (ms < 0) {
        ms += 1000;
        s--;
    }
    t = (time_t)s;
    if (!gmtime_r(&t, ret_tm))
        memset(ret_tm, 0, sizeof(*ret_tm));
    *ret_ms = (int)ms;
}

void clock_format_iso(int64_t unix_ms, char ret[CLOCK_ISO_LEN + 1])
{
    struct tm tm = {0};
    char text[80];
    int ms = 0;

    clock_split(formattable(unix_ms), &tm, &ms);
    (void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
                   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
    memcpy(ret, text, CLOCK_ISO_LEN);
    ret[CLOCK_ISO_LEN] = '\0';
}

void clock_format_rfc2822(int64_t unix_ms, char ret[CLOCK_RFC2822_LEN + 1])
{
    struct tm tm = {0};
    char text[80];
    int ms = 0;

    clock_split(formattable(unix_ms), &tm, &ms);
    (void)snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d +0000",
                   days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
                   tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(ret, text, CLOCK_RFC2822_LEN);
    ret[CLOCK_RFC2822_LEN] = '\0';
}

/* @n digits at *pos, moved behind them. */
static int take_digits(struct view v, size_t *pos, size_t n, int *ret)
{
    uint64_t x = 0;

    if (v.len - *pos < n || num_parse_u64(view_make(v.ptr + *pos, n), &x))
        return -EINVAL;
    *pos += n;
    *ret = (int)x;
    return 0;
}

static int take_char(struct view v, size_t *pos, const char *any)
{
    if (*pos >= v.len || !strchr(any, v.ptr[*pos]) || v.ptr[*pos] == '\0')
        return -EINVAL;
    (*pos)++;
    return 0;
}

/* "+0300", "-03:00", "Z", "GMT", "UTC"; seconds east of UTC. */
static int take_zone(struct view v, size_t *pos, int *ret_offset)
{
    struct view rest = view_make(v.ptr + *pos, v.len - *pos);
    int sign = 1;
    int h = 0;
    int m = 0;

    *ret_offset = 0;
    if (view_is(rest, "Z") || view_is(rest, "GMT") || view_is(rest, "UTC")) {
        *pos = v.len;
        return 0;
    }
    if (rest.len == 0)
        return -EINVAL;
    sign = rest.ptr[0] == '-' ? -1 : 1;
    if (take_char(v, pos, "+-") || take_digits(v, pos, 2, &h))
        return -EINVAL;
    (void)take_char(v, pos, ":"); /* optional */
    if (take_digits(v, pos, 2, &m) || *pos != v.len || h > 14 || m > 59)
        return -EINVAL;
    *ret_offset = sign * (h * 3600 + m * 60);
    return 0;
}

static int take_time(struct view v, size_t *pos, struct tm *tm)
{
    if (take_digits(v, pos, 2, &tm->tm_hour) || take_char(v, pos, ":") ||
        take_digits(v, pos, 2, &tm->tm_min) || take_char(v, pos, ":") ||
        take_digits(v, pos, 2, &tm->tm_sec))
        return -EINVAL;
    if (tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 60 || tm->tm_mday < 1 ||
        tm->tm_mday > 31)
        return -EINVAL;
    return 0;
}

int clock_parse_http(struct view text, int64_t *ret_unix_ms)
{
    struct tm tm = {0};
    size_t pos = 0;
    int offset = 0;

    if (text.len < 28 || text.ptr[3] != ',' || text.ptr[4] != ' ')
        return -EINVAL;
    pos = 5;
    if (take_digits(text, &pos, 2, &tm.tm_mday) || take_char(text, &pos, " "))
        return -EINVAL;
    for (tm.tm_mon = 0; tm.tm_mon < 12; tm.tm_mon++) {
        if (memcmp(text.ptr + pos, months[tm.tm_mon], 3) == 0)
            break;
    }
    if (tm.tm_mon == 12)
        return -EINVAL;
    pos += 3;
    if (take_char(text, &pos, " ") || take_digits(text, &pos, 4, &tm.tm_year) ||
        take_char(text, &pos, " ") || take_time(text, &pos, &tm) ||
        take_char(text, &pos, " ") || take_zone(text, &pos, &offset))
        return -EINVAL;
    tm.tm_year -= 1900;
    *ret_unix_ms = ((int64_t)timegm(&tm) - offset) * 1000;
    return 0;
}

static int days_of(int year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return lengths[month - 1] + (month == 2 && leap);
}

int clock_parse_iso(struct view text, int64_t *ret_unix_ms)
{
    struct tm tm = {0};
    size_t pos = 0;
    int offset = 0;
    int ms = 0;
    int scale = 100;

    if (take_digits(text, &pos, 4, &tm.tm_year) || take_char(text, &pos, "-") ||
        take_digits(text, &pos, 2, &tm.tm_mon) || take_char(text, &pos, "-") ||
        take_digits(text, &pos, 2, &tm.tm_mday) || take_char(text, &pos, "Tt ") ||
        take_time(text, &pos, &tm) || tm.tm_mon < 1 || tm.tm_mon > 12)
        return -EINVAL;
    if (pos < text.len && text.ptr[pos] == '.') {
        size_t first = ++pos;

        for (; pos < text.len && text.ptr[pos] >= '0' && text.ptr[pos] <= '9'; pos++) {
            ms += (text.ptr[pos] - '0') * scale;
            scale /= 10;
        }
        if (pos == first)
            return -EINVAL;
    }
    if (pos < text.len && text.ptr[pos] == 'z')
        return -EINVAL;
    if (take_zone(text, &pos, &offset))
        return -EINVAL;
    if (tm.tm_mday < 1 || tm.tm_mday > days_of(tm.tm_year, tm.tm_mon))
        return -EINVAL;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *ret_unix_ms = ((int64_t)timegm(&tm) - offset) * 1000 + ms;
    return 0;
}
