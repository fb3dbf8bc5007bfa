#pragma once

/* What every fuzzer defines, and how it states what must hold. Not for unit tests: those use
 * cmocka. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* One input of any bytes; returns 0. Owns nothing of @bytes and leaves nothing behind. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Ends the run, which libFuzzer and ctest report with the input that led here. */
#define FUZZ_MUST(condition)                                                                   \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            (void)fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);      \
            abort();                                                                           \
        }                                                                                      \
    } while (0)
