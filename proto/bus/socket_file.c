/* Makes a listener under a name of its own, gives it its rights and moves it over the name that is
 * wanted, so that whoever finds the name can connect. */

#include "proto/bus/socket_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <zmq.h>

#include "base/mem.h"

#define BACKLOG  100
#define ENDPOINT 256 /* room for libzmq's word of it */

int socket_file_check(const char *endpoint)
{
    struct sockaddr_un a;

    /* three more: "~15" behind it while it is made */
    if (strncmp(endpoint, "ipc://", 6) == 0)
        return strlen(endpoint + 6) + 3 < sizeof(a.sun_path) ? 0 : -ENAMETOOLONG;
    return strncmp(endpoint, "tcp://", 6) == 0 ? -EPROTONOSUPPORT : -EINVAL;
}

static int listen_at(const char *path, struct stat *ret_st)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = 0;

    if (fd < 0)
        return -errno;
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path); /* fits: socket_file_check */
    (void)unlink(path); /* left by a process that was killed */
    if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) || chmod(path, 0660) ||
        lstat(path, ret_st) || listen(fd, BACKLOG)) {
        rc = -errno;
        (void)close(fd); /* nobody has connected */
        return rc;
    }
    return fd;
}

/* Hands @fd over. */
static int hand_over(void *handle, const char *endpoint, int fd, char word[ENDPOINT])
{
    const int none = -1;
    size_t len = ENDPOINT;
    int rc = 0;

    if (zmq_setsockopt(handle, ZMQ_USE_FD, &fd, sizeof(fd)) || zmq_bind(handle, endpoint)) {
        rc = errno ? -errno : -EIO;
        (void)close(fd); /* libzmq has not taken it */
    } else if (zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, word, &len)) {
        rc = -errno;
    }
    (void)zmq_setsockopt(handle, ZMQ_USE_FD, &none, sizeof(none)); /* as it was */
    return rc;
}

static void forget_listeners(struct socket_file *f, void *handle)
{
    for (size_t i = 0; i < f->n_bound; i++) {
        if (handle)
            (void)zmq_unbind(handle, f->bound[i]); /* nobody comes that way any more */
        mem_free(f->bound[i]);
    }
    f->n_bound = 0;
}

int socket_file_bind(struct socket_file *f, void *handle, const char *endpoint)
{
    const char *path = endpoint + strlen("ipc://");
    char made[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    char word[ENDPOINT] = "";
    char *copy = NULL;
    struct stat st = {0};
    int rc = 0;

    if (!f->path && !(f->path = mem_strdup(path)))
        return -ENOMEM;
    if (f->n_bound == SOCKET_FILE_LISTENERS)
        forget_listeners(f, handle);
    /* libzmq knows a listener by the name it was bound to */
    (void)snprintf(made, sizeof(made), "%s~%zu", path, f->n_bound);
    rc = listen_at(made, &st);
    if (rc < 0)
        return rc;
    rc = hand_over(handle, endpoint, rc, word);
    if (rc == 0 && rename(made, path))
        rc = -errno;
    if (rc == 0 && !(copy = mem_strdup(word)))
        rc = -ENOMEM;
    if (rc) {
        (void)unlink(made); /* may be gone */
        if (*word)
            (void)zmq_unbind(handle, word);
        return rc;
    }
    f->bound[f->n_bound++] = copy;
    f->device = st.st_dev;
    f->inode = st.st_ino;
    return 0;
}

bool socket_file_is_ours(const struct socket_file *f)
{
    struct stat st;

    return lstat(f->path, &st) == 0 && st.st_dev == f->device && st.st_ino == f->inode;
}

void socket_file_fini(struct socket_file *f)
{
    if (f->n_bound && socket_file_is_ours(f))
        (void)unlink(f->path); /* the next one to bind it replaces it otherwise */
    forget_listeners(f, NULL);
    mem_free(f->path);
    *f = (struct socket_file){0};
}
