#include "layout.h"
#include <string.h>

enum { ID_AT = 32, P_AT = ID_AT + 104, BOX_LENGTH_AT = P_AT + PREFIX, END = 36, CRC = 4 };
enum { KIND_FULL = 1, KIND_INCREMENT = 2, KIND_METADATA = 3 };

static uint64_t number(const uint8_t *p, size_t len)
{
    uint64_t n = 0;
    for (size_t i = 0; i < len; i++) {
        n = n << 8 | p[i];
    }
    return n;
}

struct layout layout_of(const uint8_t *object, size_t len)
{
    struct layout l = {.len = len,
                       .capacity = (size_t)number(object + 20, 4),
                       .core_len = (size_t)number(object + 24, 4),
                       .mut_len = (size_t)number(object + 28, 4)};
    l.payload = 2 * l.capacity;
    l.payload_len = len - l.payload - TAIL;
    memcpy(l.pre, object, sizeof l.pre);
    memcpy(l.id, object + ID_AT, sizeof l.id);
    memcpy(l.revision, object + ID_AT + l.core_len + 32, sizeof l.revision);
    return l;
}

enum region region_of(const struct layout *l, size_t at)
{
    const size_t att = ID_AT + l->core_len;
    const size_t mut = att + 32;
    const struct {
        size_t end;
        enum region region;
    } parts[] = {
        {ID_AT, IN_PRE},
        {P_AT, IN_ID},
        {BOX_LENGTH_AT, IN_P},
        {BOX_LENGTH_AT + 4, IN_BOX_LENGTH},
        {att, IN_BOX},
        {mut, IN_ATT},
        {mut + 8, IN_REVISION},
        {mut + 12, IN_SLOTS_LENGTH},
        {mut + l->mut_len, IN_SLOTS},
        {l->capacity - END, IN_ZEROS},
        {l->capacity - CRC, IN_TAG},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (at < parts[i].end) {
            return parts[i].region;
        }
    }
    return IN_CRC;
}

const char *region_name(enum region region)
{
    static const char *const names[] = {"PRE",   "ID",    "P",        "length of the box",
                                        "box",   "ATT",   "revision", "length of Slots",
                                        "Slots", "zeros", "TAG",      "CRC32C"};
    return names[region];
}

static enum fate fate_in_pre(size_t at)
{
    if (at == 8 || (at >= 12 && at < 16)) {
        return NEWER_PRE;
    }
    bool differs = at == 9 || (at >= 16 && at < 20); /* minor version, ro-compat */
    return differs ? WHOLE : BREAKS;
}

static bool zero(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i]) {
            return false;
        }
    }
    return true;
}

/* R-ID-04 to R-ID-06 */
static bool metadata_possible(const uint8_t *id, uint64_t generation, uint64_t metadata)
{
    return !id[2] && !id[3] && metadata && generation && (metadata != 1 || zero(id + 72, 32));
}

/* R-ID-07 to R-ID-11, R-HDR-06: none of these objects is detached, so ATT is not zero */
static bool point_possible(const uint8_t *id, uint64_t generation)
{
    bool content = id[3] == 1 || id[3] == 2;
    bool parent = zero(id + 72, 32) == (id[1] == KIND_FULL);
    return content && parent && id[2] == 0 && generation;
}

/* R-ID-02 to R-ID-11, R-HDR-05 */
static bool id_possible(const uint8_t *id)
{
    uint64_t generation = number(id + 52, 4);
    uint64_t serial = number(id + 56, 8);
    uint64_t metadata = number(id + 64, 8);
    if (serial >> 48 || metadata >> 48 || generation >> 31) {
        return false;
    }
    if (id[1] == KIND_METADATA) {
        return metadata_possible(id, generation, metadata);
    }
    return (id[1] == KIND_FULL || id[1] == KIND_INCREMENT) && point_possible(id, generation);
}

enum fate fate_of(const struct layout *l, size_t at, unsigned bit)
{
    uint8_t id[sizeof l->id];
    switch (region_of(l, at)) {
    case IN_PRE:
        return fate_in_pre(at);
    case IN_ID:
        memcpy(id, l->id, sizeof id);
        id[at - ID_AT] ^= (uint8_t)(1u << bit);
        return at == ID_AT ? NEWER_ID : id_possible(id) ? WHOLE : BREAKS;
    case IN_REVISION: /* from 1 to 0: R-HDR-04 */
        return number(l->revision, 8) == 1 && at == ID_AT + l->core_len + 32 + 7 && bit == 0
                   ? BREAKS
                   : WHOLE_TAG;
    case IN_BOX_LENGTH:
    case IN_SLOTS_LENGTH:
    case IN_ZEROS:
    case IN_CRC:
        return BREAKS;
    case IN_SLOTS:
        return BREAKS_OR_NOT;
    case IN_TAG:
        return WHOLE_TAG;
    case IN_P:
    case IN_BOX:
    case IN_ATT:
        break;
    }
    return WHOLE;
}

size_t chunk_of(const struct layout *l, size_t at)
{
    size_t in = at - l->payload;
    return in < PREFIX ? SIZE_MAX : (in - PREFIX) / SEALED_CHUNK;
}

size_t last_chunk(const struct layout *l)
{
    return chunk_of(l, l->payload + l->payload_len - 1);
}

bool message_length(size_t n)
{
    return n >= MESSAGE_MIN && (n - PREFIX) % SEALED_CHUNK >= 16;
}

uint32_t crc32c(const uint8_t *p, size_t len)
{
    static uint32_t table[256];
    for (uint32_t i = 0; !table[1] && i < 256; i++) {
        uint32_t c = 255 - i; /* table[1] is set last but one */
        for (int k = 0; k < 8; k++) {
            c = c >> 1 ^ (c & 1 ? 0x82f63b78u : 0);
        }
        table[255 - i] = c;
    }
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < len; i++) {
        crc = crc >> 8 ^ table[(crc ^ p[i]) & 0xff];
    }
    return ~crc;
}

void mend_crc(uint8_t *p, size_t len)
{
    uint32_t crc = crc32c(p, len - CRC);
    for (size_t i = 0; i < CRC; i++) {
        p[len - CRC + i] = (uint8_t)(crc >> (24 - 8 * i));
    }
}
