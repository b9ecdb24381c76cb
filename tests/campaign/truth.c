#include "truth.h"
#include <stdio.h>
#include <string.h>

static const char *const parts[] = {NULL, "header copy A", "header copy B",
                                    "header copies A and B"};

static struct truth said(const char *part, envelope_status status, enum served served)
{
    return (struct truth){
        .said = 1, .say = {{part, status, SIZE_MAX}}, .served = served, .bad_chunk = SIZE_MAX};
}

/* -- headers */

/* The CRC is right: which rule is left to show it? */
static struct truth mended(const struct layout *l, const struct flip *f, enum served without)
{
    bool one = f->copies != COPIES;
    const char *which = parts[f->copies];
    const char *both = parts[COPIES];
    struct truth t;
    switch (fate_of(l, f->at, f->bit)) {
    case BREAKS:
        return said(which, ENVELOPE_E_FORMAT, one ? BY_TWIN : without);
    case NEWER_PRE: /* in one copy: R-OPEN-02 */
        return said(both, one ? ENVELOPE_E_AUTH : ENVELOPE_E_UNSUPPORTED, without);
    case NEWER_ID:
        return said(both, ENVELOPE_E_UNSUPPORTED, without);
    case WHOLE_TAG: /* in one copy: R-OPEN-08 */
        return said(which, ENVELOPE_E_AUTH, one ? BY_TWIN : without);
    case BREAKS_OR_NOT:
        t = said(both, ENVELOPE_E_AUTH, without);
        t.open_question = true;
        return t;
    case WHOLE:
        break;
    }
    return said(both, ENVELOPE_E_AUTH, without);
}

/* Of another chain, as its header says: R-NAME-03. */
static bool misplaces(const struct layout *l, const struct flip *f)
{
    enum { CHAIN_ID_AT = 32 + 4 };
    return f->copies == COPIES && f->mend && region_of(l, f->at) == IN_ID && f->at >= CHAIN_ID_AT &&
           f->at < CHAIN_ID_AT + 32;
}

static struct truth header(const struct layout *l, const struct flip *f, bool listed)
{
    enum served without = listed ? BY_CATALOGUE : BY_NOTHING;
    if (!f->mend) {
        return said(parts[f->copies], ENVELOPE_E_FORMAT, f->copies == COPIES ? without : BY_TWIN);
    }
    if (!listed && misplaces(l, f)) {
        return said("object", ENVELOPE_E_FORMAT, BY_NOTHING);
    }
    return mended(l, f, without);
}

/* -- payload */

static struct truth payload(const struct layout *l, const struct flip *f, bool listed)
{
    size_t chunk = chunk_of(l, f->at);
    struct truth t = said("payload", ENVELOPE_E_AUTH, BY_NOTHING);
    t.bad_chunk = chunk;
    if (listed && chunk != SIZE_MAX && chunk != last_chunk(l)) { /* the others are served */
        t.say[0].offset = l->payload + PREFIX + chunk * SEALED_CHUNK;
        t.served = BY_HEADER;
    }
    return t;
}

/* -- cut */

/* The catalogue knows the length. */
static struct truth cut_listed(const struct layout *l, size_t left)
{
    return left < l->payload + l->payload_len ? said("object", ENVELOPE_E_FORMAT, BY_NOTHING)
                                              : said("tail", ENVELOPE_E_FORMAT, BY_HEADER);
}

/* Nobody does: the last 64 bytes are taken for the tail. */
static struct truth cut_metadata(const struct layout *l, size_t left)
{
    struct truth t;
    if (left < l->capacity) {
        return said(parts[COPIES], ENVELOPE_E_FORMAT, BY_NOTHING);
    }
    if (left < l->payload) {
        t = said(parts[COPY_B], ENVELOPE_E_FORMAT, BY_NOTHING);
        t.say[t.said].part = "object";
    } else if (left < l->payload + MESSAGE_MIN + TAIL) { /* R-TAIL-01 */
        return said("object", ENVELOPE_E_FORMAT, BY_NOTHING);
    } else {
        t = said("tail", ENVELOPE_E_FORMAT, BY_NOTHING);
        t.say[t.said].part = "payload";
    }
    bool possible = t.say[0].part[0] == 't' && message_length(left - l->payload - TAIL);
    t.say[t.said].status = possible ? ENVELOPE_E_AUTH : ENVELOPE_E_FORMAT;
    t.say[t.said].offset = SIZE_MAX;
    t.said++;
    return t;
}

struct truth truth_of(const struct layout *l, const struct flip *f, bool listed)
{
    switch (f->what) {
    case HEADER:
        return header(l, f, listed);
    case PAYLOAD:
        return payload(l, f, listed);
    case CUT:
        return listed ? cut_listed(l, f->at) : cut_metadata(l, f->at);
    case IN_TAIL:
        break;
    }
    return said("tail", ENVELOPE_E_FORMAT, BY_HEADER);
}

/* -- doing it */

void flip_do(const struct layout *l, const struct flip *f, uint8_t *object)
{
    const uint8_t bit = (uint8_t)(1u << f->bit);
    if (f->what == HEADER) {
        for (size_t i = 0; i < 2; i++) {
            uint8_t *copy = object + i * l->capacity;
            if (f->copies & (i ? COPY_B : COPY_A)) {
                copy[f->at] ^= bit;
                if (f->mend) {
                    mend_crc(copy, l->capacity);
                }
            }
        }
        return;
    }
    object[f->at] ^= bit;
    if (f->mend) {
        mend_crc(object + l->len - TAIL, TAIL);
    }
}

void flip_text(const struct layout *l, const struct flip *f, char *out, size_t room)
{
    if (f->what == CUT) {
        snprintf(out, room, "cut to %zu of %zu bytes", f->at, l->len);
        return;
    }
    const char *part = f->what == HEADER    ? parts[f->copies]
                       : f->what == PAYLOAD ? "payload"
                                            : "tail";
    const char *region = f->what == HEADER ? region_name(region_of(l, f->at)) : "";
    snprintf(out, room, "%s%s%s, byte %zu, bit %u%s", part, *region ? ", " : "", region, f->at,
             f->bit, f->mend ? ", CRC mended" : "");
}
