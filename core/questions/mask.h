#pragma once

/* What is shown of people when somebody only looks: enough to tell one from another, and no more. With
 * @reveal all of it is shown; whoever asks for that leaves a line in the log. */

#include <stdbool.h>

#include "base/buf.h"

struct json_writer;

/* Adds @key with the last four digits of a phone, as "***0101"; null for none. */
void mask_add_phone(struct json_writer *w, const char *key, struct view phone, bool reveal);
/* Adds @key with the first letter of each of the first words of a name, as "И. П."; null for none. */
void mask_add_name(struct json_writer *w, const char *key, struct view name, bool reveal);
/* Characters of a text. */
size_t mask_chars(struct view text);
