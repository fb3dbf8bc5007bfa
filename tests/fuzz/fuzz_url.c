/* Any bytes as a web address that a person gives, and as the reactions of a channel: the judges
 * agree with each other, and what they pass has no byte that ends a line or a word. */

#include <string.h>

#include "base/url.h"
#include "core/model/reaction_list.h"
#include "proto/limits.h"
#include "tests/fuzz/fuzz.h"

static void check_callable(struct view url)
{
    struct url parts;

    if (!url_is_callable(url))
        return;
    FUZZ_MUST(url.len < LIMIT_URL);
    FUZZ_MUST(url_split(url, &parts) && !parts.person.ptr && parts.host.len > 0);
    for (size_t i = 0; i < url.len; i++)
        FUZZ_MUST(url.ptr[i] > ' ' && url.ptr[i] < 0x7f);
    FUZZ_MUST(url_address(url) == ADDRESS_FINE || url_address(url) == ADDRESS_OPEN);
}

static void check_address(struct view url)
{
    enum address a = url_address(url);
    struct url parts;

    FUZZ_MUST(a == ADDRESS_NONE || url_split(url, &parts));
    FUZZ_MUST(a != ADDRESS_OPEN || !url_is_https(url));
    FUZZ_MUST(a != ADDRESS_PERSON || memchr(url.ptr, '@', url.len));
}

/* An address is below itself, and below each of its own beginnings that ends where a path does. */
static void check_below(struct view url)
{
    bool solid = url.len > 0 && url.ptr[url.len - 1] != '/';

    FUZZ_MUST(!solid || url_is_below(url, url));
    for (size_t i = 1; i < url.len && i < 256; i++) {
        struct view base = view_make(url.ptr, i);

        if (url_is_below(url, base))
            FUZZ_MUST(strchr("/?#", url.ptr[i]) || base.ptr[i - 1] == '/');
    }
    FUZZ_MUST(!url_is_below(url, VIEW_LIT("")));
}

/* The first half as the channel's list, the rest as what a client chose. */
static void check_reaction(struct view bytes)
{
    struct view list = view_make(bytes.ptr, bytes.len / 2);
    struct view emoji = view_make(bytes.ptr + bytes.len / 2, bytes.len - bytes.len / 2);
    struct view found = reaction_listed(list, emoji);

    FUZZ_MUST(reaction_same(emoji, emoji));
    FUZZ_MUST(reaction_same(list, emoji) == reaction_same(emoji, list));
    if (found.ptr)
        FUZZ_MUST(found.ptr >= list.ptr && found.ptr + found.len <= list.ptr + list.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct view v = view_make(bytes, len);

    check_callable(v);
    check_address(v);
    check_below(v);
    if (len)
        check_reaction(v);
    return 0;
}
