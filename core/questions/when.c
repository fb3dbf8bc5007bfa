/* Times as people write them. */

#include "core/questions/when.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/num.h"
#include "base/process.h"
#include "core/control/control.h"

#define MINUTES_LEN 16 /* 2026-11-30T10:05 */

/* "90m", "2h", "3d": so long ago. */
static bool parse_ago(struct view text, int64_t now_ms, int64_t *ret_ms)
{
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {
        {'s', 1000    },
        {'m', 60000   },
        {'h', 3600000 },
        {'d', 86400000}
    };
    uint64_t n = 0;

    for (size_t i = 0; text.len > 1 && i < AMO_COUNT(units); i++) {
        if (text.ptr[text.len - 1] == units[i].letter &&
            num_parse_range(view_make(text.ptr, text.len - 1), 0, 100000, &n) == 0) {
            *ret_ms = now_ms - (int64_t)n * units[i].ms;
            return true;
        }
    }
    return false;
}

static bool begins_zone(char c)
{
    return c == 'Z' || c == '+' || c == '-';
}

bool when_parse(struct view text, int64_t now_ms, int64_t *ret_ms)
{
    static const struct {
        size_t len;
        const char *rest;
    } forms[] = {
        {10, "T00:00:00Z"},
        {16, ":00Z"      },
        {19, "Z"         }
    };
    char whole[48];

    if (parse_ago(text, now_ms, ret_ms))
        return true;
    if (text.len >= sizeof(whole) - sizeof("T00:00:00Z"))
        return false;
    /* both fit */
    if (text.len > MINUTES_LEN && begins_zone(text.ptr[MINUTES_LEN]))
        (void)snprintf(whole, sizeof(whole), "%.*s:00%.*s", MINUTES_LEN, text.ptr,
                       (int)text.len - MINUTES_LEN, text.ptr + MINUTES_LEN);
    else
        (void)snprintf(whole, sizeof(whole), "%.*s", (int)text.len, text.ptr);
    if (text.len > 10 && whole[10] == ' ')
        whole[10] = 'T';
    for (size_t i = 0; i < AMO_COUNT(forms); i++) {
        if (strlen(whole) == forms[i].len) {
            (void)snprintf(whole + forms[i].len, sizeof(whole) - forms[i].len, "%s",
                           forms[i].rest);
            break;
        }
    }
    return clock_parse_iso(view_of(whole), ret_ms) == 0;
}

int when_read(struct control_ask *ask, const char *key, int64_t *ret_ms)
{
    struct view text = control_arg(ask, key);

    if (text.len && !when_parse(text, clock_unix_ms(), ret_ms))
        return control_fail(
            ask, EXIT_USAGE,
            "--%s takes a time as 2026-11-30T10:05 (UTC, or with a zone), or how"
            " long ago as 90m, 2h or 3d",
            key);
    return 0;
}
