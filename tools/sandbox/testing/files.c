/* What: fixtures and vectors, read from the source tree. */
#include "tools/sandbox/testing/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "tools/sandbox/kit/jread.h"

enum {
    FILE_MAX = 16 * 1024 * 1024
};

struct json_object *testing_read_json(const char *path)
{
    const char *root = getenv("AMO_SOURCE_DIR"); /* NOLINT(concurrency-mt-unsafe): one thread */
    struct json_object *o = NULL;
    struct buf text;
    char piece[4096];
    char name[1024];
    size_t n = 0;
    FILE *f = NULL;

    assert_non_null(root);
    assert_true(snprintf(name, sizeof(name), "%s/%s", root, path) < (int)sizeof(name));
    f = fopen(name, "re");
    assert_non_null(f);
    buf_init(&text, FILE_MAX);
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
        assert_int_equal(buf_add(&text, piece, n), 0);
    assert_int_equal(fclose(f), 0);
    o = jread_parse(buf_view(&text));
    buf_fini(&text);
    assert_non_null(o);
    return o;
}
