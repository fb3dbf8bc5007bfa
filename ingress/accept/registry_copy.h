#pragma once

/* The registry as ingress holds it, and its sealed copy on disk, so that ingress verifies and
 * accepts while core is down. The copy is `registry.sealed`, the key `registry.key` (mode 0600)
 * beside it: it protects a copy of the one file, not against who can read the whole folder. */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

struct registry;
struct registry_copy;

/* @dir exists. A copy that cannot be opened is logged and left aside: core sends a new one.
 * -errno when the key can neither be read nor made. */
AMO_MUSTCHECK int registry_copy_open(const char *dir, struct registry_copy **ret_copy);
void registry_copy_close(struct registry_copy *c);
/* NULL while there is none. Good until the next update. */
const struct registry *registry_copy_get(const struct registry_copy *c);
/* 0 while there is none. */
uint64_t registry_copy_version(const struct registry_copy *c);
/* @bytes is registry_encode's. PACK_E_MALFORMED (the old one stays), -ENOMEM; another -errno:
 * the new one is in force but not on disk. */
AMO_MUSTCHECK int registry_copy_update(struct registry_copy *c, struct view bytes);
/* Another try at what could not be written, every now and then. True: it was written now. */
bool registry_copy_tidy(struct registry_copy *c);
