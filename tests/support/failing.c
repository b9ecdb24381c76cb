#include "failing.h"
#include <stdio.h>
#include <stdlib.h>

static void *take(void *user, size_t size)
{
    struct failing *f = user;
    f->calls++;
    if (f->fail_at && (f->calls == f->fail_at || (f->for_ever && f->calls > f->fail_at))) {
        return NULL;
    }
    void *p = malloc(size);
    f->live += p != NULL;
    return p;
}

static void give(void *user, void *p)
{
    struct failing *f = user;
    f->live -= p != NULL;
    free(p);
}

envelope_ctx_options failing_options(struct failing *f)
{
    envelope_ctx_options o = {
        .size = sizeof o,
        .flags = f->flags,
        .locked_kib = f->locked_kib,
        .alloc = take,
        .release = give,
        .user = f,
    };
    return o;
}

envelope_ctx *test_ctx(void)
{
    envelope_ctx *ctx;
    envelope_error err = ENVELOPE_ERROR_INIT;
    if (envelope_ctx_new(NULL, &ctx, &err)) {
        printf("Bail out! no context: %s\n", err.message);
        exit(1);
    }
    return ctx;
}
