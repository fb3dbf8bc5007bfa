/* The check itself: 1 to LIMIT_ID bytes, no blanks and no control characters. */

#include "proto/foreign_id.h"

#include "proto/limits.h"

bool foreign_id_is_fine(struct view id)
{
    if (id.len == 0 || id.len > LIMIT_ID)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        unsigned char c = (unsigned char)id.ptr[i];

        if (c <= ' ' || c == 0x7f)
            return false;
    }
    return true;
}
