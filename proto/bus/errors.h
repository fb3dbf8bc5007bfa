#pragma once

/* What reading from and sending to a socket of proto/bus may say, beside -errno. */

enum {
    BUS_E_EMPTY = 1, /* nothing to read now */
    BUS_E_FULL,      /* the peer does not read: keep it and try later */
    BUS_E_GONE,      /* no such peer (any more) */
    BUS_E_MALFORMED, /* not two frames; it was read and dropped */
    BUS_E_TAKEN,     /* its file was replaced or removed, and is in its place again */
};
