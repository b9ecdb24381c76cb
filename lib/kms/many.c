/* envelope_kms_unwrap_many: what each item says is checked as one answer of `unwrap` is. */
#include "base/bytes.h"
#include "base/call.h"
#include "base/error.h"
#include "keys/dek.h"
#include "keys/ref.h"
#include "kms/handle.h"
#include <string.h>

/* Built against a later header, the caller's items are larger than ours: they lie size apart. */
static envelope_unwrap *item_at(envelope_unwrap *items, size_t i)
{
    return (envelope_unwrap *)(void *)((uint8_t *)items + i * items->size);
}

static envelope_status check_size(const envelope_unwrap *items, envelope_error *err)
{
    if (!items || items->size < sizeof *items || items->size > 4096 ||
        items->size % sizeof(void *)) {
        return env_fail(err, ENVELOPE_E_INVALID, "unwrap: items is NULL, or its size is none");
    }
    return ENVELOPE_OK;
}

static envelope_status check(envelope_unwrap *items, size_t i, envelope_error *err)
{
    envelope_unwrap *item = item_at(items, i);
    bool tail = item->size == items->size &&
                env_all_zero((uint8_t *)item + sizeof *item, item->size - sizeof *item);
    if (!tail || !item->key || !item->in || !item->in_len || !item->out) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "unwrap: item %zu lacks a pointer, or has a size or a member of its own",
                        i);
    }
    item->len = 0;
    item->status = ENVELOPE_OK;
    if (item->cap < ENVELOPE_DEK_BYTES) {
        item->len = ENVELOPE_DEK_BYTES;
        item->status = ENVELOPE_E_RANGE;
        return env_fail(err, ENVELOPE_E_RANGE, "unwrap: item %zu has room for %zu bytes, not %u", i,
                        item->cap, ENVELOPE_DEK_BYTES);
    }
    return ENVELOPE_OK;
}

static void settle(envelope_unwrap *item, envelope_status st)
{
    item->status = st;
    item->len = st ? 0 : ENVELOPE_DEK_BYTES;
    if (st) {
        env_wipe(item->out, item->cap);
    }
}

static envelope_status one_by_one(envelope_kms *kms, envelope_unwrap *items, size_t count,
                                  envelope_error *err)
{
    for (size_t i = 0; i < count; i++) {
        envelope_unwrap *item = item_at(items, i);
        envelope_error why = ENVELOPE_ERROR_INIT;
        envelope_status st = env_kms_unwrap(kms, item->key, item->algorithm, item->in, item->in_len,
                                            item->out, &why);
        if (st == ENVELOPE_E_NOMEM || st == ENVELOPE_E_UNSUPPORTED) {
            return env_error_pass(err, st, &why);
        }
        settle(item, st);
    }
    return ENVELOPE_OK;
}

/* The provider gets items of its own: what it may not change it cannot. */
static envelope_status at_once(envelope_kms *kms, envelope_unwrap *items, size_t count,
                               envelope_error *err)
{
    envelope_unwrap *own = env_alloc_array(kms->ctx, count, sizeof *own);
    envelope_error said = ENVELOPE_ERROR_INIT;
    if (!own) {
        return env_nomem(err);
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(&own[i], item_at(items, i), sizeof own[i]);
        own[i].size = sizeof own[i];
    }
    envelope_status st = kms->ops.unwrap_many(kms->self, own, count, &said);
    if (st) {
        st = env_kms_failed(kms, "unwrap_many", st, &said, err);
    }
    for (size_t i = 0; !st && i < count; i++) {
        settle(item_at(items, i),
               env_kms_unwrapped(kms, "unwrap_many", own[i].status, own[i].len, &said, NULL));
    }
    env_free(kms->ctx, own);
    return st;
}

envelope_status envelope_kms_unwrap_many(envelope_kms *kms, envelope_unwrap *items, size_t count,
                                         envelope_error *err)
{
    envelope_status st = env_enter(kms ? kms->ctx : NULL, err);
    if (st || !count) {
        return st;
    }
    st = check_size(items, err);
    for (size_t i = 0; !st && i < count; i++) {
        st = check(items, i, err);
    }
    if (st) {
        return st;
    }
    struct env_call call;
    env_call_begin(kms->ctx, &call);
    st =
        kms->ops.unwrap_many ? at_once(kms, items, count, err) : one_by_one(kms, items, count, err);
    env_kms_settle(kms, call.id, st);
    env_call_end(&call);
    for (size_t i = 0; st && i < count; i++) {
        settle(item_at(items, i), st);
    }
    return st;
}
