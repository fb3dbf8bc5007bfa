/* Reading configuration: the lines of the file as config_scan tells of them, then the environment,
 * which wins, then the defaults. */

#include "base/config.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_check.h"
#include "base/config_keys.h"
#include "base/config_scan.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/secret.h"

enum config_origin {
    CONFIG_FROM_DEFAULT,
    CONFIG_FROM_FILE,
    CONFIG_FROM_ENVIRONMENT,
};

static const char *const origin_names[] = {"default", "file", "environment"};

struct entry {
    char *value; /* owned; NULL only while loading */
    enum config_origin origin;
    unsigned line;   /* of the file, 0 when not from there */
    uint64_t number; /* when the kind is a number */
};

struct config {
    const struct config_key *keys;
    size_t n_keys;
    struct entry *entries; /* one a key, in the same order */
    size_t n_wrong;        /* mistakes so far */
};

#define CONFIG_KEY_ROW(name, kind, fallback, meaning) {name, CONFIG_##kind, fallback},
static const struct config_key all_keys[] = {CONFIG_KEYS(CONFIG_KEY_ROW)};
#undef CONFIG_KEY_ROW

#define SECRET_FILE_MAX ((size_t)64 * 1024) /* bytes */
#define MISTAKES_TOLD   20                  /* the others are counted */

/* Writes a line for people. Returns 0: reading goes on, so that all mistakes are told at once. */
static int refuse(struct config *c, struct buf *why, const char *where, unsigned line,
                  const char *key, const char *reason)
{
    if (c->n_wrong++ >= MISTAKES_TOLD)
        return 0;
    if (buf_view(why).len)
        (void)buf_add_char(why, '\n'); /* a message cut short is better than none */
    (void)buf_add_str(why, where);
    if (line)
        (void)buf_add_f(why, ":%u", line);
    (void)buf_add_f(why, ": %s%s%s", key, *key ? ": " : "", reason);
    return 0;
}

/* When everything has been read. */
static int config_judge(const struct config *c, struct buf *why)
{
    if (c->n_wrong > MISTAKES_TOLD)
        (void)buf_add_f(why, "\nand %zu more", c->n_wrong - MISTAKES_TOLD); /* as in refuse() */
    return c->n_wrong ? -EINVAL : 0;
}

static int config_new(const struct config_key *keys, size_t n_keys, struct config **ret_config)
{
    struct config *c = mem_zalloc(sizeof(*c));

    if (!c)
        return -ENOMEM;
    c->entries = mem_zalloc_array(n_keys, sizeof(*c->entries));
    if (!c->entries) {
        mem_free(c);
        return -ENOMEM;
    }
    c->keys = keys;
    c->n_keys = n_keys;
    *ret_config = c;
    return 0;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_keys; i++) {
        char *value = c->entries[i].value;

        if (value && c->keys[i].kind == CONFIG_SECRET)
            secret_wipe(value, strlen(value));
        mem_free(value);
    }
    mem_free(c->entries);
    mem_free(c);
}

/* Number of the key called @name; @ret_is_file tells that it was its `_file` form. n_keys when
 * there is none. */
static size_t key_find(const struct config *c, const char *name, bool *ret_is_file)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < c->n_keys; i++) {
        size_t own = strlen(c->keys[i].name);

        *ret_is_file = c->keys[i].kind == CONFIG_SECRET && len == own + 5 &&
                       strcmp(name + own, "_file") == 0;
        if (strncmp(name, c->keys[i].name, own) == 0 && (len == own || *ret_is_file))
            return i;
    }
    *ret_is_file = false;
    return c->n_keys;
}

/* Is @path the heading of keys we know: "ingress" of "ingress/listen"? */
static bool is_section(const struct config *c, const char *path)
{
    size_t len = strlen(path);

    for (size_t i = 0; i < c->n_keys; i++) {
        if (strncmp(c->keys[i].name, path, len) == 0 && c->keys[i].name[len] == '/')
            return true;
    }
    return false;
}

/* NULL or what is wrong with @value. */
static const char *value_check(const struct config_key *key, const char *value,
                               uint64_t *ret_number)
{
    int rc = 0;

    switch (key->kind) {
    case CONFIG_NUMBER:
        rc = num_parse_u64(view_of(value), ret_number);
        break;
    case CONFIG_BYTES:
        rc = num_parse_bytes(view_of(value), ret_number);
        break;
    case CONFIG_TEXT:
    case CONFIG_PATH:
    case CONFIG_SECRET:
        break;
    }
    if (rc == -ERANGE)
        return "the number is too large";
    if (rc)
        return key->kind == CONFIG_NUMBER ? "a number was expected"
                                          : "a size was expected, as 512MiB";
    return config_check(key->name, value);
}

/* A value was found: check it and keep a copy. */
static int entry_set(struct config *c, size_t i, const char *value, enum config_origin origin,
                     const char **ret_wrong)
{
    struct entry *e = &c->entries[i];
    char *copy = NULL;

    *ret_wrong = value_check(&c->keys[i], value, &e->number);
    if (*ret_wrong)
        return -EINVAL;
    copy = mem_strdup(value);
    if (!copy)
        return -ENOMEM;
    if (e->value && c->keys[i].kind == CONFIG_SECRET)
        secret_wipe(e->value, strlen(e->value));
    mem_free(e->value);
    e->value = copy;
    e->origin = origin;
    return 0;
}

/* The value of a secret that was given as the name of a file. */
static int entry_set_from_file(struct config *c, size_t i, const char *path,
                               enum config_origin origin, const char **ret_wrong)
{
    struct secret s = SECRET_EMPTY;
    int rc = secret_read_file(&s, path, SECRET_FILE_MAX);

    if (rc == -ENOMEM)
        return rc;
    if (rc == -EINVAL)
        *ret_wrong = "the file is empty";
    else if (rc == -EFBIG)
        *ret_wrong = "the file is too long";
    else if (rc)
        *ret_wrong = "the file cannot be read";
    else if (memchr(s.bytes, '\0', s.len))
        *ret_wrong = "the file holds a NUL byte";
    rc = *ret_wrong ? -EINVAL : entry_set(c, i, (const char *)s.bytes, origin, ret_wrong);
    secret_fini(&s);
    return rc;
}

struct file_reader {
    struct config *config;
    const char *name;  /* of the file, for messages */
    bool open_secrets; /* may `x_file` be opened? */
    struct buf *why;
};

static int file_value(void *arg, const struct config_line *l)
{
    struct file_reader *r = arg;
    struct config *c = r->config;
    const char *wrong = NULL;
    bool is_file = false;
    size_t i = key_find(c, l->path, &is_file);
    int rc = 0;

    if (l->wrong)
        return refuse(c, r->why, r->name, l->line, "", l->wrong);
    if (i == c->n_keys && !l->value && is_section(c, l->path))
        return 0;
    if (i == c->n_keys)
        return refuse(c, r->why, r->name, l->line, l->path, "unknown key");
    if (!l->value)
        return refuse(c, r->why, r->name, l->line, l->path, "'=' and a value were expected");
    if (c->entries[i].line)
        return refuse(c, r->why, r->name, l->line, l->path, "given twice");
    c->entries[i].line = l->line;
    if (is_file && !r->open_secrets)
        return 0;
    rc = is_file ? entry_set_from_file(c, i, l->value, CONFIG_FROM_FILE, &wrong)
                 : entry_set(c, i, l->value, CONFIG_FROM_FILE, &wrong);
    return wrong ? refuse(c, r->why, r->name, l->line, l->path, wrong) : rc;
}

static int file_text(struct file_reader *r, struct view text)
{
    if (text.len > CONFIG_FILE_MAX)
        return refuse(r->config, r->why, r->name, 0, "", "the file is too long");
    return config_scan(text, file_value, r);
}

static int file_load(struct config *c, const char *path, struct buf *why)
{
    struct file_reader r = {.config = c, .name = path, .open_secrets = true, .why = why};
    struct buf text;
    int rc = 0;

    buf_init(&text, CONFIG_FILE_MAX + 4096);
    rc = file_read(path, &text);
    if (rc == -ENOSPC)
        rc = refuse(c, why, path, 0, "", "the file is too long");
    else if (rc && rc != -ENOMEM)
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
        (void)buf_add_f(why, "%s: %s", path, strerror(-rc)); /* as in refuse() */
    else if (!rc)
        rc = file_text(&r, buf_view(&text));
    if (buf_view(&text).len)
        secret_wipe(text.ptr, text.len); /* it may have held secrets */
    buf_fini(&text);
    return rc;
}

/* "ingress/listen" and "_FILE" -> "AMO_INGRESS_LISTEN_FILE". */
static void env_name(const char *key, const char *tail, struct buf *out)
{
    buf_reset(out);
    (void)buf_add_str(out, "AMO_"); /* the caller asks for errors */
    for (const char *p = key; *p; p++) {
        char c = *p;

        if (c == '/')
            c = '_';
        else if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        (void)buf_add_char(out, c);
    }
    (void)buf_add_str(out, tail);
}

static int env_value(struct config *c, size_t i, bool is_file, struct buf *name,
                     struct buf *why)
{
    const char *wrong = NULL;
    const char *value = NULL;
    int rc = 0;

    env_name(c->keys[i].name, is_file ? "_FILE" : "", name);
    rc = buf_error(name);
    if (rc)
        return rc;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread is started */
    value = getenv(buf_str(name));
    if (!value)
        return 0;
    if (is_file && c->entries[i].origin == CONFIG_FROM_ENVIRONMENT)
        return refuse(c, why, buf_str(name), 0, "", "the secret itself is also given");
    rc = is_file ? entry_set_from_file(c, i, value, CONFIG_FROM_ENVIRONMENT, &wrong)
                 : entry_set(c, i, value, CONFIG_FROM_ENVIRONMENT, &wrong);
    return wrong ? refuse(c, why, buf_str(name), 0, "", wrong) : rc;
}

/* Only the keys we know are looked for; config_strangers() finds the rest. */
static int env_load(struct config *c, struct buf *why)
{
    struct buf name;
    int rc = 0;

    buf_init(&name, 256);
    for (size_t i = 0; !rc && i < c->n_keys; i++) {
        rc = env_value(c, i, false, &name, why);
        if (!rc && c->keys[i].kind == CONFIG_SECRET)
            rc = env_value(c, i, true, &name, why);
    }
    buf_fini(&name);
    return rc;
}

/* The default of a key with <data_dir> and <run_dir> filled in. */
static int default_expand(const struct config *c, const char *fallback, struct buf *out)
{
    static const struct {
        const char *mark;
        const char *key;
    } marks[] = {
        {"<data_dir>", "data_dir"},
        {"<run_dir>",  "run_dir" },
    };

    buf_reset(out);
    while (*fallback) {
        size_t skip = 0;

        for (size_t i = 0; i < AMO_COUNT(marks) && !skip; i++) {
            if (!view_starts(view_of(fallback), marks[i].mark))
                continue;
            skip = strlen(marks[i].mark);
            (void)buf_add_str(out, config_text(c, marks[i].key));
        }
        if (!skip)
            (void)buf_add_char(out, *fallback);
        fallback += skip ? skip : 1;
    }
    return buf_error(out);
}

static int default_load(struct config *c)
{
    const char *wrong = NULL;
    struct buf text;
    int rc = 0;

    buf_init(&text, 16384);
    /* data_dir and run_dir stand before the keys that use them */
    for (size_t i = 0; !rc && i < c->n_keys; i++) {
        if (c->entries[i].value)
            continue;
        rc = default_expand(c, c->keys[i].fallback, &text);
        if (!rc)
            rc = entry_set(c, i, buf_str(&text), CONFIG_FROM_DEFAULT, &wrong);
        assert(!wrong);
    }
    buf_fini(&text);
    return rc;
}

/* Where the value of key @i comes from, as a mistake names it. */
static int refuse_key(struct config *c, size_t i, const char *path, const char *reason,
                      struct buf *why)
{
    const bool by_file = c->entries[i].origin == CONFIG_FROM_FILE;
    struct buf name;
    int rc = 0;

    buf_init(&name, 256);
    env_name(c->keys[i].name, "", &name);
    rc = buf_error(&name);
    if (rc == 0)
        rc = by_file ? refuse(c, why, path, c->entries[i].line, c->keys[i].name, reason)
                     : refuse(c, why, buf_str(&name), 0, "", reason);
    buf_fini(&name);
    return rc;
}

/* What two values must be to each other. */
static int pairs_check(struct config *c, const char *path, struct buf *why)
{
    bool is_file = false;
    size_t lease = key_find(c, "core/lease_ms", &is_file);
    size_t attempt = key_find(c, "egress/attempt_ms", &is_file);
    char reason[96];

    if (lease == c->n_keys || attempt == c->n_keys ||
        c->entries[lease].number > c->entries[attempt].number)
        return 0;
    if (c->entries[lease].origin == CONFIG_FROM_DEFAULT) {
        (void)snprintf(reason, sizeof(reason), "must be shorter than core/lease_ms (%.20s)",
                       c->entries[lease].value); /* fits */
        return refuse_key(c, attempt, path, reason, why);
    }
    (void)snprintf(reason, sizeof(reason), "must be longer than egress/attempt_ms (%.20s)",
                   c->entries[attempt].value); /* fits */
    return refuse_key(c, lease, path, reason, why);
}

int config_load_keys(const struct config_key *keys, size_t n_keys, const char *path,
                     struct buf *ret_why, struct config **ret_config)
{
    struct config *c = NULL;
    int rc = config_new(keys, n_keys, &c);

    if (!rc && path)
        rc = file_load(c, path, ret_why);
    if (!rc)
        rc = env_load(c, ret_why);
    if (!rc)
        rc = default_load(c);
    if (!rc)
        rc = pairs_check(c, path, ret_why);
    if (!rc)
        rc = config_judge(c, ret_why);
    if (rc)
        goto out;

    *ret_config = c;
    c = NULL; /* handed over */
out:
    if (rc == -ENOMEM && buf_view(ret_why).len == 0)
        (void)buf_add_str(ret_why, "no memory"); /* then without words */
    config_free(c);
    return rc;
}

int config_load(const char *path, struct buf *ret_why, struct config **ret_config)
{
    return config_load_keys(all_keys, AMO_COUNT(all_keys), path, ret_why, ret_config);
}

int config_load_text(struct view text, const char *name, struct buf *ret_why,
                     struct config **ret_config)
{
    struct file_reader r = {.name = name, .open_secrets = false, .why = ret_why};
    int rc = config_new(all_keys, AMO_COUNT(all_keys), &r.config);

    if (!rc)
        rc = file_text(&r, text);
    if (!rc)
        rc = default_load(r.config);
    if (!rc)
        rc = pairs_check(r.config, name, ret_why);
    if (!rc)
        rc = config_judge(r.config, ret_why);
    if (rc)
        goto out;

    *ret_config = r.config;
    r.config = NULL; /* handed over */
out:
    config_free(r.config);
    return rc;
}

static size_t key_must_find(const struct config *c, const char *key)
{
    bool is_file = false;
    size_t i = key_find(c, key, &is_file);

    assert(i < c->n_keys && !is_file);
    return i;
}

const char *config_text(const struct config *c, const char *key)
{
    return c->entries[key_must_find(c, key)].value;
}

uint64_t config_number(const struct config *c, const char *key)
{
    size_t i = key_must_find(c, key);

    assert(c->keys[i].kind == CONFIG_NUMBER || c->keys[i].kind == CONFIG_BYTES);
    return c->entries[i].number;
}

bool config_is_set(const struct config *c, const char *key)
{
    return c->entries[key_must_find(c, key)].origin != CONFIG_FROM_DEFAULT;
}

/* A password within an address is not shown either. */
static void value_shown(const struct config_key *key, const char *value, struct buf *out)
{
    const char *scheme = strstr(value, "://");
    const char *at = scheme ? strrchr(scheme, '@') : NULL;
    const char *colon = at ? memchr(scheme + 3, ':', (size_t)(at - scheme - 3)) : NULL;

    if (key->kind == CONFIG_SECRET)
        (void)buf_add_str(out, *value ? "********" : ""); /* the caller asks for errors */
    else if (colon)
        (void)buf_add_f(out, "%.*s:********%s", (int)(colon - value), value, at);
    else
        (void)buf_add_str(out, value);
}

int config_walk(const struct config *c, config_value_fn *each, void *arg)
{
    struct buf shown;
    int rc = 0;

    buf_init(&shown, CONFIG_FILE_MAX);
    for (size_t i = 0; i < c->n_keys && rc == 0; i++) {
        buf_reset(&shown);
        value_shown(&c->keys[i], c->entries[i].value, &shown);
        rc = buf_error(&shown);
        if (rc == 0)
            each(arg, c->keys[i].name, origin_names[c->entries[i].origin], buf_str(&shown));
    }
    buf_fini(&shown);
    return rc;
}
