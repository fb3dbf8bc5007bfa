#pragma once

/* The first frame of everything on the bus: a msgpack array
 * [version, kind, edge boot id, core boot id, trace id, unix_ms].
 *
 * The boot ids name the session: a frame of another session is not acted upon. The trace id is
 * zero bytes long when the frame is not about one message. */

#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/ids.h"

#define ENVELOPE_VERSION 1
#define ENVELOPE_MAX_LEN 96U
#define ENVELOPE_OLDEST  1 /* one version back is understood; there is none yet */

struct envelope {
    uint64_t version;
    uint64_t kind; /* enum msg_kind, but unknown numbers pass through here */
    struct id edge_boot;
    struct id core_boot; /* zero before WELCOME */
    struct id trace;     /* zero: not about one message */
    int64_t unix_ms;     /* when it was sent */
};

enum {
    ENVELOPE_E_MALFORMED = 1,
    ENVELOPE_E_VERSION, /* a version we do not speak; @ret is filled as far as known */
};

/* @ret_len bytes into @ret. Cannot fail: the form is fixed. */
void envelope_encode(const struct envelope *e, char ret[ENVELOPE_MAX_LEN], size_t *ret_len);
AMO_MUSTCHECK int envelope_decode(struct view bytes, struct envelope *ret);
