/* fuzz.h - what every target shares. One function serves libFuzzer (option fuzzers, clang) and the
 * replay of the corpus by any compiler (replay.c). */
#ifndef FUZZ_H
#define FUZZ_H
#include <envelope/base.h>
#include <stdbool.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One context for all inputs. */
envelope_ctx *fuzz_ctx(void);
/* Ends the program where what must hold does not. */
void fuzz_must(bool holds, const char *what);
/* A copy that ends where its heap block ends, so that a byte read too far is seen; free() it. */
uint8_t *fuzz_copy(const void *data, size_t size);
#endif
