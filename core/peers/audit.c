/* Who has had core do what.
 *
 * From: control.c, for each call. To: the log and the store. Holds: nothing. */

#include "core/peers/audit.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/num.h"
#include "core/store/peers.h"
#include "proto/bus/callers.h"
#include "proto/control.h"
#include "proto/limits.h"

#define PASSWD_FILE "/etc/passwd"
#define PASSWD_MAX  ((size_t)1 << 20) /* bytes; a host with more users shows their numbers */
#define IDS_SHOWN   5
#define PHONE_MIN   9 /* digits */
#define SAID_MIN    3 /* bytes; a number of ours is nobody's name */

/* Their values are ids, names, numbers and flags, which may be in a log. */
static const char *const shown[] = {
    "name",    "kind",  "id",     "ids",  "channel",       "account", "connector",  "scope_id",
    "source",  "to",    "finish", "only", "overlap_hours", "move",    "yes",        "dry_run",
    "no_call", "none",  "undo",   "what", "conversation",  "unowned", "may_double", "segment",
    "reveal",  "after", "limit",  "at",   "destination",
};

/* --- the user --------------------------------------------------------------------------------- */

/* The next of the fields of @line, which are separated by ':'. */
static struct view next_field(struct view *line)
{
    const char *end = line->len ? memchr(line->ptr, ':', line->len) : NULL;
    struct view field = end ? view_make(line->ptr, (size_t)(end - line->ptr)) : *line;
    size_t used = end ? field.len + 1 : field.len;

    *line = view_make(line->ptr + used, line->len - used);
    return field;
}

static bool name_of(struct view file, uint64_t uid, char ret[AUDIT_USER_MAX])
{
    char space[LOG_VALUE_MAX];

    while (file.len) {
        const char *end = memchr(file.ptr, '\n', file.len);
        struct view line = end ? view_make(file.ptr, (size_t)(end - file.ptr)) : file;
        size_t used = end ? line.len + 1 : line.len;
        struct view name = next_field(&line);
        uint64_t number = 0;

        (void)next_field(&line); /* the password, which is elsewhere */
        if (num_parse_u64(next_field(&line), &number) == 0 && number == uid && name.len)
            return snprintf(ret, AUDIT_USER_MAX, "%.*s", AUDIT_USER_MAX - 1,
                            log_value(name, space)) > 0;
        file = view_make(file.ptr + used, file.len - used);
    }
    return false;
}

void audit_user(const struct caller *who, char ret[AUDIT_USER_MAX])
{
    struct buf file;

    (void)snprintf(ret, AUDIT_USER_MAX, "unknown");
    if (!who->known)
        return;
    buf_init(&file, PASSWD_MAX);
    if (file_read(PASSWD_FILE, &file) || !name_of(buf_view(&file), who->uid, ret))
        (void)snprintf(ret, AUDIT_USER_MAX, "uid-%llu", (unsigned long long)who->uid);
    buf_fini(&file);
}

/* --- the arguments ---------------------------------------------------------------------------- */

bool audit_only_looks(struct view verb)
{
    return control_kind_of(verb) == CONTROL_LOOKS;
}

/* The digits at the beginning of @v, in groups as people write a phone; how many bytes they take. */
static size_t digits_of(struct view v, size_t *ret_n)
{
    size_t i = 0;

    *ret_n = 0;
    for (; i < v.len; i++) {
        if (isdigit((unsigned char)v.ptr[i]))
            (*ret_n)++;
        else if (v.ptr[i] == '\0' || !strchr("+-(). ", v.ptr[i]))
            break;
    }
    return i;
}

/* Whoever means a message or a conversation may give a client's phone or mail address in its place; and services make
 * their ids of these. Ids of ours, and amo's, are UUIDs, one or two with a '_' between them. */
static bool may_be_person(struct view v)
{
    while (v.len) {
        size_t n = 0;
        size_t used = 1;
        struct id id;

        if (v.len >= ID_TEXT_LEN && id_parse(view_make(v.ptr, ID_TEXT_LEN), &id) == 0)
            used = ID_TEXT_LEN;
        else
            used = num_max(digits_of(v, &n), 1);
        if (n >= PHONE_MIN || v.ptr[0] == '@')
            return true;
        v = view_make(v.ptr + used, v.len - used);
    }
    return false;
}

static void add_value(struct json *args, const struct json_node *n, bool may_be_client,
                      struct buf *out)
{
    char space[LOG_VALUE_MAX];
    struct view v = VIEW_NONE;
    bool flag = false;

    /* errors stick in the buf, whose line is then cut */
    if (json_bool(n, &flag))
        (void)buf_add_str(out, flag ? "yes" : "no");
    else if (json_is_array(n) || json_is_object(n) || json_text(args, n, &v) ||
             (may_be_client && may_be_person(v)))
        (void)buf_add_str(out, "given");
    else
        (void)buf_add_str(out, log_value(v, space));
}

/* "3,7,9", the first few of them. */
static void add_values(struct json *args, const struct json_node *list, struct buf *out)
{
    size_t n = json_array_len(list);

    for (size_t i = 0; i < n && i < IDS_SHOWN; i++) {
        (void)buf_add_str(out, i ? "," : "");
        add_value(args, json_array_at(list, i), true, out);
    }
    if (n > IDS_SHOWN)
        (void)buf_add_f(out, ",and_%zu_more", n - IDS_SHOWN);
}

static bool is_of_client(const char *key)
{
    return strncmp(key, "id", 2) == 0 || strcmp(key, "conversation") == 0 ||
           strcmp(key, "scope_id") == 0;
}

static void add_arguments(struct json *args, struct buf *out)
{
    for (size_t i = 0; i < AMO_COUNT(shown); i++) {
        const struct json_node *n = json_get(json_root(args), shown[i]);
        bool of_client = is_of_client(shown[i]);

        if (!n)
            continue;
        (void)buf_add_f(out, " %s=", shown[i]);
        if (json_is_array(n))
            add_values(args, n, out);
        else
            add_value(args, n, of_client, out);
    }
}

/* What was given and is not shown. */
static const char *const hidden[] = {"phone", "who", "client", "secret", "token", "reply",
                                     "rows",  "url", "title",  "text",   "key",   "message"};

static void add_others(struct json *args, struct buf *out)
{
    size_t n = 0;

    for (size_t i = 0; i < AMO_COUNT(hidden); i++) {
        if (json_get(json_root(args), hidden[i]))
            (void)buf_add_f(out, "%s%s", n++ ? "," : " given=", hidden[i]);
    }
}

static bool flag_of(struct json *args, const char *key)
{
    bool flag = false;

    return args && json_bool(json_get(json_root(args), key), &flag) && flag;
}

static bool leaves_a_trace(struct view verb, struct json *args)
{
    return !audit_only_looks(verb) || flag_of(args, "reveal");
}

bool audit_is_kept(struct view verb, struct json *args)
{
    return leaves_a_trace(verb, args) && !flag_of(args, "dry_run");
}

int audit_keep(struct store *s, const struct audit *a, struct json *args, int64_t *ret_id)
{
    bool changes = control_kind_of(a->verb) == CONTROL_CHANGES &&
                   (strcmp(a->result, "done") == 0 || strcmp(a->result, "asked") == 0);
    struct store_order o = {
        .at_ms = clock_unix_ms(),
        .user = view_of(a->user),
        .verb = a->verb,
        .outcome = view_of(a->result),
        .changes = changes,
    };
    struct buf words;
    int rc = 0;

    buf_init(&words, 4096);
    if (args) {
        add_arguments(args, &words);
        add_others(args, &words);
    }
    o.args = view_cut(view_trim(buf_view(&words), " "), LIMIT_ORDER_BYTES);
    rc = store_order_add(s, &o, changes ? LIMIT_ORDERS : LIMIT_ORDERS_OTHER, ret_id);
    buf_fini(&words);
    return rc;
}

/* Replaces @said in @words, as long as there is room. */
static void leave_out(struct view said, struct buf *words)
{
    for (size_t i = 0; said.len >= SAID_MIN && i + said.len <= words->len; i++) {
        if (memcmp(words->ptr + i, said.ptr, said.len) == 0)
            memset(words->ptr + i, '*', said.len);
    }
}

void audit_words(struct json *args, struct view words, struct buf *ret)
{
    struct view v = VIEW_NONE;

    (void)buf_add_view(ret, view_cut(words, LIMIT_ORDER_BYTES)); /* without memory: no words */
    for (size_t i = 0; args && i < AMO_COUNT(hidden); i++) {
        if (json_text(args, json_get(json_root(args), hidden[i]), &v) == 0)
            leave_out(v, ret);
    }
    for (size_t i = 0; args && i < AMO_COUNT(shown); i++) {
        const struct json_node *n = json_get(json_root(args), shown[i]);

        if (is_of_client(shown[i]) && json_text(args, n, &v) == 0 && may_be_person(v))
            leave_out(v, ret);
    }
}

int audit_end(struct store *s, int64_t id, const char *result, struct view words)
{
    return store_order_end(s, id, result,
                           words.len ? view_cut(words, LIMIT_ORDER_BYTES) : VIEW_NONE);
}

void audit_write(const struct audit *a, int64_t conversation, struct json *args)
{
    char verb[LOG_VALUE_MAX];
    struct buf words;

    if (!leaves_a_trace(a->verb, args))
        return;
    buf_init(&words, 2048);
    if (args) {
        add_arguments(args, &words);
        add_others(args, &words);
    }
    if (conversation)
        (void)buf_add_f(&words, " conversation=%lld", (long long)conversation);
    log_line(LOG_LEVEL_INFO, "operator.verb", "user=%s uid=%lld pid=%lld verb=%s result=%s%s",
             a->user, a->who->known ? (long long)a->who->uid : -1, (long long)a->who->pid,
             log_value(a->verb, verb), a->result, buf_str(&words));
    buf_fini(&words);
}
