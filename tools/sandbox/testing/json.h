#pragma once

/* JSON in tests, written with ' for ". Every failure ends the test. */

#include <json-c/json.h>

/* Parsed @text; json_object_put it. */
struct json_object *testing_json(const char *text);
/* The value at @path ("items.0.id") of @o, NULL when it is not there; borrowed. */
struct json_object *testing_at(struct json_object *o, const char *path);
/* The value at @path is @want, member by member; "null" also when it is not there. */
void testing_assert_at(struct json_object *o, const char *path, const char *want);
/* The text at @path; it is there. Borrowed. */
const char *testing_text_at(struct json_object *o, const char *path);
