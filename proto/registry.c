/* The registry in memory: adding and finding rows, encoding them for a role with the secrets
 * that it may see, and decoding. */

#include "proto/registry.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "proto/pack.h"

int registry_new(struct registry **ret_registry)
{
    struct registry *r = mem_zalloc(sizeof(*r));

    if (!r)
        return -ENOMEM;
    *ret_registry = r;
    return 0;
}

static void channel_fini(struct reg_channel *c)
{
    mem_free(c->id);
    mem_free(c->code);
    mem_free(c->name);
    mem_free(c->url);
    mem_free(c->bot_id);
    mem_free(c->reactions_list);
    mem_free(c->secret_set.by);
    for (size_t i = 0; i < REGISTRY_SECRETS_MAX; i++)
        secret_fini(&c->secrets[i]);
}

static void scope_fini(struct reg_scope *s)
{
    mem_free(s->id);
    mem_free(s->channel);
    mem_free(s->account);
    mem_free(s->connector);
    mem_free(s->title);
    mem_free(s->default_source);
}

static void connector_fini(struct reg_connector *c)
{
    mem_free(c->name);
    mem_free(c->url);
    mem_free(c->secret_set.by);
    mem_free(c->token_set.by);
    for (size_t i = 0; i < REGISTRY_SECRETS_MAX; i++) {
        secret_fini(&c->secrets[i]);
        secret_fini(&c->tokens[i]);
    }
}

static void source_fini(struct reg_source *s)
{
    mem_free(s->connector);
    mem_free(s->source);
    mem_free(s->scope);
}

void registry_free(struct registry *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_channels; i++)
        channel_fini(&r->channels[i]);
    for (size_t i = 0; i < r->n_scopes; i++)
        scope_fini(&r->scopes[i]);
    for (size_t i = 0; i < r->n_connectors; i++)
        connector_fini(&r->connectors[i]);
    for (size_t i = 0; i < r->n_sources; i++)
        source_fini(&r->sources[i]);
    mem_free(r->channels);
    mem_free(r->scopes);
    mem_free(r->connectors);
    mem_free(r->sources);
    mem_free(r);
}

/* One more cleared element; doubles the room at every power of two. */
static void *array_add(void **array, size_t *n, size_t size)
{
    if ((*n & (*n - 1)) == 0) {
        void *p = mem_realloc(*array, (*n ? *n * 2 : 1) * size);

        if (!p)
            return NULL;
        *array = p;
    }
    return memset((char *)*array + (*n)++ * size, 0, size);
}

struct reg_channel *registry_add_channel(struct registry *r)
{
    void *array = r->channels;
    void *row = array_add(&array, &r->n_channels, sizeof(*r->channels));

    r->channels = array;
    return row;
}

struct reg_scope *registry_add_scope(struct registry *r)
{
    void *array = r->scopes;
    void *row = array_add(&array, &r->n_scopes, sizeof(*r->scopes));

    r->scopes = array;
    return row;
}

struct reg_connector *registry_add_connector(struct registry *r)
{
    void *array = r->connectors;
    void *row = array_add(&array, &r->n_connectors, sizeof(*r->connectors));

    r->connectors = array;
    return row;
}

struct reg_source *registry_add_source(struct registry *r)
{
    void *array = r->sources;
    void *row = array_add(&array, &r->n_sources, sizeof(*r->sources));

    r->sources = array;
    return row;
}

const struct reg_channel *registry_channel(const struct registry *r, struct view id)
{
    for (size_t i = 0; r && i < r->n_channels; i++) {
        if (view_is(id, r->channels[i].id))
            return &r->channels[i];
    }
    return NULL;
}

/* --- rows in order ---------------------------------------------------------------------------- */

static int compare_scope(const struct reg_scope *s, struct view id)
{
    return view_compare(view_of(s->id), id);
}

static int compare_source(const struct reg_source *s, struct view connector, struct view source)
{
    int order = view_compare(view_of(s->connector), connector);

    return order ? order : view_compare(view_of(s->source), source);
}

void registry_ready(struct registry *r)
{
    size_t scopes = r->n_scopes > 0;
    size_t sources = r->n_sources > 0;

    while (scopes < r->n_scopes &&
           compare_scope(&r->scopes[scopes - 1], view_of(r->scopes[scopes].id)) < 0)
        scopes++;
    while (sources < r->n_sources &&
           compare_source(&r->sources[sources - 1], view_of(r->sources[sources].connector),
                          view_of(r->sources[sources].source)) < 0)
        sources++;
    r->n_scopes_ordered = scopes;
    r->n_sources_ordered = sources;
}

/* The first ordered source that does not stand before this one. */
static size_t source_place(const struct registry *r, struct view connector, struct view source)
{
    size_t from = 0;
    size_t to = r->n_sources_ordered;

    while (from < to) {
        size_t half = from + (to - from) / 2;

        if (compare_source(&r->sources[half], connector, source) < 0)
            from = half + 1;
        else
            to = half;
    }
    return from;
}

const struct reg_scope *registry_scope(const struct registry *r, struct view id)
{
    size_t from = 0;
    size_t to = r ? r->n_scopes_ordered : 0;

    while (from < to) {
        size_t half = from + (to - from) / 2;
        int order = compare_scope(&r->scopes[half], id);

        if (order == 0)
            return &r->scopes[half];
        if (order < 0)
            from = half + 1;
        else
            to = half;
    }
    for (size_t i = r ? r->n_scopes_ordered : 0; r && i < r->n_scopes; i++) {
        if (view_is(id, r->scopes[i].id))
            return &r->scopes[i];
    }
    return NULL;
}

const struct reg_source *registry_source(const struct registry *r, struct view connector,
                                         struct view source)
{
    size_t at = r ? source_place(r, connector, source) : 0;

    if (r && at < r->n_sources_ordered &&
        compare_source(&r->sources[at], connector, source) == 0)
        return &r->sources[at];
    for (size_t i = r ? r->n_sources_ordered : 0; r && i < r->n_sources; i++) {
        if (view_is(connector, r->sources[i].connector) &&
            view_is(source, r->sources[i].source))
            return &r->sources[i];
    }
    return NULL;
}

size_t registry_scopes_behind(const struct registry *r, struct view id)
{
    size_t from = 0;
    size_t to = r->n_scopes_ordered;

    while (from < to) {
        size_t half = from + (to - from) / 2;

        if (compare_scope(&r->scopes[half], id) <= 0)
            from = half + 1;
        else
            to = half;
    }
    for (size_t i = r->n_scopes_ordered; i < r->n_scopes; i++) {
        if (view_is(id, r->scopes[i].id))
            return i + 1;
    }
    return from;
}

size_t registry_sources_behind(const struct registry *r, struct view connector,
                               struct view source)
{
    const struct reg_source *here = registry_source(r, connector, source);

    return here ? (size_t)(here - r->sources) + 1 : source_place(r, connector, source);
}

static bool has_sources(const struct registry *r, struct view connector)
{
    size_t at = source_place(r, connector, VIEW_LIT(""));

    if (at < r->n_sources_ordered && view_is(connector, r->sources[at].connector))
        return true;
    for (at = r->n_sources_ordered; at < r->n_sources; at++) {
        if (view_is(connector, r->sources[at].connector))
            return true;
    }
    return false;
}

const struct reg_scope *registry_scope_connected(const struct registry *r, struct view id)
{
    const struct reg_scope *s = registry_scope(r, id);

    return s && !s->disconnected ? s : NULL;
}

const struct reg_connector *registry_connector(const struct registry *r, struct view name)
{
    for (size_t i = 0; r && i < r->n_connectors; i++) {
        if (view_is(name, r->connectors[i].name))
            return &r->connectors[i];
    }
    return NULL;
}

struct view registry_scope_channel(struct view scope_id)
{
    const char *at = scope_id.len ? memchr(scope_id.ptr, '_', scope_id.len) : NULL;

    return at ? view_make(scope_id.ptr, (size_t)(at - scope_id.ptr)) : scope_id;
}

struct view registry_scope_account(struct view scope_id)
{
    size_t n = registry_scope_channel(scope_id).len;

    return n < scope_id.len ? view_make(scope_id.ptr + n + 1, scope_id.len - n - 1) : VIEW_NONE;
}

const struct reg_scope *registry_scope_of_source(const struct registry *r,
                                                 struct view connector, struct view source,
                                                 bool *ret_known)
{
    const struct reg_source *listed = registry_source(r, connector, source);
    const struct reg_scope *only = NULL;
    size_t n_connected = 0;
    size_t n_left = 0;

    *ret_known = true;
    if (listed) {
        only = registry_scope_connected(r, view_of(listed->scope));
        if (only && !view_is(connector, only->connector))
            only = NULL; /* it exchanges messages with another one now */
        *ret_known = only != NULL;
        return only; /* it is this one's, or of one who left: nobody else's */
    }
    /* two are enough to know that it is nobody's */
    for (size_t i = 0; r && i < r->n_scopes && n_connected < 2; i++) {
        if (!view_is(connector, r->scopes[i].connector))
            continue;
        n_left += r->scopes[i].disconnected;
        n_connected += !r->scopes[i].disconnected;
        if (!r->scopes[i].disconnected)
            only = &r->scopes[i];
    }
    if (n_connected == 0 || (n_connected == 1 && (n_left == 0 || !has_sources(r, connector))))
        return only;
    *ret_known = false;
    return NULL;
}

static void put_pair(msgpack_packer *pk, const char *key, const char *value)
{
    pack_key(pk, key);
    pack_put_text(pk, view_of(value ? value : ""));
}

static void put_secrets(msgpack_packer *pk, const char *key, const struct secret *secrets,
                        bool may_see)
{
    size_t n = 0;

    while (may_see && n < REGISTRY_SECRETS_MAX && secrets[n].bytes)
        n++;
    pack_key(pk, key);
    (void)msgpack_pack_array(pk, n);
    for (size_t i = 0; i < n; i++)
        pack_put_bin(pk, secret_view(&secrets[i]));
}

static void put_bool(msgpack_packer *pk, const char *key, bool value)
{
    pack_key(pk, key);
    (void)(value ? msgpack_pack_true(pk) : msgpack_pack_false(pk));
}

static void put_channels(msgpack_packer *pk, const struct registry *r)
{
    pack_key(pk, "channels");
    (void)msgpack_pack_array(pk, r->n_channels);
    for (size_t i = 0; i < r->n_channels; i++) {
        const struct reg_channel *c = &r->channels[i];

        (void)msgpack_pack_map(pk, 6);
        put_pair(pk, "id", c->id);
        put_pair(pk, "code", c->code);
        put_pair(pk, "name", c->name);
        put_pair(pk, "url", c->url);
        put_pair(pk, "bot_id", c->bot_id);
        put_secrets(pk, "secrets", c->secrets, true);
    }
}

static void put_connectors(msgpack_packer *pk, const struct registry *r, enum role role)
{
    pack_key(pk, "connectors");
    (void)msgpack_pack_array(pk, r->n_connectors);
    for (size_t i = 0; i < r->n_connectors; i++) {
        const struct reg_connector *c = &r->connectors[i];

        (void)msgpack_pack_map(pk, 6);
        put_pair(pk, "name", c->name);
        put_pair(pk, "url", role == ROLE_EGRESS ? c->url : "");
        put_bool(pk, "allow_private", c->allow_private);
        put_bool(pk, "off", c->off);
        put_secrets(pk, "secrets", c->secrets, true);
        put_secrets(pk, "tokens", c->tokens, role == ROLE_INGRESS);
    }
}

static void put_scopes(msgpack_packer *pk, const struct registry *r)
{
    pack_key(pk, "scopes");
    (void)msgpack_pack_array(pk, r->n_scopes);
    for (size_t i = 0; i < r->n_scopes; i++) {
        const struct reg_scope *s = &r->scopes[i];

        (void)msgpack_pack_map(pk, 7);
        put_pair(pk, "id", s->id);
        put_pair(pk, "channel", s->channel);
        put_pair(pk, "account", s->account);
        put_pair(pk, "connector", s->connector);
        put_pair(pk, "title", s->title);
        put_bool(pk, "paused", s->paused);
        put_bool(pk, "disconnected", s->disconnected);
    }
}

int registry_encode(const struct registry *r, enum role role, struct buf *out)
{
    msgpack_packer pk;

    pack_init(&pk, out);
    (void)msgpack_pack_map(&pk, 5);
    pack_key(&pk, "version");
    (void)msgpack_pack_uint64(&pk, r->version);
    put_channels(&pk, r);
    put_connectors(&pk, r, role);
    put_scopes(&pk, r);
    pack_key(&pk, "sources");
    (void)msgpack_pack_array(&pk, r->n_sources);
    for (size_t i = 0; i < r->n_sources; i++) {
        (void)msgpack_pack_map(&pk, 3);
        put_pair(&pk, "connector", r->sources[i].connector);
        put_pair(&pk, "source", r->sources[i].source);
        put_pair(&pk, "scope", r->sources[i].scope);
    }
    return buf_error(out);
}

static int get_string(const msgpack_object *map, const char *key, char **ret)
{
    struct view v = pack_text(pack_get(map, key));

    if (!v.ptr)
        return PACK_E_MALFORMED;
    *ret = mem_strndup(v.ptr, v.len);
    return *ret ? 0 : -ENOMEM;
}

static int get_secrets(const msgpack_object *map, const char *key, struct secret *ret)
{
    const msgpack_object *items = NULL;
    size_t n = pack_array(map, key, &items);

    if (n > REGISTRY_SECRETS_MAX)
        return PACK_E_MALFORMED;
    for (size_t i = 0; i < n; i++) {
        int rc = secret_init(&ret[i], pack_text(&items[i]));

        if (rc)
            return rc;
    }
    return 0;
}

static int get_channel(const msgpack_object *o, struct registry *r)
{
    struct reg_channel *c = registry_add_channel(r);
    int rc = c ? 0 : -ENOMEM;

    rc = rc ? rc : get_string(o, "id", &c->id);
    rc = rc ? rc : get_string(o, "code", &c->code);
    rc = rc ? rc : get_string(o, "name", &c->name);
    rc = rc ? rc : get_string(o, "url", &c->url);
    rc = rc ? rc : get_string(o, "bot_id", &c->bot_id);
    return rc ? rc : get_secrets(o, "secrets", c->secrets);
}

static int get_connector(const msgpack_object *o, struct registry *r)
{
    struct reg_connector *c = registry_add_connector(r);
    int rc = c ? 0 : -ENOMEM;

    rc = rc ? rc : get_string(o, "name", &c->name);
    rc = rc ? rc : get_string(o, "url", &c->url);
    rc = rc ? rc : get_secrets(o, "secrets", c->secrets);
    rc = rc ? rc : get_secrets(o, "tokens", c->tokens);
    if (rc == 0) {
        c->allow_private = pack_bool(pack_get(o, "allow_private"));
        c->off = pack_bool(pack_get(o, "off"));
    }
    return rc;
}

static int get_scope(const msgpack_object *o, struct registry *r)
{
    struct reg_scope *s = registry_add_scope(r);
    int rc = s ? 0 : -ENOMEM;

    rc = rc ? rc : get_string(o, "id", &s->id);
    rc = rc ? rc : get_string(o, "channel", &s->channel);
    rc = rc ? rc : get_string(o, "account", &s->account);
    rc = rc ? rc : get_string(o, "connector", &s->connector);
    rc = rc ? rc : get_string(o, "title", &s->title);
    if (rc == 0) {
        s->paused = pack_bool(pack_get(o, "paused"));
        s->disconnected = pack_bool(pack_get(o, "disconnected")); /* absent: of before */
    }
    return rc;
}

static int get_source(const msgpack_object *o, struct registry *r)
{
    struct reg_source *s = registry_add_source(r);
    int rc = s ? 0 : -ENOMEM;

    rc = rc ? rc : get_string(o, "connector", &s->connector);
    rc = rc ? rc : get_string(o, "source", &s->source);
    return rc ? rc : get_string(o, "scope", &s->scope);
}

static int get_rows(const msgpack_object *map, const char *key, struct registry *r,
                    int (*get_row)(const msgpack_object *, struct registry *))
{
    const msgpack_object *items = NULL;
    size_t n = pack_array(map, key, &items);

    for (size_t i = 0; i < n; i++) {
        int rc = get_row(&items[i], r);

        if (rc)
            return rc;
    }
    return 0;
}

int registry_decode(struct view bytes, struct registry **ret_registry)
{
    struct registry *r = NULL;
    struct pack_doc d;
    const msgpack_object *root = NULL;
    int rc = pack_doc_open(&d, bytes);

    if (rc)
        return rc;
    root = pack_doc_root(&d);
    rc = root->type == MSGPACK_OBJECT_MAP ? registry_new(&r) : PACK_E_MALFORMED;
    rc = rc ? rc : get_rows(root, "channels", r, get_channel);
    rc = rc ? rc : get_rows(root, "connectors", r, get_connector);
    rc = rc ? rc : get_rows(root, "scopes", r, get_scope);
    rc = rc ? rc : get_rows(root, "sources", r, get_source);
    if (rc == 0) {
        r->version = pack_u64(pack_get(root, "version"));
        registry_ready(r);
        *ret_registry = r;
        r = NULL;
    }
    registry_free(r);
    pack_doc_close(&d);
    return rc;
}
