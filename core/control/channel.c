/* Verbs about channels: support's answer is imported, its flags are explained, its secret is
 * rotated.
 *
 * From: control.c. To: the store and core_registry_changed. Holds: nothing. */

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/process.h"
#include "base/url.h"
#include "core/control/control.h"
#include "core/control/moves.h"
#include "core/control/rotation.h"
#include "core/control/verbs.h"
#include "core/model/channel_flags.h"
#include "proto/limits.h"

#define ANSWER_MAX ((size_t)1 << 20) /* bytes of support's answer; it has 2,000 */
#define KEPT_MAX   ((size_t)1 << 16) /* bytes of what is kept of it */

/* Where amojo of each segment is, and under which keys support's answers come. */
static const struct segment {
    const char *name;
    const char *url;
    const char *keys[2];
} segments[] = {
    {"ru",    "https://amojo.amocrm.ru",  {"ru", NULL}   },
    {"com",   "https://amojo.amocrm.com", {"com", NULL}  },
    {"kommo", "https://amojo.kommo.com",  {"kommo", "en"}},
};

static const struct segment *segment_named(struct view name)
{
    for (size_t i = 0; i < AMO_COUNT(segments); i++) {
        if (view_is(name, segments[i].name))
            return &segments[i];
    }
    return NULL;
}

/* --- support's answer ----------------------------------------------------------------------- */

/* An answer being imported. Texts are of @doc. */
struct import {
    struct json *doc;
    const struct json_node *n;     /* the channel */
    const struct segment *segment; /* it stood under; NULL: the object came alone */
    size_t n_segments;             /* in the answer */
    struct view id;
    struct view secret;
    struct view code;
    struct view name;
    struct view bot;
    struct view url;
};

/* {"result": {"ru": {…}}, "error": null}, or the inner object alone. */
static const struct json_node *find_channel(const struct json_node *root, struct view wanted,
                                            struct import *im)
{
    const struct json_node *result = json_get(root, "result");
    const struct json_node *within = result ? result : root;
    const struct json_node *found = NULL;

    for (size_t i = 0; i < AMO_COUNT(segments); i++) {
        for (size_t k = 0; k < AMO_COUNT(segments[i].keys) && segments[i].keys[k]; k++) {
            const struct json_node *n = json_get(within, segments[i].keys[k]);

            if (!json_is_object(n))
                continue;
            im->n_segments++;
            if (found && !view_is(wanted, segments[i].name))
                continue; /* the first, or the one that is wanted */
            im->segment = &segments[i];
            found = n;
        }
    }
    if (found)
        return found;
    return json_get(within, "id") ? within : NULL;
}

/* One line; every one seen has 40 hex digits. */
static bool secret_is_fine(struct view secret)
{
    for (size_t i = 0; i < secret.len; i++) {
        if (secret.ptr[i] < ' ' || secret.ptr[i] > '~')
            return false;
    }
    return secret.len > 0 && secret.len <= LIMIT_ID;
}

static int read_text(struct json *doc, const struct json_node *n, const char *path,
                     struct view *ret)
{
    int rc = json_text(doc, json_path(n, path), ret);

    if (rc == 0 && !ret->ptr)
        *ret = VIEW_LIT("");
    return rc;
}

/* Which amojo: as told, else by the answer itself, else Russia's. */
static int import_url(struct control_ask *ask, struct import *im)
{
    struct view wanted = control_arg(ask, "segment");
    const struct segment *s = wanted.len ? segment_named(wanted) : im->segment;

    if (wanted.len && !s)
        return control_fail(ask, EXIT_USAGE, "the segment must be ru, com or kommo");
    if (s && im->segment && s != im->segment)
        return control_fail(ask, EXIT_USAGE,
                            "the answer is of segment %s, and --segment says %s: leave "
                            "--segment out",
                            im->segment->name, s->name);
    im->segment = s;
    im->url = control_arg(ask, "url");
    if (im->url.len == 0)
        im->url = view_of(s ? s->url : segments[0].url);
    if (!url_is_callable(im->url) || im->url.len >= LIMIT_URL)
        return control_fail(ask, EXIT_USAGE, "the amojo URL is not http(s)://host[:port]");
    while (im->url.len && im->url.ptr[im->url.len - 1] == '/')
        im->url.len--;
    return 0;
}

static int import_fields(struct control_ask *ask, struct import *im)
{
    int rc = read_text(im->doc, im->n, "id", &im->id);

    rc = rc ? rc : read_text(im->doc, im->n, "secret_key", &im->secret);
    rc = rc ? rc : read_text(im->doc, im->n, "name", &im->name);
    rc = rc ? rc : read_text(im->doc, im->n, "code", &im->code);
    rc = rc ? rc : read_text(im->doc, im->n, "bot.id", &im->bot);
    if (rc)
        return rc;
    if (im->id.len == 0 || im->id.len > 64 || memchr(im->id.ptr, '_', im->id.len) ||
        memchr(im->id.ptr, '/', im->id.len))
        return control_fail(ask, EXIT_USAGE, "the answer has no usable channel id");
    if (!secret_is_fine(im->secret))
        return control_fail(ask, EXIT_USAGE, "the answer has no usable secret_key");
    return import_url(ask, im);
}

static int import_read(struct control_ask *ask, struct buf *bare, struct import *im)
{
    int rc = json_strip_comments(control_arg(ask, "reply"), bare);

    if (rc == -ENOSPC)
        return control_fail(ask, EXIT_USAGE, "support's answer is longer than 1 MiB");
    rc = rc ? rc : json_parse(buf_view(bare), &im->doc);
    if (rc > 0)
        return control_fail(ask, EXIT_USAGE, "support's answer is not JSON");
    if (rc)
        return rc;
    im->n = find_channel(json_root(im->doc), control_arg(ask, "segment"), im);
    if (!im->n)
        return control_fail(ask, EXIT_USAGE, "support's answer has no result.ru with an id");
    if (im->n_segments > 1 && control_arg(ask, "segment").len == 0)
        return control_fail(
            ask, EXIT_USAGE,
            "the answer holds channels of several segments: --segment says which");
    return import_fields(ask, im);
}

/* The row as it will be; a secret that is new takes turns with the one that is known. */
static int import_row(struct control_ask *ask, const struct import *im, struct reg_channel *ch,
                      bool *ret_rotated)
{
    const struct reg_channel *known = registry_channel(ask->core->turn->registry, im->id);
    int rc = control_copy(im->id, &ch->id);

    rc = rc ? rc : control_copy(im->code, &ch->code);
    rc = rc ? rc : control_copy(im->name, &ch->name);
    rc = rc ? rc : control_copy(im->url, &ch->url);
    rc = rc ? rc : control_copy(im->bot, &ch->bot_id);
    rc = rc ? rc : secret_init(&ch->secrets[0], im->secret);
    *ret_rotated = false;
    if (rc || !known)
        return rc ? rc : rotation_set(ask, NULL, &ch->secret_set);
    *ret_rotated = !secret_equal(secret_view(&known->secrets[0]), im->secret);
    if (*ret_rotated &&
        known->secrets[1].bytes) /* a third one would cut off the first unseen */
        return control_fail(
            ask, EXIT_FAILED,
            secret_equal(secret_view(&known->secrets[1]), im->secret)
                ? "this answer is older: its secret is the one that is being rotated out"
                : "the answer brings another secret while one is being rotated: amoctl channel "
                  "secret --finish first");
    rc = rotation_set(ask, *ret_rotated ? NULL : &known->secret_set, &ch->secret_set);
    if (rc)
        return rc;
    if (*ret_rotated) {
        ch->old_until_ms = rotation_until(ask->core, -1);
        return secret_init(&ch->secrets[1], secret_view(&known->secrets[0]));
    }
    ch->old_until_ms = known->old_until_ms;
    return known->secrets[1].bytes
               ? secret_init(&ch->secrets[1], secret_view(&known->secrets[1]))
               : 0;
}

/* The answer; of a dry run with what would be done. */
static int channel_json(struct control_ask *ask, const struct reg_channel *ch, bool rotated,
                        struct view kept)
{
    bool is_known = registry_channel(ask->core->turn->registry, view_of(ch->id)) != NULL;
    int rc = 0;

    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "id", view_of(ch->id));
    json_add_text(ask->w, "code", view_of(ch->code));
    json_add_text(ask->w, "name", view_of(ch->name));
    json_add_text(ask->w, "url", view_of(ch->url));
    json_add_bool(ask->w, "secret_rotated", rotated);
    rc = channel_flags_tell(kept, "flags", true, ask->w);
    if (rc == 0 && moves_flag(ask, "dry_run"))
        return control_would(ask, "%s",
                             !is_known ? "add the channel"
                             : rotated ? "replace what is known of the channel, and begin a"
                                         " rotation of its secret"
                                       : "replace what is known of the channel; its secret is"
                                         " the same");
    json_close_object(ask->w);
    return rc;
}

static int import_store(struct control_ask *ask, const struct import *im)
{
    struct core *c = ask->core;
    struct registry *tmp = NULL;
    struct reg_channel *ch = NULL;
    struct buf kept;
    struct buf words;
    bool rotated = false;
    int rc = registry_new(&tmp);

    buf_init(&kept, KEPT_MAX);
    buf_init(&words, 1024);
    ch = rc ? NULL : registry_add_channel(tmp);
    rc = ch ? import_row(ask, im, ch, &rotated) : -ENOMEM;
    rc = rc ? rc
            : channel_flags_keep(im->doc, im->n, view_of(im->segment ? im->segment->name : ""),
                                 &kept, &words);
    if (rc == CHANNEL_FLAGS_E_OBJECTION && words.len)
        rc = control_fail(ask, EXIT_USAGE, "%s", buf_str(&words));
    rc = rc ? rc : channel_json(ask, ch, rotated, buf_view(&kept));
    if (!moves_flag(ask, "dry_run")) {
        rc = rc ? rc : store_channel_put(c->store, &c->turn->keys, ch, buf_view(&kept));
        rc = rc ? rc : core_registry_changed(c);
        if (rc == 0 && rotated)
            rotation_release(c, view_of(ch->id));
        rc = rc ? rc : control_wait_registry(ask);
    }
    registry_free(tmp);
    buf_fini(&kept);
    buf_fini(&words);
    return rc;
}

int verb_channel_add(struct control_ask *ask)
{
    struct import im = {0};
    struct buf bare;
    int rc = 0;

    buf_init(&bare, ANSWER_MAX);
    rc = import_read(ask, &bare, &im);
    rc = rc ? rc : import_store(ask, &im);
    json_free(im.doc);
    if (bare.ptr)
        secret_wipe(bare.ptr, bare.len);
    buf_fini(&bare);
    return rc;
}

/* --- looking -------------------------------------------------------------------------------- */

static int64_t scopes_of(const struct registry *r, const char *channel)
{
    int64_t n = 0;

    for (size_t i = 0; i < r->n_scopes; i++)
        n += !r->scopes[i].disconnected && strcmp(r->scopes[i].channel, channel) == 0;
    return n;
}

static void channel_row(struct control_ask *ask, const struct reg_channel *ch)
{
    json_add_text(ask->w, "id", view_of(ch->id));
    json_add_text(ask->w, "code", view_of(ch->code));
    json_add_text(ask->w, "name", view_of(ch->name));
    json_add_text(ask->w, "url", view_of(ch->url));
    json_add_text(ask->w, "bot_id", view_of(ch->bot_id));
    json_add_int(ask->w, "scopes", scopes_of(ask->core->turn->registry, ch->id));
    rotation_json(ask->w, ch->old_until_ms);
}

int verb_channel_list(struct control_ask *ask)
{
    const struct registry *r = ask->core->turn->registry;

    struct view behind = control_arg(ask, "page");
    struct control_page page = {0};
    size_t i = 0;

    while (behind.len && i < r->n_channels && !view_is(behind, r->channels[i++].id))
        continue;
    json_open_array(ask->w, NULL);
    for (; i < r->n_channels && !control_page_is_full(&page); i++) {
        json_open_object(ask->w, NULL);
        channel_row(ask, &r->channels[i]);
        json_close_object(ask->w);
    }
    json_close_array(ask->w);
    if (i < r->n_channels)
        control_go_on(ask, view_of(r->channels[i - 1].id));
    return EXIT_FINE;
}

/* The channel that argument `id` names; NULL with words and @ret_code. */
static const struct reg_channel *channel_named(struct control_ask *ask, int *ret_code)
{
    const struct reg_channel *ch = NULL;
    struct view id = VIEW_NONE;

    *ret_code = control_need(ask, "id", &id);
    if (*ret_code)
        return NULL;
    ch = registry_channel(ask->core->turn->registry, id);
    if (!ch)
        *ret_code = control_unknown(ask, NEAR_CHANNEL, id);
    return ch;
}

int verb_channel_show(struct control_ask *ask)
{
    struct buf kept;
    int rc = 0;
    const struct reg_channel *ch = channel_named(ask, &rc);

    if (!ch)
        return rc;
    buf_init(&kept, KEPT_MAX);
    rc = store_channel_answer(ask->core->store, view_of(ch->id), &kept);
    if (rc == 0) {
        json_open_object(ask->w, NULL);
        channel_row(ask, ch);
        rotation_set_json(ask->w, "secret", &ch->secret_set);
        rc = channel_flags_tell(buf_view(&kept), "flags", false, ask->w);
        json_close_object(ask->w);
    }
    buf_fini(&kept);
    return rc;
}

/* --- secret and end ------------------------------------------------------------------------- */

/* What a new secret, or the end of a rotation, would do. */
static int secret_tried(struct control_ask *ask, const struct reg_channel *ch,
                        struct view secret, int64_t overlap_h)
{
    bool overlaps = secret.len && overlap_h != 0;
    int64_t until_ms = overlaps ? rotation_until(ask->core, overlap_h) : 0;

    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "id", view_of(ch->id));
    rotation_json(ask->w, until_ms);
    return control_would(ask, "%s",
                         !secret.len
                             ? "end the rotation: the previous secret no longer verifies"
                         : overlaps ? "sign with the new secret; the previous one still"
                                      " verifies for a while"
                                    : "sign with the new secret; the previous one no longer"
                                      " verifies");
}

static int secret_store(struct control_ask *ask, const struct reg_channel *ch,
                        struct view secret, int64_t overlap_h)
{
    struct core *c = ask->core;
    struct reg_channel row = *ch; /* texts are borrowed; its secrets are made below */
    int rc = 0;

    if (moves_flag(ask, "dry_run"))
        return secret_tried(ask, ch, secret, overlap_h);
    memset(row.secrets, 0, sizeof(row.secrets));
    row.old_until_ms = 0;
    rc = rotation_set(ask, secret.len ? NULL : &ch->secret_set, &row.secret_set);
    rc = rc ? rc
            : secret_init(&row.secrets[0], secret.len ? secret : secret_view(&ch->secrets[0]));
    if (rc == 0 && secret.len && overlap_h != 0) {
        rc = secret_init(&row.secrets[1], secret_view(&ch->secrets[0]));
        row.old_until_ms = rotation_until(c, overlap_h);
    }
    rc = rc ? rc : store_channel_put(c->store, &c->turn->keys, &row, VIEW_NONE);
    for (size_t i = 0; i < REGISTRY_SECRETS_MAX; i++)
        secret_fini(&row.secrets[i]);
    mem_free(row.secret_set.by);
    if (rc)
        return rc;
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "id", view_of(ch->id));
    rotation_json(ask->w, row.old_until_ms);
    json_close_object(ask->w);
    rotation_release(c, view_of(ch->id));
    rc = core_registry_changed(c); /* @ch is gone now */
    return rc ? rc : control_wait_registry(ask);
}

int verb_channel_secret(struct control_ask *ask)
{
    struct view secret = control_arg(ask, "secret");
    struct rotation r = {0};
    int rc = 0;
    const struct reg_channel *ch = channel_named(ask, &rc);

    if (!ch)
        return rc;
    rc = rotation_read(ask, ch->old_until_ms, &r);
    if (rc)
        return rc;
    if (r.finish)
        return secret_store(ask, ch, VIEW_NONE, 0);
    if (secret.len == 0)
        return control_fail(
            ask, EXIT_USAGE,
            "the new secret is missing: support gives it, --file FILE brings it");
    if (!secret_is_fine(secret))
        return control_fail(ask, EXIT_USAGE,
                            "the new secret is not one line of printable characters");
    if (secret_equal(secret_view(&ch->secrets[0]), secret))
        return control_fail(ask, EXIT_FAILED, "this is the secret that is in use already");
    return secret_store(ask, ch, secret, r.overlap_h);
}

static int remove_make(struct control_ask *ask, void *arg)
{
    return store_channel_remove(ask->core->store, view_of(arg));
}

/* With it go the accounts that left, whose sources may be somebody's then. */
int verb_channel_remove(struct control_ask *ask)
{
    struct moves m = {0};
    int rc = 0;
    const struct reg_channel *ch = channel_named(ask, &rc);

    if (!ch)
        return rc;
    if (scopes_of(ask->core->turn->registry, ch->id))
        return control_fail(
            ask, EXIT_FAILED,
            "accounts that are connected to it: %lld; amoctl account disconnect first",
            (long long)scopes_of(ask->core->turn->registry, ch->id));
    rc = control_refuse_waiting(ask, ch->id, NULL);
    if (rc)
        return rc;
    rc = moves_count(ask, remove_make, ch->id, &m);
    rc = rc ? rc : moves_admitted(ask, &m);
    moves_fini(&m);
    if (rc)
        return rc;
    json_open_object(ask->w, NULL);
    json_add_text(ask->w, "removed", view_of(ch->id));
    moves_end(&m, ask, "delete the channel");
    if (m.dry_run)
        return EXIT_FINE;
    rc = store_channel_remove(ask->core->store, view_of(ch->id));
    rc = rc ? rc : core_registry_changed(ask->core);
    return rc ? rc : control_wait_registry(ask);
}
