#pragma once

/* Web addresses that an operator or amoCRM's support gives us, judged. Pure; curl has the last word. */

#include <stdbool.h>

#include "base/buf.h"

/* What the outside is told to call. */
enum address {
    ADDRESS_FINE,   /* https; or http of this very host, where nobody listens in */
    ADDRESS_OPEN,   /* http: everybody on the way reads it */
    ADDRESS_PERSON, /* a user or a password is in it: it is not for showing */
    ADDRESS_NONE,   /* no web address */
};
enum address url_address(struct view url);
/* Is @url the address @base, or one below it? */
bool url_is_below(struct view url, struct view base);
/* of an address of ADDRESS_PERSON, after its name */
#define URL_PERSON "has a user or a password in it"
/* "https://host[:port]…", printable, without a user; plain http is for sandboxes and private
 * networks. */
bool url_is_callable(struct view url);
