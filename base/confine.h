#pragma once

/* What a process gives up for good, so that whoever takes it over gets what it held and no more. Three steps,
 * because each has its own moment:
 *
 * - confine_self first of all: no new rights, no core file, no look into its memory by others of its user; a
 *   first filter answers some calls of the libraries that are not made.
 * - confine_files before the first thread: landlock binds the thread that asks and those it starts later.
 * - confine_calls when all is open that needs more: a seccomp filter, over every thread.
 *
 * What is refused fails with EPERM or EACCES and ends nothing: a library that tries something new must not cost
 * an accepted message. What a role may is a table in docs/architecture.md. The rights of users and of groups
 * are not given here but by the units and images in deploy/. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* Beyond what every process may: Unix sockets, its own files, memory that is not both written and run. */
enum confine_power {
    CONFINE_LISTENS = 1,  /* opens internet sockets to listen on, later as well */
    CONFINE_CONNECTS = 2, /* connects to Unix sockets */
    CONFINE_DIALS = 4,    /* connects to the internet, and asks name servers */
};

enum confine_access {
    CONFINE_READ,    /* files and folders below it, or one file */
    CONFINE_WRITE,   /* also makes, changes and removes them */
    CONFINE_SOCKETS, /* binds sockets in it, and removes what is there */
};

struct confine_path {
    const char *path; /* borrowed for the call */
    enum confine_access access;
};

enum {
    CONFINE_E_NONE = 1, /* the kernel, or whoever started us, has no such thing */
};

/* What holds now, for the log. */
struct confine_done {
    bool calls;   /* the filter of calls */
    int landlock; /* its version, 0 none */
    bool ports;   /* connections and listening ports are bound by landlock, too (version 4) */
};

/* -errno. */
AMO_MUSTCHECK int confine_self(void);
/* Only @paths may be opened from now on (what is open stays so; one that is not there is left out), only
 * @ports listened at (0: one that the kernel chooses), and connections made only with CONFINE_DIALS.
 * CONFINE_E_NONE, -errno. */
AMO_MUSTCHECK int confine_files(const struct confine_path *paths, size_t n_paths,
                                const uint16_t *ports, size_t n_ports, unsigned powers,
                                struct confine_done *done);
/* CONFINE_E_NONE, -errno. */
AMO_MUSTCHECK int confine_calls(unsigned powers, struct confine_done *done);
