/* Formatting log lines as logfmt or JSON, and writing each to stderr with one call; leaving out what comes too
 * often. */

#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* of one line, without what stands before them */
#define LOG_PAIRS_MAX 1024

static char log_process[64] = "amo";
static enum log_level log_threshold = LOG_LEVEL_INFO;
static bool log_json;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

int log_level_parse(struct view name, enum log_level *ret)
{
    for (size_t i = 0; i < AMO_COUNT(level_names); i++) {
        if (view_is(name, level_names[i])) {
            *ret = (enum log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

void log_setup(const char *process, enum log_level level, bool json)
{
    (void)snprintf(log_process, sizeof(log_process), "%s", process); /* a longer name is cut */
    log_threshold = level;
    log_json = json;
}

bool log_enabled(enum log_level level)
{
    return level <= log_threshold;
}

const char *log_value(struct view v, char space[LOG_VALUE_MAX])
{
    size_t n = v.len < LOG_VALUE_MAX - 1 ? v.len : LOG_VALUE_MAX - 1;

    if (n == 0)
        space[n++] = '-';
    for (size_t i = 0; i < n && v.len; i++) {
        char c = v.ptr[i];

        if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\')
            c = '_';
        space[i] = c;
    }
    space[n] = '\0';
    return space;
}

/* What would break the line, or the terminal it is read on. */
static void remove_controls(char *pairs)
{
    for (char *p = pairs; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '_';
    }
}

/* Turn `a=b c="d e"` into `,"a":"b","c":"d e"`. */
static void pairs_to_json(const char *pairs, struct buf *out)
{
    const char *p = pairs;

    while (*p) {
        size_t key = strcspn(p, "= ");
        size_t value = 0;
        const char *end = NULL;

        (void)buf_add_f(out, ",\"%.*s\":\"", (int)key, p); /* a longer line is cut */
        p += key + (p[key] == '=');
        end = *p == '"' ? strchr(p + 1, '"') : NULL;
        value = end ? (size_t)(end - p) + 1 : strcspn(p, " ");
        for (size_t i = 0; i < value; i++) {
            if (p[i] == '\\')
                (void)buf_add_char(out, '_');
            else if (p[i] != '"')
                (void)buf_add_char(out, p[i]);
        }
        (void)buf_add_char(out, '"');
        p += value;
        p += strspn(p, " ");
    }
}

static void write_line(enum log_level level, const char *what, char *pairs)
{
    char ts[CLOCK_ISO_LEN + 1];
    struct buf line;

    remove_controls(pairs);
    clock_format_iso(clock_unix_ms(), ts);
    buf_init(&line, 8192);
    if (log_json) {
        (void)buf_add_f(&line,
                        "{\"ts\":\"%s\",\"level\":\"%s\",\"process\":\"%s\",\"what\":\"%s\"",
                        ts, level_names[level], log_process, what);
        pairs_to_json(pairs, &line);
        (void)buf_add_str(&line, "}\n");
    } else {
        (void)buf_add_f(&line, "ts=%s level=%s process=%s what=%s%s%s\n", ts,
                        level_names[level], log_process, what, pairs[0] ? " " : "", pairs);
    }
    /* One write a line, so lines of several processes do not mix; nobody can be told when
     * stderr itself fails. */
    (void)!write(STDERR_FILENO, buf_str(&line), buf_view(&line).len);
    buf_fini(&line);
}

void log_line(enum log_level level, const char *what, const char *fmt, ...)
{
    char pairs[LOG_PAIRS_MAX] = "";
    va_list args;
    int saved = errno;

    if (level > log_threshold)
        return;
    if (fmt) {
        va_start(args, fmt);
        (void)vsnprintf(pairs, sizeof(pairs), fmt, args); /* a longer line is cut */
        va_end(args);
    }
    write_line(level, what, pairs);
    errno = saved;
}

void log_failed(enum log_level level, const char *what, int rc, const char *fmt, ...)
{
    char pairs[LOG_PAIRS_MAX] = "";
    char words[LOG_VALUE_MAX] = "";
    int number = rc < 0 ? -rc : rc;
    size_t n = 0;
    va_list args;
    int saved = errno;

    if (level > log_threshold)
        return;
    if (rc > 0 || strerror_r(number, words, sizeof(words)) != 0)
        (void)snprintf(words, sizeof(words), "answer %d", rc); /* fits */
    (void)snprintf(pairs, sizeof(pairs), "error=%d words=\"%s\"%s", number, words,
                   fmt ? " " : ""); /* fits */
    n = strlen(pairs);
    if (fmt) {
        va_start(args, fmt);
        (void)vsnprintf(pairs + n, sizeof(pairs) - n, fmt, args); /* a longer line is cut */
        va_end(args);
    }
    write_line(level, what, pairs);
    errno = saved;
}

/* --- what comes often --------------------------------------------------------------------- */

/* A bucket of lines, in thousandths. */
struct bucket {
    int64_t at_ms; /* monotonic, when it was counted last */
    int64_t have;
};

struct often {
    const char *what; /* a constant of the caller's; NULL: free */
    char who[LOG_VALUE_MAX];
    enum log_level level;
    struct bucket bucket;
    uint64_t left_out;
};

static struct often often[LOG_OFTEN_KINDS];
static struct bucket often_all;

static bool bucket_take(struct bucket *b, int64_t now_ms, int64_t rate, int64_t burst)
{
    int64_t more = (now_ms - b->at_ms) * rate;

    if (b->at_ms == 0 || more > burst * 1000 - b->have)
        more = burst * 1000 - b->have;
    b->at_ms = now_ms;
    b->have += more;
    if (b->have < 1000)
        return false;
    b->have -= 1000;
    return true;
}

static bool is_idle(const struct often *o, int64_t now_ms)
{
    return !o->what || (!o->left_out &&
                        now_ms - o->bucket.at_ms >= LOG_OFTEN_BURST * 1000 / LOG_OFTEN_RATE);
}

/* Its place, a new one, or the last, which those share for whom there is none. */
static struct often *often_of(const char *what, const char *who, int64_t now_ms)
{
    struct often *idle = NULL;

    for (size_t i = 0; i < LOG_OFTEN_KINDS; i++) {
        struct often *o = &often[i];

        if (o->what && strcmp(o->what, what) == 0 && strcmp(o->who, who) == 0)
            return o;
        if (!idle && is_idle(o, now_ms))
            idle = o;
    }
    if (!idle) {
        often[LOG_OFTEN_KINDS - 1].what = "several";
        (void)log_value(VIEW_NONE, often[LOG_OFTEN_KINDS - 1].who);
        return &often[LOG_OFTEN_KINDS - 1];
    }
    *idle = (struct often){.what = what};
    (void)snprintf(idle->who, sizeof(idle->who), "%s", who); /* as long */
    return idle;
}

void log_often(enum log_level level, const char *what, struct view who, const char *fmt, ...)
{
    char pairs[LOG_PAIRS_MAX] = "";
    char name[LOG_VALUE_MAX];
    int64_t now_ms = clock_mono_ms();
    struct often *o = NULL;
    size_t n = 0;
    va_list args;
    int saved = errno;

    if (level > log_threshold)
        return;
    o = often_of(what, log_value(who, name), now_ms);
    o->level = level;
    if (!bucket_take(&o->bucket, now_ms, LOG_OFTEN_RATE, LOG_OFTEN_BURST) ||
        !bucket_take(&often_all, now_ms, LOG_OFTEN_ALL, LOG_OFTEN_ALL_BURST)) {
        o->left_out++;
        return;
    }
    if (fmt) {
        va_start(args, fmt);
        (void)vsnprintf(pairs, sizeof(pairs), fmt, args); /* a longer line is cut */
        va_end(args);
    }
    n = strlen(pairs);
    if (o->left_out)
        (void)snprintf(pairs + n, sizeof(pairs) - n, "%sleft_out=%" PRIu64, n ? " " : "",
                       o->left_out); /* likewise */
    o->left_out = 0;
    write_line(level, what, pairs);
    errno = saved;
}

void log_often_flush(int64_t quiet_ms)
{
    int64_t now_ms = clock_mono_ms();

    for (size_t i = 0; i < LOG_OFTEN_KINDS; i++) {
        struct often *o = &often[i];

        if (!o->left_out || now_ms - o->bucket.at_ms < quiet_ms)
            continue;
        log_line(o->level, "log.left_out", "of=%s who=%s left_out=%" PRIu64, o->what, o->who,
                 o->left_out);
        o->left_out = 0;
    }
}
