#pragma once

/* A file of variables in place of amoctl's own environment, for config check. */

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"

struct check_env;

/* Is @path such a file rather than a configuration: is its first line NAME=VALUE with a name in capitals?
 * What cannot be read is none. */
bool check_env_looks_like(const char *path);
/* Reads @path as systemd does. Its AMO_* take the place of all AMO_* in this process's environment. A line for
 * each of its mistakes in @wrong, and in @remarks for each line that docker compose reads differently.
 * 0 also with mistakes; -ENOMEM. */
AMO_MUSTCHECK int check_env_load(const char *path, struct buf *wrong, struct buf *remarks,
                                 struct check_env **ret_env);
void check_env_free(struct check_env *e);
/* The line in the file that gives the variable @name; 0: none does. */
unsigned check_env_line(const struct check_env *e, struct view name);
