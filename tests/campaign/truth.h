/* truth.h - what was done to an object, and what must be said of it: kept by the flipper, not asked
 * of the library. */
#ifndef TESTS_CAMPAIGN_TRUTH_H
#define TESTS_CAMPAIGN_TRUTH_H
#include "layout.h"
#include <envelope/base.h>

enum { COPY_A = 1, COPY_B = 2, COPIES = 3 };
enum what { HEADER, PAYLOAD, IN_TAIL, CUT };

struct flip {
    enum what what;
    int copies; /* HEADER: which */
    bool mend;  /* HEADER, IN_TAIL: the CRC is made right again */
    size_t at;  /* HEADER: in the copy, otherwise in the object; CUT: the length that is left */
    unsigned bit;
};

enum served { BY_HEADER, BY_TWIN, BY_CATALOGUE, BY_NOTHING };

enum { SAID_MAX = 2 };
struct truth {
    /* What must be said, all of it and nothing else. */
    size_t said;
    struct {
        const char *part; /* as events of verify name it */
        envelope_status status;
        size_t offset; /* SIZE_MAX: any */
    } say[SAID_MAX];
    /* format.md leaves it to the rules of protobuf whether a copy with this flip is whole. */
    bool open_question;
    bool no_fault; /* said, but verify returns OK: a key that is not at hand */
    enum served served;
    size_t bad_chunk; /* of the payload, SIZE_MAX: none */
};

/* listed: a point that the catalogue in hand lists; otherwise metadata. */
struct truth truth_of(const struct layout *l, const struct flip *f, bool listed);
/* Does it to bytes of the undamaged object; CUT is the caller's. Done twice it is undone but for
 * the CRC. */
void flip_do(const struct layout *l, const struct flip *f, uint8_t *object);
/* For messages. */
void flip_text(const struct layout *l, const struct flip *f, char *out, size_t room);
#endif
