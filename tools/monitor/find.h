#pragma once

/* Where the taps are: every process of the bridge on this host binds "<bus/tap>-<its name>", so a
 * look into that directory finds them all, also those that start later. Where each program has a folder of
 * its own, a "*" in the directory stands for all of them. */

#include <stddef.h>

#include "base/compiler.h"

struct find;

enum {
    FIND_E_LATER = 1, /* not now: the next scan finds it again */
};

/* @name of the process, @path of its socket; borrowed for the call. 0, FIND_E_LATER; -Exxx ends the
 * scan. */
typedef int find_fn(void *arg, const char *name, const char *path);

/* @endpoint as in the configuration key bus/tap. -EPROTONOSUPPORT for anything but ipc://. */
AMO_MUSTCHECK int find_new(const char *endpoint, struct find **ret_find);
void find_free(struct find *f);
/* Call @fn for every tap that it has not taken in an earlier scan. 0, also when the directory is not there
 * (yet); -EACCES and other -errno of opening it; what @fn returned. */
AMO_MUSTCHECK int find_scan(struct find *f, find_fn *fn, void *arg);
/* Taps taken so far. */
size_t find_count(const struct find *f);
/* The directory that is looked into. */
const char *find_directory(const struct find *f);
