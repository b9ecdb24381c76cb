#include "kms/kms.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "kms/handle.h"
#include <string.h>

/* Whole members only: a size that ends within a pointer must not give us half of one. */
static envelope_status take_table(const envelope_kms_ops *ops, envelope_kms_ops *out,
                                  envelope_error *err)
{
    memset(out, 0, sizeof *out);
    if (!ops) {
        return env_fail(err, ENVELOPE_E_INVALID, "envelope_kms_new: ops is NULL");
    }
    size_t whole = ops->size - ops->size % sizeof(void *);
    memcpy(out, ops, whole < sizeof *out ? whole : sizeof *out);
    out->size = sizeof *out;
    if (ops->size < sizeof ops->size || ops->size > 4096) {
        return env_fail(err, ENVELOPE_E_INVALID, "kms_ops.size is %zu", ops->size);
    }
    if (ops->size > sizeof *out &&
        !env_all_zero((const uint8_t *)ops + sizeof *out, ops->size - sizeof *out)) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "kms_ops has a member that this library does not know: it is too old");
    }
    return ENVELOPE_OK;
}

static envelope_status make(envelope_ctx *ctx, const envelope_kms_ops *ops, envelope_kms **out,
                            envelope_error *err)
{
    envelope_kms *kms = env_alloc(ctx, sizeof *kms);
    if (!kms) {
        return env_nomem(err);
    }
    atomic_init(&kms->refs, 1);
    kms->ctx = env_ctx_retain(ctx);
    kms->ops = *ops;
    kms->oaep = ENVELOPE_RSA_OAEP_SHA256;
    env_printable(kms->kind, ops->kind ? ops->kind : "KMS");
    *out = kms;
    return ENVELOPE_OK;
}

envelope_status env_kms_new_builtin(envelope_ctx *ctx, const envelope_kms_ops *ops,
                                    const struct env_kms_admin_ops *admin, bool names_exclusive,
                                    void *self, envelope_kms **out, envelope_error *err)
{
    envelope_kms_ops table;
    envelope_kms *kms = NULL;
    envelope_status st = take_table(ops, &table, err);
    st = st ? st : env_enter(ctx, err);
    st = st ? st : make(ctx, &table, &kms, err);
    *out = kms;
    if (st) {
        if (table.destroy) {
            table.destroy(self);
        }
        return st;
    }
    kms->admin = admin;
    kms->exclusive = names_exclusive;
    kms->self = self;
    return ENVELOPE_OK;
}

envelope_status envelope_kms_new(envelope_ctx *ctx, const envelope_kms_ops *ops, void *self,
                                 envelope_kms **out, envelope_error *err)
{
    envelope_kms *unwanted = NULL;
    envelope_status st =
        env_kms_new_builtin(ctx, ops, NULL, false, self, out ? out : &unwanted, err);
    if (!out) {
        envelope_kms_free(unwanted);
        return env_fail(err, ENVELOPE_E_INVALID, "envelope_kms_new: out is NULL");
    }
    return st;
}

envelope_kms *env_kms_retain(envelope_kms *kms)
{
    atomic_fetch_add_explicit(&kms->refs, 1, memory_order_relaxed);
    return kms;
}

void envelope_kms_free(envelope_kms *kms)
{
    if (!kms || atomic_fetch_sub_explicit(&kms->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    envelope_ctx *ctx = kms->ctx;
    if (kms->ops.destroy) {
        kms->ops.destroy(kms->self);
    }
    env_free(ctx, kms);
    env_ctx_release(ctx);
}

envelope_ctx *env_kms_ctx(const envelope_kms *kms)
{
    return kms->ctx;
}

const char *env_kms_kind(const envelope_kms *kms)
{
    return kms->kind;
}

struct env_asking *env_kms_asking(const envelope_kms *kms)
{
    return kms->asking;
}

void env_kms_settle(envelope_kms *kms, uint64_t call, envelope_status st)
{
    if (kms->asking) {
        env_asking_settle(kms->asking, call, st == ENVELOPE_E_AGAIN);
    }
}

bool env_kms_names_exclusive(const envelope_kms *kms)
{
    return kms->exclusive;
}

void env_kms_set_oaep(envelope_kms *kms, int32_t algorithm)
{
    kms->oaep = algorithm;
}

int32_t env_kms_oaep(const envelope_kms *kms)
{
    return kms->oaep;
}

const struct env_kms_admin_ops *env_kms_admin(const envelope_kms *kms, void **self)
{
    *self = kms->self;
    return kms->admin;
}

bool env_kms_offers_unwrap(const envelope_kms *kms)
{
    return kms->ops.unwrap != NULL;
}

bool env_kms_offers_wrap(const envelope_kms *kms)
{
    return kms->ops.wrap != NULL;
}
