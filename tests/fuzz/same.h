#pragma once

/* For fuzzers of what crosses the bus: what a decoder lets through comes back the same when it is
 * written and read again. */

#include "base/buf.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_OUT_MAX ((size_t)4 * 1024 * 1024)

/* A function check_<type>(bytes) for a struct with type_decode() and type_encode(). It refuses
 * with a positive code, never for a reason of the machine's. */
#define FUZZ_SAME(type)                                                                        \
    static void check_##type(struct view bytes)                                                \
    {                                                                                          \
        struct type first;                                                                     \
        struct type again;                                                                     \
        struct buf out;                                                                        \
        struct buf out_again;                                                                  \
        int rc = type##_decode(bytes, &first);                                                 \
                                                                                               \
        FUZZ_MUST(rc >= 0);                                                                    \
        if (rc)                                                                                \
            return;                                                                            \
        buf_init(&out, FUZZ_OUT_MAX);                                                          \
        buf_init(&out_again, FUZZ_OUT_MAX);                                                    \
        FUZZ_MUST(type##_encode(&first, &out) == 0);                                           \
        FUZZ_MUST(type##_decode(buf_view(&out), &again) == 0);                                 \
        FUZZ_MUST(type##_encode(&again, &out_again) == 0);                                     \
        FUZZ_MUST(view_equal(buf_view(&out), buf_view(&out_again)));                           \
        buf_fini(&out_again);                                                                  \
        buf_fini(&out);                                                                        \
    }
