/* tools/pool.h - memory that lives as long as the command: never for secrets. */
#ifndef ENVELOPE_TOOLS_POOL_H
#define ENVELOPE_TOOLS_POOL_H
#include <stdbool.h>
#include <stddef.h>

struct pool_block;
struct pool {
    struct pool_block *last;
};

/* Zeroed; ends the program when there is no memory. */
void *pool_alloc(struct pool *pool, size_t size);
char *pool_copy(struct pool *pool, const char *text, size_t len);
char *pool_text(struct pool *pool, const char *text); /* NULL gives NULL */
char *pool_format(struct pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for one more item behind count: items, or a larger copy of it. */
void *pool_grow(struct pool *pool, void *items, size_t count, size_t size);
void pool_free(struct pool *pool);

struct strings {
    const char **item;
    size_t count;
};
void strings_add(struct pool *pool, struct strings *list, const char *text);
/* false: it was there. */
bool strings_add_once(struct pool *pool, struct strings *list, const char *text);
#endif
