#pragma once

/* Who may speak at a socket: users and groups of this host, by the credentials that the kernel gives
 * with every connection of an ipc socket. Names are looked up once, when the list is made. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/compiler.h"

/* Of the process at the other end, when it connected or listened. */
struct caller {
    bool known; /* false: not told; nobody is to believe it */
    uid_t uid;
    gid_t gid;
    pid_t pid;
};

struct callers;
struct config;

/* @words: users, separated by commas; a name or a number, with % before it a group: its members, and
 * those whose process runs in it. Empty: the user of this process. Root is always among them.
 * -EINVAL with words in @why for one that does not exist; -ENOMEM. */
AMO_MUSTCHECK int callers_new(const char *words, struct buf *why, struct callers **ret_callers);
/* The same of a setting; one that does not hold is logged. */
AMO_MUSTCHECK int callers_of_setting(const struct config *config, const char *key,
                                     struct callers **ret_callers);
void callers_free(struct callers *c);

/* Those an edge asks about. */
struct edge_callers {
    struct callers *core;      /* whose process core is */
    struct callers *operators; /* who may listen to the tap */
};

/* Before the process is confined, because the system's lists are read. 0, or the exit code; errors were
 * logged. */
AMO_MUSTCHECK int edge_callers_open(const struct config *config, struct edge_callers *ret);
void edge_callers_fini(struct edge_callers *e);

bool callers_have(const struct callers *c, const struct caller *who);

/* libzmq's "Peer-Address" of a connection, "localhost:<uid>:<gid>:<pid>"; NULL none. */
struct caller caller_parse(const char *address);
/* The options of a libzmq socket that let nobody else connect: for sockets that see no frame of those
 * who do. -errno. */
AMO_MUSTCHECK int callers_filter(const struct callers *c, void *handle);
