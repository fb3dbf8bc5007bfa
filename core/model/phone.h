#pragma once

/* A phone from a field that people and programs fill: one number, in two forms. It is an address; whom
 * it leads to is decided in core/intake/lookup.c.
 *
 * What follows the first number is cut off: an extension, a second number, text; so is anything before
 * it that is too short for a number. A number with + or 00 before it is international and stays as it
 * is. Without them, eleven digits that begin with 8 are Russia's way to write +7, and count as that in
 * channels of the segment ru; nowhere else, because numbers of Vietnam, Hong Kong, Cambodia and others
 * also begin with 8. */

#include <stdbool.h>

#include "base/buf.h"
#include "proto/registry.h"

/* Digits of the longest number there is (E.164); more are no number that could be called. */
#define PHONE_DIGITS 15

struct phone {
    char key[PHONE_DIGITS + 1];    /* digits: two that are the same are equal here; "" none */
    char number[PHONE_DIGITS + 2]; /* as it came: digits, with a + before them if it had one */
};

/* @abroad: the channel is of another segment than ru. */
void phone_read(struct view text, bool abroad, struct phone *ret);
/* The two in one: the key, with a + before it if the number had one. */
#define PHONE_WORD_MAX (PHONE_DIGITS + 2)
void phone_word(const struct phone *p, char ret[PHONE_WORD_MAX]);
/* Are two words the same phone? Where Russia's way of writing holds (not @abroad) a number of ten
 * digits without + is one whose 7 or 8 was left out. */
bool phone_same(const char *a, const char *b, bool abroad);
/* How it is sent to another side: the digits of a number as it came. The + is kept where the digits
 * alone could be read the Russian way (+84 99 123 45 67 as 8 499 123 45 67). */
struct view phone_told(const char *number);
/* Is the account @scope in a channel abroad? An unknown one is not. */
bool phone_abroad(const struct registry *r, struct view scope);
