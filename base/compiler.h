#pragma once

/* The only place where compiler extensions are named, so that a reader meets them once. */

/* The result must be looked at: every function that can fail carries it. */
#define AMO_MUSTCHECK __attribute__((warn_unused_result))

/* Argument @fmt is a printf format whose values start at argument @args. */
#define AMO_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Never returns to its caller. */
#define AMO_NORETURN __attribute__((noreturn))

/* Called before main. For tests only: nothing in the product runs unseen. */
#define AMO_BEFORE_MAIN __attribute__((constructor))

/* Number of elements of a true array. */
#define AMO_COUNT(array) (sizeof(array) / sizeof((array)[0]))
