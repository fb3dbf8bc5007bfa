/* Lists the folder of the taps, and reports each tap until it is taken. */

#include "tools/monitor/find.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"

#define FIND_MAX  256 /* processes on one host */
#define PATH_ROOM 512 /* bytes; a socket's path has 107 at most */

struct find {
    char *directory; /* owned, as all below */
    char *prefix;    /* "tap-" */
    char *names[FIND_MAX];
    size_t n_names;
};

static const char scheme[] = "ipc://";

int find_new(const char *endpoint, struct find **ret_find)
{
    const char *path = endpoint + strlen(scheme);
    const char *slash = NULL;
    struct find *f = NULL;
    struct buf prefix;

    if (strncmp(endpoint, scheme, strlen(scheme)) != 0)
        return -EPROTONOSUPPORT;
    f = mem_zalloc(sizeof(*f));
    if (!f)
        return -ENOMEM;
    slash = strrchr(path, '/');
    buf_init(&prefix, PATH_ROOM);
    (void)buf_add_f(&prefix, "%s-", slash ? slash + 1 : path); /* asked for through buf_take */
    f->directory = !slash          ? mem_strdup(".")
                   : slash == path ? mem_strdup("/")
                                   : mem_strndup(path, (size_t)(slash - path));
    f->prefix = buf_error(&prefix) ? NULL : buf_take(&prefix);
    buf_fini(&prefix);
    if (!f->directory || !f->prefix) {
        find_free(f);
        return -ENOMEM;
    }
    *ret_find = f;
    return 0;
}

void find_free(struct find *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n_names; i++)
        mem_free(f->names[i]);
    mem_free(f->prefix);
    mem_free(f->directory);
    mem_free(f);
}

static bool is_known(const struct find *f, const char *name)
{
    for (size_t i = 0; i < f->n_names; i++) {
        if (strcmp(f->names[i], name) == 0)
            return true;
    }
    return f->n_names == FIND_MAX; /* no room: as if known */
}

/* @entry of @directory: 0 also when it is none of ours. */
static int find_entry(struct find *f, const char *directory, const char *entry, find_fn *fn,
                      void *arg)
{
    const char *name = entry + strlen(f->prefix);
    struct stat st;
    struct buf path;
    int rc = 0;

    if (strncmp(entry, f->prefix, strlen(f->prefix)) != 0 || *name == '\0' || is_known(f, name))
        return 0;
    buf_init(&path, PATH_ROOM);
    rc = buf_add_f(&path, "%s/%s", directory, entry);
    if (rc == 0 && stat(buf_str(&path), &st) == 0 && S_ISSOCK(st.st_mode)) {
        f->names[f->n_names] = mem_strdup(name);
        rc = f->names[f->n_names] ? fn(arg, name, buf_str(&path)) : -ENOMEM;
        if (rc == FIND_E_LATER)
            mem_free(f->names[f->n_names]);
        else
            f->n_names += f->names[f->n_names] != NULL;
    }
    buf_fini(&path);
    /* -ENOSPC: longer than a socket's path, so none of ours */
    return rc == -ENOSPC || rc == FIND_E_LATER ? 0 : rc;
}

static int find_in(struct find *f, const char *directory, find_fn *fn, void *arg)
{
    DIR *d = opendir(directory);
    const struct dirent *entry = NULL;
    int rc = 0;

    if (!d)
        return errno == ENOENT ? 0 : -errno;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    while (rc == 0 && (entry = readdir(d)))
        rc = find_entry(f, directory, entry->d_name, fn, arg);
    (void)closedir(d); /* only read */
    return rc;
}

int find_scan(struct find *f, find_fn *fn, void *arg)
{
    glob_t found = {0};
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    int rc = glob(f->directory, GLOB_ONLYDIR, NULL, &found);

    rc = rc == 0 || rc == GLOB_NOMATCH ? 0 : -ENOMEM;
    for (size_t i = 0; i < found.gl_pathc && rc == 0; i++) {
        rc = find_in(f, found.gl_pathv[i], fn, arg);
        if (rc == -EACCES && found.gl_pathc > 1)
            rc = 0; /* not a folder for this user */
    }
    globfree(&found);
    return rc;
}

size_t find_count(const struct find *f)
{
    return f->n_names;
}

const char *find_directory(const struct find *f)
{
    return f->directory;
}
