/* Target functions: env_slots_decode, env_slots_check, env_slots_encode */
#include "format/slots.h"
#include "fuzz.h"
#include <string.h>

/* The first byte is PRE's minor version. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    envelope_ctx *ctx = fuzz_ctx();
    struct env_slots *slots;
    struct env_slots *again;
    uint8_t *bytes;
    size_t len;
    if (size < 1 || env_slots_decode(ctx, data + 1, size - 1, data[0], &slots, NULL)) {
        return 0;
    }
    fuzz_must(!env_slots_check(slots, NULL), "what was read may be written");
    fuzz_must(!env_slots_encode(ctx, slots, &bytes, &len, NULL), "it is written");
    fuzz_must(!env_slots_decode(ctx, bytes, len, 0, &again, NULL), "and read");
    fuzz_must(!memcmp(slots, again, sizeof *slots), "and the same");
    env_free(ctx, again);
    env_free(ctx, bytes);
    env_free(ctx, slots);
    return 0;
}
