/* Any bytes as a configuration file: a refusal is one line of words, and what is taken can be
 * printed. */

#include <errno.h>

#include "base/config.h"
#include "tests/fuzz/fuzz.h"

static void check_refusal(struct view why)
{
    FUZZ_MUST(view_starts(why, "fuzz.conf"));
    FUZZ_MUST(!view_find(why, "\n"));
    FUZZ_MUST(!view_find(why, "not understood"));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct config *c = NULL;
    struct buf why;
    struct buf printed;
    int rc = 0;

    buf_init(&why, 65536);
    buf_init(&printed, 1 << 20);
    rc = config_load_text(view_make(bytes, len), "fuzz.conf", &why, &c);
    if (rc) {
        FUZZ_MUST(rc == -EINVAL);
        check_refusal(buf_view(&why));
    } else {
        FUZZ_MUST(why.len == 0);
        FUZZ_MUST(config_print(c, &printed) == 0);
        FUZZ_MUST(config_number(c, "egress/concurrency") > 0);
    }
    config_free(c);
    buf_fini(&printed);
    buf_fini(&why);
    return 0;
}
