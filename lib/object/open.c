#include "object/open.h"
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/chunked.h"
#include "crypto/digest.h"
#include "object/seal.h"
#include "object/tag.h"
#include <string.h>

enum { COPIES = 2, RANKS = 4 };

/* crypto.md 4.3 to 4.5: whatever failed, this is all that is said. */
static envelope_status no(envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_AUTH,
                    "the object does not verify under the key: its header was altered, or the key "
                    "is not its own");
}

/* The commitment of P under a DEK whose TAG verified: without it one payload could be made to open
 * under two DEKs. */
static envelope_status check_commitment(envelope_ctx *ctx, const uint8_t *dek,
                                        const struct env_copy *copy, uint8_t *key,
                                        envelope_error *err)
{
    const struct env_bytes id_short = ENV_BYTES(copy->id_bytes, ENV_ID_SHORT_BYTES);
    struct env_chunked *chunked = NULL;
    envelope_status st = env_key_payload(ctx, dek, key, err);
    st = st ? st
            : env_chunked_open_prefix(ctx, key, "payload", &id_short, 1, copy->prefix, 1, &chunked,
                                      err);
    env_chunked_free(chunked);
    return st;
}

/* TAG, then commitment. */
static envelope_status check_copy(envelope_ctx *ctx, const uint8_t *dek,
                                  const struct env_copy *copy, envelope_error *err)
{
    uint8_t *key;
    envelope_status st = env_secret_new(ctx, ENV_KEY_BYTES, &key, err);
    if (st) {
        return st;
    }
    st = env_key_header(ctx, dek, key, err);
    st = st ? st : env_tag_check(ctx, key, copy, err);
    st = st ? st : check_commitment(ctx, dek, copy, key, err);
    env_secret_free(ctx, key, ENV_KEY_BYTES);
    return st == ENVELOPE_E_AUTH ? no(err) : st;
}

/* What the keyring asks about each DEK that a slot of copy i gives. */
struct candidate {
    const struct env_headers *headers;
    size_t copy;
};

/* At equal revision both copies have the same slots, so a DEK that the other one verifies under is
 * the right one: without this a twin with one bit flipped would cost a second round of KMS calls,
 * and count its slots as failures twice. */
static envelope_status check_candidate(void *user, const uint8_t dek[32])
{
    const struct candidate *c = user;
    const struct env_headers *h = c->headers;
    envelope_status st = check_copy(h->ctx, dek, &h->copy[c->copy], NULL);
    size_t twin = 1 - c->copy;
    if (st == ENVELOPE_E_AUTH && h->whole[twin] &&
        h->copy[twin].revision == h->copy[c->copy].revision) {
        st = check_copy(h->ctx, dek, &h->copy[twin], NULL);
    }
    return st;
}

/* Which of two failures of two copies says more about what to do next. */
static int rank(envelope_status st)
{
    static const envelope_status order[RANKS] = {ENVELOPE_E_NO_KEY, ENVELOPE_E_REFUSED,
                                                 ENVELOPE_E_KMS_UNREACHED, ENVELOPE_E_AUTH};
    for (int i = 0; i < RANKS; i++) {
        if (order[i] == st) {
            return i;
        }
    }
    return RANKS; /* not about keys: stops everything */
}

static bool older_differs(const struct env_headers *h)
{
    size_t older = 1 - h->first;
    return h->whole[older] && h->copy[older].revision != h->copy[h->first].revision;
}

/* By the slots of the newer copy; where these do not open, by those of the older one. */
static envelope_status find_dek(const struct env_headers *h, envelope_keyring *keyring,
                                struct env_opening *opening, envelope_dek **dek,
                                envelope_error *err)
{
    envelope_error why[COPIES] = {ENVELOPE_ERROR_INIT, ENVELOPE_ERROR_INIT};
    envelope_status st[COPIES] = {ENVELOPE_OK, ENVELOPE_OK};
    struct candidate c = {h, h->first};
    st[0] = env_keyring_open(keyring, opening, h->slots[c.copy], SIZE_MAX, check_candidate, &c, dek,
                             NULL, &why[0]);
    bool again = st[0] && rank(st[0]) < RANKS && older_differs(h);
    if (again) {
        c.copy = 1 - h->first;
        st[1] = env_keyring_open(keyring, opening, h->slots[c.copy], SIZE_MAX, check_candidate, &c,
                                 dek, NULL, &why[1]);
    }
    if (!st[0] || (again && !st[1])) {
        return ENVELOPE_OK;
    }
    int told = again && rank(st[1]) > rank(st[0]) ? 1 : 0;
    return env_error_pass(err, st[told], &why[told]);
}

/* Highest verified revision wins, whichever copy gave the DEK. */
static envelope_status judge_copies(struct env_object *o, envelope_error *err)
{
    const struct env_headers *h = o->headers;
    const size_t order[COPIES] = {h->first, 1 - h->first};
    for (size_t n = 0; n < COPIES; n++) {
        size_t i = order[n];
        o->state[i] = ENV_COPY_DAMAGED;
        if (!h->whole[i]) {
            continue;
        }
        envelope_error why = ENVELOPE_ERROR_INIT;
        envelope_status st = check_copy(h->ctx, env_dek_key(o->dek), &h->copy[i], &why);
        if (st && st != ENVELOPE_E_AUTH) {
            return env_error_pass(err, st, &why);
        }
        o->state[i] = st ? ENV_COPY_ALTERED : ENV_COPY_GOOD;
        if (!st && o->copy && h->copy[i].revision < o->copy->revision) {
            o->state[i] = ENV_COPY_STALE;
        }
        if (!st && !o->copy) {
            o->copy = &h->copy[i];
            o->slots = h->slots[i];
        }
    }
    return o->copy ? ENVELOPE_OK : no(err);
}

static envelope_status check_root(envelope_ctx *ctx, const struct env_id *id, const uint8_t *root,
                                  envelope_error *err)
{
    uint8_t chain_id[ENV_CHAIN_ID_BYTES];
    envelope_status st = env_derive(ctx, root, "chain id", NULL, 0, chain_id, err);
    if (!st && !env_equal_secret(chain_id, id->chain_id, sizeof chain_id)) {
        return env_fail(err, ENVELOPE_E_AUTH,
                        "forged: the object was sealed by somebody who does not know the chain");
    }
    return st;
}

/* crypto.md 4.6, as far as it needs no metadata. */
static envelope_status check_box(envelope_ctx *ctx, const struct env_id *id,
                                 const struct env_box *box, envelope_error *err)
{
    if (box->count && id->kind != ENV_KIND_INCREMENT) {
        return env_fail(err, ENVELOPE_E_FORMAT, "the box lists ancestors where there are none");
    }
    bool point = id->kind == ENV_KIND_FULL || id->kind == ENV_KIND_INCREMENT;
    if (point && id->standing == ENV_ATTESTED) {
        return check_root(ctx, id, box->root, err);
    }
    if (!env_all_zero(box->root, ENV_KEY_BYTES) || !env_all_zero(box->block_hash, ENV_KEY_BYTES)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "the box holds chain secrets that are not its own");
    }
    return ENVELOPE_OK;
}

static envelope_status open_box(struct env_object *o, envelope_error *err)
{
    envelope_status st =
        env_box_open(o->ctx, o->dek, o->copy, false, &o->box_plain, &o->box_len, &o->box, err);
    return st ? st : check_box(o->ctx, &o->copy->id, &o->box, err);
}

/* Takes headers over, and a reference to the DEK. */
static envelope_status finish(struct env_headers *headers, const envelope_dek *dek,
                              struct env_object **out, envelope_error *err)
{
    struct env_object *o = env_alloc(headers->ctx, sizeof *o);
    if (!o) {
        env_headers_free(headers);
        return env_nomem(err);
    }
    o->ctx = env_ctx_retain(headers->ctx);
    o->headers = headers;
    o->dek = env_dek_retain(dek);
    envelope_status st = judge_copies(o, err);
    st = st ? st : open_box(o, err);
    if (st) {
        env_object_free(o);
        return st;
    }
    *out = o;
    return ENVELOPE_OK;
}

envelope_status env_object_unlock(struct env_headers *headers, envelope_keyring *keyring,
                                  struct env_opening *opening, struct env_object **out,
                                  envelope_error *err)
{
    *out = NULL;
    envelope_dek *dek = NULL;
    envelope_status st = find_dek(headers, keyring, opening, &dek, err);
    if (st) {
        env_headers_free(headers);
        return st;
    }
    st = finish(headers, dek, out, err);
    envelope_dek_free(dek);
    return st;
}

envelope_status env_object_unlock_with(struct env_headers *headers, const envelope_dek *dek,
                                       struct env_object **out, envelope_error *err)
{
    *out = NULL;
    return finish(headers, dek, out, err);
}

envelope_status env_object_attested(const struct env_headers *headers, const uint8_t ak[32],
                                    bool *yes, envelope_error *err)
{
    const struct env_copy *c = &headers->copy[headers->first];
    uint8_t att[ENV_ATT_BYTES];
    *yes = false;
    if (c->id.standing != ENV_ATTESTED) {
        return ENVELOPE_OK;
    }
    envelope_status st = env_attest(headers->ctx, ak, c->core, att, err);
    *yes = !st && env_equal_secret(att, c->att, sizeof att);
    return st;
}

void env_object_free(struct env_object *object)
{
    if (!object) {
        return;
    }
    envelope_ctx *ctx = object->ctx;
    env_secret_free(ctx, object->box_plain, object->box_len);
    envelope_dek_free(object->dek);
    env_headers_free(object->headers);
    env_free(ctx, object);
    env_ctx_release(ctx);
}
