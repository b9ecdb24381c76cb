#include "fuzz.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

envelope_ctx *fuzz_ctx(void)
{
    static envelope_ctx *ctx;
    if (!ctx) {
        fuzz_must(!envelope_ctx_new(NULL, &ctx, NULL), "a context");
    }
    return ctx;
}

void fuzz_must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz: does not hold: %s\n", what);
        abort();
    }
}

uint8_t *fuzz_copy(const void *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    fuzz_must(copy, "memory");
    if (size) {
        memcpy(copy, data, size);
    }
    return copy;
}
