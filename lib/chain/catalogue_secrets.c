#include "base/error.h"
#include "chain/catalogue_parts.h"
#include "chain/generation.h"
#include "crypto/ctr.h"
#include "crypto/random.h"
#include "format/secrets.h"
#include <string.h>

/* Key stream entries: rows from 0, the blocks of SECRETS far above any row. */
static const uint64_t secrets_entry = (uint64_t)1 << 40;

static size_t blocks(size_t len)
{
    return (len + 31) / 32;
}

envelope_status env_catalogue_set_secrets(struct env_catalogue *c, const uint8_t *secrets,
                                          size_t len, envelope_error *err)
{
    size_t generations;
    envelope_status st = env_secrets_check(secrets, len, &generations, err);
    if (st) {
        return st;
    }
    uint8_t *block;
    uint8_t *sealed = env_alloc_array(c->ctx, blocks(len), 32);
    if (!sealed) {
        return env_nomem(err);
    }
    st = env_secret_new(c->ctx, 32, &block, err);
    for (size_t i = 0; !st && i < blocks(len); i++) {
        size_t part = len - 32 * i < 32 ? len - 32 * i : 32;
        memset(block, 0, 32);
        memcpy(block, secrets + 32 * i, part);
        st = env_ctr_xor(c->ctx, c->key, secrets_entry + i, block, err);
        if (!st) { /* else the block is still in plain */
            memcpy(sealed + 32 * i, block, 32);
        }
    }
    env_secret_free(c->ctx, block, 32);
    if (st) {
        env_free(c->ctx, sealed);
        return st;
    }
    env_free(c->ctx, c->secrets);
    c->secrets = sealed;
    c->secrets_len = len;
    c->generation = env_secrets_generation(secrets, generations - 1);
    return ENVELOPE_OK;
}

envelope_status env_catalogue_secrets(const struct env_catalogue *c, uint8_t **out,
                                      envelope_error *err)
{
    *out = NULL;
    uint8_t *plain;
    uint8_t *block;
    envelope_status st = env_secret_new(c->ctx, 32, &block, err);
    if (st) {
        return st;
    }
    st = env_secret_new(c->ctx, c->secrets_len, &plain, err);
    for (size_t i = 0; !st && i < blocks(c->secrets_len); i++) {
        size_t part = c->secrets_len - 32 * i < 32 ? c->secrets_len - 32 * i : 32;
        memcpy(block, c->secrets + 32 * i, 32);
        st = env_ctr_xor(c->ctx, c->key, secrets_entry + i, block, err);
        memcpy(plain + 32 * i, block, part);
    }
    env_secret_free(c->ctx, block, 32);
    if (st) {
        env_secret_free(c->ctx, plain, c->secrets_len);
        return st;
    }
    *out = plain;
    return ENVELOPE_OK;
}

envelope_status env_catalogue_generation_key(const struct env_catalogue *c, uint32_t g,
                                             const char *label,
                                             const uint8_t chain_id[ENV_CHAIN_ID_BYTES],
                                             uint8_t out[32], bool *found, envelope_error *err)
{
    *found = false;
    uint8_t *secrets;
    envelope_status st = env_catalogue_secrets(c, &secrets, err);
    if (st) {
        return st;
    }
    size_t count = (c->secrets_len - ENV_ROOT_BYTES) / ENV_SECRET_ENTRY_BYTES;
    for (size_t i = 0; !st && !*found && i < count; i++) {
        if (env_secrets_generation(secrets, i) == g) {
            *found = true;
            st = env_generation_key(c->ctx, env_secrets_gs(secrets, i), label, chain_id, g, out,
                                    err);
        }
    }
    env_secret_free(c->ctx, secrets, c->secrets_len);
    return st;
}

envelope_status env_catalogue_root(const struct env_catalogue *c, uint8_t out[32],
                                   envelope_error *err)
{
    uint8_t *secrets;
    envelope_status st = env_catalogue_secrets(c, &secrets, err);
    if (!st) {
        memcpy(out, secrets, ENV_ROOT_BYTES);
        env_secret_free(c->ctx, secrets, c->secrets_len);
    }
    return st;
}

envelope_status env_catalogue_prefix(const struct env_catalogue *a, const struct env_catalogue *b,
                                     bool *yes, envelope_error *err)
{
    *yes = false;
    if (a->secrets_len > b->secrets_len) {
        return ENVELOPE_OK;
    }
    uint8_t *x;
    uint8_t *y;
    envelope_status st = env_catalogue_secrets(a, &x, err);
    if (st) {
        return st;
    }
    st = env_catalogue_secrets(b, &y, err);
    if (!st) {
        *yes = env_equal_secret(x, y, a->secrets_len);
        env_secret_free(b->ctx, y, b->secrets_len);
    }
    env_secret_free(a->ctx, x, a->secrets_len);
    return st;
}

envelope_status env_catalogue_draw(struct env_catalogue *c, uint32_t g, envelope_error *err)
{
    if (g >= ENV_GENERATION_LIMIT ||
        c->secrets_len >= ENV_ROOT_BYTES + ENV_GENERATIONS_LIMIT * ENV_SECRET_ENTRY_BYTES) {
        return env_fail(err, ENVELOPE_E_LIMIT, "the chain has had all the generations it can have");
    }
    uint8_t *old;
    uint8_t *grown;
    size_t len = c->secrets_len + ENV_SECRET_ENTRY_BYTES;
    envelope_status st = env_catalogue_secrets(c, &old, err);
    if (st) {
        return st;
    }
    st = env_secret_new(c->ctx, len, &grown, err);
    if (!st) {
        struct env_out o = env_out_over(grown, len);
        env_put_bytes(&o, old, c->secrets_len);
        env_put_u32(&o, g);
        st = env_random(grown + o.len, 32, err);
        st = st ? st : env_catalogue_set_secrets(c, grown, len, err);
        env_secret_free(c->ctx, grown, len);
    }
    env_secret_free(c->ctx, old, len - ENV_SECRET_ENTRY_BYTES);
    return st;
}
