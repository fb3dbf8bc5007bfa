/* Runs a fuzzer over a corpus without libFuzzer, so that what was once found stays fixed with
 * any compiler: each file, each file cut short, and each file with one byte changed. */

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tests/fuzz/fuzz.h"

#define CHANGES_MAX 512 /* bytes from the start of a file: more only takes time */
#define FILE_MAX    ((size_t)4 * 1024 * 1024)

/* From a block of exactly @len bytes, so that the sanitizers see the first byte beyond. */
static int run(const char *bytes, size_t len)
{
    uint8_t *exact = mem_alloc(len);

    if (!exact)
        return -ENOMEM;
    if (len)
        memcpy(exact, bytes, len);
    (void)LLVMFuzzerTestOneInput(exact, len); /* it returns 0 by contract */
    mem_free(exact);
    return 0;
}

static int run_variants(struct buf *file)
{
    size_t n = file->len < CHANGES_MAX ? file->len : CHANGES_MAX;
    int rc = run(buf_str(file), file->len);

    for (size_t i = 0; i < n && !rc; i++) {
        rc = run(file->ptr, i);
        file->ptr[i] = (char)(file->ptr[i] ^ 0x20);
        if (!rc)
            rc = run(file->ptr, file->len);
        file->ptr[i] = (char)(file->ptr[i] ^ 0x20);
    }
    return rc;
}

static int read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    size_t n = 0;
    int rc = 0;

    if (!f)
        return -errno;
    do {
        char *p = buf_reserve(out, 65536);

        n = p ? fread(p, 1, 65536, f) : 0;
        if (n)
            buf_grow(out, n);
    } while (n);
    rc = ferror(f) ? -EIO : buf_error(out);
    (void)fclose(f); /* it was only read */
    return rc;
}

static int run_file(const char *dir, const char *name)
{
    struct stat st;
    struct buf path;
    struct buf file;
    int rc = 0;

    buf_init(&path, 4096);
    buf_init(&file, FILE_MAX);
    rc = buf_add_f(&path, "%s/%s", dir, name);
    if (!rc && (stat(buf_str(&path), &st) || !S_ISREG(st.st_mode)))
        goto out;
    if (!rc)
        rc = read_file(buf_str(&path), &file);
    if (!rc)
        rc = run_variants(&file);
    if (rc)
        (void)fprintf(stderr, "%s: error %d\n", buf_str(&path), -rc);
    else
        (void)printf("%s\n", buf_str(&path));
out:
    buf_fini(&file);
    buf_fini(&path);
    return rc;
}

static int run_dir(const char *path, size_t *n_files)
{
    const struct dirent *entry = NULL;
    DIR *dir = opendir(path);
    int rc = 0;

    if (!dir) {
        (void)fprintf(stderr, "%s: cannot be read\n", path);
        return -ENOENT;
    }
    while (!rc) {
        /* cppcheck-suppress readdirCalled */
        entry = readdir(dir); /* NOLINT(concurrency-mt-unsafe): one thread */
        if (!entry)
            break;
        if (entry->d_name[0] == '.')
            continue;
        rc = run_file(path, entry->d_name);
        (*n_files)++;
    }
    (void)closedir(dir); /* it was only read */
    return rc;
}

int main(int argc, char **argv)
{
    size_t n_files = 0;
    int rc = run("", 0);

    for (int i = 1; i < argc && !rc; i++)
        rc = run_dir(argv[i], &n_files);
    if (!rc && n_files == 0) {
        (void)fprintf(stderr, "usage: %s DIRECTORY… (with at least one file)\n", argv[0]);
        rc = -ENOENT;
    }
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
