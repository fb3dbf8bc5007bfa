#pragma once

/* The `Date` header as amojo reads it. Pure. */

#include <stdint.h>

#include "base/compiler.h"

enum {
    HTTP_DATE_LEN = 29,
};

/* "Thu, 29 Oct 2020 11:59:55 +0000" or "... GMT": English names, two-digit day, right weekday.
 * Seconds since 1970, -EINVAL. */
AMO_MUSTCHECK int http_date_parse(const char *text, int64_t *ret_unix_s);
/* "Thu, 29 Oct 2020 11:59:55 GMT" and a NUL. */
void http_date_format(int64_t unix_s, char ret[HTTP_DATE_LEN + 1]);
