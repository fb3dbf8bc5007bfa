#include "core/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"
#include "base/secret.h"
#include "core/store.h"

#define KEY_CHECK_META "key_check"
#define KEY_CHECK_TEXT "amo-message-server"

int keys_seal(const struct keys *k, const char *context, struct view text, struct buf *out)
{
    return crypto_seal(k->master, view_of(context), text, out);
}

int keys_unseal(const struct keys *k, const char *context, struct view sealed, struct buf *out)
{
    return crypto_open(k->master, view_of(context), sealed, out);
}

void keys_fini(struct keys *k)
{
    secret_wipe(k->master, sizeof(k->master));
}

static int keys_parse(struct keys *k, struct view text)
{
    if (text.len == CRYPTO_KEY_LEN) {
        memcpy(k->master, text.ptr, CRYPTO_KEY_LEN);
        return 0;
    }
    return text.len == (size_t)2 * CRYPTO_KEY_LEN && crypto_unhex(text, k->master) == 0
               ? 0
               : KEYS_E_FORM;
}

/* A store sealed with a key whose name was lost in a power cut could never be opened again. */
static int keys_flush_dir(const char *path)
{
    struct buf dir;
    const char *slash = strrchr(path, '/');
    int fd = -1;
    int rc = 0;

    buf_init(&dir, 4096);
    rc = slash ? buf_add(&dir, path, (size_t)(slash - path) + 1) : buf_add_str(&dir, ".");
    if (rc == 0) {
        fd = open(buf_str(&dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = fd < 0 || fsync(fd) != 0 ? -EIO : 0;
    }
    if (fd >= 0)
        (void)close(fd); /* nothing was written through it */
    buf_fini(&dir);
    return rc;
}

static int keys_make(struct keys *k, const char *path)
{
    char hex[2 * CRYPTO_KEY_LEN + 2];
    int fd = -1;
    int rc = process_make_parent(path);

    rc = rc ? rc : crypto_random(k->master, sizeof(k->master));
    if (rc)
        return rc;
    crypto_hex(k->master, sizeof(k->master), hex);
    memcpy(hex + (size_t)2 * CRYPTO_KEY_LEN, "\n", 2);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (write(fd, hex, (size_t)2 * CRYPTO_KEY_LEN + 1) != 2 * CRYPTO_KEY_LEN + 1 ||
        fsync(fd) != 0)
        rc = -EIO;
    secret_wipe(hex, sizeof(hex));
    (void)close(fd); /* flushed above */
    return rc ? rc : keys_flush_dir(path);
}

/* The store remembers one sealed text; a key that opens it is the right one. */
static int keys_check(struct keys *k, struct store *store)
{
    struct buf sealed;
    struct buf text;
    int rc = 0;

    buf_init(&sealed, 1024);
    buf_init(&text, 1024);
    rc = store_meta_get(store, KEY_CHECK_META, &sealed);
    if (rc == STORE_E_NONE) {
        rc = keys_seal(k, KEY_CHECK_META, VIEW_LIT(KEY_CHECK_TEXT), &sealed);
        rc = rc ? rc : store_meta_put(store, KEY_CHECK_META, buf_view(&sealed));
    } else if (rc == 0) {
        rc = keys_unseal(k, KEY_CHECK_META, buf_view(&sealed), &text);
        if (rc == -EBADMSG || (rc == 0 && !view_is(buf_view(&text), KEY_CHECK_TEXT)))
            rc = KEYS_E_WRONG;
    }
    buf_fini(&sealed);
    buf_fini(&text);
    return rc;
}

int keys_open(struct keys *k, const char *path, struct store *store)
{
    struct secret text = SECRET_EMPTY;
    bool sealed = false;
    int rc = secret_read_file(&text, path, 256);

    if (rc == 0) {
        rc = keys_parse(k, secret_view(&text));
    } else if (rc == -ENOENT) {
        rc = store_has_sealed(store, &sealed);
        if (rc == 0)
            rc = sealed ? KEYS_E_MISSING : keys_make(k, path);
    }
    secret_fini(&text);
    return rc ? rc : keys_check(k, store);
}
