/* Target functions: env_pin_decode, env_pin_encode */
#include "format/crc32c.h"
#include "format/pin.h"
#include "fuzz.h"
#include <stdlib.h>
#include <string.h>

static void parse(const uint8_t *data, size_t size)
{
    envelope_ctx *ctx = fuzz_ctx();
    struct env_pin pin;
    struct env_pin again;
    uint8_t *bytes;
    uint8_t *second;
    size_t len;
    size_t second_len;
    if (env_pin_decode(ctx, data, size, &pin, NULL)) {
        return;
    }
    fuzz_must(!env_pin_encode(ctx, &pin, &bytes, &len, NULL), "what was read is written");
    fuzz_must(!env_pin_decode(ctx, bytes, len, &again, NULL), "and read");
    fuzz_must(!env_pin_encode(ctx, &again, &second, &second_len, NULL), "and written");
    fuzz_must(len == second_len && !memcmp(bytes, second, len), "and the same");
    env_free(ctx, second);
    env_free(ctx, bytes);
    env_pin_free(ctx, &again);
    env_pin_free(ctx, &pin);
}

/* As it came, and with length and CRC made right. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    parse(data, size);
    if (size >= 16) {
        uint8_t *mended = fuzz_copy(data, size);
        struct env_out o = env_out_over(mended + 8, 4);
        env_put_u32(&o, (uint32_t)size - 16);
        o = env_out_over(mended + size - 4, 4);
        env_put_u32(&o, env_crc32c(mended, size - 4));
        parse(mended, size);
        free(mended);
    }
    return 0;
}
