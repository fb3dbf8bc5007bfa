/* Short names of accounts, from core's list of them. */

#include "tools/ctl/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ids.h"
#include "base/json.h"
#include "base/mem.h"
#include "tools/common/text.h"
#include "tools/ctl/core_call.h"
#include "tools/ctl/verbs.h"

#define NAMES_WAIT_MS 2000 /* what they are for is there already */

#define UUID_LEN   36
#define SHORT_LEN  8
#define TITLE_MOST 24 /* columns */

static bool is_uuid(const char *at)
{
    struct id id;

    return id_parse(view_make(at, UUID_LEN), &id) == 0;
}

/* "<uuid>_<uuid>", as amo makes them; others are short already. */
static bool is_scope(struct view v)
{
    return v.len == 2 * UUID_LEN + 1 && v.ptr[UUID_LEN] == '_' && is_uuid(v.ptr) &&
           is_uuid(v.ptr + UUID_LEN + 1);
}

bool names_are_wanted(struct view json)
{
    for (size_t i = UUID_LEN; i + UUID_LEN < json.len; i++) {
        if (json.ptr[i] == '_' &&
            is_scope(view_make(json.ptr + i - UUID_LEN, 2 * UUID_LEN + 1)))
            return true;
    }
    return false;
}

static const char *account_of(struct view scope)
{
    return scope.ptr + UUID_LEN + 1;
}

static int by_account(const void *a, const void *b)
{
    const struct name *x = a;
    const struct name *y = b;
    int rc = memcmp(account_of(x->scope), account_of(y->scope), UUID_LEN);

    return rc ? rc : memcmp(x->scope.ptr, y->scope.ptr, UUID_LEN);
}

int names_init(struct names *n, struct json *doc)
{
    const struct json_node *list = doc ? json_root(doc) : NULL;

    *n = (struct names){.doc = doc};
    n->rows = mem_zalloc_array(json_array_len(list) + 1, sizeof(*n->rows));
    if (!n->rows) {
        names_fini(n);
        return -ENOMEM;
    }
    for (size_t i = 0; i < json_array_len(list); i++) {
        struct name row = {0};

        if (!json_strict_text(json_get(json_array_at(list, i), "scope_id"), &row.scope) ||
            !is_scope(row.scope))
            continue;
        if (!json_strict_text(json_get(json_array_at(list, i), "title"), &row.title))
            row.title = VIEW_NONE;
        n->rows[n->n++] = row;
    }
    qsort(n->rows, n->n, sizeof(*n->rows), by_account);
    return 0;
}

void names_ask(const char *endpoint, struct names *ret)
{
    struct core_answer answer;

    core_answer_init(&answer);
    (void)!names_init(ret, core_ask(endpoint, view_of(amoctl_names_verb), VIEW_LIT("{}"),
                                    NAMES_WAIT_MS, &answer)); /* no memory: no names */
    core_answer_fini(&answer);
}

void names_fini(struct names *n)
{
    json_free(n->doc);
    mem_free(n->rows);
    *n = (struct names){0};
}

static bool begin_alike(const struct name *a, const struct name *b)
{
    return memcmp(account_of(a->scope), account_of(b->scope), SHORT_LEN) == 0;
}

/* The account's eight characters if no other account begins so; else the channel's with them; 0 when
 * these are another's as well. */
static size_t short_id(const struct names *n, const struct name *of, char *ret)
{
    const struct name *first = of;
    const struct name *last = of;

    while (first > n->rows && begin_alike(first - 1, of))
        first--;
    while (last + 1 < n->rows + n->n && begin_alike(last + 1, of))
        last++;
    memcpy(ret, account_of(of->scope), SHORT_LEN);
    if (first == last)
        return SHORT_LEN;
    for (; first <= last; first++) {
        if (first != of && memcmp(first->scope.ptr, of->scope.ptr, SHORT_LEN) == 0)
            return 0;
    }
    memcpy(ret, of->scope.ptr, SHORT_LEN);
    ret[SHORT_LEN] = '_';
    memcpy(ret + SHORT_LEN + 1, account_of(of->scope), SHORT_LEN);
    return (size_t)2 * SHORT_LEN + 1;
}

bool names_put(const struct names *n, struct view scope, bool titled, struct buf *out)
{
    static const char destination[] = "scope:";
    bool to = view_starts(scope, destination);
    size_t skip = to ? strlen(destination) : 0;
    struct name key = {.scope = to ? view_make(scope.ptr + skip, scope.len - skip) : scope};
    const struct name *found = NULL;
    char id[2 * SHORT_LEN + 1];
    size_t len = 0;

    if (n->n > 0 && is_scope(key.scope))
        found = bsearch(&key, n->rows, n->n, sizeof(*n->rows), by_account);
    len = found ? short_id(n, found, id) : 0;
    if (len == 0)
        return false;
    (void)buf_add_str(out, to ? destination : ""); /* errors stick in the buf */
    (void)buf_add(out, id, len);
    if (titled && found->title.len > 0) {
        struct view rest = found->title;
        struct view title = text_line(&rest, TITLE_MOST);

        (void)buf_add_char(out, ' ');
        (void)buf_add_view(out, title);
        (void)buf_add_str(out, rest.len ? "..." : "");
    }
    return true;
}
