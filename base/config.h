#pragma once

/* Configuration: one ZPL file and the environment, environment first.
 *
 * The keys a program knows are one table; an unknown or repeated key, an unquoted '#' inside a
 * value and a bad value stop the start with file, line and reason, all mistakes at once. `ingress/listen` is
 * AMO_INGRESS_LISTEN in the environment. A key `x` marked secret can also be given as `x_file`.
 * All programs share one table (base/config_keys.h), so one file serves all of them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

struct config;

enum config_kind {
    CONFIG_TEXT,
    CONFIG_NUMBER, /* 64 bits, decimal digits */
    CONFIG_BYTES,  /* the same with an optional K, M, G, KiB, MiB, GiB */
    CONFIG_PATH,
    CONFIG_SECRET, /* never printed; also as `<key>_file` */
};

struct config_key {
    const char *name;
    enum config_kind kind;
    const char *fallback; /* "" = none */
};

/* Read @path (NULL: no file) and the environment. On failure returns -EINVAL (or -errno,
 * -ENOMEM) and writes a line for each mistake into @ret_why, for people: "amo.conf:12:
 * ingress/lisen: unknown key". */
AMO_MUSTCHECK int config_load(const char *path, struct buf *ret_why,
                              struct config **ret_config);
/* The same with a table of the caller's own, which must live as long as the config. */
AMO_MUSTCHECK int config_load_keys(const struct config_key *keys, size_t n_keys,
                                   const char *path, struct buf *ret_why,
                                   struct config **ret_config);
/* The bytes of a file, as config_load would read them: the environment is ignored and no
 * `x_file` is opened. For checks and fuzzing. @name is the file's name in messages. */
AMO_MUSTCHECK int config_load_text(struct view text, const char *name, struct buf *ret_why,
                                   struct config **ret_config);
void config_free(struct config *c);

/* The value as text: file, environment or default; never NULL, "" when there is none. @key must
 * be in the table (asserted). `<data_dir>` and `<run_dir>` inside defaults are replaced.
 * Borrowed as long as the config lives. */
const char *config_text(const struct config *c, const char *key);
/* Values of keys declared as numbers; they were checked at load. */
uint64_t config_number(const struct config *c, const char *key);
bool config_is_set(const struct config *c, const char *key); /* by file or environment */
/* Each key with its value as it may be shown (secrets are masked) and where it comes from: "default",
 * "file" or "environment". -ENOMEM. */
typedef void config_value_fn(void *arg, const char *key, const char *origin, const char *shown);
AMO_MUSTCHECK int config_walk(const struct config *c, config_value_fn *each, void *arg);
