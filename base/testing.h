#pragma once

/* For tests only: folders, what files contain, what is logged, and cases run with each of their allocations failing
 * in turn: nothing may leak (the sanitizers watch), crash, or report anything but -ENOMEM. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

/* @value NULL takes the variable away. */
static inline void testing_set_env(const char *name, const char *value)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): tests have one thread */
    assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the folders that a test made */
static inline void testing_empty_folder(int fd)
{
    DIR *d = fdopendir(fd);
    const struct dirent *e = NULL;
    int inner = -1;

    while (d && (e = readdir(d))) { /* NOLINT(concurrency-mt-unsafe): tests have one thread */
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            unlinkat(fd, e->d_name, 0) == 0)
            continue;
        inner = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (inner >= 0)
            testing_empty_folder(inner);
        (void)unlinkat(fd, e->d_name, AT_REMOVEDIR);
    }
    if (d)
        (void)closedir(d); /* and @fd */
    else
        (void)close(fd);
}

/* With everything in it. */
static inline void testing_remove_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0)
        testing_empty_folder(fd);
    (void)rmdir(path);
}

/* Does the file contain the bytes? One that does not exist has none; at most 4 MiB are looked at. */
static inline bool testing_file_has(const char *path, const char *what)
{
    size_t len = strlen(what);
    size_t cap = (size_t)4 << 20;
    FILE *f = fopen(path, "rb");
    char *bytes = NULL;
    size_t n = 0;
    bool found = false;

    if (!f)
        return false;
    bytes = test_malloc(cap);
    n = fread(bytes, 1, cap, f);
    assert_true(n < cap); /* the whole file was looked at */
    for (size_t i = 0; i + len <= n && !found; i++)
        found = memcmp(bytes + i, what, len) == 0;
    test_free(bytes);
    assert_int_equal(fclose(f), 0);
    return found;
}

/* What is written to stderr from testing_listen() to testing_heard(), through a pipe: 60,000 bytes at most. */
struct testing_words {
    int ends[2];
    int real_stderr;
    char text[60000];
};

static inline void testing_listen(struct testing_words *w)
{
    assert_int_equal(pipe(w->ends), 0);
    w->real_stderr = dup(STDERR_FILENO);
    assert_true(w->real_stderr >= 0);
    assert_true(dup2(w->ends[1], STDERR_FILENO) >= 0);
}

static inline const char *testing_heard(struct testing_words *w)
{
    ssize_t n = 0;

    assert_true(dup2(w->real_stderr, STDERR_FILENO) >= 0);
    assert_int_equal(close(w->real_stderr), 0);
    assert_int_equal(close(w->ends[1]), 0);
    n = read(w->ends[0], w->text, sizeof(w->text) - 1);
    assert_int_equal(close(w->ends[0]), 0);
    w->text[n > 0 ? n : 0] = '\0';
    return w->text;
}

/* Does the whole case, frees all it made, and returns 0 or -ENOMEM. */
typedef int testing_case_fn(void *arg);

static inline void testing_fail_each_allocation(testing_case_fn *run, void *arg)
{
    uint64_t before = mem_count();
    uint64_t n_allocations = 0;

    assert_int_equal(run(arg), 0);
    n_allocations = mem_count() - before;
    assert_true(n_allocations > 0);
    for (uint64_t n = 1; n <= n_allocations; n++) {
        mem_fail_at(n);
        assert_int_equal(run(arg), -ENOMEM);
        mem_fail_at(0);
    }
    assert_int_equal(run(arg), 0);
}
