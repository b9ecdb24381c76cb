/* Target functions: env_head_decode, env_head_encode, env_head_copy */
#include "format/head.h"
#include "fuzz.h"
#include <string.h>

/* The first byte is PRE's minor version. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    envelope_ctx *ctx = fuzz_ctx();
    struct env_head head;
    struct env_head again;
    struct env_head copy;
    uint8_t *bytes;
    uint8_t *second;
    size_t len;
    size_t second_len;
    if (size < 1 || env_head_decode(ctx, data + 1, size - 1, data[0], &head, NULL)) {
        return 0;
    }
    fuzz_must(!env_head_encode(ctx, &head, &bytes, &len, NULL), "what was read is written");
    fuzz_must(!env_head_decode(ctx, bytes, len, 0, &again, NULL), "and read");
    fuzz_must(!env_head_copy(ctx, &copy, &again, NULL), "and copied");
    fuzz_must(!env_head_encode(ctx, &copy, &second, &second_len, NULL), "and written");
    fuzz_must(len == second_len && !memcmp(bytes, second, len), "and the same");
    env_free(ctx, second);
    env_free(ctx, bytes);
    env_head_free(ctx, &copy);
    env_head_free(ctx, &again);
    env_head_free(ctx, &head);
    return 0;
}
