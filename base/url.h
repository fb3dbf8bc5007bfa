#pragma once

/* Web addresses, "http://…" and "https://…", taken apart and judged: the one place that does. Pure;
 * curl has the last word. The scheme may be written in capitals. */

#include <stdbool.h>

#include "base/buf.h"

/* Pieces of an address, each a view into it. */
struct url {
    bool is_https;
    struct view person; /* before '@', with a password if there is one; VIEW_NONE: not there */
    struct view host;   /* "[::1]" with its brackets; may be empty */
    struct view port;   /* behind ':'; VIEW_NONE: not there */
    struct view rest;   /* path, query and fragment, from the first of "/?#" on */
};
/* False when it does not begin with "http://" or "https://"; promises nothing about the pieces. */
bool url_split(struct view text, struct url *ret);
bool url_is_https(struct view text);

/* What can be opened, and written into a request: something behind the scheme, no blank, no control
 * character. */
bool url_is_link(struct view text);
/* A link of printable ASCII alone, with a host. */
bool url_is_plain(struct view text);
/* "https://host[:port]…" of printable ASCII without a user or a fragment: an address we may call.
 * Plain http is for sandboxes and private networks. */
bool url_is_callable(struct view text);

/* An address that others are to call. */
enum address {
    ADDRESS_FINE,   /* https; or http of this very host, which no one can tap */
    ADDRESS_OPEN,   /* http: everybody on the way reads it */
    ADDRESS_PERSON, /* a user or a password is in it: it is not for showing */
    ADDRESS_NONE,   /* no web address */
};
enum address url_address(struct view text);
/* of an address of ADDRESS_PERSON, after its name */
#define URL_PERSON "has a user or a password in it"
/* Is @text the address @base, or one below it? */
bool url_is_below(struct view text, struct view base);
