/* exchange.h - recorded exchanges with one item each: what was asked, and the answer. */
#ifndef TESTS_EXCHANGE_H
#define TESTS_EXCHANGE_H
#include "captures.h"
#include "tree.h"

struct exchange {
    char name[128];
    int minor; /* of the request's version; -1: not 1.0 to 1.4, or broken */
    uint32_t operation;
    char uid[256]; /* the first Unique Identifier of the request */
    char *words;   /* of the request */
    struct tree request;
    struct tree response;
};
/* Each whose request was whole; the number of those that are apart: broken ones, and batches. */
int exchanges_each(void (*fn)(void *user, const struct exchange *exchange), void *user);

/* What stands behind "start" in the words, up to the end of its line; "" where there is none. */
void words_value(const char *words, const char *start, char *out, size_t cap);
/* words with each `from` replaced; free() it. */
char *words_replace(const char *words, const char *from, const char *to);
#endif
