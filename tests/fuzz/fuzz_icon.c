/* Any bytes as the icon of a channel: it is taken without a word, or refused in one sentence. */

#include "base/buf.h"
#include "tests/fuzz/fuzz.h"
#include "tools/ctl/letter/icon.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct view svg = view_make(bytes, len);
    struct buf why;
    struct buf doubts;
    int rc = 0;

    buf_init(&why, 65536);
    buf_init(&doubts, 1 << 20);
    rc = icon_check(svg, &why, &doubts);
    FUZZ_MUST(rc == 0 || rc == ICON_E_WRONG);
    FUZZ_MUST((rc == 0) == (why.len == 0));
    FUZZ_MUST(buf_error(&doubts) == 0);
    if (rc == 0) {
        FUZZ_MUST(len <= ICON_BYTES_MAX);
        FUZZ_MUST(view_find(svg, "svg") && view_find(svg, "14"));
    }
    buf_fini(&doubts);
    buf_fini(&why);
    return 0;
}
