/* layout.h - where the parts of an object lie and what a flip in a header copy breaks, worked out
 * here from docs/format.md and from nothing of the library. */
#ifndef TESTS_CAMPAIGN_LAYOUT_H
#define TESTS_CAMPAIGN_LAYOUT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TAIL = 64, PREFIX = 56, CHUNK = 16384, SEALED_CHUNK = 16400, MESSAGE_MIN = 72 };

struct layout {
    size_t len; /* of the object */
    size_t capacity;
    size_t core_len;
    size_t mut_len;
    size_t payload; /* offset, behind both copies */
    size_t payload_len;
    uint8_t pre[32]; /* of copy A */
    uint8_t id[104];
    uint8_t revision[8];
};
struct layout layout_of(const uint8_t *object, size_t len);

/* Parts of a header copy. */
enum region {
    IN_PRE,
    IN_ID,
    IN_P,
    IN_BOX_LENGTH,
    IN_BOX,
    IN_ATT,
    IN_REVISION,
    IN_SLOTS_LENGTH,
    IN_SLOTS,
    IN_ZEROS,
    IN_TAG,
    IN_CRC
};
enum region region_of(const struct layout *l, size_t at);
const char *region_name(enum region region);

/* What a copy is after one bit of it was flipped and its CRC made right again. */
enum fate {
    BREAKS,        /* a rule with E_FORMAT: the copy is damaged */
    NEWER_PRE,     /* R-PRE-06, R-PRE-07 */
    NEWER_ID,      /* R-ID-01 */
    WHOLE,         /* and differs from the other in what both must have alike */
    WHOLE_TAG,     /* and differs where only TAG shows it */
    BREAKS_OR_NOT, /* WHOLE or BREAKS: protobuf, whose rules are not repeated here */
};
enum fate fate_of(const struct layout *l, size_t at, unsigned bit);

/* Number of the payload's chunk that byte `at` of the object lies in, SIZE_MAX: in the prefix. */
size_t chunk_of(const struct layout *l, size_t at);
size_t last_chunk(const struct layout *l);
/* Can a message have n bytes (format.md 1.4)? */
bool message_length(size_t n);

uint32_t crc32c(const uint8_t *p, size_t len);
/* The CRC of a header copy or of a tail of len bytes, in its last four. */
void mend_crc(uint8_t *p, size_t len);
#endif
