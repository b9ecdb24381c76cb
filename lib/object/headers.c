#include "object/headers.h"
#include "base/bytes.h"
#include "base/error.h"
#include "object/tag.h"
#include <stdio.h>
#include <string.h>

enum {
    A = 0,
    B = 1,
    FRONT_MIN = 2 * ENV_CAPACITY_MIN,
    FRONT_MAX = 2 * ENV_CAPACITY_MAX,
    PLACES = 4
};

/* What is at one place. OK: a whole copy; E_UNSUPPORTED: one of a newer version; E_FORMAT: a
 * damaged one, or none. */
struct found {
    envelope_status status;
    bool magic;
    size_t at;
    struct env_copy copy;
    struct env_slots *slots;
    char text[160];
};

struct front {
    envelope_ctx *ctx;
    const uint8_t *p;
    size_t len;
};

static envelope_status parse_at(const struct front *f, uint8_t role, struct found *out,
                                envelope_error *err)
{
    if (out->at >= f->len) {
        return env_fail(err, ENVELOPE_E_FORMAT, "the object ends before it");
    }
    const uint8_t *here = f->p + out->at;
    struct env_copy *c = &out->copy;
    out->magic = env_copy_magic(here, f->len - out->at);
    envelope_status st = env_copy_parse(here, f->len - out->at, role, c, err);
    if (!st && out->at && c->capacity != out->at) {
        st = env_fail(err, ENVELOPE_E_FORMAT, "it says capacity %u, and stands at %zu", c->capacity,
                      out->at);
    }
    return st ? st : env_slots_decode(f->ctx, c->slots.p, c->slots.len, c->minor, &out->slots, err);
}

/* Fails for want of memory only. */
static envelope_status look(const struct front *f, size_t at, uint8_t role, struct found *out,
                            envelope_error *err)
{
    envelope_error why = ENVELOPE_ERROR_INIT;
    *out = (struct found){.at = at};
    out->status = parse_at(f, role, out, &why);
    snprintf(out->text, sizeof out->text, "%.159s", why.message);
    bool said =
        !out->status || out->status == ENVELOPE_E_FORMAT || out->status == ENVELOPE_E_UNSUPPORTED;
    return said ? ENVELOPE_OK : env_error_pass(err, out->status, &why);
}

/* Copy A is dead, so nothing says where B is: it is where its own capacity agrees with its place,
 * and there are only four. If it is dead too, the first place where it seems to begin says why. */
static envelope_status look_for_b(const struct front *f, struct found *out, envelope_error *err)
{
    envelope_status st = look(f, ENV_CAPACITY_MIN, ENV_ROLE_B, out, err);
    for (size_t k = 1; !st && out->status && k < PLACES; k++) {
        struct found here;
        st = look(f, (size_t)ENV_CAPACITY_MIN << k, ENV_ROLE_B, &here, err);
        if (!st && (!here.status || (here.magic && !out->magic))) {
            *out = here;
        }
    }
    return st;
}

static bool same(const void *a, const void *b, size_t len)
{
    return memcmp(a, b, len) == 0;
}

/* PRE of both, role apart (format.md, R-OPEN-02). Where a rewrap was cut off between the two copies
 * the revisions differ, and then the length of MUT may. */
static bool pre_agree(const struct front *f, const struct found found[2])
{
    enum { ROLE_AT = 10, BEHIND_ROLE = 11, MUT_LENGTH_AT = 28 };
    const uint8_t *a = f->p + found[A].at;
    const uint8_t *b = f->p + found[B].at;
    bool rewrapped =
        !found[A].status && !found[B].status && found[A].copy.revision != found[B].copy.revision;
    size_t end = rewrapped ? MUT_LENGTH_AT : ENV_PRE_BYTES;
    return same(a, b, ROLE_AT) && same(a + BEHIND_ROLE, b + BEHIND_ROLE, end - BEHIND_ROLE);
}

static bool bytes_agree(struct env_bytes a, struct env_bytes b)
{
    return a.len == b.len && same(a.p, b.p, a.len);
}

/* R-OPEN-03 and R-OPEN-04, for two whole copies. */
static bool copies_agree(const struct env_copy *a, const struct env_copy *b)
{
    return bytes_agree(a->core, b->core) && same(a->att, b->att, ENV_ATT_BYTES) &&
           (a->revision != b->revision || bytes_agree(a->mut, b->mut));
}

static envelope_status tampered(envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_AUTH,
                    "tampered: the header's two copies are both undamaged, and they disagree");
}

/* crypto.md 4.1: before any slot is tried. */
static envelope_status compare(const struct front *f, const struct found found[2],
                               envelope_error *err)
{
    bool damaged = found[A].status == ENVELOPE_E_FORMAT || found[B].status == ENVELOPE_E_FORMAT;
    if (!damaged && !pre_agree(f, found)) {
        return tampered(err);
    }
    for (int i = A; i <= B; i++) {
        if (found[i].status == ENVELOPE_E_UNSUPPORTED) {
            return env_fail(err, ENVELOPE_E_UNSUPPORTED, "%s", found[i].text);
        }
    }
    if (found[A].status && found[B].status) {
        return env_fail(err, ENVELOPE_E_FORMAT,
                        "neither header copy is whole (A: %s; B: %s): restore the front of the "
                        "object from another copy of the repository, or open it by the chain's "
                        "metadata",
                        found[A].text, found[B].text);
    }
    bool both = !found[A].status && !found[B].status;
    return both && !copies_agree(&found[A].copy, &found[B].copy) ? tampered(err) : ENVELOPE_OK;
}

/* Copies the 2C bytes that count (the front that was read may have 256 KiB) and points into them.
 */
static envelope_status keep(struct env_headers *h, const struct front *f, struct found found[2],
                            envelope_error *err)
{
    h->capacity = found[found[A].status ? B : A].copy.capacity;
    size_t len = f->len < 2 * (size_t)h->capacity ? f->len : 2 * (size_t)h->capacity;
    h->bytes = env_alloc(h->ctx, len);
    if (!h->bytes) {
        return env_nomem(err);
    }
    memcpy(h->bytes, f->p, len);
    for (int i = A; i <= B; i++) {
        h->whole[i] = !found[i].status;
        memcpy(h->damage[i], found[i].text, sizeof h->damage[i]);
        uint8_t role = i == A ? ENV_ROLE_A : ENV_ROLE_B;
        envelope_status st = ENVELOPE_OK;
        if (h->whole[i]) {
            st = env_copy_parse(h->bytes + found[i].at, len - found[i].at, role, &h->copy[i], err);
            h->slots[i] = found[i].slots;
            found[i].slots = NULL;
        }
        if (st) {
            return st;
        }
    }
    bool b_first = !h->whole[A] || (h->whole[B] && h->copy[B].revision > h->copy[A].revision);
    h->first = b_first ? B : A;
    return env_link(h->ctx, h->copy[h->first].core, h->copy[h->first].att, h->link, err);
}

static envelope_status parse(struct env_headers *h, const struct front *f, envelope_error *err)
{
    struct found found[2] = {{.status = ENVELOPE_E_FORMAT}, {.status = ENVELOPE_E_FORMAT}};
    envelope_status st = look(f, 0, ENV_ROLE_A, &found[A], err);
    if (!st) {
        st = found[A].status ? look_for_b(f, &found[B], err)
                             : look(f, found[A].copy.capacity, ENV_ROLE_B, &found[B], err);
    }
    st = st ? st : compare(f, found, err);
    st = st ? st : keep(h, f, found, err);
    env_free(h->ctx, found[A].slots);
    env_free(h->ctx, found[B].slots);
    return st;
}

static size_t front_bytes(const struct env_headers *h, size_t most)
{
    return h->object_bytes < most ? (size_t)h->object_bytes : most;
}

/* Does copy A say that there is no more than this of the headers? Only a whole one is believed. */
static bool ends_here(const struct front *f)
{
    struct env_copy a;
    return !env_copy_parse(f->p, f->len, ENV_ROLE_A, &a, NULL) && 2 * (size_t)a.capacity <= f->len;
}

/* Most headers have the least capacity, and a scan reads thousands. */
static envelope_status read_front(struct env_headers *h, env_read_fn read, void *user,
                                  envelope_error *err)
{
    size_t most = front_bytes(h, FRONT_MAX);
    uint8_t *front = env_alloc(h->ctx, most);
    if (!front) {
        return env_nomem(err);
    }
    struct front f = {h->ctx, front, front_bytes(h, FRONT_MIN)};
    envelope_status st = f.len ? read(user, 0, front, f.len, err) : ENVELOPE_OK;
    if (!st && f.len < most && !ends_here(&f)) {
        f.len = most;
        st = read(user, 0, front, f.len, err);
    }
    st = st ? st : parse(h, &f, err);
    env_free(h->ctx, front);
    return st;
}

envelope_status env_headers_read(envelope_ctx *ctx, env_read_fn read, void *user,
                                 uint64_t object_bytes, struct env_headers **out,
                                 envelope_error *err)
{
    *out = NULL;
    struct env_headers *h = env_alloc(ctx, sizeof *h);
    if (!h) {
        return env_nomem(err);
    }
    h->ctx = env_ctx_retain(ctx);
    h->object_bytes = object_bytes;
    envelope_status st = read_front(h, read, user, err);
    if (st) {
        env_headers_free(h);
        return st;
    }
    *out = h;
    return ENVELOPE_OK;
}

void env_headers_free(struct env_headers *headers)
{
    if (!headers) {
        return;
    }
    envelope_ctx *ctx = headers->ctx;
    env_free(ctx, headers->slots[A]);
    env_free(ctx, headers->slots[B]);
    env_free(ctx, headers->bytes);
    env_free(ctx, headers);
    env_ctx_release(ctx);
}

const struct env_id *env_headers_id(const struct env_headers *headers)
{
    return &headers->copy[headers->first].id;
}
