/* A connection that is made and closed at once shows whether a process listens. */

#include "tools/common/listening.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"

int listening_check(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int rc = view_copy(view_of(path), address.sun_path, sizeof(address.sun_path));
    int fd = -1;

    if (rc)
        return rc;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        rc = -errno;
    (void)close(fd); /* nothing was sent */
    return rc;
}
