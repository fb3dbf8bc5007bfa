#pragma once

/* Is the body of a call to a service what docs/connector.md promises? Pure: looks at the JSON
 * alone. */

#include <json-c/json.h>

#include "tools/sandbox/kit/jread.h"

/* Check type, timestamp and data of a whole call. @c has words when it is wrong. */
void service_check(struct jcheck *c, struct json_object *whole, const char *webhook_id);
