#pragma once

/* What people call an account: the first eight characters of its amojo id and its title, in place of a
 * scope id of 73 characters. Core takes the eight characters as well, wherever it takes a scope id. */

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"

struct json;

struct name {
    struct view scope;
    struct view title; /* may be empty */
    struct view brief; /* as core calls it; empty: by no shorter name than the id */
};

struct names {
    struct json *doc;  /* owned: core's list of some accounts; NULL: nothing is known */
    struct name *rows; /* owned; in the order of their amojo ids */
    size_t n;
};

/* Does @json name an account by a scope id? */
bool names_are_wanted(struct view json);
/* Takes @doc, the answer of account.list, in any case; NULL: no account is known. -ENOMEM, and then
 * none is known either. */
AMO_MUSTCHECK int names_init(struct names *n, struct json *doc);
/* The same of the accounts whose scope ids stand in @json, asked of core at @endpoint; without an answer no account is
 * known. bus_init must have been called. */
void names_ask(const char *endpoint, struct view json, struct names *ret);
void names_fini(struct names *n);
/* Appends what @scope, a scope id or a destination "scope:<id>", is called, with its title if @titled;
 * false, and nothing appended, when there is no shorter name than the id. */
bool names_put(const struct names *n, struct view scope, bool titled, struct buf *out);
