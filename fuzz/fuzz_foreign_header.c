/* Target functions: envelope_header_parse, _verify, _sealed, _slot */
#include "base/bytes.h"
#include "format/crc32c.h"
#include "fuzz.h"
#include "object.h"
#include <stdlib.h>
#include <string.h>

static void check(const envelope_header *h, size_t size)
{
    size_t len;
    const void *bytes = envelope_header_bytes(h, &len);
    fuzz_must(bytes && len == size, "the bytes are those that were parsed");
    (void)envelope_header_context(h, &len);
    fuzz_must(len <= 1024, "the context's limit holds");
    size_t count = envelope_header_slot_count(h);
    fuzz_must(count >= 1 && count <= ENVELOPE_SLOTS_MAX, "the limit of slots holds");
    for (size_t i = 0; i < count; i++) {
        const envelope_slot *slot = envelope_header_slot(h, i);
        fuzz_must(slot && slot->wrapped_len && slot->key->key_name, "a slot has a name");
    }
}

static void parse(const uint8_t *bytes, size_t size)
{
    envelope_ctx *ctx = fuzz_ctx();
    envelope_header *h;
    uint8_t sealed[8192];
    size_t len;
    if (envelope_header_parse(ctx, bytes, size, &h, NULL)) {
        fuzz_must(!h, "no handle of a failure");
        return;
    }
    check(h, size);
    envelope_dek *dek = object_dek(ctx);
    envelope_status st = envelope_header_verify(h, dek, NULL);
    fuzz_must(!st || st == ENVELOPE_E_AUTH, "verified or not");
    fuzz_must(envelope_header_sealed(h, dek, sealed, sizeof sealed, &len, NULL) == st,
              "what verifies has sealed bytes");
    envelope_dek_free(dek);
    envelope_header_free(h);
}

/* As it came, and with the CRC made right. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);
    parse(copy, size);
    if (size >= 4) {
        struct env_out o = env_out_over(copy + size - 4, 4);
        env_put_u32(&o, env_crc32c(copy, size - 4));
        parse(copy, size);
    }
    free(copy);
    return 0;
}
