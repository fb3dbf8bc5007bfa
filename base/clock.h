#pragma once

/* Time. Waiting inside a process uses mono_ms, which never jumps; what is stored or shown
 * uses unix_ms, which outlives a reboot. Code that can be tested takes time as an argument;
 * only loops and mains call these. */

#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

/* Milliseconds of a clock that only moves forward; its zero means nothing. */
int64_t clock_mono_ms(void);
/* The same clock in microseconds, for measuring. */
int64_t clock_mono_us(void);
/* Milliseconds since 1970-01-01 UTC. */
int64_t clock_unix_ms(void);

/* The end of the year 2199: amojo takes seconds of ten digits. A later time is a mistake. */
#define CLOCK_MS_MAX 7258118399999LL
/* Milliseconds since 1970 of a time given as a number of seconds, milli-, micro- or nanoseconds.
 * The size of the number shows which, for times from September 2001 (ten digits
 * of seconds) to 2199. 0 when it is none of them. */
int64_t clock_ms_of_number(int64_t number);

/* "2026-11-22T13:00:00.123Z" and a NUL. Always of this form: a time before the year 0 or behind
 * 9999 is shown as the first or last one that has four digits of a year. */
#define CLOCK_ISO_LEN 24
void clock_format_iso(int64_t unix_ms, char ret[CLOCK_ISO_LEN + 1]);
/* "Thu, 29 Oct 2020 11:59:55 +0000" and a NUL: amojo's Date header.
 * Source: docs/amojo.md, "Signature". */
#define CLOCK_RFC2822_LEN 31
void clock_format_rfc2822(int64_t unix_ms, char ret[CLOCK_RFC2822_LEN + 1]);
/* An HTTP date: "Thu, 29 Oct 2020 11:59:55 GMT" or with a numeric zone. -EINVAL. */
AMO_MUSTCHECK int clock_parse_http(struct view text, int64_t *ret_unix_ms);
/* RFC 3339: "2026-01-01T00:01:01.250Z", fraction and numeric zone allowed. -EINVAL. */
AMO_MUSTCHECK int clock_parse_iso(struct view text, int64_t *ret_unix_ms);
