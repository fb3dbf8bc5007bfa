/* Reads the master key from its file or makes a new one, checks that it fits the store, and
 * seals and opens secrets with it. */

#include "core/store/keys.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "base/secret.h"
#include "core/store/store.h"

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

/* Whole and on disk under its name before anything is sealed with it: a store sealed with a key that a
 * power cut took away could never be opened again. */
static int keys_make(struct keys *k, const char *path)
{
    char hex[2 * CRYPTO_KEY_LEN + 2];
    int rc = process_make_parent(path);

    rc = rc ? rc : crypto_random(k->master, sizeof(k->master));
    if (rc)
        return rc;
    crypto_hex(k->master, sizeof(k->master), hex);
    memcpy(hex + (size_t)2 * CRYPTO_KEY_LEN, "\n", 2);
    rc = file_create(path, view_make(hex, (size_t)2 * CRYPTO_KEY_LEN + 1));
    secret_wipe(hex, sizeof(hex));
    return rc;
}

/* What an older program left when it died, or found no room, while it made the key. */
static bool is_empty_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0;
}

/* There is no key yet: unless something was sealed with one, it is made. */
static int keys_first(struct keys *k, const char *path, struct store *store)
{
    bool sealed = false;
    int rc = store_has_sealed(store, &sealed);

    if (rc == 0 && sealed)
        return KEYS_E_MISSING;
    if (rc == 0 && is_empty_file(path) && unlink(path) != 0)
        rc = -errno;
    return rc ? rc : keys_make(k, path);
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
    int rc = secret_read_file(&text, path, 256);

    if (rc == 0)
        rc = keys_parse(k, secret_view(&text));
    else if (rc == -ENOENT || is_empty_file(path))
        rc = keys_first(k, path, store);
    secret_fini(&text);
    return rc ? rc : keys_check(k, store);
}
