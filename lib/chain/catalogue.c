#include "base/error.h"
#include "chain/catalogue_parts.h"
#include "crypto/ctr.h"
#include "crypto/random.h"
#include "format/secrets.h"
#include <string.h>

envelope_status env_catalogue_make(envelope_ctx *ctx, struct env_catalogue **out,
                                   envelope_error *err)
{
    struct env_catalogue *c = env_alloc(ctx, sizeof *c);
    if (!c) {
        return env_nomem(err);
    }
    atomic_init(&c->refs, 1);
    c->ctx = env_ctx_retain(ctx);
    envelope_status st = env_secret_new(ctx, 32, &c->key, err);
    st = st ? st : env_random(c->key, 32, err);
    if (st) {
        env_catalogue_release(c);
        return st;
    }
    *out = c;
    return ENVELOPE_OK;
}

struct env_catalogue *env_catalogue_retain(struct env_catalogue *catalogue)
{
    if (catalogue) {
        atomic_fetch_add_explicit(&catalogue->refs, 1, memory_order_relaxed);
    }
    return catalogue;
}

void env_catalogue_release(struct env_catalogue *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    envelope_ctx *ctx = c->ctx;
    env_head_free(ctx, &c->head);
    env_secret_free(ctx, c->key, 32);
    env_free(ctx, c->secrets);
    env_free(ctx, c->rows);
    env_free(ctx, c->strings);
    env_lookup_free(ctx, &c->by_object);
    env_lookup_free(ctx, &c->by_link);
    env_lookup_free(ctx, &c->by_stone);
    env_free(ctx, c->slots);
    envelope_dek_free(c->dek);
    env_free(ctx, c);
    env_ctx_release(ctx);
}

envelope_status env_catalogue_begin(envelope_ctx *ctx, struct env_catalogue **out,
                                    envelope_error *err)
{
    struct env_catalogue *c;
    envelope_status st = env_catalogue_make(ctx, &c, err);
    if (st) {
        return st;
    }
    uint8_t *secrets;
    const size_t len = ENV_ROOT_BYTES + ENV_SECRET_ENTRY_BYTES;
    st = env_secret_new(ctx, len, &secrets, err);
    if (!st) {
        st = env_random(secrets, len, err);
        struct env_out o = env_out_over(secrets + ENV_ROOT_BYTES, 4);
        env_put_u32(&o, 1);
        st = st ? st : env_catalogue_set_secrets(c, secrets, len, err);
        env_secret_free(ctx, secrets, len);
    }
    if (st) {
        env_catalogue_release(c);
        return st;
    }
    *out = c;
    return ENVELOPE_OK;
}

envelope_status env_catalogue_dek(const struct env_catalogue *c, size_t row, uint8_t out[32],
                                  envelope_error *err)
{
    if (c->rows[row].flags & ENV_ROW_DEK_UNKNOWN) {
        return env_fail(err, ENVELOPE_E_NO_KEY, "the catalogue does not know this point's key");
    }
    memcpy(out, c->rows[row].dek, 32);
    return env_ctr_xor(c->ctx, c->key, row, out, err);
}

envelope_status env_row_dek(const struct env_catalogue *c, size_t row, envelope_dek **out,
                            envelope_error *err)
{
    uint8_t *key;
    envelope_status st = env_secret_new(c->ctx, 32, &key, err);
    if (st) {
        return st;
    }
    st = env_catalogue_dek(c, row, key, err);
    st = st ? st : env_dek_from(c->ctx, key, out, err);
    env_secret_free(c->ctx, key, 32);
    return st;
}

struct env_bytes env_catalogue_label(const struct env_catalogue *c, size_t row)
{
    const struct env_row *r = &c->rows[row];
    return ENV_BYTES(c->strings + r->label_at, r->label_len);
}

struct env_bytes env_catalogue_attributes(const struct env_catalogue *c, size_t row)
{
    const struct env_row *r = &c->rows[row];
    return ENV_BYTES(c->strings + r->attributes_at, r->attributes_len);
}
