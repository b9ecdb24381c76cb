/* mutate.h - every change of a message that issue and specification name: each field cut, made
 * longer, doubled, given another type, put in another place, its length set to what is not there;
 * every truncation, every flipped bit. */
#ifndef TESTS_MUTATE_H
#define TESTS_MUTATE_H
#include "tree.h"
#include <stdbool.h>

enum {
    MUTATE_FLIP,    /* a bit of the head, of the value, or of the padding */
    MUTATE_CUT_OFF, /* the message ends early */
    MUTATE_CUT,     /* the item is not there */
    MUTATE_LONGER,  /* more of its value */
    MUTATE_TWICE,   /* the item and a copy of it behind it */
    MUTATE_RETYPE,  /* another type with the same bytes, or with bytes as that type wants them */
    MUTATE_REORDER, /* behind the item that follows it */
    MUTATE_LENGTH,  /* a length that is not so */
    MUTATE_KINDS
};
extern const char *const mutate_name[MUTATE_KINDS];

enum { PARTS_MAX = 512 };
struct part {
    size_t at;   /* of its head */
    size_t len;  /* of its value */
    size_t size; /* with head and padding */
    uint32_t tag;
    uint8_t type;
    int parent; /* -1: the message itself */
};
/* All items, each before those within it. */
int parts_of(const struct tree *message, struct part out[PARTS_MAX]);

struct mutation {
    int kind;
    int part; /* the innermost that is changed; -1 with CUT_OFF */
    bool in_value;
    size_t detail; /* for a report: bit, bytes, type or length */
    struct tree bytes;
};
typedef void (*mutated_fn)(void *user, const struct mutation *m);
/* fn for each; `flips` 1: of every bit, n: of every n-th. */
void mutate_all(const struct tree *message, size_t flips, mutated_fn fn, void *user);
#endif
