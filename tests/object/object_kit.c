#include "object_kit.h"
#include "base/bytes.h"
#include "check_main.h"
#include "crypto/digest.h"
#include "crypto/rsa.h"
#include "format/crc32c.h"
#include "keys.h"
#include "keys/slot.h"
#include "object/seal.h"
#include <stdlib.h>
#include <string.h>

const uint8_t kit_root[32] = "the root of the chain, 32 bytes.";
const uint8_t kit_attest_key[32] = "the key AK_3 of the same chain..";
const uint8_t kit_block_hash_key[32] = "the key BK_3 of the same chain..";

envelope_status memory_read(void *user, uint64_t offset, void *buf, size_t len, envelope_error *err)
{
    struct memory *m = user;
    m->reads++;
    if (m->broken) {
        return envelope_error_set(err, m->broken, 0, "the memory is broken");
    }
    if (offset > m->len || len > m->len - offset) {
        return envelope_error_set(err, ENVELOPE_E_IO, 0, "read behind the end");
    }
    memcpy(buf, m->p + offset, len);
    m->bytes_read += len;
    return ENVELOPE_OK;
}

envelope_status memory_write(void *user, const void *data, size_t len, envelope_error *err)
{
    struct memory *m = user;
    if (m->broken) {
        return envelope_error_set(err, m->broken, 0, "the memory is broken");
    }
    if (m->len + len > m->room) {
        m->room = 2 * (m->len + len);
        m->p = realloc(m->p, m->room);
        ck_assert_ptr_nonnull(m->p);
    }
    memcpy(m->p + m->len, data, len);
    m->len += len;
    return ENVELOPE_OK;
}

void memory_free(struct memory *m)
{
    free(m->p);
    *m = (struct memory){0};
}

struct memory memory_copy(const struct memory *m)
{
    struct memory copy = {0};
    ck_assert_int_eq(memory_write(&copy, m->p, m->len, NULL), ENVELOPE_OK);
    return copy;
}

envelope_dek *kit_dek(envelope_ctx *ctx)
{
    envelope_dek *dek;
    ck_assert_int_eq(envelope_dek_generate(ctx, &dek, NULL), ENVELOPE_OK);
    return dek;
}

struct env_id kit_id(envelope_ctx *ctx)
{
    struct env_id id = {.format = ENV_FORMAT_MAJOR,
                        .kind = ENV_KIND_FULL,
                        .standing = ENV_ATTESTED,
                        .content = ENV_CONTENT_STREAM,
                        .generation = 3,
                        .serial = 5,
                        .number = 7,
                        .object_id = "an object's id "};
    ck_assert_int_eq(env_derive(ctx, kit_root, "chain id", NULL, 0, id.chain_id, NULL),
                     ENVELOPE_OK);
    return id;
}

static struct env_rsa_private *pool_key(envelope_ctx *ctx, int key)
{
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(key, pem);
    struct env_rsa_private *private;
    ck_assert_int_eq(env_rsa_private_parse(ctx, pem, len, NULL, 0, &private, NULL), ENVELOPE_OK);
    return private;
}

struct env_slots *kit_slots(envelope_ctx *ctx, const envelope_dek *dek, int key)
{
    struct env_rsa_private *private = pool_key(ctx, key);
    const struct env_rsa_public *public = env_rsa_private_public(private);
    struct env_slots *slots = env_alloc(ctx, sizeof *slots);
    ck_assert_ptr_nonnull(slots);
    slots->count = 1;
    struct env_slot *s = &slots->slot[0];
    *s = (struct env_slot){.kind = ENV_SLOT_ESCROW, .name = "board", .has_fingerprint = true};
    memcpy(s->fingerprint, env_rsa_public_fingerprint(public), sizeof s->fingerprint);
    ck_assert_int_eq(env_slot_wrap_rsa(public, ENVELOPE_RSA_OAEP_SHA256, dek, s, NULL),
                     ENVELOPE_OK);
    env_rsa_private_free(private);
    return slots;
}

static envelope_keyring *empty_keyring(envelope_ctx *ctx)
{
    envelope_keyring *keyring;
    ck_assert_int_eq(envelope_keyring_new(ctx, NULL, &keyring, NULL), ENVELOPE_OK);
    return keyring;
}

envelope_keyring *kit_keyring(envelope_ctx *ctx, int key)
{
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(key, pem);
    envelope_keyring *keyring = empty_keyring(ctx);
    ck_assert_int_eq(envelope_keyring_add_key(keyring, "board", pem, len, NULL, 0, NULL),
                     ENVELOPE_OK);
    return keyring;
}

envelope_keyring *kit_escrow(envelope_ctx *ctx, int key)
{
    struct env_rsa_private *private = pool_key(ctx, key);
    size_t len;
    const uint8_t *spki = env_rsa_public_spki(env_rsa_private_public(private), &len);
    envelope_keyring *keyring = empty_keyring(ctx);
    ck_assert_int_eq(envelope_keyring_add_key(keyring, "board", spki, len, NULL, 0, NULL),
                     ENVELOPE_OK);
    env_rsa_private_free(private);
    return keyring;
}

struct kit_plan kit_plan(envelope_ctx *ctx, const envelope_dek *dek)
{
    return (struct kit_plan){.dek = dek,
                             .id = kit_id(ctx),
                             .box = {.root = kit_root, .block_hash = kit_block_hash_key},
                             .attested = true,
                             .key = KIT_KEY};
}

struct env_object_writer *kit_begin(envelope_ctx *ctx, const struct kit_plan *plan,
                                    struct memory *m)
{
    struct env_slots *slots = kit_slots(ctx, plan->dek, plan->key);
    const struct env_object_plan p = {.id = &plan->id,
                                      .box = &plan->box,
                                      .attest_key = plan->attested ? kit_attest_key : NULL,
                                      .slots = slots,
                                      .dek = plan->dek,
                                      .secret = plan->secret};
    struct env_object_writer *w;
    envelope_error err = ENVELOPE_ERROR_INIT;
    ck_assert_msg(!env_object_writer_new(ctx, &p, memory_write, m, &w, &err), "%s", err.message);
    env_free(ctx, slots);
    return w;
}

struct memory kit_object(envelope_ctx *ctx, const struct kit_plan *plan, const void *data,
                         size_t len)
{
    struct memory m = {0};
    struct env_object_writer *w = kit_begin(ctx, plan, &m);
    size_t step = plan->step ? plan->step : len;
    const uint8_t *p = data;
    for (size_t at = 0; at < len; at += step) {
        size_t n = len - at < step ? len - at : step;
        ck_assert_int_eq(env_object_append(w, p + at, n, NULL), ENVELOPE_OK);
    }
    uint64_t bytes;
    ck_assert_uint_eq(env_object_appended(w), len);
    ck_assert_int_eq(env_object_finish(w, &bytes, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(bytes, m.len);
    env_object_writer_free(w);
    return m;
}

uint8_t *kit_data(size_t len)
{
    uint8_t *p = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(p);
    uint32_t x = 1;
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525u + 1013904223u;
        p[i] = (uint8_t)(x >> 24);
    }
    return p;
}

void kit_retag(envelope_ctx *ctx, struct memory *m, int copy, const envelope_dek *dek,
               uint64_t revision, const struct env_slots *slots)
{
    struct env_copy a;
    ck_assert_int_eq(env_copy_parse(m->p, m->len, ENV_ROLE_A, &a, NULL), ENVELOPE_OK);
    uint8_t *old = m->p + (copy ? a.capacity : 0);
    uint8_t role = copy ? ENV_ROLE_B : ENV_ROLE_A;
    struct env_copy c;
    ck_assert_int_eq(env_copy_parse(old, a.capacity, role, &c, NULL), ENVELOPE_OK);
    struct env_copy_parts parts = {
        .core = c.core, .att = c.att, .revision = revision, .slots = c.slots};
    uint8_t *encoded = NULL;
    if (slots) {
        size_t len;
        ck_assert_int_eq(env_slots_encode(ctx, slots, &encoded, &len, NULL), ENVELOPE_OK);
        parts.slots = ENV_BYTES(encoded, len);
    }
    uint8_t *made = malloc(a.capacity);
    ck_assert_ptr_nonnull(made);
    ck_assert_int_eq(env_copy_seal(ctx, dek, &parts, role, a.capacity, made, NULL), ENVELOPE_OK);
    memcpy(old, made, a.capacity);
    free(made);
    env_free(ctx, encoded);
}

void kit_mend_crc(uint8_t *copy, size_t capacity)
{
    uint32_t crc = env_crc32c(copy, capacity - 4);
    for (size_t i = 0; i < 4; i++) {
        copy[capacity - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
    }
}

struct env_headers *kit_headers(envelope_ctx *ctx, struct memory *m)
{
    struct env_headers *h;
    envelope_error err = ENVELOPE_ERROR_INIT;
    ck_assert_msg(!env_headers_read(ctx, memory_read, m, m->len, &h, &err), "%s", err.message);
    return h;
}
