/* Copying a secret, reading one from a file, wiping it, and comparing two in constant time. */

#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/mem.h"

int secret_init(struct secret *s, struct view bytes)
{
    unsigned char *p = mem_alloc(bytes.len + 1);

    if (!p)
        return -ENOMEM;
    if (bytes.len)
        memcpy(p, bytes.ptr, bytes.len);
    p[bytes.len] = '\0';
    *s = (struct secret){p, bytes.len};
    return 0;
}

void secret_fini(struct secret *s)
{
    if (s->bytes)
        secret_wipe(s->bytes, s->len);
    mem_free(s->bytes);
    *s = SECRET_EMPTY;
}

void secret_wipe(void *bytes, size_t len)
{
    if (bytes && len)
        OPENSSL_cleanse(bytes, len);
}

bool secret_equal(struct view a, struct view b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

struct view secret_view(const struct secret *s)
{
    return view_make(s->bytes, s->len);
}

int secret_read_file(struct secret *s, const char *path, size_t max)
{
    unsigned char *bytes = NULL;
    size_t len = 0;
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = 0;

    if (fd < 0)
        return -errno;
    bytes = mem_alloc(max + 1);
    if (!bytes) {
        rc = -ENOMEM;
        goto out;
    }
    while ((n = read(fd, bytes + len, max + 1 - len)) > 0)
        len += (size_t)n;
    if (n < 0)
        rc = -errno;
    else if (len > max)
        rc = -EFBIG;
    if (rc)
        goto out;
    if (len && bytes[len - 1] == '\n') {
        len--;
        if (len && bytes[len - 1] == '\r')
            len--;
    }
    rc = len ? secret_init(s, view_make(bytes, len)) : -EINVAL;
out:
    secret_wipe(bytes, bytes ? max + 1 : 0);
    mem_free(bytes);
    (void)close(fd); /* it was only read */
    return rc;
}
