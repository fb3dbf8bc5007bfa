#pragma once

/* What the unit tests of the sandbox share. Every failure ends the test. */

#include <json-c/json.h>

/* A JSON file below the source tree ("tests/vectors/signatures.json"); json_object_put it. */
struct json_object *testing_read_json(const char *path);
