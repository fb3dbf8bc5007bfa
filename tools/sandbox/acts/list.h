#pragma once

/* What happened, as lists: which there are, and the answer to who asks for one. */

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

struct request;
struct sandbox;
struct vec;

struct list_filter;

struct list_kind {
    const char *path;
    const char *keys[5]; /* of the filters */
    /* Does @entry pass? */
    bool (*fits)(const void *entry, const struct list_filter *f);
    struct json_object *(*json)(const void *entry);
    size_t log; /* a number of ours */
};

/* The list at @path ("/amojo/messages"); NULL when there is none. */
const struct list_kind *list_find(const char *path);
/* Its log, and from which entry on it is shown. */
const struct vec *list_log(const struct sandbox *s, const struct list_kind *k,
                           size_t *ret_first);
/* Answer with what of @k the arguments of @x ask for. */
void list_answer(const struct sandbox *s, struct request *x, const struct list_kind *k);
