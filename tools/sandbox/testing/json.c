/* What: JSON as tests write it and look at it. */
#include "tools/sandbox/testing/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tools/sandbox/kit/jread.h"

struct json_object *testing_json(const char *text)
{
    char *copy = mem_strdup(text);
    struct json_object *o = NULL;

    assert_non_null(copy);
    for (char *p = copy; *p; p++) {
        if (*p == '\'')
            *p = '"';
    }
    o = jread_parse(view_of(copy));
    if (!o)
        fail_msg("not JSON: %s", text);
    mem_free(copy);
    return o;
}

struct json_object *testing_at(struct json_object *o, const char *path)
{
    for (const char *p = path; o && *p;) {
        size_t n = strcspn(p, ".");
        char key[128];

        assert_int_equal(view_copy(view_make(p, n), key, sizeof(key)), 0);
        if (json_object_is_type(o, json_type_array))
            o = json_object_array_get_idx(o, strtoull(key, NULL, 10));
        else
            o = jread_get(o, key);
        p += n;
        p += *p == '.';
    }
    return o;
}

void testing_assert_at(struct json_object *o, const char *path, const char *want)
{
    struct json_object *found = testing_at(o, path);
    struct json_object *w = strcmp(want, "null") == 0 ? NULL : testing_json(want);

    if (!json_object_equal(found, w))
        fail_msg("at \"%s\" of %s: not %s", path, json_object_to_json_string(o), want);
    json_object_put(w);
}

const char *testing_text_at(struct json_object *o, const char *path)
{
    struct json_object *found = testing_at(o, path);

    if (!json_object_is_type(found, json_type_string))
        fail_msg("at \"%s\" of %s: no text", path, json_object_to_json_string(o));
    return json_object_get_string(found);
}
