/* Takes the path out of a request target, and decodes the percent escapes of
 * characters that need none. */

#include "base/request_path.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/crypto.h"

static size_t scheme_len(struct view target)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < AMO_COUNT(schemes); i++) {
        size_t n = strlen(schemes[i]);

        if (target.len > n && strncasecmp(target.ptr, schemes[i], n) == 0)
            return n;
    }
    return 0;
}

struct view request_path_of(struct view target)
{
    size_t scheme = scheme_len(target);
    const char *slash = NULL;

    if (!scheme)
        return target;
    slash = memchr(target.ptr + scheme, '/', target.len - scheme);
    if (!slash || slash == target.ptr + scheme) /* no path, or no host */
        return VIEW_NONE;
    return view_make(slash, target.len - (size_t)(slash - target.ptr));
}

static bool is_unreserved(unsigned char c)
{
    return c < 0x80 && (isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~');
}

bool request_path_is_escaped(struct view path)
{
    return path.len && memchr(path.ptr, '%', path.len);
}

int request_path_plain(struct view path, struct buf *out)
{
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = 0;

        /* errors are sticky: asked at the end */
        if (path.ptr[i] == '%' && path.len - i > 2 &&
            crypto_unhex(view_make(path.ptr + i + 1, 2), &c) == 0 && is_unreserved(c)) {
            (void)buf_add_char(out, (char)c);
            i += 2;
        } else {
            (void)buf_add_char(out, path.ptr[i]);
        }
    }
    return buf_error(out);
}
