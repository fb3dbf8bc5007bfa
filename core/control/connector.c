/* Verbs that change connectors: made, rotated, removed.
 *
 * From: control.c. To: the store and core_registry_changed. Holds: nothing. */

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/url.h"
#include "core/control/control.h"
#include "core/control/moves.h"
#include "core/control/rotation.h"
#include "core/control/verbs.h"
#include "proto/limits.h"
#include "proto/sign.h"

static bool name_is_fine(struct view name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!islower((unsigned char)name.ptr[i]) && !isdigit((unsigned char)name.ptr[i]) &&
            name.ptr[i] != '-')
            return false;
    }
    return name.len >= 1 && name.len <= 20 && name.ptr[0] != '-' && !view_is(name, "amo");
}

/* Derived ids are "<name>-<id>": a name that begins with another one and '-' could meet it. */
static const char *name_meets(const struct registry *r, struct view name)
{
    for (size_t i = 0; i < r->n_connectors; i++) {
        struct view other = view_of(r->connectors[i].name);
        struct view shorter = other.len < name.len ? other : name;
        struct view longer = other.len < name.len ? name : other;

        if (longer.len > shorter.len && longer.ptr[shorter.len] == '-' &&
            memcmp(longer.ptr, shorter.ptr, shorter.len) == 0)
            return r->connectors[i].name;
    }
    return NULL;
}

/* The given secret, or a new one of 32 random bytes shown once. */
static int make_secret(struct control_ask *ask, struct secret *ret)
{
    struct view given = control_arg(ask, "secret");
    unsigned char bytes[32];
    char text[64] = "whsec_";
    int rc = 0;

    if (given.len)
        return webhook_secret_decode(given, ret)
                   ? control_fail(ask, EXIT_USAGE,
                                  "the secret is not base64 of 24 to 64 bytes (whsec_…)")
                   : 0;
    rc = crypto_random(bytes, sizeof(bytes));
    rc = rc ? rc : secret_init(ret, view_make(bytes, sizeof(bytes)));
    if (rc)
        return rc;
    crypto_base64(bytes, sizeof(bytes), text + 6); /* 44 characters and NUL */
    json_add_text(ask->w, "secret", view_of(text));
    secret_wipe(bytes, sizeof(bytes));
    secret_wipe(text, sizeof(text));
    return 0;
}

static int make_token(struct control_ask *ask, struct secret *ret)
{
    struct view given = control_arg(ask, "token");
    unsigned char bytes[32];
    char text[2 * sizeof(bytes) + 1];
    int rc = 0;

    if (given.len)
        return given.len >= 32 && given.len <= LIMIT_ID
                   ? secret_init(ret, given)
                   : control_fail(ask, EXIT_USAGE, "the token has less than 32 bytes");
    rc = crypto_random(bytes, sizeof(bytes));
    if (rc)
        return rc;
    crypto_hex(bytes, sizeof(bytes), text);
    rc = secret_init(ret, view_of(text));
    json_add_text(ask->w, "token", view_of(text));
    secret_wipe(bytes, sizeof(bytes));
    secret_wipe(text, sizeof(text));
    return rc;
}

static int connector_check(struct control_ask *ask, struct view name, struct view url)
{
    const char *meets = name_meets(ask->core->turn->registry, name);
    bool may_dial_private = view_is(control_arg(ask, "allow_private"), "true");
    bool flag = false;

    if (json_bool(json_get(json_root(ask->args), "allow_private"), &flag))
        may_dial_private = flag;
    if (!name_is_fine(name))
        return control_fail(ask, EXIT_USAGE, "the name must be 1 to 20 of a-z, 0-9 and '-'");
    if (meets)
        return control_fail(ask, EXIT_USAGE,
                            "the name could be confused with connector %s in derived ids",
                            meets);
    if (registry_connector(ask->core->turn->registry, name))
        return control_fail(ask, EXIT_FAILED, "this connector exists already");
    if (!view_is(control_arg(ask, "kind"), "http"))
        return control_fail(ask, EXIT_USAGE, "the kind must be http");
    if (!url_is_callable(url) || url.len >= LIMIT_URL)
        return control_fail(ask, EXIT_USAGE, "the url is not http(s)://…");
    if (!url_is_https(url) && !may_dial_private)
        return control_fail(ask, EXIT_USAGE, "plain http needs --allow-private");
    return 0;
}

/* Its secrets are checked as well, and none is made. */
static int connector_tried(struct control_ask *ask, struct reg_connector *con)
{
    bool secret = control_arg(ask, "secret").len > 0;
    bool token = control_arg(ask, "token").len > 0;
    int rc = secret ? make_secret(ask, &con->secrets[0]) : 0;

    rc = rc || !token ? rc : make_token(ask, &con->tokens[0]);
    return rc ? rc
              : control_would(ask, "add the connector with %s secret and %s token",
                              secret ? "this" : "a new", token ? "this" : "a new");
}

/* The answer shows what is made here, once. */
static int connector_make(struct control_ask *ask, struct reg_connector *con)
{
    struct core *c = ask->core;
    int rc = make_secret(ask, &con->secrets[0]);

    rc = rc ? rc : make_token(ask, &con->tokens[0]);
    rc = rc ? rc : rotation_set(ask, NULL, &con->secret_set);
    rc = rc ? rc : rotation_set(ask, NULL, &con->token_set);
    json_close_object(ask->w);
    rc = rc ? rc : store_connector_put(c->store, &c->turn->keys, con);
    rc = rc ? rc : core_registry_changed(c);
    return rc ? rc : control_wait_registry(ask);
}

int verb_connector_add(struct control_ask *ask)
{
    struct view name = VIEW_NONE;
    struct view url = VIEW_NONE;
    struct registry *tmp = NULL;
    struct reg_connector *con = NULL;
    int rc = control_need(ask, "name", &name);

    rc = rc ? rc : control_need(ask, "url", &url);
    rc = rc ? rc : connector_check(ask, name, url);
    rc = rc ? rc : registry_new(&tmp);
    if (rc)
        return rc;
    con = registry_add_connector(tmp);
    rc = con ? control_copy(name, &con->name) : -ENOMEM;
    rc = rc ? rc : control_copy(url, &con->url);
    if (rc == 0 &&
        !json_bool(json_get(json_root(ask->args), "allow_private"), &con->allow_private))
        con->allow_private = false;
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "name", name);
    json_add_text(ask->w, "kind", VIEW_LIT("http"));
    json_add_text(ask->w, "url", url);
    if (rc == 0 && moves_flag(ask, "dry_run"))
        rc = connector_tried(ask, con);
    else
        rc = rc ? rc : connector_make(ask, con);
    registry_free(tmp);
    return rc;
}

/* --- rotation and end ----------------------------------------------------------------------- */

/* What was not there has no copy either. */
static int keep(const struct secret *from, struct secret *to)
{
    return from->bytes ? secret_init(to, secret_view(from)) : 0;
}

/* Which of the two take turns; the other stays as it is. */
struct rotated {
    bool secret;
    bool token;
};

static int rotated_read(struct control_ask *ask, struct rotated *ret)
{
    struct view only = control_arg(ask, "only");

    *ret =
        (struct rotated){.secret = !view_is(only, "token"), .token = !view_is(only, "secret")};
    if (only.len && ret->secret && ret->token)
        return control_fail(ask, EXIT_USAGE, "--only takes secret or token");
    if ((!ret->secret && control_arg(ask, "secret").len) ||
        (!ret->token && control_arg(ask, "token").len))
        return control_fail(ask, EXIT_USAGE, "--only %.*s leaves the other one as it is",
                            (int)only.len, only.ptr);
    return 0;
}

typedef int make_fn(struct control_ask *ask, struct secret *ret);

/* One of the two. @chosen: it takes turns. */
static int rotate_part(struct control_ask *ask, const struct rotation *r, bool chosen,
                       make_fn *make, const struct secret *from, struct secret *to)
{
    int rc = 0;

    if (!chosen || r->finish) {
        rc = keep(&from[0], &to[0]);
        return rc || chosen ? rc : keep(&from[1], &to[1]);
    }
    rc = make(ask, &to[0]);
    return rc || r->overlap_h == 0 ? rc : keep(&from[0], &to[1]);
}

/* Until when what will be the older ones of the row are valid; 0 there will be none. */
static int64_t rotated_until(struct control_ask *ask, const struct reg_connector *con,
                             const struct rotation *r, struct rotated which)
{
    bool stays =
        (!which.secret && con->secrets[1].bytes) || (!which.token && con->tokens[1].bytes);

    if (!r->finish && r->overlap_h != 0)
        return rotation_until(ask->core, r->overlap_h);
    return stays ? con->old_until_ms : 0;
}

/* The row as it will be: texts borrowed of @con, secrets and who set them its own. */
static int rotated_row(struct control_ask *ask, const struct reg_connector *con,
                       const struct rotation *r, struct rotated which,
                       struct reg_connector *row)
{
    int rc = 0;

    *row = *con;
    memset(row->secrets, 0, sizeof(row->secrets));
    memset(row->tokens, 0, sizeof(row->tokens));
    row->secret_set = row->token_set = (struct reg_set){0};
    row->old_until_ms = rotated_until(ask, con, r, which);
    rc = rotation_set(ask, which.secret && !r->finish ? NULL : &con->secret_set,
                      &row->secret_set);
    rc = rc ? rc
            : rotation_set(ask, which.token && !r->finish ? NULL : &con->token_set,
                           &row->token_set);
    rc = rc ? rc : rotate_part(ask, r, which.secret, make_secret, con->secrets, row->secrets);
    return rc ? rc : rotate_part(ask, r, which.token, make_token, con->tokens, row->tokens);
}

/* What a rotation would do; nothing is made. */
static int rotate_tried(struct control_ask *ask, const struct reg_connector *con,
                        const struct rotation *r, struct rotated which)
{
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "name", view_of(con->name));
    json_add_text(ask->w, "rotates",
                  view_of(!which.token    ? "secret"
                          : !which.secret ? "token"
                                          : "secret and token"));
    rotation_json(ask->w, rotated_until(ask, con, r, which));
    return control_would(ask, "%s",
                         r->finish ? "end the rotation: what was before is not valid any more"
                         : r->overlap_h
                             ? "begin a rotation; what was before stays valid for a while"
                             : "replace it; what was before is not valid any more");
}

/* Its secret is another one now: a refused signature may be accepted. */
static void try_signature_anew(struct core *c, struct view name)
{
    struct dest *d = queue_dest(c->queue, DEST_CONNECTOR, name);

    if (d && d->hold == HOLD_FORBIDDEN)
        dest_release(d, clock_mono_ms());
    core_wake(c);
}

int verb_connector_rotate(struct control_ask *ask)
{
    struct core *c = ask->core;
    struct rotation r = {0};
    struct rotated which = {0};
    struct reg_connector row;
    int rc = 0;
    const struct reg_connector *con = control_connector_named(ask, &rc);

    if (!con)
        return rc;
    rc = rotated_read(ask, &which);
    rc = rc ? rc : rotation_read(ask, con->old_until_ms, &r);
    if (rc || moves_flag(ask, "dry_run"))
        return rc ? rc : rotate_tried(ask, con, &r, which);
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "name", view_of(con->name));
    rc = rotated_row(ask, con, &r, which, &row);
    rotation_json(ask->w, row.old_until_ms);
    json_close_object(ask->w);
    rc = rc ? rc : store_connector_put(c->store, &c->turn->keys, &row);
    for (size_t i = 0; i < REGISTRY_SECRETS_MAX; i++) {
        secret_fini(&row.secrets[i]);
        secret_fini(&row.tokens[i]);
    }
    mem_free(row.secret_set.by);
    mem_free(row.token_set.by);
    rc = rc ? rc : core_registry_changed(c); /* @con is gone now */
    if (rc == 0)
        try_signature_anew(c, control_arg(ask, "name"));
    return rc ? rc : control_wait_registry(ask);
}

static int64_t scopes_of(const struct registry *r, const char *connector)
{
    int64_t n = 0;

    for (size_t i = 0; i < r->n_scopes; i++)
        n += !r->scopes[i].disconnected && strcmp(r->scopes[i].connector, connector) == 0;
    return n;
}

/* An operator has mended the service: no more waiting for the next probe. */
int verb_connector_resume(struct control_ask *ask)
{
    bool dry_run = moves_flag(ask, "dry_run");
    struct dest *d = NULL;
    int rc = 0;
    const struct reg_connector *con = control_connector_named(ask, &rc);
    bool held = false;

    if (!con)
        return rc;
    d = queue_dest(ask->core->queue, DEST_CONNECTOR, view_of(con->name));
    held = d && dest_is_held(d);
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "name", view_of(con->name));
    json_add_text(ask->w, "was_held", held ? view_of(hold_reason_name(d->hold)) : VIEW_NONE);
    json_add_int(ask->w, "waiting", d ? (int64_t)d->n_waiting : 0);
    if (dry_run)
        return control_would(ask, "%s",
                             held ? "end the hold and try the service again"
                                  : "change nothing: the connector is not held");
    json_close_object(ask->w);
    if (held) {
        dest_release(d, clock_mono_ms());
        core_wake(ask->core);
    }
    return EXIT_FINE;
}

int verb_connector_remove(struct control_ask *ask)
{
    int rc = 0;
    const struct reg_connector *con = control_connector_named(ask, &rc);

    if (!con)
        return rc;
    if (scopes_of(ask->core->turn->registry, con->name))
        return control_fail(ask, EXIT_FAILED,
                            "accounts that exchange messages with it: %lld; amoctl account "
                            "disconnect first",
                            (long long)scopes_of(ask->core->turn->registry, con->name));
    rc = control_refuse_waiting(ask, NULL, con->name);
    if (rc)
        return rc;
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "removed", view_of(con->name));
    if (moves_flag(ask, "dry_run"))
        return control_would(ask, "delete the connector: nothing is in the way");
    json_close_object(ask->w);
    rc = store_connector_remove(ask->core->store, view_of(con->name));
    rc = rc ? rc : core_registry_changed(ask->core);
    return rc ? rc : control_wait_registry(ask);
}
