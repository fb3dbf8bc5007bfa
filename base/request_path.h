#pragma once

/* The path that a request names. One path has several legal spellings, and a proxy between the
 * caller and us may choose another one than the caller did; here they become one. Pure. */

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"

/* @target is a request target without its query. Of the absolute form ("http://host:1/a", of
 * either scheme in any case) the path, whichever host it names: which names lead here is the
 * proxy's matter. VIEW_NONE when there is none; anything else comes back as it is.
 * Source: RFC 9112, 3.2.2. */
struct view request_path_of(struct view target);

/* Is it spelled with escapes that request_path_plain() could take away? */
bool request_path_is_escaped(struct view path);
/* Appends @path with %XX decoded where it is a letter, a digit or
 * one of "-._~", which mean the same in either spelling. All other escapes stay: "%2F" is no
 * slash. -ENOMEM, -ENOSPC. Source: RFC 3986, 2.3. */
AMO_MUSTCHECK int request_path_plain(struct view path, struct buf *out);
