/* Loads the sealed registry at start, replaces it when core sends a new one, and tries again
 * later to save what could not be saved. */

#include "ingress/accept/registry_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "proto/limits.h"
#include "proto/pack.h"
#include "proto/registry.h"

#define COPY_FILE     "registry.sealed"
#define KEY_FILE      "registry.key"
#define READ_TRIES    20
#define READ_PAUSE_NS 50000000L
#define SEAL_CONTEXT  VIEW_LIT("ingress registry")

struct registry_copy {
    int dir_fd;
    unsigned char key[CRYPTO_KEY_LEN];
    struct registry *registry; /* owned; NULL none */
    bool unsaved;              /* the one in force is not the one on disk */
};

static int key_load(struct registry_copy *c);
static int copy_load(struct registry_copy *c);
static int copy_save(const struct registry_copy *c, struct view bytes);

int registry_copy_open(const char *dir, struct registry_copy **ret_copy)
{
    struct registry_copy *c = mem_zalloc(sizeof(*c));
    int rc = -ENOMEM;

    if (!c)
        return -ENOMEM;
    c->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    /* a name that the last life could not sync can be seen all the same */
    rc = c->dir_fd < 0 || fsync(c->dir_fd) ? -errno : 0;
    rc = rc ? rc : key_load(c);
    rc = rc ? rc : copy_load(c);
    if (rc == 0) {
        *ret_copy = c;
        c = NULL;
    }
    registry_copy_close(c);
    return rc;
}

void registry_copy_close(struct registry_copy *c)
{
    if (!c)
        return;
    if (c->dir_fd >= 0)
        (void)close(c->dir_fd); /* read only */
    registry_free(c->registry);
    secret_wipe(c->key, sizeof(c->key));
    mem_free(c);
}

const struct registry *registry_copy_get(const struct registry_copy *c)
{
    return c->registry;
}

uint64_t registry_copy_version(const struct registry_copy *c)
{
    return c->registry ? c->registry->version : 0;
}

/* -ENOENT; a file that is too long is -EFBIG. */
static int file_read_once(int dir_fd, const char *name, struct buf *out)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    int rc = 0;

    if (fd < 0)
        return -errno;
    for (;;) {
        char *p = buf_reserve(out, 4096);
        ssize_t n = p ? read(fd, p, 4096) : 0;

        if (!p)
            rc = out->error == -ENOSPC ? -EFBIG : out->error;
        else if (n < 0)
            rc = -errno;
        if (rc || n == 0)
            break;
        buf_grow(out, (size_t)n);
    }
    (void)close(fd); /* read only */
    return rc;
}

/* A disk that fails for a moment must not cost the registry: without it amo hears 503, and core,
 * which has another, may be away. */
static int file_read(int dir_fd, const char *name, struct buf *out)
{
    const struct timespec pause = {.tv_nsec = READ_PAUSE_NS};
    int rc = file_read_once(dir_fd, name, out);

    for (int i = 0; rc == -EIO && i < READ_TRIES; i++) {
        (void)nanosleep(&pause, NULL);
        buf_reset(out);
        rc = file_read_once(dir_fd, name, out);
    }
    return rc;
}

/* All of it or nothing, also when the machine stops half-way. */
static int file_replace(int dir_fd, const char *name, struct view bytes)
{
    char temporary[64];
    int fd = -1;
    int rc = 0;

    (void)snprintf(temporary, sizeof(temporary), "%s.%d", name, (int)getpid()); /* fits */
    fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    while (rc == 0 && bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);

        if (n < 0 && errno != EINTR)
            rc = -errno;
        if (n > 0)
            bytes = view_make(bytes.ptr + n, bytes.len - (size_t)n);
    }
    if (rc == 0 && (fsync(fd) || renameat(dir_fd, temporary, dir_fd, name) || fsync(dir_fd)))
        rc = -errno;
    (void)close(fd); /* synced */
    if (rc)
        (void)unlinkat(dir_fd, temporary, 0); /* nobody reads it */
    return rc;
}

static int key_load(struct registry_copy *c)
{
    struct buf bytes;
    int rc = 0;

    buf_init(&bytes, 8192);
    rc = file_read(c->dir_fd, KEY_FILE, &bytes);
    if (rc == 0 && bytes.len == sizeof(c->key)) {
        for (size_t i = 0; i < sizeof(c->key); i++)
            c->key[i] = (unsigned char)bytes.ptr[i];
    } else if (rc == 0 || rc == -ENOENT) {
        rc = crypto_random(c->key, sizeof(c->key));
        rc = rc ? rc : file_replace(c->dir_fd, KEY_FILE, view_make(c->key, sizeof(c->key)));
    }
    if (bytes.ptr)
        secret_wipe(bytes.ptr, bytes.cap);
    buf_fini(&bytes);
    return rc;
}

static int copy_load(struct registry_copy *c)
{
    struct buf sealed;
    struct buf plain;
    int rc = 0;

    buf_init(&sealed, LIMIT_FRAME_BYTES + CRYPTO_SEAL_EXTRA);
    buf_init(&plain, LIMIT_FRAME_BYTES);
    rc = file_read(c->dir_fd, COPY_FILE, &sealed);
    rc = rc ? rc : crypto_open(c->key, SEAL_CONTEXT, buf_view(&sealed), &plain);
    rc = rc ? rc : registry_decode(buf_view(&plain), &c->registry);
    if (rc && rc != -ENOENT && rc != -ENOMEM)
        log_failed(LOG_LEVEL_ERROR, "registry.copy_unreadable", rc, "file=%s", COPY_FILE);
    if (plain.ptr)
        secret_wipe(plain.ptr, plain.cap);
    buf_fini(&plain);
    buf_fini(&sealed);
    return rc == -ENOMEM ? rc : 0;
}

static int copy_save(const struct registry_copy *c, struct view bytes)
{
    struct buf sealed;
    int rc = 0;

    buf_init(&sealed, bytes.len + CRYPTO_SEAL_EXTRA);
    rc = crypto_seal(c->key, SEAL_CONTEXT, bytes, &sealed);
    rc = rc ? rc : file_replace(c->dir_fd, COPY_FILE, buf_view(&sealed));
    buf_fini(&sealed);
    return rc;
}

int registry_copy_update(struct registry_copy *c, struct view bytes)
{
    struct registry *r = NULL;
    int rc = registry_decode(bytes, &r);

    if (rc)
        return rc;
    if (r->n_channels == 0 && c->registry && c->registry->n_channels &&
        r->version <= c->registry->version) {
        /* a core with an empty or wrong store: to believe it is to answer 404 to amo, for ever.
         * An operator who removes the last channel makes a newer version. */
        log_line(LOG_LEVEL_ERROR, "registry.blank", "kept_version=%" PRIu64,
                 c->registry->version);
        registry_free(r);
        return 0;
    }
    registry_free(c->registry);
    c->registry = r;
    rc = copy_save(c, bytes);
    c->unsaved = rc != 0;
    return rc;
}

bool registry_copy_tidy(struct registry_copy *c)
{
    struct buf bytes;
    int rc = 0;

    if (!c->unsaved)
        return false;
    buf_init(&bytes, LIMIT_FRAME_BYTES);
    rc = registry_encode(c->registry, ROLE_INGRESS, &bytes);
    rc = rc ? rc : copy_save(c, buf_view(&bytes));
    if (bytes.ptr)
        secret_wipe(bytes.ptr, bytes.cap);
    buf_fini(&bytes);
    c->unsaved = rc != 0;
    return rc == 0;
}
