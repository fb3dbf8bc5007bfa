#pragma once

/* How many calls one destination may have under way, learnt from how it answers: more after quick
 * answers, as long as they are used; fewer after failures and when answers take longer than they did.
 * The numbers behind it are in docs/adr/0017-places.md. Knows no queue and no clock. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A destination of which nothing is known begins with so many, one that was held with one. */
#define WINDOW_FIRST   4
/* … and none has more, however many places there are: nobody expects it of a client. */
#define WINDOW_MOST    48
/* An answer that takes so long, or a call that has none for so long, is slow. */
#define WINDOW_SLOW_MS 2000

struct window {
    double size; /* calls; at least 1 */
    double
        threshold; /* below it every answer makes room for one more, above it a round of them */
    double took_ms;      /* of late, on average */
    bool known;          /* there was an answer */
    int64_t cut_mono_ms; /* when it last became smaller */
    /* the least time that an answer took, in this half minute and in the one before */
    int64_t least_ms[2];
    int64_t least_since_mono_ms;
    double
        light_ms; /* what its answers take, on average, while it has few calls; < 0 unknown */
    int64_t quick_mono_ms;  /* the last quick answer; 0 none */
    int64_t used_mono_ms;   /* when the last call left, or was answered quickly */
    int64_t filled_mono_ms; /* when one left that half filled it */
};

/* How a call has ended. */
struct window_answer {
    bool fine;             /* the destination has answered, be it to refuse */
    int64_t took_ms;       /* the call itself, as its worker has measured it */
    int64_t began_mono_ms; /* when it left core */
    double most;           /* the window never grows beyond it */
};

void window_init(struct window *w);
/* After a hold: one call, then twice as many with each round of answers. */
void window_restart(struct window *w);
/* Whether one more may leave while so many are under way. */
bool window_has_place(const struct window *w, size_t under_way);
/* A call leaves; with it so many are under way. What was not used for a while is not believed any more: the window shrinks to its first
 * size, by half a second. */
void window_left(struct window *w, size_t under_way, int64_t now_mono_ms);
void window_answered(struct window *w, const struct window_answer *a, int64_t now_mono_ms);
/* Does it take WINDOW_SLOW_MS and longer on average? */
bool window_is_slow(const struct window *w);
/* A call that has been under way for longer than this has outlasted what is usual. */
int64_t window_late_ms(const struct window *w);
