#pragma once

/* Borrowed text (`struct view`) and growing text with a hard limit (`struct buf`).
 *
 * A buf has one sticky error: after the first failure every further append is refused, so a
 * writer may append freely and ask once at the end. */

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

/* Borrowed bytes; not NUL-terminated. ptr NULL means "not there", which is
 * different from a present, empty text (ptr not NULL, len 0). */
struct view {
    const char *ptr;
    size_t len;
};

#define VIEW_NONE   ((struct view){NULL, 0})
/* A view of a string literal. */
#define VIEW_LIT(s) ((struct view){(s), sizeof(s) - 1})

/* View of a C string; NULL gives VIEW_NONE. */
struct view view_of(const char *s);
struct view view_make(const void *bytes, size_t len);
bool view_equal(struct view a, struct view b);
bool view_is(struct view v, const char *s);
bool view_starts(struct view v, const char *prefix);
/* Where @what begins inside @v, NULL when it is not there. */
const char *view_find(struct view v, const char *what);
/* Not there or empty. */
bool view_empty(struct view v);
/* Copy with closing NUL into @ret (capacity @cap). 0, or -ENOSPC with @ret untouched. */
AMO_MUSTCHECK int view_copy(struct view v, char *ret, size_t cap);
/* The first @max bytes of a UTF-8 text at most, never half a character; nor half of a sign that
 * is made of several (an emoji with its colour, a letter with its accent), unless that would be
 * one without end. */
struct view view_cut(struct view text, size_t max);
/* Without those of the characters @these that it begins and ends with. */
struct view view_trim(struct view v, const char *these);
/* -1, 0, 1: bytewise order. */
int view_compare(struct view a, struct view b);

struct buf {
    char *ptr;  /* owned; NUL-terminated whenever not NULL */
    size_t len; /* bytes in use */
    size_t cap; /* bytes allocated, without the NUL */
    size_t max; /* hard limit of len */
    int error;  /* 0, -ENOMEM or -ENOSPC; sticky */
};

/* @max bytes at most. Allocates nothing. */
void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);
/* Empty again, error forgotten, memory kept. */
void buf_reset(struct buf *b);
/* Append; the result may be ignored when buf_error() is asked before use. */
int buf_add(struct buf *b, const void *bytes, size_t n);
int buf_add_view(struct buf *b, struct view v);
int buf_add_str(struct buf *b, const char *s);
int buf_add_char(struct buf *b, char c);
int buf_add_f(struct buf *b, const char *fmt, ...) AMO_PRINTF(2, 3);
/* Room for @n more bytes without moving; the place to write them, or NULL with the error set.
 * buf_grow() then says how many were written. */
char *buf_reserve(struct buf *b, size_t n);
void buf_grow(struct buf *b, size_t n);
/* Forget the first @n bytes. */
void buf_consume(struct buf *b, size_t n);
/* 0 or the first error. */
AMO_MUSTCHECK int buf_error(const struct buf *b);
/* What is in it, borrowed until the next change. Never VIEW_NONE: an empty buf gives "". */
struct view buf_view(const struct buf *b);
/* The text, closing NUL included; "" when empty. Borrowed. */
const char *buf_str(const struct buf *b);
/* Hand the memory over (mem_free); NULL when empty. The buf is empty afterwards. */
char *buf_take(struct buf *b);
