/* Conversations from an older bridge: its ids become ours, so that amo continues in the chat it
 * has. A row is compared with the store before anything is written: a refused row leaves nothing
 * behind and stops no other.
 *
 * From: control.c, some rows of amoctl's file. To: the store. Holds: nothing. */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "core/control/control.h"
#include "core/control/verbs.h"
#include "core/model/router.h"
#include "proto/limits.h"

/* One row while it is looked at. Texts are "" when not given, and live as long as the call. */
struct row {
    struct control_ask *ask;
    int64_t line;
    struct view connector;
    struct view source;
    struct view conversation;
    struct view scope;
    struct view client_id;
    struct view chat_id;
    struct view user_id;
    struct view user_ref;
    struct view phone;
    struct view name;
    const struct reg_scope *account;
    char chat[ID_TEXT_LEN + 1]; /* chat_id and user_ref in amo's spelling */
    char ref[ID_TEXT_LEN + 1];
    struct phone number; /* out of the phone */
    char derived_client[ID_DERIVED_MAX + 1];
    char derived_user[ID_DERIVED_MAX + 1];
    char reason[512]; /* why it is refused */
};

/* What became of it. */
enum {
    ROW_CREATED = 1,
    ROW_UPDATED,
    ROW_UNCHANGED,
    ROW_REFUSED,
};

static int row_read(struct row *r, const struct json_node *node);
static int row_check(struct row *r);
static int row_account(struct row *r);
static int row_find(struct row *r, struct conversation *found);
static int row_create(struct row *r);
static int row_merge(struct row *r, struct conversation *c);

AMO_PRINTF(2, 3) static int refuse(struct row *r, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start stands above */
    (void)vsnprintf(r->reason, sizeof(r->reason), fmt, args); /* a longer one is cut */
    va_end(args);
    return ROW_REFUSED;
}

static int row_apply(struct row *r, const struct json_node *node)
{
    struct conversation found = {0};
    int rc = row_read(r, node);

    rc = rc ? rc : row_check(r);
    rc = rc ? rc : row_account(r);
    rc = rc ? rc : row_find(r, &found);
    if (rc == 0)
        rc = found.id ? row_merge(r, &found) : row_create(r);
    conversation_fini(&found);
    return rc;
}

static void row_tell(const struct row *r)
{
    struct json_writer *w = r->ask->w;

    json_open_object(w, NULL);
    json_add_int(w, "line", r->line);
    json_add_text(w, "reason", view_cut(view_of(r->reason), sizeof(r->reason) - 8));
    json_close_object(w);
}

/* All rows; the counts by what became of them. */
static int import_rows(struct control_ask *ask, const struct json_node *rows, int64_t counts[5],
                       int64_t *ret_unnamed)
{
    int rc = 0;

    json_open_array(ask->w, "refusals");
    for (size_t i = 0; i < json_array_len(rows); i++) {
        struct row r = {.ask = ask};

        rc = row_apply(&r, json_array_at(rows, i));
        if (rc < 0)
            return rc;
        counts[rc]++;
        if (rc == ROW_REFUSED)
            row_tell(&r);
        if (rc == ROW_CREATED && r.user_id.len + r.user_ref.len == 0)
            (*ret_unnamed)++;
    }
    json_close_array(ask->w);
    return 0;
}

int verb_conversation_import(struct control_ask *ask)
{
    const struct json_node *root = json_root(ask->args);
    const struct json_node *rows = json_get(root, "rows");
    int64_t counts[5] = {0};
    int64_t unnamed = 0;
    bool dry = false;
    int rc = 0;

    (void)json_bool(json_get(root, "dry_run"), &dry); /* absent: false */
    if (json_array_len(rows) == 0 || json_array_len(rows) > LIMIT_IMPORT_BATCH)
        return control_fail(ask, EXIT_USAGE, "1 to %u rows at once", LIMIT_IMPORT_BATCH);
    json_open_object(ask->w, NULL);
    if (dry)
        rc = store_savepoint(ask->core->store);
    rc = rc ? rc : import_rows(ask, rows, counts, &unnamed);
    if (rc == 0 && dry)
        rc = store_rollback_to(ask->core->store); /* the rows saw each other, nobody else did */
    if (rc)
        return rc;
    json_add_bool(ask->w, "dry_run", dry);
    json_add_int(ask->w, "created", counts[ROW_CREATED]);
    json_add_int(ask->w, "updated", counts[ROW_UPDATED]);
    json_add_int(ask->w, "unchanged", counts[ROW_UNCHANGED]);
    json_add_int(ask->w, "refused", counts[ROW_REFUSED]);
    json_add_int(ask->w, "unnamed", unnamed);
    json_close_object(ask->w);
    if (!dry)
        log_line(LOG_LEVEL_INFO, "conversations.imported",
                 "created=%lld updated=%lld refused=%lld", (long long)counts[ROW_CREATED],
                 (long long)counts[ROW_UPDATED], (long long)counts[ROW_REFUSED]);
    return EXIT_FINE;
}

/* --- the row by itself ---------------------------------------------------------------------- */

static int row_read_name(struct row *r, const struct json_node *name);

static bool has_control(struct view v)
{
    for (size_t i = 0; i < v.len; i++) {
        unsigned char c = (unsigned char)v.ptr[i];

        if (c < ' ' || c == 0x7f)
            return true;
    }
    return false;
}

static int row_read(struct row *r, const struct json_node *node)
{
    const struct {
        const char *key;
        struct view *to;
        size_t most;
    } fields[] = {
        {"connector",    &r->connector,    LIMIT_ID  },
        {"source",       &r->source,       LIMIT_ID  },
        {"conversation", &r->conversation, LIMIT_ID  },
        {"scope",        &r->scope,        LIMIT_ID  },
        {"client_id",    &r->client_id,    LIMIT_ID  },
        {"chat_id",      &r->chat_id,      LIMIT_ID  },
        {"user_id",      &r->user_id,      LIMIT_ID  },
        {"user_ref",     &r->user_ref,     LIMIT_ID  },
        {"phone",        &r->phone,        LIMIT_NAME},
    };

    (void)json_int(json_get(node, "line"), &r->line); /* absent: 0 */
    for (size_t i = 0; i < AMO_COUNT(fields); i++) {
        int rc = json_text(r->ask->args, json_get(node, fields[i].key), fields[i].to);

        if (rc)
            return rc;
        if (!fields[i].to->ptr)
            *fields[i].to = VIEW_LIT("");
        if (fields[i].to->len > fields[i].most)
            return refuse(r, "%s is longer than %zu bytes", fields[i].key, fields[i].most);
        if (has_control(*fields[i].to))
            return refuse(r, "%s has a control character", fields[i].key);
    }
    return row_read_name(r, json_get(node, "name"));
}

/* It is only shown, so no row is refused for it: too long, it is cut; of something else than
 * letters, it is none. */
static int row_read_name(struct row *r, const struct json_node *name)
{
    int rc = json_text(r->ask->args, name, &r->name);

    if (rc)
        return rc;
    r->name =
        r->name.ptr && !has_control(r->name) ? view_cut(r->name, LIMIT_NAME) : VIEW_LIT("");
    return 0;
}

static int check_uuid(struct row *r, const char *key, struct view *v, char ret[ID_TEXT_LEN + 1])
{
    struct id id;

    if (v->len == 0)
        return 0;
    if (id_parse(*v, &id))
        return refuse(r, "%s is no UUID", key);
    id_format(&id, ret);
    *v = view_of(ret);
    return 0;
}

/* Digits and what people put between them; letters would hide that digits are missing. */
static bool phone_is_fine(struct view phone, const struct phone *number)
{
    size_t n = strlen(number->key);

    for (size_t i = 0; i < phone.len; i++) {
        unsigned char c = (unsigned char)phone.ptr[i];

        if (!isdigit(c) && !strchr(" +-().\t", c) && c < 0x80)
            return false;
    }
    return n >= 3 && n <= 15;
}

/* "7.90055500E+10": a table has made a number of it, and its end is lost. */
static bool is_rounded(struct view v)
{
    size_t i = 0;

    while (i < v.len &&
           (isdigit((unsigned char)v.ptr[i]) || v.ptr[i] == '.' || v.ptr[i] == ','))
        i++;
    return i > 0 && i + 1 < v.len && (v.ptr[i] == 'E' || v.ptr[i] == 'e') &&
           v.ptr[i + 1] == '+';
}

static int row_check(struct row *r)
{
    int rc = 0;

    if (r->connector.len == 0)
        return refuse(r, "connector is missing");
    phone_read(r->phone, false,
               &r->number); /* whether there is one; row_account() knows which */
    if (r->phone.len && !phone_is_fine(r->phone, &r->number))
        return refuse(r, "phone is no number of 3 to 15 digits (a table's 7.9E+10, perhaps)");
    if (is_rounded(r->conversation))
        return refuse(r, "conversation is a rounded number (a table's 7.9E+10)");
    if (r->conversation.len == 0 && r->number.key[0] == '\0')
        return refuse(r, "neither conversation nor phone: the service could not be told whose "
                         "chat it is");
    rc = check_uuid(r, "chat_id", &r->chat_id, r->chat);
    rc = rc ? rc : check_uuid(r, "user_ref", &r->user_ref, r->ref);
    if (rc)
        return rc;
    if (r->client_id.len == 0 && (r->chat_id.len == 0 || r->user_ref.len == 0))
        return refuse(r,
                      "neither client_id nor chat_id with user_ref: amo would make a new chat");
    return 0;
}

/* The account the service's messages of this source go to; a row that says another one would
 * never be found by them. */
static int row_account(struct row *r)
{
    const struct registry *reg = r->ask->core->turn->registry;
    const struct reg_scope *scope = NULL;
    bool known = false;

    if (!registry_connector(reg, r->connector))
        return refuse(r, "no connector %.*s", (int)r->connector.len, r->connector.ptr);
    scope = registry_scope_of_source(reg, r->connector, r->source, &known);
    if (!scope && known)
        return refuse(r, "connector %.*s has no account", (int)r->connector.len,
                      r->connector.ptr);
    if (!scope)
        return refuse(r, "source %.*s is listed for no account (amoctl source add)",
                      (int)r->source.len, r->source.ptr);
    if (r->scope.len && !registry_scope(reg, r->scope))
        return refuse(r, "no account %.*s", (int)r->scope.len, r->scope.ptr);
    if (r->scope.len && !view_is(r->scope, scope->id))
        return refuse(r, "connector and source belong to account %s", scope->id);
    r->account = scope;
    r->scope = view_of(scope->id);
    phone_read(r->phone, phone_abroad(reg, r->scope), &r->number);
    return 0;
}

/* --- what is known of it -------------------------------------------------------------------- */

/* @rc is of a look-up into @c: keep it in @found, or see that it is the same one. */
static int found_one(struct row *r, int rc, const char *key, struct conversation *c,
                     struct conversation *found)
{
    int64_t other = c->id;

    if (rc == STORE_E_NONE)
        return 0;
    if (rc)
        return rc;
    if (!found->id) {
        *found = *c; /* handed over */
        return 0;
    }
    conversation_fini(c);
    return other == found->id
               ? 0
               : refuse(r,
                        "%s is already used by another conversation (number %lld; "
                        "amoctl conversation show)",
                        key, (long long)other);
}

/* Under its source, or under none: so does a message of the service. */
static int find_thread(struct row *r, struct conversation *found)
{
    struct store *s = r->ask->core->store;
    struct conversation c = {0};
    int rc = STORE_E_NONE;

    if (r->conversation.len)
        rc = store_conversation_by_service(s, r->connector, r->source, r->conversation, &c);
    if (rc == STORE_E_NONE && r->conversation.len && r->source.len)
        rc = store_conversation_by_service(s, r->connector, VIEW_LIT(""), r->conversation, &c);
    return found_one(r, rc, "conversation", &c, found);
}

static int row_find(struct row *r, struct conversation *found)
{
    struct store *s = r->ask->core->store;
    struct view id = r->conversation.len ? r->conversation : view_of(r->number.key);
    struct conversation c = {0};
    int rc = router_client_id(r->connector, r->source, id, r->derived_client);

    /* as a client is called who is first met by phone, or by conversation */
    rc = rc ? rc
            : id_derive(r->connector, VIEW_NONE, r->number.key[0] ? view_of(r->number.key) : id,
                        r->derived_user);
    rc = rc ? rc : find_thread(r, found);
    if (rc)
        return rc;
    rc = store_conversation_by_client(
        s, r->scope, r->client_id.len ? r->client_id : view_of(r->derived_client), &c);
    rc = found_one(r, rc, "client_id", &c, found);
    if (rc || r->chat_id.len == 0)
        return rc;
    memset(&c, 0, sizeof(c));
    rc = store_conversation_by_chat(s, r->scope, r->chat_id, &c);
    return found_one(r, rc, "chat_id", &c, found);
}

/* --- new ------------------------------------------------------------------------------------ */

static int row_create(struct row *r)
{
    struct store *s = r->ask->core->store;
    struct conversation c = {0};
    int rc = text_set(&c.connector, r->connector);

    c.source = mem_strndup(r->source.ptr, r->source.len);
    rc = c.source ? rc : -ENOMEM;
    rc = rc ? rc : text_set(&c.scope, r->scope);
    rc = rc ? rc
            : text_set(&c.client_id,
                       r->client_id.len ? r->client_id : view_of(r->derived_client));
    rc = rc ? rc : text_set(&c.user_id, r->user_id.len ? r->user_id : view_of(r->derived_user));
    rc = rc ? rc : text_set(&c.service_id, r->conversation);
    rc = rc ? rc : text_set(&c.chat_id, r->chat_id);
    rc = rc ? rc : text_set(&c.user_ref, r->user_ref);
    rc = rc ? rc : text_set(&c.phone, view_of(r->number.key));
    rc = rc ? rc : text_set(&c.number, view_of(r->number.number));
    rc = rc ? rc : text_set(&c.name, r->name);
    /* The older bridge's id of the chat is known to amo. Where ours of the client may be new there,
     * amo's is named beside it: now, or once a manager's message has taught it. */
    c.linked = r->client_id.len > 0;
    c.amo_born = r->user_ref.len > 0 || r->user_id.len == 0;
    rc = rc ? rc : store_conversation_add(s, &c);
    if (rc == 0 && r->chat_id.len)
        rc = store_chat_put(s, r->scope, r->chat_id, c.id);
    conversation_fini(&c);
    return rc ? rc : ROW_CREATED;
}

/* --- known already -------------------------------------------------------------------------- */

static bool same(const char *have, struct view v)
{
    return have && view_is(v, have);
}

/* Sets a text that is another one. */
static int put(char **field, struct view v, bool *changed)
{
    if (v.len == 0 || same(*field, v))
        return 0;
    *changed = true;
    return text_set(field, v);
}

/* Sets a text that is missing. */
static int learn(char **field, struct view v, bool *changed)
{
    return *field && (*field)[0] ? 0 : put(field, v, changed);
}

/* The service's side: what is known must not be contradicted. */
static int merge_thread(struct row *r, struct conversation *c, bool *changed)
{
    int rc = 0;

    if (!same(c->scope, r->scope) || !same(c->connector, r->connector))
        return refuse(r,
                      "it is a conversation of connector %s and account %s already (number "
                      "%lld)",
                      c->connector, c->scope, (long long)c->id);
    if (r->conversation.len && c->service_id && !same(c->service_id, r->conversation))
        return refuse(r,
                      "client_id or chat_id is already used by the service's conversation %s",
                      c->service_id);
    if (r->source.len && c->source[0] && !same(c->source, r->source))
        return refuse(r, "it is a conversation of source %s already (number %lld)", c->source,
                      (long long)c->id);
    rc = learn(&c->service_id, r->conversation, changed);
    rc = rc ? rc : learn(&c->source, r->source, changed);
    if (!c->phone)
        rc = rc ? rc : put(&c->number, view_of(r->number.number), changed);
    rc = rc ? rc : learn(&c->phone, view_of(r->number.key), changed);
    return rc ? rc : learn(&c->name, r->name, changed);
}

/* The row's chat becomes the one that is written to. */
static int merge_chat(struct row *r, struct conversation *c, bool *changed)
{
    bool another = r->chat_id.len && c->chat_id && !same(c->chat_id, r->chat_id);
    bool was_linked = c->linked;
    bool was_born = c->amo_born;
    int rc = 0;

    if (!another && r->user_ref.len && c->user_ref && !same(c->user_ref, r->user_ref))
        return refuse(r, "user_ref is not the client that is known (%s)", c->user_ref);
    rc = put(&c->client_id, r->client_id, changed);
    rc = rc ? rc : put(&c->user_id, r->user_id, changed);
    rc = rc ? rc : put(&c->chat_id, r->chat_id, changed);
    rc = rc ? rc : put(&c->user_ref, r->user_ref, changed);
    c->linked = another ? r->client_id.len > 0 : c->linked || r->client_id.len > 0;
    if (r->user_ref.len && *changed)
        c->amo_born = true;
    *changed = *changed || c->linked != was_linked || c->amo_born != was_born;
    return rc;
}

/* One conversation may hold several chats of amo: a linked one stays the one that is written to,
 * and a manager's words out of the row's chat also find their way. */
static int merge_other_chat(struct row *r, const struct conversation *c)
{
    if (r->chat_id.len == 0)
        return refuse(r,
                      "the conversation is known to amo as %s already, and the row names no "
                      "chat_id",
                      c->client_id);
    return 0;
}

static int row_merge(struct row *r, struct conversation *c)
{
    struct store *s = r->ask->core->store;
    struct conversation holder = {0};
    bool other_id = r->client_id.len && !same(c->client_id, r->client_id);
    bool other_chat = r->chat_id.len && c->chat_id && !same(c->chat_id, r->chat_id);
    bool changed = false;
    bool new_chat = false;
    int rc = merge_thread(r, c, &changed);

    if (rc)
        return rc;
    rc = c->linked && (other_id || other_chat) ? merge_other_chat(r, c)
                                               : merge_chat(r, c, &changed);
    if (rc == 0 && r->chat_id.len) {
        rc = store_conversation_by_chat(s, r->scope, r->chat_id, &holder);
        new_chat = rc == STORE_E_NONE;
        conversation_fini(&holder);
        rc = new_chat ? store_chat_put(s, r->scope, r->chat_id, c->id) : rc;
    }
    if (rc == 0 && changed)
        rc = store_conversation_update(s, c);
    if (rc)
        return rc;
    return changed || new_chat ? ROW_UPDATED : ROW_UNCHANGED;
}
