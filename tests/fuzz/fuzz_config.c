/* Any bytes as a configuration file: a refusal is a line of words for each mistake, and what is taken
 * can be shown. */

#include <errno.h>
#include <string.h>

#include "base/config.h"
#include "tests/fuzz/fuzz.h"

static void check_refusal(struct view why)
{
    FUZZ_MUST(view_starts(why, "fuzz.conf"));
    FUZZ_MUST(!view_find(why, "not understood"));
    while (why.len) {
        const char *end = memchr(why.ptr, '\n', why.len);
        size_t n = end ? (size_t)(end - why.ptr) : why.len;
        struct view line = view_make(why.ptr, n);

        FUZZ_MUST(view_starts(line, "fuzz.conf") || view_starts(line, "and "));
        n += end ? 1 : 0;
        why = view_make(why.ptr + n, why.len - n);
    }
}

static void on_value(void *arg, const char *key, const char *origin, const char *shown)
{
    size_t *n = arg;

    FUZZ_MUST(*key && *origin && shown);
    (*n)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct config *c = NULL;
    struct buf why;
    size_t n_values = 0;
    int rc = 0;

    buf_init(&why, 65536);
    rc = config_load_text(view_make(bytes, len), "fuzz.conf", &why, &c);
    if (rc) {
        FUZZ_MUST(rc == -EINVAL);
        check_refusal(buf_view(&why));
    } else {
        FUZZ_MUST(why.len == 0);
        FUZZ_MUST(config_walk(c, on_value, &n_values) == 0 && n_values > 50);
        FUZZ_MUST(config_number(c, "egress/concurrency") > 0);
    }
    config_free(c);
    buf_fini(&why);
    return 0;
}
