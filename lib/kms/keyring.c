#include "kms/keyring.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "kms/parts.h"
#include <string.h>

enum { MIN_WRAP_BITS = 4096, MAX_FAILURES = 32 };

static envelope_status check_options(envelope_keyring_options *o, envelope_error *err)
{
    if (o->flags & ~(uint32_t)(ENVELOPE_ALLOW_SHA1 | ENVELOPE_FIPS_PASSWORDS)) {
        return env_fail(err, ENVELOPE_E_INVALID, "keyring_options.flags: unknown bit");
    }
    if (o->reserved) {
        return env_fail(err, ENVELOPE_E_INVALID, "keyring_options.reserved is not 0");
    }
    o->min_wrap_bits = o->min_wrap_bits ? o->min_wrap_bits : MIN_WRAP_BITS;
    o->max_failures = o->max_failures ? o->max_failures : MAX_FAILURES;
    if (o->min_wrap_bits < ENV_RSA_BITS_MIN || o->min_wrap_bits > ENV_RSA_BITS_MAX) {
        return env_fail(err, ENVELOPE_E_INVALID, "keyring_options.min_wrap_bits: 2048 to 8192");
    }
    return ENVELOPE_OK;
}

envelope_status envelope_keyring_new(envelope_ctx *ctx, const envelope_keyring_options *options,
                                     envelope_keyring **out, envelope_error *err)
{
    if (!out) {
        return env_fail(err, ENVELOPE_E_INVALID, "envelope_keyring_new: out is NULL");
    }
    *out = NULL;
    envelope_keyring_options o;
    envelope_status st = env_enter(ctx, err);
    st = st ? st : env_options(options, &o, sizeof o, "keyring_options", err);
    st = st ? st : check_options(&o, err);
    if (st) {
        return st;
    }
    envelope_keyring *ring = env_alloc(ctx, sizeof *ring);
    if (!ring) {
        return env_nomem(err);
    }
    atomic_init(&ring->refs, 1);
    ring->ctx = env_ctx_retain(ctx);
    ring->options = o;
    *out = ring;
    return ENVELOPE_OK;
}

envelope_keyring *env_keyring_retain(envelope_keyring *ring)
{
    atomic_fetch_add_explicit(&ring->refs, 1, memory_order_relaxed);
    return ring;
}

envelope_ctx *env_keyring_ctx(const envelope_keyring *ring)
{
    return ring->ctx;
}

static void scopes_free(envelope_ctx *ctx, struct env_ring_scope *scope, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        env_free(ctx, scope[i].kms_id);
        env_free(ctx, scope[i].key_name);
    }
    env_free(ctx, scope);
}

static void keys_free(envelope_keyring *ring)
{
    envelope_ctx *ctx = ring->ctx;
    for (size_t i = 0; i < ring->password_count; i++) {
        env_secret_free(ctx, ring->password[i].text, ring->password[i].len);
        env_free(ctx, ring->password[i].label);
    }
    for (size_t i = 0; i < ring->private_count; i++) {
        env_secret_free(ctx, ring->private[i].der, ring->private[i].len);
    }
    for (size_t i = 0; i < ring->escrow_count; i++) {
        env_rsa_public_free(ring->escrow[i].key);
        env_free(ctx, ring->escrow[i].label);
    }
    env_free(ctx, ring->password);
    env_free(ctx, ring->private);
    env_free(ctx, ring->escrow);
}

void envelope_keyring_free(envelope_keyring *ring)
{
    if (!ring || atomic_fetch_sub_explicit(&ring->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    envelope_ctx *ctx = ring->ctx;
    for (size_t i = 0; i < ring->kms_count; i++) {
        envelope_kms_free(ring->kms[i].kms);
        env_free(ctx, ring->kms[i].id);
    }
    env_free(ctx, ring->kms);
    keys_free(ring);
    scopes_free(ctx, ring->pair, ring->pair_count);
    scopes_free(ctx, ring->scope, ring->scope_count);
    env_free(ctx, ring);
    env_ctx_release(ctx);
}

/* old with room for one more behind count; NULL: no memory, old untouched. */
void *env_ring_grown(envelope_ctx *ctx, void *old, size_t count, size_t size)
{
    void *bigger = env_alloc_array(ctx, count + 1, size);
    if (bigger && count) {
        memcpy(bigger, old, count * size);
    }
    if (bigger) {
        env_free(ctx, old);
    }
    return bigger;
}

envelope_status env_ring_room_to_want(const envelope_keyring *ring, int32_t kind,
                                      envelope_error *err)
{
    size_t passwords = 0;
    for (size_t i = 0; i < ring->want_count; i++) {
        passwords += ring->want[i].kind == ENV_SLOT_PASSWORD;
    }
    if (ring->want_count == ENV_RECIPIENTS_LIMIT ||
        (kind == ENV_SLOT_PASSWORD && passwords == ENV_PASSWORDS_LIMIT)) {
        return env_fail(err, ENVELOPE_E_LIMIT, "at most %d recipients, of these %d passwords",
                        ENV_RECIPIENTS_LIMIT, ENV_PASSWORDS_LIMIT);
    }
    return ENVELOPE_OK;
}

void env_ring_want(envelope_keyring *ring, int32_t kind, size_t index)
{
    ring->want[ring->want_count++] = (struct env_ring_want){.kind = kind, .index = index};
}

bool env_ring_name_ok(const char *text)
{
    return text && env_key_name_valid(text, strnlen(text, ENVELOPE_KEY_NAME_MAX + 1));
}

static envelope_status enter(const envelope_keyring *ring, envelope_error *err)
{
    return env_enter(ring ? ring->ctx : NULL, err);
}

static envelope_status check_kms_id(const char *kms_id, envelope_error *err)
{
    if (!kms_id || !env_kms_id_valid(kms_id, strnlen(kms_id, ENVELOPE_KMS_ID_MAX + 1))) {
        return env_fail(err, ENVELOPE_E_INVALID, "a KMS id has 1 to 64 of [A-Za-z0-9._-]");
    }
    return ENVELOPE_OK;
}

static void insert_kms(envelope_keyring *ring, struct env_ring_kms item)
{
    size_t at = ring->kms_count++;
    while (at > 0 && ring->kms[at - 1].priority > item.priority) {
        ring->kms[at] = ring->kms[at - 1];
        at--;
    }
    ring->kms[at] = item;
}

envelope_status envelope_keyring_add_kms(envelope_keyring *ring, const char *kms_id,
                                         envelope_kms *kms, uint32_t use, int32_t priority,
                                         envelope_error *err)
{
    const uint32_t known = ENVELOPE_USE_UNWRAP | ENVELOPE_USE_WRAP | ENVELOPE_USE_NAMES_EXCLUSIVE;
    envelope_status st = enter(ring, err);
    st = st ? st : check_kms_id(kms_id, err);
    if (st) {
        return st;
    }
    if (!kms || (use & ~known) || !(use & (ENVELOPE_USE_UNWRAP | ENVELOPE_USE_WRAP))) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "keyring: a KMS needs UNWRAP or WRAP in use, and no unknown bit");
    }
    if (env_ring_find_kms(ring, kms_id)) {
        return env_fail(err, ENVELOPE_E_EXISTS, "keyring: there is a KMS %s already", kms_id);
    }
    struct env_ring_kms item = {.use = use, .priority = priority};
    struct env_ring_kms *bigger =
        env_ring_grown(ring->ctx, ring->kms, ring->kms_count, sizeof *bigger);
    ring->kms = bigger ? bigger : ring->kms;
    item.id = bigger ? env_strdup(ring->ctx, kms_id) : NULL;
    if (!item.id) {
        return env_nomem(err);
    }
    item.kms = env_kms_retain(kms);
    insert_kms(ring, item);
    return ENVELOPE_OK;
}

static envelope_status scope_add(envelope_ctx *ctx, struct env_ring_scope **list, size_t *count,
                                 const char *kms_id, const char *key_name, const uint8_t *chain_id,
                                 envelope_error *err)
{
    struct env_ring_scope *bigger = env_ring_grown(ctx, *list, *count, sizeof *bigger);
    *list = bigger ? bigger : *list;
    struct env_ring_scope item = {.has_chain = chain_id != NULL};
    item.kms_id = bigger ? env_strdup(ctx, kms_id) : NULL;
    item.key_name = item.kms_id ? env_strdup(ctx, key_name) : NULL;
    if (!item.kms_id || (key_name && !item.key_name)) {
        env_free(ctx, item.kms_id);
        return env_nomem(err);
    }
    if (chain_id) {
        memcpy(item.chain_id, chain_id, sizeof item.chain_id);
    }
    bigger[(*count)++] = item;
    return ENVELOPE_OK;
}

static envelope_status check_pair(const envelope_keyring *ring, const char *kms_id,
                                  const char *key_name, envelope_error *err)
{
    const struct env_ring_kms *kms = env_ring_find_kms(ring, kms_id);
    if (!kms) {
        return env_fail(err, ENVELOPE_E_INVALID, "keyring: add KMS %s before wrapping for its keys",
                        kms_id);
    }
    if (!(kms->use & ENVELOPE_USE_WRAP)) {
        return env_fail(err, ENVELOPE_E_REFUSED, "keyring: KMS %s was added without USE_WRAP",
                        kms_id);
    }
    for (size_t i = 0; i < ring->pair_count; i++) {
        if (!strcmp(ring->pair[i].kms_id, kms_id) && !strcmp(ring->pair[i].key_name, key_name)) {
            char name[ENV_PRINTABLE_MAX];
            return env_fail(err, ENVELOPE_E_EXISTS, "keyring: %s/%s is a recipient already", kms_id,
                            env_printable(name, key_name));
        }
    }
    return ENVELOPE_OK;
}

envelope_status envelope_keyring_wrap_for(envelope_keyring *ring, const char *kms_id,
                                          const char *key_name, envelope_error *err)
{
    envelope_status st = enter(ring, err);
    st = st ? st : check_kms_id(kms_id, err);
    if (st) {
        return st;
    }
    if (!env_ring_name_ok(key_name)) {
        return env_fail(err, ENVELOPE_E_INVALID, "a key name has 1 to 255 bytes of UTF-8");
    }
    st = check_pair(ring, kms_id, key_name, err);
    st = st ? st : env_ring_room_to_want(ring, ENV_SLOT_KMS, err);
    st =
        st ? st : scope_add(ring->ctx, &ring->pair, &ring->pair_count, kms_id, key_name, NULL, err);
    if (!st) {
        env_ring_want(ring, ENV_SLOT_KMS, ring->pair_count - 1);
    }
    return st;
}

envelope_status envelope_keyring_scope(envelope_keyring *ring, const char *kms_id,
                                       const char *key_name, const uint8_t *chain_id,
                                       envelope_error *err)
{
    envelope_status st = enter(ring, err);
    st = st ? st : check_kms_id(kms_id, err);
    if (st) {
        return st;
    }
    if (key_name && !env_ring_name_ok(key_name)) {
        return env_fail(err, ENVELOPE_E_INVALID, "a key name has 1 to 255 bytes of UTF-8");
    }
    return scope_add(ring->ctx, &ring->scope, &ring->scope_count, kms_id, key_name, chain_id, err);
}
