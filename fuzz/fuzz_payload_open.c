/* Target functions: envelope_payload_open_new, envelope_payload_open */
#include "base/bytes.h"
#include "fuzz.h"
#include "object.h"
#include <stdlib.h>
#include <string.h>

/* Made once: what is fuzzed is the payload. */
static envelope_payload *open_payload(const uint8_t *prefix)
{
    envelope_ctx *ctx = fuzz_ctx();
    uint8_t bytes[OBJECT_FOREIGN_MAX];
    envelope_header *header;
    envelope_payload *payload;
    envelope_dek *dek = object_dek(ctx);
    size_t len = object_foreign(ctx, bytes);
    fuzz_must(!envelope_header_parse(ctx, bytes, len, &header, NULL), "the header");
    envelope_status st =
        envelope_payload_open_new(header, dek, OBJECT_STREAM, prefix, &payload, NULL);
    fuzz_must(st == ENVELOPE_OK || (st == ENVELOPE_E_AUTH && !payload), "opened or not");
    envelope_header_free(header);
    envelope_dek_free(dek);
    return payload;
}

static void open_chunks(const envelope_payload *payload, uint64_t first, uint8_t *sealed,
                        size_t size, uint8_t *plain)
{
    size_t got;
    int32_t last;
    memset(plain, 0x55, size);
    envelope_status st =
        envelope_payload_open(payload, first, sealed, size, plain, size, &got, &last, NULL);
    fuzz_must(st || got <= size, "it is not longer than what is sealed");
    fuzz_must(st || env_all_zero(plain, got), "it is what was sealed");
    fuzz_must(!st || (!got && !last), "nothing is said of what does not open");
    size_t room = size / ENVELOPE_SEALED_CHUNK * ENVELOPE_CHUNK;
    fuzz_must(st != ENVELOPE_E_AUTH || env_all_zero(plain, room), "and it is wiped");
    int32_t again;
    envelope_status in_place =
        envelope_payload_open(payload, first, sealed, size, sealed, size, &got, &again, NULL);
    fuzz_must(in_place == st && (st || !memcmp(sealed, plain, got)), "in place it is the same");
}

/* First chunk's number, prefix, chunks; all payloads of the corpus are zeros. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 + ENVELOPE_PREFIX) {
        return 0;
    }
    envelope_payload *payload = open_payload(data + 1);
    if (!payload) {
        return 0;
    }
    size -= 1 + ENVELOPE_PREFIX;
    uint8_t *sealed = fuzz_copy(data + 1 + ENVELOPE_PREFIX, size);
    uint8_t *plain = fuzz_copy(sealed, size);
    open_chunks(payload, data[0], sealed, size, plain);
    free(plain);
    free(sealed);
    envelope_payload_free(payload);
    return 0;
}
