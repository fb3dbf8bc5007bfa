#pragma once

/* A file of variables, NAME=VALUE, as systemd reads it (EnvironmentFile=) and as docker compose does (.env,
 * env_file:). The two agree on plain lines only, so each has its own reader here. Pure.
 *
 * Source: systemd 252, parse_env_file; compose-go, package dotenv. */

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"

struct env_line {
    struct view name;
    struct view value; /* ptr NULL: the line gives none */
    unsigned line;     /* where it begins, from 1 */
    bool replaced; /* compose: a $ in it stands for something else, which is not known here */
};

enum {
    ENV_FILE_E_REFUSED = 1, /* compose: the whole file is refused, because of @ret_line */
};

/* All are borrowed for the call. In the order of the file; of a name that comes twice the last counts. */
typedef void env_file_fn(void *arg, const struct env_line *l);

/* What is no name (as "export AMO_X") is handed over all the same: systemd leaves it out. -ENOMEM. */
AMO_MUSTCHECK int env_file_systemd(struct view text, env_file_fn *each, void *arg);
/* -ENOMEM, ENV_FILE_E_REFUSED. */
AMO_MUSTCHECK int env_file_compose(struct view text, env_file_fn *each, void *arg,
                                   unsigned *ret_line);
