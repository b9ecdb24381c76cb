/* Target functions: env_keystore_decode, env_keystore_encode */
#include "format/keystore.h"
#include "fuzz.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    envelope_ctx *ctx = fuzz_ctx();
    struct env_keystore_file file;
    const uint8_t *mac;
    uint8_t *bytes;
    size_t len;
    if (env_keystore_decode(ctx, data, size, &file, &mac, NULL)) {
        return 0;
    }
    fuzz_must(mac + 32 == data + size, "the MAC is at the end");
    fuzz_must(!env_keystore_encode(ctx, &file, &bytes, &len, NULL), "what was read is written");
    fuzz_must(len == size && !memcmp(bytes, data, len - 32), "and the same");
    env_free(ctx, bytes);
    env_keystore_file_free(ctx, &file);
    return 0;
}
