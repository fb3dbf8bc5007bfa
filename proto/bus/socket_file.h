#pragma once

/* The file of an ipc socket: put in place whole, with its rights, where one of before or of somebody
 * else lies, and recognised again.
 *
 * libzmq would unlink whatever has the name, bind, and leave the rights to the umask until they are
 * changed; and a process that binds a name that is taken gets it without a word to the one before. So
 * the listener is made here and handed to libzmq (ZMQ_USE_FD), and its holder looks now and then
 * whether the name still leads to it. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/compiler.h"

/* The listeners of before keep the connections that were made while they had the name. So many do;
 * then all of them end at once, and their peers connect again. */
#define SOCKET_FILE_LISTENERS 16

struct socket_file {
    char *path;
    char *bound[SOCKET_FILE_LISTENERS]; /* libzmq's words for them, the present one last */
    size_t n_bound;
    dev_t device;
    ino_t inode;
};

/* "ipc:///path" that fits: 0. -ENAMETOOLONG; -EPROTONOSUPPORT for tcp, which has no keys yet; -EINVAL. */
AMO_MUSTCHECK int socket_file_check(const char *endpoint);
/* Binds the libzmq socket @handle to @endpoint, which socket_file_check took: mode 0660, of the
 * folder's group where that hands its group on. A second time: a new listener in place of whatever has
 * the name. -errno. */
AMO_MUSTCHECK int socket_file_bind(struct socket_file *f, void *handle, const char *endpoint);
/* Does the name lead to this listener? */
bool socket_file_is_ours(const struct socket_file *f);
/* Removes the file if it is this listener's. */
void socket_file_fini(struct socket_file *f);
