/* Short names of accounts, from core's list of them. */

#include "tools/ctl/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ids.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/process.h"
#include "proto/limits.h"
#include "tools/common/text.h"
#include "tools/ctl/core_call.h"
#include "tools/ctl/verbs.h"

#define NAMES_WAIT_MS 2000  /* what they are for is there already */
#define NAMES_MOST    50000 /* ids in one question */

#define UUID_LEN   36
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

/* The next scope id in @json from @from on; VIEW_NONE: there is none. */
static struct view next_scope(struct view json, size_t *from)
{
    for (size_t i = *from + UUID_LEN; i + UUID_LEN < json.len; i++) {
        struct view scope = view_make(json.ptr + i - UUID_LEN, 2 * UUID_LEN + 1);

        if (json.ptr[i] == '_' && is_scope(scope)) {
            *from = i + UUID_LEN;
            return scope;
        }
    }
    return VIEW_NONE;
}

bool names_are_wanted(struct view json)
{
    size_t from = 0;

    return next_scope(json, &from).ptr != NULL;
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
        if (!json_strict_text(json_get(json_array_at(list, i), "short"), &row.brief))
            row.brief = VIEW_NONE;
        n->rows[n->n++] = row;
    }
    qsort(n->rows, n->n, sizeof(*n->rows), by_account);
    return 0;
}

/* Each of them once, as the argument of the question. */
static int add_question(const struct name *ids, size_t n, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_open_object(&w, NULL);
    json_open_array(&w, "scope_ids");
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || by_account(&ids[i - 1], &ids[i]) != 0)
            json_add_text(&w, NULL, ids[i].scope);
    }
    json_close_array(&w);
    json_close_object(&w);
    return buf_error(out);
}

/* Which they are: at most NAMES_MOST. NULL: no memory. */
static struct name *scopes_in(struct view json, size_t *ret_n)
{
    struct name *ids = NULL;
    size_t from = 0;
    size_t n = 0;

    while (n < NAMES_MOST && next_scope(json, &from).ptr)
        n++;
    ids = mem_zalloc_array(n + 1, sizeof(*ids));
    from = 0;
    for (size_t i = 0; ids && i < n; i++)
        ids[i].scope = next_scope(json, &from);
    if (ids)
        qsort(ids, n, sizeof(*ids), by_account);
    *ret_n = n;
    return ids;
}

void names_ask(const char *endpoint, struct view json, struct names *ret)
{
    struct core_answer answer;
    struct json *doc = NULL;
    struct buf question;
    size_t n = 0;
    struct name *ids = scopes_in(json, &n);

    core_answer_init(&answer);
    buf_init(&question, LIMIT_CONTROL_BYTES);
    if (ids && add_question(ids, n, &question) == 0)
        core_call_all(endpoint, view_of(amoctl_names_verb), buf_view(&question), NAMES_WAIT_MS,
                      &answer);
    if (answer.code == EXIT_FINE && json_parse(buf_view(&answer.json), &doc))
        doc = NULL;
    (void)!names_init(ret, doc); /* no memory: no names */
    core_answer_fini(&answer);
    buf_fini(&question);
    mem_free(ids);
}

void names_fini(struct names *n)
{
    json_free(n->doc);
    mem_free(n->rows);
    *n = (struct names){0};
}

bool names_put(const struct names *n, struct view scope, bool titled, struct buf *out)
{
    static const char destination[] = "scope:";
    bool to = view_starts(scope, destination);
    size_t skip = to ? strlen(destination) : 0;
    struct name key = {.scope = to ? view_make(scope.ptr + skip, scope.len - skip) : scope};
    const struct name *found = NULL;

    if (n->n > 0 && is_scope(key.scope))
        found = bsearch(&key, n->rows, n->n, sizeof(*n->rows), by_account);
    if (!found || found->brief.len == 0)
        return false;
    (void)buf_add_str(out, to ? destination : ""); /* errors stick in the buf */
    (void)buf_add_view(out, found->brief);
    if (titled && found->title.len > 0) {
        struct view rest = found->title;
        struct view title = text_line(&rest, TITLE_MOST);

        (void)buf_add_char(out, ' ');
        (void)buf_add_view(out, title);
        (void)buf_add_str(out, rest.len ? "..." : "");
    }
    return true;
}
