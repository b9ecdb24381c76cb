#include "object/twin.h"
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/digest.h"
#include "object/seal.h"
#include "object/tag.h"
#include <string.h>

enum { A = 0, B = 1, FRONT_MAX = 2 * ENV_CAPACITY_MAX, PLACES = 4 };

struct front {
    envelope_ctx *ctx;
    const uint8_t *p;
    size_t len;
    const uint8_t *header_key;
    const uint8_t *link;
};

/* *right: a copy that begins here verifies and is the one that is looked for. Fails for want of
 * memory only. */
static envelope_status look(const struct front *f, size_t at, uint8_t role, struct env_copy *copy,
                            bool *right, envelope_error *err)
{
    uint8_t link[ENV_LINK_BYTES];
    *right = false;
    if (at >= f->len || env_copy_parse(f->p + at, f->len - at, role, copy, NULL)) {
        return ENVELOPE_OK;
    }
    envelope_status st = env_tag_check(f->ctx, f->header_key, copy, NULL);
    if (st) {
        return st == ENVELOPE_E_AUTH ? ENVELOPE_OK : env_fail(err, st, "the header's TAG");
    }
    st = env_link(f->ctx, copy->core, copy->att, link, err);
    *right = !st && !memcmp(link, f->link, sizeof link) && (at == 0 || copy->capacity == at);
    return st;
}

/* Of A at the front and B at one of the four places. */
static envelope_status find_right(const struct front *f, struct env_copy *best, int *which,
                                  envelope_error *err)
{
    struct env_copy copy;
    bool right;
    envelope_status st = look(f, 0, ENV_ROLE_A, best, &right, err);
    *which = right ? A : ENV_TWINS_GOOD;
    for (size_t k = 0; !st && k < PLACES; k++) {
        st = look(f, (size_t)ENV_CAPACITY_MIN << k, ENV_ROLE_B, &copy, &right, err);
        if (!st && right && (*which != A || copy.revision > best->revision)) {
            *best = copy;
            *which = B;
        }
    }
    if (st) {
        return st;
    }
    return *which != ENV_TWINS_GOOD
               ? ENVELOPE_OK
               : env_fail(err, ENVELOPE_E_FORMAT,
                          "neither header copy is right: restore the front of the object from "
                          "another copy of the repository");
}

static envelope_status make_other(const struct front *f, const envelope_dek *dek,
                                  const struct env_copy *good, uint8_t *bytes, uint8_t role,
                                  envelope_error *err)
{
    const struct env_copy_parts parts = {
        .core = good->core, .att = good->att, .revision = good->revision, .slots = good->slots};
    if (good->ro_compat || good->minor > ENV_FORMAT_MINOR) {
        return env_fail(err, ENVELOPE_E_UNSUPPORTED,
                        "the header is of a newer version: this library may only read it");
    }
    return env_copy_seal(f->ctx, dek, &parts, role, good->capacity, bytes, err);
}

static envelope_status compare(const struct front *f, const envelope_dek *dek, struct env_twin *out,
                               envelope_error *err)
{
    struct env_copy good;
    int which;
    envelope_status st = find_right(f, &good, &which, err);
    if (st) {
        return st;
    }
    if (f->len / 2 < good.capacity) {
        return env_fail(err, ENVELOPE_E_FORMAT, "the object ends within its header copies");
    }
    out->bytes = env_alloc(f->ctx, good.capacity);
    if (!out->bytes) {
        return env_nomem(err);
    }
    out->which = B - which;
    out->capacity = good.capacity;
    st = make_other(f, dek, &good, out->bytes, which == A ? ENV_ROLE_B : ENV_ROLE_A, err);
    const uint8_t *there = f->p + (out->which == A ? 0 : good.capacity);
    if (st || !memcmp(there, out->bytes, good.capacity)) {
        env_twin_free(f->ctx, out);
    }
    return st;
}

static envelope_status read_front(struct front *f, const envelope_dek *dek, env_read_fn read,
                                  void *user, struct env_twin *out, envelope_error *err)
{
    uint8_t *front = env_alloc(f->ctx, f->len ? f->len : 1);
    if (!front) {
        return env_nomem(err);
    }
    f->p = front;
    envelope_status st = f->len ? read(user, 0, front, f->len, err) : ENVELOPE_OK;
    st = st ? st : compare(f, dek, out, err);
    env_free(f->ctx, front);
    return st;
}

envelope_status env_twin_read(envelope_ctx *ctx, const envelope_dek *dek,
                              const uint8_t link[ENV_LINK_BYTES], env_read_fn read, void *user,
                              uint64_t object_bytes, struct env_twin *out, envelope_error *err)
{
    uint8_t *key;
    *out = (struct env_twin){.which = ENV_TWINS_GOOD};
    envelope_status st = env_secret_new(ctx, ENV_KEY_BYTES, &key, err);
    if (st) {
        return st;
    }
    struct front f = {.ctx = ctx,
                      .len = object_bytes < FRONT_MAX ? (size_t)object_bytes : FRONT_MAX,
                      .header_key = key,
                      .link = link};
    st = env_key_header(ctx, env_dek_key(dek), key, err);
    st = st ? st : read_front(&f, dek, read, user, out, err);
    env_secret_free(ctx, key, ENV_KEY_BYTES);
    return st;
}

void env_twin_free(envelope_ctx *ctx, struct env_twin *twin)
{
    env_free(ctx, twin->bytes);
    *twin = (struct env_twin){.which = ENV_TWINS_GOOD};
}
