#include "pool.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pool_block {
    struct pool_block *before;
    _Alignas(max_align_t) char bytes[];
};

static _Noreturn void no_memory(void)
{
    fputs("envelope: no memory\n", stderr);
    exit(1);
}

void *pool_alloc(struct pool *pool, size_t size)
{
    struct pool_block *block = NULL;
    if (size <= SIZE_MAX - sizeof *block) {
        block = calloc(1, sizeof *block + size);
    }
    if (!block) {
        no_memory();
    }
    block->before = pool->last;
    pool->last = block;
    return block->bytes;
}

char *pool_copy(struct pool *pool, const char *text, size_t len)
{
    char *copy = pool_alloc(pool, len + 1);
    memcpy(copy, text, len);
    return copy;
}

char *pool_text(struct pool *pool, const char *text)
{
    return text ? pool_copy(pool, text, strlen(text)) : NULL;
}

char *pool_format(struct pool *pool, const char *format, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, format);
    int n = vasprintf(&text, format, ap);
    va_end(ap);
    if (n < 0) {
        no_memory();
    }
    char *copy = pool_copy(pool, text, (size_t)n);
    free(text);
    return copy;
}

void *pool_grow(struct pool *pool, void *items, size_t count, size_t size)
{
    /* Full at 0 and at every power of two, so no capacity has to be kept. */
    if (count & (count - 1)) {
        return items;
    }
    size_t room = count ? count * 2 : 1;
    if (room > SIZE_MAX / 2 / size) {
        no_memory();
    }
    char *larger = pool_alloc(pool, room * size);
    if (count) {
        memcpy(larger, items, count * size);
    }
    return larger;
}

void pool_free(struct pool *pool)
{
    while (pool->last) {
        struct pool_block *block = pool->last;
        pool->last = block->before;
        free(block);
    }
}

void strings_add(struct pool *pool, struct strings *list, const char *text)
{
    list->item = pool_grow(pool, list->item, list->count, sizeof *list->item);
    list->item[list->count++] = text;
}

bool strings_add_once(struct pool *pool, struct strings *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!strcmp(list->item[i], text)) {
            return false;
        }
    }
    strings_add(pool, list, text);
    return true;
}
