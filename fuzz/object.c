#include "object.h"
#include "crypto/aead.h"
#include "crypto/chunked.h"
#include "crypto/digest.h"
#include "format/box.h"
#include "fuzz.h"
#include "object/seal.h"
#include "object/tag.h"
#include "samples.h"
#include <stdlib.h>
#include <string.h>

static const struct env_bytes context = {"disk 1 of web01", 15};

envelope_dek *object_dek(envelope_ctx *ctx)
{
    uint8_t key[32];
    envelope_dek *dek;
    sample_fill(key, sizeof key, 0);
    fuzz_must(!envelope_dek_import(ctx, key, sizeof key, &dek, NULL), "a DEK");
    return dek;
}

static void put_id(uint8_t out[ENV_ID_BYTES])
{
    struct env_id id;
    sample_id(&id, ENV_KIND_FOREIGN);
    env_id_put(&id, out);
}

/* C(K, purpose, parts, plain) with a salt of zeros: never outside a corpus. */
static size_t seal(envelope_ctx *ctx, const uint8_t key[32], const char *purpose,
                   const struct env_bytes *parts, size_t count, const uint8_t *plain, size_t len,
                   uint8_t *out)
{
    struct env_chunked *c;
    memset(out, 0, ENV_SALT_BYTES);
    fuzz_must(
        !env_chunked_new(ctx, key, purpose, parts, count, out, 1, out + ENV_SALT_BYTES, &c, NULL),
        "a message");
    uint8_t *to = out + ENV_PREFIX_BYTES;
    for (size_t i = 0; i <= len / ENV_CHUNK_BYTES; i++) {
        size_t left = len - i * ENV_CHUNK_BYTES;
        size_t n = left < ENV_CHUNK_BYTES ? left : ENV_CHUNK_BYTES;
        fuzz_must(!env_chunked_seal(c, i, plain + i * ENV_CHUNK_BYTES, n, to, NULL), "a chunk");
        to += n + ENV_TAG_BYTES;
    }
    env_chunked_free(c);
    return (size_t)(to - out);
}

size_t object_foreign(envelope_ctx *ctx, uint8_t *out)
{
    static const uint8_t zeros[ENV_PAYLOAD_PREFIX_BYTES];
    const struct env_box box = {.attributes = {"sealed bytes", 12}};
    uint8_t plain[ENV_BOX_STEP];
    uint8_t sealed[ENV_PREFIX_BYTES + ENV_BOX_STEP + ENV_TAG_BYTES];
    uint8_t id[ENV_ID_BYTES];
    uint8_t key[32];
    uint8_t core[1024];
    uint8_t *packed;
    size_t packed_len;
    struct env_slots slots;
    envelope_dek *dek = object_dek(ctx);
    put_id(id);
    env_box_put(&box, plain, sizeof plain);
    fuzz_must(!env_key_box(ctx, env_dek_key(dek), key, NULL), "K_box");
    size_t len = seal(ctx, key, "box", &ENV_BYTES(id, sizeof id), 1, plain, sizeof plain, sealed);
    len = env_core_put(id, zeros, ENV_BYTES(sealed, len), &context, core, sizeof core);
    sample_slots(&slots);
    fuzz_must(len && !env_slots_encode(ctx, &slots, &packed, &packed_len, NULL), "a header");
    const struct env_copy_parts parts = {{core, len}, zeros, 1, {packed, packed_len}, true};
    uint32_t capacity = env_copy_capacity(&parts);
    fuzz_must(capacity && capacity <= OBJECT_FOREIGN_MAX, "its length");
    fuzz_must(!env_copy_seal(ctx, dek, &parts, ENV_ROLE_FOREIGN, capacity, out, NULL), "TAG");
    env_free(ctx, packed);
    envelope_dek_free(dek);
    return capacity;
}

size_t object_payload(envelope_ctx *ctx, size_t len, uint8_t *out)
{
    static const uint8_t stream[8];
    uint8_t id[ENV_ID_BYTES];
    uint8_t key[32];
    uint8_t *plain = calloc(1, len + 1);
    envelope_dek *dek = object_dek(ctx);
    put_id(id);
    const struct env_bytes parts[] = {{id, ENV_ID_SHORT_BYTES}, {stream, 8}, context};
    fuzz_must(plain && !env_key_payload(ctx, env_dek_key(dek), key, NULL), "K_pay");
    size_t sealed = seal(ctx, key, "payload", parts, 3, plain, len, out);
    envelope_dek_free(dek);
    free(plain);
    return sealed;
}

size_t object_disk_bytes(size_t len)
{
    return (size_t)env_chunked_sealed_len(len);
}

size_t object_disk(envelope_ctx *ctx, const uint8_t *plain, size_t len, uint8_t *out,
                   uint8_t id_short[ENV_ID_SHORT_BYTES])
{
    struct env_id id;
    uint8_t whole[ENV_ID_BYTES];
    uint8_t key[32];
    envelope_dek *dek = object_dek(ctx);
    sample_id(&id, ENV_KIND_FULL);
    id.content = ENV_CONTENT_IMAGE;
    env_id_put(&id, whole);
    memcpy(id_short, whole, ENV_ID_SHORT_BYTES);
    fuzz_must(!env_key_payload(ctx, env_dek_key(dek), key, NULL), "K_pay");
    size_t sealed =
        seal(ctx, key, "payload", &ENV_BYTES(id_short, ENV_ID_SHORT_BYTES), 1, plain, len, out);
    envelope_dek_free(dek);
    return sealed;
}
