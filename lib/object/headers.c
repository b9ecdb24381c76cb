#include "object/headers.h"
#include "base/bytes.h"
#include "base/error.h"
#include "object/tag.h"
#include <stdio.h>
#include <string.h>

enum { A = 0, B = 1, FRONT_MAX = 2 * ENV_CAPACITY_MAX, PLACES = 4 };

/* What parsing said of one place. */
struct found {
    envelope_status status;
    struct env_copy copy;
    char text[160];
};

static void look(const uint8_t *front, size_t len, size_t at, uint8_t role, struct found *out)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    memset(out, 0, sizeof *out);
    out->status = at < len ? env_copy_parse(front + at, len - at, role, &out->copy, &err)
                           : env_fail(&err, ENVELOPE_E_FORMAT, "the object ends before it");
    if (!out->status && at && out->copy.capacity != at) {
        out->status = env_fail(&err, ENVELOPE_E_FORMAT, "it says capacity %u, and stands at %zu",
                               out->copy.capacity, at);
    }
    snprintf(out->text, sizeof out->text, "%.159s", err.message);
}

/* Copy A is dead, so nothing says where B is: it is where its own capacity agrees with its place,
 * and there are only four. */
static void look_for_b(const uint8_t *front, size_t len, struct found *out)
{
    for (size_t k = 0; k < PLACES; k++) {
        struct found here;
        look(front, len, (size_t)ENV_CAPACITY_MIN << k, ENV_ROLE_B, &here);
        if (k == 0 || here.status != ENVELOPE_E_FORMAT) {
            *out = here;
        }
        if (here.status != ENVELOPE_E_FORMAT) {
            return;
        }
    }
    snprintf(out->text, sizeof out->text, "not found at any of its places");
}

static bool same(const void *a, const void *b, size_t len)
{
    return memcmp(a, b, len) == 0;
}

/* crypto.md 4.1. The role differs by nature; what MUT is may differ where a rewrap was cut off
 * between the two copies, and then the revisions differ too. */
static bool agree(const struct env_copy *a, const struct env_copy *b)
{
    enum { ROLE_AT = 10, BEHIND_ROLE = 11, MUT_LENGTH_AT = 28 };
    const uint8_t *x = a->whole.p;
    const uint8_t *y = b->whole.p;
    if (!same(x, y, ROLE_AT) ||
        !same(x + BEHIND_ROLE, y + BEHIND_ROLE, MUT_LENGTH_AT - BEHIND_ROLE)) {
        return false;
    }
    if (!same(a->core.p, b->core.p, a->core.len) || !same(a->att, b->att, ENV_ATT_BYTES)) {
        return false;
    }
    return a->revision != b->revision ||
           (a->mut.len == b->mut.len && same(a->mut.p, b->mut.p, a->mut.len));
}

/* Slots of a copy whose bytes are well formed. A rule broken in them makes the copy a damaged one
 * like any other rule. */
static envelope_status decode_slots(struct env_headers *h, int i, envelope_error *err)
{
    envelope_error why = ENVELOPE_ERROR_INIT;
    const struct env_copy *c = &h->copy[i];
    envelope_status st =
        env_slots_decode(h->ctx, c->slots.p, c->slots.len, c->minor, &h->slots[i], &why);
    if (st == ENVELOPE_E_FORMAT) {
        h->whole[i] = false;
        snprintf(h->damage[i], sizeof h->damage[i], "%.159s", why.message);
        return ENVELOPE_OK;
    }
    return st ? env_fail(err, st, "%s", why.message) : ENVELOPE_OK;
}

/* No whole copy on which to stand. */
static envelope_status refuse(const struct env_headers *h, const envelope_status seen[2],
                              envelope_error *err)
{
    for (int i = A; i <= B; i++) {
        if (seen[i] == ENVELOPE_E_UNSUPPORTED) {
            return env_fail(err, ENVELOPE_E_UNSUPPORTED, "%s", h->damage[i]);
        }
    }
    return env_fail(err, ENVELOPE_E_FORMAT,
                    "neither header copy is whole (A: %s; B: %s): restore the front of the object "
                    "from another copy of the repository, or open it by the chain's metadata",
                    h->damage[A], h->damage[B]);
}

static envelope_status tampered(envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_AUTH,
                    "tampered: both header copies are whole, and they disagree");
}

/* Copies the 2C bytes that count (the front that was read may be 256 KiB) and points into them. */
static envelope_status keep(struct env_headers *h, const uint8_t *front, size_t len,
                            const struct found found[2], envelope_error *err)
{
    h->capacity = found[A].status ? found[B].copy.capacity : found[A].copy.capacity;
    size_t kept = len < 2 * (size_t)h->capacity ? len : 2 * (size_t)h->capacity;
    h->bytes = env_alloc(h->ctx, kept);
    if (!h->bytes) {
        return env_nomem(err);
    }
    memcpy(h->bytes, front, kept);
    envelope_status st = ENVELOPE_OK;
    for (int i = A; !st && i <= B; i++) {
        size_t at = i == A ? 0 : h->capacity;
        h->whole[i] = !found[i].status;
        if (h->whole[i]) {
            st = env_copy_parse(h->bytes + at, kept - at, i == A ? ENV_ROLE_A : ENV_ROLE_B,
                                &h->copy[i], err);
            st = st ? st : decode_slots(h, i, err);
        }
    }
    return st;
}

/* What the whole copies say together. */
static envelope_status compare(struct env_headers *h, const envelope_status seen[2],
                               envelope_error *err)
{
    if (!h->whole[A] && !h->whole[B]) {
        return refuse(h, seen, err);
    }
    /* A copy of a newer version is whole too, and disagrees with one that is not. */
    if (seen[A] == ENVELOPE_E_UNSUPPORTED || seen[B] == ENVELOPE_E_UNSUPPORTED) {
        return tampered(err);
    }
    if (h->whole[A] && h->whole[B] && !agree(&h->copy[A], &h->copy[B])) {
        return tampered(err);
    }
    bool b_first = !h->whole[A] || (h->whole[B] && h->copy[B].revision > h->copy[A].revision);
    h->first = b_first ? B : A;
    if (env_headers_id(h)->kind == ENV_KIND_FOREIGN) {
        return env_fail(err, ENVELOPE_E_FORMAT,
                        "this is the header of a foreign container, not an object of a chain");
    }
    const struct env_copy *c = &h->copy[h->first];
    return env_link(h->ctx, c->core, c->att, h->link, err);
}

static envelope_status parse(struct env_headers *h, const uint8_t *front, size_t len,
                             envelope_error *err)
{
    struct found found[2];
    look(front, len, 0, ENV_ROLE_A, &found[A]);
    if (found[A].status) {
        look_for_b(front, len, &found[B]);
    } else {
        look(front, len, found[A].copy.capacity, ENV_ROLE_B, &found[B]);
    }
    envelope_status seen[2];
    for (int i = A; i <= B; i++) {
        seen[i] = found[i].status;
        snprintf(h->damage[i], sizeof h->damage[i], "%s", found[i].text);
    }
    if (seen[A] && seen[B]) {
        return refuse(h, seen, err);
    }
    envelope_status st = keep(h, front, len, found, err);
    return st ? st : compare(h, seen, err);
}

static envelope_status read_front(struct env_headers *h, env_read_fn read, void *user,
                                  envelope_error *err)
{
    size_t len = h->object_bytes < FRONT_MAX ? (size_t)h->object_bytes : FRONT_MAX;
    uint8_t *front = env_alloc(h->ctx, len);
    if (!front) {
        return env_nomem(err);
    }
    envelope_status st = len ? read(user, 0, front, len, err) : ENVELOPE_OK;
    st = st ? st : parse(h, front, len, err);
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
