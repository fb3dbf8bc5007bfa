#pragma once

/* One event, one line on stderr: `ts=… level=info process=core what=command.done k=v …`
 * (logfmt) or the same as JSON. Values are quoted where they must be; control characters never
 * reach the terminal. Bodies, phones, names, tokens, secrets and signatures are not logged.
 *
 *   log_line(LOG_INFO, "command.done", "trace=%s command=%" PRIu64 " ms=%d", trace, id, ms);
 *
 * The format's text must be `key=value` pairs separated by one space; a value that comes from
 * outside is passed through LOG_STR so that it cannot forge a pair:
 *
 *   char b[LOG_VALUE_MAX]; log_line(LOG_WARN, "webhook.refused", "scope=%s", log_value(v, b));
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

enum log_level {
    LOG_LEVEL_ERROR, /* a person must act */
    LOG_LEVEL_WARN,  /* handled, but should not grow */
    LOG_LEVEL_INFO,  /* life of process and message */
    LOG_LEVEL_DEBUG, /* off in production */
};

#define LOG_VALUE_MAX 128

/* "error", "warn", "info", "debug". -EINVAL. */
AMO_MUSTCHECK int log_level_parse(struct view name, enum log_level *ret);
/* What every line of this process begins with; @process is copied (at most 63 bytes). */
void log_setup(const char *process, enum log_level level, bool json);
bool log_enabled(enum log_level level);
/* @what is a dotted name listed in docs/operations.md; @fmt may be NULL. */
void log_line(enum log_level level, const char *what, const char *fmt, ...) AMO_PRINTF(3, 4);
/* The same about something that failed, which begins with `error=28 words="No space left on device"`:
 * @rc is -Exxx; a positive one is named as the answer it is. A bare number is never logged (tests/lint).
 * @fmt adds what else is known: the file, SQLite's message. */
void log_failed(enum log_level level, const char *what, int rc, const char *fmt, ...)
    AMO_PRINTF(4, 5);
/* As log_line(), for what somebody outside can cause as often as he likes. @who is whom it is about, "" nobody:
 * of each @what and @who LOG_OFTEN_BURST lines are written and then LOG_OFTEN_RATE a second, of all of them
 * together LOG_OFTEN_ALL a second after a burst of LOG_OFTEN_ALL_BURST. What was left out is counted: the next
 * line of its kind says `left_out=` how many, or, when none comes, a line `log.left_out`. */
void log_often(enum log_level level, const char *what, struct view who, const char *fmt, ...)
    AMO_PRINTF(4, 5);
/* Says what was left out of kinds that have been quiet for @quiet_ms: from the process's tick, and with 0 at
 * its end. */
void log_often_flush(int64_t quiet_ms);
#define LOG_OFTEN_BURST     20   /* lines */
#define LOG_OFTEN_RATE      1    /* lines a second */
#define LOG_OFTEN_ALL       5    /* lines a second: about 100 MB a day of any flood */
#define LOG_OFTEN_ALL_BURST 200  /* lines */
#define LOG_OFTEN_KINDS     64   /* counted apart; further ones share a place */
#define LOG_OFTEN_QUIET_MS  5000 /* for log_often_flush() */

/* An outside text as a safe value: cut to fit, anything but [!-~] without '"', '=', '\\' shown
 * as '_'; "-" when empty. Returns @space. */
const char *log_value(struct view v, char space[LOG_VALUE_MAX]);
