/* Any bytes as what amoctl and core say to each other, as the questions of an ingress, and as an
 * id that the other side gives: all of them come back the same. */

#include <string.h>

#include "proto/control.h"
#include "proto/event.h"
#include "proto/foreign_id.h"
#include "proto/limits.h"
#include "proto/query.h"
#include "tests/fuzz/same.h"

FUZZ_SAME(control_call)
FUZZ_SAME(control_answer)
FUZZ_SAME(query)
FUZZ_SAME(answer)
FUZZ_SAME(replay)

static void check_ephemeral(struct view bytes)
{
    struct view event = VIEW_NONE;
    struct view again = VIEW_NONE;
    struct buf out;
    struct event e;

    if (ephemeral_decode(bytes, &event))
        return;
    buf_init(&out, FUZZ_OUT_MAX);
    FUZZ_MUST(ephemeral_encode(event, &out) == 0);
    FUZZ_MUST(ephemeral_decode(buf_view(&out), &again) == 0 && view_equal(event, again));
    buf_fini(&out);
    FUZZ_MUST(event_decode(event, &e) >= 0);
}

/* It is told in one line of a log and of a table: nothing in it may end a line. */
static void check_foreign_id(struct view id)
{
    if (!foreign_id_is_fine(id))
        return;
    FUZZ_MUST(id.len > 0 && id.len <= LIMIT_ID);
    FUZZ_MUST(!memchr(id.ptr, '\0', id.len) && !memchr(id.ptr, '\n', id.len) &&
              !memchr(id.ptr, ' ', id.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct view v = view_make(bytes, len);

    check_control_call(v);
    check_control_answer(v);
    check_query(v);
    check_answer(v);
    check_replay(v);
    check_ephemeral(v);
    check_foreign_id(v);
    return 0;
}
